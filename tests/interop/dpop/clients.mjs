// Clients of five packages, each as it is meant to be used: it gets a token that is bound to its own key, asks the
// running example, learns the nonce from a refusal, and comes again with it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import {
  ClientCredentialsProvider, DpopSession, applyMiddlewares, auth, withDpop, withDpopFromProvider,
} from '@modelcontextprotocol/client';
import { calculateThumbprint, generateKeyPair as generateDpopKeyPair, generateProof } from 'dpop';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';

import { row } from '../mcp/table.mjs';
import { step } from './steps.mjs';
import { CLIENT, SCOPE, bearerToken } from './provider.mjs';

const run = promisify(execFile);
const TIMEOUT = 30_000;

/** A `fetch` that writes down what the resource server is asked and answers. */
function watched(seen) {
  return async (input, init) => {
    const response = await fetch(input, init);
    const headers = new Headers(init?.headers ?? input.headers);
    seen.push({
      url: String(input.url ?? input),
      status: response.status, authorization: headers.get('authorization'), proof: headers.get('dpop'),
      challenge: response.headers.get('www-authenticate'), nonce: response.headers.has('dpop-nonce'),
    });
    return response;
  };
}

/** What every client must come to: one refusal that asks for a nonce, and no other after it. */
async function flow(name, api, ask) {
  const seen = [];
  const answers = await step(name, () => ask(watched(seen)));
  if (!answers) return;
  const { thumbprint, bodies } = answers;
  row(`${name}: each request is answered`, bodies.map((body) => body.confirmation), bodies.map(() => ({ jkt: thumbprint })));
  row(`${name}: it is told a nonce once, and uses it from then on`, seen.map(({ status }) => status), [401, ...bodies.map(() => 200)]);
  row(`${name}: the refusal`, [/^DPoP error="use_dpop_nonce"/.test(seen[0].challenge), seen[0].nonce], [true, true]);
  await again(name, api, seen.at(-1));
}

/** What was on the wire, sent by another who saw it there: the last request of every client is a `GET`. */
async function again(name, api, { authorization, proof, url }) {
  const [scheme, token] = authorization.split(' ');
  row(`${name}: under the scheme DPoP`, scheme.toLowerCase(), 'dpop');
  const replayed = await fetch(url, { headers: { authorization, dpop: proof } });
  const told = [replayed.status, /error="([^"]*)", error_description="([^"]*)"/.exec(replayed.headers.get('www-authenticate')).slice(1)];
  row(`${name}: a proof that was used`, told, [401, ['invalid_dpop_proof', 'the DPoP proof was used before']]);
  const stolen = await fetch(`${api.url}/orders`, { headers: { authorization: `Bearer ${token}` } });
  row(`${name}: its token as a bearer token`, stolen.status, 401);
}

async function withOauth4webapi(api) {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const as = await oauth.processDiscoveryResponse(new URL(api.issuer), await oauth.discoveryRequest(new URL(api.issuer), insecure));
  const client = { client_id: CLIENT.client_id };
  const keys = await oauth.generateKeyPair('ES256', { extractable: true });
  const DPoP = oauth.DPoP(client, keys);
  const retried = (request) => request().catch((error) => (oauth.isDPoPNonceError(error) ? request() : Promise.reject(error)));
  const parameters = new URLSearchParams({ resource: api.resource, scope: SCOPE });
  const { access_token: token } = await retried(async () => oauth.processClientCredentialsResponse(
    as, client,
    await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretPost(CLIENT.client_secret), parameters, { ...insecure, DPoP }),
  ));
  const thumbprint = await DPoP.calculateThumbprint();
  return flow('oauth4webapi', api, async (fetch) => {
    const ask = (method, path) => retried(async () => {
      const options = { ...insecure, DPoP, [oauth.customFetch]: fetch };
      return (await oauth.protectedResourceRequest(token, method, new URL(path, api.url), undefined, null, options)).json();
    });
    return { thumbprint, bodies: [await ask('GET', '/orders'), await ask('POST', '/orders'), await ask('GET', '/orders?page=2&x=%20')] };
  });
}

/** The same where the server is held to FAPI 2.0, whose proofs are signed by fewer algorithms. */
async function withOpenidClient(api, name = 'openid-client') {
  const config = await openid.discovery(new URL(api.issuer), CLIENT.client_id, undefined, openid.ClientSecretPost(CLIENT.client_secret), {
    execute: [openid.allowInsecureRequests],
  });
  const keys = await openid.randomDPoPKeyPair('ES256', { extractable: true });
  const DPoP = openid.getDPoPHandle(config, keys);
  const { access_token: token } = await openid.clientCredentialsGrant(config, { resource: api.resource, scope: SCOPE }, { DPoP });
  const thumbprint = await DPoP.calculateThumbprint();
  return flow(name, api, async (fetch) => {
    config[openid.customFetch] = fetch;
    // It comes again by itself.
    const ask = async (method, path) => (await openid.fetchProtectedResource(config, token, new URL(path, api.url), method, null, undefined, { DPoP })).json();
    return { thumbprint, bodies: [await ask('GET', '/orders'), await ask('DELETE', '/orders/1'), await ask('GET', '/a%2Fb/%7Eme?q')] };
  });
}

async function withDpopPackage(api) {
  const keys = await generateDpopKeyPair('ES256', { extractable: true });
  const thumbprint = await calculateThumbprint(keys.publicKey);
  const token = await tokenOf(api, (nonce) => generateProof(keys, `${api.issuer}/token`, 'POST', nonce));
  return flow('dpop', api, async (fetch) => {
    let nonce;
    const ask = async (method, path) => {
      const url = `${api.url}${path}`;
      const proof = await generateProof(keys, url.split('?')[0], method, nonce, token);
      const response = await fetch(url, { method, headers: { authorization: `DPoP ${token}`, dpop: proof } });
      nonce = response.headers.get('dpop-nonce') ?? nonce;
      return response.status === 401 && response.headers.has('dpop-nonce') ? ask(method, path) : response.json();
    };
    return { thumbprint, bodies: [await ask('GET', '/orders'), await ask('PUT', '/orders/1'), await ask('GET', '/orders?page=2')] };
  });
}

/** A token by hand, with a proof that is made once more where a nonce is wanted. */
export async function tokenOf({ issuer, resource }, proof, nonce) {
  const { client_id: id, client_secret: secret } = CLIENT;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { dpop: await proof(nonce) },
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret, resource, scope: SCOPE }),
  });
  const body = await response.json();
  if (body.error === 'use_dpop_nonce' && !nonce) return tokenOf({ issuer, resource }, proof, response.headers.get('dpop-nonce'));
  if (!response.ok) throw new Error(`no token: ${JSON.stringify(body)}`);
  return body.access_token;
}

/** The provider of the Model Context Protocol's SDK, from nothing: metadata, issuer, token, request. */
async function withMcp(api) {
  const session = await DpopSession.create({ alg: 'ES256' });
  class Bound extends ClientCredentialsProvider {
    dpop() {
      return session;
    }
  }
  const provider = new Bound({ clientId: CLIENT.client_id, clientSecret: CLIENT.client_secret, scope: SCOPE, expectedIssuer: api.issuer });
  const result = await auth(provider, { serverUrl: api.resource, scope: SCOPE });
  row('MCP SDK: it finds the issuer in the metadata and gets a bound token', [result, provider.tokens()?.token_type], ['AUTHORIZED', 'DPoP']);
  const thumbprint = await calculateJwkThumbprint(session.publicJwk);
  await flow('MCP SDK, with its provider', api, async (fetch) => {
    const bound = applyMiddlewares(withDpopFromProvider(provider))(fetch);
    const ask = async (method, path) => (await bound(new URL(path, api.url), { method })).json();
    return { thumbprint, bodies: [await ask('GET', '/orders'), await ask('POST', '/mcp'), await ask('GET', '/orders?page=2')] };
  });
  const other = await DpopSession.create({ alg: 'ES256' });
  const stolen = applyMiddlewares(withDpop(other, () => provider.tokens().access_token))(fetch);
  const refused = await stolen(new URL('/orders', api.url));
  row('MCP SDK: a thief with the token and a key of their own', [refused.status, /^DPoP error="invalid_token"/.test(refused.headers.get('www-authenticate'))], [401, true]);
}

/** The Python half prints a line of JSON. */
async function withPython(api, python) {
  const parameters = [new URL('client.py', import.meta.url).pathname, api.issuer, api.url, api.resource, JSON.stringify(CLIENT), SCOPE];
  const { stdout } = await run(python, parameters, { timeout: TIMEOUT });
  const { jkt, bodies, statuses, challenge, replayed, bearer } = JSON.parse(stdout);
  const name = 'requests-oauth2client';
  row(`${name}: each request is answered`, bodies.map((body) => body.confirmation), bodies.map(() => ({ jkt })));
  row(`${name}: it is told a nonce once, and uses it from then on`, statuses, [401, ...bodies.map(() => 200)]);
  row(`${name}: the refusal`, /^DPoP error="use_dpop_nonce"/.test(challenge), true);
  row(`${name}: a proof that was used`, replayed, 401);
  row(`${name}: its token as a bearer token`, bearer, 401);
}

/** A token that is bound to nothing, where bound ones are required and where they are allowed. */
async function unbound(api, allowed) {
  const token = await bearerToken(api.issuer, api.resource);
  const status = async ({ url }, headers) => (await fetch(`${url}/orders`, { headers })).status;
  row('a bearer token where bound ones are required', await status(api, { authorization: `Bearer ${token}` }), 401);
  row('a bearer token where both are taken', await status(allowed, { authorization: `Bearer ${token}` }), 200);
  row('a bearer token under the scheme DPoP', await status(allowed, { authorization: `DPoP ${token}` }), 401);
}

/** A proof by an algorithm that FAPI 2.0 does not have, and one of it. */
async function underFapi(api) {
  await withOpenidClient(api, 'openid-client under FAPI 2.0');
  for (const alg of ['PS256', 'RS256']) {
    const keys = await generateDpopKeyPair(alg);
    const token = await tokenOf(api, (nonce) => generateProof(keys, `${api.issuer}/token`, 'POST', nonce));
    const ask = async (nonce) => {
      const dpop = await generateProof(keys, `${api.url}/orders`, 'GET', nonce, token);
      return fetch(`${api.url}/orders`, { headers: { authorization: `DPoP ${token}`, dpop } });
    };
    const first = await ask();
    row(`under FAPI 2.0: a proof by ${alg}, without a nonce`, first.status, 401);
    const nonce = first.headers.get('dpop-nonce');
    row(`under FAPI 2.0: ${alg} is asked for a nonce`, nonce !== null, alg === 'PS256');
    if (nonce) row(`under FAPI 2.0: a proof by ${alg}, with one`, (await ask(nonce)).status, 200);
  }
}

export async function clients({ api, allowed, fapi, python }) {
  await step('oauth4webapi', () => withOauth4webapi(api));
  await step('openid-client', () => withOpenidClient(api));
  await step('dpop', () => withDpopPackage(api));
  await step('MCP SDK', () => withMcp(api));
  await step('requests-oauth2client', () => withPython(api, python));
  await step('bearer tokens', () => unbound(api, allowed));
  await step('FAPI 2.0', () => underFapi(fapi));
}

// The clients: they obtain tokens from the provider over HTTP as an application would.
//
// Every token is judged here first by an independent implementation (`jose`), so that a refusal
// further on is about the one thing that its case names and not about a broken token.

import { createHash, randomBytes } from 'node:crypto';

import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';

import { REDIRECT_URI } from './provider.mjs';

const TIMEOUT = 10_000;
const MAX_REDIRECTS = 10;

/** `fetch` with a deadline and without following redirects. */
export function http(url, options = {}) {
  return fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT), ...options });
}

async function json(url, options) {
  const response = await http(url, options);
  const body = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${body}`);
  return JSON.parse(body);
}

async function discover(issuer) {
  return json(`${issuer}/.well-known/openid-configuration`);
}

async function token(issuer, parameters, headers = {}) {
  const { token_endpoint } = await discover(issuer);
  return json(token_endpoint, { method: 'POST', headers, body: new URLSearchParams(parameters) });
}

/** RFC 6749 section 4.4. */
export async function clientCredentials(issuer, client, resource, scope) {
  const credentials = [client.client_id, client.client_secret].map(encodeURIComponent).join(':');
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  const answer = await token(issuer, { grant_type: 'client_credentials', resource, scope }, { authorization });
  return answer.access_token;
}

/** Follows the provider's redirects with its cookies, as a browser would, until it names the client. */
async function authorize(url) {
  const cookies = new Map();
  let location = url;
  for (let step = 0; step < MAX_REDIRECTS; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await http(location, { headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    const next = response.headers.get('location');
    if (!next) throw new Error(`${location} answered ${response.status}: ${await response.text()}`);
    location = new URL(next, location).href;
    if (location.startsWith(REDIRECT_URI)) return new URL(location).searchParams;
  }
  throw new Error('the authorization request does not end');
}

/** RFC 6749 section 4.1 with PKCE (RFC 7636); answers with an access and an ID token. */
export async function authorizationCode(issuer, { client_id }, resource, scope) {
  const random = () => randomBytes(32).toString('base64url');
  const [verifier, state, nonce] = [random(), random(), random()];
  const { authorization_endpoint } = await discover(issuer);
  const url = new URL(authorization_endpoint);
  url.search = new URLSearchParams({
    client_id,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: `openid ${scope}`,
    resource,
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const callback = await authorize(url.href);
  if (callback.get('state') !== state || !callback.has('code')) throw new Error(`no code: ${callback}`);
  const answer = await token(issuer, {
    grant_type: 'authorization_code',
    client_id,
    code: callback.get('code'),
    code_verifier: verifier,
    redirect_uri: REDIRECT_URI,
    resource,
  });
  if (decodeJwt(answer.id_token).nonce !== nonce) throw new Error('the ID token has another nonce');
  return { accessToken: answer.access_token, idToken: answer.id_token };
}

/** Refuses a token that is not exactly what its case needs; answers with its claims. */
export async function judge(issuer, jwt, { alg, typ, audience }) {
  const { jwks_uri } = await discover(issuer);
  const keys = createLocalJWKSet(await json(jwks_uri));
  // The short-lived token may be over before this line: its lateness is the API's to find.
  const options = { issuer, audience, algorithms: [alg], typ, clockTolerance: 30 };
  const { payload } = await jwtVerify(jwt, keys, options);
  const header = decodeProtectedHeader(jwt);
  if (header.typ !== typ || !header.kid) throw new Error(`unexpected header ${JSON.stringify(header)}`);
  return payload;
}

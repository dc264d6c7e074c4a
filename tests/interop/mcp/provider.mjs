// The authorization server: npm `oidc-provider` on a loopback port, where clients register themselves, and what
// goes through its login in the place of a browser. Whatever is asked for is granted to alice.

import { createServer } from 'node:http';

import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

export const SUBJECT = 'alice';
const SCOPES = ['orders:read', 'orders:write', 'orders:admin'];
/** A resource of the same provider that is not the server under test. */
export const OTHER_RESOURCE = 'https://billing.example/mcp';
export const MACHINE = { client_id: 'machine', client_secret: 'a secret of the test alone' };

const HOUR = 3600;
const MAX_REDIRECTS = 10;
const TIMEOUT = 10_000;

/** Clients are registered without the scopes that they name: otherwise they could never ask for more (RFC 7591). */
async function register(handle, request, response) {
  const parts = await request.toArray();
  const { scope: _, ...metadata } = JSON.parse(Buffer.concat(parts));
  request.body = metadata;
  return handle(request, response);
}

/** Finishes the step that a login is at: alice logs in, and agrees. */
async function finish(provider, request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: SUBJECT } });
  }
  const grant = new provider.Grant({ clientId: params.client_id, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  grant.addResourceScope(params.resource, params.scope);
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function build(issuer) {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const lifetimes = ['AccessToken', 'AuthorizationCode', 'ClientCredentials', 'Grant', 'IdToken', 'Interaction', 'RefreshToken', 'Session'];
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
    clients: [
      { ...MACHINE, grant_types: ['client_credentials'], response_types: [], redirect_uris: [], id_token_signed_response_alg: 'ES256' },
    ],
    clientAuthMethods: ['client_secret_basic', 'none'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes: ['openid', 'offline_access', ...SCOPES],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, audience) => ({
          audience, scope: SCOPES.join(' '), accessTokenTTL: HOUR, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
    cookies: { keys: ['a cookie secret of the test alone'] },
    ttl: Object.fromEntries(lifetimes.map((name) => [name, HOUR])),
  });
  provider.on('server_error', (_, error) => console.error('provider:', error));
  return { provider, handle: provider.callback() };
}

/** Listens on a port of the system's choice; answers with the server and its address. */
export async function listen(handle) {
  const server = createServer(handle);
  await new Promise((listening, failed) => server.once('error', failed).listen(0, '127.0.0.1', listening));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

export async function startProvider() {
  let current;
  const { server, origin } = await listen((request, response) => {
    const { provider, handle } = current;
    const gone = (error) => (console.error('provider:', error), response.destroy());
    if (request.url.startsWith('/login/')) return finish(provider, request, response).catch(gone);
    if (request.url === '/reg' && request.method === 'POST') return register(handle, request, response).catch(gone);
    return handle(request, response);
  });
  current = await build(origin);
  const stop = () => (server.close(), server.closeAllConnections());
  return { issuer: origin, stop };
}

/** A token of the client that logs no one in (RFC 6749 section 4.4, RFC 8707). */
export async function machineToken(issuer, resource, scope) {
  const credentials = Object.values(MACHINE).map(encodeURIComponent).join(':');
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`no token: ${JSON.stringify(body)}`);
  return body.access_token;
}

/** Follows redirects with their cookies, until they leave for what serves no one: the client. */
async function walk(url) {
  const cookies = new Map();
  let location = url;
  for (let step = 0; step < MAX_REDIRECTS; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(location, {
      redirect: 'manual', headers: { cookie }, signal: AbortSignal.timeout(TIMEOUT),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    const next = response.headers.get('location');
    if (!next) throw new Error(`${location} answered ${response.status}: ${await response.text()}`);
    location = new URL(next, location).href;
    if (new URL(location).port === '1') return location;
  }
  throw new Error('the login does not end');
}

/** `GET /?url=…` goes through the login at that address, and answers with the address that it ends at. */
export async function startBrowser() {
  const { server, origin } = await listen((request, response) => {
    const url = new URL(request.url, origin).searchParams.get('url');
    walk(url).then(
      (end) => response.end(end),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  return { origin, stop: () => (server.close(), server.closeAllConnections()) };
}

// The OpenID Provider: npm `oidc-provider` on a loopback port, with a fresh signing key per algorithm.
//
// Access tokens are JWTs whose audience, algorithm, lifetime and format follow from the resource
// indicator (RFC 8707) that the client asks for, as `resources` below says.

import { createServer } from 'node:http';

import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

/** What the APIs under test call themselves: their resource identifier and only audience. */
export const API = 'https://orders.example';
/** Another API of the same provider. */
export const OTHER_API = 'https://billing.example';

export const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
export const READ = 'orders:read';
export const WRITE = 'orders:write';
export const REDIRECT_URI = 'https://client.example/callback';
export const SUBJECT = 'alice';

const FIVE_MINUTES = 300;
const JWKS_PATH = '/published/keys';

function resource(alg, { audience = API, ttl = FIVE_MINUTES, format = 'jwt', typ = 'at+jwt' } = {}) {
  const server = { audience, scope: `${READ} ${WRITE}`, accessTokenTTL: ttl, accessTokenFormat: format };
  return { typ, server: format === 'jwt' ? { ...server, jwt: { sign: { alg } } } : server };
}

const resources = {
  [API]: resource('ES256'),
  [OTHER_API]: resource('RS256', { audience: OTHER_API }),
  ...Object.fromEntries(ALGORITHMS.map((alg) => [`${API}/${alg}`, resource(alg)])),
  [`${API}/short-lived`]: resource('RS256', { ttl: 1 }),
  [`${API}/typ-jwt`]: resource('RS256', { typ: 'JWT' }),
  [`${API}/opaque`]: resource(undefined, { format: 'opaque' }),
};

/** A machine, an application for people, and one whose client id is the API's own identifier. */
export const MACHINE = { client_id: 'machine', client_secret: 'a secret of the test alone' };
export const APP = { client_id: 'app' };
export const NAMESAKE = { client_id: API };

function clients() {
  const forPeople = {
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: [REDIRECT_URI],
  };
  return [
    { ...MACHINE, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
    { ...APP, ...forPeople, id_token_signed_response_alg: 'ES256' },
    { ...NAMESAKE, ...forPeople, id_token_signed_response_alg: 'RS256' },
  ];
}

/** A fresh signing key for this algorithm, as a private JWK. */
export async function signingKey(alg) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), alg, use: 'sig' };
}

const signingKeys = () => Promise.all(ALGORITHMS.map(signingKey));

/** Everyone is alice, and alice agrees to whatever is asked: this test is about tokens, not consent. */
async function consent(ctx) {
  const { provider, client, session, params } = ctx.oidc;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid');
  if (params.resource) grant.addResourceScope(params.resource, params.scope);
  await grant.save();
  return grant;
}

async function build(issuer, keys) {
  const provider = new Provider(issuer, {
    jwks: { keys: keys ?? (await signingKeys()) },
    clients: clients(),
    clientAuthMethods: ['client_secret_basic', 'none'],
    // No one finds the keys by guessing: only the discovery document knows this path.
    routes: { jwks: JWKS_PATH },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, indicator) => resources[indicator]?.server,
      },
    },
    formats: {
      customizers: {
        jwt(_ctx, token, jwt) {
          jwt.header = { typ: resources[token.resourceServer.identifier()].typ };
        },
      },
    },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    loadExistingGrant: consent,
    interactions: { url: (_ctx, interaction) => `/login/${interaction.uid}` },
    cookies: { keys: ['a cookie secret of the test alone'] },
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? FIVE_MINUTES,
      ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? FIVE_MINUTES,
      AuthorizationCode: FIVE_MINUTES,
      Grant: FIVE_MINUTES,
      IdToken: FIVE_MINUTES,
      Interaction: FIVE_MINUTES,
      Session: FIVE_MINUTES,
    },
  });
  provider.on('server_error', (_ctx, error) => console.error('provider:', error));
  return { provider, handle: provider.callback() };
}

/**
 * Starts the provider on a port that the system chooses; with `maxAge`, its keys say that they may be
 * kept for so many seconds.
 */
export async function startProvider({ keys, maxAge } = {}) {
  let current;
  let keyFetches = 0;
  const server = createServer((request, response) => {
    if (request.url === JWKS_PATH) {
      keyFetches += 1;
      if (maxAge !== undefined) response.setHeader('cache-control', `max-age=${maxAge}`);
    }
    if (request.url.startsWith('/login/')) {
      const login = { login: { accountId: SUBJECT } };
      current.provider.interactionFinished(request, response, login).catch((error) => response.destroy(error));
    } else {
      current.handle(request, response);
    }
  });
  await new Promise((listening, failed) => {
    server.once('error', failed).listen(0, '127.0.0.1', listening);
  });
  const issuer = `http://127.0.0.1:${server.address().port}`;
  current = await build(issuer, keys);
  return {
    issuer,
    /** How often the keys were asked for. */
    keyFetches: () => keyFetches,
    /** Publishes these private keys and no others; the first one that fits an algorithm signs. */
    async publish(next) {
      current = await build(issuer, next);
    },
    /** The same issuer at the same address with new signing keys; the old ones are gone. */
    async rotate() {
      current = await build(issuer);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

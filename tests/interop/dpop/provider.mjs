// The issuer: npm `oidc-provider` on a loopback port. Whatever is asked for is granted to one client, in tokens that
// are bound to the key of its proof; the token endpoint wants nonces of its own.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

export const CLIENT = { client_id: 'bank-client', client_secret: 'a secret of the test alone' };
/** A client whose tokens are bound to nothing. */
export const UNBOUND = { client_id: 'web-client', client_secret: 'another secret of the test alone' };
export const SCOPE = 'orders:read';

const HOUR = 3600;

/** Starts it; answers with its name, its key as a JWK, and what stops it. */
export async function startProvider() {
  const server = createServer((request, response) => handle(request, response));
  await new Promise((listening, failed) => server.once('error', failed).listen(0, '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'issuer-key' };
  const client = (registered, bound) => ({
    ...registered, grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
    id_token_signed_response_alg: 'ES256', dpop_bound_access_tokens: bound,
  });
  const provider = new Provider(issuer, {
    jwks: { keys: [key] },
    clients: [client(CLIENT, true), client(UNBOUND, false)],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    scopes: ['openid', SCOPE],
    enabledJWA: { dPoPSigningAlgValues: ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, audience) => ({
          audience, scope: SCOPE, accessTokenTTL: HOUR, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    ttl: { AccessToken: HOUR, ClientCredentials: HOUR },
  });
  provider.on('server_error', (_, error) => console.error('provider:', error));
  const handle = provider.callback();
  const stop = () => (server.close(), server.closeAllConnections());
  return { issuer, key, stop };
}

/** A token that is bound to nothing. */
export async function bearerToken(issuer, resource) {
  const { client_id: id, client_secret: secret } = UNBOUND;
  const credentials = [id, secret].map(encodeURIComponent).join(':');
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope: SCOPE }),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`no token: ${JSON.stringify(body)}`);
  return body.access_token;
}

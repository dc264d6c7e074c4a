// The OpenID Provider: npm `oidc-provider`, at one address without TLS, where its keys are, and at another one with
// TLS that asks clients for a certificate, where they get their tokens.

import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

/** What the APIs under test call themselves. */
export const API = 'https://orders.example';

const FIVE_MINUTES = 300;

const base = {
  client_secret: 'a secret of the test alone',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  id_token_signed_response_alg: 'ES256',
};

/** A client whose tokens are bound to its certificate, and one whose tokens are not. */
export const BOUND = { ...base, client_id: 'bound', tls_client_certificate_bound_access_tokens: true };
export const BEARER = { ...base, client_id: 'bearer' };

async function build(issuer) {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' }] },
    clients: [BOUND, BEARER],
    clientAuthMethods: ['client_secret_basic', 'none'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        // None on the address without TLS.
        getCertificate: (ctx) => ctx.req.socket.getPeerX509Certificate?.(),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: API,
          scope: 'orders:read',
          accessTokenTTL: FIVE_MINUTES,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    ttl: { ClientCredentials: FIVE_MINUTES },
    cookies: { keys: ['a cookie secret of the test alone'] },
  });
  provider.on('server_error', (_ctx, error) => console.error('provider:', error));
  return provider.callback();
}

function listen(server) {
  return new Promise((listening, failed) => {
    server.once('error', failed).listen(0, '127.0.0.1', () => listening(server.address().port));
  });
}

/** Starts the provider; answers with its name, and where it takes clients that show certificates. */
export async function startProvider({ key, cert, ca }) {
  let handle;
  const answer = (request, response) => handle(request, response);
  const plain = createServer(answer);
  const tls = createTlsServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, answer);
  const issuer = `http://127.0.0.1:${await listen(plain)}`;
  const tokens = `https://127.0.0.1:${await listen(tls)}/token`;
  handle = await build(issuer);
  return {
    issuer,
    tokens,
    close() {
      for (const server of [plain, tls]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

// A tenant of App ID, as a resource server sees it: the key endpoint on loopback, and its tokens. The
// keys are made at the start; the tokens have the shapes that the vendor's documents show.

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';

export const TENANT = '39a37f57-a227-4bfe-a044-93b6e6050a61';
export const CLIENT = '968c2306-9aef-4109-bc06-4f5ed6a1c24a';
export const ALICE = '2b96cc04-eca5-4122-a8de-6e07d14c13a5';

const LIFETIME = 3600;

export const now = () => Math.trunc(Date.now() / 1000);

/** A signing key under a `kid` as App ID makes them. */
export function makeKey(name) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid: `appId-${TENANT}-${name}`, publicKey, privateKey };
}

/** The public half as the endpoint publishes it: no `alg`. */
export function jwk({ kid, publicKey }) {
  const { kty, n, e } = publicKey.export({ format: 'jwk' });
  return { kty, use: 'sig', n, e, kid };
}

/** The same key with the sign byte of a Java BigInteger in front of its modulus. */
export function jwkWithZero(key) {
  const { n, ...rest } = jwk(key);
  return { ...rest, n: Buffer.concat([Buffer.of(0), Buffer.from(n, 'base64url')]).toString('base64url') };
}

/** The key endpoint of every tenant at this address; `up: false` makes it break off each exchange. */
export async function startKeyServer() {
  const state = { keys: [], up: true };
  const server = createServer((request, response) => {
    if (!state.up) return request.socket.destroy();
    if (!request.url.endsWith('/publickeys')) return response.writeHead(404).end();
    const body = JSON.stringify({ keys: state.keys });
    return response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address();
  return Object.assign(state, {
    origin: `http://127.0.0.1:${port}`,
    close: () => server.closeAllConnections() ?? server.close(),
  });
}

const base64url = (text) => Buffer.from(text).toString('base64url');

/** Signs these very texts. */
export function signText(header, payload, { privateKey }) {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${sign('RSA-SHA256', Buffer.from(input), privateKey).toString('base64url')}`;
}

/** A token with the public key as its HMAC secret. */
export function forge(header, payload, { publicKey }) {
  const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
  const secret = publicKey.export({ format: 'pem', type: 'spki' });
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** What a tenant's OAuth server at this URL issues, signed with `key`. */
export class Tenant {
  constructor(url, key) {
    Object.assign(this, { url, key });
  }

  header(patch = {}) {
    return { alg: 'RS256', typ: 'JWT', kid: this.key.kid, ver: 4, ...patch };
  }

  accessClaims(patch = {}) {
    return {
      iss: this.url,
      exp: now() + LIFETIME,
      aud: [CLIENT],
      sub: ALICE,
      email_verified: true,
      amr: ['cloud_directory'],
      iat: now(),
      tenant: TENANT,
      scope: 'openid appid_default appid_readprofile appid_readuserattr appid_authenticated',
      ...patch,
    };
  }

  idClaims(patch = {}) {
    return {
      iss: this.url,
      aud: [CLIENT],
      exp: now() + LIFETIME,
      tenant: TENANT,
      iat: now(),
      email: 'alice@example.com',
      name: 'Alice Liddell',
      sub: ALICE,
      email_verified: true,
      identities: [{ provider: 'cloud_directory', id: '5d92f4ba-7a0f-4f1c-9a8b-9a0b0a1f5f3e' }],
      amr: ['cloud_directory'],
      ...patch,
    };
  }

  /** `undefined` in a patch takes a member away. */
  access(claims, header, key = this.key) {
    return signText(JSON.stringify(this.header(header)), JSON.stringify(this.accessClaims(claims)), key);
  }

  id(claims, header, key = this.key) {
    return signText(JSON.stringify(this.header(header)), JSON.stringify(this.idClaims(claims)), key);
  }

  signedBy(key) {
    return new Tenant(this.url, key);
  }
}

/** The token with one segment altered and still well formed: only its signature can tell. */
export function tampered(token, segment) {
  const parts = token.split('.');
  const index = ['header', 'payload', 'signature'].indexOf(segment);
  const bytes = Buffer.from(parts[index], 'base64url');
  if (segment === 'signature') bytes[bytes.length >> 1] ^= 1;
  const altered = () => JSON.stringify({ ...JSON.parse(bytes), note: 'altered' });
  parts[index] = (segment === 'signature' ? bytes : Buffer.from(altered())).toString('base64url');
  return parts.join('.');
}

// Tokens in the shape of the service's, signed with keys made here.

import { constants, createHmac, createSign, generateKeyPairSync, sign as signRaw } from 'node:crypto';

export const TENANT = '6b3ec1a4-8d2c-4f0e-9ad7-3a9f5f5d2a61';
export const CLIENT = '6380d1fc-0d5f-4bd4-97a6-5f2b9b8a7c11';

export const now = () => Math.trunc(Date.now() / 1000);

const base64url = (data) => Buffer.from(data).toString('base64url');

export function makeKey() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n, e } = publicKey.export({ format: 'jwk' });
  const padded = base64url(Buffer.concat([Buffer.from([0]), Buffer.from(n, 'base64url')]));
  return {
    privateKey,
    /** As the service publishes it: the modulus with a zero byte in front. */
    published: { n: padded, e, kty: 'RSA' },
    plain: { n, e, kty: 'RSA' },
    jpk: { alg: 'RSA', exp: e, mod: padded },
    /** What the package makes of it: the text that it gives to `jws.verify` as the key. */
    pem: publicKey.export({ format: 'pem', type: 'pkcs1' }),
  };
}

/** The claims of a good access token. */
export const accessClaims = (issuer) => ({ exp: now() + 3600, aud: TENANT, iss: issuer, prn: CLIENT });

/** The claims of a good ID token. */
export const idClaims = (issuer) => ({
  exp: now() + 3600,
  sub: `alice:${CLIENT}`,
  'imf.application': { id: 'org.example.app', version: '1.0' },
  'imf.user': {
    id: 'alice', authBy: 'myRealm', displayName: 'Alice', attributes: { age: 30, accounts: ['a', { b: null }] },
  },
  aud: TENANT,
  iss: issuer,
  iat: now(),
  'imf.device': { id: 'd-1', platform: 'android', model: 'm', osVersion: '14' },
});

/** A patch in which `undefined` takes a member away. */
export function patched(value, patch = {}) {
  return Object.fromEntries(Object.entries({ ...value, ...patch }).filter(([, member]) => member !== undefined));
}

/** The text that the service signs: JSON with its slashes escaped. */
export const asWritten = (claims) => JSON.stringify(claims).replaceAll('/', '\\/');

/** Signs a payload, given as text. The header's `alg` says how, unless `algorithm` says otherwise. */
export function sign(key, payload, { header = {}, algorithm } = {}) {
  const whole = patched({ alg: 'RS256', jpk: key.jpk }, header);
  const input = `${base64url(JSON.stringify(whole))}.${base64url(payload)}`;
  return `${input}.${signature(key, input, algorithm ?? whole.alg)}`;
}

function signature(key, input, algorithm) {
  const hash = `sha${algorithm.slice(2)}`;
  switch (algorithm.slice(0, 2)) {
    case 'HS': return createHmac(hash, key.pem).update(input).digest('base64url');
    case 'RS': return createSign(hash).update(input).sign(key.privateKey, 'base64url');
    case 'PS': {
      const options = { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
      return signRaw(hash, Buffer.from(input), options).toString('base64url');
    }
    default: return '';
  }
}

/** The token with one part replaced. */
export function withPart(token, index, part) {
  const parts = token.split('.');
  parts[index] = part;
  return parts.join('.');
}

/** The token with its payload altered and its signature as it was. */
export const forged = (token, payload) => withPart(token, 1, base64url(payload));

/** The token with one bit of its signature changed. */
export function bent(token) {
  const bytes = Buffer.from(token.split('.')[2], 'base64url');
  bytes[bytes.length >> 1] ^= 1;
  return withPart(token, 2, bytes.toString('base64url'));
}

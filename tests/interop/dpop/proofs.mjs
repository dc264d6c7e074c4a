// Proofs by hand, so that anything can be wrong with them: the requests that several resource servers judge.

import { createHash, createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

import { calculateJwkThumbprint } from 'jose';

const base64url = (value) => Buffer.from(value).toString('base64url');
const json = (value) => base64url(JSON.stringify(value));

const KINDS = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
  Ed25519: () => generateKeyPairSync('ed25519'),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
};
const HASHES = { ES384: 'sha384', EdDSA: null, Ed25519: null };
const PSS = { padding: 6, saltLength: 32 };

/** A key of a client. */
export async function newKey(alg = 'ES256') {
  const { privateKey, publicKey } = KINDS[alg]();
  const jwk = publicKey.export({ format: 'jwk' });
  const hash = alg in HASHES ? HASHES[alg] : 'sha256';
  return {
    alg, jwk, whole: privateKey.export({ format: 'jwk' }), thumbprint: await calculateJwkThumbprint(jwk),
    sign: (text) => sign(hash, Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363', ...(alg === 'PS256' && PSS) }).toString('base64url'),
  };
}

export const now = () => Math.trunc(Date.now() / 1000);
export const hashOf = (token) => createHash('sha256').update(token).digest('base64url');

/** The parts of a good proof. */
function parts(key, { method, url, token }) {
  return {
    header: { typ: 'dpop+jwt', alg: key.alg, jwk: key.jwk },
    claims: { jti: randomUUID(), htm: method, htu: url, iat: now(), ath: hashOf(token) },
    sign: key.sign,
  };
}

/** A proof, with what `change` does to its parts. */
export function proof(key, about, change = () => {}) {
  const draft = parts(key, about);
  change(draft);
  const signed = `${draft.rawHeader ? base64url(draft.rawHeader) : json(draft.header)}.${draft.rawClaims ? base64url(draft.rawClaims) : json(draft.claims)}`;
  return `${signed}.${draft.sign(signed)}`;
}

/** What is wrong with a proof, or only looks wrong: a name, and what it changes. */
export const CHANGES = [
  ['a good proof', () => {}],
  ['typ in upper case', ({ header }) => { header.typ = 'DPOP+JWT'; }],
  ['typ as a media type', ({ header }) => { header.typ = 'application/dpop+jwt'; }],
  ['typ JWT', ({ header }) => { header.typ = 'JWT'; }],
  ['no typ', ({ header }) => { delete header.typ; }],
  ['alg none', (draft) => { draft.header.alg = 'none'; draft.sign = () => ''; }],
  ['HMAC with the public key', (draft) => {
    draft.header.alg = 'HS256';
    draft.sign = (text) => createHmac('sha256', JSON.stringify(draft.header.jwk)).update(text).digest('base64url');
  }],
  ['HMAC with its secret in the header', (draft) => {
    draft.header = { ...draft.header, alg: 'HS256', jwk: { kty: 'oct', k: base64url('a secret that is 32 bytes long ..') } };
    draft.sign = (text) => createHmac('sha256', 'a secret that is 32 bytes long ..').update(text).digest('base64url');
  }],
  ['no jwk', ({ header }) => { delete header.jwk; }],
  ['kid in place of jwk', ({ header }) => { delete header.jwk; header.kid = 'issuer-key'; }],
  ['jku in place of jwk', ({ header }) => { delete header.jwk; header.jku = 'http://127.0.0.1:9/jwks'; }],
  ['jku beside jwk', ({ header }) => { header.jku = 'http://127.0.0.1:9/jwks'; }],
  ['crit', ({ header }) => { header.crit = ['exp']; }],
  ['a forged signature', (draft) => { draft.sign = () => 'A'.repeat(86); }],
  ['no signature', (draft) => { draft.sign = () => ''; }],
  ['no jti', ({ claims }) => { delete claims.jti; }],
  ['jti empty', ({ claims }) => { claims.jti = ''; }],
  ['jti a number', ({ claims }) => { claims.jti = 7; }],
  ['jti of 2 000 bytes', ({ claims }) => { claims.jti = 'j'.repeat(2000); }],
  ['no htm', ({ claims }) => { delete claims.htm; }],
  ['htm in lower case', ({ claims }) => { claims.htm = 'get'; }],
  ['htm of another method', ({ claims }) => { claims.htm = 'POST'; }],
  ['no htu', ({ claims }) => { delete claims.htu; }],
  ['htu of another path', ({ claims }) => { claims.htu += '/1'; }],
  ['htu of another host', ({ claims }) => { claims.htu = 'http://evil.test/orders'; }],
  ['htu of another scheme', ({ claims }) => { claims.htu = claims.htu.replace('http:', 'https:'); }],
  ['htu with a query', ({ claims }) => { claims.htu += '?a=b'; }],
  ['htu with a fragment', ({ claims }) => { claims.htu += '#a'; }],
  ['htu with a slash at its end', ({ claims }) => { claims.htu += '/'; }],
  ['htu: scheme in upper case', ({ claims }) => { claims.htu = claims.htu.replace('http', 'HTTP'); }],
  ['htu: an escape that none needs', ({ claims }) => { claims.htu = claims.htu.replace('/orders', '/%6Frders'); }],
  ['htu: dot segments', ({ claims }) => { claims.htu = claims.htu.replace('/orders', '/a/../orders'); }],
  ['htu: the path in another case', ({ claims }) => { claims.htu = claims.htu.replace('/orders', '/Orders'); }],
  ['htu: user information', ({ claims }) => { claims.htu = claims.htu.replace('://', '://me@'); }],
  ['htu: the path alone', ({ claims }) => { claims.htu = '/orders'; }],
  ['no iat', ({ claims }) => { delete claims.iat; }],
  ['iat a text', ({ claims }) => { claims.iat = String(claims.iat); }],
  ['iat in milliseconds', ({ claims }) => { claims.iat *= 1000; }],
  ['iat 5 s ago', ({ claims }) => { claims.iat -= 5; }],
  ['iat 5 s ahead', ({ claims }) => { claims.iat += 5; }],
  ['iat 90 s ago', ({ claims }) => { claims.iat -= 90; }],
  ['iat 90 s ahead', ({ claims }) => { claims.iat += 90; }],
  ['iat an hour ago', ({ claims }) => { claims.iat -= 3600; }],
  ['iat an hour ahead', ({ claims }) => { claims.iat += 3600; }],
  ['iat an hour ago, exp to come', ({ claims }) => { claims.iat -= 3600; claims.exp = now() + 60; }],
  ['exp an hour ago', ({ claims }) => { claims.exp = now() - 3600; }],
  ['nbf in an hour', ({ claims }) => { claims.nbf = now() + 3600; }],
  ['no ath', ({ claims }) => { delete claims.ath; }],
  ['ath of another token', ({ claims }) => { claims.ath = hashOf('another'); }],
  ['ath in padded base64url', ({ claims }) => { claims.ath += '='; }],
  ['ath the token itself', (draft) => { draft.claims.ath = draft.token; }],
  ['a nonce that was not asked for', ({ claims }) => { claims.nonce = 'n'; }],
  ['a claim twice', (draft) => { draft.rawClaims = JSON.stringify(draft.claims).replace('{', '{"htm":"POST",'); }],
  ['jwk twice', (draft) => { draft.rawHeader = JSON.stringify(draft.header).replace('{', `{"jwk":${JSON.stringify(draft.header.jwk)},`); }],
  ['claims in an array', (draft) => { draft.rawClaims = JSON.stringify([draft.claims]); }],
  ['claims that mean nothing here', ({ claims }) => { claims.iss = 'web'; claims.sub = 'alice'; }],
];

// Usage: rows.mjs PROOFS: writes to the output, as JSON, the requests that every judge gets: all rows, each with what
// RFC 9449 wants, and so many good proofs of one client, whose time is taken.
//
// Most rows are those of tests/interop/dpop; the ones of this file are further.

import { ACCEPTED } from '../../../tests/interop/dpop/differences.mjs';
import { newKey, now, proof } from '../../../tests/interop/dpop/proofs.mjs';
import { requests } from '../../../tests/interop/dpop/requests.mjs';

const ISSUER = 'https://login.example';
const AUDIENCE = 'https://api.example';
const ORIGIN = 'http://api.test';
const PATH = '/orders';
const HOUR = 3600;

const issuer = await newKey();
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An access token of RFC 9068 with these claims beside its own. */
function token(claims) {
  const header = { alg: issuer.alg, typ: 'at+jwt', kid: 'issuer-key' };
  const own = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', client_id: 'web', scope: 'orders:read', jti: 'a', iat: now(), exp: now() + HOUR };
  const signed = `${base64url(header)}.${base64url({ ...own, ...claims })}`;
  return `${signed}.${issuer.sign(signed)}`;
}
const bound = (key, claims) => token({ cnf: { jkt: key.thumbprint }, ...claims });

/** What is changed in a good proof, and whether it is still one. */
const CHANGES = [
  ['kid beside jwk', 'accepts', ({ header }) => { header.kid = 'client-key'; }],
  ['jti of 128 bytes', 'accepts', ({ claims }) => { claims.jti = 'j'.repeat(128); }],
  ['iat with a fraction', 'accepts', ({ claims }) => { claims.iat -= 0.5; }],
  ['exp to come', 'accepts', ({ claims }) => { claims.exp = now() + HOUR; }],
  ['htu: host in upper case', 'accepts', ({ claims }) => { claims.htu = 'http://API.test/orders'; }],
  ['htu: an escape in the host', 'accepts', ({ claims }) => { claims.htu = 'http://%61pi.test/orders'; }],
  ['htu: the default port', 'accepts', ({ claims }) => { claims.htu = 'http://api.test:80/orders'; }],
  ['htu: an empty port', 'accepts', ({ claims }) => { claims.htu = 'http://api.test:/orders'; }],
  ['htu: dot segments in escapes', 'accepts', ({ claims }) => { claims.htu = 'http://api.test/a/%2e%2e/orders'; }],
  ['htu: another port', 'refuses', ({ claims }) => { claims.htu = 'http://api.test:8080/orders'; }],
  ['htu: a host that begins alike', 'refuses', ({ claims }) => { claims.htu = 'http://api.test.evil/orders'; }],
  ['htu: two slashes', 'refuses', ({ claims }) => { claims.htu = 'http://api.test//orders'; }],
  ['htu: a backslash', 'refuses', ({ claims }) => { claims.htu = 'http://api.test\\orders'; }],
  ['htu: white space at its end', 'refuses', ({ claims }) => { claims.htu += ' '; }],
  ['htu: the origin alone', 'refuses', ({ claims }) => { claims.htu = ORIGIN; }],
  ['htu in an array', 'refuses', ({ claims }) => { claims.htu = [claims.htu]; }],
  ['htu null', 'refuses', ({ claims }) => { claims.htu = null; }],
  ['htm null', 'refuses', ({ claims }) => { claims.htm = null; }],
  ['htm empty', 'refuses', ({ claims }) => { claims.htm = ''; }],
  ['htm that begins alike', 'refuses', ({ claims }) => { claims.htm = 'GETX'; }],
  ['ath null', 'refuses', ({ claims }) => { claims.ath = null; }],
  ['jti null', 'refuses', ({ claims }) => { claims.jti = null; }],
  ['jti in an array', 'refuses', ({ claims }) => { claims.jti = ['a']; }],
  ['iat a boolean', 'refuses', ({ claims }) => { claims.iat = true; }],
  ['iat null', 'refuses', ({ claims }) => { claims.iat = null; }],
  ['alg in lower case', 'refuses', ({ header }) => { header.alg = 'es256'; }],
  ['no alg', 'refuses', ({ header }) => { delete header.alg; }],
  ['alg of another kind of key', 'refuses', ({ header }) => { header.alg = 'PS256'; }],
  ['typ of an access token', 'refuses', ({ header }) => { header.typ = 'at+jwt'; }],
  ['an empty crit', 'refuses', ({ header }) => { header.crit = []; }],
  ['x5c in place of jwk', 'refuses', ({ header }) => { delete header.jwk; header.x5c = ['MIIB']; }],
  ['jwk null', 'refuses', ({ header }) => { header.jwk = null; }],
  ['jwk a text', 'refuses', ({ header }) => { header.jwk = JSON.stringify(header.jwk); }],
  ['jwk with a d that is not its own', 'refuses', ({ header }) => { header.jwk = { ...header.jwk, d: 'AQAB' }; }],
  ['jwk off its curve', 'refuses', ({ header }) => { header.jwk = { ...header.jwk, y: 'AQAB' }; }],
  ['jwk for encryption', 'refuses', ({ header }) => { header.jwk = { ...header.jwk, use: 'enc' }; }],
  ['a signature cut short', 'refuses', (draft) => { const { sign } = draft; draft.sign = (text) => sign(text).slice(0, -4); }],
  ['claims that are no JSON', 'refuses', (draft) => { draft.rawClaims = `${JSON.stringify(draft.claims)},`; }],
];

/** The rows of this file: a name, what is right, and the requests. */
async function further() {
  const [key, other] = [await newKey(), await newKey()];
  const about = { method: 'GET', url: ORIGIN + PATH };
  const get = (access, by, change, url = about.url) => ({
    method: 'GET', path: PATH,
    headers: { authorization: `DPoP ${access}`, dpop: proof(by, { ...about, url, token: access }, change) },
  });
  const own = bound(key);
  const named = ({ claims }) => { claims.jti = 'of two clients'; };
  const once = get(own, key);
  const twice = get(own, key);
  twice.headers.authorization = [twice.headers.authorization, twice.headers.authorization];
  return [
    ...CHANGES.map(([name, wants, change]) => [name, wants, [get(own, key, change)]]),
    ['an escape in lower case', 'accepts', [{ ...get(own, key, undefined, `${ORIGIN}/a%2fb`), path: '/a%2Fb' }]],
    ['a proof after its use for another URL', 'accepts', [{ ...once, path: '/elsewhere' }, once]],
    ['the jti of another client', 'accepts', [get(bound(other), other, named), get(own, key, named)]],
    ['HEAD with a proof for GET', 'refuses', [{ ...get(own, key), method: 'HEAD' }]],
    ['two Authorization fields', 'refuses', [twice]],
    ['a token that has ended', 'refuses', [get(bound(key, { exp: now() - HOUR }), key)]],
    ['a token for another audience', 'refuses', [get(bound(key, { aud: 'https://other.example' }), key)]],
    ['a token that is bound to a certificate too', 'refuses', [get(bound(key, { cnf: { jkt: key.thumbprint, 'x5t#S256': 'A'.repeat(43) } }), key)]],
  ];
}

/** Good proofs of one client. */
async function good(count) {
  const key = await newKey();
  const access = bound(key);
  const about = { method: 'GET', url: ORIGIN + PATH, token: access };
  return { jwk: key.jwk, path: PATH, authorization: `DPoP ${access}`, proofs: Array.from({ length: count }, () => proof(key, about)) };
}

/** Each field of a header on its own. */
const fields = ({ headers, ...request }) => ({
  ...request, headers: Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value) => [name, value])),
});

const shared = await requests({ bound, unbound: token({}), origin: ORIGIN });
const rows = [
  ...shared.map(([name, make]) => [name, ACCEPTED.has(name) ? 'accepts' : 'refuses', make()]),
  ...(await further()),
].map(([name, wants, sent]) => ({ name, wants, requests: sent.map(fields) }));
console.log(JSON.stringify({
  issuer: ISSUER, audience: AUDIENCE, origin: ORIGIN, now: now(),
  jwks: { keys: [{ ...issuer.jwk, kid: 'issuer-key', use: 'sig', alg: issuer.alg }] },
  rows, good: await good(Number(process.argv[2])),
}));

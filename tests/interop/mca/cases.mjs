// The table: what is sent, and the status that it must come to with us. What the package answers is
// not written down here: it is asked.

import { createHash } from 'node:crypto';

import {
  accessClaims, asWritten, bent, CLIENT, forged, idClaims, now, patched, sign, TENANT, withPart,
} from './tokens.mjs';

/** The good tokens of a stage, with patches on their claims, and the fields that carry them. */
export function minter(key, issuer) {
  const access = (patch, header) => sign(key, asWritten(patched(accessClaims(issuer), patch)), header);
  const id = (patch, header) => sign(key, asWritten(patched(idClaims(issuer), patch)), header);
  return {
    access,
    id,
    bearer: (...tokens) => [`Bearer ${tokens.join(' ')}`],
    alone: (patch, header) => [`Bearer ${access(patch, header)}`],
    pair: (patch, header) => [`Bearer ${access()} ${id(patch, header)}`],
  };
}

/** Tokens as the service writes them, in every form that it has. */
export function goodCases({ access, id, alone, pair, bearer }, { key, otherKey, issuer }) {
  return [
    ['access token alone', alone(), 200],
    ['access token and ID token', pair(), 200],
    ['anonymous client', pair({ sub: `::${CLIENT}`, 'imf.user': undefined }), 200],
    ['user without attributes', pair({ 'imf.user': { id: 'alice', authBy: 'r', displayName: 'A' } }), 200],
    ['user with odd attributes', pair({
      'imf.user': { id: 'ä', authBy: '', attributes: { '': [], é: '\u0000"\\/', deep: { a: [1.5, -2, true, null] } } },
    }), 200],
    ['user is null', pair({ 'imf.user': null }), 200],
    ['user is a text', pair({ 'imf.user': 'alice' }), 200],
    ['application without id', pair({ 'imf.application': { id: null, version: '1.0' } }), 200],
    ['no application', pair({ 'imf.application': undefined }), 200],
    ['no device', pair({ 'imf.device': undefined }), 200],
    ['device is null', pair({ 'imf.device': null }), 200],
    ['neither user, device nor application', pair({
      'imf.user': undefined, 'imf.device': undefined, 'imf.application': undefined,
    }), 200],
    ['claims that are not known', pair({ 'imf.other': { a: 1 }, name: 'x', nonce: 'y' }), 200],
    ['a user name with colons', pair({ sub: `a:b:c:${CLIENT}` }), 200],
    ['scopes in the access token', alone({ 'imf.scope': { realm: { exp: now() + 60, mandatory: true } } }), 200],
    ['a scope that ended', alone({ 'imf.scope': { realm: { exp: 1, mandatory: true } } }), 200],
    ['no scope in the access token', alone({ 'imf.scope': {} }), 200],
    ['a scope that says nothing', alone({ 'imf.scope': { realm: '' } }), 200],
    ['audience in an array', alone({ aud: [TENANT] }), 200],
    ['issued and begun a while ago', alone({ iat: now() - 60, nbf: now() - 60 }), 200],
    ['an expiry with a fraction', alone({ exp: now() + 60.5 }), 200],
    ['an expiry a minute away', alone({ exp: now() + 60 }), 200],
    ['slashes without escapes', bearer(sign(key, JSON.stringify(accessClaims(issuer)))), 200],
    ['letters with escapes', bearer(
      sign(key, JSON.stringify(accessClaims(issuer)).replace('"prn"', '"\\u0070r\\u006e"')),
    ), 200],
    ['white space in the payload', bearer(sign(key, JSON.stringify(accessClaims(issuer), null, 2))), 200],
    ['header without a key', alone({}, { header: { jpk: undefined } }), 200],
    ['header with another key', alone({}, { header: { jpk: otherKey.jpk } }), 200],
    ['header with the type JWT', alone({}, { header: { typ: 'JWT' } }), 200],
    ['header with a key id', alone({}, { header: { kid: 'x' } }), 200],
    ['header with a number', alone({}, { header: { ver: 4 } }), 200],
    ['header with objects, arrays and null', pair({}, { header: { a: { b: [1, null] }, c: [{}], d: null } }), 200],
    ['ID token with another exp', pair({ exp: now() + 60 }), 200],
    ['the same access token with another good ID token', bearer(access({ jti: 1 }), id({ jti: 2 })), 200],
  ];
}

/** The shapes of the header, with good tokens in it. */
export function headerCases({ access, id, pair }) {
  const [token, identity] = [access(), id()];
  return [
    ['no Authorization field', [], 401],
    ['an empty field', [''], 401],
    ['nothing but blanks', [' \t '], 401],
    ['a tab', [`Bearer\t${token}`], 200],
    ['runs of blanks', [`  Bearer \t  ${token} \t ${identity}  `], 200],
    ['another scheme', ['Basic dTpw'], 400],
    ['lower case', [`bearer ${token}`], 400],
    ['upper case', [`BEARER ${token}`], 400],
    ['a longer scheme', [`BearerX ${token}`], 400],
    ['a shorter scheme', [`Beare ${token}`], 400],
    ['the scheme alone', ['Bearer'], 400],
    ['a token alone', [token], 400],
    ['three tokens', [`Bearer ${token} ${identity} ${identity}`], 400],
    ['joined by a comma', [`Bearer ${token}, Bearer ${token}`], 400],
    ['joined by a bare comma', [`Bearer ${token},Bearer ${token}`], 400],
    ['a comma behind it', [`Bearer ${token},`], 400],
    ['a quoted token', [`Bearer "${token}"`], 400],
    ['a parameter', [`Bearer token="${token}"`], 400],
    ['no ASCII', ['Bearer \u00e4.b.c'], 400],
    ['a no-break space', [`Bearer\u00a0${token}`], 400],
    ['two fields', [`Bearer ${token}`, `Bearer ${token}`], 400],
    ['two fields, the first of another scheme', ['Basic dTpw', `Bearer ${token}`], 400],
    ['two fields, the first empty', ['', `Bearer ${token}`], 400],
    ['padding behind the token', [`Bearer ${token}=`], 401],
    ['one part', ['Bearer abc'], 401],
    ['two parts', ['Bearer abc.def'], 401],
    ['three parts of nonsense', ['Bearer a.b.c'], 401],
    ['a good pair once more', pair(), 200],
  ];
}

/** Tokens that must not pass. */
export function badCases({ access, id, alone, pair, bearer }, { key, otherKey, issuer }) {
  const good = access();
  const raw = (payload) => bearer(sign(key, payload));
  const as = (alg, algorithm) => alone({}, { header: { alg }, algorithm });
  return [
    // Time.
    ['expired', alone({ exp: now() - 60 }), 401],
    ['expired a second ago', alone({ exp: now() - 1 }), 401],
    ['expires now', alone({ exp: now() }), 401],
    ['expired in 1970', alone({ exp: 0 }), 401],
    ['no exp', alone({ exp: undefined }), 401],
    ['exp is null', alone({ exp: null }), 401],
    ['exp is a text that is a date', alone({ exp: String(now() + 60) }), 401],
    ['exp is a text that is a past date', alone({ exp: String(now() - 60) }), 401],
    ['exp is a text', alone({ exp: 'tomorrow' }), 401],
    ['nbf to come', alone({ nbf: now() + 600 }), 401],
    ['iat to come', alone({ iat: now() + 600 }), 401],
    // Audience, issuer, client.
    ['another audience', alone({ aud: 'x' }), 401],
    ['another audience in an array', alone({ aud: ['x'] }), 401],
    ['two audiences, ours among them', alone({ aud: ['x', TENANT] }), 200],
    ['no audience in an array', alone({ aud: [] }), 401],
    ['audience in another case', alone({ aud: TENANT.toUpperCase() }), 401],
    ['audience is an object', alone({ aud: { [TENANT]: 1 } }), 401],
    ['audience is empty', alone({ aud: '' }), 401],
    ['no aud', alone({ aud: undefined }), 401],
    ['another issuer', alone({ iss: 'https://evil.example/' }), 401],
    ['no iss', alone({ iss: undefined }), 401],
    ['no prn', alone({ prn: undefined }), 401],
    ['prn is empty', alone({ prn: '' }), 401],
    ['bound to its sender', alone({ cnf: { jkt: 'x' } }), 401],
    // Signature.
    ['payload altered', bearer(forged(good, asWritten(patched(accessClaims(issuer), { prn: 'x' })))), 401],
    ['signature bent', bearer(bent(access())), 401],
    ['signature of another token', bearer(withPart(access(), 2, access({ prn: 'x' }).split('.')[2])), 401],
    ['signature cut short', bearer(good.slice(0, -4)), 401],
    ['no signature', bearer(withPart(good, 2, '')), 401],
    ['a fourth part', bearer(`${good}.AAAA`), 401],
    ['signed by another key', bearer(sign(otherKey, asWritten(accessClaims(issuer)))), 401],
    ['signed by the key that it carries', bearer(
      sign(otherKey, asWritten(accessClaims(issuer)), { header: { jpk: otherKey.jpk } }),
    ), 401],
    // Header.
    ['algorithm none', alone({}, { header: { alg: 'none' } }), 401],
    ['no algorithm', alone({}, { header: { alg: undefined }, algorithm: 'RS256' }), 401],
    ['HS256 with the public key', as('HS256'), 401],
    ['HS512 with the public key', as('HS512'), 401],
    ['RS384', as('RS384'), 401],
    ['RS512', as('RS512'), 401],
    ['PS256', as('PS256'), 401],
    ['RS256 under the name ES256', as('ES256', 'RS256'), 401],
    ['an extension that must be understood', alone({}, { header: { crit: ['x'], x: 1 } }), 401],
    ['unencoded payload announced', alone({}, { header: { b64: false, crit: ['b64'] } }), 401],
    ['another type', alone({}, { header: { typ: 'logout+jwt' } }), 401],
    // Payload.
    ['a claim twice', raw(asWritten(accessClaims(issuer)).replace('{', '{"aud":"x",')), 401],
    ['payload is an array', raw('[]'), 401],
    ['payload is a text', raw('"x"'), 401],
    ['payload is null', raw('null'), 401],
    ['payload is no JSON', raw('{'), 401],
    ['more behind the payload', raw(`${asWritten(accessClaims(issuer))}{}`), 401],
    // The other place.
    ['ID token alone', bearer(id()), 401],
    ['ID token first', bearer(id(), access()), 401],
    ['access token twice', bearer(access(), access()), 401],
    // ID token.
    ['ID token expired', pair({ exp: now() - 1 }), 401],
    ['ID token without exp', pair({ exp: undefined }), 401],
    ['ID token with nbf to come', pair({ nbf: now() + 600 }), 401],
    ['ID token of another audience', pair({ aud: 'x' }), 401],
    ['ID token without aud', pair({ aud: undefined }), 401],
    ['ID token of another issuer', pair({ iss: 'https://evil.example/' }), 401],
    ['ID token without sub', pair({ sub: undefined }), 401],
    ['ID token bent', bearer(access(), bent(id())), 401],
    ['ID token signed by another key', bearer(access(), sign(otherKey, asWritten(idClaims(issuer)))), 401],
    ['ID token of three parts of nonsense', bearer(access(), 'a.b.c'), 401],
    ['ID token of another client', pair({ sub: 'bob:0badc0de-0000-4000-8000-000000000666' }), 401],
    ['my access token with her ID token', bearer(access({ prn: '0badc0de-0000-4000-8000-000000000666' }), id()), 401],
    ['ID token whose subject has no client', pair({ sub: 'alice' }), 401],
    ['ID token of another access token', pair({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }), 401],
    ['ID token of this access token', ofThis(access, id, bearer), 200],
    ['good ID token beside an expired access token', bearer(access({ exp: now() - 1 }), id()), 401],
    ['good ID token beside a bent access token', bearer(bent(access()), id()), 401],
  ];
}

/** A pair in which the ID token names its access token (OpenID Connect Core section 3.1.3.6). */
function ofThis(access, id, bearer) {
  const token = access();
  return bearer(token, id({ at_hash: createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url') }));
}

/** Where scopes are required: `read write`. */
export function scopeCases({ alone, pair }) {
  const scopes = (...names) => Object.fromEntries(names.map((name) => [name, { exp: now() + 60, mandatory: false }]));
  return [
    ['scopes required: no Authorization field', [], 401],
    ['scopes required: another scheme', ['Basic dTpw'], 400],
    ['scopes required: a bad token', ['Bearer a.b.c'], 401],
    ['scopes required: none in the token', alone(), 401],
    ['scopes required: none in the pair', pair(), 401],
    ['scopes required: one of two', alone({ 'imf.scope': scopes('read') }), 401],
    ['scopes required: one ended', alone({ 'imf.scope': { ...scopes('read'), write: { exp: now() - 1 } } }), 401],
    ['scopes required: all', alone({ 'imf.scope': scopes('read', 'write', 'more') }), 200],
  ];
}

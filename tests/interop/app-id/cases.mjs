// The table: what is sent, and which status ours must answer. The SDK says the rest: the challenge and
// the context must be the same, save for the listed differences.

import { CLIENT, forge, now, signText, tampered } from './tenant.mjs';

const DEFAULT = 'appid_default';
const bearer = (...tokens) => [`Bearer ${tokens.join(' ')}`];

/** Rows of name, status and `Authorization` fields, by the API that they are sent to. */
export function cases({ tenant, padded, foreign, unrelated }) {
  const { access, id } = { access: tenant.access(), id: tenant.id() };
  const of = (claims, header) => bearer(tenant.access(claims, header));
  const withId = (claims, header) => bearer(access, tenant.id(claims, header));
  const host = new URL(tenant.url).hostname;
  const text = JSON.stringify;
  const raw = (header, payload) => bearer(signText(header, payload, tenant.key));
  const [head, claims] = [text(tenant.header()), text(tenant.accessClaims())];
  const bob = { sub: 'b0b00000-eca5-4122-a8de-6e07d14c13a5', name: 'Bob' };

  const plain = [
    // Taken.
    ['an access token', 200, bearer(access)],
    ['an access token and an ID token', 200, bearer(access, id)],
    ['version 3', 200, of({ iss: host }, { typ: 'JOSE', ver: 3 })],
    ['version 3, with an ID token whose audience is a string', 200,
      bearer(tenant.access({ iss: host }, { typ: 'JOSE', ver: 3 }), tenant.id({ iss: host, aud: CLIENT }, { typ: 'JOSE', ver: 3 }))],
    ['of an application', 200, of({ amr: ['appid_client_credentials'], email_verified: undefined })],
    ['of an anonymous user', 200, bearer(tenant.access({ amr: ['appid_anon'] }), tenant.id({ amr: ['appid_anon'], name: undefined, email: undefined }))],
    ['the default scope alone', 200, of({ scope: DEFAULT })],
    ['two audiences', 200, of({ aud: ['another', CLIENT] })],
    ['claims of every kind', 200, of({ a: { b: [1, -2.5, null, true, 'ü🙂'] }, roles: ['x'], 'x.y/z': '' })],
    ['texts with escapes', 200, raw(head, claims.replaceAll('/', String.raw`\/`).replace(DEFAULT, String.raw`appid_defau\u006ct`))],
    ['no version', 200, of({}, { ver: undefined })],
    ['a version that is a string', 200, of({}, { ver: '4' })],
    ['a version that is an object', 200, of({}, { ver: { major: 4, also: [3] } })],
    ['a claim that is called like the version', 200, of({ ver: 'mine' })],
    ['such a claim, and no version', 200, of({ ver: 'mine' }, { ver: undefined })],
    ['header members that are objects and numbers', 200, of({}, { jpk: { alg: 'RSA', exp: 'AQAB', mod: 'AA' }, x: 1.5, y: null, z: [[]] })],
    ['a key in the header, which is not looked at', 200, of({}, { jwk: { kty: 'oct', k: 'AAAA' }, jku: 'http://127.0.0.1:9/', x5c: ['AA'] })],
    ['no type', 200, of({}, { typ: undefined })],
    ['a key with a zero byte in front of its modulus', 200, bearer(padded.access())],
    ['such a key for both tokens', 200, bearer(padded.access(), padded.id())],
    ['a key for each token', 200, bearer(access, padded.id())],
    ['begun a second ago', 200, of({ nbf: now() - 1 })],
    ['issued in a minute', 200, of({ iat: now() + 60 })],
    ['never issued', 200, of({ iat: undefined })],
    // The field.
    ['no field', 401, []],
    ['an empty field', 401, ['']],
    ['the scheme alone', 401, ['Bearer']],
    ['the scheme and a space', 401, ['Bearer ']],
    ['small letters', 401, [`bearer ${access}`]],
    ['capitals', 401, [`BEARER ${access}`]],
    ['another scheme', 401, ['Basic dTpw']],
    ['a scheme that begins with Bearer', 401, [`BearerX ${access}`]],
    ['a scheme that ends with Bearer', 401, [`XBearer ${access}`]],
    ['the token alone', 401, [access]],
    ['two spaces', 401, [`Bearer  ${access}`]],
    ['two spaces between the tokens', 401, [`Bearer ${access}  ${id}`]],
    ['a tab', 401, [`Bearer\t${access}`]],
    ['a tab between the tokens', 401, [`Bearer ${access}\t${id}`]],
    ['a space at the end, which no server sees', 200, [`Bearer ${access} `]],
    ['a space in front, which no server sees', 200, [` Bearer ${access}`]],
    ['three tokens', 401, bearer(access, id, id)],
    ['a comma', 401, [`Bearer ${access},${id}`]],
    ['a comma and a space', 401, [`Bearer ${access}, Bearer ${id}`]],
    ['quotes', 401, [`Bearer "${access}"`]],
    ['two fields', 400, [`Bearer ${access}`, `Bearer ${access}`]],
    ['two fields, another scheme first', 400, ['Basic dTpw', `Bearer ${access}`]],
    ['two fields, another scheme second', 400, [`Bearer ${access}`, 'Basic dTpw']],
    // What is no token.
    ['a word', 401, bearer('abc')],
    ['two parts', 401, bearer(access.split('.').slice(0, 2).join('.'))],
    ['three dots', 401, bearer('...')],
    ['no signature', 401, bearer(access.replace(/[^.]*$/, ''))],
    ['a header that is no JSON', 401, raw('{', claims)],
    ['claims that are no JSON', 401, raw(head, '{')],
    ['claims in an array', 401, raw(head, '[]')],
    ['a claim twice', 401, raw(head, claims.replace(/}$/, ',"sub":"root"}'))],
    ['a header member twice', 401, raw(head.replace(/}$/, ',"ver":3}'), claims)],
    // The header.
    ['no key id', 401, of({}, { kid: undefined })],
    ['an unknown key id', 401, of({}, { kid: `${tenant.key.kid}-gone` })],
    ['a key id that is a number', 401, of({}, { kid: 1 })],
    ['the key id of another key', 401, of({}, { kid: padded.key.kid })],
    ['the public key as a secret', 401, bearer(forge(tenant.header({ alg: 'HS256' }), tenant.accessClaims(), tenant.key))],
    ['another RSA algorithm', 401, of({}, { alg: 'RS512' })],
    ['no algorithm', 401, of({}, { alg: 'none' })],
    ['another type', 401, of({}, { typ: 'at+jwt' })],
    ['a critical header member', 401, of({}, { crit: ['ver'] })],
    // The signature.
    ['header altered', 401, bearer(tampered(access, 'header'))],
    ['payload altered', 401, bearer(tampered(access, 'payload'))],
    ['signature altered', 401, bearer(tampered(access, 'signature'))],
    ['a key of somebody else', 401, bearer(tenant.access({}, {}, unrelated))],
    // The times.
    ['expired', 401, of({ exp: now() - 1 })],
    ['an expiry in a string', 401, of({ exp: String(now() + 60) })],
    ['no expiry', 401, of({ exp: undefined })],
    ['not begun', 401, of({ nbf: now() + 60 })],
    ['beginning in words', 401, of({ nbf: 'soon' })],
    ['issued in words', 401, of({ iat: 'today' })],
    // Who, for whom, what for.
    ['another issuer', 401, of({ iss: 'https://evil.example' })],
    ['no issuer', 401, of({ iss: undefined })],
    ['an issuer in an array', 401, of({ iss: [tenant.url] })],
    ['another tenant', 401, of({ tenant: 'db8a27c4-b887-4f8d-a89f-f12fb775b311' })],
    ['no tenant', 401, of({ tenant: undefined })],
    ['no subject', 401, of({ sub: undefined })],
    ['an empty subject', 401, of({ sub: '' })],
    ['an audience in a string', 401, of({ aud: CLIENT })],
    ['an audience that is an object', 401, of({ aud: { client: CLIENT } })],
    ['an audience of numbers', 401, of({ aud: [1] })],
    ['no audience', 401, of({ aud: undefined })],
    ['an empty audience', 401, of({ aud: '' })],
    ['no audience in the array', 200, of({ aud: [] })],
    ['no scope', 401, of({ scope: undefined })],
    ['scopes in an array', 401, of({ scope: [DEFAULT] })],
    ['an empty scope', 401, of({ scope: '' })],
    ['other scopes', 401, of({ scope: 'openid appid_readprofile' })],
    ['the default scope in capitals', 401, of({ scope: DEFAULT.toUpperCase() })],
    ['a token bound to its sender', 401, of({ cnf: { jkt: 'abc' } })],
    // The pair.
    ['an ID token in place of the access token', 401, bearer(id)],
    ['an ID token with a scope, in place of the access token', 401, bearer(tenant.id({ scope: DEFAULT }))],
    ['an access token in place of the ID token', 401, bearer(access, access)],
    ['the wrong way around', 401, bearer(id, access)],
    ['an ID token of another user', 401, withId(bob)],
    ['the other user\'s own pair', 200, bearer(tenant.access({ sub: bob.sub }), tenant.id(bob))],
    ['the ID token of another user, after its own access token', 401, withId(bob)],
    ['an ID token of another client', 401, withId({ aud: ['another'] })],
    ['an ID token without audience', 401, withId({ aud: undefined })],
    ['an ID token of another tenant', 401, withId({ tenant: 'db8a27c4-b887-4f8d-a89f-f12fb775b311' })],
    ['an ID token of another issuer', 401, withId({ iss: 'https://evil.example' })],
    ['an ID token that is expired', 401, withId({ exp: now() - 1 })],
    ['an ID token without expiry', 401, withId({ exp: undefined })],
    ['an ID token that is altered', 401, bearer(access, tampered(id, 'payload'))],
    ['an ID token of somebody else\'s key', 401, bearer(access, tenant.id({}, {}, unrelated))],
    ['an ID token without key id', 401, withId({}, { kid: undefined })],
    ['an ID token that is none', 401, bearer(access, 'abc')],
    ['an ID token of an unknown key', 401, bearer(access, foreign.id())],
  ];

  const granted = (scope) => of({ scope });
  const scoped = [
    ['all scopes', 200, granted(`${DEFAULT} read write more`)],
    ['no field, where scopes are required', 401, []],
    ['one lacking', 401, granted(`${DEFAULT} read`)],
    ['all lacking', 401, granted('openid')],
    ['the default lacking', 401, granted('read write')],
    ['one in capitals', 401, granted(`${DEFAULT} read Write`)],
    ['expired, where scopes are required', 401, of({ scope: `${DEFAULT} read write`, exp: now() - 1 })],
    ['lacking, with an audience in a string', 401, of({ scope: DEFAULT, aud: CLIENT })],
    ['lacking, with a bad ID token', 401, bearer(tenant.access({ scope: DEFAULT }), 'abc')],
  ];
  const forbidden = [['one lacking, told to say 403', 403, granted(`${DEFAULT} read`)]];
  const aimed = [
    ['the audience that is asked for', 200, of({ aud: [CLIENT] })],
    ['that audience among others', 200, of({ aud: ['another', CLIENT] })],
    ['another audience', 401, of({ aud: ['another'] })],
    ['an empty array, where an audience is asked for', 401, of({ aud: [] })],
    ['an audience with a challenge in it', 401, of({ aud: ['x", scope="admin'] })],
    ['an audience with a line of its own', 401, of({ aud: ['x\r\nSet-Cookie: a=b'] })],
  ];
  return { plain, scoped, forbidden, aimed };
}

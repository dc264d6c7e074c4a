// The cases: tokens of a real provider against the running axum and tonic examples.
// Usage: node cases.mjs PROTECTED_API GRPC (two executables)

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { killAll } from '../processes.mjs';
import { startAxum, startTonic, untilKeysAreThere } from './apis.mjs';
import { authorizationCode, clientCredentials, http, judge } from './client.mjs';
import {
  ALGORITHMS, API, APP, MACHINE, NAMESAKE, OTHER_API, READ, startProvider, SUBJECT, WRITE,
} from './provider.mjs';

const DEADLINE = 150_000;
const BOTH = `${READ} ${WRITE}`;

// ---- the table ----

const rows = { passed: 0, failed: 0 };

function line(name, ok, expected, got) {
  console.log(`${name.padEnd(58)} ${ok.padEnd(4)} ${expected.padEnd(40)} ${got}`);
}

function row(name, expected, got) {
  const ok = got === expected;
  rows[ok ? 'passed' : 'failed'] += 1;
  line(name, ok ? 'ok' : 'FAIL', expected, got);
}

function finish() {
  killAll();
  console.log(`${rows.passed} passed, ${rows.failed} failed`);
  process.exit(rows.failed === 0 ? 0 : 1);
}

/** An answer in one line: its outcome, and of its challenge the parameters of `expected` (null: absent). */
function inWords(answer, expected) {
  const words = Object.keys(expected).filter((key) => key !== 'outcome').map((key) => {
    const value = answer.challenge?.[key] ?? null;
    if (value === null) return `no ${key}`;
    return key === 'scope' ? `scope="${value}"` : value;
  });
  return [answer.outcome, ...words].join(' ');
}

/** Axum answers with the whole identity, tonic with a greeting that names the subject. */
function same(got, identity) {
  return typeof identity === 'string' ? got.includes(identity) : isDeepStrictEqual(got, identity);
}

/** One case: what calling `api` with `token` must come to. */
async function check(name, api, token, expected, identity) {
  let got = 'no answer';
  try {
    const answer = await api.call(token);
    got = inWords(answer, expected);
    if (identity && answer.identity && !same(answer.identity, identity)) {
      got += ` as ${JSON.stringify(answer.identity)}, not ${JSON.stringify(identity)}`;
    }
  } catch (error) {
    got += `: ${error.message}`;
  }
  row(name, inWords({ ...expected, challenge: expected }, expected), got);
}

async function checkThat(name, expected, test) {
  const got = await Promise.resolve(test()).then(String, (error) => `no answer: ${error.message}`);
  row(name, expected, got);
}

/** What the axum example must answer for these claims, as the independent implementation read them. */
function identityOf(claims) {
  return {
    subject: claims.sub,
    issuer: claims.iss,
    client_id: claims.client_id,
    audiences: [claims.aud].flat(),
    scopes: claims.scope.split(' '),
    roles: [],
    actor: null,
    expires_at: claims.exp,
    claims,
  };
}

// ---- the words of the two transports ----

const HTTP = {
  accepted: { outcome: 200 },
  anonymous: { outcome: 401, scheme: 'Bearer', error: null },
  invalid: { outcome: 401, scheme: 'Bearer', error: 'invalid_token' },
  scopeMissing: { outcome: 403, scheme: 'Bearer', error: 'insufficient_scope', scope: BOTH },
};
const GRPC = {
  accepted: { outcome: 'OK' },
  anonymous: { outcome: 'UNAUTHENTICATED', scheme: 'Bearer', error: null },
  invalid: { outcome: 'UNAUTHENTICATED', scheme: 'Bearer', error: 'invalid_token' },
  scopeMissing: { outcome: 'PERMISSION_DENIED', scheme: 'Bearer', error: 'insufficient_scope', scope: BOTH },
};

// ---- tokens, each broken in at most one way ----

async function accessToken(issuer, resource, alg, { scope = BOTH, typ = 'at+jwt', audience = API } = {}) {
  const token = await clientCredentials(issuer, MACHINE, resource, scope);
  return { token, claims: await judge(issuer, token, { alg, typ, audience }) };
}

const perAlgorithm = (issuer, alg, options) => accessToken(issuer, `${API}/${alg}`, alg, options);

/** The token with one segment altered and still well formed: only its signature can tell. */
function tampered(token, segment) {
  const parts = token.split('.');
  const index = ['header', 'payload', 'signature'].indexOf(segment);
  const bytes = Buffer.from(parts[index], 'base64url');
  const json = () => JSON.parse(bytes.toString());
  const altered = {
    header: () => Buffer.from(JSON.stringify({ ...json(), note: 'altered' })),
    payload: () => Buffer.from(JSON.stringify({ ...json(), sub: 'mallory' })),
    signature: () => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte)),
  }[segment]();
  parts[index] = Buffer.from(altered).toString('base64url');
  return parts.join('.');
}

// ---- the run ----

async function main([protectedApi, grpc]) {
  assert.ok(protectedApi && grpc, 'usage: node cases.mjs PROTECTED_API GRPC');
  const provider = await startProvider();
  const { issuer } = provider;
  const trust = ['--issuer', issuer, '--algorithms', ALGORITHMS.join(','), '--allow-loopback-http'];
  const strict = [...trust, '--audience', API, '--token-type', 'at+jwt', '--leeway'];

  const [axum, exact, lax, tonic, tonicScoped] = await Promise.all([
    startAxum(protectedApi, [...strict, '30']),
    startAxum(protectedApi, [...strict, '0', '--scope', BOTH]),
    startAxum(protectedApi, [...trust, '--audience', API, '--audience', OTHER_API, '--token-type', 'any']),
    startTonic(grpc, [...strict, '30']),
    startTonic(grpc, [...strict, '0', '--scope', BOTH]),
  ]);
  const apis = [axum, exact, lax, tonic, tonicScoped];
  const first = await perAlgorithm(issuer, 'RS256');
  await Promise.all(apis.map((api) => untilKeysAreThere(api, first.token)));
  line('case', 'ok', 'expected', 'got');

  const shortLived = await accessToken(issuer, `${API}/short-lived`, 'RS256');
  const expiry = shortLived.claims.exp * 1000;

  // Accepted.
  for (const alg of ALGORITHMS) {
    const { token, claims } = await perAlgorithm(issuer, alg);
    await check(`axum: ${alg}, client credentials`, axum, token, HTTP.accepted, identityOf(claims));
    await check(`tonic: ${alg}, client credentials`, tonic, token, GRPC.accepted, claims.sub);
  }
  const people = await authorizationCode(issuer, APP, API, BOTH);
  const peopleClaims = await judge(issuer, people.accessToken, { alg: 'ES256', typ: 'at+jwt', audience: API });
  assert.equal(peopleClaims.sub, SUBJECT);
  const alice = identityOf(peopleClaims);
  await check('axum: authorization code with PKCE, the person as subject', axum, people.accessToken, HTTP.accepted, alice);
  await check('axum: all scopes there', exact, people.accessToken, HTTP.accepted, alice);
  await check('tonic: authorization code with PKCE', tonic, people.accessToken, GRPC.accepted, SUBJECT);
  await check('tonic: all scopes there', tonicScoped, people.accessToken, GRPC.accepted, SUBJECT);

  // No token.
  const metadata = `${API}/.well-known/oauth-protected-resource`;
  await check('axum: no token', axum, undefined, { ...HTTP.anonymous, resource_metadata: metadata });
  await check('axum: no token where scopes are required', exact, undefined, { ...HTTP.anonymous, scope: BOTH });
  await check('tonic: no token', tonic, undefined, { ...GRPC.anonymous, resource_metadata: metadata });
  await checkThat('axum: that metadata names the resource and its issuer', `${API} ${issuer}`, async () => {
    const response = await http(`${axum.address}${new URL(metadata).pathname}`);
    const { resource, authorization_servers } = await response.json();
    return `${resource} ${authorization_servers}`;
  });

  // Another audience, another kind of token. The controls show that nothing else is wrong with them.
  const other = await accessToken(issuer, OTHER_API, 'RS256', { audience: OTHER_API });
  await check('axum: access token of another resource', axum, other.token, HTTP.invalid);
  await check('tonic: access token of another resource', tonic, other.token, GRPC.invalid);
  await check('axum: control, the same where that audience is accepted', lax, other.token, HTTP.accepted, identityOf(other.claims));

  await judge(issuer, people.idToken, { alg: 'ES256', audience: APP.client_id });
  await check('axum: ID token', axum, people.idToken, HTTP.invalid);
  await check('tonic: ID token', tonic, people.idToken, GRPC.invalid);
  const namesake = await authorizationCode(issuer, NAMESAKE, API, BOTH);
  await judge(issuer, namesake.idToken, { alg: 'RS256', audience: API });
  await check('axum: ID token whose audience is the API', axum, namesake.idToken, HTTP.invalid);
  await check('axum: the same where any type is accepted', lax, namesake.idToken, HTTP.invalid);
  await check('tonic: ID token whose audience is the API', tonic, namesake.idToken, GRPC.invalid);

  const typJwt = await accessToken(issuer, `${API}/typ-jwt`, 'RS256', { typ: 'JWT' });
  await check('axum: typ JWT where at+jwt is required', axum, typJwt.token, HTTP.invalid);
  await check('tonic: typ JWT where at+jwt is required', tonic, typJwt.token, GRPC.invalid);
  await check('axum: control, the same where any type is accepted', lax, typJwt.token, HTTP.accepted, identityOf(typJwt.claims));

  const opaque = await clientCredentials(issuer, MACHINE, `${API}/opaque`, BOTH);
  assert.match(opaque, /^[\w-]+$/, 'the opaque token is not opaque');
  await check('axum: opaque access token', axum, opaque, HTTP.invalid);
  await check('tonic: opaque access token', tonic, opaque, GRPC.invalid);

  // Altered on the way.
  for (const alg of ALGORITHMS) {
    const { token } = await perAlgorithm(issuer, alg);
    for (const segment of ['header', 'payload', 'signature']) {
      await check(`axum: ${alg}, ${segment} altered`, axum, tampered(token, segment), HTTP.invalid);
    }
    await check(`axum: control, ${alg} as it was issued`, axum, token, HTTP.accepted);
    await check(`tonic: ${alg}, signature altered`, tonic, tampered(token, 'signature'), GRPC.invalid);
  }

  // Scope.
  const reader = await perAlgorithm(issuer, 'RS256', { scope: READ });
  await check('axum: a scope is missing', exact, reader.token, HTTP.scopeMissing);
  await check('axum: control, the same where no scope is required', axum, reader.token, HTTP.accepted, identityOf(reader.claims));
  await check('tonic: a scope is missing', tonicScoped, reader.token, GRPC.scopeMissing);

  // Expiry. The token lives for one second; an API with a leeway still takes it, so it is only late.
  await sleep(Math.max(0, expiry + 250 - Date.now()));
  await check('axum: expired', exact, shortLived.token, HTTP.invalid);
  await check('tonic: expired', tonicScoped, shortLived.token, GRPC.invalid);
  await check('axum: control, the same within the leeway of another API', axum, shortLived.token, HTTP.accepted, identityOf(shortLived.claims));

  // Rotation: the same issuer with other keys. The old token is in the cache of verified tokens by now.
  await check('axum: before the rotation', axum, first.token, HTTP.accepted, identityOf(first.claims));
  await check('tonic: before the rotation', tonic, first.token, GRPC.accepted, first.claims.sub);
  await provider.rotate();
  const rotated = await perAlgorithm(issuer, 'ES256');
  await check('axum: first request with a rotated-in key', axum, rotated.token, HTTP.accepted, identityOf(rotated.claims));
  await check('tonic: first request with a rotated-in key', tonic, rotated.token, GRPC.accepted, rotated.claims.sub);
  await check('axum: token of the rotated-out key, accepted before', axum, first.token, HTTP.invalid);
  await check('tonic: token of the rotated-out key, accepted before', tonic, first.token, GRPC.invalid);
  await check('axum: token of the rotated-out key, never seen before', axum, reader.token, HTTP.invalid);

  await checkThat('axum: ends cleanly on SIGTERM', '0', axum.stop);
  await checkThat('tonic: ends cleanly on SIGTERM', '0', tonic.stop);
  await Promise.all([exact, lax, tonicScoped].map((api) => api.stop()));
  provider.close();
}

function giveUp(why) {
  row('the run', 'complete', why);
  finish();
}

process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => giveUp(`stopped by ${signal}`));
setTimeout(() => giveUp('out of time'), DEADLINE).unref();
main(process.argv.slice(2)).then(finish, (error) => giveUp(error.stack));

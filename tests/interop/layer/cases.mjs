// The steps: the real web client of Layer against the running example.
// Usage: node cases.mjs LAYER_SESSIONS (an executable)

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { call, newClient, next, requests } from './client.mjs';
import { killAll } from '../processes.mjs';
import { start } from './service.mjs';

const DEADLINE = 90_000;
const INVALID = 'authenticated-error invalid_property 105 422';
const STALE = `${INVALID} Nonce not found or expired.`;

const steps = { passed: 0, failed: 0 };

function step(name, expected, got) {
  const ok = got === expected;
  steps[ok ? 'passed' : 'failed'] += 1;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}${ok ? `: ${got}` : `\n       expected ${expected}\n       got      ${got}`}`);
}

function finish() {
  killAll();
  console.log(`${steps.passed} passed, ${steps.failed} failed`);
  process.exit(steps.failed === 0 && steps.passed > 0 ? 0 : 1);
}

/** An event in one line. */
function inWords({ name, event }) {
  const error = event?.error;
  if (!error) return name;
  const phrase = error.message.startsWith('Nonce') ? ` ${error.message}` : '';
  return `${name} ${error.id} ${error.code} ${error.httpStatus}${phrase}`;
}

/** Answers a challenge, and says what becomes of it. */
async function answer(client, identityToken) {
  const outcome = next(client, 'ready', 'authenticated-error');
  client.answerAuthenticationChallenge(identityToken);
  return inWords(await outcome);
}

async function challenged(client, act) {
  const challenge = next(client, 'challenge');
  await act();
  return (await challenge).event.nonce;
}

const last = (method, path) => requests.findLast((request) => request.method === method && request.path === path);
/** The credentials of a request, with a name for the token. */
const header = ({ authorization }, name, token) => String(authorization).replace(token, `(${name})`);
const status = ({ status: code }) => String(code);

async function connectAndLogIn(service) {
  const client = newClient(service.url);
  const connected = next(client, 'connected');
  const nonce = await challenged(client, () => client.connect('frodo'));
  step('connect: a nonce for anyone', 'connected', inWords(await connected));
  step('connect: POST /nonces is 201', '201', status(last('POST', '/nonces')));
  step('challenge: the nonce is opaque text', 'true', String(/^\S{16,}$/.test(nonce)));

  const identityToken = await service.identityToken(client, 'frodo', nonce);
  step('session: the identity token buys one', 'ready', await answer(client, identityToken));
  step('session: POST /sessions is 201', '201', status(last('POST', '/sessions')));
  step('session: the client has its identity', 'frodo true', `${client.user.userId} ${client.user.isFullIdentity}`);
  step('session: GET /identities/frodo is 200', '200', status(last('GET', '/identities/frodo')));
  step('session: HEAD /ping is 200', '200', status(last('HEAD', '/ping')));
  return { client, nonce, identityToken };
}

async function reChallenge(service, { client, nonce: first, identityToken: firstToken }) {
  const good = await call(client, '/conversations');
  step('authenticated request', '200 []', `${good.status} ${JSON.stringify(good.data)}`);
  step('authenticated request: its header', 'Layer session-token="(this)"',
    header(last('GET', '/conversations'), 'this', client.sessionToken));

  // The session ends elsewhere; the client notices with its next request.
  const old = client.sessionToken;
  const ended = await service.send('DELETE', `/sessions/${old}`);
  step('forced expiry: DELETE /sessions/:token is 204', '204', status(ended));
  const offline = next(client, 'deauthenticated');
  let refused;
  const nonce = await challenged(client, async () => { refused = await call(client, '/conversations'); });
  step('forced expiry: the client is offline', 'deauthenticated', inWords(await offline));
  step('re-challenge: by a 401', '401 authentication_required 4', `${refused.status} ${refused.data.id} ${refused.data.code}`);
  step('re-challenge: with a fresh nonce', 'true', String(nonce === refused.data.data.nonce && nonce !== first));

  step('replayed identity token: refused', STALE, await answer(client, firstToken));
  const stale = await service.identityToken(client, 'frodo', first);
  step('spent nonce in a new identity token: refused', STALE, await answer(client, stale));

  const identityToken = await service.identityToken(client, 'frodo', nonce);
  const [head, payload, signature] = identityToken.split('.');
  const forged = [head, payload, [...signature].reverse().join('')].join('.');
  step('forged identity token: refused', INVALID, await answer(client, forged));
  step('the same nonce is not spent by that', 'ready', await answer(client, identityToken));
  const login = last('POST', '/sessions');
  step('re-authentication: sent with the old session token', '201 Layer session-token="(old)"',
    `${status(login)} ${header(login, 'old', old)}`);
  step('re-authentication: a new session', 'true', String(client.sessionToken !== old));
  step('re-authentication: it works', '200', status(await call(client, '/conversations')));

  const again = await service.send('POST', '/sessions', { identity_token: identityToken, app_id: client.appId });
  step('replayed identity token, without the client', '422 invalid_property 105 Nonce not found or expired.',
    `${again.status} ${again.body.id} ${again.body.code} ${again.body.message}`);
}

async function logOut(service, { client }) {
  const token = client.sessionToken;
  await new Promise((done) => { client.logout(done); });
  step('logout: the client deletes its session', '204', status(requests.findLast(({ method }) => method === 'DELETE')));
  for (const [quotes, quote] of [['double', '"'], ['single', "'"]]) {
    const headers = { authorization: `Layer session-token=${quote}${token}${quote}` };
    const refused = await service.send('GET', '/conversations', undefined, headers);
    step(`logout: the token in ${quotes} quotes is dead`, '401 true', `${refused.status} ${Boolean(refused.body.data.nonce)}`);
  }
}

/** A service whose nonces and sessions live for seconds. */
async function passingTime(service) {
  const client = newClient(service.url);
  const nonce = await challenged(client, () => client.connect('sam'));
  const identityToken = await service.identityToken(client, 'sam', nonce);
  await sleep(3_200);
  step('stale nonce: refused with 422', STALE, await answer(client, identityToken));

  const fresh = (await service.send('POST', '/nonces')).body.nonce;
  step('stale nonce: another one helps', 'ready', await answer(client, await service.identityToken(client, 'sam', fresh)));
  step('a session before its end', '200', status(await call(client, '/conversations')));
  await sleep(5_200);
  const again = await challenged(client, () => call(client, '/conversations'));
  step('a session after its end: challenged', '401', status(last('GET', '/conversations')));
  step('and back again', 'ready', await answer(client, await service.identityToken(client, 'sam', again)));
  client.disconnect();
}

async function badApplication(service) {
  const client = newClient(service.url, 'layer:///apps/staging/nonsense');
  const nonce = await challenged(client, () => client.connect('pippin'));
  const identityToken = await service.identityToken(client, 'pippin', nonce);
  step('an application of no form: refused', 'authenticated-error invalid_app_id 2 403', await answer(client, identityToken));
  client.disconnect();
}

async function main([program]) {
  assert.ok(program, 'usage: node cases.mjs LAYER_SESSIONS');
  const service = await start(program, []);
  const hasty = await start(program, ['--nonce-lifetime', '3', '--session-lifetime', '5']);
  const session = await connectAndLogIn(service);
  await reChallenge(service, session);
  await logOut(service, session);
  await badApplication(service);
  await passingTime(hasty);
}

function giveUp(why) {
  step('the run', 'complete', String(why));
  finish();
}

process.on('exit', killAll);
process.on('uncaughtException', (error) => giveUp(error.stack));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => giveUp(`stopped by ${signal}`));
setTimeout(() => giveUp('out of time'), DEADLINE).unref();
main(process.argv.slice(2)).then(finish, (error) => giveUp(error.stack));

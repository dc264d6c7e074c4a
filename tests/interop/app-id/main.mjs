// Sends every case to both servers and compares the answers: status, challenge, context.
// Usage: node main.mjs PROTECTED_API (an executable)

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { cases } from './cases.mjs';
import { DIFFERENCES, withRealm } from './differences.mjs';
import { killAll } from '../processes.mjs';
import { startOurs, startVendor } from './servers.mjs';
import { CLIENT, jwk, jwkWithZero, makeKey, startKeyServer, Tenant, TENANT } from './tenant.mjs';

const DEADLINE = 240_000;
const RECOVERY = 20_000;
/** As the options of the SDK and the flag of the example have them. */
const SCOPES = 'write read';

const rows = { passed: 0, failed: 0 };
const met = new Set();
let realms = 0;

function row(name, ok, what) {
  rows[ok ? 'passed' : 'failed'] += 1;
  console.log(`${name.padEnd(62)} ${(ok ? 'ok' : 'FAIL').padEnd(4)} ${what}`);
}

function finish() {
  killAll();
  console.log(`${rows.passed} passed, ${rows.failed} failed`);
  process.exit(rows.failed === 0 ? 0 : 1);
}

/** What is wrong with two answers; nothing, or one word about a difference that is listed. */
function judge(name, status, sdk, ours) {
  const theirs = withRealm(sdk.words);
  if (theirs !== sdk.words) realms += 1;
  const same = theirs === ours.words && isDeepStrictEqual(sdk.body, ours.body);
  const listed = DIFFERENCES[name];
  if (ours.status !== status) return { wrong: `ours is to be ${status}: ${ours.words}` };
  if (!listed) {
    if (same) return { what: ours.words };
    if (theirs !== ours.words) return { wrong: `sdk ${theirs} / ours ${ours.words}` };
    return { wrong: `sdk ${JSON.stringify(sdk.body)} / ours ${JSON.stringify(ours.body)}` };
  }
  met.add(name);
  if (same) return { wrong: 'a difference is listed, and there is none' };
  const as = theirs === listed.sdk && ours.words === listed.ours;
  return as ? { what: `${ours.words}  # sdk: ${theirs}` } : { wrong: `sdk ${theirs} / ours ${ours.words}; listed otherwise` };
}

/** One case at both servers. */
async function check(name, status, { sdk, ours }, fields) {
  const answers = await Promise.all([sdk.ask(fields), ours.ask(fields)]).catch((error) => error);
  if (answers instanceof Error) return row(name, false, `no answer: ${answers.message}`);
  const { wrong, what } = judge(name, status, ...answers);
  return row(name, wrong === undefined, wrong ?? what);
}

async function checkThat(name, test) {
  const got = await test().catch((error) => error.message);
  row(name, got === true, got === true ? '' : String(got));
}

/** Until ours no longer says that it has no keys. */
async function recovered(ours, fields) {
  const end = Date.now() + RECOVERY;
  while (Date.now() < end) {
    const { status } = await ours.ask(fields);
    if (status !== 503) return true;
    await sleep(200);
  }
  return `still 503 after ${RECOVERY / 1000} s`;
}

async function main([protectedApi]) {
  assert.ok(protectedApi, 'usage: node main.mjs PROTECTED_API');
  const [first, second, third, fourth, unrelated, unknown] = ['1', '2', '3', '4', '1', '9'].map(makeKey);
  const keyServer = await startKeyServer();
  keyServer.keys = [jwk(first), jwkWithZero(second)];
  const url = `${keyServer.origin}/oauth/v4/${TENANT}`;
  const tenant = new Tenant(url, first);
  const vendor = await startVendor();

  const pair = async (serverUrl, options, ...flags) => ({
    sdk: vendor.guard(serverUrl, options),
    ours: await startOurs(protectedApi, [
      '--profile', 'app-id', '--tenant', TENANT, '--server-url', serverUrl, '--allow-loopback-http', ...flags,
    ]),
  });
  const scope = { scope: SCOPES };
  const plain = await pair(url, {});
  const scoped = await pair(url, scope, '--scope', SCOPES);
  const forbidden = await pair(url, scope, '--scope', SCOPES, '--scope-status', '403');
  const aimed = await pair(url, { audience: CLIENT }, '--audience', CLIENT);
  const servers = { plain, scoped, forbidden, aimed };

  const table = cases({ tenant, padded: tenant.signedBy(second), foreign: tenant.signedBy(unknown), unrelated });
  for (const [api, group] of Object.entries(table)) {
    for (const [name, status, fields] of group) await check(name, status, servers[api], fields);
  }

  // Rotation: the first key goes, the third comes, all at once.
  const bearer = (key) => [`Bearer ${tenant.signedBy(key).access()}`];
  const old = bearer(first);
  await check('before the rotation', 200, plain, old);
  keyServer.keys = [jwk(second), jwk(third)];
  await check('the first token of a key that rotated in', 200, plain, bearer(third));
  await check('a token of the key that rotated out, taken before', 401, plain, old);
  await check('a token of the key that rotated out, never seen', 401, plain, bearer(first));
  await check('the key that stayed', 200, plain, bearer(second));

  // The endpoint breaks off.
  keyServer.up = false;
  await check('endpoint down: a known key', 200, plain, bearer(third));
  await check('endpoint down: an unknown key', 503, plain, bearer(fourth));
  const cold = await pair(`${keyServer.origin}/cold/${TENANT}`, {});
  const early = new Tenant(`${keyServer.origin}/cold/${TENANT}`, third);
  await check('endpoint down: a cold start', 503, cold, [`Bearer ${early.access()}`]);
  await check('endpoint down: a cold start, no field', 401, cold, []);
  keyServer.up = true;
  keyServer.keys = [jwk(third), jwk(fourth)];
  await checkThat('endpoint up again: ours comes back', () => recovered(plain.ours, bearer(fourth)));
  await check('endpoint up again: the key that was unknown', 200, plain, bearer(fourth));
  await checkThat('endpoint up again: ours comes back after a cold start', () => recovered(cold.ours, [`Bearer ${early.access()}`]));
  await check('endpoint up again: after a cold start', 200, cold, [`Bearer ${early.access()}`]);

  const stale = Object.keys(DIFFERENCES).filter((name) => !met.has(name));
  row('every listed difference has its case', stale.length === 0, stale.join('; '));
  row('the realm is a difference', realms > 0, `in ${realms} challenges of the SDK`);
  for (const [name, { ours }] of Object.entries({ ...servers, cold })) {
    await checkThat(`${name}: ends cleanly on SIGTERM`, async () => (await ours.stop()) === 0);
  }
  vendor.close();
  keyServer.close();
}

function giveUp(why) {
  row('the run', false, why);
  finish();
}

process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => giveUp(`stopped by ${signal}`));
setTimeout(() => giveUp('out of time'), DEADLINE).unref();
main(process.argv.slice(2)).then(finish, (error) => giveUp(error.stack));

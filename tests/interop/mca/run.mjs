// Asks the vendor's package and ours the same, on one key server, and compares the answers.
// Usage: node run.mjs PROTECTED_API (an executable)

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import { badCases, goodCases, headerCases, minter, scopeCases } from './cases.mjs';
import { startKeyServer } from './key_server.mjs';
import { killAll } from '../processes.mjs';
import { startOurs, startPackage } from './servers.mjs';
import { makeKey, TENANT } from './tokens.mjs';

const DEADLINE = 150_000;

/** Reviewed: the cases in which the two differ, what each answers, and why ours is meant. */
const differences = {};
for (const { cases, ...difference } of JSON.parse(readFileSync(new URL('differences.json', import.meta.url)))) {
  for (const name of cases) {
    assert.ok(!(name in differences), `${name} is listed twice`);
    assert.ok(difference.reason, `${name} is listed without a reason`);
    differences[name] = difference;
  }
}

// ---- the table ----

const rows = { passed: 0, failed: 0 };
const seen = new Set();

function row(name, failure, note) {
  rows[failure ? 'failed' : 'passed'] += 1;
  console.log(`${failure ? 'FAIL' : 'ok  '} ${name.padEnd(58)} ${failure ?? note}`);
}

function finish() {
  killAll();
  console.log(`${rows.passed} passed, ${rows.failed} failed`);
  process.exit(rows.failed === 0 ? 0 : 1);
}

const inWords = ({ status, challenge }) => [status, challenge].filter((word) => word !== null).join(' ');

/** One case: the answers of both, as they must be by the table and by the list of differences. */
function judge(name, theirs, ours, expected) {
  const listed = differences[name];
  if (seen.has(name)) return 'the name of another case too';
  seen.add(name);
  if (ours.status !== expected) return `ours is ${inWords(ours)}, not ${expected}`;
  const alike = isDeepStrictEqual(theirs, ours);
  if (alike) return listed && 'the listed difference is no more';
  const answers = { package: inWords(theirs), ours: inWords(ours) };
  if (!listed) {
    const contexts = theirs.context || ours.context ? `, ${JSON.stringify([theirs.context, ours.context])}` : '';
    return `not listed: ${JSON.stringify(answers)}${contexts}`;
  }
  // Where both admit the request, no difference is accepted: the contexts must be equal.
  if (theirs.status === ours.status && !isDeepStrictEqual(theirs.context, ours.context)) {
    return `contexts differ: ${JSON.stringify([theirs.context, ours.context])}`;
  }
  const { reason: _, ...asListed } = listed;
  return isDeepStrictEqual(answers, asListed) ? undefined : `listed otherwise: ${JSON.stringify(answers)}`;
}

async function check({ theirs, ours }, name, fields, expected) {
  const ask = async () => Promise.all([theirs.ask(fields), ours.ask(fields)]);
  const [first, firstOurs] = await ask();
  let failure = judge(name, first, firstOurs, expected);
  // Once more, now that both may remember. Where the key cannot be had the package is of two minds.
  const decided = first.status < 500 && firstOurs.status < 500;
  const again = failure || !decided ? [first, firstOurs] : await ask();
  if (!failure && !isDeepStrictEqual(again, [first, firstOurs])) {
    failure = `otherwise the second time: ${again.map(inWords).join(' and ')}`;
  }
  row(name, failure, differences[name] ? `${inWords(firstOurs)}   (package: ${inWords(first)})` : inWords(firstOurs));
}

async function withBoth(program, configuration, run) {
  const [theirs, ours] = await Promise.all([startPackage(configuration), startOurs(program, configuration)]);
  try {
    await run({ theirs, ours });
  } finally {
    await Promise.all([theirs.stop(), ours.stop()]);
  }
}

// ---- the stages, each with servers of its own: the package remembers keys and bad tokens for good ----

async function mainStage(program, keys, scope) {
  const stage = keys.stage(scope ? 'scopes' : 'main', TENANT);
  const [key, otherKey] = [makeKey(), makeKey()];
  assert.ok(Buffer.from(key.published.n, 'base64url')[0] === 0, 'the modulus has a zero byte in front');
  stage.publish(key.published);
  const mint = minter(key, stage.issuer);
  const site = { key, otherKey, issuer: stage.issuer };
  await withBoth(program, { tenant: TENANT, serverUrl: stage.serverUrl, scope }, async (both) => {
    const cases = scope
      ? scopeCases(mint)
      : [...goodCases(mint, site), ...headerCases(mint), ...badCases(mint, site)];
    for (const [name, fields, expected] of cases) await check(both, name, fields, expected);
  });
}

/** Other forms in which the one key may be published. */
async function keyForms(program, keys) {
  const key = makeKey();
  for (const [form, jwk] of [
    ['modulus without a zero byte', key.plain],
    ['members beside it', { ...key.published, alg: 'RS256', use: 'sig', kid: 'k', x: { y: [1] } }],
  ]) {
    const stage = keys.stage(`key-${form.replaceAll(' ', '-')}`, TENANT);
    stage.publish(jwk);
    const { alone, bearer, access, id } = minter(key, stage.issuer);
    await withBoth(program, { tenant: TENANT, serverUrl: `${stage.serverUrl}/` }, async (both) => {
      await check(both, `key: ${form}, a token`, alone(), 200);
      await check(both, `key: ${form}, a pair`, bearer(access(), id()), 200);
    });
  }
}

async function rotation(program, keys) {
  const stage = keys.stage('rotation', TENANT);
  const [oldKey, newKey] = [makeKey(), makeKey()];
  const [before, after] = [minter(oldKey, stage.issuer), minter(newKey, stage.issuer)];
  const configuration = { tenant: TENANT, serverUrl: stage.serverUrl };
  stage.publish(oldKey.published);
  await withBoth(program, configuration, async (both) => {
    await check(both, 'rotation: a token of the old key, before', before.alone(), 200);
    await check(both, 'rotation: a token of the new key, before', after.alone({ jti: 'early' }), 401);
    stage.publish(newKey.published);
    await check(both, 'rotation: a token of the new key, at once', after.alone(), 200);
    await check(both, 'rotation: a pair of the new key, at once', after.pair(), 200);
    await check(both, 'rotation: a token of the old key, after', before.alone({ jti: 'late' }), 401);
  });
  await withBoth(program, configuration, async (both) => {
    await check(both, 'rotation: a token of the new key, after a restart', after.alone(), 200);
    await check(both, 'rotation: a token of the old key, after a restart', before.alone(), 401);
  });
}

/** The key endpoint has a bad day. Bad tokens and requests without credentials need no key. */
async function faults(program, keys) {
  for (const [fault, answer] of [
    ['500', { status: 500, body: 'down' }],
    ['HTML', { body: '<html>' }],
    ['silence', { silent: true }],
  ]) {
    const stage = keys.stage(`fault-${fault}`, TENANT);
    const key = makeKey();
    const { alone, pair } = minter(key, stage.issuer);
    stage.answer(answer);
    await withBoth(program, { tenant: TENANT, serverUrl: stage.serverUrl }, async (both) => {
      await check(both, `key endpoint: ${fault}, no Authorization field`, [], 401);
      await check(both, `key endpoint: ${fault}, a good token`, alone(), 503);
      await check(both, `key endpoint: ${fault}, a later token`, pair(), 503);
      stage.publish(key.published);
      const good = alone({ jti: 'recovered' });
      // Our back-off is a second or two by now.
      for (let attempt = 0; attempt < 50 && (await both.ours.ask(good)).status !== 200; attempt += 1) {
        await new Promise((later) => { setTimeout(later, 200); });
      }
      await check(both, `key endpoint: ${fault}, recovered`, good, 200);
    });
  }
}

async function main([program]) {
  assert.ok(program, 'usage: node run.mjs PROTECTED_API');
  const keys = await startKeyServer();
  await mainStage(program, keys);
  await mainStage(program, keys, 'read write');
  await keyForms(program, keys);
  await rotation(program, keys);
  await faults(program, keys);
  for (const name of Object.keys(differences)) {
    if (!seen.has(name)) row(name, 'listed, and no such case');
  }
  keys.stop();
}

setTimeout(() => {
  row('everything within the deadline', 'late');
  finish();
}, DEADLINE).unref();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    row('not interrupted', signal);
    finish();
  });
}
main(process.argv.slice(2)).catch((error) => row('the run', error.stack)).finally(finish);

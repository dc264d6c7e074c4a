// The provider rotates its key while good requests keep coming: published ahead, and all at once.
// Usage: node rotation.mjs PROTECTED_API GRPC (two executables; the second is not used)

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { killAll } from '../processes.mjs';
import { startAxum, untilKeysAreThere } from './apis.mjs';
import { clientCredentials } from './client.mjs';
import { API, MACHINE, READ, signingKey, startProvider, WRITE } from './provider.mjs';

const ALGORITHM = 'ES256';
const SECOND = 1000;
/** How long the keys may be kept: the shortest time that the API heeds. It refreshes them within it. */
const MAX_AGE = 60;
const REQUESTS_PER_SECOND = 100;
const TOKENS_PER_SECOND = 20;
const DEADLINE = 180 * SECOND;

const rows = { passed: 0, failed: 0 };

function row(name, holds, got) {
  rows[holds ? 'passed' : 'failed'] += 1;
  console.log(`${name.padEnd(58)} ${(holds ? 'ok' : 'FAIL').padEnd(4)} ${got}`);
}

function finish() {
  killAll();
  console.log(`${rows.passed} passed, ${rows.failed} failed`);
  process.exit(rows.failed === 0 ? 0 : 1);
}

const kidOf = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;

/** Good requests at a fixed rate, whether the last one was answered or not, each with the latest token. */
class Load {
  constructor(api, issuer) {
    Object.assign(this, { api, issuer, tally: {}, tokens: {}, open: new Set() });
  }

  mint() {
    return clientCredentials(this.issuer, MACHINE, `${API}/${ALGORITHM}`, `${READ} ${WRITE}`);
  }

  async start() {
    this.token = await this.mint();
    this.running = true;
    this.loops = Promise.all([
      this.every(SECOND / REQUESTS_PER_SECOND, () => this.request(this.token)),
      this.every(SECOND / TOKENS_PER_SECOND, async () => {
        this.token = await this.mint();
      }),
    ]);
  }

  async every(milliseconds, work) {
    for (let due = performance.now(); this.running; due += milliseconds) {
      await sleep(Math.max(0, due - performance.now()));
      const job = work();
      this.open.add(job);
      job.finally(() => this.open.delete(job)).catch(() => {});
    }
  }

  async request(token) {
    const kid = kidOf(token);
    const answer = await this.api.call(token).catch((error) => ({ outcome: error.message }));
    this.tally[answer.outcome] = (this.tally[answer.outcome] ?? 0) + 1;
    if (answer.outcome === 200) this.tokens[kid] = (this.tokens[kid] ?? 0) + 1;
  }

  /** Stops, waits for the answers, and tells what they were. */
  async stop() {
    this.running = false;
    await this.loops;
    await Promise.all(this.open);
    const { tally, tokens } = this;
    Object.assign(this, { tally: {}, tokens: {} });
    return { tally, tokens };
  }
}

/** Every answer was 200, and so many tokens of each of these keys were among them. */
function judge(name, { tally, tokens }, kids) {
  const served = kids.map((kid) => tokens[kid] ?? 0);
  const holds = Object.keys(tally).join() === '200' && served.every((count) => count > 0);
  row(name, holds, `${JSON.stringify(tally)}, by key: ${served.join(' and ')}`);
}

async function main([protectedApi]) {
  assert.ok(protectedApi, 'usage: node rotation.mjs PROTECTED_API GRPC');
  const [first, second, third] = await Promise.all(
    ['first', 'second', 'third'].map(async (kid) => ({ ...(await signingKey(ALGORITHM)), kid })),
  );
  // The client registrations of this provider name other algorithms, too.
  const others = [await signingKey('RS256')];
  const provider = await startProvider({ keys: [first, ...others], maxAge: MAX_AGE });
  const { issuer } = provider;
  const trust = ['--issuer', issuer, '--algorithms', ALGORITHM, '--allow-loopback-http'];
  const api = await startAxum(protectedApi, [...trust, '--audience', API, '--token-type', 'at+jwt']);
  const load = new Load(api, issuer);
  await untilKeysAreThere(api, await load.mint());

  await load.start();
  await sleep(5 * SECOND);
  judge('before the rotation', await load.stop(), ['first']);

  // Published one refresh interval before it signs.
  const before = provider.keyFetches();
  await load.start();
  await provider.publish([first, second, ...others]);
  await sleep(MAX_AGE * SECOND);
  const ahead = provider.keyFetches() - before;
  await provider.publish([second, first, ...others]);
  await sleep(5 * SECOND);
  judge('rotation published ahead, under load', await load.stop(), ['first', 'second']);
  const fetches = provider.keyFetches() - before;
  row('the keys were fetched by the schedule alone', ahead >= 1 && fetches === ahead, `${ahead}, and then ${fetches - ahead}`);

  // All at once: the first requests with the new key wait for it.
  await provider.publish([third, ...others]);
  await load.start();
  await sleep(5 * SECOND);
  judge('abrupt rotation, under load', await load.stop(), ['third']);
  const last = provider.keyFetches() - before - fetches;
  row('one fetch for all who waited', last === 1, String(last));

  const code = await api.stop();
  row('ends cleanly on SIGTERM', code === 0, String(code));
  provider.close();
}

function giveUp(why) {
  row('the run', false, why);
  finish();
}

process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => giveUp(`stopped by ${signal}`));
setTimeout(() => giveUp('out of time'), DEADLINE).unref();
main(process.argv.slice(2)).then(finish, (error) => giveUp(error.stack));

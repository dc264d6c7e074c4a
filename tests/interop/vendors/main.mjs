// Puts each token to its vendor's verifier, and compares.
// Usage: node main.mjs TOKENS (written by a test) SPIFFE (the program in the folder of that name)

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const rows = JSON.parse(readFileSync(process.argv[2]));
const keys = Object.fromEntries(rows.filter((row) => row.pem).map((row) => [row.vendor, row]));

// The tokens are of one moment, and the verifiers read the clock.
const now = Object.values(keys)[0].now * 1000;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now);
    else super(...given);
  }

  static now() {
    return now;
  }
};

const { VENDORS } = await import('./vendors.mjs');
const { spiffe } = await import('./spiffe.mjs');

/** Reviewed: where the two differ, and why ours is meant. */
const differences = new Map();
for (const difference of JSON.parse(readFileSync(new URL('differences.json', import.meta.url)))) {
  const name = `${difference.vendor}: ${difference.case}`;
  assert.ok(!differences.has(name), `${name} is listed twice`);
  assert.ok(difference.reason, `${name} is listed without a reason`);
  differences.set(name, difference);
}

const count = { passed: 0, failed: 0 };
const seen = new Set();

function row(name, failure, note) {
  count[failure ? 'failed' : 'passed'] += 1;
  console.log(`${failure ? 'FAIL' : 'ok  '} ${name.padEnd(52)} ${failure ?? note}`);
}

const verifiers = Object.fromEntries(
  Object.entries(VENDORS).map(([vendor, make]) => [vendor, make(keys[vendor])]),
);
verifiers.spiffe = spiffe(process.argv[3], keys.spiffe);

for (const { vendor, name, token, ours, ...said } of rows.filter((row) => row.token)) {
  const full = `${vendor}: ${name}`;
  seen.add(full);
  // What made the token may have said at once what it is.
  let theirs = said.theirs ?? null;
  try {
    if (!('theirs' in said)) await verifiers[vendor](token);
  } catch (error) {
    theirs = String(error.message ?? error).split('\n')[0].slice(0, 90);
  }
  const alike = (theirs === null) === (ours === null);
  const listed = differences.get(full);
  const both = `ours: ${ours ?? 'good'}; theirs: ${theirs ?? 'good'}`;
  if (alike) row(full, listed && 'the listed difference is no more', ours ?? 'good');
  else if (!listed) row(full, `not listed: ${both}`);
  else if (listed.vendor_takes_it !== (theirs === null)) row(full, `the other way round: ${both}`);
  else row(full, undefined, `differs: ${listed.reason}`);
}
for (const name of differences.keys()) {
  if (!seen.has(name)) row(name, 'is listed, and there is no such case');
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 ? 0 : 1);

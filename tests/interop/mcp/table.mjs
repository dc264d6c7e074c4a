// The table of cases: a line each, and the sum at the end.

import { isDeepStrictEqual } from 'node:util';

const rows = { passed: 0, failed: 0 };

/** One case: `got` must be `expected`. */
export function row(name, got, expected) {
  const ok = isDeepStrictEqual(got, expected);
  rows[ok ? 'passed' : 'failed'] += 1;
  console.log(`${name.padEnd(86)} ${ok ? 'ok' : 'FAIL'}`);
  if (!ok) console.log(`  got      ${JSON.stringify(got)}\n  expected ${JSON.stringify(expected)}`);
}

/** A step that could not be done. */
export function failed(what, error) {
  rows.failed += 1;
  console.log(`${what}: FAIL\n  ${error.stack ?? error}`);
}

export function finish() {
  console.log(`${rows.passed} passed, ${rows.failed} failed`);
  return rows.failed === 0;
}

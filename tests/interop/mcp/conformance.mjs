// The official conformance suite, for each version of the specification: every check of the guarded server must
// end as that of the same server by itself.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { start } from '../processes.mjs';
import { row } from './table.mjs';

const TIMEOUT = 120_000;

const run = promisify(execFile);

// With how many scenarios the server by itself passes: a suite that no longer reaches it would be the same on both sides.
const SUITES = [
  { version: '2025-11-25', parameters: ['--spec-version', '2025-11-25'], passes: 30 },
  { version: '2026-07-28', parameters: ['--requirements', '2026-07-28'], passes: 41 },
];

/** The checks of each scenario, and how each ended. */
async function checks({ version, parameters }, url) {
  const directory = await mkdtemp(join(tmpdir(), 'conformance-'));
  const suite = fileURLToPath(new URL(`node_modules/conformance-${version}/dist/index.js`, import.meta.url));
  // It ends with 1 when a check fails: what it wrote counts.
  await run(process.execPath, [suite, 'server', '--url', url, '--output-dir', directory, ...parameters], {
    timeout: TIMEOUT, maxBuffer: 1 << 28,
  }).catch((error) => {
    if (error.code !== 1) throw error;
  });
  const scenarios = new Map();
  for (const folder of (await readdir(directory)).sort()) {
    const [, scenario] = /^server-(.*)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(folder);
    const found = JSON.parse(await readFile(join(directory, folder, 'checks.json'), 'utf8'));
    scenarios.set(scenario, found.map(({ id, status }) => ({ id, status })));
  }
  await rm(directory, { recursive: true });
  return scenarios;
}

const statuses = (found = []) => found.map(({ id, status }) => `${id}: ${status}`);
const passes = (found) => found.every(({ status }) => status !== 'FAILURE');

async function compare(suite, origin) {
  const { version } = suite;
  const [plain, guarded] = await Promise.all(['plain', 'guarded'].map((path) => checks(suite, `${origin}/${path}`)));
  const passed = [...plain].filter(([, found]) => passes(found)).map(([scenario]) => scenario);
  row(`conformance ${version}: scenarios that the server passes by itself`, passed.length, suite.passes);
  row(`conformance ${version}: the scenarios are the same`, [...guarded.keys()], [...plain.keys()]);
  for (const [scenario, found] of plain) {
    row(`conformance ${version} ${scenario}: the same through the guard`, statuses(guarded.get(scenario)), statuses(found));
  }
}

export async function conformance({ rust }) {
  const server = await start(rust, ['conformance']);
  // One after the other: the checks have their own patience.
  for (const suite of SUITES) await compare(suite, server.address);
  await server.stop();
}

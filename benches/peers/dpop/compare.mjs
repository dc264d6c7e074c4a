// Usage: compare.mjs FOLDER OUT: FOLDER has the table, what each judge said of it, and the times; OUT gets JSON lines.
// Ends with 1 when a row is not right with us.

import { readFileSync, writeFileSync } from 'node:fs';

import { REASONS } from './reasons.mjs';

const [folder, out] = process.argv.slice(2);
const read = (file) => readFileSync(new URL(file, import.meta.url), 'utf8');
const saved = (file) => readFileSync(`${folder}/${file}`, 'utf8');

const huskarl = /name = "huskarl-resource-server"\nversion = "([^"]+)"/.exec(read('Cargo.lock'))[1];
const { dependencies } = JSON.parse(read('../../../tests/interop/dpop/package.json'));
const JUDGES = {
  ours: 'tower-resource-server',
  huskarl: `huskarl-resource-server ${huskarl}`,
  'huskarl-store': `huskarl-resource-server ${huskarl}, with a store`,
  oauth4webapi: `oauth4webapi ${dependencies.oauth4webapi}`,
};

const { rows } = JSON.parse(saved('table.json'));
const unknown = Object.keys(REASONS).filter((name) => !rows.some((row) => row.name === name));
if (unknown.length > 0) throw new Error(`reasons for rows that are not there: ${unknown.join('; ')}`);

const median = (values) => values.toSorted((a, b) => a - b)[Math.trunc(values.length / 2)];
const times = Object.groupBy(saved('times').trim().split('\n').map((line) => line.split(' ')), ([judge]) => judge);
const rounds = (judge) => times[judge].map(([, nanoseconds]) => Number(nanoseconds));
const time = (judge) => median(rounds(judge));
const raw = time('raw');
// Within each round, since the machine is not as fast in every one.
const ratio = (judge) => median(rounds(judge).map((nanoseconds, round) => nanoseconds / rounds('raw')[round]));

const line = (row, measured, unit, more) => ({ bench: 'peers-dpop', row, measured, unit, must: null, aim: null, verdict: null, ...more });
const lines = [line('ES256 alone', raw, 'ns', { candidate: 'raw' })];
const summary = [];
const differences = [];
let allRight;
for (const [judge, name] of Object.entries(JUDGES)) {
  const said = JSON.parse(saved(`${judge}.json`));
  const wrong = rows.filter((row) => said[row.name] !== row.wants);
  if (judge === 'ours') allRight = wrong.length === 0;
  const open = wrong.filter((row) => REASONS[row.name]?.open);
  const cost = time(judge);
  summary.push([name, `${rows.length - wrong.length} of ${rows.length}`, `${wrong.length - open.length}`, `${open.length}`, `${(cost / 1000).toFixed(1)} us`, `${ratio(judge).toFixed(2)} x`]);
  differences.push(...wrong.map((row) => {
    const reason = REASONS[row.name] ?? {};
    const why = reason.open ? `left open: ${reason.open}` : `against ${reason.against ?? 'what nothing here says'}`;
    return `${name} ${said[row.name]} ${JSON.stringify(row.name)}: ${why}`;
  }));
  lines.push(
    line(`DPoP, correct rows: ${name}`, rows.length - wrong.length, '', { candidate: judge, rows: rows.length, against: wrong.length - open.length, open: open.length }),
    line(`DPoP, a good proof: ${name}`, cost, 'ns', { candidate: judge, control: raw, ratio: ratio(judge) }),
  );
}

const head = ['', 'correct rows', 'against an RFC', 'left open', 'a good proof', 'to ES256 alone'];
const widths = head.map((_, column) => Math.max(...[head, ...summary].map((cells) => cells[column].length)));
const shown = (cells) => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ');
console.log([shown(head), ...summary.map(shown), '', ...differences].join('\n'));
writeFileSync(out, lines.map((one) => `${JSON.stringify(one)}\n`).join(''));

process.exit(allRight ? 0 : 1);

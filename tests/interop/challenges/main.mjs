// Puts every challenge to every parser, as it was sent and as a proxy joins it, and compares what is found
// with what is there. Usage: node main.mjs CHALLENGES (a JSON file) PYTHON RUST (an
// interpreter with mcp, and the program of the suite mcp)

import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';

import { DIFFERENCES } from './differences.mjs';
import { MISREAD } from './misread.mjs';
import { FAILED, parsers } from './parsers.mjs';

/** How many failures of one row are shown in full. */
const SHOWN = 3;

const total = { passed: 0, failed: 0 };

function row(name, { passed, failed }, what) {
  total.passed += passed;
  total.failed += failed.length;
  console.log(`${name.padEnd(72)} ${(failed.length === 0 ? 'ok' : 'FAIL').padEnd(4)} ${what}`);
  for (const failure of failed.slice(0, SHOWN)) console.log(`  ${failure}`);
  if (failed.length > SHOWN) console.log(`  and ${failed.length - SHOWN} more`);
}

const check = (name, ok, what) => row(name, { passed: ok ? 1 : 0, failed: ok ? [] : [what] }, ok ? what : '');

/** What a parser is to find in an answer that was sent this way, by what is there. */
function readings({ silent, first, url, lowerCase }, { schemes, parameters, algs }, fields) {
  const found = (scheme) => {
    const there = scheme === 'DPoP' && algs ? { ...parameters, algs } : parameters;
    const told = Object.entries(there).filter(([name]) => !(name in silent));
    return Object.fromEntries(
      told.map(([name, value]) => [name, url && name === 'resource_metadata' ? new URL(value).href : value]),
    );
  };
  const every = schemes.map((scheme) => {
    const parameters = found(scheme);
    return 'scheme' in silent ? { parameters } : { scheme: lowerCase ? scheme.toLowerCase() : scheme, parameters };
  });
  if (!first) return every;
  return 'scheme' in silent ? every.slice(0, 1) : every.slice(0, fields.length);
}

/** The same with the differences that are listed; each must be one. */
function expect(parser, answer, way, met) {
  let wanted = readings(parser, answer.expected, answer.fields);
  let listed = 0;
  for (const difference of DIFFERENCES) {
    if (!difference.parsers.includes(parser.name) || !difference.when(answer, way)) continue;
    const changed = difference.reads(wanted, answer);
    if (isDeepStrictEqual(changed, wanted)) continue;
    met.add(`${parser.name}: ${difference.why}`);
    [wanted, listed] = [changed, listed + 1];
  }
  return { wanted, listed };
}

/** All answers of a group, sent one way, to one parser. */
async function judge(parser, group, way, answers, met) {
  const got = await parser.read(answers);
  const result = { passed: 0, failed: [] };
  let known = 0;
  answers.forEach((answer, n) => {
    const { wanted, listed } = expect(parser, answer, way, met);
    known += listed > 0 ? 1 : 0;
    // A copy, since some parsers make objects without a prototype.
    if (isDeepStrictEqual(structuredClone(got[n]), wanted)) result.passed += 1;
    else result.failed.push(`${answer.name}: ${JSON.stringify(answer.fields)} read ${JSON.stringify(got[n])}, not ${JSON.stringify(wanted)}`);
  });
  const what = `${result.passed} read` + (known > 0 ? `, ${known} of them as listed` : '');
  row(`${parser.name}: ${group}, ${way}`, result, what);
}

const joined = (answer) => ({ ...answer, fields: [answer.fields.join(', ')] });

async function main([file, python, rust]) {
  const all = JSON.parse(await readFile(file, 'utf8'));
  const groups = new Map(all.map(({ group }) => [group, []]));
  for (const answer of all) groups.get(answer.group).push(answer);
  check('there are challenges', all.length > 4_000, `${all.length} answers`);

  const met = new Set();
  const judges = parsers({ python, rust });
  for (const parser of judges) {
    for (const [group, answers] of groups) {
      await judge(parser, group, 'as sent', answers, met);
      const several = answers.filter(({ fields }) => fields.length > 1).map(joined);
      if (several.length > 0) await judge(parser, group, 'joined', several, met);
    }
  }
  for (const { parsers: names, why } of DIFFERENCES) {
    for (const name of names) check(`${name}: ${why}`, met.has(`${name}: ${why}`), 'shows');
  }
  for (const [what, name, fields, found] of MISREAD) {
    const { read } = judges.find((parser) => parser.name === name);
    const [[reading]] = await read([{ status: 401, fields }]);
    const as = found === undefined ? FAILED : { parameters: found };
    const same = isDeepStrictEqual(structuredClone(reading), as);
    check(`refused: ${what}; ${name}`, same, `${fields.join(' / ')} reads ${JSON.stringify(reading)}`);
  }
}

process.on('exit', () => console.log(`${total.passed} passed, ${total.failed} failed`));
main(process.argv.slice(2)).catch((error) => {
  total.failed += 1;
  console.error(error.stack);
}).then(() => {
  process.exitCode = total.failed === 0 ? 0 : 1;
});

// Usage: judge.mjs verdicts TABLE | time TABLE: what oauth4webapi says of each row, or nanoseconds a good proof.

import { readFileSync } from 'node:fs';

import { oauth, validation } from '../../../tests/interop/dpop/judges.mjs';

const [what, file] = process.argv.slice(2);
const { issuer, audience, origin, now, jwks, rows, good } = JSON.parse(readFileSync(file));

const as = { issuer, jwks_uri: `${issuer}/jwks` };
const judge = validation(as, audience, origin, {
  [oauth.customFetch]: async () => Response.json(jwks),
  [oauth.clockSkew]: now - Math.trunc(Date.now() / 1000),
});
/** Fields that occur twice in one list. */
const headers = (fields) => Object.fromEntries(Object.entries(Object.groupBy(fields, ([name]) => name))
  .map(([name, values]) => [name, values.map(([, value]) => value)]));

async function verdict(requests) {
  let said;
  for (const request of requests) said = await judge({ ...request, headers: headers(request.headers) });
  return said;
}

async function pass(proofs) {
  for (const dpop of proofs) {
    const { authorization, path } = good;
    if (await judge({ method: 'GET', path, headers: { authorization, dpop } }) !== 'accepts') throw new Error('a good proof is refused');
  }
}

if (what === 'verdicts') {
  const said = {};
  for (const { name, requests } of rows) said[name] = await verdict(requests);
  console.log(JSON.stringify(said));
} else {
  const first = good.proofs.length / 2;
  await pass(good.proofs.slice(0, first));
  const begin = process.hrtime.bigint();
  await pass(good.proofs.slice(first));
  console.log(Number(process.hrtime.bigint() - begin) / (good.proofs.length - first));
}

// fast-jwt and jose on the tokens of the other programs. Usage: measure.mjs TOKENS RESULTS [--smoke]
//
// Medians of candidates that take turns, each result looked at. What is measured is a call of the
// library, not a request: Node has no Tower.
import { createPublicKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

import { createVerifier } from "fast-jwt";
import { importJWK, jwtVerify } from "jose";

const [tokensFile, resultsFile, mode] = process.argv.slice(2);
const { issuer, audience, algorithms } = JSON.parse(readFileSync(tokensFile, "utf8"));
const smoke = mode === "--smoke";
const rounds = smoke ? 1 : 51;
const sample = 5e6; // nanoseconds

// Each candidate does its work so many times in one call, so that waiting is measured only where
// the library makes its callers wait.
const fast = (key, algorithm, token, cache) => {
  const verify = createVerifier({ key, cache, algorithms: [algorithm], allowedIss: issuer, allowedAud: audience });
  return (times) => {
    for (let i = 0; i < times; i++) expect(verify(token));
  };
};
const jose = (key, algorithm, token) => async (times) => {
  const options = { algorithms: [algorithm], issuer, audience };
  for (let i = 0; i < times; i++) expect((await jwtVerify(token, key, options)).payload);
};

function expect(claims) {
  if (claims.iss !== issuer) throw new Error("not what was expected");
}

async function time(candidate, times) {
  const begin = process.hrtime.bigint();
  await candidate.run(times);
  return Number(process.hrtime.bigint() - begin);
}

async function medians(candidates) {
  for (const candidate of candidates) {
    candidate.samples = [];
    const warm = smoke ? 3 : 2000; // until the compiler has seen it
    candidate.batch = smoke ? 3 : Math.max(10, Math.round((sample * warm) / (await time(candidate, warm))));
  }
  for (let round = 0; round < rounds; round++) {
    for (const candidate of candidates) {
      candidate.samples.push((await time(candidate, candidate.batch)) / candidate.batch);
    }
  }
  for (const { samples } of candidates) samples.sort((a, b) => a - b);
}

const lines = [];
for (const [algorithm, { jwk, good }] of Object.entries(algorithms)) {
  const key =
    jwk.kty === "oct"
      ? Buffer.from(jwk.k, "base64url")
      : createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
  const candidates = [
    { name: "fast-jwt 6.3", run: fast(key, algorithm, good, false) },
    { name: "fast-jwt 6.3, cached", run: fast(key, algorithm, good, true) },
    { name: "jose 6.2", run: jose(await importJWK(jwk, algorithm), algorithm, good) },
  ];
  await medians(candidates);
  for (const { name, samples } of candidates) {
    const measured = samples[samples.length >> 1];
    const row = `${algorithm} good: ${name}`;
    lines.push({
      bench: "node", row, measured, unit: "ns", must: null, aim: null, verdict: null,
      algorithm, case: "good", candidate: name, node: process.versions.node,
    });
    if (!smoke) console.log(`${row.padEnd(44)} ${`${measured.toFixed(0)} ns`.padStart(12)}`);
  }
}
writeFileSync(resultsFile, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
console.log(`${lines.length} numbers of Node ${process.versions.node}`);

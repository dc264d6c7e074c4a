// The cases: tokens of a real provider that are bound to a certificate, over TLS that ends in the API, in nginx and in
// Envoy.
// Usage: node cases.mjs PROTECTED_API MTLS PROXIES (two executables, and the folder with those of the proxies)

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { decodeJwt } from 'jose';

import { endProxies, startProxy } from '../forward-auth/proxies.mjs';
import { killAll, start } from '../processes.mjs';
import { ask, pair, token } from './client.mjs';
import { API, BEARER, BOUND, startProvider } from './provider.mjs';

const DEADLINE = 150_000;
const here = dirname(fileURLToPath(import.meta.url));
const [protectedApi, mtls, programs] = process.argv.slice(2);

// ---- the table ----

const rows = { passed: 0, failed: 0 };
const folder = mkdtempSync(join(tmpdir(), 'mtls-interop-'));

function row(name, expected, got) {
  const ok = got === expected;
  rows[ok ? 'passed' : 'failed'] += 1;
  console.log(`${name.padEnd(74)} ${(ok ? 'ok' : 'FAIL').padEnd(4)} ${expected.padEnd(22)} ${got}`);
}

function finish() {
  endProxies();
  killAll();
  rmSync(folder, { recursive: true, force: true });
  console.log(`${rows.passed} passed, ${rows.failed} failed`);
  process.exit(rows.failed === 0 ? 0 : 1);
}

/** The status, the error of the challenge, and of a good answer the thumbprint that it names. */
function inWords({ status, headers, text }, own) {
  if (status !== 200) {
    const challenge = headers['www-authenticate'] ?? 'none';
    const [scheme] = challenge.split(' ');
    return `${status} ${scheme} ${/error="([^"]*)"/.exec(challenge)?.[1] ?? '-'}`;
  }
  const bound = JSON.parse(text).confirmation?.['x5t#S256'];
  return `200 ${bound === own.thumbprint ? 'bound' : bound ?? 'unbound'}`;
}

/** What a client writes to pass for the one with this certificate, by each header of a proxy. */
function spoofed({ cert, base64, hash }) {
  const pem = encodeURIComponent(cert);
  return [
    ['Client-Cert', `:${base64}:`],
    ['ssl-client-cert', pem],
    ['x-forwarded-client-cert', `By=spiffe://orders.example;Hash=${hash}`],
    ['x-amzn-mtls-clientcert', pem],
    ['x-amzn-mtls-clientcert-leaf', pem],
  ];
}

// ---- what runs ----

execFileSync(mtls, ['--make-certificates', folder]);
const ca = readFileSync(join(folder, 'authority.pem'), 'utf8');
const [server, own, other, intruder] = ['server', 'client', 'other', 'intruder'].map((name) => pair(folder, name));

async function main() {
  const provider = await startProvider({ ...server, ca });
  const bound = await token(ca, own, provider.tokens, BOUND, API);
  const bearer = await token(ca, own, provider.tokens, BEARER, API);
  row('the provider binds the token to the certificate', own.thumbprint, decodeJwt(bound).cnf?.['x5t#S256'] ?? 'no cnf');
  row('and the token of another client to nothing', 'undefined', String(decodeJwt(bearer).cnf));
  const refused = await token(ca, undefined, provider.tokens, BOUND, API).catch(() => 'no token');
  row('and gives none without a certificate', 'no token', refused);

  const behind = (header, ...further) => start(protectedApi, [
    '--issuer', provider.issuer, '--audience', API, '--allow-loopback-http', '--mtls-header', header,
    ...further, '--listen', '127.0.0.1:0',
  ]);
  const trusting = ['--trust-proxy', '127.0.0.1'];
  const [direct, nginxApi, envoyApi, strictApi, distrustful] = await Promise.all([
    start(mtls, ['--issuer', provider.issuer, '--audience', API, '--certificates', folder, '--listen', '127.0.0.1:0']),
    behind('ssl-client-cert', ...trusting),
    behind('x-forwarded-client-cert', ...trusting),
    behind('ssl-client-cert', ...trusting, '--mtls', 'required'),
    behind('ssl-client-cert', '--trust-proxy', '10.0.0.0/8'),
  ]);
  const proxy = async (name, api, details) => {
    const backEnd = new URL(api.address).host;
    const port = await startProxy(name, here, programs, backEnd, backEnd, { CERTIFICATES: folder, DETAILS: details });
    return `https://127.0.0.1:${port}`;
  };
  const [nginx, envoy, appending, strict, unknown] = await Promise.all([
    proxy('nginx', nginxApi), proxy('envoy-http', envoyApi, 'SANITIZE_SET'),
    proxy('envoy-http', envoyApi, 'APPEND_FORWARD'), proxy('nginx', strictApi), proxy('nginx', distrustful),
  ]);

  const get = async (origin, shown, jwt, headers = []) => {
    const host = ['Host', new URL(origin).host];
    const all = [host, ['Authorization', `Bearer ${jwt}`], ...headers];
    return inWords(await ask(ca, shown, `${origin}/orders`, { headers: all }), own);
  };
  const check = async (name, expected, ...asked) => {
    row(name, expected, await get(...asked).catch((error) => `no answer: ${error.message}`));
  };
  // The first keys are fetched after the start.
  for (const origin of [direct.address, nginx, envoy, strict, unknown]) {
    for (let tries = 0; tries < 50 && (await get(origin, own, bound)).startsWith('503'); tries += 1) await sleep(200);
  }

  const NO = '401 Bearer invalid_token';
  const UNREAD = '400 Bearer invalid_request';
  for (const [place, origin, isRequired, intrudes] of [
    ['axum', direct.address, true, NO],
    ['nginx', nginx, false, NO],
    ['nginx, required', strict, true, NO],
    // Envoy writes the name of the certificate as it is: it would be an element more.
    ['Envoy', envoy, false, UNREAD],
  ]) {
    await check(`${place}: the certificate of the token`, '200 bound', origin, own, bound);
    await check(`${place}: again`, '200 bound', origin, own, bound);
    await check(`${place}: no certificate`, NO, origin, undefined, bound);
    await check(`${place}: another certificate`, NO, origin, other, bound);
    await check(`${place}: one whose name writes the header`, intrudes, origin, intruder, bound);
    const unbound = isRequired ? NO : '200 unbound';
    await check(`${place}: a bearer token`, unbound, origin, undefined, bearer);
    await check(`${place}: a bearer token with a certificate`, unbound, origin, own, bearer);
    for (const header of spoofed(own)) {
      await check(`${place}: no certificate, and ${header[0]}`, NO, origin, undefined, bound, [header]);
      await check(`${place}: another one, and ${header[0]}`, NO, origin, other, bound, [header]);
    }
    await check(`${place}: no certificate, and every header`, NO, origin, undefined, bound, spoofed(own));
    for (const header of spoofed(other)) {
      await check(`${place}: its own, and another in ${header[0]}`, '200 bound', origin, own, bound, [header]);
      await check(`${place}: its own, and another in ${header[0]} twice`, '200 bound', origin, own, bound, [header, header]);
    }
  }

  // Envoy that appends: what the client wrote stands before what Envoy knows.
  const [, , xfcc] = spoofed(own);
  await check('Envoy that appends: the certificate of the token', '200 bound', appending, own, bound);
  await check('Envoy that appends: and the header of the client', UNREAD, appending, own, bound, [xfcc]);
  await check('Envoy that appends: another one, and the header', UNREAD, appending, other, bound, [xfcc]);
  await check('Envoy that appends: none, and the header', NO, appending, undefined, bound, [xfcc]);

  // A proxy that is not trusted tells nothing.
  await check('nginx that is not trusted: the certificate of the token', NO, unknown, own, bound);
  await check('nginx that is not trusted: a bearer token', '200 unbound', unknown, own, bearer);

  for (const [place, origin] of [['axum', direct.address], ['nginx', nginx]]) {
    const path = '/.well-known/oauth-protected-resource';
    const { text } = await ask(ca, undefined, `${origin}${path}`, { headers: [['Host', new URL(origin).host]] });
    const says = JSON.parse(text).tls_client_certificate_bound_access_tokens;
    row(`${place}: the metadata names certificates`, 'true', String(says));
  }
  provider.close();
}

setTimeout(() => { row('in time', 'yes', 'no'); finish(); }, DEADLINE).unref();
process.once('SIGTERM', finish);
main().catch((error) => row('the cases run to their end', 'yes', String(error.stack))).then(finish);

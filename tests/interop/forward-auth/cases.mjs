// The cases: each proxy in front of a back end that shows what it is sent.
// Usage: node cases.mjs FORWARD_AUTH PROGRAMS (an executable, and the folder of the proxies)

import assert from 'node:assert/strict';
import http from 'node:http';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { killAll, start } from '../processes.mjs';
import { startBackEnd } from './back_end.mjs';
import { endProxies, PROXIES, startProxy } from './proxies.mjs';

const DEADLINE = 180_000;
const HOST = 'shop.example';

const metadata = 'resource_metadata="https://shop.example/.well-known/oauth-protected-resource/api"';
const READ = `Bearer scope="orders:read", ${metadata}`;
const ALL = `Bearer scope="orders:read orders:write", ${metadata}`;
const EXPIRED = `Bearer error="invalid_token", error_description="the token has expired", scope="orders:read", ${metadata}`;
const EXPIRED_IN_THE_OPEN = `Bearer error="invalid_token", error_description="the token has expired", ${metadata}`;
const MORE = (scopes) => `Bearer error="insufficient_scope", scope="${scopes}", ${metadata}`;

const ALICE = {
  'x-auth-subject': 'alice', 'x-auth-issuer': 'https://login.example', 'x-auth-client': 'web',
  'x-auth-scopes': 'orders:read', 'x-auth-roles': 'clerk,a%2Cb',
};
const ZOE = {
  'x-auth-subject': 'Zo%C3%AB', 'x-auth-issuer': 'https://login.example', 'x-auth-client': 'web',
  'x-auth-scopes': 'orders:write',
};

const count = { passed: 0, failed: 0 };

function step(name, expected, got) {
  const ok = got === expected;
  count[ok ? 'passed' : 'failed'] += 1;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}${ok ? `: ${got}` : `\n       expected ${expected}\n       got      ${got}`}`);
}

function finish() {
  killAll();
  endProxies();
  console.log(`${count.passed} passed, ${count.failed} failed`);
  process.exit(count.failed === 0 && count.passed > 0 ? 0 : 1);
}

/** One request through a proxy; fields as [name, value], in this very spelling. */
function send(port, { method = 'GET', target = '/api/orders', token, fields = [], body = '' }) {
  const all = [['Host', HOST], ...fields];
  if (token) all.push(['Authorization', `Bearer ${token}`]);
  if (body) all.push(['Content-Length', String(body.length)]);
  return new Promise((answered, failed) => {
    const request = http.request({ host: '127.0.0.1', port, method, path: target, headers: all.flat(), setHost: false, agent: false });
    request.once('error', failed).once('response', async (response) => {
      let text = '';
      for await (const piece of response.setEncoding('utf8')) text += piece;
      answered({ status: response.statusCode, challenge: challenges(response), text });
    });
    request.end(body);
  });
}

function challenges({ rawHeaders }) {
  const found = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1].toLowerCase() === 'www-authenticate');
  return found.join(' | ');
}

/** Whether a back end in CGI would take a field for one about the identity, or for credentials. */
const isOfIdentity = ([name]) => /^(x-auth-.*|authorization)$/.test(name.replaceAll(/[^a-z0-9]/g, '-'));

/** An answer in one line: the challenge, or what the back end was sent. */
function inWords({ status, challenge, text }) {
  if (status !== 200 || !text) return [status, challenge].filter(Boolean).join(' ');
  const { method, target, fields, body } = JSON.parse(text);
  const identity = fields.filter(isOfIdentity).map(([name, value]) => `${name}=${value}`).sort();
  return [status, method, target, ...identity, body].filter(Boolean).join(' ');
}

/** What is expected where the back end is reached. */
function reached(operation, identity, body) {
  const fields = Object.entries(identity).map(([name, value]) => `${name}=${value}`).sort();
  return ['200', operation, ...fields, body].filter(Boolean).join(' ');
}

/** A field under another spelling: each separator as the pattern has it. */
const spelled = (name, separators) => name.split('-').reduce((text, word, at) => `${text}${separators[at - 1]}${word}`);

function* casesOf({ reader, writer, expired }) {
  const names = Object.keys(ALICE);
  const spoof = (separators) => names.map((name) => [spelled(name, separators), 'root']);
  const open = { target: '/api/public/news' };
  const write = { method: 'POST', token: writer, body: '{"a":1}' };
  const wrote = reached('POST /orders', ZOE, '{"a":1}');
  const read = reached('GET /orders', ALICE);

  yield ['no token', {}, `401 ${READ}`];
  yield ['expired', { token: expired }, `401 ${EXPIRED}`];
  yield ['not a token', { token: 'a.b' }, `401 Bearer error="invalid_token", error_description="a signed token has exactly three parts", scope="orders:read", ${metadata}`];
  yield ['orders:read; the prefix is taken off', { token: reader, target: '/api/orders?page=2' }, reached('GET /orders?page=2', ALICE)];
  yield ['a pattern', { token: reader, target: '/api/orders/7' }, reached('GET /orders/7', ALICE)];
  yield ['HEAD as GET', { token: reader, method: 'HEAD' }, '200'];
  yield ['without the scope', { token: reader, method: 'POST' }, `403 ${MORE('orders:write')}`];
  yield ['with the scope, and a body', write, wrote];
  yield ['an operation without a row', { token: reader, method: 'DELETE' }, `403 ${MORE('orders:read orders:write')}`];
  yield ['an open row', open, reached('GET /public/news', {})];
  yield ['an open row, with a token', { ...open, token: reader }, reached('GET /public/news', ALICE)];
  yield ['an open row, with a bad token', { ...open, token: expired }, `401 ${EXPIRED_IN_THE_OPEN}`];

  for (const [spelling, separators] of [['as they are', '--'], ['x_auth_subject', '__'], ['x_auth-subject', '_-'], ['x-auth_subject', '-_']]) {
    const fields = spoof(separators);
    yield [`spoofed ${spelling}`, { token: reader, fields }, read];
    yield [`spoofed ${spelling}, a claim is absent`, { ...write, fields }, wrote];
    yield [`spoofed ${spelling}, anonymous`, { ...open, fields }, reached('GET /public/news', {})];
    yield [`spoofed ${spelling}, no token`, { fields }, `401 ${READ}`];
  }
  yield ['spoofed in capitals', { ...write, fields: [['X-AUTH-ROLES', 'root'], ['X_AUTH_ROLES', 'root']] }, wrote];
  yield ['named in Connection', { token: reader, fields: [['Connection', 'close, X-Auth-Subject']] }, read];
  yield ['spoofed twice', { token: reader, fields: [['X-Auth-Subject', 'a'], ['X-Auth-Subject', 'b']] }, read];

  const elsewhere = [['X-Original-URI', open.target], ['X-Original-Method', 'GET'], ['X-Forwarded-Uri', open.target],
    ['X-Forwarded-Method', 'GET'], ['X-Envoy-Original-Path', open.target], ['X-Rewrite-Url', open.target]];
  yield ['a target of the client', { fields: elsewhere }, `401 ${READ}`];
  yield ['a target of the client, without the scope', { token: reader, method: 'POST', fields: elsewhere }, `403 ${MORE('orders:write')}`];
  const origin = [['X-Forwarded-Host', 'evil.example'], ['X-Forwarded-Proto', 'http'], ['X-Forwarded-Port', '81'],
    ['X-Forwarded-Prefix', '/evil'], ['Forwarded', 'host=evil.example;proto=http']];
  yield ['an origin of the client', { fields: origin }, `401 ${READ}`];
  yield ['an origin of the client, with a token', { token: reader, fields: origin }, read];
  yield ['gRPC-Web is refused in plain HTTP', { fields: [['Content-Type', 'application/grpc-web']] }, `401 ${READ}`];
}

/** What must not pass, whatever a proxy makes of it. */
function* neverPass({ reader }) {
  yield ['out of an open row', { target: '/api/public/../orders' }];
  yield ['out of an open row, encoded', { target: '/api/public/%2e%2e/orders' }];
  yield ['out of an open row, a slash encoded', { target: '/api/public/..%2forders' }];
  yield ['two slashes', { target: '/api//orders' }];
  yield ['a letter encoded', { target: '/api/%6frders' }];
  yield ['a letter encoded, without the scope', { target: '/api/%6frders', method: 'POST', token: reader }];
  yield ['two Authorization fields', { token: reader, fields: [['Authorization', `Bearer ${reader}`]] }];
}

async function readMetadata(name, port) {
  const { status, text } = await send(port, { target: '/.well-known/oauth-protected-resource/api' });
  step(`${name}: the metadata, where the challenge says`, '200 https://shop.example/api', `${status} ${status === 200 && JSON.parse(text).resource}`);
}

async function main([program, programs]) {
  assert.ok(programs, 'usage: node cases.mjs FORWARD_AUTH PROGRAMS');
  const here = dirname(fileURLToPath(import.meta.url));
  const [auth, backEnd] = await Promise.all([start(program, ['--resource', 'https://shop.example/api']), startBackEnd()]);
  const tokens = Object.fromEntries([...auth.output().matchAll(/^(\w+)=(eyJ\S+)$/gm)].map(([, name, token]) => [name, token]));
  assert.deepEqual(Object.keys(tokens), ['reader', 'writer', 'expired']);

  const ports = {};
  for (const name of Object.keys(PROXIES)) {
    const port = await startProxy(name, here, programs, auth.address.replace('http://', ''), backEnd.address);
    ports[name] = port;
    await routed(port);
    for (const [what, request, expected] of casesOf(tokens)) {
      step(`${name}: ${what}`, expected, inWords(await send(port, request)).trim());
    }
    for (const [what, request] of neverPass(tokens)) {
      const { status } = await send(port, request);
      step(`${name}: ${what} (${status})`, 'refused', status >= 400 ? 'refused' : 'passed');
    }
    await readMetadata(name, port);
  }
  step('the server that is asked ends', '0', String(await auth.stop()));
  for (const [name, port] of Object.entries(ports)) {
    const { status } = await send(port, { token: tokens.reader });
    step(`${name}: without the server that is asked (${status})`, 'refused', status >= 400 ? 'refused' : 'passed');
  }
  backEnd.stop();
}

/** Traefik accepts connections before it has read its routes. */
async function routed(port) {
  for (const late = Date.now() + 10_000; Date.now() < late; await sleep(50)) {
    const { status } = await send(port, {});
    if (status !== 404) return;
  }
}

function giveUp(why) {
  step('the run', 'complete', String(why));
  finish();
}

process.on('exit', () => { killAll(); endProxies(); });
process.on('uncaughtException', (error) => giveUp(error.stack));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => giveUp(`stopped by ${signal}`));
setTimeout(() => giveUp('out of time'), DEADLINE).unref();
main(process.argv.slice(2)).then(finish, (error) => giveUp(error.stack));

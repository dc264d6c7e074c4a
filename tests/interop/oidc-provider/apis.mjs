// The running examples: start, ask, stop. An answer is `{ outcome, challenge, identity, … }`, where
// `outcome` is the HTTP status or the name of the gRPC code and `challenge` is the parsed
// `WWW-Authenticate` (RFC 9110 section 11.6.1), null when there is none.

import { execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { http } from './client.mjs';

const START = 20_000;
const STOP = 5_000;
const CALL = 10_000;

const run = promisify(execFile);
const running = new Set();

/** Starts `program`, and waits until it prints the address on which it accepts connections. */
async function start(program, parameters) {
  const child = spawn(program, [...parameters, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const stopped = new Promise((stop) => {
    child.once('error', (error) => stop(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => stop(signal ?? code));
  });
  stopped.then(() => running.delete(child));

  let output = '';
  const address = new Promise((found) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-16_384);
        const line = /^listening on (http:\/\/\S+)\r?$/m.exec(output);
        if (line) found(line[1]);
      });
    }
  });
  const late = sleep(START, 'did not start in time', { ref: false });
  const failure = Promise.race([stopped, late]).then((why) => {
    throw new Error(`${program} ${parameters.join(' ')}: ${why}\n${output}`);
  });
  failure.catch(() => {});
  return { address: await Promise.race([address, failure]), child, stopped };
}

/** Asks a process to end; answers with its exit code, or the signal that it took. */
async function stop({ child, stopped }) {
  child.kill('SIGTERM');
  const how = await Promise.race([stopped, sleep(STOP, undefined, { ref: false })]);
  if (how !== undefined) return how;
  child.kill('SIGKILL');
  return `killed: ${await stopped}`;
}

/** Ends every process that is still there, at once. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL');
}

function parseChallenge(header) {
  if (header === null || header === undefined) return null;
  const [scheme] = /^\S+/.exec(header) ?? [''];
  const challenge = { scheme };
  let rest = header.slice(scheme.length).trim();
  while (rest) {
    const parameter = /^([a-z_]+)="((?:[^"\\]|\\.)*)"(?:\s*,\s*(?=\S)|$)/.exec(rest);
    if (!parameter || parameter[1] in challenge) throw new Error(`malformed challenge: ${header}`);
    challenge[parameter[1]] = parameter[2].replaceAll(/\\(.)/g, '$1');
    rest = rest.slice(parameter[0].length);
  }
  return challenge;
}

export async function startAxum(program, parameters) {
  const process = await start(program, parameters);
  return {
    address: process.address,
    stop: () => stop(process),
    async call(token) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await http(`${process.address}/orders`, { headers });
      const body = await response.text();
      return {
        outcome: response.status,
        challenge: parseChallenge(response.headers.get('www-authenticate')),
        identity: response.status === 200 ? JSON.parse(body) : undefined,
      };
    },
  };
}

export async function startTonic(program, parameters) {
  const process = await start(program, ['serve', ...parameters]);
  return {
    address: process.address,
    stop: () => stop(process),
    async call(token) {
      const credentials = token === undefined ? [] : ['--token', token];
      const arguments_ = ['call', '--address', process.address, ...credentials];
      const { stdout } = await run(program, arguments_, { timeout: CALL });
      const { code, metadata, reply } = JSON.parse(stdout);
      return {
        outcome: code,
        challenge: parseChallenge(metadata?.['www-authenticate']),
        identity: code === 'OK' ? reply : undefined,
      };
    },
  };
}

/** The first keys are fetched after the start: waits until a good token is no longer answered 503. */
export async function untilKeysAreThere(api, token) {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { outcome } = await api.call(token);
    if (outcome !== 503 && outcome !== 'UNAVAILABLE') return;
    await sleep(200);
  }
  throw new Error(`${api.address} has no keys after ten seconds`);
}

// The running examples: start, ask, stop. An answer is `{ outcome, challenge, identity, … }`, where
// `outcome` is the HTTP status or the name of the gRPC code and `challenge` is the parsed
// `WWW-Authenticate` (RFC 9110 section 11.6.1), null when there is none.

import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { start } from '../processes.mjs';
import { http } from './client.mjs';

const CALL = 10_000;

const run = promisify(execFile);

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
  const { address, stop } = await start(program, [...parameters, '--listen', '127.0.0.1:0']);
  return {
    address,
    stop,
    async call(token) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await http(`${address}/orders`, { headers });
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
  const { address, stop } = await start(program, ['serve', ...parameters, '--listen', '127.0.0.1:0']);
  return {
    address,
    stop,
    async call(token) {
      const credentials = token === undefined ? [] : ['--token', token];
      const arguments_ = ['call', '--address', address, ...credentials];
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

// The two servers: start, ask, stop. An answer is `{ status, challenge, context }`; status is
// "no answer" when there is none within the deadline.

import { spawn } from 'node:child_process';
import { request as send } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const START = 20_000;
const STOP = 5_000;
const ANSWER = 10_000;
/** What the package does not answer by then it never does: its requests wait for an event that is past. */
const PACKAGE_ANSWER = 3_000;

const running = new Set();

/** Starts `program`, and waits until it prints the address on which it accepts connections. */
async function start(program, parameters, environment, deadline) {
  const child = spawn(program, parameters, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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
  const url = await Promise.race([address, failure]);
  return {
    ask: (fields) => ask(url, fields, deadline),
    async stop() {
      child.kill('SIGTERM');
      const how = await Promise.race([stopped, sleep(STOP, 'late', { ref: false })]);
      if (how === 'late') child.kill('SIGKILL');
      await stopped;
    },
  };
}

/** Sends these Authorization fields, as many as there are and as they are written. */
function ask(url, fields, deadline) {
  const { host, hostname, port } = new URL(url);
  const headers = ['Host', host, 'Connection', 'close'];
  for (const field of fields) headers.push('Authorization', field);
  return new Promise((answered) => {
    const none = () => answered({ status: 'no answer', challenge: null, context: null });
    const request = send({ hostname, port, path: '/orders', headers, timeout: deadline }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => { body += text; });
      response.once('error', none);
      response.once('end', () => {
        const challenges = response.rawHeaders.filter(
          (_, at) => at % 2 === 1 && response.rawHeaders[at - 1].toLowerCase() === 'www-authenticate',
        );
        const context = response.statusCode === 200 ? JSON.parse(body).context ?? null : null;
        answered({ status: response.statusCode, challenge: challenges.join(' | ') || null, context });
      });
    });
    request.once('timeout', () => request.destroy());
    request.once('error', none);
    request.end();
  });
}

/** The vendor's package. */
export function startPackage({ tenant, serverUrl, scope }) {
  const services = { AdvancedMobileAccess: [{ credentials: { tenantId: tenant, serverUrl } }] };
  const oracle = fileURLToPath(new URL('oracle.mjs', import.meta.url));
  const environment = { VCAP_SERVICES: JSON.stringify(services), SCOPE: scope?.replaceAll(' ', ',') ?? '' };
  return start(process.execPath, [oracle], environment, PACKAGE_ANSWER);
}

/** Ours. */
export function startOurs(program, { tenant, serverUrl, scope }) {
  const parameters = [
    '--listen', '127.0.0.1:0', '--profile', 'mobile-client-access', '--tenant', tenant,
    '--server-url', serverUrl, '--allow-loopback-http', ...(scope ? ['--scope', scope] : []),
  ];
  return start(program, parameters, {}, ANSWER);
}

/** Ends every process that is still there, at once. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL');
}

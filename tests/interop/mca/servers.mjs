// The two servers: start, ask, stop. An answer is `{ status, challenge, context }`; status is
// "no answer" when there is none within the deadline.

import { request as send } from 'node:http';
import { fileURLToPath } from 'node:url';

import { start } from '../processes.mjs';

const ANSWER = 10_000;
/** What the package does not answer by then it never does: its requests wait for an event that is past. */
const PACKAGE_ANSWER = 3_000;

/** A program, and how long an answer of it may take. */
async function serve(deadline, ...what) {
  const { address, stop } = await start(...what);
  return { ask: (fields) => ask(address, fields, deadline), stop };
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
  return serve(PACKAGE_ANSWER, process.execPath, [oracle], environment);
}

/** Ours. */
export function startOurs(program, { tenant, serverUrl, scope }) {
  const parameters = [
    '--listen', '127.0.0.1:0', '--profile', 'mobile-client-access', '--tenant', tenant,
    '--server-url', serverUrl, '--allow-loopback-http', ...(scope ? ['--scope', scope] : []),
  ];
  return serve(ANSWER, program, parameters);
}

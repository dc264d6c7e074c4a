// A client: each request over a connection of its own, on which it shows a certificate, or none.

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

const TIMEOUT = 10_000;

/** A certificate of the folder, with its key. */
export function pair(folder, name) {
  const cert = readFileSync(join(folder, `${name}.pem`), 'utf8');
  const parsed = new X509Certificate(cert);
  return {
    cert,
    key: readFileSync(join(folder, `${name}-key.pem`), 'utf8'),
    base64: parsed.raw.toString('base64'),
    hash: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
    thumbprint: Buffer.from(parsed.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
  };
}

/** The answer to a request on a connection on which `shown` was shown; `headers` is a list of names and values. */
export function ask(ca, shown, url, { method = 'GET', headers = [], body } = {}) {
  return new Promise((answered, failed) => {
    const { cert, key } = shown ?? {};
    const options = { method, ca, cert, key, headers: headers.flat(), agent: false, timeout: TIMEOUT };
    const sent = request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => { text += piece; });
      response.on('end', () => answered({ status: response.statusCode, headers: response.headers, text }));
    });
    sent.once('error', failed).once('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.end(body);
  });
}

/** RFC 6749 section 4.4, with the certificate that the token is to be bound to (RFC 8705 section 3). */
export async function token(ca, shown, tokens, client, resource) {
  const authorization = `Basic ${Buffer.from(`${client.client_id}:${encodeURIComponent(client.client_secret)}`).toString('base64')}`;
  const body = new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'orders:read' }).toString();
  const headers = [
    ['Host', new URL(tokens).host],
    ['Authorization', authorization],
    ['Content-Type', 'application/x-www-form-urlencoded'],
    ['Content-Length', String(Buffer.byteLength(body))],
  ];
  const answer = await ask(ca, shown, tokens, { method: 'POST', headers, body });
  if (answer.status !== 200) throw new Error(`the provider answered ${answer.status}: ${answer.text}`);
  return JSON.parse(answer.text).access_token;
}

// The running example, and what a test asks of it beside the client.

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const START = 20_000;
const running = new Set();

/** Starts `program` on a free port; answers when it listens. */
export async function start(program, parameters) {
  const child = spawn(program, [...parameters, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  let output = '';
  const addresses = new Promise((found, failed) => {
    child.once('error', failed);
    child.once('exit', (code, signal) => failed(new Error(`${program} ended: ${signal ?? code}`)));
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const url = /^listening on (http:\/\/\S+)$/m.exec(output);
      const identityService = /^identity service: (http:\/\/\S+)$/m.exec(output);
      if (url && identityService) found({ url: url[1], identityService: identityService[1] });
    });
  });
  const late = sleep(START, undefined, { ref: false }).then(() => { throw new Error(`${program} did not start`); });
  late.catch(() => {});
  const { url, identityService } = await Promise.race([addresses, late]);
  addresses.catch(() => {}); // it ends when the test does
  return new Service(url, identityService);
}

export function stopAll() {
  for (const child of running) child.kill('SIGKILL');
}

class Service {
  constructor(url, identityService) {
    Object.assign(this, { url, identityService });
  }

  /** As the quick-start guide has it: the customer's back end signs for whoever asks. */
  async identityToken(client, userId, nonce) {
    const wish = { app_id: client.appId, user_id: userId, nonce };
    const { body } = await this.#send('POST', this.identityService, wish);
    return body.identity_token;
  }

  send(method, path, body, headers) {
    return this.#send(method, `${this.url}${path}`, body, headers);
  }

  async #send(method, url, body, headers = {}) {
    const response = await fetch(url, {
      method,
      headers: { accept: 'application/vnd.layer+json; version=2.0', 'content-type': 'application/json', ...headers },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : undefined };
  }
}

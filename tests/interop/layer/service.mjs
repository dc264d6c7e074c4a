// The running example, and what a test asks of it beside the client.

import { start as startProgram } from '../processes.mjs';

/** Starts `program` on a free port; answers when it listens. */
export async function start(program, parameters) {
  const { address } = await startProgram(program, [...parameters, '--listen', '127.0.0.1:0']);
  return new Service(address);
}

class Service {
  constructor(url) {
    this.url = url;
  }

  /** As the quick-start guide has it: the customer's back end signs for anyone who asks. */
  async identityToken(client, userId, nonce) {
    const wish = { app_id: client.appId, user_id: userId, nonce };
    const { body } = await this.send('POST', '/identity_tokens', wish);
    return body.identity_token;
  }

  async send(method, path, body, headers = {}) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { accept: 'application/vnd.layer+json; version=2.0', 'content-type': 'application/json', ...headers },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : undefined };
  }
}

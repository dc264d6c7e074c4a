// The authorization server as far as both sides ask it: one public key per tenant, as a bare JWK.
// Each stage of the cases has a server URL of its own, and with it an endpoint that can be told to
// publish another key, to fail, to answer nonsense, or not at all.

import { createServer } from 'node:http';

export async function startKeyServer() {
  const endpoints = new Map();
  const server = createServer((request, response) => {
    const endpoint = endpoints.get(request.url);
    if (!endpoint) return response.writeHead(404).end();
    endpoint.asked += 1;
    const { status = 200, body, silent } = endpoint.answer;
    if (!silent) response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const base = `http://127.0.0.1:${server.address().port}`;

  return {
    /** The server URL of a stage, with an endpoint for its tenant. */
    stage(name, tenant) {
      const serverUrl = `${base}/${name}/imf-authserver`;
      const endpoint = { asked: 0, answer: { status: 500, body: 'not yet' } };
      endpoints.set(`/${name}/imf-authserver/authorization/v1/apps/${tenant}/publickey`, endpoint);
      return {
        serverUrl,
        issuer: `${serverUrl}/authorization/`,
        publish: (jwk) => { endpoint.answer = { body: JSON.stringify(jwk) }; },
        answer: (answer) => { endpoint.answer = answer; },
        asked: () => endpoint.asked,
      };
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

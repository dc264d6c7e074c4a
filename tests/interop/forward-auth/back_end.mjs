// A plain back end: answers with what it was sent, and judges nothing.

import http from 'node:http';

/** Starts it on a port of the system's choice. */
export async function startBackEnd() {
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    const fields = [];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      fields.push([request.rawHeaders[at].toLowerCase(), request.rawHeaders[at + 1]]);
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method: request.method, target: request.url, fields, body }));
  });
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  return { address: `127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

// A proxy between a client and the server, which writes down what passes: the public address of the server.

import { request as send } from 'node:http';

import { listen } from './provider.mjs';

/** What a message is about: `tools/call cancel_order`. */
function words(body) {
  try {
    const { method, params } = JSON.parse(body);
    return [method, method === 'tools/call' ? params.name : undefined].filter(Boolean).join(' ');
  } catch {
    return '';
  }
}

/**
 * Each exchange is `{ method, path, message, authorized, version, status, challenge }`, in the order of the requests.
 */
export async function startProxy() {
  let target;
  const exchanges = [];
  const { server, origin } = await listen((request, response) => {
    const { method, url: path, headers } = request;
    const exchange = {
      method, path, message: '', authorized: 'authorization' in headers, version: headers['mcp-protocol-version'],
    };
    exchanges.push(exchange);
    const parts = [];
    const forwarded = send(new URL(path, target), { method, headers }, (answer) => {
      exchange.status = answer.statusCode;
      exchange.challenge = answer.headers['www-authenticate'];
      response.writeHead(answer.statusCode, answer.rawHeaders);
      response.flushHeaders();
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    response.on('close', () => forwarded.destroy());
    request.on('data', (part) => parts.push(part));
    request.on('end', () => (exchange.message = words(Buffer.concat(parts).toString())));
    request.pipe(forwarded);
  });
  return {
    origin,
    /** Where requests go from now on. */
    to: (address) => (target = address),
    /** What has passed since the last time. */
    take: () => exchanges.splice(0),
    stop: () => (server.close(), server.closeAllConnections()),
  };
}

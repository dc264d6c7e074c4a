// The two that are compared: the vendor's strategy behind express and passport, and the example.

import { request } from 'node:http';

import express from 'express';
import appId from 'ibmcloud-appid';
import passport from 'passport';

import { start } from '../processes.mjs';

/** The SDK tries a key endpoint that does not answer for three seconds before it gives up. */
const ANSWER = 10_000;

/** One GET with exactly these `Authorization` fields; the answer in the terms of the comparison. */
function ask(address, fields) {
  const { hostname, port, pathname } = new URL(address);
  const headers = ['Host', `${hostname}:${port}`, ...fields.flatMap((field) => ['Authorization', field])];
  return new Promise((answered, failed) => {
    const late = setTimeout(() => {
      answered({ status: undefined, words: 'no answer' });
      sent.destroy();
    }, ANSWER);
    const sent = request({ hostname, port, path: pathname, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => { body += text; });
      response.on('error', failed).on('end', () => {
        clearTimeout(late);
        const status = response.statusCode;
        const challenge = response.headers['www-authenticate'];
        const retry = response.headers['retry-after'] === undefined ? undefined : 'Retry-After';
        answered({
          status,
          words: [status, challenge, retry].filter((word) => word !== undefined).join(' '),
          body: status === 200 ? JSON.parse(body) : undefined,
        });
      });
    });
    sent.on('error', failed).end();
  });
}

/** An API behind the vendor's strategy. */
export async function startVendor() {
  const app = express();
  app.set('env', 'test'); // says nothing of an exception but 500
  app.use(passport.initialize());
  const server = app.listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  let routes = 0;
  return {
    /** Guards a route of its own. */
    guard(oauthServerUrl, options = {}) {
      routes += 1;
      const [name, path] = [`strategy-${routes}`, `/${routes}`];
      passport.use(name, new appId.APIStrategy({ oauthServerUrl }));
      app.get(path, passport.authenticate(name, { session: false, ...options }), (req, res) => {
        const { accessTokenPayload, identityTokenPayload } = req.appIdAuthorizationContext;
        res.json({ accessTokenPayload, identityTokenPayload });
      });
      const address = `http://127.0.0.1:${server.address().port}${path}`;
      return { ask: (fields) => ask(address, fields) };
    },
    close: () => server.closeAllConnections() ?? server.close(),
  };
}

/** Starts the example. */
export async function startOurs(program, parameters) {
  const { address, stop } = await start(program, [...parameters, '--listen', '127.0.0.1:0']);
  return {
    async ask(fields) {
      const { body, ...answer } = await ask(`${address}/orders`, fields);
      return { ...answer, body: body?.context };
    },
    stop,
  };
}

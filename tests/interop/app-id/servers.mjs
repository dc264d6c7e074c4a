// The two that are compared: the vendor's strategy behind express and passport, and the example.

import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import express from 'express';
import appId from 'ibmcloud-appid';
import passport from 'passport';

const START = 20_000;
const STOP = 5_000;
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

const running = new Set();

/** Ends every process that is still there, at once. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL');
}

/** Starts the example, and waits until it prints the address on which it accepts connections. */
export async function startOurs(program, parameters) {
  const child = spawn(program, [...parameters, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
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
  const root = await Promise.race([address, failure]);
  return {
    async ask(fields) {
      const { body, ...answer } = await ask(`${root}/orders`, fields);
      return { ...answer, body: body?.context };
    },
    async stop() {
      child.kill('SIGTERM');
      const how = await Promise.race([stopped, sleep(STOP, undefined, { ref: false })]);
      if (how !== undefined) return how;
      child.kill('SIGKILL');
      return `killed: ${await stopped}`;
    },
  };
}

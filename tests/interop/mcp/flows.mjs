// Every client, from nothing to both tools, with tokens of each issuer: what it reports, and what passed on the
// wire.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { start } from '../processes.mjs';
import { clients } from './clients.mjs';
import { startBrowser, startProvider, SUBJECT } from './provider.mjs';
import { failed, row } from './table.mjs';
import { startProxy } from './wire.mjs';

const TIMEOUT = 60_000;
const SECRET = 'a secret of the test alone';

const run = promisify(execFile);

/** What a client is to print, whatever its flow. */
const report = (subject) => ({
  tools: ['list_orders'],
  listed: `the orders of ${subject}: 7 and 8`,
  cancelled: `${subject} cancelled the order 7`,
  tools_after: ['cancel_order', 'list_orders'],
});

/** The parameters of a challenge, as they stand. */
const parameters = (challenge = '') =>
  Object.fromEntries([...challenge.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));

const first = (exchanges, fits) => exchanges.find(fits) ?? {};

/** What must have passed, in this order: each row is about one exchange. */
function judge(name, exchanges, { origin, modern }) {
  const resource_metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
  const messages = exchanges.filter(({ message }) => message !== '');
  const { status, authorized, challenge } = messages[0] ?? {};
  row(`${name}: the first message has no token, and gets 401 and a challenge`, { status, authorized, ...parameters(challenge) }, {
    status: 401, authorized: false, scope: 'orders:read', resource_metadata,
  });
  const metadata = first(exchanges, ({ path }) => path === new URL(resource_metadata).pathname);
  row(`${name}: reads the metadata that the challenge names`, metadata.status, 200);
  const calls = messages.filter(({ message }) => message === 'tools/call cancel_order');
  const before = calls.slice(0, -1).map((call) => ({ status: call.status, ...parameters(call.challenge) }));
  const refusal = { status: 403, error: 'insufficient_scope', scope: 'orders:read orders:write', resource_metadata };
  row(`${name}: the call gets 403 with every scope of the tool, once`, before, [refusal]);
  row(`${name}: the call passes after the step-up`, calls.at(-1)?.status, 200);
  const later = messages.filter((exchange) => exchange.authorized && exchange.status >= 400 && !calls.includes(exchange));
  row(`${name}: nothing else is refused once there is a token`, later, []);
  const spoken = first(messages, ({ message }) => message === 'tools/list').version;
  row(`${name}: speaks the version`, spoken, modern ? '2026-07-28' : '2025-11-25');
}

async function follow(client, proxy, flags, { name, subject }) {
  const url = `${proxy.origin}/mcp`;
  const [program, ...parameters] = client.command;
  const ran = await run(program, [...parameters, url, ...flags], { timeout: TIMEOUT });
  row(`${name}: reaches both tools`, JSON.parse(ran.stdout.trim().split('\n').at(-1)), report(subject));
  judge(name, proxy.take(), { origin: proxy.origin, modern: client.modern });
}

async function withIssuer(what, programs, { parameters, flags, subject }) {
  const proxy = await startProxy();
  const server = await start(programs.server, [
    'serve', '--listen', '127.0.0.1:0', '--public-url', proxy.origin, ...parameters,
  ]);
  proxy.to(server.address);
  for (const client of clients(programs)) {
    const name = `${client.name}, ${what}`;
    proxy.take();
    await follow(client, proxy, flags(proxy, client), { name, subject }).catch((error) => {
      failed(name, error);
      for (const exchange of proxy.take()) console.log(`    ${JSON.stringify(exchange)}`);
    });
  }
  await server.stop();
  proxy.stop();
}

/** Both issuers at once: what a client waits for is mostly its own start. */
export async function flows(programs) {
  const embedded = withIssuer('embedded issuer', programs, {
    parameters: ['--client-secret', SECRET],
    flags: ({ origin }, { bound }) => ['--client-secret', SECRET, ...(bound ? ['--issuer', origin] : [])],
    subject: 'demo',
  });
  const [provider, browser] = await Promise.all([startProvider(), startBrowser()]);
  const remote = withIssuer('oidc-provider', programs, {
    parameters: ['--issuer', provider.issuer],
    flags: () => ['--browser', browser.origin],
    subject: SUBJECT,
  });
  await Promise.all([embedded, remote]);
  provider.stop();
  browser.stop();
}

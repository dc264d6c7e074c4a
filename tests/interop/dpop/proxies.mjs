// nginx, Traefik and Envoy in front, each of which strips a prefix: proofs are for the URL that the client used, whatever
// the example sees of it. Under /fixed it is configured with the public address, under /told the proxy tells it.

import { fileURLToPath } from 'node:url';

import { endProxies, startProxy } from '../forward-auth/proxies.mjs';
import { row } from '../mcp/table.mjs';
import { tokenOf } from './clients.mjs';
import { freePort, send } from './judges.mjs';
import { newKey, proof } from './proofs.mjs';
import { step } from './steps.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** What each proxy does to a path with an escaped slash. */
const ESCAPED = {
  // With a path in proxy_pass nginx decodes what it passes on: that is another URL than the client's.
  nginx: 401,
  traefik: 200,
  'envoy-http': 200,
};

async function behind(name, { issuer, resource, startApi, folder }) {
  const [fixed, told] = [await freePort(), await freePort()];
  const port = await startProxy(name, HERE, folder, `127.0.0.1:${told}`, `127.0.0.1:${fixed}`);
  const origin = `http://127.0.0.1:${port}`;
  const required = (port, ...flags) => startApi('--listen', `127.0.0.1:${port}`, '--dpop', 'required', ...flags);
  const apis = [
    await required(fixed, '--public-url', `${origin}/fixed`),
    // What is told never leads from TLS to none, and there is none here.
    await required(told, '--trust-proxy', '127.0.0.0/8', '--public-url', 'http://api.test'),
  ];
  const key = await newKey();
  const token = await tokenOf({ issuer, resource }, async (nonce) => proof(key, { method: 'POST', url: `${issuer}/token`, token: '' }, ({ claims }) => {
    delete claims.ath;
    if (nonce) claims.nonce = nonce;
  }));
  /** What a request for `path` is told that comes with a proof for `url`. */
  const ask = async (path, url, { method = 'GET', headers = {}, at = port } = {}) => {
    const fields = { authorization: `DPoP ${token}`, dpop: proof(key, { method, url, token }), ...headers };
    return (await send(at, { method, path, headers: fields })).status;
  };
  for (const prefix of ['/fixed', '/told']) {
    const case_ = async (what, expected, ...request) => row(`${name}${prefix}: ${what}`, await ask(...request), expected);
    const url = `${origin}${prefix}/orders`;
    const path = `${prefix}/orders`;
    await case_('the URL of the client', 200, path, url);
    await case_('with a query', 200, `${path}?a=b&c=%20`, url);
    await case_('another method', 200, path, url, { method: 'DELETE' });
    await case_('in another spelling', 200, path, url.replace('http:', 'HTTP:').replace('orders', '%6Frders'));
    await case_('a request in another spelling', 200, `${prefix}/%6Frders`, url);
    await case_('an escaped slash', ESCAPED[name], `${prefix}/a%2Fb`, `${origin}${prefix}/a%2Fb`);
    await case_('without the prefix', 401, path, `${origin}/orders`);
    await case_('the other prefix', 401, path, url.replace(prefix, prefix === '/fixed' ? '/told' : '/fixed'));
    await case_('the address of the back end', 401, path, `http://127.0.0.1:${prefix === '/fixed' ? fixed : told}/orders`);
    await case_('https, as no one said', 401, path, url.replace('http:', 'https:'));
    const evil = 'http://evil.test/orders';
    const lies = {
      'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'http', 'x-forwarded-prefix': '/evil', 'x-forwarded-port': '80',
      forwarded: 'host=evil.test;proto=http',
    };
    await case_('forwarding headers of the client', 401, path, evil, { headers: lies });
    await case_('forwarding headers of the client, with the prefix', 401, path, 'http://evil.test/evil/orders', { headers: lies });
    await case_('the URL of the client, with such headers', 200, path, url, { headers: lies });
    const { headers: refusal } = await send(port, { method: 'GET', path, headers: lies });
    const named = /resource_metadata="([^"]*)"/.exec(refusal['www-authenticate'])?.[1];
    await row(`${name}${prefix}: the metadata that a refusal names`, named, `${origin}/.well-known/oauth-protected-resource${prefix}`);
    if (prefix === '/fixed') await case_('another Host', 401, path, `http://evil.test${path}`, { headers: { host: 'evil.test' } });
  }
  for (const api of apis) await api.stop();
}

export async function proxies(settings) {
  for (const name of Object.keys(ESCAPED)) await step(name, () => behind(name, settings));
  endProxies();
}

// Usage: node main.mjs EXAMPLE PYTHON PROXIES: the example protected_api, an interpreter with requests-oauth2client,
// the folder of the proxies.

import { finish } from '../mcp/table.mjs';
import { killAll, start } from '../processes.mjs';
import { clients } from './clients.mjs';
import { differential } from './differential.mjs';
import { freePort } from './judges.mjs';
import { startProvider } from './provider.mjs';
import { proxies } from './proxies.mjs';
import { step } from './steps.mjs';

const [program, python, folder] = process.argv.slice(2);
const provider = await startProvider();
const { issuer } = provider;

/** The example, which takes the tokens of the provider for `resource`. */
const startFor = (resource, ...flags) => start(program, [
  '--issuer', issuer, '--audience', resource, '--profile', 'rfc9068', '--allow-loopback-http', ...flags,
]);

/** The example where clients find everything by its own address. */
async function startAt(...flags) {
  const resource = `http://127.0.0.1:${await freePort()}`;
  const { address, stop } = await startFor(resource, '--listen', new URL(resource).host, ...flags);
  return { issuer, resource, url: address, stop };
}

await step('the clients', async () => {
  const api = await startAt('--dpop', 'required', '--dpop-nonce');
  const allowed = await startFor(api.resource, '--listen', '127.0.0.1:0', '--dpop', 'allowed');
  const fapi = await startAt('--fapi2', '--dpop-nonce');
  await clients({ api, allowed: { url: allowed.address }, fapi, python });
});
const resource = 'https://api.test';
const startApi = (...flags) => startFor(resource, '--listen', '127.0.0.1:0', ...flags);
await step('the judges', () => differential({ issuer, resource, startApi }));
await step('the proxies', () => proxies({ issuer, resource, startApi: (...flags) => startFor(resource, ...flags), folder }));
killAll();
provider.stop();
process.exit(finish() ? 0 : 1);

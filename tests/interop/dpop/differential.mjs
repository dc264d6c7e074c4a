// The same proofs to every resource server there is: each difference must be listed with its reason.

import { row } from '../mcp/table.mjs';
import { tokenOf } from './clients.mjs';
import { ACCEPTED, DIFFERENCES } from './differences.mjs';
import { library, server, startApache } from './judges.mjs';
import { proof } from './proofs.mjs';
import { bearerToken } from './provider.mjs';
import { requests } from './requests.mjs';

/** A token of the issuer for a key. */
const bound = (issuer, resource) => (key) => tokenOf({ issuer, resource }, async (nonce) => proof(key, { method: 'POST', url: `${issuer}/token`, token: '' }, ({ claims }) => {
  delete claims.ath;
  if (nonce) claims.nonce = nonce;
}));

export async function differential({ issuer, resource, startApi }) {
  const other = await startApache(issuer);
  // The example believes to be where Apache is, so that one proof is for both.
  const origin = `http://127.0.0.1:${other.port}`;
  const api = await startApi('--dpop', 'required', '--public-url', origin);
  const judges = { mod_oauth2: server(other.port), oauth4webapi: await library(issuer, resource, origin) };
  const example = server(new URL(api.address).port);
  const last = async (judge, requests) => {
    let said;
    for (const request of requests) said = await judge(request);
    return said;
  };
  const rows = await requests({ bound: bound(issuer, resource), unbound: await bearerToken(issuer, resource), origin });
  for (const [name, make] of rows) {
    const made = make();
    const right = ACCEPTED.has(name) ? 'accepts' : 'refuses';
    row(`the example ${right} ${name}`, await last(example, made), right);
    for (const [who, judge] of Object.entries(judges)) {
      const [says, because] = DIFFERENCES[who][name] ?? [right];
      row(`${who} ${says} ${name}${because ? `: ${because}` : ''}`, await last(judge, made), says);
      if (because) row(`${who} and the example differ about ${name}`, says !== right, true);
    }
  }
  const names = rows.map(([name]) => name);
  const listed = [...ACCEPTED, ...Object.values(DIFFERENCES).flatMap(Object.keys)];
  row('each case that is listed is there', listed.filter((name) => !names.includes(name)), []);
  await api.stop();
  other.stop();
}

// The same proofs to every resource server there is: each difference must be listed with its reason.


import { row } from '../mcp/table.mjs';
import { tokenOf } from './clients.mjs';
import { ACCEPTED, DIFFERENCES } from './differences.mjs';
import { library, server, startApache } from './judges.mjs';
import { CHANGES, newKey, proof } from './proofs.mjs';
import { bearerToken } from './provider.mjs';
import { step } from './steps.mjs';

const PATH = '/orders';

/** Requests by name; those of a list are sent one after the other, and the last one counts. */
async function requests({ issuer, resource, origin }) {
  const key = await newKey();
  const other = await newKey();
  const bound = (key) => tokenOf({ issuer, resource }, async (nonce) => proof(key, { method: 'POST', url: `${issuer}/token`, token: '' }, ({ claims }) => {
    delete claims.ath;
    if (nonce) claims.nonce = nonce;
  }));
  const token = await bound(key);
  const unbound = await bearerToken(issuer, resource);
  const url = `${origin}${PATH}`;
  const about = { method: 'GET', url, token };
  const authorization = `DPoP ${token}`;
  const request = (headers, path = PATH, method = 'GET') => ({ method, path, headers: { authorization, ...headers } });
  const rows = CHANGES.map(([name, change]) => [
    name, () => [request({ dpop: proof(key, about, (draft) => change(Object.assign(draft, { token }))) })],
  ]);
  const good = (change) => proof(key, about, change);
  for (const alg of ['Ed25519', 'EdDSA', 'PS256', 'RS256', 'ES384']) {
    const own = await newKey(alg);
    const named = await step(`a token for a key of ${alg}`, () => (alg === 'ES384' ? Promise.resolve() : bound(own)));
    if (!named) continue;
    rows.push([`a key of ${alg}`, () => [request({ authorization: `DPoP ${named}`, dpop: proof(own, { ...about, token: named }) })]]);
  }
  rows.push(
    ['no proof', () => [request({})]],
    ['two proofs', () => [request({ dpop: [good(), good()] })]],
    ['one proof twice', () => { const one = good(); return [request({ dpop: [one, one] })]; }],
    ['two proofs with a comma', () => [request({ dpop: `${good()},${good()}` })]],
    ['an empty proof', () => [request({ dpop: '' })]],
    ['no JWT', () => [request({ dpop: 'this-is-not-a-jwt' })]],
    ['the access token as the proof', () => [request({ dpop: token })]],
    ['a proof of another key', () => [request({ dpop: proof(other, about) })]],
    ['the jwk of another key', () => [request({ dpop: good(({ header }) => { header.jwk = other.jwk; }) })]],
    ['a private key in the header', () => [request({ dpop: good(({ header }) => { header.jwk = key.whole; }) })]],
    ['a proof that was used', () => { const one = request({ dpop: good() }); return [one, one]; }],
    ['the jti of another proof', () => [request({ dpop: good(({ claims }) => { claims.jti = 'same'; }) }), request({ dpop: good(({ claims }) => { claims.jti = 'same'; }) })]],
    ['the scheme in lower case', () => [request({ authorization: `dpop ${token}`, dpop: good() })]],
    ['a bound token as bearer', () => [request({ authorization: `Bearer ${token}` })]],
    ['a bound token as bearer, with its proof', () => [request({ authorization: `Bearer ${token}`, dpop: good() })]],
    ['a bearer token', () => [request({ authorization: `Bearer ${unbound}` })]],
    ['a bearer token with a proof', () => [request({ authorization: `DPoP ${unbound}`, dpop: proof(key, { ...about, token: unbound }) })]],
    ['no credentials', () => [{ method: 'GET', path: PATH, headers: {} }]],
    ['a request with a query', () => [request({ dpop: good() }, `${PATH}?a=b`)]],
    ['POST with its proof', () => [request({ dpop: proof(key, { ...about, method: 'POST' }) }, PATH, 'POST')]],
    ['another path than the proof has', () => [request({ dpop: good() }, '/elsewhere')]],
    ['an escaped slash', () => [request({ dpop: proof(key, { ...about, url: `${origin}/a%2Fb` }) }, '/a%2Fb')]],
    ['an escaped slash, decoded in the proof', () => [request({ dpop: proof(key, { ...about, url: `${origin}/a/b` }) }, '/a%2Fb')]],
    ['another Host than the server has', () => [request({ host: 'evil.test', dpop: proof(key, { ...about, url: 'http://evil.test/orders' }) })]],
  );
  return rows;
}

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
  const rows = await requests({ issuer, resource, origin });
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

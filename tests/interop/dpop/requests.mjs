// The requests that several resource servers judge: each proof that is in `proofs.mjs`, and what else a request may be.

import { CHANGES, newKey, proof } from './proofs.mjs';
import { step } from './steps.mjs';

const PATH = '/orders';

/**
 * Requests by name; those of a list are sent one after the other, and the last one counts. `bound` gets a token for a
 * key, `unbound` is one that is bound to none, and `origin` is where the resource server is.
 */
export async function requests({ bound, unbound, origin }) {
  const key = await newKey();
  const other = await newKey();
  const token = await bound(key);
  const url = `${origin}${PATH}`;
  const about = { method: 'GET', url, token };
  const authorization = `DPoP ${token}`;
  const request = (headers, path = PATH, method = 'GET') => ({ method, path, headers: { authorization, ...headers } });
  const rows = CHANGES.map(([name, change]) => [
    name, () => [request({ dpop: proof(key, about, (draft) => change(Object.assign(draft, { token }))) })],
  ]);
  const good = (change) => proof(key, about, change);
  for (const alg of ['Ed25519', 'EdDSA', 'PS256', 'RS256']) {
    const own = await newKey(alg);
    const named = await step(`a token for a key of ${alg}`, () => bound(own));
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

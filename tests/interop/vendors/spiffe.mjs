// The verifier of the crate `spiffe`, in a program of its own.

import { execFileSync } from 'node:child_process';

export function spiffe(program, { jwk, kid }) {
  const settings = ['shop.example', 'https://api.example', JSON.stringify({ ...jwk, kid })];
  return async (token) => {
    const said = execFileSync(program, settings, { input: `${token}\n`, encoding: 'utf8' }).trim();
    if (said !== 'good') throw new Error(said);
  };
}

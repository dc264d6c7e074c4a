// The clients, each a program of its own: from nothing to both tools. Each prints one object of JSON: the tools
// that it was shown first, what the two calls said, and the tools that it was shown with the second token.

import { fileURLToPath } from 'node:url';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

/**
 * `modern` speak the version of 2026-07-28, the others that of 2025-11-25. `bound` are those that take the issuer
 * for which a secret is.
 */
export function clients({ rust, python }) {
  const both = (client) => [
    { ...client, name: `${client.name}, 2025-11-25`, modern: false },
    { ...client, name: `${client.name}, 2026-07-28`, modern: true, command: [...client.command, '--modern'] },
  ];
  return [
    ...both({ name: 'rmcp 3.11', command: [rust, 'client'], bound: false }),
    { name: 'sdk 1.32.2, 2025-11-25', command: [process.execPath, here('sdk_1.mjs')], bound: true, modern: false },
    ...both({ name: 'client 2.4.0', command: [process.execPath, here('client_2.mjs')], bound: true }),
    ...both({ name: 'mcp 2.3.0 (PyPI)', command: [python, here('client.py')], bound: true }),
  ];
}

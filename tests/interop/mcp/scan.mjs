// The scan of PyPI `mcp-authlab`: every check passes, or is listed as one that does not apply.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { start } from '../processes.mjs';
import { machineToken, OTHER_RESOURCE, startProvider } from './provider.mjs';
import { DOES_NOT_APPLY } from './scan_differences.mjs';
import { row } from './table.mjs';

const TIMEOUT = 60_000;
/** How many checks the version of the lockfile has. */
const CHECKS = 33;

const run = promisify(execFile);

export async function scan({ server, python }) {
  const provider = await startProvider();
  const mcp = await start(server, ['serve', '--listen', '127.0.0.1:0', '--issuer', provider.issuer]);
  const token = await machineToken(provider.issuer, mcp.address, 'orders:read');
  const foreign = await machineToken(provider.issuer, OTHER_RESOURCE, 'orders:read');
  const { stdout } = await run(
    python,
    ['-m', 'mcp_authlab', 'scan', mcp.address, '--token', token, '--foreign-token', foreign, '--no-login', '--format', 'json'],
    { timeout: TIMEOUT },
  );
  const { results } = JSON.parse(stdout);
  row('mcp-authlab: checks', results.length, CHECKS);
  for (const { id, title, status, message } of results) {
    const { status: expected, says, why } = DOES_NOT_APPLY[id] ?? { status: 'pass' };
    const said = says !== undefined && message.includes(says) ? says : undefined;
    const listed = why === undefined ? '' : ` (${status}; does not apply)`;
    row(`mcp-authlab ${id}: ${title}${listed}`, { status, said }, { status: expected, said: says });
    if (status !== expected || said !== says) console.log(`  it says  ${message}`);
  }
  await mcp.stop();
  provider.stop();
}

// Usage: node main.mjs SERVER RUST PYTHON: the example, the Rust half of the suite, an interpreter with mcp.

import { killAll } from '../processes.mjs';
import { conformance } from './conformance.mjs';
import { flows } from './flows.mjs';
import { scan } from './scan.mjs';
import { failed, finish } from './table.mjs';

const [server, rust, python] = process.argv.slice(2);
const programs = { server, rust, python };

for (const part of [flows, scan, conformance]) {
  await part(programs).catch((error) => failed(part.name, error));
}
killAll();
process.exit(finish() ? 0 : 1);

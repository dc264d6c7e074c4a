// A step that fails is a case that failed, and the others go on.

import { failed } from '../mcp/table.mjs';

export async function step(what, run) {
  try {
    return await run();
  } catch (error) {
    failed(what, error);
    return undefined;
  }
}

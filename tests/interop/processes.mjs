// Programs that serve on a port of the system's choice: start and stop.

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const START = 20_000;
const STOP = 5_000;

const running = new Set();

/** Starts `program`, and waits until it prints the address on which it accepts connections. */
export async function start(program, parameters, environment = {}) {
  const child = spawn(program, parameters, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const stopped = new Promise((stop) => {
    child.once('error', (error) => stop(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => stop(signal ?? code));
  });
  stopped.then(() => running.delete(child));

  let output = '';
  const listening = new Promise((found) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-16_384);
        const line = /^listening on (https?:\/\/\S+)\r?$/m.exec(output);
        if (line) found(line[1]);
      });
    }
  });
  const late = sleep(START, 'did not start in time', { ref: false });
  const failure = Promise.race([stopped, late]).then((why) => {
    throw new Error(`${program} ${parameters.join(' ')}: ${why}\n${output}`);
  });
  failure.catch(() => {});
  return {
    address: await Promise.race([listening, failure]),
    /** What it has printed, as far as that is kept. */
    output: () => output,
    /** Asks it to end; answers with its exit code, or the signal that it took. */
    async stop() {
      child.kill('SIGTERM');
      const how = await Promise.race([stopped, sleep(STOP, undefined, { ref: false })]);
      if (how !== undefined) return how;
      child.kill('SIGKILL');
      return `killed: ${await stopped}`;
    },
  };
}

/** Ends every process that is still there, at once. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL');
}

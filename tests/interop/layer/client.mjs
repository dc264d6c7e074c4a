// The web client of Layer in Node: what it expects of a browser, and its events as promises.

import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const PATIENCE = 10_000;

/** Every request of the client: `{ method, path, authorization, status }`. */
export const requests = [];

const Xhr = require('xhr2');

class RecordingXhr extends Xhr {
  open(method, url, ...rest) {
    const { pathname } = new URL(url);
    this.record = { method, path: pathname, authorization: undefined, status: undefined };
    requests.push(this.record);
    this.addEventListener('loadend', () => { this.record.status = this.status; });
    return super.open(method, url, ...rest);
  }

  setRequestHeader(name, value) {
    if (name.toLowerCase() === 'authorization') this.record.authorization = value;
    return super.setRequestHeader(name, value);
  }
}

/** One that never opens: the service has none, and no step here needs it. */
class NoWebSocket {
  addEventListener() {}

  removeEventListener() {}

  close() {}
}

const shims = {
  window: globalThis,
  XMLHttpRequest: RecordingXhr,
  FileReader: require('filereader'),
  WebSocket: NoWebSocket,
  document: { addEventListener() {}, cookie: '' },
  navigator: { userAgent: 'node' },
  location: { href: 'http://localhost/', protocol: 'http:' },
  addEventListener() {},
  removeEventListener() {},
  getNativeSupport: (name) => (name === 'setImmediate' ? setImmediate : undefined),
};
for (const [name, value] of Object.entries(shims)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

const layer = require('layer-websdk');

let applications = 0;

/** A client of an application of its own, so that no two share anything. */
export function newClient(url, appId) {
  applications += 1;
  const number = String(applications).padStart(12, '0');
  const client = new layer.Client({
    appId: appId ?? `layer:///apps/staging/00000000-0000-0000-0000-${number}`,
    url,
    websocketUrl: url.replace('http', 'ws'),
    telemetryUrl: `${url}/telemetry`,
    isTrustedDevice: false,
    logLevel: 0,
  });
  client.telemetryMonitor.enabled = false;
  return client;
}

/** The next event of one of these names. Ask before doing what causes it. */
export function next(client, ...names) {
  const happened = new Promise((resolve) => {
    for (const name of names) client.once(name, (event) => resolve({ name, event }));
  });
  const late = sleep(PATIENCE, undefined, { ref: false }).then(() => {
    throw new Error(`no ${names.join(' or ')} within ${PATIENCE} ms`);
  });
  late.catch(() => {});
  return Promise.race([happened, late]);
}

/** A request of the client's own: its session, its headers, its handling of a 401. */
export function call(client, url) {
  return new Promise((resolve) => { client.xhr({ url, method: 'GET', sync: false }, resolve); });
}

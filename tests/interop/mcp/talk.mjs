// What both TypeScript clients do: the same calls, with a login wherever their SDK asks for one.

import { parseArgs } from 'node:util';

const REDIRECT_URI = 'http://127.0.0.1:1/callback';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    browser: { type: 'string' },
    'client-secret': { type: 'string' },
    issuer: { type: 'string' },
    modern: { type: 'boolean', default: false },
  },
});

export const { modern } = values;
export const url = new URL(positionals[0]);

/** A provider for the SDK's own flow with a login: it keeps what it is given, and where it is sent. */
function memory() {
  const kept = {};
  return {
    redirectUrl: REDIRECT_URI,
    clientMetadata: { client_name: 'interop', redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => (kept.tokens = tokens),
    redirectToAuthorization: (address) => (kept.address = address),
    saveCodeVerifier: (verifier) => (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
    saveDiscoveryState: (discovery) => (kept.discovery = discovery),
    discoveryState: () => kept.discovery,
    kept,
  };
}

/** The address that the login ends at. */
async function login(address) {
  const browser = new URL(values.browser);
  browser.searchParams.set('url', address.href);
  const response = await fetch(browser);
  const text = await response.text();
  if (!response.ok) throw new Error(`the login failed: ${text}`);
  return new URL(text);
}

/** Calls the tools of the example, and prints what came back. */
export async function talk({ ClientCredentialsProvider, UnauthorizedError, newClient, newTransport }) {
  const secret = values['client-secret'];
  const provider =
    secret === undefined
      ? memory()
      : new ClientCredentialsProvider({ clientId: 'demo', clientSecret: secret, expectedIssuer: values.issuer });

  let transport;
  /** Does it, and once more after a login where the SDK asks for one. */
  const authorized = async (action) => {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || !provider.kept) throw error;
      const callback = await login(provider.kept.address);
      await transport.finishAuth(callback.searchParams);
      return action();
    }
  };
  const client = newClient();
  await authorized(() => {
    transport = newTransport(provider);
    return client.connect(transport);
  });
  const tools = async () => (await client.listTools()).tools.map(({ name }) => name).sort();
  const call = async (name) => {
    const { content } = await authorized(() => client.callTool({ name, arguments: { order: 7 } }));
    return content.map(({ text }) => text).join('');
  };
  const report = { tools: await tools(), listed: await call('list_orders') };
  report.cancelled = await call('cancel_order');
  report.tools_after = await tools();
  await client.close();
  console.log(JSON.stringify(report));
}

// @modelcontextprotocol/sdk: the version of 2025-11-25.

import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { extractWWWAuthenticateParams, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { talk, url } from './talk.mjs';

/** The SDK hands the scope of a challenge to flows with a login alone: this one takes it from the challenge. */
class Challenged extends ClientCredentialsProvider {
  prepareTokenRequest() {
    return super.prepareTokenRequest(this.scope);
  }
}

await talk({
  ClientCredentialsProvider: Challenged,
  UnauthorizedError,
  newClient: () => new Client({ name: 'interop', version: '1' }),
  newTransport: (authProvider) => {
    const watched = async (...request) => {
      const response = await fetch(...request);
      const { scope } = extractWWWAuthenticateParams(response);
      if (scope !== undefined) authProvider.scope = scope;
      return response;
    };
    const transport = new StreamableHTTPClientTransport(url, { authProvider, fetch: watched });
    const finish = transport.finishAuth.bind(transport);
    transport.finishAuth = (parameters) => finish(parameters.get('code'));
    return transport;
  },
});

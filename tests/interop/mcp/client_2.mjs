// @modelcontextprotocol/client: the version of 2025-11-25, or with --modern that of 2026-07-28.

import {
  Client, ClientCredentialsProvider, StreamableHTTPClientTransport, UnauthorizedError,
} from '@modelcontextprotocol/client';

import { modern, talk, url } from './talk.mjs';

await talk({
  ClientCredentialsProvider,
  UnauthorizedError,
  newClient: () =>
    new Client({ name: 'interop', version: '1' }, { versionNegotiation: { mode: modern ? { pin: '2026-07-28' } : 'legacy' } }),
  newTransport: (authProvider) => new StreamableHTTPClientTransport(url, { authProvider }),
});

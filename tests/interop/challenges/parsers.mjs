// The parsers, each behind one form: answers in, and for each answer a list of readings out.
//
// A reading is what was found in one challenge: { scheme, parameters }, each where the parser tells it, or
// FAILED. `silent` lists what a parser does not tell of a challenge, with the reason.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import * as client2 from '@modelcontextprotocol/client';
import * as sdk1 from '@modelcontextprotocol/sdk/client/auth.js';
import authHeader from 'auth-header';
import { BEARER, parseWWWAuthenticateHeader } from 'http-auth-utils';
import { parseHTTPHeadersQuotedKeyValueSet } from 'http-auth-utils/dist/utils.js';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';

/** A parser that threw, or said that there is no challenge. */
export const FAILED = 'failed';

const PARAMETERS = ['error', 'error_description', 'acr_values', 'max_age', 'scope', 'resource_metadata', 'realm', 'algs'];

const defined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

function response({ status, fields }) {
  const headers = new Headers();
  for (const field of fields) headers.append('WWW-Authenticate', field);
  return new Response(null, { status, headers });
}

/** The one reading of clients that look at the whole header text. */
const whole = (read) => (answers) => answers.map((answer) => (answer.fields.length === 0 ? [] : [{ parameters: read(answer) }]));

/** A reading of each field. */
const each = (read) => (answers) =>
  answers.map(({ fields }) =>
    fields.map((field) => {
      try {
        return read(field);
      } catch {
        return FAILED;
      }
    }),
  );

/** Both SDKs have this function, and its result the same members. */
const extract = ({ extractWWWAuthenticateParams }) =>
  whole((answer) => {
    const { resourceMetadataUrl, errorDescription, ...found } = extractWWWAuthenticateParams(response(answer));
    return defined({ ...found, error_description: errorDescription, resource_metadata: resourceMetadataUrl?.href });
  });

/** The challenges in the error of a request for a protected resource. */
const challenged = (request) => async (answers) => {
  const readings = [];
  for (const answer of answers) {
    const fetched = () => Promise.resolve(response(answer));
    const challenges = await request(fetched).then(
      () => [],
      (error) => (error.code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' ? error.cause : [FAILED]),
    );
    readings.push(challenges);
  }
  return readings;
};

const RESOURCE = new URL('https://api.test/');

const throughOauth4webapi = (fetched) =>
  oauth.protectedResourceRequest('token', 'GET', RESOURCE, undefined, undefined, { [oauth.customFetch]: fetched });

const throughOpenidClient = (fetched) => {
  const config = new openid.Configuration({ issuer: 'https://op.test' }, 'client');
  config[openid.customFetch] = fetched;
  return openid.fetchProtectedResource(config, 'token', RESOURCE, 'GET');
};

/** The package takes mechanisms from outside: these know our parameters. */
const MECHANISMS = ['Bearer', 'DPoP', 'Basic'].map((type) => ({
  ...BEARER,
  type,
  parseWWWAuthenticateRest: (rest) => parseHTTPHeadersQuotedKeyValueSet(rest, PARAMETERS),
}));

const throughHttpAuthUtils = (mechanisms) =>
  each((field) => {
    const { type, data } = parseWWWAuthenticateHeader(field, mechanisms);
    return { scheme: type, parameters: data };
  });

const throughAuthHeader = each((field) => {
  const { scheme, params, token } = authHeader.parse(field);
  return token === null ? { scheme, parameters: params } : { scheme, parameters: params, token };
});

/** The one reading of a client in another language: a program that reads answers, and writes what it found. */
const through = (program, ...parameters) => (answers) => {
  const ran = spawnSync(program, parameters, { input: JSON.stringify(answers), maxBuffer: 1 << 28, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`${program} ${parameters}: ${ran.error ?? ran.stderr}`);
  return JSON.parse(ran.stdout).map((found, n) => (answers[n].fields.length === 0 ? [] : [{ parameters: found }]));
};

const SCHEME = 'the caller gets parameters alone';
const REALM = 'no client of the protocol uses it';
const ALGS = 'knows no DPoP';
const LOGIN = 'knows no RFC 9470: the client sees a 401 and asks for another token';

/** What the clients of the Model Context Protocol do not tell. */
const MCP = { scheme: SCHEME, realm: REALM, acr_values: LOGIN, max_age: LOGIN, algs: ALGS };

/**
 * Those that look at the first challenge alone say so in `first`: the reason. `url` are those that hand the
 * address out as a URL and not as text.
 */
export const parsers = ({ python, rust }) => [
  {
    name: 'sdk 1.32.2', read: extract(sdk1), url: true, first: 'reads one set of parameters from all fields together',
    silent: { ...MCP, error_description: 'is not looked for' },
  },
  {
    name: 'client 2.4.0', read: extract(client2), url: true, first: 'reads one set of parameters from all fields together',
    silent: MCP,
  },
  {
    name: 'mcp 2.3.0 (PyPI)', read: through(python, fileURLToPath(new URL('read_mcp.py', import.meta.url))), first: 'reads one set of parameters from all fields together',
    silent: { ...MCP, error_description: 'is not looked for' },
  },
  {
    name: 'rmcp 3.11', read: through(rust, 'challenges'), url: true, first: 'reads the first field alone', silent: MCP,
  },
  { name: 'oauth4webapi 3.8.8', read: challenged(throughOauth4webapi), lowerCase: true, silent: {} },
  { name: 'openid-client 6.9.0', read: challenged(throughOpenidClient), lowerCase: true, silent: {} },
  {
    name: 'http-auth-utils 6.0.1', read: throughHttpAuthUtils(undefined), first: 'reads one challenge of a field',
    silent: {},
  },
  {
    name: 'http-auth-utils, our names', read: throughHttpAuthUtils(MECHANISMS), first: 'reads one challenge of a field',
    silent: {},
  },
  { name: 'auth-header 1.0.0', read: throughAuthHeader, first: 'reads one challenge of a field', silent: {} },
];

// Where a parser does not read what is there, by its design or for a defect that no text of ours avoids, with
// the reason. A difference that is not here fails the run, and so does one that is here and does not show.
//
// None of them gives a client another scheme, scope, error or address than what is there: it finds nothing,
// or the realm alone looks otherwise.

import { FAILED } from './parsers.mjs';

const HTTP_AUTH_UTILS = ['http-auth-utils 6.0.1', 'http-auth-utils, our names'];

const escaped = (text) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');

/** The readings, with the realm of each as `write` has it. */
const realms = (write) => (readings) =>
  readings.map((reading) => {
    const { realm } = reading.parameters ?? {};
    return realm === undefined ? reading : { ...reading, parameters: { ...reading.parameters, realm: write(realm) } };
  });

/** FAILED for the readings for which `fails` holds, by the scheme and the field. */
const failing = (fails) => (readings, answer) =>
  readings.map((reading, n) => (fails(reading, answer.fields[n]) ? FAILED : reading));

const bare = (field) => /^[A-Za-z]+(,|$)/.test(field);

export const DIFFERENCES = [
  {
    parsers: ['sdk 1.32.2'],
    why: 'knows Bearer alone; a server that takes another scheme alone is none for it',
    when: ({ expected }) => expected.schemes.length > 0 && expected.schemes[0] !== 'Bearer',
    reads: (readings) => readings.map(() => ({ parameters: {} })),
  },
  {
    parsers: [...HTTP_AUTH_UTILS, 'auth-header 1.0.0'],
    why: 'looks for a space behind the scheme, so that a scheme by itself is none (RFC 9110 section 11.3 allows it)',
    when: ({ fields }) => fields.some(bare),
    reads: failing((_, field) => bare(field)),
  },
  {
    parsers: ['http-auth-utils 6.0.1'],
    why: 'refuses every parameter but those of RFC 6750: knows neither RFC 9728 nor RFC 9470',
    when: ({ expected: { parameters } }) => ['resource_metadata', 'acr_values', 'max_age'].some((name) => name in parameters),
    reads: failing(() => true),
  },
  {
    parsers: ['http-auth-utils 6.0.1'],
    why: 'has no mechanism for DPoP',
    when: ({ fields }) => fields.some((field) => field.startsWith('DPoP')),
    reads: failing((_, field) => field.startsWith('DPoP')),
  },
  {
    parsers: ['http-auth-utils 6.0.1'],
    why: 'of Basic it takes the realm alone, and demands it (RFC 7617)',
    when: ({ fields, expected: { parameters } }) =>
      fields.some((field) => field.startsWith('Basic')) && Object.keys(parameters).join() !== 'realm',
    reads: failing((_, field) => field.startsWith('Basic')),
  },
  {
    parsers: HTTP_AUTH_UTILS,
    why: 'leaves escapes in a quoted string as they are',
    when: ({ expected: { parameters } }) => /["\\]/.test(parameters.realm ?? ''),
    reads: realms(escaped),
  },
  {
    parsers: ['auth-header 1.0.0'],
    why: 'takes the escapes of quotes away, and leaves those of backslashes',
    when: ({ expected: { parameters } }) => (parameters.realm ?? '').includes('\\'),
    reads: realms((realm) => escaped(realm).replaceAll('\\"', '"')),
  },
  {
    parsers: ['http-auth-utils, our names'],
    why: 'of several challenges in one field it makes one, with the algorithms of another',
    when: ({ expected }, way) => way === 'joined' && expected.schemes.length > 1 && expected.algs !== null,
    reads: ([reading], { expected: { algs } }) => [
      { ...reading, parameters: { ...reading.parameters, algs } },
    ],
  },
  {
    parsers: ['auth-header 1.0.0'],
    why: 'of several challenges in one field it makes one, with every value of a parameter',
    when: ({ fields, expected }, way) => way === 'joined' && !bare(fields[0]) && expected.schemes.length > 1,
    reads: ([reading], { expected: { schemes, algs } }) => [
      {
        ...reading,
        parameters: {
          ...Object.fromEntries(
            Object.entries(reading.parameters).map(([name, value]) => [name, schemes.map(() => value)]),
          ),
          ...(algs && { algs }),
        },
        token: schemes.length === 2 ? schemes[1] : schemes.slice(1),
      },
    ],
  },
];

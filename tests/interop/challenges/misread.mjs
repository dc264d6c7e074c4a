// What build() refuses, and why: challenges as they would be, and what a parser makes of each. A row whose
// parser reads well is stale, and fails the run: the refusal may then go.

const ADDRESS = 'resource_metadata="https://api.test/x"';
const OF_REALM = '`scope=` and the like in a realm';

export const MISREAD = [
  [OF_REALM, 'sdk 1.32.2', ['Bearer realm="a, scope=b"'], { scope: 'b"' }],
  [OF_REALM, 'client 2.4.0', ['Bearer realm="a, error=b"'], { error: 'b"' }],
  [OF_REALM, 'mcp 2.3.0 (PyPI)', ['Bearer realm="resource_metadata=b"'], { resource_metadata: 'b"' }],
  [OF_REALM, 'client 2.4.0', ['Bearer realm="error_description=b"'], { error_description: 'b"' }],
  ['`error=` in a scope', 'sdk 1.32.2', ['Bearer scope="a error=b"'], { scope: 'a error=b', error: 'b"' }],
  [
    '`scope=` in a class of acr_values', 'mcp 2.3.0 (PyPI)',
    ['Bearer error="insufficient_user_authentication", acr_values="scope=a", scope="b"'],
    { error: 'insufficient_user_authentication', scope: 'a"' },
  ],
  ['`scope=` in an error code', 'sdk 1.32.2', ['Bearer error="a scope=b"'], { error: 'a scope=b', scope: 'b"' }],
  ['a quote in the address', 'sdk 1.32.2', ['Bearer resource_metadata="https://api.test/a\\"b"'], { resource_metadata: 'https://api.test/a/' }],
  ['a backslash in the address', 'mcp 2.3.0 (PyPI)', ['Bearer resource_metadata="https://api.test/a\\\\b"'], { resource_metadata: 'https://api.test/a\\\\b' }],
  ['Bearer behind another scheme', 'sdk 1.32.2', ['Basic realm="a"', `Bearer ${ADDRESS}`], {}],
  ['Bearer behind another scheme', 'client 2.4.0', ['Basic realm="a"', `Bearer ${ADDRESS}`], {}],
  ['a field of the application before ours', 'sdk 1.32.2', ['Custom scope="b"', 'Bearer scope="a"'], {}],
  ['a quote before a comma', 'http-auth-utils 6.0.1', ['Bearer realm="a\\", b=c, d"'], undefined],
  ['Bearer in lower case', 'http-auth-utils 6.0.1', ['bearer realm="a"'], undefined],
];

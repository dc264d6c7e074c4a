// The checks of `mcp-authlab` that do not apply here, each with its status, what its message says where the status
// does not tell, and why. One that is not listed must pass, and one that is listed must say exactly this.

const LOGIN = 'is about the authorization server alone, which is not under test, and needs a login of the scanner there';

export const DOES_NOT_APPLY = {
  'TLS-01': { status: 'warn', why: 'the example listens on loopback in plain HTTP; TLS is not the concern of the layer' },
  'ASF-01': { status: 'skip', why: LOGIN },
  'ASF-02': { status: 'skip', why: LOGIN },
  'ASF-03': { status: 'skip', why: LOGIN },
  'ASF-04': { status: 'skip', why: LOGIN },
  'ASF-05': { status: 'skip', why: LOGIN },
  'ASF-06': { status: 'skip', why: LOGIN },
  'SCOPE-01': {
    status: 'pass',
    says: 'the token already had enough scope',
    why: 'it calls a tool that it was shown, and the guard shows none that is refused: no 403 was seen; flows.mjs sees it',
  },
};

// The checks of `mcp-authlab` that do not pass here, each with what it says instead, and why. One that is not
// listed must pass, and one that is listed must say exactly this.

const LOGIN = 'is about the authorization server alone, which is not under test, and needs a login of the scanner there';

export const DOES_NOT_APPLY = {
  'TLS-01': { status: 'warn', why: 'the example listens on loopback in plain HTTP; TLS is not the concern of the layer' },
  'ASF-01': { status: 'skip', why: LOGIN },
  'ASF-02': { status: 'skip', why: LOGIN },
  'ASF-03': { status: 'skip', why: LOGIN },
  'ASF-04': { status: 'skip', why: LOGIN },
  'ASF-05': { status: 'skip', why: LOGIN },
  'ASF-06': { status: 'skip', why: LOGIN },
};

// What the example lets in, of all cases, and where another resource server says otherwise, and why. A difference that
// is not here fails the suite, and so does one that is here and has gone.

/** By RFC 9449 and RFC 3986; every other case is refused. */
export const ACCEPTED = new Set([
  'a good proof', 'typ in upper case', 'typ as a media type', 'htu with a query', 'htu with a fragment',
  'htu: scheme in upper case', 'htu: an escape that none needs', 'htu: dot segments', 'iat 5 s ago', 'iat 5 s ahead',
  'iat 90 s ago', 'iat 90 s ahead', 'a nonce that was not asked for', 'claims that mean nothing here', 'a key of Ed25519',
  'a key of EdDSA', 'a key of PS256', 'the scheme in lower case', 'a request with a query', 'POST with its proof',
  'an escaped slash',
]);

const NO_ATH = 'it does not look at ath, which RFC 9449 section 4.3 requires beside an access token';
const NO_DATES = 'it looks at iat alone; a JWT that has other dates means them (RFC 7519 section 4.1)';
const NORMAL = 'it compares texts; RFC 9449 section 4.3 has URLs compared in their normal forms (RFC 3986 section 6.2)';
const QUERY = 'it compares texts; RFC 9449 section 4.3 ignores query and fragment';
const SLACK = 'it takes an iat that is 10 s off; here the window and the leeway are 60 s each, and the RFC leaves that to the server';
const ED25519 = 'its JOSE library has no EdDSA';
const RS256 = 'it takes what its JOSE library can verify; here the algorithms are those that the server names';
const TWICE = 'its JSON parser takes the last of two members; RFC 7515 section 4 lets a server refuse both, as here';
const NO_JTI = 'it does not look at jti, which RFC 9449 section 4.2 requires';
const OTHER_KEY = 'it does not look at references to other keys; here a header with two sources of its key is refused';
const DIES = 'its process dies: it compares the text of a claim that is not there';

/** By the judge and the case: what it says, and why. */
export const DIFFERENCES = {
  mod_oauth2: {
    'typ as a media type': ['refuses', 'it compares texts; RFC 7515 section 4.1.9 has typ with and without application/ mean the same'],
    'jku beside jwk': ['accepts', OTHER_KEY],
    crit: ['accepts', 'it does not look at crit, against RFC 7515 section 4.1.11'],
    'no jti': ['accepts', NO_JTI],
    'jti empty': ['accepts', NO_JTI],
    'jti of 2 000 bytes': ['accepts', NO_JTI],
    'no htm': ['dies', DIES],
    'htm in lower case': ['accepts', 'it compares without regard to case; methods have one (RFC 9110 section 9.1)'],
    'no htu': ['dies', DIES],
    'htu with a query': ['refuses', QUERY],
    'htu with a fragment': ['refuses', QUERY],
    'htu: an escape that none needs': ['refuses', NORMAL],
    'htu: dot segments': ['refuses', NORMAL],
    'htu: the path in another case': ['accepts', 'it compares without regard to case; paths have one (RFC 3986 section 6.2.2.1)'],
    'iat 90 s ago': ['refuses', SLACK],
    'iat 90 s ahead': ['refuses', SLACK],
    'exp an hour ago': ['accepts', NO_DATES],
    'nbf in an hour': ['accepts', NO_DATES],
    'no ath': ['accepts', NO_ATH],
    'ath of another token': ['accepts', NO_ATH],
    'ath in padded base64url': ['accepts', NO_ATH],
    'ath the token itself': ['accepts', NO_ATH],
    'a claim twice': ['accepts', TWICE],
    'jwk twice': ['accepts', TWICE],
    'a key of Ed25519': ['refuses', ED25519],
    'a key of EdDSA': ['refuses', ED25519],
    'a key of RS256': ['accepts', RS256],
    'a private key in the header': ['accepts', 'it takes a jwk with its private members, against RFC 9449 section 4.3'],
    'the jti of another proof': ['accepts', 'it knows used proofs by their whole text, so that a jti counts often; RFC 9449 section 11.1 has it by the jti'],
    'an escaped slash, decoded in the proof': ['accepts', 'it compares the path that Apache has decoded; an escaped slash is another path (RFC 3986 section 2.2)'],
  },
  oauth4webapi: {
    'jku beside jwk': ['accepts', OTHER_KEY],
    'jti empty': ['accepts', 'it takes any text; here a jti without a byte is none'],
    'jti of 2 000 bytes': ['accepts', 'it takes any text and keeps none; here used ones are kept, so that they have a bound'],
    'htu: an escape that none needs': ['refuses', 'it compares as browsers write URLs, who keep such escapes; RFC 3986 section 6.2.2.2 does not'],
    'a claim twice': ['accepts', TWICE],
    'jwk twice': ['accepts', TWICE],
    'a key of RS256': ['accepts', RS256],
    'a proof that was used': ['accepts', 'it keeps no used proofs: replay is left to the application'],
    'the jti of another proof': ['accepts', 'it keeps no used proofs: replay is left to the application'],
  },
};

// Why a row is right as it is, for the rows on which a judge says otherwise. `against` names what the other answer is
// against; `open` says that the RFCs leave the answer to the server, and what is chosen here.

const NORMAL = 'RFC 9449 section 4.3 has URLs compared in their normal forms (SHOULD)';
const REPLAY = 'RFC 9449 section 11.1 lets a server keep used proofs ("can"); here each counts once';
const TWICE = 'RFC 7515 section 4 and RFC 7519 section 4 let a parser take the last of two members; here both are refused';
const REQUIRED = 'RFC 9449 section 4.3, check 3: every claim that section 4.2 requires';

export const REASONS = {
  'jku beside jwk': { open: 'RFC 9449 is silent about a second source of the key; here it is refused' },
  'an empty crit': { open: 'RFC 7515 section 4.1.11 forbids an empty list to who writes it, and is silent about who reads it; here it is refused' },
  'jti empty': { open: 'RFC 9449 section 4.2 wants an id that is unique, and does not say that it has a byte; here it has' },
  'jti of 2 000 bytes': { open: 'RFC 9449 has no bound; here used ids are kept, so that they have one' },
  'no jti': { against: REQUIRED },
  'jti null': { against: `${REQUIRED}; RFC 7519 section 4.1.7: it is a text` },
  'htu with a query': { open: 'RFC 9449 section 4.2 has no query in the claim, and section 4.3, check 9, ignores one; here it is ignored' },
  'htu with a fragment': { open: 'RFC 9449 section 4.2 has no fragment in the claim, and section 4.3, check 9, ignores one; here it is ignored' },
  'htu: an escape that none needs': { against: `${NORMAL}: RFC 3986 section 6.2.2.2` },
  'htu: an escape in the host': { against: `${NORMAL}: RFC 3986 section 6.2.2.2` },
  'an escape in lower case': { against: `${NORMAL}: RFC 3986 section 6.2.2.1` },
  'htu: a backslash': { against: 'RFC 3986 section 2: it is no character of a URI; browsers read it as a slash' },
  'htu: white space at its end': { against: 'RFC 3986 section 2: it is no character of a URI; browsers cut it off' },
  'iat 90 s ahead': { open: 'RFC 9449 section 11.1 leaves the window to the server; here it is the same both ways' },
  'a claim twice': { open: TWICE },
  'jwk twice': { open: TWICE },
  'jwk for encryption': { open: 'RFC 7517 section 4.2 has the key for something else, and RFC 9449 is silent; here it is refused' },
  'a key of RS256': { open: 'RFC 9449 section 4.3, check 5, leaves the algorithms to the server; here they are those that it names' },
  'a proof that was used': { open: REPLAY },
  'the jti of another proof': { open: REPLAY },
  'a proof after its use for another URL': { open: 'RFC 9449 section 11.1 does not say when an id is used up; here only by a request that is let in' },
  'the jti of another client': { open: 'RFC 9449 section 11.1 compares the ids of all clients at one URL; here those of one key, so that no client uses up the ids of another' },
};

//! Every difference that is known, with its reason. One that is not listed fails the test, and so
//! does a row that nothing needs any more.

/// A token that jsonwebtoken accepts and this crate refuses.
pub struct Stricter {
    /// The edit, or its family with a colon behind it.
    pub edit: &'static str,
    /// This crate's reason, as code and claim.
    pub ours: &'static str,
    pub why: &'static str,
}

/// A token that this crate accepts and jsonwebtoken refuses: each needs a reason why that is right.
pub struct Wider {
    /// The edit, its family, or an algorithm whatever the edit.
    pub edit: &'static str,
    /// How jsonwebtoken's reason begins.
    pub theirs: &'static str,
    pub why: &'static str,
}

const fn stricter(edit: &'static str, ours: &'static str, why: &'static str) -> Stricter {
    Stricter { edit, ours, why }
}

const fn wider(edit: &'static str, theirs: &'static str, why: &'static str) -> Wider {
    Wider { edit, theirs, why }
}

/// The first row that fits explains a difference.
pub const STRICTER: &[Stricter] = &[
    stricter(
        "exp:",
        "expired",
        "RFC 7519 section 4.1.4: at the second of exp a token is over, and fractions count; jsonwebtoken rounds and gives that second away",
    ),
    stricter("nbf:", "not_yet_valid", "fractions count; jsonwebtoken rounds a date down to now"),
    stricter(
        "iat:",
        "issued_in_future",
        "a token from the future is a forgery or a broken clock; jsonwebtoken does not look at iat",
    ),
    stricter(
        "iat:",
        "invalid_claim iat",
        "RFC 7519 section 4.1.6: a NumericDate; a wrong type is invalid, never absent",
    ),
    stricter(
        "iss:",
        "invalid_claim iss",
        "RFC 7519 section 4.1.1: one string; jsonwebtoken takes an array with the right one in it",
    ),
    stricter("sub: an empty string", "invalid_claim sub", "no one is the subject"),
    stricter("jti:", "invalid_claim jti", "RFC 7519 section 4.1.7: a string, and one that says something"),
    stricter(
        "client_id:",
        "invalid_claim client_id",
        "RFC 8693 section 4.3: a string, and one that says something",
    ),
    stricter(
        "azp:",
        "invalid_claim azp",
        "OpenID Connect Core section 2: a string, and one that says something",
    ),
    stricter(
        "scope:",
        "invalid_claim scope",
        "RFC 8693 section 4.2, and the array that some issuers write: strings, or nothing is granted knowingly",
    ),
    stricter(
        "scp:",
        "invalid_claim scp",
        "RFC 8693 section 4.2, and the array that some issuers write: strings, or nothing is granted knowingly",
    ),
    stricter("nonce:", "foreign_claim nonce", "the mark of an ID token, which is not an access token"),
    stricter("at_hash:", "foreign_claim at_hash", "the mark of an ID token, which is not an access token"),
    stricter("c_hash:", "foreign_claim c_hash", "the mark of an ID token, which is not an access token"),
    stricter("s_hash:", "foreign_claim s_hash", "the mark of an ID token, which is not an access token"),
    stricter("events:", "foreign_claim events", "the mark of a security event or logout token (RFC 8417)"),
    stricter(
        "nonce: null",
        "invalid_claim nonce",
        "null marks no other kind of token, and is not absent either",
    ),
    stricter(
        "at_hash: null",
        "invalid_claim at_hash",
        "null marks no other kind of token, and is not absent either",
    ),
    stricter(
        "c_hash: null",
        "invalid_claim c_hash",
        "null marks no other kind of token, and is not absent either",
    ),
    stricter(
        "s_hash: null",
        "invalid_claim s_hash",
        "null marks no other kind of token, and is not absent either",
    ),
    stricter(
        "events: null",
        "invalid_claim events",
        "null marks no other kind of token, and is not absent either",
    ),
    stricter("token_use: id", "foreign_claim token_use", "an ID token by its own word"),
    stricter("token_use:", "invalid_claim token_use", "a claim that tells kinds of token apart is a string"),
    stricter("typ: ID", "foreign_claim typ", "an ID token by its own word"),
    stricter("typ:", "invalid_claim typ", "a claim that tells kinds of token apart is a string"),
    stricter("cnf:", "sender_constrained", "RFC 7800: bound to its sender, and no proof came along"),
    stricter("duplicate:", "malformed", "RFC 7519 section 4: member names are unique, at every level"),
    stricter("header duplicate:", "malformed", "RFC 7515 section 4: member names are unique, at every level"),
    stricter("nesting:", "malformed", "no claim set nests deeper than 32; the work for a token is bounded"),
    stricter(
        "payload: claims in an array",
        "malformed",
        "RFC 7519 section 3: a JSON object; jsonwebtoken takes an array of five values for one",
    ),
    stricter("size:", "too_large", "a token has at most 16 KiB; the work for it is bounded"),
    stricter("header size:", "too_large", "a header has at most 4 KiB"),
    stricter("header kid: of 257 bytes", "too_large", "a key id has at most 256 bytes"),
    stricter(
        "header kid:",
        "unknown_key",
        "RFC 7515 section 4.1.4: the key that the token names is another one; jsonwebtoken leaves the choice of the key to its caller",
    ),
    stricter("header kid: null", "malformed", "a wrong type is invalid, never absent"),
    stricter("header typ: null", "malformed", "a wrong type is invalid, never absent"),
    stricter("header cty: null", "malformed", "a wrong type is invalid, never absent"),
    stricter("header typ:", "wrong_type", "RFC 8725 section 3.11: another kind of token by its own word"),
    stricter("header cty:", "unsupported_extension", "RFC 7519 section 5.2: a token in a token"),
    stricter(
        "header crit:",
        "unsupported_extension",
        "RFC 7515 section 4.1.11: what is critical must be understood; jsonwebtoken reads past it",
    ),
    stricter("header b64:", "unsupported_extension", "RFC 7797: the payload would not be base64url"),
    stricter("header enc:", "unsupported_extension", "RFC 7516: encrypted content"),
    stricter("header zip:", "unsupported_extension", "RFC 7516: compressed content"),
];

/// The first row that fits explains a difference.
pub const WIDER: &[Wider] = &[
    wider("ES512", "unknown algorithm", "jsonwebtoken does not know ES512 (RFC 7518 section 3.4)"),
    wider(
        "alg: Ed25519",
        "JSON error: unknown variant `Ed25519`",
        "jsonwebtoken does not know the name that RFC 9864 gives to EdDSA on Ed25519",
    ),
    wider(
        "exp: beyond u64",
        "Missing required claim: exp",
        "RFC 7519 section 2: any number; this one lies beyond every clock, as the last u64 does, which both take",
    ),
    wider(
        "key: a zero byte before n",
        "InvalidSignature",
        "the sign byte of a Java BigInteger is no part of the number; the key is the same",
    ),
    wider(
        "header jku:",
        "JSON error",
        "key material in a header is never used, so that its type says nothing either",
    ),
    wider(
        "header jwk:",
        "JSON error",
        "key material in a header is never used, so that its type says nothing either",
    ),
    wider(
        "header x5u:",
        "JSON error",
        "key material in a header is never used, so that its type says nothing either",
    ),
    wider(
        "header x5c:",
        "JSON error",
        "key material in a header is never used, so that its type says nothing either",
    ),
    wider(
        "header x5t:",
        "JSON error",
        "key material in a header is never used, so that its type says nothing either",
    ),
    wider(
        "header x5t#S256:",
        "JSON error",
        "key material in a header is never used, so that its type says nothing either",
    ),
    wider(
        "header url:",
        "JSON error",
        "a member of ACME (RFC 8555), without meaning in a JWT: RFC 7515 section 4 has it ignored",
    ),
    wider(
        "header nonce:",
        "JSON error",
        "a member of ACME (RFC 8555), without meaning in a JWT: RFC 7515 section 4 has it ignored",
    ),
];

/// Whether a row about `row` is about this edit.
pub fn covers(row: &str, edit: &str) -> bool {
    row == edit || (row.ends_with(':') && edit.starts_with(row))
}

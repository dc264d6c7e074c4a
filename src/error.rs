//! Two of the three error families: what is wrong with a configuration ([`ConfigError`]) and with
//! a token ([`TokenError`]). The third, why a *request* is refused, needs the words of HTTP and
//! lives in `http::Rejection`, which is also the only place where a
//! reason becomes a status code.
//!
//! No error carries text that came from outside: each can be logged and shown as it is.

use std::{fmt, sync::Arc};

/// Everything that is wrong with a configuration, found at once when it is built.
///
/// Each problem says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<String>,
}

impl ConfigError {
    /// `Ok(value)` when there are no problems.
    pub(crate) fn unless_empty<T>(problems: Vec<String>, value: T) -> Result<T, Self> {
        if problems.is_empty() { Ok(value) } else { Err(Self { problems }) }
    }

    /// What was found, where nothing can be built without it.
    #[cfg(any(feature = "remote", feature = "identity-provider"))]
    pub(crate) fn from_problems(problems: Vec<String>) -> Self {
        Self { problems }
    }

    /// The problems, in the order they were found; never empty.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// Which rule of the encoding a token breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
#[non_exhaustive]
pub enum Malformed {
    /// Not exactly three parts: a JWE, an unsigned or a JSON-serialized token, or no token at all.
    Parts,
    /// A part is not strict base64url (RFC 7515 section 2): padding, white space or stray bits.
    Base64,
    /// The header is not a JSON object of string members where strings belong.
    Header,
    /// The payload is not a JSON object in UTF-8.
    Payload,
    /// A member name occurs twice in one object.
    DuplicateMember,
    /// A member has one of the names that the JSON parser keeps to itself (`$serde_json::private::…`).
    ReservedName,
    /// Objects and arrays are nested too deeply.
    TooDeep,
}

impl Malformed {
    /// The fixed phrase for this error.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Parts => "a signed token has exactly three parts",
            Self::Base64 => "a part of the token is not strict base64url",
            Self::Header => "the token's header is not well-formed",
            Self::Payload => "the token's payload is not a JSON object",
            Self::DuplicateMember => "a member name occurs twice in the token",
            Self::ReservedName => "a member name in the token is reserved",
            Self::TooDeep => "the token is nested too deeply",
        }
    }
}

/// Why a token is not accepted.
///
/// The display text is a fixed phrase, fit for `error_description` (RFC 6750 section 3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
#[non_exhaustive]
pub enum TokenError {
    /// The token, its header or its key id is larger than accepted.
    TooLarge,
    /// The token is not a compact JWS with a JSON object in it.
    Malformed(Malformed),
    /// The header's `alg` is not one that the configuration allows for this issuer.
    AlgorithmNotAllowed,
    /// The header asks for processing that is not supported: `crit`, `b64`, `enc`, `zip`, nested content.
    UnsupportedExtension,
    /// The header's `typ` (or `cty`) is not one of this kind of token.
    WrongType,
    /// The issuer is not one that this server trusts.
    UntrustedIssuer,
    /// The issuer is one of [tenants](crate::TrustedIssuer::tenants), and no key of a trusted tenant has
    /// verified the token: the tenant is not trusted, or has no such key, or the signature is wrong.
    /// Which of the three is not said, since anyone could find out by it who the tenants are;
    /// [`ResourceServer::explain`](crate::ResourceServer::explain) says it to those who run the server.
    UnverifiedTenant,
    /// No key of the issuer has the token's key id, or none without one verifies it.
    UnknownKey,
    /// The issuer has the key that the token names (or keys, where it names none), and none of them is
    /// for the token's algorithm: each key is bound to its own.
    KeyAlgorithmMismatch,
    /// The signature is wrong.
    InvalidSignature,
    /// The time in `exp` has come.
    Expired,
    /// The time in `nbf` has not come.
    NotYetValid,
    /// The time in `iat` has not come.
    IssuedInFuture,
    /// The token lives shorter or longer than tokens of this kind may.
    LifetimeOutOfBounds,
    /// The audience does not name this server (or this client, for an ID token).
    WrongAudience,
    /// A claim that the profile requires is absent.
    MissingClaim(ClaimName),
    /// A claim has a type or a value that the profile does not accept.
    InvalidClaim(ClaimName),
    /// A claim is present that tokens of this kind do not carry, such as `nonce` in an access token.
    ForeignClaim(ClaimName),
    /// The token is bound to a key of its sender (`cnf`, RFC 7800), and no proof of that key was verified.
    SenderConstrained,
    /// The ID token's `nonce` is not the one that was expected.
    WrongNonce,
    /// The ID token's `at_hash` is not that of the access token it came with.
    WrongAccessTokenHash,
    /// The end-user's authentication is older than `max_age` allows, or of unknown age.
    AuthenticationTooOld,
    /// The two tokens of a request do not belong together.
    PairMismatch,
    /// The nonce that the token spends is none of this server's, its time is over, or it was spent.
    StaleNonce,
}

/// The configured name of a claim, in an error.
///
/// It comes from the profile, never from the token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimName(pub(crate) Arc<str>);

impl ClaimName {
    /// The name, as the profile has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TokenError {
    /// A short, stable name of the reason, for logs and metrics.
    ///
    /// ```
    /// use tower_resource_server::error::TokenError;
    ///
    /// assert_eq!(TokenError::Expired.code(), "expired");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.row().0
    }

    /// The fixed phrase for this error, fit for `error_description` (RFC 6750 section 3).
    #[must_use]
    pub const fn description(&self) -> &'static str {
        self.row().1
    }

    /// The table of errors: the code of each, and its phrase.
    const fn row(&self) -> (&'static str, &'static str) {
        match self {
            Self::TooLarge => ("too_large", "the token is too large"),
            Self::Malformed(what) => ("malformed", what.description()),
            Self::AlgorithmNotAllowed => ("algorithm_not_allowed", "the token's algorithm is not accepted"),
            Self::UnsupportedExtension => {
                ("unsupported_extension", "the token uses an extension that is not supported")
            }
            Self::WrongType => ("wrong_type", "the token is not of the accepted type"),
            Self::UntrustedIssuer => ("untrusted_issuer", "the token's issuer is not trusted"),
            Self::UnverifiedTenant => ("unverified_tenant", "the token is not signed by a trusted issuer"),
            Self::UnknownKey => ("unknown_key", "the token was signed by an unknown key"),
            Self::KeyAlgorithmMismatch => {
                ("key_algorithm_mismatch", "the token's key is not for the token's algorithm")
            }
            Self::InvalidSignature => ("invalid_signature", "the token's signature is invalid"),
            Self::Expired => ("expired", "the token has expired"),
            Self::NotYetValid => ("not_yet_valid", "the token is not valid yet"),
            Self::IssuedInFuture => ("issued_in_future", "the token was issued in the future"),
            Self::LifetimeOutOfBounds => {
                ("lifetime_out_of_bounds", "the token's lifetime is not within the accepted bounds")
            }
            Self::WrongAudience => ("wrong_audience", "the token is for another audience"),
            Self::MissingClaim(_) => ("missing_claim", "a required claim is missing"),
            Self::InvalidClaim(_) => ("invalid_claim", "a claim is not acceptable"),
            Self::ForeignClaim(_) => ("foreign_claim", "the token carries a claim of another kind of token"),
            Self::SenderConstrained => {
                ("sender_constrained", "the token is bound to its sender and came without proof")
            }
            Self::WrongNonce => ("wrong_nonce", "the token's nonce is not the expected one"),
            Self::WrongAccessTokenHash => {
                ("wrong_access_token_hash", "the ID token belongs to another access token")
            }
            Self::AuthenticationTooOld => ("authentication_too_old", "the authentication is too old"),
            Self::StaleNonce => ("stale_nonce", "the nonce is not found or expired"),
            Self::PairMismatch => ("pair_mismatch", "the two tokens do not belong together"),
        }
    }

    /// Whether no key was found to check the signature with, so that newer keys might help.
    pub(crate) const fn is_for_want_of_a_key(&self) -> bool {
        matches!(self, Self::UnknownKey | Self::KeyAlgorithmMismatch)
    }

    /// The claim that failed, when it was a rule on one claim.
    #[must_use]
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::MissingClaim(name) | Self::InvalidClaim(name) | Self::ForeignClaim(name) => {
                Some(name.as_str())
            }
            _ => None,
        }
    }
}

impl From<Malformed> for TokenError {
    fn from(what: Malformed) -> Self {
        Self::Malformed(what)
    }
}

//! Two of the three error families: what is wrong with a configuration ([`ConfigError`]) and with
//! a token ([`TokenError`]). The third, why a *request* is refused, needs the words of HTTP and
//! lives in `http::Rejection`, which is also the only place where a
//! reason becomes a status code.
//!
//! No error carries text that came from outside: each can be logged and shown as it is.

mod config;
mod shown;

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Serialize, Serializer};

pub use config::{ConfigError, ConfigProblem};
pub(crate) use shown::shown;
#[cfg(feature = "config")]
pub(crate) use shown::without_user;

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

    const fn advice(self) -> &'static str {
        match self {
            Self::Parts => {
                "send a signed JWT as it was issued: not an opaque or an encrypted token, and all of it"
            }
            Self::Base64 => {
                "send it as it was issued: no padding, line breaks, spaces or quotes, and nothing cut off"
            }
            Self::Header => "have the issuer write the header as RFC 7515 section 4 has it",
            _ => {
                "have the issuer write the claims as RFC 7519 section 4 has it, and the header as RFC 7515 section 4"
            }
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
    /// The token is not bound to a key of its sender, and must be: it came under the scheme `DPoP`, or
    /// where only bound tokens are taken.
    NotSenderConstrained,
    /// The token is bound to a certificate (`x5t#S256`, RFC 8705 section 3.1), and its sender has shown none.
    CertificateMissing,
    /// The token is bound to another certificate than its sender has shown.
    WrongCertificate,
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
    /// What is no JWT by its form is no credential that the server accepts beside tokens, either. The phrase is that of
    /// [`Malformed::Parts`]: the answer does not say what else would be accepted.
    UnknownCredential,
    /// The [ticket](crate::ResourceServer::issue_ticket) in place of a token is none of this server's, its time is
    /// over, or it was used.
    StaleTicket,
    /// The token [counts once](crate::profile::TokenProfile::single_use), and was used before.
    AlreadyUsed,
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
            Self::NotSenderConstrained => {
                ("not_sender_constrained", "the token is not bound to its sender and has to be")
            }
            Self::CertificateMissing => {
                ("certificate_missing", "the token is bound to a certificate and came without one")
            }
            Self::WrongCertificate => ("wrong_certificate", "the token is bound to another certificate"),
            Self::WrongNonce => ("wrong_nonce", "the token's nonce is not the expected one"),
            Self::WrongAccessTokenHash => {
                ("wrong_access_token_hash", "the ID token belongs to another access token")
            }
            Self::AuthenticationTooOld => ("authentication_too_old", "the authentication is too old"),
            Self::StaleNonce => ("stale_nonce", "the nonce is not found or expired"),
            Self::StaleTicket => ("stale_ticket", "the ticket is not found or expired"),
            Self::AlreadyUsed => ("already_used", "the token was used before"),
            Self::PairMismatch => ("pair_mismatch", "the two tokens do not belong together"),
            Self::UnknownCredential => ("unknown_credential", Malformed::Parts.description()),
        }
    }

    /// The fixed phrase with the configured name of the claim, where it is about one.
    #[must_use]
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::MissingClaim(name) => format!("the required claim {name} is missing").into(),
            Self::InvalidClaim(name) => format!("the claim {name} is not acceptable").into(),
            Self::ForeignClaim(name) => {
                format!("the token carries {name} as another kind of token does").into()
            }
            _ => self.description().into(),
        }
    }

    /// What to do about it, for people who run the server or its clients.
    ///
    /// ```
    /// use tower_resource_server::error::TokenError;
    ///
    /// let advice = TokenError::PairMismatch.advice();
    /// assert_eq!(advice, "send the ID token that was issued with this access token");
    /// ```
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::TooLarge => {
                "put fewer claims into it and use shorter key ids, or raise the TokenLimits of the server"
            }
            Self::Malformed(what) => what.advice(),
            Self::AlgorithmNotAllowed => {
                "have the issuer sign with one of these, or accept it with TokenProfile::algorithms"
            }
            Self::UnsupportedExtension => "have the issuer sign without extensions (RFC 7515 section 4.1.11)",
            Self::WrongType => {
                "send the kind of token that belongs here, or accept this type with the profile"
            }
            Self::UntrustedIssuer => "get a token of a trusted issuer, or trust this one",
            Self::UnknownKey => "get a token that names a key of the issuer, and that this key signed",
            Self::KeyAlgorithmMismatch => {
                "have the issuer sign with the algorithm of its key, or publish the key with the alg that it signs with"
            }
            Self::InvalidSignature | Self::UnverifiedTenant => {
                "send the token as it was issued: it was changed, or signed by another key than the one it names"
            }
            Self::Expired => "get a new token",
            Self::NotYetValid | Self::IssuedInFuture => {
                "wait, or set the clocks of the issuer and of this server right"
            }
            Self::LifetimeOutOfBounds => "have the issuer give the token a lifetime within the bounds",
            Self::WrongAudience => "request the token for this server, or accept its audience here",
            Self::MissingClaim(_) | Self::InvalidClaim(_) => {
                "have the issuer write it as a string that is not empty"
            }
            Self::ForeignClaim(_) => "send the kind of token that belongs here",
            Self::SenderConstrained => {
                "send it under the scheme DPoP with a proof of its key, or with its certificate, where the server takes these, else request a bearer token"
            }
            Self::NotSenderConstrained => {
                "request a token with a DPoP proof or with a client certificate, as the server takes them, so that it is bound to that"
            }
            Self::CertificateMissing => {
                "connect with the certificate that the token was requested with; behind a proxy, have the proxy tell it"
            }
            Self::WrongCertificate => {
                "use the token with the certificate that it was requested with, or request a new one"
            }
            Self::WrongNonce => {
                "begin the login anew and take the token that answers it: this one answers another"
            }
            Self::WrongAccessTokenHash => "bring the access token that came with this ID token",
            Self::AuthenticationTooOld => "have the user log in again",
            Self::PairMismatch => "send the ID token that was issued with this access token",
            Self::UnknownCredential => {
                "send a token, or an API key that this server has, as it was given out and all of it"
            }
            Self::StaleNonce => {
                "get a new nonce of this server, and a token with it: each counts once, and for minutes"
            }
            Self::StaleTicket => "get a new ticket of this server: each counts once, and for seconds",
            Self::AlreadyUsed => "get a new token for each use: tokens of this kind count once",
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

/// As its [`code`](TokenError::code).
impl Serialize for TokenError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl From<Malformed> for TokenError {
    fn from(what: Malformed) -> Self {
        Self::Malformed(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_named_in_the_detail_and_not_in_the_phrase() {
        let name = || ClaimName("tenant".into());
        for (error, phrase, detail) in [
            (
                TokenError::MissingClaim(name()),
                "a required claim is missing",
                "the required claim tenant is missing",
            ),
            (
                TokenError::InvalidClaim(name()),
                "a claim is not acceptable",
                "the claim tenant is not acceptable",
            ),
            (
                TokenError::ForeignClaim(name()),
                "the token carries a claim of another kind of token",
                "the token carries tenant as another kind of token does",
            ),
            (TokenError::Expired, "the token has expired", "the token has expired"),
        ] {
            assert_eq!((error.to_string(), &*error.detail()), (phrase.to_owned(), detail));
            assert_eq!(serde_json::to_value(&error).unwrap(), error.code());
            assert!(!error.advice().ends_with('.'), "{phrase}: {}", error.advice());
        }
    }

    #[test]
    fn every_problem_of_a_configuration_is_told_on_one_line() {
        let error = ConfigError::from_problems(vec!["issuer a: no".to_owned(), "realm: no".to_owned()]);
        assert_eq!(error.to_string(), "issuer a: no; realm: no");
    }
}

//! Why a proof of possession is not accepted.

use crate::error::{Malformed, TokenError};

/// Why a DPoP proof is not accepted (RFC 9449 section 4.3).
///
/// The display text is a fixed phrase, fit for `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
#[non_exhaustive]
pub enum ProofError {
    /// The request has no `DPoP` field.
    Missing,
    /// The request has several `DPoP` fields.
    Several,
    /// The proof or its header is larger than a token may be.
    TooLarge,
    /// The proof is not a compact JWS with a JSON object in it.
    Malformed,
    /// The header's `typ` is not `dpop+jwt`.
    WrongType,
    /// The header's `alg` is not one that the server takes for proofs.
    AlgorithmNotAllowed,
    /// The header asks for processing that is not supported: `crit`, `b64`, `enc`, `zip`, nested content.
    UnsupportedExtension,
    /// The header has no `jwk`, or names another place to find a key at.
    NoKey,
    /// The header's `jwk` is no public key for the proof's algorithm.
    UnusableKey,
    /// The signature is wrong.
    InvalidSignature,
    /// `jti` is not a string of 1 to 256 bytes.
    InvalidId,
    /// `htm` is not the method of the request.
    WrongMethod,
    /// `htu` is not the public address of the request.
    WrongUrl,
    /// `iat` is too long ago, too far ahead, or no date; or the time in `exp` or `nbf` does not hold.
    OutsideWindow,
    /// `ath` is not the hash of the access token.
    WrongTokenHash,
    /// The proof lacks a nonce of this server, or has one whose time is over.
    NonceWanted,
    /// The proof is good, and of another key than the token is bound to.
    WrongKey,
    /// The proof was used before.
    Replayed,
}

impl ProofError {
    /// A short, stable name of the reason, for logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.row().0
    }

    /// The fixed phrase for this error.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        self.row().1
    }

    const fn row(&self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("proof_missing", "the request has no DPoP proof"),
            Self::Several => ("proof_several", "the request has several DPoP proofs"),
            Self::TooLarge => ("proof_too_large", "the DPoP proof is too large"),
            Self::Malformed => ("proof_malformed", "the DPoP proof is malformed"),
            Self::WrongType => ("proof_wrong_type", "the DPoP proof is not of the type dpop+jwt"),
            Self::AlgorithmNotAllowed => {
                ("proof_algorithm_not_allowed", "the algorithm of the DPoP proof is not accepted")
            }
            Self::UnsupportedExtension => {
                ("proof_unsupported_extension", "the DPoP proof uses an extension that is not supported")
            }
            Self::NoKey => ("proof_no_key", "the DPoP proof does not embed its key"),
            Self::UnusableKey => ("proof_unusable_key", "the key in the DPoP proof cannot be used"),
            Self::InvalidSignature => {
                ("proof_invalid_signature", "the signature of the DPoP proof is invalid")
            }
            Self::InvalidId => ("proof_invalid_id", "the jti of the DPoP proof is not acceptable"),
            Self::WrongMethod => ("proof_wrong_method", "the DPoP proof is for another method"),
            Self::WrongUrl => ("proof_wrong_url", "the DPoP proof is for another URL"),
            Self::OutsideWindow => ("proof_outside_window", "the DPoP proof is not of this time"),
            Self::WrongTokenHash => ("proof_wrong_token_hash", "the DPoP proof is for another access token"),
            Self::NonceWanted => ("proof_nonce_wanted", "the DPoP proof needs a nonce of this server"),
            Self::WrongKey => ("proof_wrong_key", "the token is bound to another key"),
            Self::Replayed => ("proof_replayed", "the DPoP proof was used before"),
        }
    }
}

/// What is wrong with the form or the signature of a proof, which is judged as that of a token.
impl From<TokenError> for ProofError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::TooLarge => Self::TooLarge,
            TokenError::UnsupportedExtension => Self::UnsupportedExtension,
            TokenError::InvalidSignature => Self::InvalidSignature,
            _ => Self::Malformed,
        }
    }
}

impl From<Malformed> for ProofError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

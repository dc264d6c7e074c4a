//! Why a request is refused: the reasons, and the one table that says what is fixed about each.
//!
//! A reason has one [row](Reason::row): its code, its phrase, whether the token was verified by then,
//! its status in gRPC, and the [`Case`] by which the server's
//! [`ChallengeTable`](super::ChallengeTable) answers it in HTTP. A new reason is a variant and a row
//! here; a new error of a token is a variant and a row of [`TokenError`].

use std::{fmt, sync::Arc};

use super::RequestError;
use crate::{error::TokenError, policy::StepUp, proof::ProofError, token::TokenKind};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No credentials, or those of another scheme.
    NoCredentials,
    /// Credentials that cannot be read.
    InvalidRequest(RequestError),
    /// A token that is not accepted.
    InvalidToken {
        /// Which token of the request.
        token: TokenKind,
        /// Why it is not accepted.
        error: TokenError,
    },
    /// A good token that is bound to a key, and a proof that does not show that its sender holds the key.
    InvalidProof(ProofError),
    /// A good token that does not meet what the operation requires.
    InsufficientScope {
        /// The scopes to ask for: every one of the [alternative](crate::policy::Requirement) that is nearest to
        /// what the token has. `None` where no scope would help.
        scope: Option<Arc<str>>,
    },
    /// A good token of a login that is not strong or fresh enough (RFC 9470).
    InsufficientUserAuthentication(Arc<StepUp>),
    /// A token in a [cookie](super::TokenLocation::cookie), and a request that a page of another origin made: 403,
    /// without a challenge, since the token may be good.
    CrossOrigin,
    /// The issuer's keys cannot be had right now, so that nothing is known about the token: 503.
    KeysUnavailable,
    /// The token is good, and the store of spent nonces and proofs is full or cannot be reached: 503. The
    /// nonce or the proof is not spent.
    SpentStoreUnavailable,
    /// The application's [verifier](crate::CredentialVerifier) cannot say right now whether a credential is good: it said
    /// so itself, did not answer in time, or too many requests wait for it: 503.
    VerifierUnavailable,
    /// A mistake in the wiring of this program: the identity in the request is another server's.
    /// 500, since no client can do anything about it.
    ForeignIdentity {
        /// The resource of the server that verified the identity.
        verified_by: Arc<str>,
        /// The resource of the server whose guard refused it.
        guarded_by: Arc<str>,
    },
}

/// What is fixed about a reason.
pub(super) struct Row {
    code: &'static str,
    phrase: &'static str,
    /// Whether the signature was good, so that the token is the issuer's own word. Without one, anyone
    /// may have written what was found.
    verified: bool,
    pub(super) case: Case,
    pub(super) grpc: GrpcStatus,
}

/// The row of a [`ChallengeTable`](super::ChallengeTable) that answers a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    NoCredentials,
    SeveralFields,
    InvalidRequest,
    InvalidToken,
    InvalidProof,
    NonceWanted,
    InsufficientScope,
    InsufficientUserAuthentication,
    /// Another credential would not help.
    CrossOrigin,
    /// Not the client's fault, and worth another try: never a 401.
    Unavailable,
    Internal,
}

/// The status codes of gRPC that refusals have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrpcStatus {
    PermissionDenied = 7,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Reason {
    /// The table of reasons.
    pub(super) const fn row(&self) -> Row {
        use GrpcStatus::{Internal, PermissionDenied, Unauthenticated, Unavailable};
        use RequestError::{SeveralAuthorizations, SeveralCertificates, SeveralHeaders, SeveralSelectors};

        const fn row(code: &'static str, phrase: &'static str, case: Case, grpc: GrpcStatus) -> Row {
            Row { code, phrase, verified: false, case, grpc }
        }
        const fn verified(row: Row) -> Row {
            Row { verified: true, ..row }
        }
        match self {
            Self::NoCredentials => {
                row("no_credentials", "authentication is required", Case::NoCredentials, Unauthenticated)
            }
            Self::InvalidRequest(error) => {
                let case = match error {
                    SeveralAuthorizations | SeveralCertificates | SeveralHeaders | SeveralSelectors => {
                        Case::SeveralFields
                    }
                    _ => Case::InvalidRequest,
                };
                row("invalid_request", error.description(), case, Unauthenticated)
            }
            Self::InvalidToken { error, .. } => {
                let row = row(error.code(), error.description(), Case::InvalidToken, Unauthenticated);
                use TokenError::{
                    AlreadyUsed, CertificateMissing, NotSenderConstrained, PairMismatch, StaleNonce,
                    WrongCertificate,
                };
                let by_then = matches!(
                    error,
                    PairMismatch
                        | StaleNonce
                        | AlreadyUsed
                        | NotSenderConstrained
                        | CertificateMissing
                        | WrongCertificate
                );
                if by_then { verified(row) } else { row }
            }
            Self::InvalidProof(error) => {
                let case = match error {
                    ProofError::NonceWanted => Case::NonceWanted,
                    // The proof is good; it is the token that is not this sender's (RFC 9449 section 7.1).
                    ProofError::WrongKey => Case::InvalidToken,
                    _ => Case::InvalidProof,
                };
                verified(row(error.code(), error.description(), case, Unauthenticated))
            }
            Self::InsufficientScope { scope } => {
                let phrase = match scope {
                    Some(_) => "the token lacks a scope that this operation needs",
                    None => "the token is not allowed this operation",
                };
                verified(row("insufficient_scope", phrase, Case::InsufficientScope, PermissionDenied))
            }
            Self::InsufficientUserAuthentication(_) => verified(row(
                "insufficient_user_authentication",
                "a stronger or fresher login is needed",
                Case::InsufficientUserAuthentication,
                Unauthenticated,
            )),
            Self::CrossOrigin => row(
                "cross_origin",
                "a page of another origin made a request with a cookie",
                Case::CrossOrigin,
                PermissionDenied,
            ),
            Self::KeysUnavailable => row(
                "keys_unavailable",
                "the issuer's keys are not available right now",
                Case::Unavailable,
                Unavailable,
            ),
            Self::SpentStoreUnavailable => verified(row(
                "spent_store_unavailable",
                "nothing that counts once can be spent right now",
                Case::Unavailable,
                Unavailable,
            )),
            Self::VerifierUnavailable => row(
                "verifier_unavailable",
                "the credential cannot be verified right now",
                Case::Unavailable,
                Unavailable,
            ),
            Self::ForeignIdentity { .. } => verified(row(
                "foreign_identity",
                "the identity was verified by another resource server",
                Case::Internal,
                Internal,
            )),
        }
    }

    /// A short, stable name of the reason, for logs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.row().code
    }

    /// The reason as a fixed phrase, without anything that came from the request.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        self.row().phrase
    }

    /// Whether it is worth another try: nothing is known about the token, or what counts once was not spent.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.row().case == Case::Unavailable
    }

    /// Whether it is about a token whose signature was good.
    pub(super) const fn is_verified(&self) -> bool {
        self.row().verified
    }
}

/// The fixed phrase; where servers are mixed up also which, by their configured names.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForeignIdentity { verified_by, guarded_by } => write!(
                f,
                "the identity was verified by the resource server {verified_by:?} and the guard belongs to {guarded_by:?}"
            ),
            _ => f.write_str(self.description()),
        }
    }
}

impl std::error::Error for Reason {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InvalidRequest(error) => Some(error),
            Self::InvalidToken { error, .. } => Some(error),
            Self::InvalidProof(error) => Some(error),
            _ => None,
        }
    }
}

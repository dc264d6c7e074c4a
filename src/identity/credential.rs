//! By which kind of credential a request was authenticated.

use std::fmt;

use crate::verify::Evidence;

/// By which kind of credential a request was authenticated; from [`Identity::credential`](crate::Identity::credential).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Credential<'a> {
    /// One or two tokens.
    Token,
    /// The [API key](crate::ApiKey) of this name.
    ApiKey(&'a str),
    /// What a [verifier](crate::CredentialVerifier) of the application accepted.
    Verifier,
}

impl<'a> Credential<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        match evidence {
            Evidence::Signature(_) => Self::Token,
            Evidence::ApiKey(name) => Self::ApiKey(name),
            Evidence::Verifier { .. } => Self::Verifier,
        }
    }
}

/// For logs: the kind, and the name of an API key.
impl fmt::Display for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("token"),
            Self::ApiKey(name) => write!(f, "API key {name:?}"),
            Self::Verifier => f.write_str("verifier"),
        }
    }
}

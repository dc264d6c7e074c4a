//! What can go wrong between a service and its identity provider.
//!
//! None of these carries text that came from outside: each can be logged and shown as it is.

use http::StatusCode;

use crate::net::HttpError;

/// Why something is no user identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserIdentityError {
    /// `userName` is absent, empty or blank.
    #[error("`userName` is required, and must not be blank")]
    UserName,
    /// `displayName` is absent, empty or blank.
    #[error("`displayName` is required, and must not be blank")]
    DisplayName,
    /// Not an object, a member of a wrong type, a member twice (`username` counts as `userName`), or
    /// nothing at all.
    #[error("the user identity is not an object of the contract")]
    Malformed,
}

/// Why the identity provider's word could not be had. The login has failed: nothing may be minted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// No complete answer: no connection, no end within the deadline, too large.
    #[error("the identity provider gave no answer: {0}")]
    Unanswered(HttpError),
    /// Answered with a status other than 200, which the contract does not know; redirects are not
    /// followed. 401 and 403 are what a protected provider says to a bad access token.
    #[error("the identity provider answered with status {}", .0.as_u16())]
    Status(StatusCode),
    /// The answer is not JSON of the contract: an HTML page, an unknown `status`, a challenge that
    /// is no object.
    #[error("the identity provider's answer is not one of the contract")]
    Malformed,
    /// It says success, and not of whom.
    #[error("the identity provider's answer: {0}")]
    UserIdentity(#[from] UserIdentityError),
}

/// The answer to a challenge does not have the members, or the types, that were asked for; also for
/// providers that look for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge answer has not the expected members")]
pub struct AnswerError;

/// Why a state cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// As many logins are under way as can be kept.
    #[error("the store of states is full")]
    Full,
    /// The state does not fit into an id, where it is one.
    #[error("the state is too large for an id, or no JSON")]
    TooLarge,
    /// The store cannot say whether the state was taken.
    #[error("the store of states is unavailable")]
    Unavailable,
    /// The cryptographic library has no randomness for an id.
    #[error("the cryptographic library could not make an id")]
    Randomness,
}

//! What a provider can say.

use std::fmt;

use serde_json::{Map, Value};

use super::{UserIdentity, UserIdentityError};

/// The provider's word on a step of a login: one of the three that the contract has, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The user is who they say they are.
    Success(UserIdentity),
    /// A question, the first or a further one.
    Challenge(Challenge),
    /// The login is over. The contract has no place for a reason.
    Failure,
}

impl From<UserIdentity> for Outcome {
    fn from(user: UserIdentity) -> Self {
        Self::Success(user)
    }
}

/// Fails closed: a user without a name has not logged in.
impl From<Result<UserIdentity, UserIdentityError>> for Outcome {
    fn from(user: Result<UserIdentity, UserIdentityError>) -> Self {
        user.map_or(Self::Failure, Self::Success)
    }
}

impl From<Challenge> for Outcome {
    fn from(challenge: Challenge) -> Self {
        Self::Challenge(challenge)
    }
}

/// A question to the user: any JSON object, and the id of what the provider remembers meanwhile.
///
/// `Debug` shows neither: anyone who has the id of a state can go on with that login.
///
/// ```
/// use tower_resource_server::identity_provider::Challenge;
///
/// let challenge = Challenge::new()
///     .with("message", "Enter user name and password")
///     .with("retriesLeft", 2);
/// assert_eq!(challenge.content()["retriesLeft"], 2);
/// assert_eq!(challenge.state_id(), None);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Challenge {
    content: Map<String, Value>,
    state_id: Option<String>,
}

impl Challenge {
    /// A challenge that says nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member to any JSON value.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.content.insert(name.into(), value.into());
        self
    }

    /// The id that the answer must bring back: that of a [state](super::States), as a rule.
    pub fn with_state_id(mut self, state_id: impl Into<String>) -> Self {
        self.state_id = Some(state_id.into());
        self
    }

    /// The question.
    #[must_use]
    pub const fn content(&self) -> &Map<String, Value> {
        &self.content
    }

    /// The id that the answer brings back; none from a stateless provider.
    #[must_use]
    pub fn state_id(&self) -> Option<&str> {
        self.state_id.as_deref()
    }
}

impl From<Map<String, Value>> for Challenge {
    fn from(content: Map<String, Value>) -> Self {
        Self { content, state_id: None }
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge").finish_non_exhaustive()
    }
}

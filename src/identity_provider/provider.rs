//! The trait that a provider implements, and what it is told.

use std::{fmt, future::Future};

use http::{HeaderMap, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{AnswerError, Outcome};

/// Login logic: asks, and judges answers.
///
/// The methods are plain `async fn`s. A provider is stateless unless it gives its challenges a
/// [state id](super::Challenge::with_state_id); [`States`](super::States) keeps what it has to
/// remember. Whatever goes wrong inside is an [`Outcome::Failure`], the only refusal that the
/// contract knows.
///
/// A provider of two steps, whose first one counts only together with the second:
///
/// ```
/// use tower_resource_server::identity_provider::{
///     Challenge, HandleChallengeAnswer, IdentityProvider, Outcome, StartAuthorization, States,
///     UserIdentity,
/// };
///
/// struct TwoSteps {
///     /// Who gave the password, and still has to give the PIN.
///     waiting: States<String>,
/// }
///
/// impl IdentityProvider for TwoSteps {
///     async fn start(&self, _: StartAuthorization) -> Outcome {
///         Challenge::new().with("ask", ["userName", "password"]).into()
///     }
///
///     async fn answer(&self, request: HandleChallengeAnswer) -> Outcome {
///         let text = |name: &str| request.answer().get(name)?.as_str();
///         // Taken: the same answer once more meets nothing.
///         let waiting = request.state_id().and_then(|id| self.waiting.take(id));
///         match (waiting, text("userName"), text("password"), text("pin")) {
///             (None, Some("bob"), Some("abcd1234"), None) => match self.waiting.put("bob".to_owned()) {
///                 Ok(id) => Challenge::new().with("ask", ["pin"]).with_state_id(id).into(),
///                 Err(_full) => Outcome::Failure,
///             },
///             (Some(user), None, None, Some("1234")) => UserIdentity::new(user, "Bob").into(),
///             _ => Outcome::Failure,
///         }
///     }
/// }
/// ```
pub trait IdentityProvider: Send + Sync + 'static {
    /// A login begins: ask, or know already.
    fn start(&self, request: StartAuthorization) -> impl Future<Output = Outcome> + Send;

    /// The user answered a challenge: judge it, or ask further.
    fn answer(&self, request: HandleChallengeAnswer) -> impl Future<Output = Outcome> + Send;
}

/// The request `startAuthorization`.
///
/// `Debug` shows nothing of it: headers can carry credentials.
pub struct StartAuthorization {
    pub(super) request: Parts,
    pub(super) headers: HeaderMap,
    pub(super) state_id: Option<String>,
}

impl StartAuthorization {
    /// The head of the authorization service's request: behind a
    /// [`ResourceServer::layer`](crate::ResourceServer::layer), its extensions hold the service's
    /// identity.
    #[must_use]
    pub const fn request(&self) -> &Parts {
        &self.request
    }

    /// The headers of the *client's* request, as the authorization service relates them.
    #[must_use]
    pub const fn client_headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// In the web flow, the OAuth `state`; never an id of [`States`](super::States).
    #[must_use]
    pub fn state_id(&self) -> Option<&str> {
        self.state_id.as_deref()
    }
}

impl fmt::Debug for StartAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartAuthorization").finish_non_exhaustive()
    }
}

/// The request `handleChallengeAnswer`.
///
/// `Debug` shows nothing of it: the answer is a password as a rule.
pub struct HandleChallengeAnswer {
    pub(super) request: Parts,
    pub(super) headers: HeaderMap,
    pub(super) state_id: Option<String>,
    pub(super) answer: Map<String, Value>,
}

impl HandleChallengeAnswer {
    /// The head of the authorization service's request: behind a
    /// [`ResourceServer::layer`](crate::ResourceServer::layer), its extensions hold the service's
    /// identity.
    #[must_use]
    pub const fn request(&self) -> &Parts {
        &self.request
    }

    /// The headers of the *client's* request, as the authorization service relates them.
    #[must_use]
    pub const fn client_headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The id that the challenge came with, or in the web flow the OAuth `state`. Only a look into
    /// [`States`](super::States) shows whether there is such a state, and so which step this is.
    #[must_use]
    pub fn state_id(&self) -> Option<&str> {
        self.state_id.as_deref()
    }

    /// What the user answered: any JSON object.
    #[must_use]
    pub const fn answer(&self) -> &Map<String, Value> {
        &self.answer
    }

    /// The answer as a type of your own.
    ///
    /// ```
    /// # use tower_resource_server::identity_provider::{AnswerError, HandleChallengeAnswer};
    /// #[derive(serde::Deserialize)]
    /// struct Login {
    ///     username: String,
    ///     password: String,
    /// }
    ///
    /// fn login(request: &HandleChallengeAnswer) -> Result<Login, AnswerError> {
    ///     request.parse()
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AnswerError`] when members are missing or of another type; it does not say which, since the
    /// text of such errors quotes what was sent.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, AnswerError> {
        T::deserialize(&self.answer).map_err(|_| AnswerError)
    }
}

impl fmt::Debug for HandleChallengeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandleChallengeAnswer").finish_non_exhaustive()
    }
}

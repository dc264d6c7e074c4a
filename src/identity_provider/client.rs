//! The authorization service's side: asks a provider, and believes nothing that is not complete.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use super::{
    Challenge, ExchangeError, MAX_BODY, Outcome, Post, PostRequest,
    place::{self, Endpoint},
    wire,
};
use crate::{
    error::ConfigError,
    source::{FetchError, SourceUrl, before},
    time::{Clock, SystemClock},
};

/// How long one exchange may take, unless told otherwise: what the key fetches of this crate take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks one identity provider, for one tenant and realm.
///
/// Every answer that is not one of the contract, complete and in time, is an [`ExchangeError`]: there
/// is no login without an [`Outcome::Success`]. Nothing is tried again, since an answer may have been
/// spent by the first attempt.
///
/// A cheap handle: clones share the connection.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use serde_json::json;
/// use tower_resource_server::identity_provider::{
///     ExchangeError, IdentityProviderClient, Outcome, Post, UserIdentity,
/// };
///
/// /// Logs a user in who answers everything with a PIN.
/// async fn log_in<T: Post>(
///     provider: &IdentityProviderClient<T>,
///     headers: &HeaderMap,
///     pin: &str,
/// ) -> Result<Option<UserIdentity>, ExchangeError> {
///     let answer = json!({"pincode": pin}).as_object().cloned().unwrap_or_default();
///     let mut outcome = provider.start(headers).await?;
///     loop {
///         match outcome {
///             Outcome::Success(user) => return Ok(Some(user)),
///             Outcome::Failure => return Ok(None),
///             // The challenge knows the id that its answer must bring back.
///             Outcome::Challenge(challenge) => {
///                 outcome = provider.answer(headers, &challenge, &answer).await?;
///             }
///         }
///     }
/// }
/// ```
pub struct IdentityProviderClient<T> {
    shared: Arc<Shared<T>>,
    authorization: Option<HeaderValue>,
}

struct Shared<T> {
    start: SourceUrl,
    answer: SourceUrl,
    transport: T,
    timeout: Duration,
    max_body: usize,
    clock: Arc<dyn Clock>,
}

impl<T: Post> IdentityProviderClient<T> {
    /// Starts a client of the provider at `base_url`, which is https and may have a path.
    ///
    /// ```
    /// # #[cfg(feature = "remote")] {
    /// use tower_resource_server::identity_provider::{IdentityProviderClient, ReqwestPost};
    ///
    /// let provider = IdentityProviderClient::builder(
    ///     "https://login.example/api/custom-identity-provider/v1",
    ///     "6380ef06-tenant",
    ///     "bridge",
    ///     ReqwestPost::new()?,
    /// )
    /// .build()?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(
        base_url: impl Into<String>,
        tenant: impl Into<String>,
        realm: impl Into<String>,
        transport: T,
    ) -> IdentityProviderClientBuilder<T> {
        IdentityProviderClientBuilder {
            base_url: base_url.into(),
            tenant: tenant.into(),
            realm: realm.into(),
            transport,
            allow_loopback_http: false,
            timeout: TIMEOUT,
            max_body: MAX_BODY,
            clock: Arc::new(SystemClock),
        }
    }

    /// The same client, which sends this `Authorization` with each request: an access token, for a
    /// provider that is itself protected. Tokens expire; a clone with a fresh one costs nothing.
    #[must_use]
    pub fn with_authorization(&self, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self { shared: Arc::clone(&self.shared), authorization: Some(value) }
    }

    /// Begins a login.
    ///
    /// `headers` are those of the client's request, as far as they concern the provider; values that
    /// are marked sensitive are not sent, as those of `Authorization` are behind a
    /// [`ResourceServer::layer`](crate::ResourceServer::layer).
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn start(&self, headers: &HeaderMap) -> Result<Outcome, ExchangeError> {
        self.exchange(Endpoint::Start, wire::write_question(headers, None, None)).await
    }

    /// Relates the user's answer to a challenge, and with it the state id that the challenge came
    /// with: that one and no other, none if it had none.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn answer(
        &self,
        headers: &HeaderMap,
        challenge: &Challenge,
        answer: &Map<String, Value>,
    ) -> Result<Outcome, ExchangeError> {
        let body = wire::write_question(headers, challenge.state_id(), Some(answer));
        self.exchange(Endpoint::Answer, body).await
    }

    async fn exchange(&self, endpoint: Endpoint, body: Bytes) -> Result<Outcome, ExchangeError> {
        let Shared { start, answer, transport, timeout, max_body, clock } = &*self.shared;
        let url = match endpoint {
            Endpoint::Start => start,
            Endpoint::Answer => answer,
        };
        let request = PostRequest {
            url: url.clone(),
            authorization: self.authorization.clone(),
            body,
            max_body: *max_body,
            timeout: *timeout,
        };
        // Whatever the transport makes of its timeout, the login ends here.
        let deadline = clock.sleep_until(clock.monotonic().saturating_add(*timeout));
        let response = before(deadline, transport.post(request)).await.unwrap_or(Err(FetchError::Timeout));
        let response = response.map_err(ExchangeError::Unanswered)?;
        if response.status != StatusCode::OK {
            return Err(ExchangeError::Status(response.status));
        }
        if response.body.len() > *max_body {
            return Err(ExchangeError::Unanswered(FetchError::TooLarge { limit: *max_body }));
        }
        wire::read_outcome(&response.body)
    }
}

impl<T> Clone for IdentityProviderClient<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), authorization: self.authorization.clone() }
    }
}

impl<T> fmt::Debug for IdentityProviderClient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProviderClient").field("start", &self.shared.start).finish_non_exhaustive()
    }
}

/// Collects the settings of an [`IdentityProviderClient`].
#[must_use]
pub struct IdentityProviderClientBuilder<T> {
    base_url: String,
    tenant: String,
    realm: String,
    transport: T,
    allow_loopback_http: bool,
    timeout: Duration,
    max_body: usize,
    clock: Arc<dyn Clock>,
}

impl<T: Post> IdentityProviderClientBuilder<T> {
    /// Allows plain `http` to a loopback address, for development and tests.
    pub const fn allow_loopback_http(mut self) -> Self {
        self.allow_loopback_http = true;
        self
    }

    /// How long one exchange may take, all of it: 5 seconds unless told otherwise.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The most bytes that an answer may have, instead of [`MAX_BODY`].
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Reads time from `clock`; for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the client. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ConfigError`] when the base URL breaks the rules of [`SourceUrl`] or has a query or a
    /// fragment, and when the tenant or the realm cannot stand in a path.
    pub fn build(self) -> Result<IdentityProviderClient<T>, ConfigError> {
        let mut problems = Vec::new();
        place::check("tenant", &self.tenant, &mut problems);
        place::check("realm", &self.realm, &mut problems);
        let start = self.endpoint(Endpoint::Start);
        let answer = self.endpoint(Endpoint::Answer);
        let (start, answer) = match (start, answer) {
            (Ok(start), Ok(answer)) => (start, answer),
            (Err(problem), _) | (_, Err(problem)) => {
                problems.push(format!("base_url: {problem}"));
                return Err(ConfigError::from_problems(problems));
            }
        };
        let Self { transport, timeout, max_body, clock, .. } = self;
        let shared = Arc::new(Shared { start, answer, transport, timeout, max_body, clock });
        ConfigError::unless_empty(problems, IdentityProviderClient { shared, authorization: None })
    }

    fn endpoint(&self, endpoint: Endpoint) -> Result<SourceUrl, String> {
        let base =
            SourceUrl::parse(&self.base_url, self.allow_loopback_http).map_err(|error| error.to_string())?;
        // Parsing drops a fragment, so it is looked for in what was given.
        if self.base_url.contains(['?', '#']) {
            return Err("it has neither query nor fragment".to_owned());
        }
        base.map_path(|url| place::append(url, &self.tenant, &self.realm, endpoint.name()))
            .map_err(|error| error.to_string())
    }
}

impl<T> fmt::Debug for IdentityProviderClientBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, realm, .. } = self;
        f.debug_struct("IdentityProviderClientBuilder")
            .field("tenant", tenant)
            .field("realm", realm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;

//! The authorization service's side: asks a provider, and believes nothing that is not complete.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::{Map, Value};

use super::{
    Challenge, ExchangeError, MAX_BODY, Outcome,
    place::{self, Endpoint},
    wire,
};
use crate::{
    error::ConfigError,
    net::{HttpClient, Limits, SourceUrl, send_within},
    time::{Clock, SystemClock},
};

/// How long one exchange may take, unless told otherwise: what the key fetches of this crate take.
const TIMEOUT: Duration = Duration::from_secs(5);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

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
///     ExchangeError, IdentityProviderClient, Outcome, UserIdentity,
/// };
///
/// /// Logs a user in who answers everything with a PIN.
/// async fn log_in(
///     provider: &IdentityProviderClient,
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
#[derive(Clone)]
pub struct IdentityProviderClient {
    shared: Arc<Shared>,
    authorization: Option<HeaderValue>,
}

struct Shared {
    start: SourceUrl,
    answer: SourceUrl,
    client: Arc<dyn HttpClient>,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl IdentityProviderClient {
    /// Starts a client of the provider at `base_url`, which is https and may have a path; requests go
    /// through `client`.
    ///
    /// ```
    /// # #[cfg(feature = "remote")] {
    /// use tower_resource_server::{identity_provider::IdentityProviderClient, net::ReqwestClient};
    ///
    /// let provider = IdentityProviderClient::builder(
    ///     "https://login.example/api/custom-identity-provider/v1",
    ///     "6380ef06-tenant",
    ///     "bridge",
    ///     ReqwestClient::new()?,
    /// )
    /// .build()?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(
        base_url: impl Into<String>,
        tenant: impl Into<String>,
        realm: impl Into<String>,
        client: impl HttpClient,
    ) -> IdentityProviderClientBuilder {
        IdentityProviderClientBuilder {
            base_url: base_url.into(),
            tenant: tenant.into(),
            realm: realm.into(),
            client: Arc::new(client),
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
        let Shared { start, answer, client, limits, clock } = &*self.shared;
        let url = match endpoint {
            Endpoint::Start => start,
            Endpoint::Answer => answer,
        };
        let mut request = Request::new(body.into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.uri().clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, JSON);
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        // Whatever the client makes of the deadline, the login ends here.
        let response = send_within(&**client, &**clock, request, *limits).await;
        let response = response.map_err(ExchangeError::Unanswered)?;
        if response.status() != StatusCode::OK {
            return Err(ExchangeError::Status(response.status()));
        }
        wire::read_outcome(response.body().as_bytes())
    }
}

impl fmt::Debug for IdentityProviderClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProviderClient").field("start", &self.shared.start).finish_non_exhaustive()
    }
}

/// Collects the settings of an [`IdentityProviderClient`].
#[must_use]
pub struct IdentityProviderClientBuilder {
    base_url: String,
    tenant: String,
    realm: String,
    client: Arc<dyn HttpClient>,
    allow_loopback_http: bool,
    timeout: Duration,
    max_body: usize,
    clock: Arc<dyn Clock>,
}

impl IdentityProviderClientBuilder {
    /// Allows plain `http` to a loopback address, for development and tests.
    pub const fn allow_loopback_http(mut self, allow: bool) -> Self {
        self.allow_loopback_http = allow;
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
    pub fn build(self) -> Result<IdentityProviderClient, ConfigError> {
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
        let Self { client, timeout, max_body, clock, .. } = self;
        let limits = Limits::new(max_body, timeout);
        let shared = Arc::new(Shared { start, answer, client, limits, clock });
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

impl fmt::Debug for IdentityProviderClientBuilder {
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

#[cfg(all(test, feature = "remote"))]
#[path = "socket_tests.rs"]
mod socket_tests;

//! A server by hand, without a layer: tokens and request heads, verified on demand.

use std::{fmt, time::Duration};

use http::request::Parts;

use super::{Admission, Denial, ResourceServer, Resumed, Step};
use crate::{
    error::TokenError,
    http::{Credentials, Reason, Rejection, TokenKind},
    identity::{Authentication, Identity},
    policy::{Expected, Requirement},
};

/// What the caller of [`verify_id_token`](ResourceServer::verify_id_token) knows about the login
/// that the token is the answer to.
///
/// ```
/// use tower_resource_server::IdTokenExpectations;
///
/// let expected = IdTokenExpectations { nonce: Some("n-0S6_WzA2Mj"), ..Default::default() };
/// ```
#[derive(Clone, Copy, Default)]
pub struct IdTokenExpectations<'a> {
    /// The nonce that was sent with the authentication request: the token must carry it.
    pub nonce: Option<&'a str>,
    /// The access token that came with the ID token: `at_hash`, if there is one, must match.
    pub access_token: Option<&'a str>,
    /// The oldest acceptable login: `auth_time` must be there and at most this long ago.
    pub max_age: Option<Duration>,
}

impl<'a> IdTokenExpectations<'a> {
    pub(super) const fn expected(self) -> Expected<'a> {
        let Self { nonce, access_token, max_age } = self;
        Expected { nonce, access_token, max_age }
    }
}

impl fmt::Debug for IdTokenExpectations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdTokenExpectations").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

impl ResourceServer {
    /// Authenticates a request by its headers.
    ///
    /// [`Authentication::Anonymous`] means that there were no credentials: whether that is enough
    /// is up to the caller. It waits only when the keys to decide are being fetched.
    ///
    /// It checks no scopes but those that the server [requires](crate::ResourceServerBuilder::require) of
    /// every request; see [`Identity::has_scope`] and
    /// [`Requirement::is_met_by`](crate::policy::Requirement::is_met_by).
    ///
    /// # Errors
    /// A [`Rejection`] with the status and challenge that the client should get.
    pub async fn authenticate(&self, request: &Parts) -> Result<Authentication, Rejection> {
        let resume = |resumed| self.resume(resumed, &request.headers);
        let identity = self.settle(self.begin(&request.headers), resume, &self.0.required).await?;
        if identity.is_none() {
            self.0.counters.anonymous();
        }
        Ok(identity.map_or(Authentication::Anonymous, Authentication::Verified))
    }

    /// Verifies an access token by itself, as if it had come alone in the `Authorization` field.
    ///
    /// # Errors
    /// A [`Rejection`]; its [`reason`](Rejection::reason) tells a bad token from keys that cannot be had.
    pub async fn verify_access_token(&self, token: &str) -> Result<Identity, Rejection> {
        self.verify_credentials(Credentials::access(token.as_bytes())).await
    }

    /// Verifies an access token of this issuer, as if the header of
    /// [`select_issuer_by`](crate::ResourceServerBuilder::select_issuer_by) had named it. A server that has
    /// no such header verifies the token by its `iss`, and refuses it when that is another issuer;
    /// `issuer` may be any of the issuer's names.
    ///
    /// # Errors
    /// As [`verify_access_token`](Self::verify_access_token).
    pub async fn verify_access_token_of(&self, issuer: &str, token: &str) -> Result<Identity, Rejection> {
        let selector = Some(issuer.as_bytes());
        let credentials = Credentials { selector, ..Credentials::access(token.as_bytes()) };
        let identity = self.verify_credentials(credentials).await?;
        let is_its_name = || self.0.issuers.named(issuer).any(|known| *known.issuer == *identity.issuer());
        if identity.issuer() == issuer || self.0.request.selector.is_some() || is_its_name() {
            return Ok(identity);
        }
        let error = TokenError::UntrustedIssuer;
        Err(self.deny(Reason::InvalidToken { token: TokenKind::Access, error }.into()))
    }

    async fn verify_credentials(&self, credentials: Credentials<'_>) -> Result<Identity, Rejection> {
        let resume = |resumed| self.resume_with(resumed, credentials);
        let identity = self.settle(self.begin_with(credentials), resume, &self.0.required).await?;
        identity.ok_or_else(|| self.deny(Reason::NoCredentials.into()))
    }

    /// Goes through both stages of a request, waits included.
    async fn settle(
        &self,
        mut step: Step,
        resume: impl Fn(Resumed) -> Step,
        required: &Requirement,
    ) -> Result<Option<Identity>, Rejection> {
        let authenticated = loop {
            match step {
                Step::Done(result) => break result,
                Step::Wait(pending) => step = resume(pending.await),
            }
        };
        let Some(identity) = authenticated.map_err(|denial| self.deny(denial))? else { return Ok(None) };
        let admitted = match self.admit(identity, required) {
            Admission::Done(result) => result,
            Admission::Wait(store) => self.resume_admission(store.await),
        };
        admitted.map(Some).map_err(|denial| self.deny(denial))
    }

    /// Verifies an access token without waiting: for keys that the application holds.
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn verify_now(&self, token: &str) -> Result<Identity, Rejection> {
        let credentials = Credentials::access(token.as_bytes());
        let authenticated = match self.begin_with(credentials) {
            Step::Done(result) => result,
            Step::Wait(_) => Err(Reason::KeysUnavailable.into()),
        };
        let identity = authenticated.and_then(|identity| identity.ok_or(Reason::NoCredentials.into()));
        let admitted = identity.and_then(|identity| match self.admit(identity, &self.0.required) {
            Admission::Done(result) => result,
            Admission::Wait(_) => Err(Reason::SpentStoreUnavailable.into()),
        });
        admitted.map_err(|denial| self.deny(denial))
    }

    /// The identity behind an access token, if it was verified before and the verdict still stands:
    /// no signature, no waiting.
    #[must_use]
    pub fn try_verify_cached(&self, token: &str) -> Option<Identity> {
        let cached = self.0.cached(Credentials::access(token.as_bytes()), &self.0.now());
        cached.filter(|identity| self.admit_further(identity, &self.0.required).is_ok())
    }

    /// Verifies an ID token for the configured client (OpenID Connect Core section 3.1.3.7), for
    /// applications that log users in themselves. Never cached.
    ///
    /// It does not remember nonces: comparing with the one of this login is what makes each count
    /// once.
    ///
    /// # Errors
    /// A [`Rejection`]; a server built without a `client_id` knows no ID tokens and refuses all, and so
    /// does one whose profile leaves the audience of an ID token to the access token beside it.
    pub async fn verify_id_token(
        &self,
        token: &str,
        expectations: IdTokenExpectations<'_>,
    ) -> Result<Identity, Rejection> {
        let expected = expectations.expected();
        let step = self.begin_id_token(token.as_bytes(), expected);
        let resume = |resumed| self.resume_id_token(resumed, token.as_bytes(), expected);
        let identity = self.settle(step, resume, &Requirement::none()).await?;
        identity.ok_or_else(|| self.deny(Reason::NoCredentials.into()))
    }

    fn deny(&self, denial: Denial) -> Rejection {
        self.refuse(denial, &self.0.required)
    }
}

//! A server by hand, without a layer: tokens and request heads, verified on demand.

use std::{fmt, time::Duration};

use super::{Admission, Denial, ResourceServer, Resumed, Step};
use crate::{
    error::TokenError,
    explain::{Explanation, Taken},
    http::{Credentials, Reason, Rejection, RequestHead, TokenKind},
    identity::{Authentication, Identity},
    policy::{Compiled, Expected},
};

/// What the caller of [`verify_id_token`](ResourceServer::verify_id_token) knows about the login
/// that the token is the answer to. Nothing is expected unless it is said.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::IdTokenExpectations;
///
/// let expected = IdTokenExpectations::new().nonce("n-0S6_WzA2Mj").max_age(Duration::from_secs(3600));
/// # let _ = expected;
/// ```
#[derive(Clone, Copy, Default)]
#[must_use]
pub struct IdTokenExpectations<'a>(Expected<'a>);

impl<'a> IdTokenExpectations<'a> {
    /// Nothing beyond what the profile says.
    pub fn new() -> Self {
        Self::default()
    }

    /// The nonce that was sent with the authentication request: the token must carry it.
    pub fn nonce(mut self, nonce: impl Into<Option<&'a str>>) -> Self {
        self.0.nonce = nonce.into();
        self
    }

    /// The access token that came with the ID token: `at_hash`, if there is one, must match.
    pub fn access_token(mut self, token: impl Into<Option<&'a str>>) -> Self {
        self.0.access_token = token.into();
        self
    }

    /// The oldest acceptable login: `auth_time` must be there and at most this long ago.
    pub fn max_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.0.max_age = age.into();
        self
    }

    pub(super) const fn expected(self) -> Expected<'a> {
        self.0
    }
}

impl fmt::Debug for IdTokenExpectations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdTokenExpectations").field("max_age", &self.0.max_age).finish_non_exhaustive()
    }
}

impl ResourceServer {
    /// Authenticates a request by its head: of a [`Request`](http::Request), or its
    /// [`Parts`](http::request::Parts).
    ///
    /// [`Authentication::Anonymous`] means that there were no credentials: whether that is enough
    /// is up to the caller. It waits only when the keys to decide are being fetched.
    ///
    /// The head stays as it is: a layer marks tokens as sensitive and removes those that must not be seen, this
    /// does not. A [ticket](Self::issue_ticket) is spent.
    ///
    /// A DPoP proof is judged, and spent, by the method and the [address](Self::url_of) of the request. With
    /// nonces for proofs, give the client of an admitted request the next one with
    /// [`issue_dpop_nonce`](Self::issue_dpop_nonce) from time to time.
    ///
    /// The certificate that a token may be bound to is that of the extensions or a header: see
    /// [`Mtls`](crate::Mtls).
    ///
    /// It checks nothing but what the server [requires](crate::ResourceServerBuilder::require) of every
    /// request; what an operation requires, [`check`](Self::check) says.
    ///
    /// # Errors
    /// A [`Rejection`] with the status and challenge that the client should get.
    pub async fn authenticate<'r>(
        &self,
        request: impl Into<RequestHead<'r>>,
    ) -> Result<Authentication, Rejection> {
        let head = request.into();
        let resume = |resumed| self.resume(resumed, head);
        let settled = self.settle(self.begin(head), resume, &self.0.required, Some(head)).await;
        let identity = settled.map_err(|why| self.at_address_of(&why, head))?;
        if identity.is_none() {
            self.0.counters.anonymous();
        }
        Ok(identity.map_or(Authentication::Anonymous, Authentication::Verified))
    }

    /// Explains what [`authenticate`](Self::authenticate) would say of a request: its token check by check, its proof
    /// ([DPoP](crate::guide::dpop)), and what the server requires of every request. Nothing is spent. It waits when
    /// authentication does.
    ///
    /// Where credentials cannot be read, or there are none, the explanation has a
    /// [reason](Explanation::reason) and no findings. A [predicate](crate::policy::Requirement::predicate) is not asked, and counts as
    /// one that does not hold; a [ticket](crate::http::TokenLocation::ticket) counts as unspent.
    pub async fn explain_request<'r>(&self, request: impl Into<RequestHead<'r>>) -> Explanation {
        let head = request.into();
        let mut read = None;
        let step = self.with_head(head, |Credentials { access, id, selector }| {
            read = Some((access.to_vec(), id.map(<[u8]>::to_vec), selector.map(<[u8]>::to_vec)));
            Step::Done(Ok(None))
        });
        let Some((access, id, selector)) = read else {
            let reason = match step {
                Step::Done(Err(denial)) => denial.reason,
                _ => Reason::NoCredentials,
            };
            let (reason, checked_at) = (Some(reason), self.0.clock.unix());
            return Explanation {
                taken: Taken::Other,
                issuer: None,
                checked_at,
                reason,
                findings: Vec::new(),
            };
        };
        let taken = if id.is_some() { Taken::Pair } else { Taken::Access };
        let credentials = Credentials { access: &access, id: id.as_deref(), selector: selector.as_deref() };
        let mut explanation =
            self.explain_credentials(taken, credentials, &self.0.required, Some(head)).await;
        // What is no token by its characters is a malformed request, as the place has it where it was.
        let reason = explanation.reason.clone();
        let told = reason.map(|reason| self.with_head(head, |_| Step::Done(Err(reason.into()))));
        if let Some(Step::Done(Err(denial))) = told {
            explanation.reason = Some(denial.reason);
        }
        explanation
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
        let identity = self.settle(self.begin_alone(credentials), resume, &self.0.required, None).await?;
        identity.ok_or_else(|| self.deny(Reason::NoCredentials.into()))
    }

    /// Goes through both stages of a request, waits included.
    async fn settle(
        &self,
        mut step: Step,
        resume: impl Fn(Resumed) -> Step,
        required: &Compiled,
        head: Option<RequestHead<'_>>,
    ) -> Result<Option<Identity>, Rejection> {
        let authenticated = loop {
            match step {
                Step::Done(result) => break result,
                Step::Wait(pending) => step = resume(pending.await),
                // It was asked when the step was begun.
                Step::AskVerifier => break Err(Reason::VerifierUnavailable.into()),
            }
        };
        let Some(identity) = authenticated.map_err(|denial| self.deny(denial))? else { return Ok(None) };
        let admitted = match self.admit(identity, required, head) {
            Admission::Done(result) => result,
            Admission::Renew(identity, _) => Ok(identity),
            Admission::Wait(store) => self.resume_admission(store.await).map(|(identity, _)| identity),
        };
        admitted.map(Some).map_err(|denial| self.deny(denial))
    }

    /// Verifies an access token as [`verify_access_token`](Self::verify_access_token) does, and never
    /// waits: for keys that the application holds, and for callers without a runtime.
    ///
    /// Keys that are fetched are used as far as they are there. Where a token needs newer ones, their
    /// fetch is begun, as far as the budget and a runtime allow, and the token is refused with
    /// [`Reason::KeysUnavailable`] (503): it may be good in a moment.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{ResourceServer, TrustedIssuer, keys::KeySet, profile::TokenProfile};
    ///
    /// let keys = KeySet::from_jwks(br#"{"keys":[
    ///     {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    /// ]}"#)?;
    /// let api = ResourceServer::builder("https://api.example")
    ///     .issuer(TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068()))
    ///     .build()?;
    /// match api.verify_now("not.a-token") {
    ///     Ok(identity) => println!("hello {}", identity.subject()),
    ///     Err(refused) => assert_eq!(refused.status(), 401),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`verify_access_token`](Self::verify_access_token). A token that spends a nonce is refused with
    /// [`Reason::SpentStoreUnavailable`] where the store does not answer at once: it is asked all the same,
    /// so the nonce may be spent.
    pub fn verify_now(&self, token: &str) -> Result<Identity, Rejection> {
        let authenticated = match self.begin_alone(Credentials::access(token.as_bytes())) {
            Step::Done(result) => result,
            Step::Wait(pending) => Err(pending.reason().into()),
            Step::AskVerifier => Err(Reason::VerifierUnavailable.into()),
        };
        let identity = authenticated.and_then(|identity| identity.ok_or(Reason::NoCredentials.into()));
        let admitted = identity.and_then(|identity| match self.admit(identity, &self.0.required, None) {
            Admission::Done(result) => result,
            Admission::Renew(identity, _) => Ok(identity),
            Admission::Wait(_) => Err(Reason::SpentStoreUnavailable.into()),
        });
        admitted.map_err(|denial| self.deny(denial))
    }

    /// The identity behind an access token, if it was verified before and is still good:
    /// no signature, no waiting.
    #[must_use]
    pub fn try_verify_cached(&self, token: &str) -> Option<Identity> {
        let cached = self.0.cached(Credentials::access(token.as_bytes()), &self.0.now());
        cached.filter(|identity| {
            // A token by itself comes without proof.
            let is_bearer = !self.0.asks_for_proof || self.0.is_good_alone(identity);
            is_bearer && self.admit_further(identity, &self.0.required, None).is_ok()
        })
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
        let identity = self.settle(step, resume, &Compiled::any_token(), None).await?;
        identity.ok_or_else(|| self.deny(Reason::NoCredentials.into()))
    }

    fn deny(&self, denial: Denial) -> Rejection {
        self.refuse(denial, &self.0.required)
    }
}

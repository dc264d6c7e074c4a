//! The two endpoints, as a Tower service.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body::Body;
use tower::{BoxError, Service};

use super::{
    HandleChallengeAnswer, IdentityProvider, MAX_BODY, Outcome, StartAuthorization,
    body::{self, Unread},
    place::{self, Endpoint, Place},
    wire,
};
use crate::error::ConfigError;

/// Serves an [`IdentityProvider`]: `POST {base}/apps/{tenant}/{realm}/startAuthorization` and
/// `…/handleChallengeAnswer`.
///
/// | request | answer |
/// |---|---|
/// | one of the contract | 200 with JSON, whether success, challenge or failure |
/// | another path, tenant or realm | 404 |
/// | another method | 405 |
/// | a body that is none of the contract, or breaks off | 400, `{"status":"failure"}` |
/// | a body of more than [`MAX_BODY`] bytes, or what was set | 413, `{"status":"failure"}` |
///
/// "200 always" is for what the contract knows. A body that is not even its JSON comes from a caller
/// that does not speak it, or from a proxy that garbled it; somebody has to see that, and a failure
/// in a 200 looks like a user's wrong password. Callers who read only the body find a failure there.
///
/// Content types are not looked at. How long a body may take is the HTTP server's business, and how
/// long the provider may take is yours: `tower::timeout` does both.
///
/// With axum it is a `fallback_service`, or a `route_service` of `/apps/{*rest}`; where it is nested,
/// the prefix is gone from the path and no [base path](IdentityProviderServiceBuilder::base_path) is
/// to be set. A [`ResourceServer::layer`](crate::ResourceServer::layer) around it lets only authenticated callers in.
pub struct IdentityProviderService<P, ResBody> {
    shared: Arc<Shared<P>>,
    body: PhantomData<fn() -> ResBody>,
}

struct Shared<P> {
    provider: P,
    place: Place,
    max_body: usize,
}

impl<P: IdentityProvider> IdentityProviderService<P, ()> {
    /// Starts the service of one provider, for one tenant and one realm, byte for byte as they
    /// stand in the path (escaped as in URLs where they need it).
    pub fn builder(
        provider: P,
        tenant: impl Into<String>,
        realm: impl Into<String>,
    ) -> IdentityProviderServiceBuilder<P> {
        IdentityProviderServiceBuilder {
            provider,
            tenant: tenant.into(),
            realm: realm.into(),
            base_path: String::new(),
            max_body: MAX_BODY,
        }
    }
}

/// Collects the settings of an [`IdentityProviderService`].
#[must_use]
pub struct IdentityProviderServiceBuilder<P> {
    provider: P,
    tenant: String,
    realm: String,
    base_path: String,
    max_body: usize,
}

impl<P: IdentityProvider> IdentityProviderServiceBuilder<P> {
    /// What comes before `/apps`: the path of the base URL that the authorization service knows.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = path.into();
        self
    }

    /// The most bytes to read of a body, instead of [`MAX_BODY`].
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Builds the service, for a response body of your choice.
    ///
    /// # Errors
    /// [`ConfigError`] when the tenant or the realm cannot stand in a path.
    pub fn build<ResBody>(self) -> Result<IdentityProviderService<P, ResBody>, ConfigError> {
        let mut problems = Vec::new();
        place::check("tenant", &self.tenant, &mut problems);
        place::check("realm", &self.realm, &mut problems);
        let place = Place::new(&self.base_path, &self.tenant, &self.realm);
        let Some(place) = place else {
            problems.push("base_path: give the path of a URL".to_owned());
            return Err(ConfigError::from_problems(problems));
        };
        let shared = Shared { provider: self.provider, place, max_body: self.max_body };
        let service = IdentityProviderService { shared: Arc::new(shared), body: PhantomData };
        ConfigError::unless_empty(problems, service)
    }
}

impl<P> fmt::Debug for IdentityProviderServiceBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, realm, .. } = self;
        f.debug_struct("IdentityProviderServiceBuilder")
            .field("tenant", tenant)
            .field("realm", realm)
            .finish_non_exhaustive()
    }
}

// Not derived: that would ask for `P: Clone` and `ResBody: Clone`.
impl<P, ResBody> Clone for IdentityProviderService<P, ResBody> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), body: PhantomData }
    }
}

impl<P, ResBody> fmt::Debug for IdentityProviderService<P, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProviderService").field("place", &self.shared.place).finish_non_exhaustive()
    }
}

impl<P, ReqBody, ResBody> Service<Request<ReqBody>> for IdentityProviderService<P, ResBody>
where
    P: IdentityProvider,
    ReqBody: Body + Send + 'static,
    ReqBody::Data: Send,
    ReqBody::Error: Into<BoxError>,
    ResBody: From<Bytes>,
{
    type Response = Response<ResBody>;
    type Error = Infallible;
    type Future = ResponseFuture<ResBody>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        ResponseFuture { answer: Box::pin(async move { shared.answer(request).await }), body: PhantomData }
    }
}

impl<P: IdentityProvider> Shared<P> {
    async fn answer<B>(&self, request: Request<B>) -> Response<Bytes>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let Some(endpoint) = self.place.endpoint(head.uri.path()) else {
            return bare(StatusCode::NOT_FOUND);
        };
        if head.method != Method::POST {
            let mut refusal = bare(StatusCode::METHOD_NOT_ALLOWED);
            refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return refusal;
        }
        let (status, outcome) = match body::read(body, self.max_body).await {
            Err(Unread::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, Outcome::Failure),
            Err(Unread::Broken) => (StatusCode::BAD_REQUEST, Outcome::Failure),
            Ok(body) => match self.ask(endpoint, head, &body).await {
                Some(outcome) => (StatusCode::OK, outcome),
                None => (StatusCode::BAD_REQUEST, Outcome::Failure),
            },
        };
        tracing::debug!(
            endpoint = endpoint.name(),
            status = status.as_u16(),
            outcome = match outcome {
                Outcome::Success(_) => "success",
                Outcome::Challenge(_) => "challenge",
                Outcome::Failure => "failure",
            },
            "identity provider asked"
        );
        let mut response = bare(status);
        *response.body_mut() = wire::write_outcome(&outcome);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        // It says who somebody is, or how to go on with a login.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// `None` when the body is not one of the contract.
    async fn ask(&self, endpoint: Endpoint, request: Parts, body: &[u8]) -> Option<Outcome> {
        let wire::Question { headers, state_id, answer } = wire::read_question(body)?;
        Some(match endpoint {
            Endpoint::Start => self.provider.start(StartAuthorization { request, headers, state_id }).await,
            Endpoint::Answer => {
                let question = HandleChallengeAnswer { request, headers, state_id, answer: answer? };
                self.provider.answer(question).await
            }
        })
    }
}

fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The future of an [`IdentityProviderService`]: boxed, since what a provider does has no name.
pub struct ResponseFuture<ResBody> {
    answer: Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>,
    body: PhantomData<fn() -> ResBody>,
}

impl<ResBody: From<Bytes>> Future for ResponseFuture<ResBody> {
    type Output = Result<Response<ResBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.as_mut().poll(cx).map(|response| Ok(response.map(ResBody::from)))
    }
}

impl<ResBody> fmt::Debug for ResponseFuture<ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

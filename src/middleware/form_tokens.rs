//! The layer that reads a form for its token, outside of the layer that judges it: the only one that reads a body
//! before its sender is known.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, request::Parts};
use pin_project_lite::pin_project;
use tower::{Layer, Service, ServiceExt, util::Oneshot};

use super::{InnerService, ReadableBody, service::give_back_readiness, whole_body::Gathered};
use crate::{http::form, server::ResourceServer};

/// The largest form that is read.
const MAX_FORM: usize = 64 * 1024;

/// Reads forms for their tokens; see [`ResourceServer::form_tokens`].
#[derive(Clone, Debug)]
#[must_use]
pub struct FormTokens(Settings);

/// Reads forms in front of `S`; made by [`FormTokens`].
#[derive(Clone, Debug)]
pub struct FormTokenService<S> {
    inner: S,
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    /// `None` where the server takes no token from a form.
    parameter: Option<Arc<str>>,
    max_form: usize,
}

impl ResourceServer {
    /// The layer that reads the tokens of [forms](crate::http::DangerousLocations::form), for the outside of this server's
    /// layer or guard, **around what that guards and nothing else**. Where this server names no such location, it passes
    /// all requests on as they are.
    ///
    /// A form is read whole: its parameter of the token is taken out, and `Content-Length` says what is left; there are no
    /// trailers, and a digest of the body holds no more. It is read before its sender is known, so put a time limit
    /// outside, as for any body. All refusals are those of the server's layer behind it: one that is larger than
    /// [`max_form`](FormTokens::max_form), or ends early, is 400 there, and goes on empty. A body that is encoded
    /// (`Content-Encoding`) is not read, nor is one in several parts.
    ///
    /// ```
    /// # #[cfg(feature = "axum")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_resource_server::{TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
    /// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
    /// # let issuer = TrustedIssuer::with_keys("a", keys, TokenProfile::rfc9068());
    /// use axum::{Router, routing::post};
    /// use tower_resource_server::{ResourceServer, http::TokenLocation};
    ///
    /// let api = ResourceServer::builder("https://api.example")
    ///     .issuer(issuer)
    ///     .token_location(TokenLocation::authorization())
    ///     .token_location(TokenLocation::dangerous().form("access_token"))
    ///     .build()?;
    /// let app: Router = Router::new()
    ///     .route("/hook", post(async |form: String| form))
    ///     .layer(api.layer())
    ///     .layer(api.form_tokens()); // The last layer is the first that a request meets.
    /// # let _ = app;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "axum"))]
    /// # fn main() {}
    /// ```
    pub fn form_tokens(&self) -> FormTokens {
        FormTokens(Settings { parameter: self.form_parameter().map(Into::into), max_form: MAX_FORM })
    }
}

impl FormTokens {
    /// The largest form, in bytes: 64 KiB unless this says otherwise. A larger one is refused (400), wherever its token is.
    pub fn max_form(mut self, bytes: usize) -> Self {
        self.0.max_form = bytes;
        self
    }
}

impl<S> Layer<S> for FormTokens {
    type Service = FormTokenService<S>;

    fn layer(&self, inner: S) -> FormTokenService<S> {
        FormTokenService { inner, settings: self.0.clone() }
    }
}

impl<S, B> Service<Request<B>> for FormTokenService<S>
where
    S: Service<Request<B>> + InnerService,
    B: ReadableBody,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FormTokenFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let state = match &self.settings.parameter {
            Some(parameter) if form::is_form((&request).into()) => {
                let (head, body) = request.into_parts();
                // The client decides how long its form takes.
                give_back_readiness(&mut self.inner);
                let held = Held { inner: self.inner.clone(), head, parameter: Arc::clone(parameter) };
                let (read, limit) = (Gathered::default(), self.settings.max_form);
                State::Form { form: Box::pin(Form::Reading { body, read, limit, held: Some(held) }) }
            }
            _ => State::Passed { future: self.inner.call(request) },
        };
        FormTokenFuture { state }
    }
}

pin_project! {
    /// The future of a [`FormTokenService`].
    pub struct FormTokenFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F>
    where
        S: Service<Request<B>>,
    {
        Passed { #[pin] future: F },
        // Boxed, since few requests are forms, and the others would be as large.
        Form { form: Pin<Box<Form<S, B>>> },
    }
}

pin_project! {
    #[project = FormProjection]
    enum Form<S, B>
    where
        S: Service<Request<B>>,
    {
        Reading { #[pin] body: B, read: Gathered, limit: usize, held: Option<Held<S>> },
        Serving { #[pin] answer: Oneshot<S, Request<B>> },
    }
}

/// What is kept while the form comes.
struct Held<S> {
    inner: S,
    head: Parts,
    parameter: Arc<str>,
}

impl<S, B> Future for FormTokenFuture<S, B>
where
    S: Service<Request<B>>,
    B: ReadableBody,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Passed { future } => future.poll(cx),
            StateProjection::Form { form } => form.as_mut().poll(cx),
        }
    }
}

impl<S, B> Future for Form<S, B>
where
    S: Service<Request<B>>,
    B: ReadableBody,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project() {
                FormProjection::Reading { body, read, limit, held } => {
                    let read = ready!(read.poll(body, *limit, cx));
                    // Polled again after completion, against the contract of futures.
                    let Some(Held { inner, head, parameter }) = held.take() else { return Poll::Pending };
                    let request = match read {
                        Ok(form) => form::take(head, form, &parameter),
                        Err(_) => form::unreadable(head, &parameter),
                    };
                    Self::Serving { answer: inner.oneshot(request) }
                }
                FormProjection::Serving { answer } => return answer.poll(cx),
            };
            self.set(next);
        }
    }
}

impl<S, B> fmt::Debug for FormTokenFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormTokenFuture").finish_non_exhaustive()
    }
}

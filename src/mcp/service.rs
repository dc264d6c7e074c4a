//! The services of a guard: the origin is checked in front of authentication, the message behind it.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::Service;

use super::{
    McpRefusal,
    body::{AnswerBody, McpBody},
    future::JudgeFuture,
    origin::Origins,
    rules::Rules,
};
use crate::{
    http::{FromRefusal, Reject},
    middleware::{AuthService, InnerService, ReadableBody, ResponseFuture},
};

/// Authenticates requests in front of an MCP server, and judges their messages; made by
/// [`McpGuard`](super::McpGuard).
#[derive(Clone, Debug)]
pub struct McpService<S, R = McpRefusal> {
    origins: Arc<Origins>,
    inner: AuthService<Judge<S, R>, R>,
}

impl<S, R> McpService<S, R> {
    pub(super) const fn new(origins: Arc<Origins>, inner: AuthService<Judge<S, R>, R>) -> Self {
        Self { origins, inner }
    }
}

impl<S, R, B, T> Service<Request<B>> for McpService<S, R>
where
    S: Service<Request<B>, Response = Response<T>> + InnerService,
    R: Reject,
    B: ReadableBody,
    T: AnswerBody,
    McpBody<T>: FromRefusal<R::Body>,
{
    type Response = Response<McpBody<T>>;
    type Error = S::Error;
    type Future = McpFuture<S, R, B, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let state = match self.origins.check(request.headers()) {
            Ok(()) => State::Judged { future: self.inner.call(request) },
            Err(fault) => {
                let fresh = self.inner.clone();
                drop(mem::replace(&mut self.inner, fresh));
                let response = fault.response().map(|message| Bytes::from(message).into());
                State::Refused { response: Some(response) }
            }
        };
        McpFuture { state }
    }
}

pin_project! {
    /// The future of an [`McpService`].
    pub struct McpFuture<S, R, B, T>
    where
        Judge<S, R>: Service<Request<B>, Response = Response<McpBody<T>>>,
    {
        #[pin]
        state: State<S, R, B, T>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R, B, T>
    where
        Judge<S, R>: Service<Request<B>, Response = Response<McpBody<T>>>,
    {
        Refused { response: Option<Response<McpBody<T>>> },
        Judged { #[pin] future: ResponseFuture<Judge<S, R>, R, B> },
    }
}

impl<S, R, B, T> fmt::Debug for McpFuture<S, R, B, T>
where
    Judge<S, R>: Service<Request<B>, Response = Response<McpBody<T>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpFuture").finish_non_exhaustive()
    }
}

impl<S, R, B, T> Future for McpFuture<S, R, B, T>
where
    Judge<S, R>: Service<Request<B>, Response = Response<McpBody<T>>> + Clone,
    R: Reject,
    McpBody<T>: FromRefusal<R::Body>,
{
    type Output = Result<Response<McpBody<T>>, <Judge<S, R> as Service<Request<B>>>::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Judged { future } => future.poll(cx),
            StateProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                // Polled again after completion, against the contract of futures.
                None => Poll::Pending,
            },
        }
    }
}

/// Judges the messages of requests that are authenticated.
#[derive(Clone, Debug)]
pub struct Judge<S, R> {
    inner: S,
    rules: Arc<Rules<R>>,
}

impl<S, R> Judge<S, R> {
    pub(super) const fn new(inner: S, rules: Arc<Rules<R>>) -> Self {
        Self { inner, rules }
    }
}

impl<S, R, B, T> Service<Request<B>> for Judge<S, R>
where
    S: Service<Request<B>, Response = Response<T>> + Clone,
    R: Reject,
    B: ReadableBody,
    T: AnswerBody,
    McpBody<T>: FromRefusal<R::Body>,
{
    type Response = Response<McpBody<T>>;
    type Error = S::Error;
    type Future = JudgeFuture<S, R, B, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The capacity that the server may have set aside is given back: the client decides how
        // long its body takes. A clone is polled ready when the request is admitted.
        let fresh = self.inner.clone();
        drop(mem::replace(&mut self.inner, fresh));
        JudgeFuture::new(Arc::clone(&self.rules), self.inner.clone(), request)
    }
}

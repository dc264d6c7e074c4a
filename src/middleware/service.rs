//! The service: takes the decision to the inner service.

use std::{
    borrow::Cow,
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

use super::{
    ResponseFuture,
    future::Held,
    gate::{Decision, Gate},
};
use crate::http::{AsServer, FromRefusal, Reject};

/// Authenticates requests in front of `S`; made by [`AuthLayer`](super::AuthLayer).
///
/// Bodies are of any type and are not touched; errors are those of `S`: a refusal is a response, so
/// the body of responses must be one that a refusal can be made with ([`FromRefusal`]).
#[derive(Clone, Debug)]
pub struct AuthService<S, R = AsServer> {
    inner: S,
    /// Routers clone their services for each request: one count is all that a clone touches here.
    gate: Arc<Gate<R>>,
}

impl<S, R> AuthService<S, R> {
    pub(super) const fn new(inner: S, gate: Arc<Gate<R>>) -> Self {
        Self { inner, gate }
    }

    /// The same in front of another service.
    #[cfg(feature = "config")]
    pub(crate) fn around<T>(&self, inner: T) -> AuthService<T, R> {
        AuthService { inner, gate: Arc::clone(&self.gate) }
    }
}

/// A service that an [`AuthService`] can stand in front of: any that is `Clone`, since one that is ready
/// is given back when a request is refused or waits.
///
/// ```
/// # use {http::{Request, Response}, std::convert::Infallible, tower::{Layer, Service, util::BoxCloneService}};
/// # type Inner = BoxCloneService<Request<()>, Response<()>, Infallible>;
/// # fn serve(_: impl Service<Request<()>>) {}
/// # fn app(api: &tower_resource_server::ResourceServer, service: Inner) {
/// serve(api.layer().layer(service));
/// # }
/// ```
///
/// A `BoxService` is not:
///
/// ```compile_fail,E0277
/// # use {http::{Request, Response}, std::convert::Infallible, tower::{Layer, Service, util::BoxService}};
/// # type Inner = BoxService<Request<()>, Response<()>, Infallible>;
/// # fn serve(_: impl Service<Request<()>>) {}
/// # fn app(api: &tower_resource_server::ResourceServer, service: Inner) {
/// serve(api.layer().layer(service));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a service behind an `AuthLayer` must be `Clone`, which `{Self}` is not",
    label = "not `Clone`",
    note = "a refused request gives the capacity back that was set aside for it, by exchanging the service for a clone of it",
    note = "put a wrapper that is between the two, such as `tower::buffer::BufferLayer`"
)]
pub trait InnerService: Clone {}

#[diagnostic::do_not_recommend]
impl<S: Clone> InnerService for S {}

impl<S, R, B, T> Service<Request<B>> for AuthService<S, R>
where
    S: Service<Request<B>, Response = Response<T>> + InnerService,
    R: Reject,
    T: FromRefusal<R::Body>,
{
    type Response = Response<T>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let required = match self.gate.fixed() {
            Some(required) => Cow::Borrowed(required),
            None => Cow::Owned(self.gate.required((&request).into())),
        };
        match self.gate.judge(&mut request, &required) {
            Decision::Admit => {
                self.gate.forward(&mut request);
                ResponseFuture::admitted(self.inner.call(request))
            }
            Decision::Renew(nonce) => {
                self.gate.forward(&mut request);
                ResponseFuture::renewing(self.inner.call(request), nonce)
            }
            Decision::Refuse(why) => {
                let refused = ResponseFuture::refused(self.gate.response(&why, (&request).into()));
                give_back_readiness(&mut self.inner);
                refused
            }
            Decision::Wait(pending) => {
                let (required, gate) = (required.into_owned(), Arc::clone(&self.gate));
                give_back_readiness(&mut self.inner);
                let inner = self.inner.clone();
                ResponseFuture::waiting(pending, Held { request, required, inner, gate })
            }
        }
    }
}

/// Drops the service that said it is ready, and with it the capacity that it may have set aside.
pub(super) fn give_back_readiness<S: Clone>(inner: &mut S) {
    let fresh = inner.clone();
    drop(mem::replace(inner, fresh));
}

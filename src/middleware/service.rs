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
use crate::http::{Empty, Reject};

/// Authenticates requests in front of `S`; made by [`AuthLayer`](super::AuthLayer).
///
/// Bodies are of any type and are not touched; errors are those of `S`: a refusal is a response.
#[derive(Clone, Debug)]
pub struct AuthService<S, R = Empty> {
    inner: S,
    /// Routers clone their services for each request: one count is all that a clone touches here.
    gate: Arc<Gate>,
    reject: R,
}

impl<S, R> AuthService<S, R> {
    pub(super) const fn new(inner: S, gate: Arc<Gate>, reject: R) -> Self {
        Self { inner, gate, reject }
    }
}

impl<S, R, B, T> Service<Request<B>> for AuthService<S, R>
where
    S: Service<Request<B>, Response = Response<T>> + Clone,
    R: Reject<T>,
{
    type Response = Response<T>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // A request is as long as four cache lines: where nothing asks for its head it stays in place.
        let required = match self.gate.fixed() {
            Some(required) => Cow::Borrowed(required),
            None => {
                let (head, body) = request.into_parts();
                let required = self.gate.required(&head);
                request = Request::from_parts(head, body);
                Cow::Owned(required)
            }
        };
        match self.gate.judge(&mut request, &required) {
            Decision::Admit => ResponseFuture::admitted(self.inner.call(request)),
            Decision::Refuse(refusal) => {
                let refused = ResponseFuture::refused(&refusal, &self.reject, &request.into_parts().0);
                self.give_back_readiness();
                refused
            }
            Decision::Wait(pending) => {
                let required = required.into_owned();
                self.give_back_readiness();
                let (inner, gate, reject) = (self.inner.clone(), Arc::clone(&self.gate), self.reject.clone());
                ResponseFuture::waiting(pending, Held { request, required, inner, gate, reject })
            }
        }
    }
}

impl<S: Clone, R> AuthService<S, R> {
    /// Drops the service that said it is ready, and with it the capacity that it may have set aside.
    fn give_back_readiness(&mut self) {
        let fresh = self.inner.clone();
        drop(mem::replace(&mut self.inner, fresh));
    }
}

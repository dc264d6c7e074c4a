//! What comes out of a call: named, unboxed, `Send` where its parts are.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use tower::{Service, ServiceExt, util::Oneshot};

use super::gate::{Gate, Verdict};
use crate::{
    http::{Reason, Reject, Rejection},
    server::Pending,
};

pin_project! {
    /// The future of an [`AuthService`](super::AuthService).
    pub struct ResponseFuture<S, R, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, R, B, S::Future, S::Response>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, R, B, F, T>
    where
        S: Service<Request<B>>,
    {
        /// The request went to the service that was polled ready.
        Admitted { #[pin] future: F },
        /// The answer is there.
        Refused { response: Option<T> },
        /// The keys to decide with are being fetched.
        Waiting { #[pin] pending: Pending, held: Option<Held<S, R, B>> },
        /// Admitted after a wait: a clone is polled ready and called.
        AdmittedLate { #[pin] future: Oneshot<S, Request<B>> },
    }
}

/// What a waiting request needs to go on.
struct Held<S, R, B> {
    request: Request<B>,
    inner: S,
    gate: Gate,
    reject: R,
}

impl<S, R, B, T> ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response<T>>,
    R: Reject<T>,
{
    pub(super) fn admitted(future: S::Future) -> Self {
        Self { state: State::Admitted { future } }
    }

    pub(super) fn refused(why: Rejection, reject: &R, request: &Parts) -> Self {
        Self { state: State::Refused { response: Some(refusal(why, reject, request)) } }
    }

    pub(super) fn waiting(pending: Pending, request: Request<B>, inner: S, gate: Gate, reject: R) -> Self {
        let held = Some(Held { request, inner, gate, reject });
        Self { state: State::Waiting { pending, held } }
    }
}

/// Where the request stands, and nothing of what it says.
impl<S, R, B> fmt::Debug for ResponseFuture<S, R, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Admitted { .. } => "admitted",
            State::Refused { .. } => "refused",
            State::Waiting { .. } => "waiting for keys",
            State::AdmittedLate { .. } => "admitted after a wait",
        };
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}

/// The response of a refusal; a copy of the reason rides along for outer layers.
fn refusal<T, R: Reject<T>>(why: Rejection, reject: &R, request: &Parts) -> Response<T> {
    // At debug level, since anyone can cause it; the reason is a fixed word, the claim a configured
    // name (promise 10).
    let claim = match why.reason() {
        Reason::InvalidToken { error, .. } => error.claim(),
        _ => None,
    };
    tracing::debug!(reason = why.reason().code(), claim, status = why.status().as_u16(), "request refused");
    let mut response = reject.reject(&why, request);
    response.extensions_mut().insert(why);
    response
}

impl<S, R, B, T> Future for ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response<T>>,
    R: Reject<T>,
{
    type Output = Result<Response<T>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Admitted { future } => return future.poll(cx),
                StateProjection::AdmittedLate { future } => return future.poll(cx),
                StateProjection::Refused { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response)),
                        // Polled again after completion, against the contract of futures.
                        None => Poll::Pending,
                    };
                }
                StateProjection::Waiting { pending, held } => {
                    let resumed = ready!(pending.poll(cx));
                    let Some(Held { request, inner, gate, reject }) = held.take() else {
                        return Poll::Pending;
                    };
                    let (mut head, body) = request.into_parts();
                    let step = gate.server().resume(resumed, &head.headers);
                    match gate.conclude(step, &mut head) {
                        Verdict::Admit => {
                            State::AdmittedLate { future: inner.oneshot(Request::from_parts(head, body)) }
                        }
                        Verdict::Refuse(why) => {
                            State::Refused { response: Some(refusal(why, &reject, &head)) }
                        }
                        Verdict::Wait(pending) => {
                            let request = Request::from_parts(head, body);
                            let held = Some(Held { request, inner, gate, reject });
                            State::Waiting { pending, held }
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::header::AUTHORIZATION;
    use tower::{Layer, service_fn};

    use super::*;
    use crate::{ResourceServer, test_util::TestIssuer};

    #[test]
    fn debug_shows_the_state_and_no_request() {
        let issuer = TestIssuer::new();
        let api = ResourceServer::builder(issuer.audience())
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        let mut service = api
            .layer()
            .layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) }));
        let good = format!("Bearer {}", issuer.access_token("alice").mint().unwrap());
        for (authorization, state) in [(good.as_str(), "admitted"), ("Bearer secret", "refused")] {
            let mut request = Request::new(());
            request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
            let shown = format!("{:?}", service.call(request));
            assert_eq!(shown, format!("ResponseFuture {{ state: {state:?}, .. }}"));
        }
    }
}

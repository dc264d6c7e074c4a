//! What comes out of a call: named, unboxed, `Send` where its parts are.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{
    HeaderMap, HeaderValue, Request, Response,
    header::{CACHE_CONTROL, Entry},
};
use pin_project_lite::pin_project;
use tower::{Service, ServiceExt, util::Oneshot};

use super::gate::{Decision, Gate, Wait};
use crate::{
    http::{FromRefusal, Reject},
    policy::Compiled,
    server::DPOP_NONCE,
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
    // What is rare is boxed: every future is moved a few times, and would be as large as a request.
    #[project = StateProjection]
    enum State<S, R, B, F, T>
    where
        S: Service<Request<B>>,
    {
        /// The request went to the service that was polled ready.
        Admitted { #[pin] future: F },
        /// The answer is there.
        Refused { response: Option<T> },
        /// What to decide with is being fetched.
        Waiting { pending: Wait, held: Option<Box<Held<S, R, B>>> },
        /// As `Admitted`, and the answer has a nonce for the client.
        Renewing { future: Pin<Box<F>>, nonce: Box<HeaderValue> },
        /// Admitted after a wait: a clone is polled ready and called.
        AdmittedLate { future: Pin<Box<Oneshot<S, Request<B>>>>, nonce: Option<Box<HeaderValue>> },
    }
}

/// What a waiting request needs to go on.
pub(super) struct Held<S, R, B> {
    pub(super) request: Request<B>,
    pub(super) required: Compiled,
    pub(super) inner: S,
    pub(super) gate: Arc<Gate<R>>,
}

impl<S, R, B, T> ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response<T>>,
    R: Reject,
    T: FromRefusal<R::Body>,
{
    pub(super) fn admitted(future: S::Future) -> Self {
        Self { state: State::Admitted { future } }
    }

    /// As [`admitted`](Self::admitted), with a nonce for the client in the answer.
    pub(super) fn renewing(future: S::Future, nonce: HeaderValue) -> Self {
        Self { state: State::Renewing { future: Box::pin(future), nonce: Box::new(nonce) } }
    }

    pub(super) fn refused(response: Response<T>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn waiting(pending: Wait, held: Held<S, R, B>) -> Self {
        Self { state: State::Waiting { pending, held: Some(Box::new(held)) } }
    }
}

/// Where the request stands, and nothing of what it says.
impl<S, R, B> fmt::Debug for ResponseFuture<S, R, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Admitted { .. } | State::Renewing { .. } => "admitted",
            State::Refused { .. } => "refused",
            State::Waiting { .. } => "waiting",
            State::AdmittedLate { .. } => "admitted after a wait",
        };
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}

impl<S, R, B, T> Future for ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response<T>>,
    R: Reject,
    T: FromRefusal<R::Body>,
{
    type Output = Result<Response<T>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Admitted { future } => return future.poll(cx),
                StateProjection::Renewing { future, nonce } => {
                    let response = ready!(future.as_mut().poll(cx));
                    return Poll::Ready(response.map(|response| renewed(response, Some(nonce))));
                }
                StateProjection::AdmittedLate { future, nonce } => {
                    let response = ready!(future.as_mut().poll(cx));
                    return Poll::Ready(response.map(|response| renewed(response, nonce.as_deref())));
                }
                StateProjection::Refused { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response)),
                        // Polled again after completion, against the contract of futures.
                        None => Poll::Pending,
                    };
                }
                StateProjection::Waiting { pending, held } => {
                    let waited = ready!(Pin::new(pending).poll(cx));
                    let Some(on_hold) = held.take() else { return Poll::Pending };
                    let Held { mut request, required, inner, gate } = *on_hold;
                    match gate.resume(waited, &mut request, &required) {
                        Decision::Admit => {
                            gate.forward(&mut request);
                            State::AdmittedLate { future: Box::pin(inner.oneshot(request)), nonce: None }
                        }
                        Decision::Renew(nonce) => {
                            gate.forward(&mut request);
                            let nonce = Some(Box::new(nonce));
                            State::AdmittedLate { future: Box::pin(inner.oneshot(request)), nonce }
                        }
                        Decision::Refuse(why) => {
                            State::Refused { response: Some(gate.response(&why, (&request).into())) }
                        }
                        Decision::Wait(pending) => {
                            let held = Some(Box::new(Held { request, required, inner, gate }));
                            State::Waiting { pending, held }
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}

/// A response with a nonce for the client's next proofs (RFC 9449 section 8.2). No cache should give the nonce
/// to others, unless the application says what caches may do.
fn renewed<T>(mut response: Response<T>, nonce: Option<&HeaderValue>) -> Response<T> {
    if let Some(nonce) = nonce {
        let headers: &mut HeaderMap = response.headers_mut();
        headers.insert(DPOP_NONCE, nonce.clone());
        if let Entry::Vacant(entry) = headers.entry(CACHE_CONTROL) {
            entry.insert(HeaderValue::from_static("no-store"));
        }
    }
    response
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

//! One request behind authentication: its body is read, the server is asked, and its answer filtered.
//!
//! It has a name and no box: nothing is allocated to wait for a body, or for the server.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use tower::{Service, ServiceExt, util::Oneshot};

use super::{
    answer::{Expected, filtered},
    body::{AnswerBody, McpBody, View},
    fault::Fault,
    rules::{Next, Rules},
};
use crate::{
    http::{FromRefusal, Reject},
    identity::Identity,
    middleware::{Gathered, ReadableBody},
};

pin_project! {
    /// The future of a [`Judge`](super::service::Judge).
    pub struct JudgeFuture<S, R, B, T>
    where
        S: Service<Request<B>>,
    {
        rules: Arc<Rules<R>>,
        #[pin]
        state: State<S, B, T>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, T>
    where
        S: Service<Request<B>>,
    {
        Reading { #[pin] body: B, read: Gathered, call: Option<Call<S>> },
        Serving { #[pin] answer: Oneshot<S, Request<B>>, who: Identity, expected: Expected },
        Filtering { answer: Pin<Box<dyn Future<Output = Response<McpBody<T>>> + Send>> },
        Refused { response: Option<Response<McpBody<T>>> },
    }
}

/// What is kept while the body comes.
struct Call<S> {
    inner: S,
    head: Parts,
    who: Identity,
}

impl<S, R, B, T> JudgeFuture<S, R, B, T>
where
    S: Service<Request<B>>,
    R: Reject,
    B: ReadableBody,
    McpBody<T>: FromRefusal<R::Body>,
{
    pub(super) fn new(rules: Arc<Rules<R>>, inner: S, request: Request<B>) -> Self {
        let (mut head, body) = request.into_parts();
        let state = match rules.open(&mut head, &body) {
            Ok((who, Next::Read)) => {
                State::Reading { body, read: Gathered::default(), call: Some(Call { inner, head, who }) }
            }
            Ok((who, Next::Serve(expected))) => {
                serving(inner, Request::from_parts(head, body), who, expected)
            }
            Err(refusal) => State::Refused { response: Some(rules.refuse(&refusal, &head)) },
        };
        Self { rules, state }
    }
}

fn serving<S: Service<Request<B>>, B, T>(
    inner: S,
    request: Request<B>,
    who: Identity,
    expected: Expected,
) -> State<S, B, T> {
    State::Serving { answer: inner.oneshot(request), who, expected }
}

impl<S, R, B, T> Future for JudgeFuture<S, R, B, T>
where
    S: Service<Request<B>, Response = Response<T>>,
    R: Reject,
    B: ReadableBody,
    T: AnswerBody,
    McpBody<T>: FromRefusal<R::Body>,
{
    type Output = Result<Response<McpBody<T>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let rules = &**this.rules;
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Reading { body, read, call } => {
                    let body = ready!(read.poll(body, rules.max_message, cx));
                    // Polled again after completion, against the contract of futures.
                    let Some(Call { inner, mut head, who }) = call.take() else { return Poll::Pending };
                    let judged = body.map_err(|fault| Fault::from(fault).into()).and_then(|body| {
                        rules.judge(&body, &mut head, &who).map(|expected| (body, expected))
                    });
                    match judged {
                        Ok((body, expected)) => {
                            serving(inner, Request::from_parts(head, body.into()), who, expected)
                        }
                        Err(refusal) => return Poll::Ready(Ok(rules.refuse(&refusal, &head))),
                    }
                }
                StateProjection::Serving { answer, who, expected } => {
                    let mut response = ready!(answer.poll(cx))?;
                    rules.sessions.bind(response.headers_mut(), who);
                    if *expected == Expected::Anything {
                        return Poll::Ready(Ok(response.map(McpBody::passed)));
                    }
                    let view = View { policy: Arc::clone(&rules.policy), who: who.clone() };
                    let answer = Box::pin(filtered(response, *expected, view, rules.max_answer));
                    State::Filtering { answer }
                }
                StateProjection::Filtering { answer } => return answer.as_mut().poll(cx).map(Ok),
                StateProjection::Refused { response } => {
                    return response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
                }
            };
            this.state.set(next);
        }
    }
}

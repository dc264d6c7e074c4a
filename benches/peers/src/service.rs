//! The service behind every layer, and how a request goes through.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    marker::PhantomData,
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use tower::Service;

/// Answers 200 and does nothing. The body is whichever the peer can refuse with.
pub(crate) struct Trivial<B>(PhantomData<fn() -> B>);

impl<B> Trivial<B> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<B> Clone for Trivial<B> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<B: Default, R> Service<Request<R>> for Trivial<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(B::default())))
    }
}

/// One request through a whole layer; the status that comes back.
pub(crate) type Sender = Box<dyn FnMut(Request<()>) -> u16>;

/// With keys at hand nothing waits: one poll is the whole request.
pub(crate) fn sender<S, B>(mut service: S) -> Sender
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible> + 'static,
{
    Box::new(move |request| {
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(service.poll_ready(cx).is_ready(), "an idle service is ready");
        match pin!(service.call(request)).poll(cx) {
            Poll::Ready(Ok(response)) => response.status().as_u16(),
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => panic!("the keys are there"),
        }
    })
}

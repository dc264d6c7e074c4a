//! Who holds the capacity of the inner service: requests that are admitted, and no others.
#![cfg(all(feature = "remote", feature = "test-util"))]

mod support;

use std::{
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use support::Scripted;
use tower::{BoxError, Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_resource_server::{
    Identity, ResourceServer, TrustedIssuer,
    middleware::AuthService,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};
use tower_test::mock::{self, Handle, Mock};

/// Neither `Clone` nor `Default` nor `Sync`: the layer asks nothing of a request's body.
struct Body(std::cell::Cell<&'static str>);

fn request(token: Option<&str>) -> Request<Body> {
    let mut request = Request::new(Body(std::cell::Cell::new("untouched")));
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    request
}

/// A server whose keys come when the test says so.
struct Cold {
    issuer: TestIssuer,
    fetcher: Scripted,
    api: ResourceServer,
    token: String,
}

impl Cold {
    fn new() -> Self {
        let (issuer, fetcher) = (TestIssuer::new(), Scripted::new());
        let remote = TrustedIssuer::with_jwks_uri(
            issuer.issuer(),
            "https://issuer.test/jwks",
            TokenProfile::rfc9068(),
        )
        .http_client(fetcher.clone());
        let clock = issuer.clock().clone();
        let api = ResourceServer::builder(issuer.audience()).issuer(remote).clock(clock).build().unwrap();
        let token = issuer.access_token("alice").mint().unwrap();
        Self { issuer, fetcher, api, token }
    }

    fn publish(&self) {
        self.fetcher.answer(&self.issuer.jwks());
    }
}

async fn once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    let mut future = Some(future);
    poll_fn(|cx| Poll::Ready(future.take().unwrap().poll(cx))).await
}

async fn is_ready<S: Service<Request<Body>>>(service: &mut S) -> bool {
    poll_fn(|cx| Poll::Ready(service.poll_ready(cx).is_ready())).await
}

mod concurrency_limit {
    use super::*;

    /// Accepts one request at a time and never finishes.
    async fn never(_: Request<Body>) -> Result<Response<()>, BoxError> {
        pending().await
    }

    async fn at_once(_: Request<Body>) -> Result<Response<()>, BoxError> {
        Ok(Response::new(()))
    }

    #[tokio::test]
    async fn a_refused_request_leaves_another_clone_ready() {
        let issuer = TestIssuer::new();
        let mut one = issuer.server().layer().layer(ConcurrencyLimit::new(service_fn(never), 1));
        let mut other = one.clone();
        for (name, token) in [
            ("no token", None),
            ("expired", Some(issuer.broken(Defect::Expired))),
            ("two words", Some("a b".to_owned())),
        ] {
            assert!(is_ready(&mut one).await, "{name}");
            assert!(!is_ready(&mut other).await, "{name}: the limit is one");
            let refused = one.call(request(token.as_deref()));
            // Not even polled yet.
            assert!(is_ready(&mut other).await, "{name}");
            assert!(!is_ready(&mut one).await, "{name}");
            let response = refused.await.unwrap();
            assert!(response.status().is_client_error(), "{name}");
            // Give the permit back for the next one.
            other = one.clone();
        }
    }

    #[tokio::test]
    async fn an_admitted_request_takes_the_permit_it_was_promised() {
        let issuer = TestIssuer::new();
        let mut one = issuer.server().layer().layer(ConcurrencyLimit::new(service_fn(never), 1));
        let mut other = one.clone();
        let token = issuer.access_token("alice").mint().unwrap();
        assert!(is_ready(&mut one).await);
        let admitted = one.call(request(Some(&token)));
        assert!(!is_ready(&mut other).await);
        drop(admitted);
        assert!(is_ready(&mut other).await);
    }

    #[tokio::test]
    async fn a_waiting_request_leaves_another_clone_ready() {
        let cold = Cold::new();
        let mut one = cold.api.layer().layer(ConcurrencyLimit::new(service_fn(at_once), 1));
        let mut other = one.clone();
        assert!(is_ready(&mut one).await);
        assert!(!is_ready(&mut other).await);
        let mut waiting = pin!(one.call(request(Some(&cold.token))));
        assert!(is_ready(&mut other).await, "before the first poll");
        assert!(once(waiting.as_mut()).await.is_pending());
        assert!(is_ready(&mut other).await, "and while it waits");

        // The keys are there; the permit is with the other clone, and the request waits in line.
        cold.publish();
        cold.api.ready().await.unwrap();
        assert!(once(waiting.as_mut()).await.is_pending());
        drop(other);
        assert_eq!(waiting.await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn many_waiting_requests_hold_nothing_and_are_all_served() {
        let cold = Cold::new();
        let one = cold.api.layer().layer(ConcurrencyLimit::new(service_fn(at_once), 1));
        let mut waiting = Vec::new();
        for _ in 0..50 {
            let mut clone = one.clone();
            assert!(is_ready(&mut clone).await);
            let mut call = Box::pin(clone.call(request(Some(&cold.token))));
            assert!(once(call.as_mut()).await.is_pending());
            waiting.push(call);
        }
        // One of them is dropped; the others do not notice.
        drop(waiting.pop());
        cold.publish();
        for call in waiting {
            assert_eq!(call.await.unwrap().status(), StatusCode::OK);
        }
        assert_eq!(cold.fetcher.fetches(), 1);
    }
}

/// Writes down what happens to each clone of a mock.
struct Probe {
    inner: Mock<Request<Body>, Response<()>>,
    id: usize,
    next_id: Arc<AtomicUsize>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Probe {
    fn note(&self, what: &str) {
        self.log.lock().unwrap().push(format!("{what} {}", self.id));
    }
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        let id = self.next_id.fetch_add(1, Ordering::SeqCst);
        self.log.lock().unwrap().push(format!("clone {} to {id}", self.id));
        Self { inner: self.inner.clone(), id, next_id: self.next_id.clone(), log: self.log.clone() }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.note("drop");
    }
}

impl Service<Request<Body>> for Probe {
    type Response = Response<()>;
    type Error = BoxError;
    type Future = <Mock<Request<Body>, Response<()>> as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let ready = self.inner.poll_ready(cx);
        self.note(if ready.is_ready() { "ready" } else { "not ready" });
        ready
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.note("call");
        // The mock panics when it was not polled ready itself.
        self.inner.call(request)
    }
}

struct Watched {
    service: AuthService<Probe>,
    handle: Handle<Request<Body>, Response<()>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn new(api: &ResourceServer) -> Self {
        let (inner, handle) = mock::pair();
        let log = Arc::default();
        let probe = Probe { inner, id: 1, next_id: Arc::new(AtomicUsize::new(2)), log: Arc::clone(&log) };
        Self { service: api.layer().layer(probe), handle, log }
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

#[tokio::test]
async fn an_admitted_request_goes_to_the_very_service_that_was_polled() {
    let issuer = TestIssuer::new();
    let mut watched = Watched::new(&issuer.server());
    let token = issuer.access_token("alice").mint().unwrap();
    watched.service.ready().await.unwrap();
    let call = watched.service.call(request(Some(&token)));
    assert_eq!(watched.log(), ["ready 1", "call 1"], "no clone");
    let (inner, answer) = watched.handle.next_request().await.unwrap();
    assert_eq!(inner.extensions().get::<Identity>().unwrap().subject(), "alice");
    assert_eq!(inner.body().0.get(), "untouched");
    answer.send_response(Response::new(()));
    assert_eq!(call.await.unwrap().status(), StatusCode::OK);
    assert_eq!(watched.log(), [""; 0]);
}

#[tokio::test]
async fn a_refused_request_drops_the_service_that_was_polled() {
    let issuer = TestIssuer::new();
    let mut watched = Watched::new(&issuer.server());
    watched.service.ready().await.unwrap();
    let refused = watched.service.call(request(None));
    assert_eq!(watched.log(), ["ready 1", "clone 1 to 2", "drop 1"]);
    assert_eq!(refused.await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(watched.log(), [""; 0], "it never reaches the inner service");

    // The clone is as good as the one that it replaced.
    let token = issuer.access_token("alice").mint().unwrap();
    watched.service.ready().await.unwrap();
    let call = watched.service.call(request(Some(&token)));
    assert_eq!(watched.log(), ["ready 2", "call 2"]);
    watched.handle.next_request().await.unwrap().1.send_response(Response::new(()));
    assert_eq!(call.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_waiting_request_drops_it_too_and_polls_a_clone_later() {
    let cold = Cold::new();
    let mut watched = Watched::new(&cold.api);
    watched.service.ready().await.unwrap();
    let mut waiting = Box::pin(watched.service.call(request(Some(&cold.token))));
    assert_eq!(watched.log(), ["ready 1", "clone 1 to 2", "drop 1", "clone 2 to 3"]);
    assert!(once(waiting.as_mut()).await.is_pending());
    assert_eq!(watched.log(), [""; 0], "nothing is polled while it waits");

    watched.handle.allow(0);
    cold.publish();
    cold.api.ready().await.unwrap();
    assert!(once(waiting.as_mut()).await.is_pending());
    assert_eq!(watched.log(), ["not ready 3"]);
    watched.handle.allow(1);
    assert!(once(waiting.as_mut()).await.is_pending());
    assert_eq!(watched.log(), ["ready 3", "call 3", "drop 3"]);
    let (inner, answer) = watched.handle.next_request().await.unwrap();
    assert_eq!(inner.extensions().get::<Identity>().unwrap().subject(), "alice");
    answer.send_response(Response::new(()));
    assert_eq!(waiting.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_refused_after_its_wait_polls_nothing() {
    let cold = Cold::new();
    let other = TestIssuer::builder().issuer(cold.issuer.issuer()).build();
    let mut watched = Watched::new(&cold.api);
    watched.service.ready().await.unwrap();
    let mut waiting = Box::pin(watched.service.call(request(Some(&other.access_token("x").mint().unwrap()))));
    assert!(once(waiting.as_mut()).await.is_pending());
    watched.log();
    cold.publish();
    assert_eq!(waiting.as_mut().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    drop(waiting);
    assert_eq!(watched.log(), ["drop 3"]);
}

#[tokio::test]
async fn a_failed_fetch_is_503_and_polls_nothing() {
    let cold = Cold::new();
    let mut watched = Watched::new(&cold.api);
    watched.service.ready().await.unwrap();
    let mut waiting = Box::pin(watched.service.call(request(Some(&cold.token))));
    assert!(once(waiting.as_mut()).await.is_pending());
    watched.log();
    cold.fetcher.fail();
    let response = waiting.as_mut().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    drop(waiting);
    assert_eq!(watched.log(), ["drop 3"]);
}

#[tokio::test]
async fn a_wait_ends_at_its_deadline() {
    let cold = Cold::new();
    let mut service =
        cold.api.layer().layer(service_fn(|_: Request<Body>| async { Ok::<_, BoxError>(Response::new(())) }));
    let mut waiting = Box::pin(service.ready().await.unwrap().call(request(Some(&cold.token))));
    assert!(once(waiting.as_mut()).await.is_pending());
    // The default for a cold start; the fetch is never answered.
    cold.issuer.clock().advance(std::time::Duration::from_secs(2));
    assert_eq!(waiting.await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn errors_of_the_inner_service_pass_through() {
    let issuer = TestIssuer::new();
    let token = issuer.access_token("alice").mint().unwrap();
    let mut watched = Watched::new(&issuer.server());
    let call = watched.service.ready().await.unwrap().call(request(Some(&token)));
    watched.handle.next_request().await.unwrap().1.send_error("the disk is full");
    assert_eq!(call.await.unwrap_err().to_string(), "the disk is full");

    watched.handle.send_error("the service is closed");
    let error = watched.service.ready().await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the service is closed");
}

#[tokio::test]
async fn errors_of_readiness_after_a_wait_pass_through() {
    let cold = Cold::new();
    let mut watched = Watched::new(&cold.api);
    let mut waiting = Box::pin(watched.service.ready().await.unwrap().call(request(Some(&cold.token))));
    assert!(once(waiting.as_mut()).await.is_pending());
    watched.handle.send_error("the service is closed");
    cold.publish();
    assert_eq!(waiting.await.unwrap_err().to_string(), "the service is closed");
}

#[test]
fn the_future_is_send_and_the_service_asks_only_for_clone() {
    /// Not `Send`, so neither is its service; it is accepted all the same.
    #[derive(Clone)]
    struct Local(#[expect(dead_code, reason = "there to not be Send")] std::rc::Rc<()>);
    impl Service<Request<Body>> for Local {
        type Response = Response<String>;
        type Error = std::convert::Infallible;
        type Future = std::future::Ready<Result<Response<String>, Self::Error>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request<Body>) -> Self::Future {
            std::future::ready(Ok(Response::new("local".into())))
        }
    }
    fn is_send<T: Send>(_: &T) {}

    let issuer = TestIssuer::new();
    let token = issuer.access_token("alice").mint().unwrap();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut local = issuer.server().layer().layer(Local(std::rc::Rc::new(())));
    assert!(local.poll_ready(&mut cx).is_ready());
    let response = pin!(local.call(request(Some(&token)))).poll(&mut cx);
    assert!(matches!(response, Poll::Ready(Ok(response)) if response.body() == "local"));

    let mut shared = issuer
        .server()
        .layer()
        .layer(service_fn(|_: Request<Body>| async { Ok::<_, BoxError>(Response::new(())) }));
    assert!(Service::<Request<Body>>::poll_ready(&mut shared, &mut cx).is_ready());
    is_send(&shared.call(request(None)));
}

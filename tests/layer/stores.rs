//! Promise 13 where the store of spent ids answers later, as one behind a network does.

use std::{
    future::Future as _,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use http::{Request, Response, StatusCode};
use serde_json::json;
use tokio::sync::Semaphore;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_resource_server::{
    Identity, ResourceServer,
    http::Reason,
    preset,
    store::{Life, MemorySpentStore, Nonces, SpendError, Spending, SpentStore},
    time::UnixTime,
};

use crate::{RSA, Service, provider, sign};

/// Answers as many questions as there are permits; the others wait.
struct LaterStore {
    memory: Arc<MemorySpentStore>,
    answers: Arc<Semaphore>,
    asked: AtomicUsize,
}

impl LaterStore {
    fn new() -> Arc<Self> {
        let (memory, answers) = (Arc::default(), Arc::new(Semaphore::new(0)));
        Arc::new(Self { memory, answers, asked: AtomicUsize::new(0) })
    }
}

impl SpentStore for LaterStore {
    fn spend(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (memory, answers, id) = (self.memory.clone(), self.answers.clone(), id.to_vec());
        Spending::Wait(Box::pin(async move {
            let permit = answers.acquire().await.map_err(|_| SpendError::Unavailable)?;
            permit.forget();
            MemorySpentStore::spend(&memory, &id, life.until, now)
        }))
    }
}

fn service(store: &Arc<LaterStore>) -> Service {
    let nonces = Nonces::new().unwrap().store(Arc::clone(store));
    Service::of(preset::layer::server(provider()).nonces(nonces))
}

fn token(nonce: &str) -> String {
    sign(&RSA, &json!({}), &json!({}), nonce)
}

fn request(token: &str) -> Request<()> {
    Request::builder().header("authorization", format!("Bearer {token}")).body(()).unwrap()
}

/// The status behind the layer, with the handler's calls counted.
async fn status(server: &ResourceServer, request: Request<()>) -> StatusCode {
    let inner = service_fn(|request: Request<()>| async move {
        assert!(request.extensions().get::<Identity>().is_some());
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    server.layer().layer(inner).oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn promise_13_of_a_thousand_uses_of_a_nonce_that_wait_for_a_store_one_succeeds() {
    const USES: usize = 1_000;
    let store = LaterStore::new();
    let service = service(&store);
    let token = token(&service.nonce());
    let uses: Vec<_> = (0..USES)
        .map(|_| {
            let (server, request) = (service.server.clone(), request(&token));
            tokio::spawn(async move { status(&server, request).await })
        })
        .collect();
    while store.asked.load(Ordering::Relaxed) < USES {
        tokio::task::yield_now().await;
    }
    assert!(store.memory.is_empty(), "every use waits");
    store.answers.add_permits(USES);
    let mut statuses = Vec::new();
    for waiting in uses {
        statuses.push(waiting.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 1);
    assert_eq!(statuses.iter().filter(|status| status.is_client_error()).count(), USES - 1);
    assert_eq!((store.memory.len(), store.asked.load(Ordering::Relaxed)), (1, USES), "each asked once");
}

#[tokio::test]
async fn promise_13_a_dropped_request_neither_spends_twice_nor_loses_a_nonce() {
    for (name, answered, expected) in
        [("dropped while it waits", false, Ok(())), ("dropped after the answer", true, Err("stale_nonce"))]
    {
        let store = LaterStore::new();
        let service = service(&store);
        let token = token(&service.nonce());
        {
            let inner = service_fn(|_: Request<()>| {
                std::future::pending::<Result<Response<String>, std::convert::Infallible>>()
            });
            let mut layered = service.server.layer().layer(inner);
            let mut response = pin!(layered.call(request(&token)));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(matches!(response.as_mut().poll(&mut cx), Poll::Pending), "{name}");
            assert_eq!((store.asked.load(Ordering::Relaxed), store.memory.len()), (1, 0), "{name}");
            if answered {
                store.answers.add_permits(1);
                assert!(
                    matches!(response.as_mut().poll(&mut cx), Poll::Pending),
                    "{name}: the handler waits"
                );
                assert_eq!(store.memory.len(), 1, "{name}");
            }
        }
        store.answers.add_permits(1);
        assert_eq!(service.verify(&token).await.map(drop), expected, "{name}");
        assert_eq!(store.memory.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn promise_11_a_store_that_fails_later_is_503_and_the_nonce_stays_good() {
    let store = LaterStore::new();
    let service = service(&store);
    let token = token(&service.nonce());
    store.answers.close();
    let refused = service.server.verify_access_token(&token).await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::SpentStoreUnavailable);
    assert!(refused.retry_after().is_some());
    assert!(store.memory.is_empty());
}

#[tokio::test]
async fn promise_6_what_ended_while_a_store_was_asked_is_refused() {
    let store = LaterStore::new();
    let service = service(&store);
    let token = token(&service.nonce());
    let server = service.server.clone();
    let waiting = tokio::spawn(async move { server.verify_access_token(&token).await.map(drop) });
    while store.asked.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    service.advance(10 * 24 * 3600);
    store.answers.add_permits(1);
    let refused = waiting.await.unwrap().unwrap_err();
    assert_eq!(refused.reason().code(), "expired");
}

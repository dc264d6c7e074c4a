//! A store of spent ids that several instances share: what it does when its server does not answer, is cut off,
//! emptied, exchanged or full. The server is one of the test; `tests/interop/stores` has real ones.
#![cfg(all(feature = "axum", feature = "redis", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop where they are wrong")]

mod fake;
mod proofs;
mod spent;
#[path = "../support/mod.rs"]
mod support;
mod urls;

use std::time::Duration;

use fake::Fake;
use tower_resource_server::{
    store::{
        Life, SpendError, SpentStore as _,
        redis::{RedisSettings, RedisStore},
    },
    time::{Clock as _, SystemClock, UnixTime},
};

fn settings(fake: &Fake) -> RedisSettings {
    RedisSettings::from_url(&format!("redis://127.0.0.1:{}", fake.port)).unwrap()
}

/// A server, and a store that has settled.
async fn settled(set: impl FnOnce(RedisSettings) -> RedisSettings) -> (Fake, RedisStore) {
    let fake = Fake::start().await;
    let store = set(settings(&fake)).build().unwrap();
    settle(&fake, &store).await;
    (fake, store)
}

/// Has the store connect, and the time pass that an epoch settles in.
async fn settle(fake: &Fake, store: &RedisStore) {
    until(|| async { spend(store, "to connect", 0).await != Err(SpendError::Unavailable) }).await;
    fake.advance(2);
    until(|| async { spend(store, &format!("settled {:?}", SystemClock.monotonic()), 3).await.is_ok() })
        .await;
}

/// Spends an id that was issued so many seconds from now.
async fn spend(store: &RedisStore, id: &str, issued_in: u64) -> Result<(), SpendError> {
    spend_of(store, id, SystemClock.unix().saturating_add(Duration::from_secs(issued_in))).await
}

/// Spends an id that was issued then.
async fn spend_of(store: &RedisStore, id: &str, issued: UnixTime) -> Result<(), SpendError> {
    let life = Life { issued, until: issued.saturating_add(Duration::from_secs(60)) };
    store.spend(id.as_bytes(), life, SystemClock.unix()).wait().await
}

/// Looks for an id that was issued then.
async fn look(store: &RedisStore, id: &str, issued: UnixTime) -> Result<(), SpendError> {
    let life = Life { issued, until: issued.saturating_add(Duration::from_secs(60)) };
    store.look(id.as_bytes(), life, SystemClock.unix()).wait().await
}

/// Waits until something holds, which the servers and the store bring about by themselves.
async fn until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come");
}

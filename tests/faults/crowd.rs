//! Many requests at once against a provider that never answers.

use std::sync::Arc;

use tokio::task::JoinSet;
use tower_resource_server::source::SourceState;

use crate::{
    provider::Answer,
    resident,
    site::{METADATA, OAUTH, Seen, Site, secs},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_cold_requests_against_a_provider_that_hangs() {
    let site = Arc::new(Site::new(secs(30)).await);
    for path in [METADATA, OAUTH] {
        site.provider.set(path, Answer::Silence);
    }
    let token: Arc<str> = site.issuer.access_token("alice").mint().unwrap().into();
    let before = resident();
    let mut requests = JoinSet::new();
    for _ in 0..5000 {
        let (site, token) = (Arc::clone(&site), Arc::clone(&token));
        requests.spawn(async move { site.ask(&token).await });
    }
    // The clock stands still: a request that does not wait is answered at once, and no other is.
    for _ in 0..5000 - 1024 {
        let seen = requests.join_next().await.unwrap().unwrap();
        assert_eq!(seen, Seen::Unavailable(1));
    }
    assert_eq!((site.health().waiters, requests.len()), (1024, 1024));
    assert_eq!(site.health().state, SourceState::Loading);
    if let (Some(before), Some(after)) = (before, resident()) {
        println!(
            "5 000 cold requests: 1 024 wait, the rest 503 at once; {before} KiB before, {after} KiB now"
        );
        assert!(after < before + 32 * 1024, "memory grew from {before} to {after} KiB");
    }
    // The wait is over for all at the same time.
    site.clock.advance(secs(2));
    while let Some(seen) = requests.join_next().await {
        assert_eq!(seen.unwrap(), Seen::Unavailable(1));
    }
    assert_eq!((site.health().waiters, site.health().fetches, site.provider.requests()), (0, 1, 1));
}

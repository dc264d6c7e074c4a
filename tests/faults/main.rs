//! A provider having its worst day, over real sockets: what goes wrong, and what requests notice.
//!
//! Each row of the table is met twice, by a server that has keys and by one that has none yet. The
//! clock of the server is moved by hand, so that hours pass at once; only a provider that hangs is
//! ended by real time, two seconds of it.
#![cfg(all(feature = "remote", feature = "test-util"))]
#![allow(clippy::unwrap_used, unreachable_pub, reason = "helpers of tests")]

mod crowd;
mod provider;
mod rows;
mod site;
mod stories;

use std::time::Duration;

use tokio::task::JoinSet;
use tower_resource_server::source::{RefreshError, SourceState};

use crate::{
    rows::{Row, rows},
    site::{Seen, Site, secs},
};

/// Beyond this something hangs; nothing here is measured.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What is printed of one row.
struct Line {
    name: &'static str,
    error: String,
    during: [Seen; 3],
    stale: SourceState,
    cold: Seen,
    requests: [usize; 2],
    refreshes: [u64; 2],
    after: [Seen; 3],
    state: SourceState,
    /// What the provider got rid of while the server had keys.
    written: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_faults() {
    let before = resident();
    let mut running = JoinSet::new();
    let mut order = Vec::new();
    for (number, row) in rows().into_iter().enumerate() {
        order.push(row.name);
        let name = row.name;
        running.spawn(async move {
            let line = tokio::time::timeout(LIMIT, meet(row)).await;
            (number, line.unwrap_or_else(|_| panic!("{name}: hangs")))
        });
    }
    let mut lines = running.join_all().await;
    lines.sort_by_key(|(number, _)| *number);
    print(lines.iter().map(|(_, line)| line));
    assert!(lines.len() >= 30);
    let unique: std::collections::HashSet<_> = order.iter().collect();
    assert_eq!(unique.len(), order.len(), "two rows of one name");
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("resident memory: {before} KiB before, {after} KiB after");
        assert!(after < before + 128 * 1024, "memory grew from {before} to {after} KiB");
    }
}

/// Meets a fault with keys, and without.
async fn meet(row: Row) -> Line {
    let name = row.name;
    let timeout = if row.hangs { secs(2) } else { secs(30) };

    // A server that has keys when it happens.
    let site = Site::new(timeout).await;
    site.api.ready().await.unwrap();
    assert_eq!(site.good().await, Seen::Served, "{name}");
    let (asked, fetched) = (site.provider.requests(), site.health().fetches);
    (row.fault)(&site);
    site.clock.advance(secs(20));
    let result = site.refresh().await;
    assert_eq!(result.as_ref().err(), row.error.as_ref(), "{name}");
    let fails = row.error.is_some();
    let first = site.good().await;
    let unknown = site.unknown().await;
    // Past the freshness: what there is is stale, or there is something newer.
    site.clock.advance(secs(301));
    let result = site.refresh().await;
    assert_eq!(result.as_ref().err(), row.error.as_ref(), "{name}, again");
    let stale = site.health().state;
    assert_eq!(stale, if fails { SourceState::Stale } else { SourceState::Fresh }, "{name}");
    let during = [first, site.good().await, unknown];
    assert_eq!(during[..2], [Seen::Served, Seen::Served], "{name}: a good token was turned away");
    match &during[2] {
        seen if fails && seen.is_unavailable() => {}
        Seen::Refused if !fails => {}
        other => panic!("{name}: an unknown key was answered {}", other.label()),
    }
    let refreshes = site.health().fetches - fetched;
    assert!(refreshes <= 4, "{name}: {refreshes} refreshes");
    let requests = site.provider.requests() - asked;
    let written = site.provider.written();
    assert!(written <= row.max_written, "{name}: {written} bytes");
    assert_eq!(site.provider.requests_of("/elsewhere"), 0, "{name}: a redirect was followed");
    let (warm_refreshes, warm_requests) = (refreshes, requests);

    // Back again, with a key that no one has seen.
    let kid = site.issuer.rotate();
    site.heal();
    site.clock.advance(secs(67));
    let recovered = [site.good().await, site.unknown().await];
    assert_eq!(recovered, [Seen::Served, Seen::Refused], "{name}: after {kid}");
    assert_eq!(site.health().state, SourceState::Fresh, "{name}");

    // A server that has none.
    let site = Site::new(timeout).await;
    (row.fault)(&site);
    let cold = site.good().await;
    let expected = row.cold.unwrap_or(row.error);
    assert_eq!(site.health().last_error, expected, "{name}, cold");
    let (refreshes, requests) = (site.health().fetches, site.provider.requests());
    match &expected {
        None => assert_eq!(cold, Seen::Served, "{name}, cold"),
        Some(_) => {
            assert!(cold.is_unavailable(), "{name}, cold: {}", cold.label());
            assert_eq!(site.health().state, SourceState::Empty, "{name}, cold");
        }
    }
    assert_eq!(refreshes, 1, "{name}, cold");
    site.heal();
    site.clock.advance(secs(67));
    let after = site.good().await;
    assert_eq!(after, Seen::Served, "{name}, cold, after");

    let [rotated, unknown] = recovered;
    Line {
        name,
        error: expected.as_ref().map_or_else(|| "-".to_owned(), RefreshError::to_string),
        during,
        stale,
        cold,
        requests: [warm_requests, requests],
        refreshes: [warm_refreshes, refreshes],
        after: [rotated, unknown, after],
        state: site.health().state,
        written,
    }
}

fn print<'a>(lines: impl Iterator<Item = &'a Line>) {
    let cells = |cells: [&str; 9]| {
        let [name, during, stale, cold, after, state, fetches, sent, error] = cells;
        println!(
            "{name:<42} {during:<15} {stale:<6} {cold:<8} {after:<12} {state:<6} {fetches:<13} {sent:>8} {error}"
        );
    };
    cells([
        "fault",
        "good, unknown",
        "state",
        "cold",
        "after",
        "state",
        "refr. (GETs)",
        "KiB sent",
        "what a first fetch reports",
    ]);
    for line in lines {
        let [first, second, unknown] = line.during.each_ref().map(Seen::label);
        assert_eq!(first, second);
        let after = line.after.each_ref().map(Seen::label).join(" ");
        let [(warm, warm_gets), (cold, cold_gets)] = [0, 1].map(|n| (line.refreshes[n], line.requests[n]));
        cells([
            line.name,
            &format!("{first} {unknown}"),
            line.stale.as_str(),
            &line.cold.label(),
            &after,
            line.state.as_str(),
            &format!("{warm} ({warm_gets}), {cold} ({cold_gets})"),
            &line.written.div_ceil(1024).to_string(),
            &line.error,
        ]);
    }
}

/// The resident memory of this process in KiB, where the system tells.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

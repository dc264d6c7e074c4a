//! Every challenge that can be emitted, read by the grammar of RFC 9110, and written down for the parsers of
//! `tests/interop/challenges`: what was sent, and what it is to say.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "the reader knows what stands there")]

mod cases;
mod dpop;
mod own;
mod reader;
#[path = "../support/mod.rs"]
mod support;
mod vendors;

use std::fs;

/// Where the other parsers find what was sent.
const FILE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/challenges.json");

#[tokio::test]
async fn promise_10_every_challenge_says_what_is_configured_and_nothing_else() {
    let mut all = own::challenges().await;
    all.extend(dpop::challenges().await);
    all.extend(vendors::challenges().await);
    assert!(all.len() > 4_000, "{}", all.len());
    fs::write(FILE, serde_json::to_vec(&all).unwrap()).unwrap();
}

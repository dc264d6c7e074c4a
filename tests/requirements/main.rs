//! Promise 14: what an operation requires is one value, enforced alike wherever it is put, named in the
//! challenge, and shown by explain.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]

mod anonymous;
mod properties;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod text;
mod unlisted;

use stage::{Stage, Wanted};
use table::ROWS;

#[tokio::test]
async fn promise_14_the_truth_table_holds_in_every_placement() {
    let stage = Stage::new();
    let mut wrong = Vec::new();
    for row in ROWS {
        let needed = row.needs.parse().unwrap_or_else(|error| panic!("{}: {error}", row.needs));
        let token = stage.token(row.claims);
        for placement in stage::PLACEMENTS {
            // Twice, so that the second is a hit.
            for round in 1..=2 {
                let got = stage.answer(*placement, &needed, &token).await;
                if got != row.wanted {
                    wrong.push(format!(
                        "{placement:?}, round {round}: {} with {}\n  got {got:?}\n  not {:?}",
                        row.needs, row.claims, row.wanted
                    ));
                }
            }
        }
        let explained = stage.explained(&needed, &token).await;
        if explained != matches!(row.wanted, Wanted::Ok) {
            wrong.push(format!("explain says {explained} of {} with {}", row.needs, row.claims));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_large_enough() {
    assert!(ROWS.len() >= 120, "{}", ROWS.len());
}

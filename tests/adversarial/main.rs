//! An adversarial table over a real socket: raw bytes in, status, challenge and bytes out.
//!
//! - `site`: the server under attack, the raw client, and what is checked after every case.
//! - `forge`: tokens that no decent issuer mints.
//! - the other modules: one table each, grouped by the promise that they try to break.
//!
//! After each case the response is searched for anything that was sent, and a good request on a new
//! connection must be answered.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]

mod claims;
mod credentials;
mod forge;
mod header;
mod pairs;
mod parts;
mod places;
mod site;
mod sizes;

use std::collections::HashSet;

use forge::Forge;
use site::{Case, Site};

type Table = fn(&Forge) -> Vec<Case>;

/// Every table, by the name of the test that runs it.
const TABLES: [(&str, Table); 12] = [
    ("credentials", credentials::cases),
    ("parts", parts::cases),
    ("algorithms", header::algorithms),
    ("key material", header::key_material),
    ("claim types", claims::types),
    ("claim members", claims::members),
    ("private names", claims::private_names),
    ("sizes", sizes::cases),
    ("pairs", pairs::cases),
    ("sender constrained", places::sender_constrained),
    ("optional", places::optional),
    ("other server", places::other_server),
];

async fn attack(table: Table) {
    let forge = Forge::new();
    let site = Site::open(&forge).await;
    let mut failures = Vec::new();
    for case in table(&forge) {
        failures.extend(site.attack(&case).await.err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test]
async fn promise_11_credentials_of_any_shape_are_answered() {
    attack(credentials::cases).await;
}

#[tokio::test]
async fn promise_1_only_a_signed_compact_token_passes() {
    attack(parts::cases).await;
}

#[tokio::test]
async fn promise_2_the_header_only_selects_the_algorithm() {
    attack(header::algorithms).await;
}

#[tokio::test]
async fn promise_3_a_token_brings_no_key_and_kid_is_only_a_name() {
    attack(header::key_material).await;
}

#[tokio::test]
async fn promise_4_a_claim_of_a_wrong_type_is_invalid() {
    attack(claims::types).await;
}

#[tokio::test]
async fn promise_4_members_occur_once_and_payloads_are_objects() {
    attack(claims::members).await;
}

#[tokio::test]
async fn promise_5_the_private_names_of_serde_json_are_refused() {
    attack(claims::private_names).await;
}

#[tokio::test]
async fn promise_5_sizes_and_nesting_are_capped() {
    attack(sizes::cases).await;
}

#[tokio::test]
async fn promise_7_kinds_of_token_and_pairs_are_kept_apart() {
    attack(pairs::cases).await;
}

#[tokio::test]
async fn promise_8_a_bound_token_is_no_bearer_token() {
    attack(places::sender_constrained).await;
}

#[tokio::test]
async fn promise_9_optional_lets_a_missing_token_pass_and_no_bad_one() {
    attack(places::optional).await;
}

#[tokio::test]
async fn promise_12_a_token_for_another_server_is_refused() {
    attack(places::other_server).await;
}

#[test]
fn the_table_is_large_and_every_case_has_a_name_of_its_own() {
    let forge = Forge::new();
    let mut names = HashSet::new();
    for (table, cases) in TABLES {
        for case in cases(&forge) {
            assert!(names.insert(format!("{table}: {}", case.name)), "{table}: {} twice", case.name);
        }
    }
    assert!(names.len() >= 120, "{} cases", names.len());
}

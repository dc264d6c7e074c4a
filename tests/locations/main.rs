//! Where tokens may be, attacked over a real socket: raw bytes in, status, challenge and bytes out.
//!
//! - `site`: the servers under attack, the raw client, and what is checked after every row.
//! - the other modules: one table each.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]

mod config;
mod cookies;
mod forms;
mod handshakes;
mod headers;
mod origins;
mod places;
mod properties;
mod site;
mod subprotocols;
mod tickets;

use std::collections::HashSet;

use site::{Row, Site};

type Table = fn() -> Vec<Row>;

/// Every table, by its name.
const TABLES: [(&str, Table); 6] = [
    ("headers", headers::rows),
    ("cookies", cookies::rows),
    ("origins", origins::rows),
    ("subprotocols", subprotocols::rows),
    ("places", places::rows),
    ("forms", forms::rows),
];

async fn attack(table: &str) {
    let site = Site::open().await;
    let (_, rows) = TABLES.iter().find(|(name, _)| *name == table).unwrap();
    let mut failures = Vec::new();
    for row in rows() {
        failures.extend(site.attack(&row).await.err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test]
async fn a_header_field_holds_one_token() {
    attack("headers").await;
}

#[tokio::test]
async fn a_cookie_is_read_by_its_grammar() {
    attack("cookies").await;
}

#[tokio::test]
async fn pages_of_another_origin_send_no_cookie() {
    attack("origins").await;
}

#[tokio::test]
async fn a_subprotocol_carries_a_token_beside_another() {
    attack("subprotocols").await;
}

#[tokio::test]
async fn a_token_is_in_one_place() {
    attack("places").await;
}

#[tokio::test]
async fn a_form_holds_one_token_and_loses_it() {
    attack("forms").await;
}

#[test]
fn the_table_is_large_and_every_row_has_a_name_of_its_own() {
    let mut names = HashSet::new();
    for (table, rows) in TABLES {
        for row in rows() {
            assert!(names.insert(format!("{table}: {}", row.name)), "{table}: {} twice", row.name);
        }
    }
    assert!(names.len() >= 150, "{} rows", names.len());
}

//! Bounds that several issuers of one server share: who can use them up, and whom that harms.
#![cfg(all(feature = "test-util", feature = "remote"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop where they are wrong")]
#![allow(unreachable_pub, reason = "tests are not imported")]

mod budgets;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../tenants/cloud.rs"]
mod cloud;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../numbers/mod.rs"]
mod numbers;
mod permits;
mod table;

//! Credentials beside tokens: static API keys, and the forms that tell the two apart.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]
#![allow(clippy::unwrap_used, reason = "also in the helpers of tests")]

mod build;
mod explained;
mod health;
mod keys;
mod locations;
#[path = "../support/log.rs"]
mod log;
mod logs;
mod placements;
mod properties;
mod replaced;
mod requirements;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod verifier;
mod verifier_answers;

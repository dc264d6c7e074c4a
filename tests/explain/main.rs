//! Explanations: that they agree with verification, what they say, and what they never show.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // also in the helpers of tests

mod agreement;
#[cfg(feature = "remote")]
mod keys;
mod nonces;
mod pairs;
#[cfg(all(unix, feature = "remote"))]
mod readme;
mod secrets;
mod site;
#[cfg(all(unix, feature = "remote"))]
mod tool;
mod words;

//! Explanations: that they agree with verification, what they say, and what they never show.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // also in the helpers of tests

mod agreement;
#[cfg(feature = "remote")]
mod keys;
mod secrets;
mod site;
mod words;

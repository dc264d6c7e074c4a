//! What the public types can be relied on for: their traits, and whether they may grow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop where they are wrong")]

mod growth;
mod public;
#[path = "../sources/mod.rs"]
mod sources;
#[cfg(all(
    feature = "axum",
    feature = "config",
    feature = "identity-provider",
    feature = "issuer",
    feature = "mcp",
    feature = "redis",
    feature = "remote",
    feature = "tonic",
    feature = "test-util"
))]
mod traits;

//! Any bytes in the place of a DPoP proof: `cargo +nightly fuzz run proof`.
#![no_main]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a finding is a panic")]

#[path = "../../tests/dpop/fuzzed.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = fuzzed::check(data);
});

//! What a request through the whole layer allocates: exact counts, no times.
//!
//! Counted on one thread, in Rust; what the crypto library does in C has an allocator of its own.
//! The controls are counted in the same test: the service without the layer, the same with the
//! extension that the layer inserts, and the signature check alone.

#[path = "../benches/budget/alloc.rs"]
mod alloc;
#[path = "../benches/budget/measure.rs"]
#[expect(dead_code, reason = "nothing is timed here")]
mod measure;
#[path = "../benches/budget/tokens.rs"]
mod tokens;

use measure::Candidate;
use tokens::{Bench, Kind};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting(std::alloc::System);

const KINDS: [Kind; 4] = [Kind::Rs256, Kind::Es256, Kind::EdDsa, Kind::Hs256];

/// The decoded payload and the identity.
const MISS: u32 = 2;

/// More where the verdict is remembered: the tokens and the entry.
const REMEMBERED: u32 = 2;

/// What one request allocates, when others like it came before.
fn count(mut candidate: Candidate) -> u32 {
    candidate.run(3);
    alloc::count(|| candidate.run(1))
}

#[test]
fn the_controls_allocate_what_they_must() {
    let bench = Bench::new(Kind::EdDsa, 1, 1 << 20);
    // A header map; then an extension map, its table, and the value.
    assert_eq!((count(bench.bare()), count(bench.extended())), (2, 5));
}

#[test]
fn a_hit_allocates_nothing_beyond_its_extension() {
    for kind in KINDS.into_iter().filter(|kind| !matches!(kind, Kind::Hs256)) {
        let bench = Bench::new(kind, 1, 1 << 20);
        assert_eq!(count(bench.layer(200)), count(bench.extended()), "{}", kind.name());
    }
}

#[test]
fn a_miss_allocates_its_payload_and_its_identity() {
    for kind in KINDS {
        let bench = Bench::new(kind, 1, 0);
        let controls = count(bench.extended()) + count(bench.raw());
        let missed = count(bench.layer(200));
        assert!(missed <= controls + MISS, "{}: {missed}, controls {controls}", kind.name());
    }
}

#[test]
fn remembering_a_verdict_allocates_its_entry_even_where_another_has_to_go() {
    let bench = Bench::new(Kind::EdDsa, 400, 64 * 1024);
    let controls = count(bench.extended()) + count(bench.raw());
    let mut layer = bench.layer(200);
    layer.run(800);
    let counts: Vec<_> = (0..400).map(|_| alloc::count(|| layer.run(1)) - controls).collect();
    let misses = counts.iter().filter(|count| **count > 0).count();
    assert!(misses > 200, "{counts:?}");
    assert!(counts.iter().all(|count| *count <= MISS + REMEMBERED), "{counts:?}");
}

/// The same with the feature `metrics` as without: counting a refusal allocates nothing.
#[test]
fn a_refusal_allocates_no_more_than_it_did() {
    let bench = Bench::new(Kind::EdDsa, 1, 1 << 20);
    for (name, authorization, expected) in [
        ("no header", None, 2),
        ("garbage", Some("Bearer abcdefghijklmnopqrstuvwxyz".to_owned()), 4),
        ("unknown kid", Some(bench.unknown_kid()), 5),
        ("expired", Some(bench.expired()), 11),
        ("wrong issuer", Some(bench.wrong_issuer()), 6),
    ] {
        let refused = count(bench.reject(authorization));
        assert!(refused <= expected, "{name}: {refused}");
    }
}

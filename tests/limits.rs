//! The page of limits names every number there is, with its value.
//!
//! Fields of settings are taken from their defaults, constants from the sources.

use std::time::Duration;

use numbers::Value;

#[allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
mod numbers;

const PAGE: &str = include_str!("../src/guide/limits.md");

/// Numbers that limit nothing: sizes that memory is set aside in, codes, layouts, the last date there is, and
/// where one way of doing the same becomes faster than another.
const NO_LIMITS: [&str; 42] = [
    "config::locations::LAST_DATE",
    "http::challenge::TYPICAL_LENGTH",
    "json::strict::FIRST_INNER_LEVEL",
    "json::strict::HASHED_FROM",
    "keys::curve::MAX_FIELD_BYTES",
    "keys::hash::SHA256_TEXT",
    "policy::membership::FEW",
    "policy::requirement::memo::IN_A_WORD",
    "policy::requirement::nearest::MAX_CLASSES",
    "profile::scopes::FEW",
    "preset::sceyt::error_body::BAD_USER_NAME",
    "preset::sceyt::error_body::EXPIRED_TOKEN",
    "preset::sceyt::error_body::INTERNAL",
    "preset::sceyt::error_body::INVALID_TOKEN",
    "preset::sceyt::error_body::MALFORMED",
    "preset::sceyt::error_body::NOT_ACTIVE",
    "preset::sceyt::error_body::NOT_ALLOWED",
    "preset::sceyt::error_body::UNAUTHORIZED",
    "preset::sceyt::error_body::UNAVAILABLE",
    "proof::dpop::END_INCLUDED",
    "proof::holder::KEY_BYTES",
    "proof::holder::MAX_BYTES",
    "server::cache::ENTRY_OVERHEAD",
    "server::cache::TAIL",
    "server::cache_shards::EMPTY_SHARD",
    "server::cache_shards::FEWEST_ENTRIES",
    "server::cache_shards::MAX_SHARDS",
    "server::cache_shards::TYPICAL_ENTRY",
    "source::tenants::GRAIN",
    "store::memory::CLEARED_PER_CALL",
    "store::redis::WHOLE_SECOND",
    "store::redis::link::LATEST",
    "store::redis::settings::SENTINEL_PORT",
    "store::redis::shards::FORMAT",
    "store::redis::shards::IN_A_CLUSTER",
    "store::redis::shards::NAME",
    "store::redis::shards::SLOTS",
    "store::seal::RANDOM",
    "token::claims::INLINE",
    "token::names::MARKS",
    "token::plain::MEMBERS",
    "test_util::defect::LONG",
];

/// The rows of the page: the name, and its value.
fn rows() -> Vec<(&'static str, Value)> {
    let columns = PAGE.lines().map(|line| line.split(" | ").collect::<Vec<_>>());
    let rows = columns.filter_map(|columns| match columns[..] {
        [_, value, name, _, _] => Some((name.strip_prefix('`')?.strip_suffix('`')?, Value::read(value))),
        _ => None,
    });
    rows.collect()
}

#[test]
fn every_row_has_the_value_of_what_it_names_and_nothing_is_left_out() {
    let mut unnamed = numbers::all();

    let mut wrong = Vec::new();
    for name in NO_LIMITS {
        if unnamed.remove(name).is_none() {
            wrong.push(format!("{name}: no such number; take it out of NO_LIMITS"));
        }
    }
    for (name, value) in rows() {
        let found: Vec<_> = unnamed.keys().filter(|path| numbers::names(name, path)).cloned().collect();
        match found.as_slice() {
            [path] => {
                let real = unnamed.remove(path);
                if real != Some(value) {
                    wrong.push(format!("{name}: {value:?} on the page, {real:?} in the sources"));
                }
            }
            [] => wrong.push(format!("{name}: no such number, or two rows for it")),
            several => wrong.push(format!("{name}: may be any of {several:?}")),
        }
    }
    wrong.extend(unnamed.into_keys().map(|name| format!("{name}: no row, and not in NO_LIMITS")));
    assert!(wrong.is_empty(), "src/guide/limits.md:\n{}", wrong.join("\n"));
}

#[test]
fn values_are_read_as_they_are_written() {
    let minutes = |minutes: u64| Value::Time(Duration::from_secs(minutes * 60));
    for (text, expected) in [
        ("4", Value::Number(4)),
        ("1 024", Value::Number(1024)),
        ("1 024 bytes", Value::Number(1024)),
        ("16 KiB", Value::Number(16 << 10)),
        ("16 MiB", Value::Number(16 << 20)),
        ("10 %", Value::Number(10)),
        ("60 s", minutes(1)),
        ("15 min", minutes(15)),
        ("6 h", minutes(360)),
    ] {
        assert_eq!(Value::read(text), expected, "{text}");
    }
    for (text, expected) in [
        ("16 * 1024", Some(Value::Number(16 << 10))),
        ("1 << 18", Some(Value::Number(1 << 18))),
        ("10_000", Some(Value::Number(10_000))),
        ("Duration::from_secs(5 * 60)", Some(minutes(5))),
        ("OTHER", None),
        ("size_of::<u64>()", None),
    ] {
        assert_eq!(Value::of(&syn::parse_str(text).unwrap()), expected, "{text}");
    }
}

//! SECURITY.md says the truth about shared bounds: each of its numbers is the constant, its tests exist.

use std::{fs, path::Path, time::Duration};

use tower_resource_server::source::{MAX_WAITERS_OF_CANDIDATES, MAX_WAITERS_PER_SERVER};

use crate::numbers::{self, Value};

/// The cells of each row of the table.
fn rows() -> Vec<Vec<String>> {
    let text = fs::read_to_string("SECURITY.md").unwrap();
    let (_, section) = text.split_once("## Shared bounds").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(extension) if extension == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.map(text).collect()
}

#[test]
fn the_numbers_of_the_table_are_the_constants() {
    let all = numbers::all();
    let named = |name| numbers::named(&all, name);
    let count = |number: usize| Value::Number(number as u64);
    let expected: Vec<(&str, Vec<Value>)> = vec![
        (
            "requests that wait for keys of configured issuers",
            vec![
                named("source::MAX_WAITERS_PER_SERVER"),
                count(MAX_WAITERS_PER_SERVER / 2),
                named("RefreshSettings::max_waiters"),
            ],
        ),
        (
            "requests that wait for tenants that have verified a token",
            vec![
                count(MAX_WAITERS_PER_SERVER / 2 - MAX_WAITERS_OF_CANDIDATES),
                count(MAX_WAITERS_PER_SERVER - MAX_WAITERS_OF_CANDIDATES),
            ],
        ),
        ("requests that wait for candidates", vec![named("source::MAX_WAITERS_OF_CANDIDATES")]),
        (
            "requests that wait for the application's verifier of credentials",
            vec![
                named("CredentialVerifierSettings::max_waiting"),
                named("CredentialVerifierSettings::deadline"),
            ],
        ),
        (
            "fetches for unknown keys",
            vec![
                named("RefreshSettings::unknown_key_burst"),
                named("RefreshSettings::unknown_key_interval"),
                named("RefreshSettings::unknown_key_interval"),
                named("RefreshSettings::evidence_window"),
            ],
        ),
        ("fetches for unknown names, where each key is fetched by its name", vec![]),
        (
            "keys that are fetched by their names",
            vec![named("source::entries::MAX_KEYS_BY_KID"), named("source::entries::MAX_ABSENT_KIDS")],
        ),
        (
            "first fetches of tenants",
            vec![named("TenantSettings::first_fetch_burst"), named("TenantSettings::first_fetch_interval")],
        ),
        ("candidates", vec![named("TenantSettings::max_candidates")]),
        ("tenants that are kept", vec![named("TenantSettings::max_live")]),
        ("memory for documents and tasks of issuers", vec![named("RefreshSettings::max_body")]),
        ("look-ups of host names", vec![named("RefreshSettings::fetch_timeout")]),
        ("cache of verified tokens", vec![named("CacheSettings::max_bytes")]),
        ("spent ids", vec![named("store::DEFAULT_MAX_SPENT"), named("store::DEFAULT_NONCE_LIFETIME")]),
        (
            "DPoP proofs that were used",
            vec![named("store::DEFAULT_MAX_SPENT"), named("store::DEFAULT_SHARE")],
        ),
        (
            "requests that wait for a store that instances share",
            vec![
                named("store::redis::DEFAULT_REDIS_IN_FLIGHT"),
                named("store::redis::DEFAULT_REDIS_DEADLINE"),
            ],
        ),
        ("spent ids in a store that instances share", vec![]),
        ("memory for forms", vec![named("middleware::MAX_FORM")]),
        (
            "memory for messages that the MCP guard reads, and for answers that it filters",
            vec![named("mcp::MAX_MESSAGE"), named("mcp::MAX_ANSWER")],
        ),
        ("spent tickets", vec![named("store::DEFAULT_MAX_SPENT"), named("store::DEFAULT_TICKET_LIFETIME")]),
        ("tokens that count once", vec![named("store::DEFAULT_MAX_SPENT")]),
        ("nonces and tickets that are issued, nonces for DPoP proofs too", vec![]),
        (
            "logins under way",
            vec![named("identity_provider::CAPACITY"), named("identity_provider::LIFETIME")],
        ),
        ("challenges that are kept for ever", vec![named("http::MAX_KEPT")]),
        ("refusals that a layer or guard keeps", vec![named("middleware::PLACES")]),
        ("operations without a row that are told", vec![named("server::unlisted::MAX_OPERATIONS")]),
        ("parsed headers of a key set", vec![named("keys::header_memo::PLACES")]),
        ("names of withdrawn keys", vec![]),
    ];
    let rows = rows();
    let bounds: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
    let compared: Vec<_> = expected.iter().map(|(bound, _)| *bound).collect();
    assert_eq!(bounds, compared, "a row of the table is not compared with constants, or the other way round");
    for (row, (bound, numbers)) in rows.iter().zip(expected) {
        // The last cell names tests.
        assert_eq!(Value::all_of(&row[1..5].join("; ")), numbers, "{bound}");
    }
}

#[test]
fn the_numbers_of_a_text_are_found() {
    let (n, s) = (Value::Number, |seconds| Value::Time(Duration::from_secs(seconds)));
    for (text, expected) in [
        ("4 096 (`MAX_7`), 2 048 beside; half", vec![n(4096), n(2048)]),
        ("5, then one in 10 s (`a`, `b`)", vec![n(5), s(10)]),
        ("262 144, 16 384 of one key; 5 min each", vec![n(262_144), n(16_384), s(300)]),
        ("256 KiB (`x`) and one task", vec![n(256 << 10)]),
        ("answered 503, or 401 when it is 503 s old", vec![s(503)]),
        ("none", vec![]),
    ] {
        assert_eq!(Value::all_of(text), expected, "{text}");
    }
}

#[test]
fn every_row_names_tests_that_there_are() {
    let sources = ["src", "tests"].map(|folder| sources(Path::new(folder))).concat();
    let rows = rows();
    assert!(rows.len() >= 15, "{} rows", rows.len());
    for row in &rows {
        assert_eq!(row.len(), 6, "{row:?}");
        let tests: Vec<_> = row[5].split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{}: no test", row[0]);
        for test in tests {
            assert!(sources.contains(&format!("fn {test}(")), "{}: there is no test {test}", row[0]);
        }
    }
}

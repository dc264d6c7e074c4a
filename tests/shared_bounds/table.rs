//! SECURITY.md says the truth about shared bounds: its numbers are the constants, its tests exist.

use std::{fs, path::Path, time::Duration};

use tower_resource_server::{
    CacheSettings,
    source::{MAX_WAITERS_OF_CANDIDATES, MAX_WAITERS_PER_SERVER, RefreshSettings, TenantSettings},
    store::{DEFAULT_MAX_SPENT, DEFAULT_NONCE_LIFETIME},
};

/// The cells of each row of the table.
fn rows() -> Vec<Vec<String>> {
    let text = fs::read_to_string("SECURITY.md").unwrap();
    let (_, section) = text.split_once("## Shared bounds").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Digits in groups of three.
fn grouped(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{} {:03}", grouped(number / 1_000), number % 1_000),
    }
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
    let (refresh, tenants) = (RefreshSettings::default(), TenantSettings::default());
    let seconds = |interval: Duration| format!("one in {} s", interval.as_secs());
    let rows = rows();
    for (bound, numbers) in [
        (
            "requests that wait for keys of configured issuers",
            vec![
                grouped(MAX_WAITERS_PER_SERVER),
                grouped(MAX_WAITERS_PER_SERVER / 2),
                grouped(refresh.max_waiters),
            ],
        ),
        (
            "requests that wait for tenants that have verified a token",
            vec![
                grouped(MAX_WAITERS_PER_SERVER / 2 - MAX_WAITERS_OF_CANDIDATES),
                grouped(MAX_WAITERS_PER_SERVER - MAX_WAITERS_OF_CANDIDATES),
            ],
        ),
        ("requests that wait for candidates", vec![grouped(MAX_WAITERS_OF_CANDIDATES)]),
        (
            "fetches for unknown keys",
            vec![refresh.unknown_key_burst.to_string(), seconds(refresh.unknown_key_interval)],
        ),
        (
            "first fetches of tenants",
            vec![tenants.first_fetch_burst.to_string(), seconds(tenants.first_fetch_interval)],
        ),
        ("candidates", vec![tenants.max_candidates.to_string()]),
        ("tenants that are kept", vec![tenants.max_live.to_string()]),
        ("memory for documents and tasks of issuers", vec![format!("{} KiB", refresh.max_body / 1024)]),
        (
            "cache of verified tokens",
            vec![format!("{} MiB", CacheSettings::default().max_bytes / 1024 / 1024)],
        ),
        (
            "spent ids",
            vec![grouped(DEFAULT_MAX_SPENT), format!("{} min", DEFAULT_NONCE_LIFETIME.as_secs() / 60)],
        ),
    ] {
        let row = rows.iter().find(|row| row[0] == bound);
        let row = row.unwrap_or_else(|| panic!("there is no row {bound:?}"));
        for number in numbers {
            assert!(row[1].contains(&number), "{bound}: {number} is not in {:?}", row[1]);
        }
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

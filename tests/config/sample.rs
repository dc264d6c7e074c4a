//! The commented sample and the JSON Schema: true, and whole.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use tower_resource_server::config::json_schema;

use crate::load;

pub(crate) const SAMPLE: &str = include_str!("../../examples/protected_api/sample.toml");

fn schema_file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config.schema.json")
}

/// `CONFIG_SCHEMA=write` writes it.
#[test]
fn the_committed_schema_is_what_the_tables_say() {
    let schema = format!("{}\n", serde_json::to_string_pretty(&json_schema()).unwrap());
    if std::env::var("CONFIG_SCHEMA").as_deref() == Ok("write") {
        fs::write(schema_file(), &schema).unwrap();
    }
    let committed = fs::read_to_string(schema_file()).unwrap_or_default();
    assert!(committed == schema, "config.schema.json is stale: run this test with CONFIG_SCHEMA=write");
}

/// Every key of a schema, by its path; lists are as their items.
fn keys(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        keys(property, &path, found);
        keys(&property["items"], &path, found);
        found.insert(path);
    }
}

/// The paths of a configuration that is written out.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = format!("{path}.{name}");
                paths(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => {}
    }
}

/// Tables that are the same at several places are shown at one.
fn at_one_place(path: &str) -> String {
    let path = path.replace(".issuers.refresh.", ".refresh.").replace(".issuers.http.", ".http.");
    let path = path.replace(".also_keys.", ".keys.").replace(".id_tokens.", ".tokens.");
    let path =
        path.replace(".kinds.tokens.", ".tokens.").replace(".system.layer.providers.keys.", ".issuers.keys.");
    match path.split('.').collect::<Vec<_>>().as_slice() {
        ["", "challenges", _, inner] => format!(".challenges.invalid_token.{inner}"),
        _ => path,
    }
}

/// The sample, and the sample with each of the keys that are commented out in turn.
fn variants() -> Vec<(String, String)> {
    let lines: Vec<&str> = SAMPLE.lines().collect();
    let mut all = vec![("as it is".to_owned(), SAMPLE.to_owned())];
    for (n, line) in lines.iter().enumerate() {
        let Some(setting) =
            line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', ':']) && !rest.is_empty())
        else {
            continue;
        };
        let (setting, replaced) = setting.split_once("      # in place of ").unwrap_or((setting, ""));
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        changed[n] = setting.to_owned();
        if setting.starts_with('[') {
            continue;
        }
        // What is a system has no resource, no credentials and no challenges of its own.
        if setting.starts_with("system.") {
            all.push((setting.to_owned(), setting.to_owned()));
            continue;
        }
        // The table that it is in, where that is commented out, too, and what it takes the place of.
        let before = lines[..n].iter().rposition(|line| line.starts_with('[') || line.starts_with("#["));
        let before = before.unwrap_or(0);
        if let Some(table) = lines[before].strip_prefix("#[") {
            changed[before] = format!("[{table}");
        }
        let in_comment = lines[before].starts_with("#[");
        if in_comment && !setting.starts_with("secret") {
            changed[before] += "\nsecret_file = \"nonces\"";
        }
        if !replaced.is_empty() && !in_comment {
            let end =
                lines[n..].iter().position(|line| line.starts_with('[')).map_or(lines.len(), |end| n + end);
            let replaced = |line: &&str| line.starts_with(replaced);
            let at = lines[before..end].iter().position(replaced).expect("what it takes the place of");
            changed[before + at] = String::new();
        }
        all.push((setting.to_owned(), changed.join("\n")));
    }
    all
}

#[test]
fn the_sample_loads_and_shows_every_key() {
    let mut shown = BTreeSet::new();
    let variants = variants();
    assert!(variants.len() > 15, "{}", variants.len());
    for (name, toml) in variants {
        let config = load(&toml).unwrap_or_else(|error| panic!("{name}: {error}"));
        paths(&serde_json::to_value(&config).unwrap(), "", &mut shown);
        if name == "as it is" {
            config.build().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    let shown: BTreeSet<String> = shown.iter().map(|path| at_one_place(path)).collect();
    let mut all = BTreeSet::new();
    keys(&json_schema(), "", &mut all);
    let missing: Vec<_> =
        all.iter().map(|path| at_one_place(path)).filter(|path| !shown.contains(path)).collect();
    // The table of an issuer is shown at the top.
    let missing: Vec<_> = missing
        .iter()
        .filter(|path| !path.starts_with(".issuers.refresh") && !path.starts_with(".issuers.http"))
        .collect();
    assert!(all.len() > 150, "{}", all.len());
    assert!(missing.is_empty(), "the sample does not show {missing:#?}");
}

/// The sample says of each key that has a default what that is.
#[test]
fn the_sample_begins_with_the_defaults() {
    let config = load(SAMPLE).unwrap();
    let sample = serde_json::to_value(&config).unwrap();
    for (table, expected) in [
        ("cache", format!("{:?}", tower_resource_server::CacheSettings::default())),
        ("limits", format!("{:?}", tower_resource_server::token::TokenLimits::default())),
        ("refresh", format!("{:?}", tower_resource_server::source::RefreshSettings::default())),
    ] {
        for (name, value) in sample[table].as_object().unwrap() {
            let written = match value.as_str() {
                Some(text) => seconds(text),
                None => value.to_string(),
            };
            assert!(
                expected.contains(&format!("{name}: {written}")),
                "{table}.{name} is {written}, not as in {expected}"
            );
        }
    }
    let tenants = format!("{:?}", tower_resource_server::source::TenantSettings::default());
    let shown =
        sample["issuers"].as_array().unwrap().iter().find_map(|issuer| issuer.get("tenants")).unwrap();
    for (name, value) in shown.as_object().unwrap().iter().filter(|(name, _)| *name != "allow") {
        let written = value.as_str().map_or_else(|| value.to_string(), seconds);
        assert!(
            tenants.contains(&format!("{name}: {written}")),
            "tenants.{name} is {written}, not as in {tenants}"
        );
    }
}

/// A duration as `Debug` writes it.
fn seconds(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap();
    let number: u64 = text[..end].parse().unwrap();
    let seconds = match &text[end..] {
        "s" => number,
        "m" => number * 60,
        "h" => number * 3600,
        other => panic!("{other}"),
    };
    format!("{seconds}s")
}

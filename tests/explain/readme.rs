//! What the README shows of `validate_token` is what it prints, on tokens that are written here.
//!
//! With `BLESS=1` in the environment the samples and the README are written anew instead.

use std::{env, fs, path::Path, process::Command};

use serde_json::{Value, json};
use tower_resource_server::{issuer::SigningKey, keys::Algorithm};

/// The key of every issuer in the samples; its public half is `samples/issuer.pem`.
const KEY: &str = include_str!("../../src/issuer/testdata/rsa2048-pkcs8.pem");

/// When all of them were issued: 2026-01-01T00:00:00Z. Checked ten minutes later, by `--at`.
const ISSUED: u64 = 1_767_225_600;
const SAMPLES: &str = "examples/validate_token/samples";

/// The beginning of a command in the README, and of one here.
const PUBLISHED: &str = "cargo run -q --example validate_token -- ";

/// `change` is merged into the good token of the kind; `null` takes a member out.
struct Sample {
    file: &'static str,
    header: Value,
    claims: Value,
}

fn samples() -> Vec<Sample> {
    let rfc9068 = || {
        (
            json!({ "alg": "RS256", "kid": "2026-01", "typ": "at+jwt" }),
            json!({
                "iss": "https://login.example", "aud": "https://api.example", "sub": "alice", "client_id": "web",
                "iat": ISSUED, "exp": ISSUED + 3600, "jti": "b5AkZ0Vpotbn", "scope": "orders:read",
            }),
        )
    };
    let jwt = || {
        (
            json!({ "alg": "RS256", "kid": "2026-01", "typ": "JWT" }),
            json!({
                "iss": "https://login.example", "aud": "https://api.example", "sub": "alice", "azp": "web",
                "iat": ISSUED, "exp": ISSUED + 3600, "scp": ["orders:read"],
            }),
        )
    };
    let id_token = || {
        (
            json!({ "alg": "RS256", "kid": "2026-01", "typ": "JWT" }),
            json!({
                "iss": "https://login.example", "aud": "web", "sub": "alice", "nonce": "n-0S6_WzA2Mj",
                "iat": ISSUED, "exp": ISSUED + 3600, "auth_time": ISSUED,
            }),
        )
    };
    let sample = |file, (header, claims): (Value, Value)| Sample { file, header, claims };
    let but = |(mut header, mut claims): (Value, Value), more_header: Value, more_claims: Value| {
        for (members, changes) in [(&mut header, more_header), (&mut claims, more_claims)] {
            for (name, value) in changes.as_object().unwrap() {
                match value {
                    Value::Null => drop(members.as_object_mut().unwrap().remove(name)),
                    value => members[name] = value.clone(),
                }
            }
        }
        (header, claims)
    };
    vec![
        sample("rfc9068-good", rfc9068()),
        sample(
            "rfc9068-bad",
            but(
                rfc9068(),
                json!({}),
                json!({ "iss": "https://login.example/", "exp": ISSUED + 300, "client_id": null }),
            ),
        ),
        sample("jwt-good", jwt()),
        sample("jwt-bad", but(jwt(), json!({}), json!({ "aud": "web", "nonce": "n-0S6_WzA2Mj" }))),
        sample("id-token-good", id_token()),
        sample(
            "id-token-bad",
            but(id_token(), json!({}), json!({ "aud": ["web", "app"], "azp": "app", "nonce": "other" })),
        ),
    ]
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn bless() -> bool {
    env::var_os("BLESS").is_some()
}

#[test]
fn the_samples_are_what_they_are_said_to_be() {
    let key = SigningKey::from_pem(Algorithm::RS256, KEY).unwrap();
    for Sample { file, header, claims } in samples() {
        // Signatures of RS256 are the same every time.
        let token = key.sign_raw(&header.to_string(), claims.to_string().as_bytes()).unwrap() + "\n";
        let path = root().join(SAMPLES).join(format!("{file}.jwt"));
        if bless() {
            fs::write(&path, &token).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), token, "{file}");
    }
}

/// The README with each command's output as it is now, and how many commands there are.
fn played(text: &str) -> (String, usize) {
    let mut out = String::new();
    let mut commands = 0;
    let mut skipping = false;
    for line in text.lines() {
        match line.strip_prefix("$ ") {
            Some(command) if command.starts_with(PUBLISHED) => {
                commands += 1;
                skipping = true;
                out += &format!("{line}\n{}", output(command));
                continue;
            }
            _ if line == "```" || line.starts_with("$ ") => {
                // A blank line stands between a command's output and the next command.
                if skipping && line != "```" {
                    out += "\n";
                }
                skipping = false;
            }
            _ => {}
        }
        if !skipping {
            out += &format!("{line}\n");
        }
    }
    (out, commands)
}

fn output(command: &str) -> String {
    let tool = super::tool::path();
    let command = command.replacen(PUBLISHED, &format!("{} ", tool.display()), 1);
    let output = Command::new("sh").args(["-c", &command]).current_dir(root()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_readme_shows_what_it_prints() {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (now, commands) = played(&readme);
    if bless() {
        fs::write(&path, &now).unwrap();
        return;
    }
    assert!(commands >= 5, "{commands} commands");
    assert_eq!(readme, now, "the README is not what the tool prints; BLESS=1 writes it anew");
    let shown = samples().into_iter().filter(|sample| readme.contains(&format!("{}.jwt", sample.file)));
    assert_eq!(shown.count(), samples().len(), "every sample is shown");
}

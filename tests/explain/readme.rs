//! What the README of the example `validate_token` shows is what the tool prints, on tokens that are
//! written here.
//!
//! With `BLESS=1` in the environment the samples and that README are written anew instead.

use std::{env, fs, path::Path, process::Command};

use serde_json::{Value, json};
use tower_resource_server::{issuer::SigningKey, keys::Algorithm};

/// The key of every issuer in the samples; its public half is `samples/issuer.pem`.
const KEY: &str = include_str!("../../src/issuer/testdata/rsa2048-pkcs8.pem");

/// When all of them were issued: 2026-01-01T00:00:00Z. Checked ten minutes later, by `--at`.
const ISSUED: u64 = 1_767_225_600;
const SAMPLES: &str = "examples/validate_token/samples";
const README: &str = "examples/validate_token/README.md";

/// How the lines begin that are typed in the README: what the others rely on, and those.
const PRELUDE: [&str; 2] = ["cd examples/validate_token", "validate() {"];
const COMMAND: &str = "validate ";

const TENANT: &str = "6b3ec1a4-8d2c-4f0e-9ad7-3a9f5f5d2a61";
/// A minute before the check and ten, by `samples/nonce-secret`.
const NONCES: [&str; 2] = [
    "AAABm3bi5WCd4egpLqFLySZTIgx-LZG8N_-O20UR8Ijye1NYUl2pBxMDmGJJ34_WVjLATkKwPrQ",
    "AAABm3baqADhp1sBsexOhnArPiyWZ7wuyk_1ckJ8Ohjs7F7VHFm3VJiue-B8UBHy4pPK2wi-62A",
];

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
    let mca = || {
        (
            json!({ "alg": "RS256", "jpk": { "alg": "RSA", "mod": "AQ", "exp": "AQAB" } }),
            json!({
                "iss": "https://mca.example/imf-authserver/authorization/", "aud": TENANT, "prn": "5f0e3a9d",
                "exp": ISSUED + 3600, "imf.scope": { "customRealm": { "exp": ISSUED + 3600, "mandatory": true } },
            }),
        )
    };
    let mca_id = |subject: &str| {
        (
            json!({ "alg": "RS256" }),
            json!({
                "iss": "https://mca.example/imf-authserver/authorization/", "aud": TENANT, "sub": subject,
                "iat": ISSUED, "exp": ISSUED + 3600,
                "imf.user": { "id": "alice", "authBy": "customRealm", "displayName": "Alice" },
            }),
        )
    };
    let app_id = || {
        (
            json!({ "alg": "RS256", "typ": "JOSE", "kid": "appId-1", "ver": 4 }),
            json!({
                "iss": format!("https://eu-de.appid.cloud.ibm.com/oauth/v4/{TENANT}"), "aud": ["web"],
                "sub": "alice", "tenant": TENANT, "amr": ["cloud_directory"], "iat": ISSUED, "exp": ISSUED + 3600,
                "scope": "openid appid_default",
            }),
        )
    };
    let layer = || {
        (
            json!({ "alg": "RS256", "typ": "JWT", "cty": "layer-eit;v=1", "kid": "layer:///keys/1" }),
            json!({
                "iss": "layer:///providers/1", "prn": "alice", "iat": ISSUED, "exp": ISSUED + 3600,
                "nce": NONCES[0],
            }),
        )
    };
    let sceyt = || {
        (
            json!({ "alg": "RS256", "typ": "JWT" }),
            json!({ "sub": "alice", "iat": ISSUED, "nbf": ISSUED, "exp": ISSUED + 6 * 3600 }),
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
        sample("mobile-client-access-good", mca()),
        sample(
            "mobile-client-access-bad",
            but(
                mca(),
                json!({}),
                // An ID token.
                json!({ "prn": null, "sub": "::5f0e3a9d", "imf.user": { "id": "alice" }, "imf.scope": null }),
            ),
        ),
        sample("mobile-client-access-id", mca_id("::5f0e3a9d")),
        sample("mobile-client-access-other-id", mca_id("::0a7c4e21")),
        sample("app-id-good", app_id()),
        sample(
            "app-id-bad",
            but(app_id(), json!({}), json!({ "aud": "web", "tenant": "other", "scope": "openid" })),
        ),
        sample("layer-good", layer()),
        sample(
            "layer-bad",
            but(
                layer(),
                json!({ "cty": null }),
                json!({ "exp": (ISSUED + 3600).to_string(), "nce": NONCES[1] }),
            ),
        ),
        sample("sceyt-good", sceyt()),
        sample("sceyt-bad", but(sceyt(), json!({}), json!({ "nbf": ISSUED + 4000, "aid": "zo03k9x1wd" }))),
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
    let key = SigningKey::from_pem(KEY, Algorithm::RS256).unwrap();
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
    let (mut out, mut prelude, mut commands) = (String::new(), String::new(), 0);
    let mut skipping = false;
    for line in text.lines() {
        let typed = line.strip_prefix("$ ");
        if skipping && (typed.is_some() || line == "```") {
            out += if typed.is_some() { "\n" } else { "" };
            skipping = false;
        }
        if skipping {
            continue;
        }
        out += &format!("{line}\n");
        match typed {
            Some(typed) if PRELUDE.iter().any(|start| typed.starts_with(start)) => {
                prelude += &format!("{typed}\n");
            }
            Some(command) if command.starts_with(COMMAND) => {
                commands += 1;
                skipping = true;
                out += &output(&format!("{prelude}{command}"));
            }
            _ => {}
        }
    }
    (out, commands)
}

fn output(script: &str) -> String {
    let tool = format!("{} ", super::tool::path().display());
    let script = script.replace("cargo run -q --example validate_token -- ", &tool);
    let output = Command::new("sh").args(["-c", &script]).current_dir(root()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{script}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_readme_shows_what_it_prints() {
    let path = root().join(README);
    let readme = fs::read_to_string(&path).unwrap();
    let (now, commands) = played(&readme);
    if bless() {
        fs::write(&path, &now).unwrap();
        return;
    }
    assert!(commands > samples().len(), "{commands} commands");
    assert_eq!(readme, now, "the README is not what the tool prints; BLESS=1 writes it anew");
    let shown = samples().into_iter().filter(|sample| readme.contains(&format!("{}.jwt", sample.file)));
    assert_eq!(shown.count(), samples().len(), "every sample is shown");
}

//! The example `validate_token` as its users meet it.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tower_resource_server::test_util::{Defect, TestIssuer};

/// `cargo test` builds the examples next to this test.
pub(crate) fn path() -> PathBuf {
    let folder = env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().join("examples");
    let path = folder.join("validate_token");
    assert!(path.exists(), "{} is missing: build it with `cargo build --examples`", path.display());
    path
}

fn run(arguments: &[&str], input: &str) -> Output {
    let mut tool = Command::new(path())
        .args(arguments)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    let _ = tool.stdin.take().unwrap().write_all(input.as_bytes());
    tool.wait_with_output().unwrap()
}

/// An issuer, and its keys in a file of that name.
fn issuer_with_file(name: &str) -> (TestIssuer, String) {
    let issuer = TestIssuer::new();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, issuer.jwks().to_string()).unwrap();
    (issuer, path.to_str().unwrap().to_owned())
}

/// Of the secret of an API key.
const SECRET_HASH: &str = "36bb2fb71baaaa0bc039ca5c27cc3b6bfcbc5cf1bf841ef307a95b79b7d04357";

const AT: &str = "1700000000";

fn flags<'a>(keys: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    flags_at(AT, keys, more)
}

fn flags_at<'a>(at: &'a str, keys: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let trust = ["--issuer", TestIssuer::ISSUER, "--jwks-file", keys, "--at", at];
    trust.into_iter().chain(more.iter().copied()).collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const ACCESS: [&str; 4] = ["--profile", "rfc9068", "--audience", TestIssuer::AUDIENCE];

#[test]
fn an_api_key_is_named_and_an_unknown_one_is_not() {
    let (_, keys) = issuer_with_file("api_keys.jwks.json");
    let secret = "shop_4Zt1mRkq8PwY2vLxN0bHcA";
    let key = format!("billing={}", "c0ffee".repeat(10) + "c0ff");
    let good = format!("billing-2026={SECRET_HASH}");
    let arguments = [&ACCESS[..], &["--api-key", &key, "--api-key", &good]].concat();
    let output = run(&flags(&keys, &arguments), secret);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.starts_with("The credential is valid.") && said.contains("\"billing-2026\""), "{said}");
    let output = run(&flags(&keys, &arguments), "shop_AAAAAAAAAAAAAAAAAAAAAA");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("it is an API key of this server") && !said.contains("billing"), "{said}");
    let output = run(&flags(&keys, &[&ACCESS[..], &["--api-key", "billing"]].concat()), secret);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn the_exit_status_tells_valid_from_invalid_from_unknown() {
    let (issuer, keys) = issuer_with_file("exit.jwks.json");
    let good = issuer.access_token("alice").mint().unwrap();
    let id = issuer.id_token("alice").claim("nonce", "n").mint().unwrap();
    let expired = issuer.broken(Defect::Expired);
    let id_flags = ["--profile", "oidc-id-token", "--client-id", TestIssuer::CLIENT_ID];
    let jwt = ["--profile", "jwt", "--audience", "https://x.test", "--audience", TestIssuer::AUDIENCE];
    let with = |base: &[&'static str], more: &[&'static str]| [base, more].concat();
    for (name, arguments, token, status, said) in [
        ("good", ACCESS.to_vec(), &good, 0, "valid."),
        ("of any kind", jwt.to_vec(), &good, 0, "valid."),
        ("an ID token", id_flags.to_vec(), &id, 0, "The ID token is valid."),
        ("with its nonce", with(&id_flags, &["--nonce", "n"]), &id, 0, "valid."),
        ("with another nonce", with(&id_flags, &["--nonce", "m"]), &id, 1, "nonce is not the expected one."),
        ("expired", ACCESS.to_vec(), &expired, 1, "invalid: the token has expired."),
        ("no scope", with(&ACCESS, &["--scope", "a b"]), &good, 1, "a scope that this operation needs."),
        ("another algorithm", with(&ACCESS, &["--algorithms", "ES384,ES256"]), &good, 0, "valid."),
        ("no token", ACCESS.to_vec(), &String::new(), 1, "three parts"),
        (
            "brief",
            with(&ACCESS, &["--brief"]),
            &expired,
            1,
            "has expired.\nFAILED  claims     exp is after now",
        ),
    ] {
        let output = run(&flags(&keys, &arguments), &format!("{token}\n"));
        assert_eq!(output.status.code(), Some(status), "{name}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains(said), "{name}: {}", text(&output.stdout));
        assert!(!text(&output.stdout).contains('\u{1b}'), "{name}: no colours outside a terminal");
    }
    // It had an hour, which ended an hour ago.
    for (at, leeway, status) in
        [("1699996399", "0", 0), ("1699996400", "0", 1), ("1699996999", "600", 0), ("1699997000", "600", 1)]
    {
        let output = run(&flags_at(at, &keys, &with(&ACCESS, &["--leeway", leeway])), &expired);
        assert_eq!(output.status.code(), Some(status), "{at}: {}", text(&output.stdout));
    }
}

#[test]
fn the_token_comes_as_an_argument_or_on_standard_input() {
    let (issuer, keys) = issuer_with_file("input.jwks.json");
    let good = issuer.access_token("alice").mint().unwrap();
    for (name, argument, input) in [
        ("an argument", Some(good.as_str()), ""),
        ("standard input", None, good.as_str()),
        ("with white space around", None, &format!(" \r\n{good}\r\n")),
        ("a dash", Some("-"), &good),
    ] {
        let more: Vec<_> = ACCESS.into_iter().chain(argument).collect();
        let output = run(&flags(&keys, &more), input);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stdout));
    }
}

#[test]
fn json_is_for_programs() {
    let (issuer, keys) = issuer_with_file("json.jwks.json");
    let more: Vec<_> = ACCESS.into_iter().chain(["--json"]).collect();
    for (token, status, outcome, code) in [
        (issuer.access_token("alice").mint().unwrap(), 0, "valid", Value::Null),
        (issuer.broken(Defect::WrongAudience), 1, "invalid", json!("wrong_audience")),
    ] {
        let output = run(&flags(&keys, &more), &token);
        assert_eq!(output.status.code(), Some(status));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&json["outcome"], &json["code"]), (&json!(outcome), &code));
        assert_eq!((&json["token"], &json["issuer"]), (&json!("access"), &json!(TestIssuer::ISSUER)));
        assert_eq!(json["checked_at"], 1_700_000_000);
        let findings = json["findings"].as_array().unwrap();
        let audience = findings.iter().find(|finding| finding["claim"] == "aud").unwrap();
        let expected = match status {
            0 => json!({
                "stage": "claims", "rule": "aud names this resource server", "verdict": "passed", "claim": "aud",
                "shown": TestIssuer::AUDIENCE,
            }),
            _ => json!({
                "stage": "claims", "rule": "aud names this resource server", "verdict": "failed", "claim": "aud",
                "shown": "https://another-api.test", "code": "wrong_audience",
                "because": "the token is for another audience",
                "advice": "request the token for \"https://api.test\", or accept its audience here",
            }),
        };
        assert_eq!(*audience, expected);
        let subject = findings.iter().find(|finding| finding["claim"] == "sub").unwrap();
        assert_eq!(subject["shown"], json!({ "kind": "a string" }));
    }
}

#[test]
fn a_pem_file_serves_every_kid() {
    let (issuer, _) = issuer_with_file("pem.jwks.json");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("issuer.pem");
    fs::write(&path, issuer.token_issuer().signing_key().public_key_pem().unwrap()).unwrap();
    let pem = path.to_str().unwrap();
    let trust = ["--issuer", TestIssuer::ISSUER, "--pem", pem, "--algorithms", "ES256", "--at", AT];
    let arguments: Vec<_> = trust.into_iter().chain(ACCESS).collect();
    for (token, status) in [
        (issuer.access_token("alice").mint().unwrap(), 0),
        (issuer.broken(Defect::UnknownKid), 0),
        (issuer.broken(Defect::ForeignKey), 1),
    ] {
        assert_eq!(run(&arguments, &token).status.code(), Some(status));
    }
}

#[test]
fn a_requirement_is_met_or_each_leaf_that_is_not_is_named() {
    let (issuer, keys) = issuer_with_file("require.jwks.json");
    let token = issuer.access_token("alice").scope("orders:read").claim("acr", "silver");
    let token = token.claim("roles", ["boss"]).claim("realm", json!({"roles": ["clerk"]})).mint().unwrap();
    const EITHER: &str = "scope(orders:write) and acr(gold) or role(clerk)";
    let in_realm = ["--roles-claim", "/realm/roles"];
    let in_both = ["--roles-claim", "/realm/roles", "--roles-claim", "roles"];
    for (name, needed, more, status, said) in [
        ("met", "scope(orders:read) and acr(silver) or role(clerk)", &[][..], 0, &["valid."][..]),
        ("the other alternative", "scope(orders:write) or role(boss)", &[], 0, &["valid."]),
        (
            "unmet",
            EITHER,
            &[],
            1,
            &[
                "invalid: a stronger or fresher login is needed.",
                "alternative 1: scope(orders:write) is not met: the token has {\"orders:read\"}; acr(gold) is not met",
                "alternative 2: role(clerk) is not met: the token has [\"boss\"]",
            ],
        ),
        ("roles elsewhere", EITHER, &in_realm, 0, &["valid."]),
        ("only there", "role(boss)", &in_realm, 1, &["role(boss) is not met"]),
        ("in two places", "role(boss clerk)", &in_both, 0, &["valid."]),
        ("the names of members", "role(roles)", &["--roles-claim", "realm"], 0, &["valid."]),
    ] {
        let arguments = [&ACCESS[..], &["--require", needed], more].concat();
        let output = run(&flags(&keys, &arguments), &token);
        let text = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{name}: {text}");
        for said in said {
            assert!(text.contains(said), "{name}: {said}: {text}");
        }
    }
    for (name, wrong, said) in [
        ("a stray sign", "scope(a) &", "at character 10: `and` or `or` is expected here"),
        ("no end", "scope(a) and role(b", "at character 20: a `)` is missing here"),
        ("nothing", "", "at character 1: "),
    ] {
        let output = run(&flags(&keys, &[&ACCESS[..], &["--require", wrong]].concat()), &token);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {errors}");
        assert!(errors.contains(said) && errors.contains("--require"), "{name}: {errors}");
    }
}

#[test]
fn what_cannot_be_checked_ends_with_two() {
    let (issuer, keys) = issuer_with_file("two.jwks.json");
    let token = issuer.access_token("alice").mint().unwrap();
    let short = Path::new(env!("CARGO_TARGET_TMPDIR")).join("short-secret");
    fs::write(&short, "short").unwrap();
    let trust = format!("--issuer {} --jwks-file {keys}", TestIssuer::ISSUER);
    let api = format!("--audience {}", TestIssuer::AUDIENCE);
    // Port 1 of loopback: nothing listens there.
    let silent =
        format!("--issuer {} --jwks-uri http://127.0.0.1:1/ --allow-loopback-http", TestIssuer::ISSUER);
    for (name, line, said) in [
        ("no profile", format!("{trust} {api}"), "--profile"),
        ("a profile that is none", format!("--profile saml {trust} {api}"), "saml"),
        ("no audience", format!("--profile jwt {trust}"), "--audience is needed"),
        ("no issuer", format!("--profile jwt {api}"), "--issuer is needed"),
        ("no client", format!("--profile oidc-id-token {trust}"), "--client-id is needed"),
        ("a flag without meaning", format!("--profile jwt {trust} {api} --nonce n"), "--nonce means nothing"),
        (
            "an ID token without a place",
            format!("--profile jwt {trust} {api} --id-token x"),
            "--id-token means nothing",
        ),
        ("SCEYT without a key", "--profile sceyt --tenant a".to_owned(), "--pem is needed"),
        ("MCA without a server", "--profile mobile-client-access --tenant a".to_owned(), "--server-url is needed"),
        ("App ID without a tenant", "--profile app-id --server-url eu-de".to_owned(), "--tenant is needed"),
        (
            "Layer without a secret",
            "--profile layer --issuer 1 --kid 1 --pem examples/validate_token/samples/issuer.pem".to_owned(),
            "--nonce-secret is needed",
        ),
        (
            "a secret that is none",
            "--profile layer --issuer 1 --kid 1 --pem examples/validate_token/samples/issuer.pem --nonce-secret "
                .to_owned()
                + short.to_str().unwrap(),
            "at least 32",
        ),
        ("two places for keys", format!("--profile jwt {trust} {api} --pem x"), "--pem"),
        (
            "no such file",
            format!("--profile jwt --issuer i {api} --jwks-file /nowhere/keys"),
            "/nowhere/keys",
        ),
        (
            "no keys in the file",
            format!("--profile jwt --issuer i {api} --jwks-file Cargo.toml"),
            "Cargo.toml",
        ),
        ("no PEM", format!("--profile jwt --issuer i {api} --pem Cargo.toml"), "Cargo.toml"),
        ("http", format!("--profile jwt --issuer http://login.example {api}"), "\n  - issuer"),
        ("too much leeway", format!("--profile jwt {trust} {api} --leeway 601"), "\n  - issuer"),
        (
            "a claim for roles that is no path",
            format!("--profile jwt {trust} {api} --roles-claim /a~2"),
            "\n  - issuer",
        ),
        (
            "roles of an ID token",
            format!("--profile oidc-id-token {trust} --client-id c --roles-claim roles"),
            "--roles-claim means nothing",
        ),
        (
            "a requirement on an ID token",
            format!("--profile oidc-id-token {trust} --client-id c --require role(a)"),
            "--require means nothing",
        ),
        ("brief JSON", format!("--profile jwt {trust} {api} --json --brief"), "--brief"),
        ("keys that cannot be had", format!("--profile jwt {silent} {api} --at {AT}"), "no keys: "),
    ] {
        let arguments: Vec<_> = line.split(' ').collect();
        let output = run(&arguments, &token);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {errors}{}", text(&output.stdout));
        assert!(errors.contains(said), "{name}: {errors}");
    }
    // What is certain without keys is said without them.
    let line = format!("--profile jwt {silent} {api}");
    let output = run(&line.split(' ').collect::<Vec<_>>(), &token);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("?       signature"), "{}", text(&output.stdout));
}

#[test]
fn the_help_names_every_flag_and_profile() {
    let help = run(&["--help"], "");
    assert_eq!(help.status.code(), Some(0));
    let help = text(&help.stdout);
    for word in [
        "--id-token",
        "--profile",
        "--issuer",
        "--audience",
        "--client-id",
        "--nonce",
        "--tenant",
        "--server-url",
        "--nonce-secret",
        "--kid",
        "--jwks-uri",
        "--jwks-file",
        "--pem",
        "--algorithms",
        "--scope",
        "--require",
        "--roles-claim",
        "--leeway",
        "--at",
        "--allow-loopback-http",
        "--brief",
        "--json",
        "jwt",
        "rfc9068",
        "oidc-id-token",
        "mobile-client-access",
        "app-id",
        "layer",
        "sceyt",
        "Exit status",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

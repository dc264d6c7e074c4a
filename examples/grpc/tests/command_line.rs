//! The binary as scripts see it.
#![allow(clippy::unwrap_used)] // also in the helpers of tests

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use tower_resource_server::issuer::{SigningKey, TokenIssuer};
use tower_resource_server::keys::Algorithm;

fn grpc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_grpc")).args(arguments).output().unwrap()
}

#[test]
fn without_arguments_it_shows_a_conversation_and_ends() {
    let output = grpc(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let codes: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("< ")).collect();
    let expected = [
        "UNAUTHENTICATED ",
        "www-authenticate: Bearer ",
        "OK ",
        "\"Hello, alice!\"",
        "UNAUTHENTICATED ",
        "www-authenticate: Bearer error=\"invalid_token\"",
        "PERMISSION_DENIED ",
        "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"greeter:write\"",
        "OK ",
        "\"Good day\"",
        "OK ",
        "\"Good day, alice!\"",
    ];
    assert_eq!(codes.len(), expected.len(), "{text}");
    for (line, beginning) in codes.iter().zip(expected) {
        assert!(line.starts_with(beginning), "{line:?} should begin with {beginning:?}");
    }
}

#[test]
fn a_call_without_an_answer_is_a_line_of_json_and_no_failure() {
    // Port 1 of loopback: nothing listens there.
    let output = grpc(&["call", "--address", "http://127.0.0.1:1", "--method", "set-greeting"]);
    assert!(output.status.success());
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((line["code"].as_str(), line["reply"].is_null()), (Some("UNAVAILABLE"), true), "{line}");
    assert!(line["message"].is_string() && line["metadata"].is_object(), "{line}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (arguments, status) in [
        (&["serve"][..], 2),
        (&["serve", "--issuer", "https://login.example"], 2),
        (&["serve", "--audience", "a"], 2),
        (&["call"], 2),
        (&["call", "--address", "http://127.0.0.1:1", "--method", "nope"], 2),
        (&["call", "--address", "no address"], 1),
        (&["call", "--address", "127.0.0.1:1"], 1),
        (&["call", "--address", "https://127.0.0.1:1"], 1),
        (&["call", "--address", "http://127.0.0.1:1", "--token", "a\nb"], 1),
        (&["serve", "--issuer", "http://login.example", "--audience", "a"], 1),
    ] {
        let output = grpc(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

/// Ends with the test, whatever becomes of it.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(unix)]
fn serve_guards_against_the_issuer_of_its_flags_and_ends_on_sigterm() {
    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256).unwrap())
        .default_audience("https://api.example")
        .build()
        .unwrap();
    let keys = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve.jwks.json");
    fs::write(&keys, issuer.jwks().to_string()).unwrap();
    let arguments = "serve --listen 127.0.0.1:0 --issuer https://login.example --audience https://api.example \
                     --token-type at+jwt --scope greet --jwks-file";
    let mut server = Command::new(env!("CARGO_BIN_EXE_grpc"))
        .args(arguments.split_whitespace())
        .arg(&keys)
        .stdout(Stdio::piped())
        .spawn()
        .map(Server)
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ").unwrap();

    let token = |scopes: &str| issuer.access_token("alice").client_id("web").scope(scopes).mint().unwrap();
    let id_token = issuer.id_token("alice", "https://api.example").mint().unwrap();
    for (name, token, code) in [
        ("the scope is there", token("greet"), "OK"),
        ("the scope is missing", token("read"), "PERMISSION_DENIED"),
        ("an ID token for the API", id_token, "UNAUTHENTICATED"),
    ] {
        let output = grpc(&["call", "--address", address, "--token", &token]);
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((line["code"].as_str(), output.status.success()), (Some(code), true), "{name}: {line}");
    }

    let id = server.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}

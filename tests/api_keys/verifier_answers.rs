//! What becomes of an answer of the application's verifier: the identity, requirements on it, explanations, settings.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tower_resource_server::{
    CacheSettings, Credential, CredentialError, CredentialVerifierSettings, OpaqueCredential, ResourceServer,
    Verification, VerifiedCredential,
    explain::{Outcome, Verdict},
    policy::{Requirement, acr, actor_is, amr, client, issuer, max_age, not_delegated, role, scope},
    test_util::TestIssuer,
};

use crate::site::builder;

/// A server whose verifier gives one answer to everything that begins with `good`.
fn server(issuer: &TestIssuer, answer: VerifiedCredential) -> ResourceServer {
    let verifier = move |credential: OpaqueCredential<'_>| match credential.text() {
        text if text.starts_with("good") => Verification::from(Ok(answer.clone())),
        text if text.starts_with("gone") => Err(CredentialError::Unavailable).into(),
        _ => Verification::wait(async { Err(CredentialError::Refused) }),
    };
    builder(issuer).credential_verifier(verifier).build().unwrap()
}

fn claims(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn an_identity_has_what_the_verifier_says() {
    let site = TestIssuer::new();
    let login = site.now().saturating_sub(Duration::from_secs(100)).as_secs();
    let ends = site.now().saturating_add(Duration::from_secs(60));
    let answer = VerifiedCredential::new("alice")
        .issuer("https://other.test")
        .client("web")
        .scopes("read  list")
        .roles(["clerk"])
        .expires_at(ends)
        .claims(claims(json!({
            "acr": "gold", "amr": ["pwd", "otp"], "auth_time": login, "org": { "id": "shop" }, "sub": "mallory",
            "scope": "admin", "roles": ["manager"], "exp": 1, "act": { "sub": "agent" },
        })));
    let api = server(&site, answer);
    let who = api.verify_now("good").unwrap();
    assert_eq!((who.subject(), who.issuer(), who.client_id()), ("alice", "https://other.test", Some("web")));
    assert_eq!(
        (who.scopes().collect::<Vec<_>>(), who.roles()),
        (vec!["read", "list"], vec!["clerk".to_owned()])
    );
    assert_eq!((who.expires_at(), who.valid_until()), (Some(ends), Some(ends)));
    assert_eq!((who.credential(), who.actor().as_deref()), (Credential::Verifier, Some("agent")));
    assert_eq!((who.claim("/org/id"), who.claim("none")), (Some(json!("shop")), None));
    assert!(who.access_token().is_none() && who.id_token().is_none() && who.raw_access_token().is_none());
    for (required, met) in [
        (scope("read list"), true),
        (scope("admin"), false),
        (role("clerk"), true),
        (role("manager"), false),
        (client(["web"]), true),
        (issuer("https://other.test"), true),
        (issuer("https://api.test"), false),
        (acr(["gold"]), true),
        (acr(["silver"]), false),
        (amr(["otp"]), true),
        (max_age(Duration::from_secs(100)), true),
        (max_age(Duration::from_secs(99)), false),
        (not_delegated(), false),
        (actor_is(["agent"]), true),
        (Requirement::claim("/org/id").equals("shop"), true),
    ] {
        assert_eq!(who.require(&required).is_ok(), met, "{required}");
    }
    let shown = format!("{who:?}");
    assert!(!shown.contains("alice") && !shown.contains("shop\""), "{shown}");
}

#[test]
fn an_answer_that_is_no_identity_lets_nothing_in() {
    let site = TestIssuer::new();
    let now = site.now();
    let who = || VerifiedCredential::new("alice");
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
    let with = |value: Value| who().claims(claims(value));
    let reserved = "$serde_json::private::RawValue";
    for (name, answer, code) in [
        ("good", who(), None),
        ("not expired", who().expires_at(now.saturating_add(Duration::from_secs(1))), None),
        ("expired now", who().expires_at(now), Some("expired")),
        ("expired", who().expires_at(now.saturating_sub(Duration::from_secs(9))), Some("expired")),
        ("no subject", VerifiedCredential::new(""), Some("verifier_unavailable")),
        ("no issuer", who().issuer(""), Some("verifier_unavailable")),
        ("bound to its sender", with(json!({ "cnf": { "jkt": "x" } })), Some("sender_constrained")),
        ("bound to nothing", with(json!({ "cnf": null })), None),
        ("32 levels", with(nested(32)), None),
        ("33 levels", with(nested(33)), Some("verifier_unavailable")),
        ("16 KiB of claims", with(json!({ "a": "x".repeat(16 * 1024 - 8) })), None),
        ("beyond 16 KiB", with(json!({ "a": "x".repeat(16 * 1024 - 7) })), Some("verifier_unavailable")),
        ("a reserved name", with(json!({ reserved: "{}" })), Some("verifier_unavailable")),
        ("a reserved name within", with(json!({ "a": [{ reserved: "{}" }] })), Some("verifier_unavailable")),
    ] {
        let refused = server(&site, answer).verify_now("good").err();
        assert_eq!(refused.map(|refused| refused.reason().code()), code, "{name}");
    }
}

#[tokio::test]
async fn explanations_agree_with_verification() {
    let site = TestIssuer::new();
    let servers = [
        server(&site, VerifiedCredential::new("alice")),
        server(&site, VerifiedCredential::new("alice").expires_at(site.now())),
        server(&site, VerifiedCredential::new("")),
    ];
    for (n, api) in servers.iter().enumerate() {
        for credential in ["good", "gone", "bad", "a.b.c", "eyJ.a"] {
            let (explained, verified) =
                (api.explain(credential).await, api.verify_access_token(credential).await);
            let reason = verified.err().map(|refused| refused.reason().clone());
            assert_eq!(explained.reason, reason, "{n}, {credential}");
            if let Some(row) = explained.findings.iter().find(|row| row.rule.contains("verifier")) {
                let expected = match explained.outcome() {
                    Outcome::Valid => Verdict::Passed,
                    Outcome::Unchecked => Verdict::Unchecked,
                    _ => Verdict::Failed,
                };
                assert_eq!(row.verdict, expected, "{n}, {credential}");
            }
        }
    }
    let text = servers[0].explain("gone").await.to_string();
    assert!(
        text.starts_with("The credential could not be checked: the credential cannot be verified"),
        "{text}"
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let site = TestIssuer::new();
    let settings = CredentialVerifierSettings::default;
    let second = Duration::from_secs(1);
    for (name, settings, cache, code) in [
        ("default", settings(), 1 << 20, None),
        ("remembered for 5 min", settings().remember(second * 300), 1 << 20, None),
        ("longer", settings().remember(second * 301), 1 << 20, Some("remember")),
        ("remembered without a cache", settings().remember(second), 0, Some("no_cache")),
        ("no bytes", settings().max_bytes(0), 0, Some("zero")),
        ("no time", settings().deadline(Duration::ZERO), 0, Some("zero")),
        ("no space", settings().max_waiting(0), 0, Some("zero")),
        ("as long as tokens", settings().max_bytes(16 * 1024), 0, None),
        ("longer than tokens", settings().max_bytes(16 * 1024 + 1), 0, Some("max_bytes")),
    ] {
        let built = builder(&site)
            .credential_verifier(|_: OpaqueCredential<'_>| Verification::Done(Err(CredentialError::Refused)))
            .credential_verifier_settings(settings)
            .cache(CacheSettings::default().max_bytes(cache))
            .build();
        let found = built
            .err()
            .map(|error| error.problems().iter().map(|problem| problem.code()).collect::<Vec<_>>());
        assert_eq!(found, code.map(|code| vec![code]), "{name}");
    }
}

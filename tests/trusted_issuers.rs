//! What may be said of one issuer: several kinds of access token, audiences and clients of its own, and
//! one knob of a preset.
#![cfg(all(feature = "remote", feature = "test-util"))]
#![allow(clippy::unwrap_used, reason = "tests stop where they are wrong")]

use std::time::Duration;

use serde_json::json;
use tower_resource_server::{
    ResourceServer, ResourceServerBuilder, TrustedIssuer,
    error::ConfigError,
    issuer::TokenBuilder,
    keys::{Algorithm, KeySet, VerifyingKey},
    policy::{claim, header},
    preset::{auth0, entra, keycloak},
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

fn idp() -> TestIssuer {
    TestIssuer::builder().issuer("https://idp.test").audience("https://api.test").build()
}

fn server(issuer: &TestIssuer, trusted: TrustedIssuer) -> ResourceServerBuilder {
    ResourceServer::builder(issuer.audience()).issuer(trusted).clock(issuer.clock().clone())
}

/// The subject, or the code of the reason against the token; explain says the same.
async fn subject(api: &ResourceServer, token: &str) -> Result<String, &'static str> {
    let verified = api.verify_access_token(token).await;
    assert_eq!(api.explain(token).await.is_valid(), verified.is_ok());
    verified.map(|who| who.subject().to_owned()).map_err(|rejection| rejection.reason().code())
}

/// Users by RFC 9068, machines without a subject, and the tokens of a job that live for long.
fn three_kinds(issuer: &TestIssuer) -> TrustedIssuer {
    let machines = TokenProfile::jwt()
        .without_rules_on("sub")
        .subject_claims(["client_id"])
        .rule(claim("client_id").one_of(["billing", "reports"]));
    let jobs = TokenProfile::rfc9068().rule(claim("exp").ends_lifetime(Duration::from_secs(3_000), None));
    issuer
        .trusted()
        .access_tokens_where([claim("gty").equals("client-credentials")], machines)
        .access_tokens_where([claim("job").present(), claim("gty").absent()], jobs)
}

#[tokio::test]
async fn one_issuer_has_several_kinds_of_access_token() {
    let issuer = idp();
    let api = server(&issuer, three_kinds(&issuer)).build().unwrap();
    let user = || issuer.access_token("alice");
    let machine = |client: &str| {
        let token = user().without("sub").without("jti").without_header("typ");
        token.claim("gty", "client-credentials").claim("client_id", client)
    };
    let long = || user().lifetime(Duration::from_secs(3_600));
    let rows: [(&str, TokenBuilder, Result<&str, &str>); 12] = [
        ("a user", user(), Ok("alice")),
        ("a machine", machine("billing"), Ok("billing")),
        ("another machine", machine("reports"), Ok("reports")),
        ("a machine that is not listed", machine("mallory"), Err("invalid_claim")),
        ("a user without a subject is no machine", user().without("sub"), Err("missing_claim")),
        ("a machine's claims without what marks it", machine("billing").without("gty"), Err("wrong_type")),
        ("a mark with another value", machine("billing").claim("gty", "password"), Err("wrong_type")),
        ("a mark of another type", machine("billing").claim("gty", 7), Err("wrong_type")),
        (
            "a kind that is chosen does not fall back",
            user().claim("job", "nightly"),
            Err("lifetime_out_of_bounds"),
        ),
        ("the third kind", long().claim("job", "nightly"), Ok("alice")),
        ("the first of two that fit", machine("billing").claim("job", "nightly"), Ok("billing")),
        (
            "every kind is for this audience",
            machine("billing").claim("aud", "https://other.test"),
            Err("wrong_audience"),
        ),
    ];
    for (name, token, expected) in rows {
        assert_eq!(subject(&api, &token.mint().unwrap()).await, expected.map(str::to_owned), "{name}");
    }
    let expired = issuer.broken_from(&machine("billing"), Defect::Expired);
    assert_eq!(subject(&api, &expired).await, Err("expired"));
    let forged = issuer.broken_from(&machine("billing"), Defect::TamperedSignature);
    assert_eq!(subject(&api, &forged).await, Err("invalid_signature"));
}

/// Which kind a token is does not depend on the cache: a hit gives what the miss gave.
#[tokio::test]
async fn promise_6_a_hit_is_of_the_same_kind() {
    let issuer = idp();
    let api = server(&issuer, three_kinds(&issuer)).build().unwrap();
    let token = issuer.access_token("alice").without("sub").claim("gty", "client-credentials");
    let token = token.claim("client_id", "billing").mint().unwrap();
    for _ in 0..3 {
        assert_eq!(subject(&api, &token).await.as_deref(), Ok("billing"));
    }
    assert!(api.try_verify_cached(&token).is_some());
}

/// A token is of one kind for as long as it is remembered, so no rule that chooses depends on the moment.
#[test]
fn promise_6_no_kind_is_chosen_by_time() {
    let issuer = idp();
    let minute = Duration::from_secs(60);
    let rows = [
        ("at most so old", claim("iat").within_last(minute)),
        ("not ended", claim("exp").after_now()),
        ("begun", claim("nbf").not_before()),
        ("issued", claim("iat").not_in_future()),
        ("issued, if it says so", claim("iat").not_in_future().if_present()),
        ("as recent as is asked for", claim("auth_time").within_max_age()),
    ];
    for (name, rule) in rows {
        let kinds = issuer.trusted().access_tokens_where([claim("a").present(), rule], TokenProfile::jwt());
        let error = server(&issuer, kinds).build().unwrap_err();
        let found: Vec<_> = error.problems().iter().map(|problem| (problem.path(), problem.code())).collect();
        assert_eq!(found, [("issuers[0]", "time_rule")], "{name}: {error}");
    }
    let ends = claim("exp").ends_lifetime(Duration::ZERO, Some(minute));
    for (name, rule) in [("how long it lives", ends), ("a date", claim("iat").numeric_date())] {
        let kinds = issuer.trusted().access_tokens_where([rule], TokenProfile::jwt());
        assert!(server(&issuer, kinds).build().is_ok(), "{name}: it is the same whenever it is asked");
    }
}

/// The rules of a kind see `null` as its profile does, with a cache and without.
#[tokio::test]
async fn promise_6_a_claim_that_is_null_chooses_as_the_kind_says() {
    let issuer = idp();
    let machines = |is: bool| {
        TokenProfile::jwt().without_rules_on("sub").subject_claims(["client_id"]).null_is_absent(is)
    };
    let api = |base: bool, kind: bool| {
        let issuer_of_both = issuer
            .trusted()
            .map_profile(|profile| profile.null_is_absent(base))
            .access_tokens_where([claim("sub").absent()], machines(kind));
        server(&issuer, issuer_of_both).build().unwrap()
    };
    let null = issuer.access_token("alice").claim("sub", json!(null)).claim("client_id", "billing");
    type Row<'a> = (&'a str, TokenBuilder, [bool; 2], Result<&'a str, &'a str>);
    let rows: [Row<'_>; 6] = [
        ("null, for both absent", null.clone(), [true, true], Ok("billing")),
        ("null, for the kind absent", null.clone(), [false, true], Ok("billing")),
        ("null, for the first absent", null.clone(), [true, false], Err("missing_claim")),
        ("null, for none absent", null.clone(), [false, false], Err("invalid_claim")),
        ("absent", null.without("sub"), [true, true], Ok("billing")),
        ("there", issuer.access_token("alice"), [true, true], Ok("alice")),
    ];
    for (name, token, [base, kind], expected) in rows {
        let (api, token) = (api(base, kind), token.mint().unwrap());
        for asked in ["a miss", "a hit"] {
            assert_eq!(subject(&api, &token).await, expected.map(str::to_owned), "{name}, {asked}");
        }
        assert_eq!(api.try_verify_cached(&token).is_some(), expected.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn promise_7_audiences_are_those_of_the_issuer() {
    let issuer = idp();
    let own = issuer.trusted().audience("urn:shop").audience("urn:shop:admin");
    let api = server(&issuer, own).audience("https://also.test").build().unwrap();
    for (name, audience, accepted) in [
        ("its own", "urn:shop", true),
        ("its second", "urn:shop:admin", true),
        ("the server's", "https://api.test", false),
        ("the server's second", "https://also.test", false),
    ] {
        let token = issuer.access_token("alice").claim("aud", audience).mint().unwrap();
        assert_eq!(api.verify_access_token(&token).await.is_ok(), accepted, "{name}");
    }
    let shared = server(&issuer, issuer.trusted()).audience("https://also.test").build().unwrap();
    let token = issuer.access_token("alice").claim("aud", "https://also.test").mint().unwrap();
    assert!(shared.verify_access_token(&token).await.is_ok(), "an issuer without audiences has the server's");
}

#[tokio::test]
async fn promise_7_an_id_token_is_for_one_of_several_clients() {
    let issuer = idp();
    let several = server(&issuer, issuer.trusted()).client_id("web").client_id("mobile").build().unwrap();
    let own = server(&issuer, issuer.trusted().client_id("desktop")).client_id("web").build().unwrap();
    for (name, api, client, accepted) in [
        ("the first", &several, "web", true),
        ("the second", &several, "mobile", true),
        ("another", &several, "desktop", false),
        ("the issuer's", &own, "desktop", true),
        ("the server's, where the issuer has its own", &own, "web", false),
    ] {
        let token = issuer.id_token("alice").claim("aud", client).mint().unwrap();
        let verified = api.verify_id_token(&token, Default::default()).await;
        assert_eq!(verified.is_ok(), accepted, "{name}");
    }
}

/// A knob that is turned keeps what the preset knows of its provider.
#[tokio::test]
async fn map_profile_keeps_the_rules_of_a_preset() {
    let leeway = |profile: TokenProfile| profile.leeway(Duration::from_secs(5));
    for (name, preset, changed) in [
        ("auth0", auth0::tenant("t.auth0.test"), auth0::tenant("t.auth0.test").map_profile(leeway)),
        ("entra", entra::v2("6babcaad-604b-40ac-a9d7-9fd97c0b779f"), {
            entra::v2("6babcaad-604b-40ac-a9d7-9fd97c0b779f").map_profile(leeway)
        }),
        ("keycloak", keycloak::realm("https://kc.test", "shop"), {
            keycloak::realm("https://kc.test", "shop").map_profile(leeway)
        }),
    ] {
        let rules = async |trusted: TrustedIssuer| {
            let api = ResourceServer::builder("https://api.test").issuer(trusted).build().unwrap();
            // An empty payload fails each rule that something must be there, and explain lists them.
            let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.AA";
            let explained = api.explain(token).await;
            explained.findings.iter().map(|finding| finding.rule.to_string()).collect::<Vec<_>>()
        };
        let (before, after) = (rules(preset).await, rules(changed).await);
        assert!(before.len() > 8, "{name}: {before:?}");
        assert_eq!(before, after, "{name}");
    }
}

#[test]
fn each_problem_has_a_path_a_code_and_what_to_write_instead() {
    let ed25519 = || VerifyingKey::from_ed25519_bytes(&[7; 32]).unwrap().with_kid("a");
    let keys = || KeySet::from_keys([ed25519()]);
    let issuer = |name: &str| TrustedIssuer::with_keys(name, keys(), TokenProfile::jwt());
    let api = || ResourceServer::builder("https://api.test").issuer(issuer("https://one.test"));
    let hmac = TokenProfile::jwt().algorithms([Algorithm::HS256]);
    let rows: [(&str, ResourceServerBuilder, &str, &str); 15] = [
        ("no issuer", ResourceServer::builder("https://api.test"), "issuers", "no_issuer"),
        ("no name", ResourceServer::builder("").issuer(issuer("https://one.test")), "resource", "empty"),
        ("twice", api().issuer(issuer("https://one.test")), "issuers[1]", "twice"),
        ("an empty audience of an issuer", api().issuer(issuer("b").audience("")), "audience", "empty"),
        (
            "an empty client of an issuer",
            api().issuer(issuer("b").client_id("a").client_id("")).client_id("a"),
            "client_id",
            "empty",
        ),
        (
            "a kind without rules",
            api().issuer(issuer("b").access_tokens_where([], TokenProfile::jwt())),
            "issuers[1]",
            "no_rules",
        ),
        (
            "a kind that a header marks",
            api().issuer(issuer("b").access_tokens_where([header("kind").equals("x")], TokenProfile::jwt())),
            "issuers[1]",
            "header_rule",
        ),
        (
            "a kind of recent tokens",
            api().issuer(issuer("b").access_tokens_where([claim("exp").after_now()], TokenProfile::jwt())),
            "issuers[1]",
            "time_rule",
        ),
        (
            "a kind that no claim can mark",
            api().issuer(issuer("b").access_tokens_where([claim("/a~2b").present()], TokenProfile::jwt())),
            "issuers[1]",
            "invalid_setting",
        ),
        (
            "a kind without an end",
            api().issuer(
                issuer("b")
                    .access_tokens_where([claim("x").present()], TokenProfile::jwt().without_rules_on("exp")),
            ),
            "issuers[1].access_tokens_where[0]",
            "profile",
        ),
        (
            "a kind that names issuers otherwise",
            api().issuer(issuer("b").access_tokens_where(
                [claim("x").present()],
                TokenProfile::jwt().issuer_by_last_segment(true),
            )),
            "issuers[1]",
            "different_names",
        ),
        (
            "a kind for which no key fits",
            api().issuer(issuer("b").access_tokens_where([claim("x").present()], hmac.clone())),
            "issuers[1]",
            "no_fitting_key",
        ),
        (
            "no key",
            api().issuer(TrustedIssuer::with_keys("b", KeySet::default(), TokenProfile::jwt())),
            "issuers[1]",
            "no_key",
        ),
        (
            "http",
            api().issuer(TrustedIssuer::discover("http://idp.test", TokenProfile::jwt())),
            "issuers[1]",
            "address",
        ),
        (
            "hmac from the network",
            api().issuer(TrustedIssuer::discover("https://idp.test", hmac)),
            "issuers[1]",
            "hmac",
        ),
    ];
    for (name, builder, path, code) in rows {
        let error: ConfigError = builder.build().unwrap_err();
        let found: Vec<_> = error.problems().iter().map(|problem| (problem.path(), problem.code())).collect();
        assert_eq!(found, [(path, code)], "{name}: {error}");
        let instead = error.problems()[0].instead();
        assert!(instead.is_some_and(|instead| instead.len() > 8), "{name}: {error}");
    }
}

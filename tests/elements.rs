//! One element of an array is one value: nothing that is looked for is found in a part of one.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, reason = "tests stop where they are wrong")]

use serde_json::{Value, json};
use tower_resource_server::{
    Identity, ResourceServer, policy::claim, profile::TokenProfile, test_util::TestIssuer,
};

/// The identity of a good token with this claim, or the code of the reason against it.
async fn verify(profile: TokenProfile, name: &str, value: Value) -> Result<Identity, &'static str> {
    let issuer = TestIssuer::new();
    let token = issuer.access_token("alice").claim(name, value).mint().unwrap();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted().map_profile(|_| profile))
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    api.verify_access_token(&token).await.map_err(|rejection| rejection.reason().code())
}

#[tokio::test]
async fn promise_4_a_scope_in_an_array_is_one_element() {
    for (name, value, expected) in [
        ("a list in a string", json!("orders:read admin"), "orders:read admin"),
        ("two elements", json!(["orders:read", "admin"]), "orders:read admin"),
        ("a list in an element", json!(["orders:read admin"]), ""),
        ("a list beside a scope", json!(["orders:read admin", "profile"]), "profile"),
        ("a list that begins with a space", json!([" admin"]), ""),
        ("a list that ends with a space", json!(["admin "]), ""),
        ("nothing in an element", json!(["", " ", "profile"]), "profile"),
        ("other white space is part of a scope", json!(["orders:read\tadmin"]), "orders:read\tadmin"),
        ("no element", json!([]), ""),
    ] {
        for claim_name in ["scope", "roles", "https://api.test/scopes"] {
            let profile = TokenProfile::rfc9068().scope_claims([claim_name]);
            let who = verify(profile, claim_name, value.clone()).await.unwrap();
            assert_eq!(who.scopes().collect::<Vec<_>>().join(" "), expected, "{name}, {claim_name}");
            let admin = who.has_scope("admin");
            assert_eq!(admin, expected.split(' ').any(|scope| scope == "admin"), "{name}, {claim_name}");
        }
    }
}

#[tokio::test]
async fn promise_4_an_element_is_compared_as_a_whole() {
    for claim_name in ["roles", "groups", "amr", "permissions"] {
        for (name, value, any, all) in [
            ("both", json!(["admin", "clerk"]), true, true),
            ("one of them", json!(["admin"]), true, false),
            ("both in one element", json!(["admin clerk"]), false, false),
            ("one in an element with more", json!(["admin clerk", "clerk"]), true, false),
            ("both in a string", json!("admin clerk"), false, false),
            ("both in a string, with a comma", json!("admin,clerk"), false, false),
            ("a space behind", json!(["admin "]), false, false),
            ("one as a string", json!("admin"), true, false),
        ] {
            let wanted = ["admin", "clerk"];
            for (rule, expected) in
                [(claim(claim_name).contains_any(wanted), any), (claim(claim_name).contains_all(wanted), all)]
            {
                let words = rule.to_string();
                let verified = verify(TokenProfile::rfc9068().rule(rule), claim_name, value.clone()).await;
                assert_eq!(
                    verified.map(drop),
                    expected.then_some(()).ok_or("invalid_claim"),
                    "{name}: {words}"
                );
            }
        }
    }
}

#[tokio::test]
async fn promise_4_an_audience_is_compared_as_a_whole() {
    let api = TestIssuer::new().audience().to_owned();
    for (name, value, expected) in [
        ("one of several", json!(["https://other.test", api]), Ok(())),
        ("a list in an element", json!([format!("{api} https://other.test")]), Err("wrong_audience")),
        ("a list in a string", json!(format!("https://other.test {api}")), Err("wrong_audience")),
        ("a space behind", json!([format!("{api} ")]), Err("wrong_audience")),
        ("a list of clients", json!(["web mobile"]), Err("wrong_audience")),
    ] {
        for profile in [
            TokenProfile::rfc9068(),
            TokenProfile::rfc9068()
                .without_rules_on("aud")
                .rule(claim("aud").contains_any(["web", api.as_str()]).binds_token()),
        ] {
            let verified = verify(profile, "aud", value.clone()).await;
            assert_eq!(verified.map(drop), expected, "{name}");
        }
    }
}

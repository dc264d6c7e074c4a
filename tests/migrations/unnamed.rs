//! An issuer whose tokens do not name one.

use serde_json::json;
use tower_resource_server::{
    IdTokenExpectations, ResourceServer, TrustedIssuer,
    issuer::SigningKey,
    keys::{Algorithm, KeySet, VerifyingKey},
    policy::claim,
    profile::TokenProfile,
};

use crate::{AUDIENCE, ISSUER, Provider, Site, fetched, key};

const OTHER: &str = "https://other.test";

fn trusted(name: &str, key: &SigningKey) -> TrustedIssuer {
    let public = VerifyingKey::from_jwk(&key.public_jwk().unwrap().to_string()).unwrap();
    TrustedIssuer::with_keys(name, KeySet::from_keys([public]), TokenProfile::rfc9068())
}

impl Site {
    /// A token of this key, with this `iss` or without one.
    fn naming(&self, iss: Option<serde_json::Value>, key: &SigningKey) -> String {
        let token = self.mint.access_token("alice").signed_with(key).unique();
        let token = match iss {
            Some(iss) => token.claim("iss", iss),
            None => token.without("iss"),
        };
        token.mint().unwrap()
    }

    /// The issuer of a token, or the code of the reason against it.
    async fn issuer_of(&self, token: &str) -> Result<String, &'static str> {
        let verified = self.api.verify_access_token(token).await;
        verified.map(|who| who.issuer().to_string()).map_err(|refused| refused.reason().code())
    }
}

#[tokio::test]
async fn tokens_without_an_issuer_are_those_of_the_one_that_is_configured_so() {
    let (own, others) = (key(Algorithm::ES256, "own"), key(Algorithm::ES256, "other"));
    let alone = || Site::new([trusted("billing", &own).tokens_without_issuer(true)]);
    let beside =
        || Site::new([trusted(OTHER, &others), trusted("billing", &own).tokens_without_issuer(true)]);
    let off = || Site::new([trusted("billing", &own).tokens_without_issuer(false)]);
    let (billing, other) = (|| Ok("billing".to_owned()), || Ok(OTHER.to_owned()));
    for (name, site, iss, by, expected) in [
        ("no iss", alone(), None, &own, billing()),
        ("its name", alone(), Some(json!("billing")), &own, billing()),
        ("another name", alone(), Some(json!(OTHER)), &own, Err("untrusted_issuer")),
        ("an empty name", alone(), Some(json!("")), &own, Err("untrusted_issuer")),
        ("its name and more", alone(), Some(json!("billing/")), &own, Err("untrusted_issuer")),
        ("null", alone(), Some(json!(null)), &own, Err("invalid_claim")),
        ("an array of its name", alone(), Some(json!(["billing"])), &own, Err("invalid_claim")),
        ("a number", alone(), Some(json!(7)), &own, Err("invalid_claim")),
        ("no iss, another key", alone(), None, &others, Err("unknown_key")),
        ("not configured so", off(), None, &own, Err("missing_claim")),
        ("beside another: no iss", beside(), None, &own, billing()),
        ("beside another: no iss, its key", beside(), None, &others, Err("unknown_key")),
        ("beside another: its iss, its key", beside(), Some(json!(OTHER)), &others, other()),
        (
            "beside another: its iss, the key of this one",
            beside(),
            Some(json!(OTHER)),
            &own,
            Err("unknown_key"),
        ),
        ("beside another: this iss, its key", beside(), Some(json!("billing")), &others, Err("unknown_key")),
    ] {
        let token = site.naming(iss, by);
        assert_eq!(site.issuer_of(&token).await, expected, "{name}");
        assert_eq!(site.issuer_of(&token).await, expected, "{name}: again");
        let explanation = site.api.explain(&token).await;
        let reason = explanation.reason.as_ref().map(|reason| reason.code());
        assert_eq!(reason, expected.err(), "{name}: {explanation}");
    }
}

#[tokio::test]
async fn every_other_rule_holds_for_them() {
    let own = key(Algorithm::ES256, "own");
    let site = Site::new([trusted("billing", &own).tokens_without_issuer(true)]);
    let token = || site.mint.access_token("alice").signed_with(&own).unique().without("iss");
    for (name, token, expected) in [
        ("another audience", token().audience("https://other.test"), "wrong_audience"),
        ("no audience", token().without("aud"), "missing_claim"),
        ("no subject", token().without("sub"), "missing_claim"),
        ("another type", token().typ("JWT"), "wrong_type"),
    ] {
        assert_eq!(site.issuer_of(&token.mint().unwrap()).await, Err(expected), "{name}");
    }
    let id_tokens = trusted("billing", &own).tokens_without_issuer(true).client_id("web");
    let site = Site::new([id_tokens]);
    let id = site.mint.id_token("alice").audience("web").signed_with(&own).without("iss").mint().unwrap();
    let refused = site.api.verify_id_token(&id, IdTokenExpectations::default()).await.unwrap_err();
    assert_eq!(refused.reason().code(), "missing_claim", "an ID token names its issuer");
}

#[tokio::test]
async fn they_are_told_from_those_of_fetched_issuers_and_of_tenants() {
    let (own, published) = (key(Algorithm::ES256, "own"), key(Algorithm::ES256, "a"));
    let provider = Provider::default();
    provider.publish(&[&published]);
    let tenants = TrustedIssuer::tenants("https://login.test/{tenant}", TokenProfile::rfc9068())
        .allow_tenants(["shop"])
        .http_client(provider.clone());
    let site = Site::new([
        fetched(&provider, TokenProfile::rfc9068()),
        tenants,
        trusted("billing", &own).tokens_without_issuer(true),
    ]);
    for (name, iss, by, expected) in [
        ("no iss", None, &own, Ok("billing")),
        ("the fetched issuer", Some(ISSUER), &published, Ok(ISSUER)),
        ("a tenant, by the key of this one", Some("https://login.test/shop"), &own, Err(())),
        ("another tenant", Some("https://login.test/b"), &own, Err(())),
    ] {
        let token = site.naming(iss.map(Into::into), by);
        let found = site.issuer_of(&token).await.map_err(drop);
        assert_eq!(found, expected.map(str::to_owned), "{name}");
    }
    // It can be the fetched one, too.
    let site = Site::new([fetched(&provider, TokenProfile::rfc9068()).tokens_without_issuer(true)]);
    assert_eq!(site.issuer_of(&site.naming(None, &published)).await, Ok(ISSUER.to_owned()));
}

#[test]
fn two_of_them_and_other_ways_to_tell_issuers_are_refused() {
    let own = key(Algorithm::ES256, "own");
    let unnamed = |name| trusted(name, &own).tokens_without_issuer(true);
    let new = || ResourceServer::builder(AUDIENCE);
    let bare = TokenProfile::rfc9068().without_rules_on("iss");
    let pattern = TrustedIssuer::tenants("https://login.test/{tenant}", TokenProfile::rfc9068())
        .allow_tenants(["shop"])
        .tokens_without_issuer(true);
    for (name, builder, codes) in [
        ("one", new().issuer(unnamed("a")), &[][..]),
        ("one beside another", new().issuer(trusted("b", &own)).issuer(unnamed("a")), &[]),
        ("without a rule on iss", new().issuer(unnamed("a").map_profile(|_| bare.clone())), &[]),
        ("two", new().issuer(unnamed("a")).issuer(unnamed("b")), &["two_unnamed"]),
        (
            "with a header that selects",
            new().issuer(unnamed("a")).select_issuer_by(http::HeaderName::from_static("app-id")),
            &["unnamed_and_selected"],
        ),
        ("tenants", new().issuer(pattern), &["unnamed_tenants"]),
        (
            "bound to no resource",
            new().issuer(unnamed("a").map_profile(|profile| profile.without_rules_on("aud"))),
            &["profile"],
        ),
        (
            "no rule on iss, and not said to have none",
            new().issuer(trusted("a", &own).map_profile(|_| bare.clone().rule(claim("tenant").equals("a")))),
            &["profile"],
        ),
    ] {
        let problems = builder.build().err();
        let found: Vec<_> = problems
            .iter()
            .flat_map(|error| error.problems())
            .map(|problem| problem.code().to_owned())
            .collect();
        assert_eq!(found, codes, "{name}");
    }
}

//! The FAPI 2.0 Security Profile of resource servers, requirement by requirement: the checklist of the guide names these
//! tests.

use std::{sync::Arc, time::Duration};

use http::{Method, Request, header::AUTHORIZATION};
use serde_json::json;
use tower_resource_server::{
    ApiKey, ApiKeys, ClientCertificate, Dpop, Mtls, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    http::{Grammar, TokenLocation},
    issuer::SigningKey,
    keys::{Algorithm, KeySet},
    policy::scope,
    profile::TokenProfile,
    store::MemorySpentStore,
    test_util::{Defect, DpopKey, TestIssuer},
};

use crate::{Site, URL, support::request, with_fields, with_proof};

fn site() -> Site {
    Site::with(|server| server.fapi2(true))
}

const RSA: &str = include_str!("../../src/issuer/testdata/rsa2048-pkcs8.pem");

/// A key of a client or an issuer, by its algorithm.
fn key(algorithm: Algorithm) -> SigningKey {
    match algorithm.name() {
        name if name.starts_with(['R', 'P']) => SigningKey::from_pem(RSA, algorithm).unwrap(),
        _ => SigningKey::generate(algorithm).unwrap(),
    }
}

/// Section 5.3.4, requirements 1 and 2.
#[tokio::test]
async fn fapi2_tokens_come_in_authorization_alone() {
    let site = site();
    let elsewhere = |path: &str, fields: &[(&'static str, String)]| {
        let mut request = request(Method::GET, path, None);
        site.proof().send(request.headers_mut());
        request.headers_mut().remove(AUTHORIZATION);
        for (name, value) in fields {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        request
    };
    let token = &site.token;
    for (name, request, expected) in [
        ("in Authorization", with_proof(&site.proof()), "200"),
        ("in the query", elsewhere(&format!("/orders?access_token={token}"), &[]), "401 DPoP -"),
        ("in a cookie", elsewhere("/orders", &[("cookie", format!("access_token={token}"))]), "401 DPoP -"),
        ("in another field", elsewhere("/orders", &[("x-access-token", token.clone())]), "401 DPoP -"),
    ] {
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

/// Section 5.3.4, requirement 3: validity, integrity and expiration.
#[tokio::test]
async fn fapi2_a_token_is_valid_whole_and_not_over() {
    let site = site();
    let good = site.issuer.access_token("alice").bound_to_key(site.key.thumbprint());
    for defect in Defect::ALL.iter().filter(|defect| **defect != Defect::SenderConstrained) {
        let token = site.issuer.broken_from(&good, *defect);
        let proof = site.key.proof("GET", URL, &token, site.issuer.now()).sign();
        let told =
            site.told(with_fields(&[("authorization", &format!("DPoP {token}")), ("dpop", &proof)])).await;
        assert!(
            told.starts_with("401 DPoP invalid_token ") || told.starts_with("400 DPoP "),
            "{defect}: {told}"
        );
    }
    assert_eq!(site.told_of(&site.proof()).await, "200");
    site.issuer.clock().advance(Duration::from_secs(4_000));
    assert_eq!(site.told_of(&site.proof()).await, "401 DPoP invalid_token expired", "from the cache, too");
}

/// Section 5.3.4, requirement 3: what can be said of revocation without asking the issuer for each request.
#[tokio::test]
async fn fapi2_a_withdrawn_key_ends_its_tokens() {
    let site = site();
    assert_eq!(site.told_of(&site.proof()).await, "200");
    let jwks = site.issuer.jwks();
    let kid = jwks["keys"][0]["kid"].as_str().unwrap();
    assert!(site.api.revoke_key(site.issuer.issuer(), kid).is_ok());
    assert_eq!(site.told_of(&site.proof()).await, "401 DPoP invalid_token unknown_key");
}

/// Section 5.3.4, requirement 4.
#[tokio::test]
async fn fapi2_a_token_suffices_for_what_is_asked() {
    let site = Site::with(|server| server.fapi2(true).require(scope("payments")));
    let told = site.told_of(&site.proof()).await;
    assert_eq!(told, "403 DPoP insufficient_scope insufficient_scope");
    let broad = site.issuer.access_token("alice").scope("payments").bound_to_key(site.key.thumbprint());
    let broad = broad.mint().unwrap();
    let proof = site.key.proof("GET", URL, &broad, site.issuer.now());
    assert_eq!(site.told_of(&proof).await, "200");
}

/// Section 5.3.4, requirement 5.
#[tokio::test]
async fn fapi2_every_token_is_bound_to_its_sender() {
    let site = site();
    let bearer = site.issuer.access_token("alice").mint().unwrap();
    let of_bearer = site.key.proof("GET", URL, &bearer, site.issuer.now());
    let thief = DpopKey::new().proof("GET", URL, &site.token, site.issuer.now());
    let used = site.proof().claim("jti", "used");
    let bound_as_bearer = format!("Bearer {}", site.token);
    for (name, request, expected) in [
        ("bound, with its proof", with_proof(&used), "200"),
        ("bound, with a proof that was used", with_proof(&used), {
            "401 DPoP invalid_dpop_proof proof_replayed"
        }),
        ("bound, without a proof", with_fields(&[("authorization", &format!("DPoP {}", site.token))]), {
            "401 DPoP invalid_dpop_proof proof_missing"
        }),
        ("bound, by another key", with_proof(&thief), "401 DPoP invalid_token proof_wrong_key"),
        ("bound, as bearer", with_fields(&[("authorization", &bound_as_bearer)]), "401 DPoP -"),
        ("bearer", with_fields(&[("authorization", &format!("Bearer {bearer}"))]), "401 DPoP -"),
        ("bearer, with a proof", with_proof(&of_bearer), "401 DPoP invalid_token not_sender_constrained"),
    ] {
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

/// Without a setting for DPoP, proofs are recorded where tokens are: instances that share that store share both.
#[tokio::test]
async fn fapi2_proofs_are_spent_in_the_store_of_tokens() {
    let store = Arc::new(MemorySpentStore::default());
    let site = Site::with(|server| server.fapi2(true).spent_tokens(Arc::clone(&store)));
    assert!(store.is_empty());
    assert_eq!(site.told_of(&site.proof()).await, "200");
    assert!(!store.is_empty());
}

/// Section 5.3.4, requirement 5, by mutual TLS: without a setting for DPoP, tokens are bound to certificates alone.
#[tokio::test]
async fn fapi2_a_certificate_binds_tokens_as_well() {
    let site = Site::with(|server| server.fapi2(true).mtls(Mtls::required()));
    let certificate = ClientCertificate::from_der("of the client");
    let with = |token: &str, certificate: Option<ClientCertificate>| {
        let mut request = with_fields(&[("authorization", &format!("Bearer {token}"))]);
        certificate.map(|certificate| request.extensions_mut().insert(certificate));
        request
    };
    let bound =
        site.issuer.access_token("alice").bound_to_certificate(certificate.thumbprint()).mint().unwrap();
    let bearer = site.issuer.access_token("alice").mint().unwrap();
    for (name, request, expected) in [
        ("with its certificate", with(&bound, Some(certificate)), "200"),
        ("with another", with(&bound, Some(ClientCertificate::from_der("of another"))), {
            "401 Bearer invalid_token wrong_certificate"
        }),
        ("without one", with(&bound, None), "401 Bearer invalid_token certificate_missing"),
        (
            "bound to nothing",
            with(&bearer, Some(certificate)),
            "401 Bearer invalid_token not_sender_constrained",
        ),
        ("bound to a key", with_proof(&site.proof()), "401 Bearer -"),
    ] {
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

/// Section 5.4.1, requirement 1: tokens.
#[tokio::test]
async fn fapi2_tokens_are_signed_by_ps256_es256_or_ed25519() {
    for (algorithm, expected) in [
        (Algorithm::PS256, "200"),
        (Algorithm::ES256, "200"),
        (Algorithm::EdDSA, "200"),
        (Algorithm::RS256, "no_fitting_key"),
        (Algorithm::PS384, "no_fitting_key"),
        (Algorithm::ES384, "no_fitting_key"),
    ] {
        let issuer = TestIssuer::builder().signing_key(key(algorithm)).build();
        let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068());
        let built = ResourceServer::builder(issuer.audience()).issuer(trusted).fapi2(true).build();
        match built {
            Err(error) => {
                let codes: Vec<_> = error.problems().iter().map(|problem| problem.code()).collect();
                assert_eq!(codes, [expected], "{algorithm}");
            }
            Ok(_) => {
                let site = Site::of(issuer, DpopKey::new(), |server| server.fapi2(true));
                assert_eq!(site.told_of(&site.proof()).await, expected, "{algorithm}");
            }
        }
    }
    // An RSA key that says nothing of its algorithm signs RS256 as well, which is refused for each token.
    let issuer = TestIssuer::builder().signing_key(key(Algorithm::RS256)).build();
    let mut jwks = issuer.jwks();
    jwks["keys"][0].as_object_mut().unwrap().remove("alg");
    let keys = KeySet::from_jwks(jwks.to_string().as_bytes()).unwrap();
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068());
    let builder = ResourceServer::builder(issuer.audience()).issuer(trusted).clock(issuer.clock().clone());
    let api = builder.fapi2(true).build().unwrap();
    let token = issuer.access_token("alice").bound_to_key("a").mint().unwrap();
    assert_eq!(api.verify_now(&token).unwrap_err().reason().code(), "algorithm_not_allowed");
}

/// Section 5.4.1, requirement 1: proofs.
#[tokio::test]
async fn fapi2_proofs_are_signed_by_ps256_es256_or_ed25519() {
    for (algorithm, expected) in [
        (Algorithm::PS256, "200"),
        (Algorithm::ES256, "200"),
        (Algorithm::EdDSA, "200"),
        (Algorithm::RS256, "401 DPoP invalid_dpop_proof proof_algorithm_not_allowed"),
        (Algorithm::ES384, "401 DPoP invalid_dpop_proof proof_algorithm_not_allowed"),
    ] {
        let site = Site::of(TestIssuer::new(), DpopKey::of(key(algorithm)), |server| server.fapi2(true));
        assert_eq!(site.told_of(&site.proof()).await, expected, "{algorithm}");
    }
    let anonymous = site().ask(with_fields(&[])).await;
    let challenge = anonymous.challenge().unwrap();
    assert!(challenge.starts_with("DPoP ") && challenge.contains(r#"algs="PS256 ES256 EdDSA Ed25519""#));
}

/// Section 5.4.1, requirements 2 and 3.
#[test]
fn fapi2_keys_are_long_enough() {
    let jwks = |key: serde_json::Value| KeySet::from_jwks(json!({"keys": [key]}).to_string().as_bytes());
    let rsa = |bytes: usize| json!({"kty": "RSA", "e": "AQAB", "n": format!("wA{}", "A".repeat(bytes * 4 / 3 - 2))});
    let short = jwks(rsa(128));
    assert!(short.is_err() || short.is_ok_and(|keys| keys.is_empty()), "RSA of 1 024 bits");
    let curve = jwks(json!({"kty": "EC", "crv": "P-192", "x": "AA", "y": "AA"}));
    assert!(curve.is_err() || curve.is_ok_and(|keys| keys.is_empty()), "a curve of 192 bits");
    let good = key(Algorithm::PS256).public_jwk().unwrap();
    assert_eq!(jwks(good).unwrap().len(), 1, "RSA of 2 048 bits");
}

/// Section 5.4.3.
#[tokio::test]
async fn fapi2_keys_under_one_name_are_told_apart() {
    let issuer = TestIssuer::new();
    let own = issuer.jwks()["keys"][0].clone();
    let named = |mut jwk: serde_json::Value| {
        jwk["kid"] = own["kid"].clone();
        jwk
    };
    let others = [Algorithm::PS256, Algorithm::EdDSA, Algorithm::ES256];
    let others = others.map(|algorithm| named(key(algorithm).public_jwk().unwrap()));
    let keys: Vec<_> = others.into_iter().chain([own.clone()]).collect();
    let keys = KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068());
    let builder = ResourceServer::builder(issuer.audience()).issuer(trusted).clock(issuer.clock().clone());
    let api = builder.fapi2(true).build().unwrap();
    let client = DpopKey::new();
    let token = issuer.access_token("alice").bound_to_key(client.thumbprint()).mint().unwrap();
    let mut request = Request::get("/orders").body(()).unwrap();
    client.proof("GET", URL, &token, issuer.now()).send(request.headers_mut());
    assert!(api.authenticate(&request).await.is_ok());
}

/// Section 5.3.2.1, requirement 13, which is about authorization servers, and is held to here, too.
#[tokio::test]
async fn fapi2_clocks_may_be_off_by_ten_seconds_and_not_by_more_than_a_minute() {
    let site = site();
    let ahead = |seconds: u64| site.issuer.now().saturating_add(Duration::from_secs(seconds));
    let outside = "401 DPoP invalid_dpop_proof proof_outside_window";
    for (seconds, token, proof) in [
        (0, "200", "200"),
        (10, "200", "200"),
        (60, "200", "200"),
        (61, "401 DPoP invalid_token issued_in_future", outside),
        (3_600, "401 DPoP invalid_token issued_in_future", outside),
    ] {
        let of_proof = site.proof().claim("iat", ahead(seconds).as_secs());
        assert_eq!(site.told_of(&of_proof).await, proof, "a proof that is {seconds} s ahead");
        let minted = site.issuer.access_token("alice").issued_at(ahead(seconds));
        let minted = minted.bound_to_key(site.key.thumbprint()).mint().unwrap();
        let of_token = site.key.proof("GET", URL, &minted, site.issuer.now());
        assert_eq!(site.told_of(&of_token).await, token, "a token that is {seconds} s ahead");
    }
    let nbf = |seconds: u64| site.proof().claim("nbf", ahead(seconds).as_secs());
    assert_eq!(site.told_of(&nbf(10)).await, "200");
    assert_eq!(site.told_of(&nbf(61)).await, outside);
}

#[test]
fn fapi2_what_contradicts_it_is_refused_each_with_its_code() {
    let issuer = TestIssuer::new();
    let api = || ResourceServer::builder("https://api.test").issuer(issuer.trusted()).fapi2(true);
    let of = |profile: TokenProfile| {
        let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, profile);
        ResourceServer::builder("https://api.test").issuer(trusted).fapi2(true)
    };
    let secs = Duration::from_secs;
    let jwt = TokenProfile::rfc9068;
    let endless = jwt().without_rules_on("exp").dangerous().unbounded_lifetime();
    let api_key =
        || ApiKeys::new().key(ApiKey::from_secret("billing", "3q2-7wAAKjX0iE9s1vBQmZpT", "billing"));
    let plain = TrustedIssuer::discover("http://keycloak:8080/realms/shop", jwt()).dangerous();
    let rows: Vec<(&str, ResourceServerBuilder, &[&str])> = vec![
        ("nothing else is said", api(), &[]),
        ("taken back", api().dpop(Dpop::allowed()).fapi2(false), &[]),
        ("with nonces", api().dpop(Dpop::fapi2().nonces(None)), &[]),
        ("bearer tokens", api().dpop(Dpop::allowed().window(secs(0))), &["bearer_tokens"]),
        ("a cookie", api().token_location(TokenLocation::cookie("__Host-session")), &["locations"]),
        (
            "a parameter",
            api().token_location(TokenLocation::dangerous().query("access_token")),
            &["locations"],
        ),
        ("another scheme", api().credentials(Grammar::scheme("Token")), &["locations"]),
        ("API keys", api().api_keys(api_key()), &["opaque"]),
        ("proofs by RS256", api().dpop(Dpop::fapi2().algorithms([Algorithm::RS256])), &["proof_algorithms"]),
        ("proofs by ES256 alone", api().dpop(Dpop::fapi2().algorithms([Algorithm::ES256])), &[]),
        ("proofs of two minutes", api().dpop(Dpop::required()), &["proof_clock"]),
        ("proofs of a minute", api().dpop(Dpop::required().window(secs(0))), &[]),
        (
            "proofs of now alone",
            api().dpop(Dpop::required().window(secs(0)).leeway(secs(0))),
            &["proof_clock"],
        ),
        ("a leeway of 9 s", api().dpop(Dpop::required().window(secs(9)).leeway(secs(9))), &["proof_clock"]),
        ("a leeway of 61 s", api().dpop(Dpop::required().window(secs(0)).leeway(secs(61))), &["proof_clock"]),
        (
            "tokens by RS256",
            of(jwt().algorithms([Algorithm::RS256, Algorithm::ES256])),
            &["fapi2_algorithms"],
        ),
        ("tokens by ES256 alone", of(jwt().algorithms([Algorithm::ES256])), &[]),
        ("tokens of ten minutes ahead", of(jwt().leeway(secs(600))), &["fapi2_leeway"]),
        ("tokens of now alone", of(jwt().leeway(secs(0))), &["fapi2_leeway"]),
        ("tokens without end", of(endless), &["fapi2_lifetime"]),
        ("keys over plain http", api().issuer(plain.plain_http_to("keycloak")), &["fapi2_plain_http"]),
    ];
    for (name, builder, expected) in rows {
        let codes: Vec<_> = match builder.build() {
            Ok(_) => Vec::new(),
            Err(error) => error.problems().iter().map(|problem| problem.code().to_owned()).collect(),
        };
        assert_eq!(codes, expected, "{name}");
    }
}

use std::collections::HashSet;

use serde_json::json;

use super::*;
use crate::{
    issuer::{SigningKey, check},
    test_util::ManualClock,
};

const NOW: u64 = 1_700_000_000;

fn issuer() -> TokenIssuer {
    TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256).unwrap().with_kid("one"))
        .publish(SigningKey::generate(Algorithm::EdDSA).unwrap().with_kid("two"))
        .clock(ManualClock::new(UnixTime::from_secs(NOW)))
        .build()
        .unwrap()
}

fn minted(builder: &TokenBuilder) -> (Value, Value) {
    let token = builder.mint().unwrap();
    (check::header(&token), check::claims(&token))
}

#[test]
fn an_access_token_is_an_rfc_9068_one() {
    let issuer = issuer();
    let good = issuer.access_token("alice").client_id("web").audience("https://api.example").scope("a b");
    let token = good.mint().unwrap();
    assert!(check::verifies(&issuer.signing_key().public_jwk().unwrap(), "ES256", &token));
    assert_eq!(check::header(&token), json!({ "alg": "ES256", "kid": "one", "typ": "at+jwt" }));
    let mut claims = check::claims(&token);
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(check::bytes(jti.as_str().unwrap()).len(), 16);
    assert_eq!(
        claims,
        json!({
            "iss": "https://login.example", "sub": "alice", "aud": "https://api.example",
            "client_id": "web", "scope": "a b", "iat": NOW, "exp": NOW + 600,
        })
    );
    let ids: HashSet<_> = (0..100).map(|_| minted(&good).1["jti"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 100);
}

#[test]
fn an_id_token_is_an_openid_connect_one() {
    let at = UnixTime::from_secs(NOW - 5);
    let builder = issuer().id_token("alice", "web").nonce("n").auth_time(at).acr("high").amr(["pwd", "otp"]);
    let (header, claims) = minted(&builder.clone().azp("web"));
    assert_eq!(header, json!({ "alg": "ES256", "kid": "one", "typ": "JWT" }));
    assert_eq!(
        claims,
        json!({
            "iss": "https://login.example", "sub": "alice", "aud": "web", "azp": "web", "nonce": "n",
            "auth_time": NOW - 5, "acr": "high", "amr": ["pwd", "otp"], "iat": NOW, "exp": NOW + 600,
        })
    );
    assert_eq!(minted(&builder.audience("api")).1["aud"], json!(["web", "api"]));
}

#[test]
fn a_generic_token_says_only_what_it_is_told() {
    let issuer = issuer();
    assert_eq!(minted(&issuer.token()), (json!({ "alg": "ES256", "kid": "one" }), json!({})));
    let builder = issuer.token().header("cty", "v;v=1").header("ver", 4).claim("prn", "alice");
    assert_eq!(
        minted(&builder.without_header("kid").lifetime(Duration::from_secs(60))),
        (
            json!({ "alg": "ES256", "cty": "v;v=1", "ver": 4 }),
            json!({ "prn": "alice", "iat": NOW, "exp": NOW + 60 })
        )
    );
}

#[test]
fn the_last_word_on_a_claim_counts() {
    let start = issuer().access_token("alice").client_id("web").audience("api");
    let claim = |builder: TokenBuilder, name: &str| minted(&builder).1.get(name).cloned();
    let at = UnixTime::from_secs;
    let cases = [
        ("several audiences", start.clone().audience("b"), "aud", Some(json!(["api", "b"]))),
        ("three audiences", start.clone().audience("b").audience("c"), "aud", Some(json!(["api", "b", "c"]))),
        ("audience replaced", start.clone().claim("aud", 42), "aud", Some(json!(42))),
        ("audience left out", start.clone().without("aud"), "aud", None),
        ("and given again", start.clone().without("aud").audience("b"), "aud", Some(json!("b"))),
        ("scopes add up", start.clone().scope("a").scope("b c"), "scope", Some(json!("a b c"))),
        ("default left out", start.clone().without("exp"), "exp", None),
        ("jti left out", start.clone().without("jti"), "jti", None),
        ("jti given", start.clone().claim("jti", "x"), "jti", Some(json!("x"))),
        ("lifetime", start.clone().lifetime(Duration::from_secs(5)), "exp", Some(json!(NOW + 5))),
        ("exp follows iat", start.clone().issued_at(at(1000)), "exp", Some(json!(1600))),
        ("exp given", start.clone().issued_at(at(1000)).expires_at(at(1001)), "exp", Some(json!(1001))),
        ("nbf", start.clone().not_before(at(7)), "nbf", Some(json!(7))),
        ("iat of another type", start.clone().claim("iat", "x"), "iat", Some(json!("x"))),
    ];
    for (case, builder, name, expected) in cases {
        assert_eq!(claim(builder, name), expected, "{case}");
    }
    let typed = start.clone().typ("JWT");
    assert_eq!(minted(&typed).0["typ"], "JWT");
    assert_eq!(minted(&typed.without_header("typ")).0.get("typ"), None);
    assert_eq!(minted(&start.header("alg", "none")).0["alg"], "none");
}

#[test]
fn an_access_token_without_what_rfc_9068_requires_is_no_accident() {
    let issuer = issuer();
    let missing = |claim| Err(IssueError::MissingClaim { claim });
    assert_eq!(issuer.access_token("alice").client_id("web").mint(), missing("aud"));
    assert_eq!(issuer.access_token("alice").audience("api").mint(), missing("client_id"));
    issuer.access_token("alice").without("aud").without("client_id").mint().unwrap();

    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256).unwrap())
        .default_audience("api")
        .build()
        .unwrap();
    let start = issuer.access_token("alice").client_id("web");
    assert_eq!(minted(&start).1["aud"], "api");
    assert_eq!(minted(&start.audience("other")).1["aud"], "other");
}

#[test]
fn a_token_is_signed_with_the_key_that_was_asked_for() {
    let issuer = issuer();
    let other = SigningKey::generate(Algorithm::ES384).unwrap();
    let cases = [
        ("by default", issuer.token(), issuer.signing_key()),
        ("by kid", issuer.token().signed_with("two"), issuer.key(Some(&"two".into())).unwrap()),
        ("by algorithm", issuer.token().signed_with(Algorithm::ES256), issuer.signing_key()),
        ("by key", issuer.token().signed_with(&other), other.clone()),
    ];
    for (case, builder, key) in cases {
        let token = builder.mint().unwrap();
        let header = check::header(&token);
        assert_eq!(header["kid"].as_str(), key.kid(), "{case}");
        let jwk = key.public_jwk().unwrap();
        assert!(check::verifies(&jwk, header["alg"].as_str().unwrap(), &token), "{case}");
    }
    let unknown = Err(IssueError::UnknownKey);
    assert_eq!(issuer.token().signed_with("three").mint(), unknown);
    assert_eq!(issuer.token().signed_with(Algorithm::RS256).mint(), unknown);
    assert_eq!(
        issuer.sign_with(&other),
        Err(IssueError::UnknownKey),
        "a key that is not the issuer's signs no default"
    );
}

#[test]
fn at_hash_is_the_left_half_by_the_signing_algorithms_hash() {
    // OpenID Connect Core appendix A.3 and A.4.
    let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    let builder = issuer().id_token("alice", "web").for_access_token(access_token);
    assert_eq!(minted(&builder).1["at_hash"], "77QmUPtjPfzWtF2AnpK9RQ");
    let by_eddsa = minted(&builder.clone().signed_with("two")).1;
    assert_eq!(by_eddsa["at_hash"], "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM", "by SHA-512");
    assert_eq!(minted(&builder.clone().without("at_hash")).1.get("at_hash"), None);
    assert_eq!(minted(&builder.claim("at_hash", "wrong")).1["at_hash"], "wrong");
}

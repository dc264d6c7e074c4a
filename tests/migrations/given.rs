//! Keys given beside keys fetched.

use serde_json::json;
use tower_resource_server::{
    KeyRevocation, TrustedIssuer,
    issuer::SigningKey,
    keys::{Algorithm, KeySet, VerifyingKey},
    profile::TokenProfile,
};

use crate::{AUDIENCE, ISSUER, Provider, Site, fetched, key, secs};

const SECRET: &[u8; 32] = b"\x91\x02\x13\xa4\x35\x46\x57\xe8\x79\x8a\x0b\xac\xbd\xce\xdf\x10\
\x21\x32\x43\x54\x65\x76\x87\x98\xa9\xba\xcb\xdc\xed\xfe\x0f\x11";

fn secret() -> VerifyingKey {
    VerifyingKey::from_hmac_secret(SECRET, Algorithm::HS256).unwrap()
}

fn public(key: &SigningKey) -> VerifyingKey {
    VerifyingKey::from_jwk(&key.public_jwk().unwrap().to_string()).unwrap()
}

fn given(keys: impl IntoIterator<Item = VerifyingKey>) -> KeySet {
    KeySet::from_keys(keys)
}

/// Tokens of a shared secret, and of published keys.
fn with_secret() -> TokenProfile {
    let algorithms = [Algorithm::HS256, Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA];
    TokenProfile::rfc9068().algorithms(algorithms)
}

fn signing_secret() -> SigningKey {
    SigningKey::from_hmac_secret(SECRET, Algorithm::HS256).unwrap()
}

#[tokio::test]
async fn a_shared_secret_and_fetched_keys_verify_tokens_of_one_issuer() {
    let es256 = key(Algorithm::ES256, "a");
    for (name, own, by) in [
        ("a secret without a name", secret(), signing_secret()),
        ("a secret without a name, and a kid", secret(), signing_secret().with_kid("whatever")),
        ("a secret with a name", secret().with_kid("old"), signing_secret().with_kid("old")),
        ("a secret with the name of a fetched key", secret().with_kid("a"), signing_secret().with_kid("a")),
        ("a secret with a name, and no kid", secret().with_kid("old"), signing_secret()),
    ] {
        let provider = Provider::default();
        provider.publish(&[&es256]);
        let site = Site::new([fetched(&provider, with_secret()).also_keys(given([own]))]);
        assert_eq!(site.signed_by(&by).await, Ok(()), "{name}: before any fetch");
        assert_eq!(site.signed_by(&es256).await, Ok(()), "{name}: fetched");
        assert_eq!(site.signed_by(&by).await, Ok(()), "{name}: beside fetched ones");
        site.api.refresh_now().await.unwrap();
        assert_eq!(site.signed_by(&by).await, Ok(()), "{name}: after a refresh");
    }
}

#[tokio::test]
async fn promise_2_a_secret_is_only_the_one_that_was_given() {
    let (rsa, es256) = (key(Algorithm::RS256, "rsa"), key(Algorithm::ES256, "ec"));
    let provider = Provider::default();
    let encoded = base64_simd::URL_SAFE_NO_PAD.encode_to_string([9; 32]);
    provider.publish_entries(&json!([
        rsa.public_jwk().unwrap(),
        es256.public_jwk().unwrap(),
        { "kty": "oct", "kid": "oct", "alg": "HS256", "k": encoded },
        { "kty": "oct", "alg": "HS256", "k": encoded },
    ]));
    let site = Site::new([fetched(&provider, with_secret()).also_keys(given([secret().with_kid("old")]))]);
    site.api.ready().await.unwrap();
    assert_eq!(site.api.health()[0].keys.skipped, 2, "secrets of the document");
    site.pass(secs(60));

    let forger = |secret: &[u8]| SigningKey::from_hmac_secret(secret, Algorithm::HS256).unwrap();
    let pem = rsa.public_key_pem().unwrap();
    let jwk = rsa.public_jwk().unwrap();
    let modulus = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(jwk["n"].as_str().unwrap()).unwrap();
    let published = jwk.to_string();
    for (name, by, code) in [
        ("the published secret, by its name", forger(&[9; 32]).with_kid("oct"), "unknown_key"),
        ("the published secret, without a name", forger(&[9; 32]), "unknown_key"),
        ("the published secret, as the given one", forger(&[9; 32]).with_kid("old"), "invalid_signature"),
        ("the PEM of a public key", forger(pem.as_bytes()).with_kid("rsa"), "key_algorithm_mismatch"),
        ("its JWK", forger(published.as_bytes()).with_kid("rsa"), "key_algorithm_mismatch"),
        ("its modulus", forger(&modulus).with_kid("rsa"), "key_algorithm_mismatch"),
        ("its modulus, as the given secret", forger(&modulus).with_kid("old"), "invalid_signature"),
        ("its modulus, without a name", forger(&modulus), "unknown_key"),
        ("the secret, under another name", signing_secret().with_kid("new"), "unknown_key"),
    ] {
        assert_eq!(site.signed_by(&by).await, Err(code), "{name}");
    }
    // Keys that are fetched never help a token with HMAC, so none were.
    assert_eq!((provider.fetches(), site.api.health()[0].keys.budget), (1, 5));
}

#[tokio::test]
async fn while_nothing_is_fetched_given_keys_verify_and_others_are_503() {
    let (old, new) = (key(Algorithm::ES256, "old"), key(Algorithm::ES256, "new"));
    let namesake = key(Algorithm::ES256, "old");
    let provider = Provider::default();
    let issuer =
        fetched(&provider, with_secret()).also_keys(given([public(&old)])).also_keys(given([secret()]));
    let site = Site::new([issuer]);
    for (state, dead) in [("empty", false), ("dead", true)] {
        if dead {
            provider.publish(&[&new, &namesake]);
            site.pass(secs(120));
            site.api.refresh_now().await.unwrap();
            for (name, by) in [("new", &new), ("old", &old), ("the namesake", &namesake)] {
                assert_eq!(site.signed_by(by).await, Ok(()), "fresh: {name}");
            }
            provider.down();
            site.pass(secs(6 * 3600));
        }
        for (name, by, expected) in [
            ("a given key", old.clone(), Ok(())),
            ("a given secret", signing_secret(), Ok(())),
            ("a key that is not fetched", new.clone(), Err("keys_unavailable")),
            (
                "a key that is not fetched, of the name of a given one",
                namesake.clone(),
                Err("keys_unavailable"),
            ),
            (
                "another secret",
                SigningKey::from_hmac_secret(&[8; 32], Algorithm::HS256).unwrap(),
                Err("unknown_key"),
            ),
        ] {
            assert_eq!(site.signed_by(&by).await, expected, "{state}: {name}");
        }
        assert_eq!(site.api.health()[0].keys.state.as_str(), state);
    }
}

#[tokio::test]
async fn a_given_key_is_revoked_like_any_other() {
    let (old, new) = (key(Algorithm::ES256, "old"), key(Algorithm::ES256, "new"));
    for (name, is_loaded) in [("before a fetch", false), ("after it", true)] {
        let provider = Provider::default();
        let site = Site::new([fetched(&provider, TokenProfile::rfc9068()).also_keys(given([public(&old)]))]);
        if is_loaded {
            provider.publish(&[&new]);
            site.api.ready().await.unwrap();
        }
        let remembered = site.token(&old);
        assert_eq!(site.ask(&remembered).await, Ok(()), "{name}");
        assert!(site.api.try_verify_cached(&remembered).is_some(), "{name}");
        assert_eq!(site.api.revoke_key(ISSUER, "old"), Ok(KeyRevocation::WasInUse), "{name}");
        assert!(site.api.try_verify_cached(&remembered).is_none(), "{name}");
        assert!(site.ask(&remembered).await.is_err(), "{name}");
        assert_eq!(site.api.revoke_key(ISSUER, "old"), Ok(KeyRevocation::WasNotInUse), "{name}: again");
        provider.publish(&[&new, &old]);
        site.pass(secs(120));
        site.api.refresh_now().await.unwrap();
        assert_eq!(site.signed_by(&old).await, Err("unknown_key"), "{name}: it stays withdrawn");
        assert_eq!(site.signed_by(&new).await, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn a_new_key_is_looked_up_although_given_keys_are_there() {
    let (old, first, second) =
        (key(Algorithm::ES256, "old"), key(Algorithm::ES256, "1"), key(Algorithm::ES256, "2"));
    let provider = Provider::default();
    provider.publish(&[&first]);
    let site = Site::new([fetched(&provider, TokenProfile::rfc9068()).also_keys(given([public(&old)]))]);
    site.api.ready().await.unwrap();
    site.pass(secs(60));
    provider.publish(&[&second]);
    assert_eq!(site.signed_by(&second).await, Ok(()));
    assert_eq!(site.signed_by(&first).await, Err("unknown_key"));
    assert_eq!(site.signed_by(&old).await, Ok(()));
}

#[tokio::test]
async fn keys_that_were_given_alone_can_be_added_to() {
    let (a, b) = (key(Algorithm::ES256, "a"), key(Algorithm::EdDSA, "b"));
    let issuer = TrustedIssuer::with_keys(ISSUER, given([public(&a)]), TokenProfile::rfc9068());
    let site = Site::new([issuer.also_keys(given([public(&b)]))]);
    for (name, by) in [("the first", &a), ("the added", &b)] {
        assert_eq!(site.signed_by(by).await, Ok(()), "{name}");
    }
}

#[test]
fn given_keys_that_cannot_work_are_named() {
    let provider = Provider::default();
    let hs = |algorithm, length| {
        let secret: Vec<u8> = (1..=length).collect();
        VerifyingKey::from_hmac_secret(&secret, algorithm).unwrap()
    };
    let es256 = key(Algorithm::ES256, "a");
    let unnamed = VerifyingKey::from_ed25519_bytes(&[7; 32]).unwrap();
    let tenants = |keys| {
        TrustedIssuer::tenants("https://login.test/{tenant}", TokenProfile::rfc9068())
            .allow_tenants(["a"])
            .http_client(provider.clone())
            .also_keys(keys)
    };
    let of = |profile, keys| fetched(&provider, profile).also_keys(keys);
    for (name, issuer, code) in [
        ("a secret", of(with_secret(), given([secret()])), None),
        ("a named public key", of(TokenProfile::rfc9068(), given([public(&es256)])), None),
        ("HMAC without a secret", of(with_secret(), given([])), Some("hmac")),
        ("HMAC with a public key alone", of(with_secret(), given([public(&es256)])), Some("hmac")),
        (
            "HMAC with a secret for another hash",
            of(with_secret(), given([hs(Algorithm::HS512, 64)])),
            Some("hmac"),
        ),
        (
            "a secret that is not accepted",
            of(TokenProfile::rfc9068(), given([secret()])),
            Some("no_fitting_key"),
        ),
        ("a public key without a name", of(TokenProfile::rfc9068(), given([unnamed])), Some("unnamed_key")),
        ("keys for a pattern", tenants(given([public(&es256)])), Some("keys_of_tenants")),
    ] {
        let built = tower_resource_server::ResourceServer::builder(AUDIENCE).issuer(issuer).build();
        let codes: Vec<_> = built
            .err()
            .iter()
            .flat_map(|error| error.problems())
            .map(|problem| problem.code().to_owned())
            .collect();
        assert!(
            codes.iter().map(String::as_str).any(|found| Some(found) == code) || code.is_none(),
            "{name}: {codes:?}"
        );
        assert_eq!(codes.is_empty(), code.is_none(), "{name}: {codes:?}");
    }
}

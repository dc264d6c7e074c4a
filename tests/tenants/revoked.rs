//! Keys that the application withdraws, by any name of their issuer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tower_resource_server::{
    KeyRevocation::{self, WasInUse, WasNotInUse},
    ReplaceKeysError, ResourceServer, RevokeKeyError, TrustedIssuer,
    keys::KeySet,
    profile::{KeySelection, TokenProfile},
    test_util::TestIssuer,
};

use crate::{
    Stage, at_most,
    cloud::{Cloud, issuer_of},
};

/// A server for tenants of these patterns, each with the one that it trusts.
fn server(cloud: &Cloud, keys: &TestIssuer, patterns: &[(&str, &'static str)]) -> ResourceServer {
    let builder = ResourceServer::builder(keys.audience()).clock(keys.clock().clone());
    let trusting = |builder: tower_resource_server::ResourceServerBuilder, (pattern, trusted): &(&str, _)| {
        let tenants = TrustedIssuer::tenants(*pattern, TokenProfile::rfc9068()).allow_tenants([*trusted]);
        builder.issuer(tenants.http_client(cloud.clone()))
    };
    patterns.iter().fold(builder, trusting).build().unwrap()
}

#[tokio::test]
async fn revoke_key_reaches_every_pattern_that_fits() {
    let broad = ("https://login.test/{tenant}", "x");
    let narrow = ("https://login.test/eu-{tenant}", "abc");
    let issuer = "https://login.test/eu-abc";
    for (name, patterns) in [("as given", [broad, narrow]), ("the other way round", [narrow, broad])] {
        let (cloud, keys) = (Cloud::default(), TestIssuer::new());
        let api = server(&cloud, &keys, &patterns);
        cloud.publish(issuer, &keys);
        let token = |subject| keys.access_token(subject).claim("iss", issuer).mint().unwrap();
        let cached = token("alice");
        assert!(api.verify_access_token(&cached).await.is_ok(), "{name}");

        assert_eq!(api.revoke_key(issuer, "key-1"), Ok(WasInUse), "{name}");
        assert!(api.try_verify_cached(&cached).is_none(), "{name}");
        for token in [&cached, &token("bob")] {
            assert!(api.verify_access_token(token).await.is_err(), "{name}");
        }
        assert_eq!(api.revoke_key(issuer, "key-1"), Ok(WasNotInUse), "{name}: already");
        api.refresh_now().await.unwrap();
        assert!(api.verify_access_token(&cached).await.is_err(), "{name}: it is published again");
    }
}

#[tokio::test]
async fn revoke_key_tells_an_unknown_issuer_from_an_unused_key() {
    let (cloud, keys) = (Cloud::default(), TestIssuer::new());
    let patterns = [("https://login.test/{tenant}", "x"), ("https://login.test/eu-{tenant}", "abc")];
    let api = server(&cloud, &keys, &patterns);
    for (name, issuer, expected) in [
        ("a tenant that is not here yet", "https://login.test/x", Ok(WasNotInUse)),
        ("of the second pattern", "https://login.test/eu-abc", Ok(WasNotInUse)),
        ("a misspelt tenant", "https://login.test/eu-acb", Err(RevokeKeyError::UntrustedTenant)),
        ("no name of a tenant", "https://login.test/x/y", Err(RevokeKeyError::UnknownIssuer)),
        ("a slash behind", "https://login.test/x/", Err(RevokeKeyError::UnknownIssuer)),
        ("another host", "https://login.example/x", Err(RevokeKeyError::UnknownIssuer)),
        ("the pattern", "https://login.test/{tenant}", Err(RevokeKeyError::UnknownIssuer)),
        ("nothing", "", Err(RevokeKeyError::UnknownIssuer)),
    ] {
        assert_eq!(api.revoke_key(issuer, "key-1"), expected, "{name}");
    }
    // Withdrawn before its first token.
    cloud.publish("https://login.test/x", &keys);
    let token = keys.access_token("alice").claim("iss", "https://login.test/x").mint().unwrap();
    assert!(api.verify_access_token(&token).await.is_err());
    // What an operator reads.
    for (said, expected) in [
        (WasInUse.to_string(), "the key was in use; it is withdrawn, and its tokens have ended"),
        (WasNotInUse.to_string(), "no key of this name was in use; it is withdrawn should it come"),
        (RevokeKeyError::UnknownIssuer.to_string(), "no issuer has this name; nothing is withdrawn"),
    ] {
        assert_eq!(said, expected);
    }
    assert!(WasInUse.was_in_use() && !WasNotInUse.was_in_use());
}

#[tokio::test]
async fn a_revoked_key_stays_withdrawn_for_a_tenant_that_is_trusted_later() {
    let trusted = Arc::new(AtomicBool::new(false));
    let is_trusted = Arc::clone(&trusted);
    let stage = Stage::new(at_most(200), |issuer: TrustedIssuer| {
        issuer.allow_tenants_if(move |_| is_trusted.load(Ordering::Relaxed))
    });
    stage.cloud.open("t-a", &stage.keys);
    let revoked = stage.api.revoke_key(&issuer_of("t-a"), "key-1");
    assert_eq!(revoked, Err(RevokeKeyError::UntrustedTenant));
    trusted.store(true, Ordering::Relaxed);
    assert_eq!(stage.verify(&stage.token("t-a")).await, Err("unverified_tenant"));
    stage.keys.rotate();
    stage.cloud.open("t-a", &stage.keys);
    stage.keys.clock().advance(std::time::Duration::from_secs(20));
    assert_eq!(stage.verify(&stage.token("t-a")).await, Ok(issuer_of("t-a")), "another key of it");
}

/// A server for one issuer whose keys the application holds, configured as `name`.
fn with_keys(keys: &TestIssuer, change: impl FnOnce(TrustedIssuer) -> TrustedIssuer) -> ResourceServer {
    let set = KeySet::from_jwks(keys.jwks().to_string().as_bytes()).unwrap();
    let issuer = TrustedIssuer::with_keys("layer:///providers/1", set, TokenProfile::rfc9068());
    ResourceServer::builder(keys.audience())
        .client_id(keys.client_id())
        .clock(keys.clock().clone())
        .issuer(change(issuer))
        .build()
        .unwrap()
}

/// How an issuer is configured, the names that it goes by, and names that it does not go by.
type Named =
    (&'static str, fn(TrustedIssuer) -> TrustedIssuer, &'static [&'static str], &'static [&'static str]);

const NAMED: &[Named] = &[
    (
        "by one name",
        |issuer| issuer,
        &["layer:///providers/1"],
        &["1", "layer:///providers/1/", "layer:///providers/2"],
    ),
    (
        "by aliases",
        |issuer| issuer.also_known_as("https://alias.test").also_known_as("https://other.test"),
        &["layer:///providers/1", "https://alias.test", "https://other.test"],
        &["https://alias.test/", "1"],
    ),
    (
        "by the last segment",
        |issuer| issuer.map_profile(|_| TokenProfile::rfc9068().issuer_by_last_segment(true)),
        &["layer:///providers/1", "1", "https://any.test/1"],
        &["2", "layer:///providers/1/"],
    ),
    (
        "by the last segment of an alias",
        |issuer| {
            issuer
                .also_known_as("layer:///providers/one")
                .map_profile(|_| TokenProfile::rfc9068().issuer_by_last_segment(true))
        },
        &["1", "one"],
        &["two"],
    ),
    (
        "by the last segment in ID tokens alone",
        |issuer| issuer.id_token_profile(TokenProfile::oidc_id_token().issuer_by_last_segment(true)),
        &["layer:///providers/1", "1"],
        &["2"],
    ),
];

#[test]
fn revoke_key_reaches_an_issuer_by_every_name_it_has() {
    for (how, change, names, strange) in NAMED {
        for name in *names {
            let keys = TestIssuer::new();
            let api = with_keys(&keys, change);
            for strange in *strange {
                assert_eq!(
                    api.revoke_key(strange, "key-1"),
                    Err(RevokeKeyError::UnknownIssuer),
                    "{how}: {strange}"
                );
            }
            assert_eq!(api.revoke_key(name, "key-9"), Ok(WasNotInUse), "{how}: {name}");
            assert_eq!(api.health()[0].1.keys, 1, "{how}: {name}");
            assert_eq!(api.revoke_key(name, "key-1"), Ok(WasInUse), "{how}: {name}");
            assert_eq!(api.health()[0].1.keys, 0, "{how}: {name}");
        }
    }
}

#[test]
fn replace_keys_reaches_an_issuer_by_every_name_it_has() {
    for (how, change, names, strange) in NAMED {
        for name in *names {
            let keys = TestIssuer::new();
            let api = with_keys(&keys, change);
            keys.rotate();
            let next = || KeySet::from_jwks(keys.jwks().to_string().as_bytes()).unwrap();
            for strange in *strange {
                let refused = api.replace_keys(strange, next());
                assert_eq!(refused, Err(ReplaceKeysError::UnknownIssuer), "{how}: {strange}");
            }
            assert_eq!(api.replace_keys(name, next()), Ok(()), "{how}: {name}");
            assert!(api.health()[0].1.key_ids.contains(&"key-2".to_owned()), "{how}: {name}");
        }
    }
}

/// Of two issuers, one goes by the name in ID tokens only, and the other in access tokens.
#[test]
fn replace_keys_reaches_the_issuer_that_access_tokens_name_so() {
    let keys = TestIssuer::new();
    let set = || KeySet::from_jwks(keys.jwks().to_string().as_bytes()).unwrap();
    let by_id = TrustedIssuer::with_keys("https://any.test/1", set(), TokenProfile::rfc9068())
        .id_token_profile(TokenProfile::oidc_id_token().issuer_by_last_segment(true));
    let by_access = TrustedIssuer::with_keys("1", set(), TokenProfile::rfc9068());
    let api = ResourceServer::builder(keys.audience())
        .client_id(keys.client_id())
        .issuer(by_id)
        .issuer(by_access)
        .build()
        .unwrap();
    keys.rotate();
    api.replace_keys("1", set()).unwrap();
    let numbers: Vec<_> = api.health().iter().map(|(_, health)| health.keys).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(api.revoke_key("1", "key-1"), Ok(WasInUse));
    let numbers: Vec<_> = api.health().iter().map(|(_, health)| health.keys).collect();
    assert_eq!(numbers, [0, 1], "a key is withdrawn from both");
}

/// Keys are named as the issuer configured them, also under an alias.
#[test]
fn a_key_is_withdrawn_by_either_form_of_its_name_under_an_alias() {
    for key in ["key-1", "layer:///keys/key-1"] {
        let keys = TestIssuer::new();
        let api = with_keys(&keys, |issuer| {
            let profile = TokenProfile::rfc9068().key_selection(KeySelection::LastSegment);
            issuer.also_known_as("https://alias.test").map_profile(|_| profile)
        });
        assert_eq!(api.revoke_key("https://alias.test", key), Ok(WasInUse), "{key}");
        keys.rotate();
        let set = KeySet::from_jwks(keys.jwks().to_string().as_bytes()).unwrap();
        api.replace_keys("https://alias.test", set).unwrap();
        assert_eq!(api.health()[0].1.key_ids, ["key-2"], "{key}");
    }
}

/// A configured issuer may be written as a tenant is: it verifies the tokens, and both withdraw the key.
#[tokio::test]
async fn a_configured_issuer_and_a_pattern_that_fits_both_withdraw_a_key() {
    let (cloud, keys) = (Cloud::default(), TestIssuer::new());
    let (own, alias) = ("https://own.test", "https://login.test/own");
    let tenants = TrustedIssuer::tenants("https://login.test/{tenant}", TokenProfile::rfc9068())
        .allow_tenants(["own", "x"]);
    let trusted = TrustedIssuer::with_jwks_uri(own, "https://own.test/jwks", TokenProfile::rfc9068())
        .also_known_as(alias);
    let api = ResourceServer::builder(keys.audience())
        .clock(keys.clock().clone())
        .issuer(trusted.http_client(cloud.clone()))
        .issuer(tenants.http_client(cloud.clone()))
        .build()
        .unwrap();
    cloud.publish(own, &keys);
    for issuer in [own, alias] {
        let token = keys.access_token("alice").claim("iss", issuer).mint().unwrap();
        assert_eq!(
            api.verify_access_token(&token).await.map(|who| who.issuer().to_owned()).ok().as_deref(),
            Some(own)
        );
    }
    let set = || KeySet::from_jwks(keys.jwks().to_string().as_bytes()).unwrap();
    for (name, issuer) in [("fetched", alias), ("a tenant", "https://login.test/x")] {
        assert_eq!(api.replace_keys(issuer, set()), Err(ReplaceKeysError::NotGiven), "{name}");
    }
    assert_eq!(api.revoke_key(alias, "key-1").map(KeyRevocation::was_in_use), Ok(true));
    let token = keys.access_token("bob").claim("iss", own).mint().unwrap();
    assert!(api.verify_access_token(&token).await.is_err());
}

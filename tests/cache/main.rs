//! Promise 6: a cache hit gives the same verdict as a miss at every instant; only successes are
//! cached; key removal, revocation and expiry end it.
#![cfg(feature = "test-util")]
#![allow(unreachable_pub, reason = "no crate imports a test")]

mod alike;
mod apart;
#[cfg(feature = "remote")]
mod removal;
mod selected;
#[cfg(feature = "remote")]
#[path = "../support/mod.rs"]
mod support;
mod trio;
mod verdict;

use std::time::Duration;

use tower_resource_server::{
    CacheSettings, KeyRevocation, ResourceServer, RevokeKeyError, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet, VerifyingKey},
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
    time::UnixTime,
};
use verdict::{now_or_never, verdict};

fn no_cache() -> CacheSettings {
    CacheSettings::default().max_bytes(0)
}

fn verify(api: &ResourceServer, token: &str) -> bool {
    now_or_never(api.verify_access_token(token)).is_ok()
}

fn is_cached(api: &ResourceServer, token: &str) -> bool {
    api.try_verify_cached(token).is_some()
}

#[test]
fn promise_6_time_ends_a_cached_verdict_to_the_second_and_revives_it() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let start = issuer.now();
    let at = |seconds: i64| match u64::try_from(seconds) {
        Ok(later) => start.saturating_add(Duration::from_secs(later)),
        Err(_) => start.saturating_sub(Duration::from_secs(seconds.unsigned_abs())),
    };
    let token =
        issuer.access_token("alice").issued_at(start).not_before(at(10)).expires_at(at(100)).mint().unwrap();
    assert!(verify(&api, &token));
    // The leeway is a minute on both sides.
    for (seconds, good) in [
        (0, true),
        (-50, true),
        (-51, false),
        (-1_000_000, false),
        (159, true),
        (160, false),
        (1_000_000, false),
        (0, true),
    ] {
        issuer.clock().set_unix(at(seconds));
        assert_eq!(is_cached(&api, &token), good, "cached at {seconds} s");
        assert_eq!(verify(&api, &token), good, "verified at {seconds} s");
    }
    issuer.clock().set_unix(UnixTime::from_secs(0));
    assert!(!is_cached(&api, &token));
}

#[test]
fn promise_6_only_good_access_tokens_are_cached() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    for defect in Defect::ALL {
        let token = issuer.broken(*defect);
        assert!(!verify(&api, &token), "{defect}");
        assert!(!is_cached(&api, &token), "{defect}");
        // Nor is the refusal remembered against a good one.
        let good = issuer.access_token(TestIssuer::SUBJECT).mint().unwrap();
        assert!(!is_cached(&api, &good) && verify(&api, &good) && is_cached(&api, &good), "{defect}");
    }
    let id_token = issuer.id_token("alice").mint().unwrap();
    assert!(now_or_never(api.verify_id_token(&id_token, Default::default())).is_ok());
    assert!(!is_cached(&api, &id_token) && !verify(&api, &id_token));
}

#[test]
fn promise_6_without_a_cache_nothing_is_cached() {
    let issuer = TestIssuer::new();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
        .cache(no_cache())
        .build()
        .unwrap();
    let token = issuer.access_token("alice").mint().unwrap();
    assert!(verify(&api, &token) && !is_cached(&api, &token));
}

#[test]
fn promise_6_a_token_too_large_for_the_cache_is_verified_all_the_same() {
    let issuer = TestIssuer::new();
    let small = CacheSettings::default().max_bytes(2048);
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
        .cache(small)
        .build()
        .unwrap();
    let token = issuer.access_token("alice").claim("pad", "A".repeat(8000)).mint().unwrap();
    for _ in 0..3 {
        assert!(verify(&api, &token) && !is_cached(&api, &token));
    }
}

#[test]
fn promise_6_hmac_tokens_are_never_cached() {
    let secret = *b"a secret of thirty-two bytes, or";
    let clock = TestIssuer::new().clock().clone();
    let key = VerifyingKey::from_hmac_secret(&secret, Algorithm::HS256).unwrap();
    let issuer = TokenIssuer::builder("https://hmac.test")
        .signing_key(SigningKey::from_hmac_secret(&secret, Algorithm::HS256).unwrap())
        .clock(clock.clone())
        .default_audience("https://api.test")
        .build()
        .unwrap();
    let api = ResourceServer::builder("https://api.test")
        .issuer(TrustedIssuer::with_keys(
            "https://hmac.test",
            KeySet::from_keys([key]),
            TokenProfile::rfc9068().algorithms([Algorithm::HS256]),
        ))
        .clock(clock)
        .build()
        .unwrap();
    let token = issuer.access_token("alice").client_id("client-1").mint().unwrap();
    for _ in 0..3 {
        assert!(verify(&api, &token), "the token is good");
        assert!(!is_cached(&api, &token));
    }
}

#[test]
fn promise_12_two_servers_share_no_cache() {
    let issuer = TestIssuer::new();
    let (one, other) = (issuer.server(), issuer.server());
    let token = issuer.access_token("alice").mint().unwrap();
    assert!(verify(&one, &token));
    assert!(is_cached(&one, &token) && is_cached(&one.clone(), &token) && !is_cached(&other, &token));
}

#[test]
fn promise_6_a_revoked_key_ends_its_tokens_at_once_and_no_others() {
    for by_thumbprint in [false, true] {
        let issuer = TestIssuer::new();
        let first = issuer.access_token("first").mint().unwrap();
        let thumbprint = issuer.token_issuer().signing_key().thumbprint().unwrap();
        issuer.rotate();
        let second = issuer.access_token("second").mint().unwrap();
        let api = issuer.server();
        assert!(verify(&api, &first) && verify(&api, &second));

        let name = if by_thumbprint { &*thumbprint } else { "key-1" };
        assert_eq!(api.revoke_key("https://another.test", name), Err(RevokeKeyError::UnknownIssuer));
        assert_eq!(api.revoke_key(issuer.issuer(), "key-9"), Ok(KeyRevocation::WasNotInUse));
        assert!(is_cached(&api, &first));
        assert_eq!(api.revoke_key(issuer.issuer(), name), Ok(KeyRevocation::WasInUse));
        assert!(!is_cached(&api, &first) && !verify(&api, &first));
        assert!(is_cached(&api, &second), "the survivor stays cached");
        assert_eq!(api.revoke_key(issuer.issuer(), name), Ok(KeyRevocation::WasNotInUse), "gone already");
        assert!(!verify(&api, &first));
    }
}

/// Same signature, different head: the tail is what is hashed, and every byte is compared.
#[test]
fn promise_6_a_token_with_the_tail_of_a_cached_one_is_a_miss() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let good = issuer.access_token("alice").mint().unwrap();
    assert!(verify(&api, &good));
    let identity = api.try_verify_cached(&good).unwrap();
    assert_eq!(identity.subject(), "alice");
    let dot = good.find('.').unwrap();
    for (name, token) in [
        ("first byte", format!("f{}", &good[1..])),
        ("header", format!("{}{}", &good[1..dot], &good[dot..])),
        ("one byte more before", format!("A{good}")),
        ("one byte more behind", format!("{good}A")),
        ("one byte less", good[..good.len() - 1].to_owned()),
        ("the tail alone", good[good.len() - 32..].to_owned()),
        ("twice", format!("{good}{good}")),
        ("in upper case", good.to_uppercase()),
        ("nothing", String::new()),
    ] {
        assert!(!is_cached(&api, &token), "{name}");
        assert!(!verify(&api, &token), "{name}");
    }
    assert_eq!(verdict(&api, &good, None), verdict(&api, &good, None));
}

//! The other side of the wire: what a back end mints, and what it refuses to.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tower_resource_server::{
    issuer::{IssueError, SceytIssuer, SigningKey, TokenIssuer},
    keys::Algorithm,
    preset,
    preset::sceyt::MIN_LIFETIME,
    test_util::ManualClock,
    time::UnixTime,
};

use crate::{HOUR, KEY_ONE, KEY_TWO, NOW, ONE, Service, TWO};

const MAX: Duration = Duration::from_secs(6 * HOUR);

/// A back end whose clock is between two seconds.
fn backend(key: &SigningKey) -> TokenIssuer {
    let clock = ManualClock::new(UnixTime::from_secs_f64(NOW as f64 + 0.75).unwrap());
    TokenIssuer::builder("https://backend.example").signing_key(key.clone()).clock(clock).build().unwrap()
}

fn issuer() -> SceytIssuer {
    SceytIssuer::new(backend(&KEY_ONE.private), MAX).unwrap()
}

/// Header and claims of a token, as they stand there.
fn parts(token: &str) -> [Value; 2] {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode_to_vec(part).unwrap());
    [(); 2].map(|()| serde_json::from_slice(&parts.next().unwrap()).unwrap())
}

#[test]
fn a_token_has_the_shape_of_the_official_ones() {
    let [header, claims] = parts(&issuer().mint("alice", MAX).unwrap());
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT" }));
    assert_eq!(claims, json!({ "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 6 * HOUR }));
    let [_, claims] = parts(&issuer().application(ONE).mint("alice", MAX).unwrap());
    assert_eq!(claims["aid"], ONE);
}

#[tokio::test]
async fn a_lifetime_out_of_bounds_is_not_minted() {
    let enforcing = Service::new(preset::sceyt::server(KEY_ONE.application(ONE)).enforce_lifetime(Some(MAX)));
    enforcing.clock.advance(Duration::from_secs(1));
    let (second, step) = (Duration::from_secs(1), Duration::from_nanos(1));
    let shortest = MIN_LIFETIME;
    for (name, lifetime, seconds) in [
        ("none", Duration::ZERO, None),
        ("a second under the shortest", shortest - second, None),
        ("a step under the shortest", shortest - step, None),
        ("the shortest", shortest, Some(600)),
        ("a step over the shortest: whole seconds", shortest + step, Some(600)),
        ("a second over the shortest", shortest + second, Some(601)),
        ("a second under the longest", MAX - second, Some(6 * HOUR - 1)),
        ("the longest", MAX, Some(6 * HOUR)),
        ("a step over the longest", MAX + step, None),
        ("a second over the longest", MAX + second, None),
        ("for ever", Duration::MAX, None),
    ] {
        match (issuer().mint("alice", lifetime), seconds) {
            (Ok(token), Some(seconds)) => {
                let [_, claims] = parts(&token);
                assert_eq!(claims["exp"], NOW + seconds, "{name}");
                assert_eq!(enforcing.verdict(ONE, &token).await, None, "{name}: both sides agree");
            }
            (Err(error), None) => {
                let expected = IssueError::LifetimeOutOfBounds { lifetime, min: shortest, max: MAX };
                assert_eq!(error, expected, "{name}");
            }
            (minted, _) => panic!("{name}: {minted:?}"),
        }
    }
}

#[test]
fn a_longest_lifetime_with_a_fraction_is_kept_to() {
    let max = MIN_LIFETIME + Duration::from_millis(900);
    let issuer = SceytIssuer::new(backend(&KEY_ONE.private), max).unwrap();
    assert_eq!(parts(&issuer.mint("alice", max).unwrap())[1]["exp"], NOW + 600);
}

#[test]
fn what_cannot_be_minted_is_said() {
    let other = || SigningKey::generate(Algorithm::ES256).unwrap();
    let refused = |issuer, max| SceytIssuer::new(issuer, max).unwrap_err();
    assert_eq!(refused(backend(&other()), MAX), IssueError::UnknownKey);
    for (max, good) in [(MIN_LIFETIME - Duration::from_secs(1), false), (MIN_LIFETIME, true)] {
        assert_eq!(SceytIssuer::new(backend(&KEY_ONE.private), max).is_ok(), good, "{max:?}");
    }
    assert_eq!(issuer().mint("", MAX), Err(IssueError::EmptySubject));
    let error = issuer().mint("alice", Duration::from_secs(599)).unwrap_err();
    assert_eq!(error.to_string(), "a lifetime of 599 s: it has to be at least 600 s and at most 21600 s");

    // An RS256 key beside a signing key of another kind will do, until it is gone.
    let issuer = backend(&other());
    issuer.publish(KEY_ONE.private.clone()).unwrap();
    let sceyt = SceytIssuer::new(issuer.clone(), MAX).unwrap();
    assert_eq!(parts(&sceyt.mint("alice", MAX).unwrap())[0]["alg"], "RS256");
    issuer.retire(Algorithm::RS256).unwrap();
    assert_eq!(sceyt.mint("alice", MAX), Err(IssueError::UnknownKey));
}

#[tokio::test]
async fn a_minted_aid_is_judged() {
    let both = Service::new(
        preset::sceyt::server(KEY_ONE.application(ONE))
            .application(KEY_TWO.application(TWO))
            .require_aid(true),
    );
    let token = issuer().application(ONE).mint("alice", MAX).unwrap();
    assert_eq!(both.verdict(ONE, &token).await, None);
    assert_eq!(both.verdict(TWO, &token).await, Some(1021));
    assert_eq!(both.verdict(ONE, &issuer().mint("alice", MAX).unwrap()).await, Some(1021));
}

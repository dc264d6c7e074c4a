//! Every bound at, just inside and just outside.

use std::time::Duration;

use serde_json::{Value, json};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    keys::{Algorithm, KeySet, VerifyingKey},
    preset,
    preset::sceyt::{self, MIN_LIFETIME},
    test_util::ManualClock,
    time::UnixTime,
};

use crate::{HOUR, KEY_ONE, NOW, ONE, Service, claims_but};

const MINUTES_10: u64 = 600;

const EXPIRED: Option<u64> = Some(1020);
const INVALID: Option<u64> = Some(1021);
const NOT_ACTIVE: Option<u64> = Some(40103);

async fn judge(service: &Service, cases: impl IntoIterator<Item = (&str, Value, Option<u64>)>) {
    for (name, changes, expected) in cases {
        let token = KEY_ONE.sign(&claims_but(changes));
        assert_eq!(service.verdict(ONE, &token).await, expected, "{name}");
    }
}

#[tokio::test]
async fn the_dates_of_a_token() {
    let cases = [
        ("exp a second away", json!({ "exp": NOW + 1 }), None),
        ("exp now", json!({ "exp": NOW }), EXPIRED),
        ("exp a second ago", json!({ "exp": NOW - 1 }), EXPIRED),
        ("exp half a second away", json!({ "exp": NOW as f64 + 0.5 }), None),
        ("exp half a second ago", json!({ "exp": NOW as f64 - 0.5 }), EXPIRED),
        ("exp beyond all time", json!({ "exp": 1e300 }), None),
        ("exp absent", json!({ "exp": null }), INVALID),
        ("exp a string", json!({ "exp": (NOW + HOUR).to_string() }), INVALID),
        ("exp negative", json!({ "exp": -1 }), INVALID),
        ("exp an array", json!({ "exp": [NOW + HOUR] }), INVALID),
        ("nbf now", json!({ "nbf": NOW }), None),
        ("nbf a second ago", json!({ "nbf": NOW - 1 }), None),
        ("nbf a second away", json!({ "nbf": NOW + 1 }), NOT_ACTIVE),
        ("nbf half a second ago", json!({ "nbf": NOW as f64 - 0.5 }), None),
        ("nbf half a second away", json!({ "nbf": NOW as f64 + 0.5 }), NOT_ACTIVE),
        ("nbf 4000, an absolute date like any other", json!({ "nbf": 4000 }), None),
        ("nbf absent", json!({ "nbf": null }), None),
        ("nbf a string", json!({ "nbf": NOW.to_string() }), INVALID),
        ("iat now", json!({ "iat": NOW }), None),
        ("iat a second ago", json!({ "iat": NOW - 1 }), None),
        ("iat a second away", json!({ "iat": NOW + 1 }), NOT_ACTIVE),
        ("iat a quarter of a second away", json!({ "iat": NOW as f64 + 0.25 }), NOT_ACTIVE),
        ("iat absent", json!({ "iat": null }), None),
        ("iat a bool", json!({ "iat": true }), INVALID),
        ("all dates but exp absent", json!({ "iat": null, "nbf": null }), None),
        ("expired and not active", json!({ "exp": NOW - 1, "nbf": NOW + 1 }), EXPIRED),
    ];
    judge(&Service::plain(), cases).await;
}

#[tokio::test]
async fn leeway_only_when_told() {
    let settings = preset::sceyt::server(KEY_ONE.application(ONE)).leeway(Duration::from_secs(60));
    let cases = [
        ("exp just within", json!({ "exp": NOW - 59 }), None),
        ("exp at the leeway", json!({ "exp": NOW - 60 }), EXPIRED),
        ("exp just beyond", json!({ "exp": NOW - 61 }), EXPIRED),
        ("nbf just within", json!({ "nbf": NOW + 59 }), None),
        ("nbf at the leeway", json!({ "nbf": NOW + 60 }), None),
        ("nbf just beyond", json!({ "nbf": NOW + 61 }), NOT_ACTIVE),
        ("iat at the leeway", json!({ "iat": NOW + 60 }), None),
        ("iat just beyond", json!({ "iat": NOW + 61 }), NOT_ACTIVE),
    ];
    judge(&Service::new(settings), cases).await;
}

#[tokio::test]
async fn the_bare_table_grants_none_either() {
    let keys = KeySet::from_keys([VerifyingKey::from_pem(KEY_ONE.public, Algorithm::RS256).unwrap()]);
    let api = ResourceServer::builder("chat")
        .select_issuer_by(sceyt::APPLICATION_HEADER)
        .issuer(TrustedIssuer::with_keys(ONE, keys, sceyt::token(ONE)))
        .clock(ManualClock::new(UnixTime::from_secs(NOW)))
        .build()
        .unwrap();
    for (exp, good) in [(NOW + 1, true), (NOW, false)] {
        let token = KEY_ONE.sign(&claims_but(json!({ "exp": exp })));
        assert_eq!(api.verify_access_token_of(ONE, &token).await.is_ok(), good);
    }
}

#[tokio::test]
async fn a_remembered_token_ends_when_it_says() {
    let service = Service::plain();
    let token = KEY_ONE.sign(&claims_but(json!({ "exp": NOW + 2 })));
    for (seconds, expected) in [(0, None), (1, None), (1, EXPIRED), (1, EXPIRED)] {
        service.clock.advance(Duration::from_secs(seconds));
        assert_eq!(service.verdict(ONE, &token).await, expected);
    }
}

/// A token issued some time ago, so that short lives are not over yet.
fn living(seconds: u64) -> Value {
    json!({ "iat": NOW - 1, "nbf": NOW - 1, "exp": NOW - 1 + seconds })
}

#[tokio::test]
async fn no_lifetime_is_judged_unless_told() {
    let cases = [
        ("two seconds", living(2), None),
        ("ten minutes", living(MINUTES_10), None),
        ("a year", living(365 * 24 * HOUR), None),
        ("from nowhere", json!({ "iat": null, "nbf": null }), None),
    ];
    judge(&Service::plain(), cases).await;
}

#[tokio::test]
async fn a_lifetime_is_at_least_ten_minutes_and_at_most_what_was_configured() {
    let enforcing = |max| Service::new(preset::sceyt::server(KEY_ONE.application(ONE)).enforce_lifetime(max));
    let shortest = |seconds: f64| json!({ "iat": NOW, "exp": NOW as f64 + seconds });
    let cases = [
        ("two seconds", living(2), INVALID),
        ("just under the shortest", living(MINUTES_10 - 1), INVALID),
        ("the shortest", living(MINUTES_10), None),
        ("just over the shortest", living(MINUTES_10 + 1), None),
        ("a fraction under the shortest", shortest(599.5), INVALID),
        ("the shortest with a fraction of nothing", shortest(600.0), None),
        ("just under the longest", living(6 * HOUR - 1), None),
        ("the longest", living(6 * HOUR), None),
        ("just over the longest", living(6 * HOUR + 1), INVALID),
        // iat counts before nbf; nbf stands in for it.
        ("long since iat", json!({ "iat": NOW - HOUR, "nbf": NOW, "exp": NOW + 5 * HOUR + 1 }), INVALID),
        ("short since nbf alone", json!({ "iat": NOW - HOUR, "nbf": NOW, "exp": NOW + 1 }), None),
        ("without iat, the shortest", json!({ "iat": null, "exp": NOW + MINUTES_10 }), None),
        ("without iat, too short", json!({ "iat": null, "exp": NOW + MINUTES_10 - 1 }), INVALID),
        ("without iat, too long", json!({ "iat": null, "exp": NOW + 6 * HOUR + 1 }), INVALID),
        ("from nowhere", json!({ "iat": null, "nbf": null }), INVALID),
        ("expired and too short: expired", json!({ "iat": NOW - 5, "exp": NOW }), EXPIRED),
    ];
    judge(&enforcing(Some(Duration::from_secs(6 * HOUR))), cases).await;
    let cases = [
        ("just under the shortest", living(MINUTES_10 - 1), INVALID),
        ("the shortest", living(MINUTES_10), None),
        ("a year", living(365 * 24 * HOUR), None),
    ];
    judge(&enforcing(None), cases).await;
}

#[tokio::test]
async fn leeway_stretches_no_lifetime() {
    let settings = preset::sceyt::server(KEY_ONE.application(ONE))
        .leeway(Duration::from_secs(60))
        .enforce_lifetime(Some(Duration::from_secs(HOUR)));
    let cases = [
        ("too short", living(MINUTES_10 - 1), INVALID),
        ("the longest", living(HOUR), None),
        ("too long", living(HOUR + 1), INVALID),
    ];
    judge(&Service::new(settings), cases).await;
}

#[test]
fn a_longest_lifetime_under_the_shortest_is_a_mistake() {
    for (max, problems) in [
        (MIN_LIFETIME, 0),
        (MIN_LIFETIME + Duration::from_secs(1), 0),
        (MIN_LIFETIME - Duration::from_nanos(1), 1),
        (Duration::ZERO, 1),
    ] {
        let settings = preset::sceyt::server(KEY_ONE.application(ONE)).enforce_lifetime(Some(max));
        let found = settings.build().map_or_else(|error| error.problems().to_vec(), |_| Vec::new());
        assert_eq!(found.len(), problems, "{max:?}: {found:?}");
        assert!(found.iter().all(|problem| problem.text().starts_with("enforce_lifetime: ")), "{found:?}");
    }
}

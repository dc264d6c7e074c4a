//! Faults that take their time: outages against the hard bound, clock jumps, replicas, moves.

use tower_resource_server::{
    issuer::SigningKey,
    keys::Algorithm,
    source::{FetchError, RefreshError, SourceState},
    time::{Clock, UnixTime},
};

use crate::{
    provider::Answer,
    site::{JWKS, METADATA, OAUTH, Seen, Site, secs},
};

const HARD_BOUND: u64 = 6 * 3600;

fn tell(name: &str, what: &str, site: &Site) {
    let health = site.health();
    println!(
        "{name:<42} {what}; {} refreshes, {} GETs, {}",
        health.fetches,
        site.provider.requests(),
        health.state
    );
}

async fn warm() -> Site {
    let site = Site::new(secs(30)).await;
    site.api.ready().await.unwrap();
    site
}

fn dies(site: &Site) {
    site.provider.set_all(&Answer::Bytes(Vec::new()));
}

#[tokio::test]
async fn dead_for_just_under_and_just_over_the_hard_bound_and_back_again() {
    let site = warm().await;
    let since = site.clock.monotonic();
    dies(&site);
    // An hour at a time, each with its failures.
    for hour in 1..6 {
        site.clock.advance(secs(3600));
        assert!(site.refresh().await.is_err());
        assert_eq!((site.good().await, site.health().state), (Seen::Served, SourceState::Stale), "{hour} h");
    }
    site.clock.advance(secs(HARD_BOUND - 1) - (site.clock.monotonic() - since));
    assert!(site.refresh().await.is_err());
    assert_eq!((site.good().await, site.health().state), (Seen::Served, SourceState::Stale));
    tell("dead for just under the hard bound", "200 to the last second", &site);

    let token = site.issuer.access_token("alice").unique().mint().unwrap();
    assert_eq!(site.ask(&token).await, Seen::Served, "verified, and remembered");
    site.clock.advance(secs(1));
    assert!(site.refresh().await.is_err());
    for (name, seen) in [
        ("new", site.good().await),
        ("remembered", site.ask(&token).await),
        ("unknown", site.unknown().await),
    ] {
        assert!(seen.is_unavailable(), "{name}: {}", seen.label());
    }
    assert_eq!(site.health().state, SourceState::Dead);
    tell("dead for just over the hard bound", "503, never 401", &site);

    site.heal();
    site.clock.advance(secs(67));
    assert_eq!((site.good().await, site.unknown().await), (Seen::Served, Seen::Refused));
    assert_eq!((site.health().state, site.health().generation), (SourceState::Fresh, 1));
    tell("back again", "200, the same generation", &site);
}

#[tokio::test]
async fn dead_at_start_and_alive_later() {
    let site = Site::new(secs(30)).await;
    dies(&site);
    for attempt in 0..20 {
        assert!(site.good().await.is_unavailable(), "{attempt}");
        assert_eq!(site.health().state, SourceState::Empty);
        site.clock.advance(secs(1));
    }
    let fetches = site.health().fetches;
    assert!((3..=6).contains(&fetches), "{fetches} refreshes in 20 s, 1, 2, 4 and 8 s apart");
    site.heal();
    site.clock.advance(secs(67));
    assert_eq!((site.good().await, site.health().state), (Seen::Served, SourceState::Fresh));
    tell("dead at start", "503, then 200", &site);
}

#[tokio::test]
async fn clocks_that_jump() {
    let site = warm().await;
    // Beyond the hard bound, the keys may be as old as the wall clock says: they are fetched again.
    for (name, unix, fetches) in [
        ("back to 1970", 0, 1),
        ("where it was", 1_700_000_000, 1),
        ("far ahead", 4_000_000_000, 2),
        ("where it was again", 1_700_000_000, 2),
    ] {
        site.clock.set_unix(UnixTime::from_secs(unix));
        assert_eq!((site.good().await, site.health().state), (Seen::Served, SourceState::Fresh), "{name}");
        assert_eq!(site.health().fetches, fetches, "{name}");
    }
    tell("the wall clock jumps", "200", &site);

    // Asleep for hours: the first that asks is served, or waits for the keys that are fetched now.
    for hours in [1, 5, 7, 1000] {
        site.clock.advance(secs(hours * 3600));
        assert_eq!(site.good().await, Seen::Served, "after {hours} h");
        site.refresh().await.unwrap();
        assert_eq!(site.health().state, SourceState::Fresh, "after {hours} h");
    }
    tell("the machine was asleep", "200", &site);
}

#[tokio::test]
async fn replicas_that_alternate_old_and_new_set() {
    let site = warm().await;
    let old = site.jwks();
    let (old_key, kid) = (site.issuer.token_issuer().signing_key(), site.issuer.rotate());
    let turns = [Answer::Document(old), Answer::Document(site.jwks())];
    site.provider.set(JWKS, Answer::Turns(turns.into()));
    let (mut served, mut refused) = (0, 0);
    for _ in 0..300 {
        site.clock.advance(secs(1));
        assert_eq!(site.signed_with(&old_key).await, Seen::Served, "the key that both have");
        match site.good().await {
            Seen::Served => served += 1,
            Seen::Refused => refused += 1,
            Seen::Unavailable(_) => panic!("503 while the provider answers"),
        }
    }
    let fetches = site.health().fetches;
    assert!(fetches <= 1 + 5 + 30 + 2, "{fetches} refreshes in 300 s");
    assert!(served > 0);
    site.heal();
    site.clock.advance(secs(301));
    site.refresh().await.unwrap();
    assert_eq!(site.good().await, Seen::Served, "{kid}");
    tell("replicas alternate", &format!("old key 200; new key {served} × 200, {refused} × 401"), &site);
}

#[tokio::test]
async fn a_jwks_uri_that_keeps_moving_is_followed_with_each_new_key() {
    let site = warm().await;
    for (turn, path) in ["/a", "/b", "/c", "/a"].into_iter().enumerate() {
        site.clock.advance(secs(20));
        // What was there stays there, without the new key.
        site.issuer.rotate();
        site.provider.set(path, Answer::Document(site.jwks()));
        site.provider.set(METADATA, site.metadata(path));
        assert_eq!(site.good().await, Seen::Served, "turn {turn}");
    }
    assert_eq!(site.health().generation, 5);
    tell("a jwks_uri that keeps moving", "200 from the first request on", &site);
}

#[tokio::test]
async fn a_provider_that_asks_to_be_left_alone_is() {
    let site = warm().await;
    site.clock.advance(secs(20));
    for known in [METADATA, OAUTH, JWKS] {
        site.provider.set(known, Answer::status("429 Too Many Requests\r\nRetry-After: 40"));
    }
    assert!(matches!(
        site.refresh().await,
        Err(RefreshError::KeySetFetch(FetchError::Status { retry_after: Some(_), .. }))
    ));
    let asked = site.provider.requests();
    for second in 0..39 {
        assert_eq!((site.good().await, site.unknown().await), (Seen::Served, Seen::Unavailable(40 - second)));
        site.clock.advance(secs(1));
    }
    assert_eq!(site.provider.requests(), asked);
    site.heal();
    site.clock.advance(secs(1));
    assert_eq!(site.unknown().await, Seen::Refused);
    tell("429 with Retry-After", "not asked for 40 s", &site);
}

#[tokio::test]
async fn entity_tags_save_the_body_and_a_lie_about_them_is_found_out() {
    let site = warm().await;
    site.provider.set(JWKS, Answer::Tagged("\"v1\"", site.jwks()));
    site.refresh().await.unwrap();
    let before = site.provider.written();
    site.refresh().await.unwrap();
    // The metadata is read again for any request; the key set is not.
    assert!(site.provider.written() - before < 400 + site.jwks().len() as u64);
    assert_eq!((site.good().await, site.health().generation), (Seen::Served, 1));
    tell("304", "200", &site);
}

#[tokio::test]
async fn a_published_secret_signs_nothing() {
    let site = warm().await;
    let secret = b"secret secret secret secret!!";
    let key =
        serde_json::json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE" });
    site.provider.set(JWKS, Answer::Document(site.jwks_and(&[key])));
    site.refresh().await.unwrap();
    assert_eq!(site.health().skipped, 1);
    let forged = SigningKey::from_secret(Algorithm::HS256, &[secret.as_slice(), &[0; 32]].concat()).unwrap();
    assert_eq!(site.signed_with(&forged.kid("shared")).await, Seen::Refused);
    assert_eq!(site.good().await, Seen::Served);
    tell("a published secret", "401 for what it signs", &site);
}

#[tokio::test]
async fn both_of_two_keys_under_one_kid_verify() {
    let site = warm().await;
    let namesake = SigningKey::generate(Algorithm::ES256).unwrap().kid("key-1");
    let rsa = crate::site::rsa().kid("key-1");
    let entries = [&namesake, &rsa].map(|key| key.public_jwk().unwrap());
    site.provider.set(JWKS, Answer::Document(site.jwks_and(&entries)));
    site.clock.advance(secs(20));
    site.refresh().await.unwrap();
    assert_eq!(site.good().await, Seen::Served);
    assert_eq!(site.signed_with(&namesake).await, Seen::Served, "of the same algorithm");
    let by_rsa = site.signed_with(&rsa).await;
    // The profile takes what its table names, whichever key signs; RS256 is among it.
    assert_eq!(by_rsa, Seen::Served, "of another type");
    tell("one kid for three keys", "200 for each", &site);
}

//! What the provider publishes: key sets good and bad, entity tags, metadata and moves.

use super::*;
use crate::keys::JwksError;

const METADATA: &str = "https://login.example/.well-known/openid-configuration";
const OAUTH: &str = "https://login.example/.well-known/oauth-authorization-server";
const ELSEWHERE: &str = "https://keys.example/jwks";

fn metadata(issuer: &str, jwks_uri: &str) -> Answer {
    let document = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}"}}"#);
    Answer::Document(FetchResponse::document(document))
}

fn key_set(keys: &[(&str, u8)]) -> Answer {
    Answer::Document(FetchResponse::document(jwks(keys)))
}

fn discovering() -> Bench {
    let discovery = Discovery::new("https://login.example", &false.into()).unwrap();
    Bench::with(KeyLocation::Discover(discovery), pools(4096))
}

/// A source that found its keys, `a`, by discovery.
async fn discovered() -> Bench {
    let bench = discovering();
    bench.provider.set(METADATA, metadata("https://login.example", JWKS));
    bench.provider.publish(&[("a", 1)]);
    assert_eq!(bench.request("a").await, Outcome::Found);
    assert_eq!(bench.provider.fetches(), 2);
    bench
}

#[tokio::test]
async fn a_set_that_is_none_is_refused_and_the_old_one_kept() {
    let keys: Vec<_> = (0..=crate::keys::MAX_KEYS).map(|n| (format!("k{n}"), n as u8)).collect();
    let many = jwks(&keys.iter().map(|(kid, n)| (&**kid, *n)).collect::<Vec<_>>());
    for (name, document) in [
        ("empty", r#"{"keys":[]}"#),
        ("all unusable", r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"new"}]}"#),
        ("HTML", "<html>maintenance</html>"),
        ("truncated", r#"{"keys":[{"kty":"OKP""#),
        ("no body", ""),
        ("too many", many.as_str()),
    ] {
        let bench = Bench::loaded().await;
        bench.provider.set(JWKS, Answer::Document(FetchResponse::document(document.to_owned())));
        assert!(matches!(bench.keys.refresh_now().await, Err(RefreshError::KeySet(_))), "{name}");
        assert_eq!((bench.request("a").await, bench.generation()), (Outcome::Found, 1), "{name}");
    }
}

/// As SPIFFE says of its bundles. What is no set revokes nothing.
#[tokio::test]
async fn an_empty_set_revokes_all_where_the_issuer_says_so() {
    let of = |key_use: &str| jwks(&[("a", 1)]).replace(r#""kty""#, &format!(r#""use":"{key_use}","kty""#));
    for (name, document, expected) in [
        ("empty", r#"{"keys":[]}"#.to_owned(), Outcome::Lacks),
        ("keys for certificates", of("x509-svid"), Outcome::Lacks),
        ("keys for signatures of another kind", of("sig"), Outcome::Lacks),
        ("the same key", of("jwt-svid"), Outcome::Found),
        ("HTML", "<html>maintenance</html>".to_owned(), Outcome::Found),
        ("no member", "{}".to_owned(), Outcome::Found),
    ] {
        let settings = RefreshSettings {
            empty_set_revokes: true,
            key_use: Some("jwt-svid".into()),
            ..RefreshSettings::default()
        };
        let location = Discovery::new("https://login.example", &false.into()).unwrap();
        let bench = Bench::with_settings(KeyLocation::Discover(location), pools(4096), settings);
        bench.provider.set(METADATA, metadata("https://login.example", JWKS));
        bench.provider.set(JWKS, Answer::Document(FetchResponse::document(of("jwt-svid"))));
        assert_eq!(bench.request("a").await, Outcome::Found, "{name}");
        bench.provider.set(JWKS, Answer::Document(FetchResponse::document(document)));
        _ = bench.keys.refresh_now().await;
        assert_eq!(bench.request("a").await, expected, "{name}");
    }
}

#[tokio::test]
async fn unusable_entries_are_skipped_and_counted() {
    let bench = Bench::new();
    let good = jwks(&[("a", 1)]);
    let mixed = good.replace(r#"{"keys":["#, r#"{"keys":[7,{"kty":"oct","k":"AAAA"},"#);
    bench.provider.set(JWKS, Answer::Document(FetchResponse::document(mixed)));
    assert_eq!(bench.request("a").await, Outcome::Found);
    let health = bench.keys.health();
    assert_eq!((health.keys, health.skipped), (1, 2));
}

#[tokio::test]
async fn a_document_beyond_the_limit_is_refused_with_any_http_client() {
    let bench = Bench::new();
    bench.provider.set(JWKS, Answer::Document(FetchResponse::document(vec![b' '; 256 * 1024 + 1])));
    let error = RefreshError::KeySetFetch(HttpError::TooLarge { limit: 256 * 1024 }.into());
    assert_eq!(bench.keys.refresh_now().await, Err(error));
}

#[tokio::test]
async fn the_bounds_of_the_settings_are_those_of_each_fetch() {
    let defaults = RefreshSettings::default();
    let bounded = RefreshSettings { max_keys: 2, max_body: 1000, ..RefreshSettings::default() };
    let too_many = Err(RefreshError::KeySet(JwksError::TooManyKeys { limit: 2 }));
    for (name, settings, keys, bounds, expected) in [
        ("the defaults", defaults, &[("a", 1), ("b", 2), ("c", 3)][..], 256 * 1024, Ok(())),
        ("others", bounded.clone(), &[("a", 1), ("b", 2)], 1000, Ok(())),
        ("others, exceeded", bounded, &[("a", 1), ("b", 2), ("c", 3)], 1000, too_many),
    ] {
        let location = Discovery::new("https://login.example", &false.into()).unwrap();
        let bench = Bench::with_settings(KeyLocation::Discover(location), pools(4096), settings);
        bench.provider.set(METADATA, metadata("https://login.example", JWKS));
        bench.provider.publish(keys);
        assert_eq!(bench.keys.refresh_now().await, expected, "{name}");
        assert_eq!(*bench.provider.bounds.lock().unwrap(), [bounds; 2], "{name}: the metadata and the keys");
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_a_document_is_skipped() {
    let marked = |answer: Answer| match answer {
        Answer::Document(FetchResponse { body: Some(body), .. }) => {
            Answer::Document(FetchResponse::document(["\u{feff}".as_bytes(), &body].concat()))
        }
        other => other,
    };
    let bench = discovering();
    bench.provider.set(METADATA, marked(metadata("https://login.example", JWKS)));
    bench.provider.set(JWKS, marked(key_set(&[("a", 1)])));
    assert_eq!(bench.request("a").await, Outcome::Found);
}

#[tokio::test]
async fn a_refresh_without_change_leaves_the_snapshot_in_place() {
    let bench = Bench::loaded().await;
    let snapshot = || Arc::clone(&bench.keys.snapshot(bench.clocks()).unwrap().0);
    let before = snapshot();
    bench.provider.publish(&[("b", 2), ("a", 1)]);
    bench.advance(secs(270)).await;
    assert_eq!((bench.provider.fetches(), bench.keys.health().age), (2, Some(secs(0))));
    assert!(Arc::ptr_eq(&before, &snapshot()));
}

#[tokio::test]
async fn an_entity_tag_goes_with_the_set_it_came_with() {
    let bench = Bench::new();
    let tagged = |keys: &[(&str, u8)], etag: &str| {
        let response = FetchResponse::document(jwks(keys));
        let max_age = Some(secs(600));
        Answer::Document(FetchResponse { etag: Some(etag.parse().unwrap()), max_age, ..response })
    };
    bench.provider.set(JWKS, tagged(&[("a", 1)], "v1"));
    assert_eq!(bench.request("a").await, Outcome::Found);
    assert_eq!(bench.provider.last_etag(), None);

    bench.advance(secs(540)).await;
    assert_eq!(
        (bench.provider.fetches(), bench.provider.last_etag()),
        (2, Some(HeaderValue::from_static("v1")))
    );
    assert_eq!((bench.generation(), bench.keys.health().age), (1, Some(secs(0))), "304 counts as fresh");

    // A set that is refused leaves no tag behind, or the next 304 would vouch for the wrong one.
    bench.provider.set(JWKS, tagged(&[], "v2"));
    assert!(bench.keys.refresh_now().await.is_err());
    bench.provider.set(JWKS, tagged(&[("c", 3)], "v3"));
    assert_eq!(bench.keys.refresh_now().await, Ok(()));
    assert_eq!(bench.provider.last_etag(), Some(HeaderValue::from_static("v1")));
    assert_eq!(bench.request("c").await, Outcome::Found);
}

#[tokio::test]
async fn a_304_to_an_unconditional_request_is_no_answer() {
    let bench = Bench::new();
    bench.provider.set(JWKS, Answer::Document(FetchResponse::not_modified()));
    let error = RefreshError::KeySetFetch(FetchError::NotModified);
    assert_eq!(bench.keys.refresh_now().await, Err(error));
}

#[tokio::test]
async fn discovery_falls_back_along_the_well_known_locations() {
    for (name, first) in [
        ("not found", None),
        ("another issuer", Some(metadata("https://evil.example", ELSEWHERE))),
        ("HTML", Some(Answer::Document(FetchResponse::document("<html>")))),
    ] {
        let bench = discovering();
        bench.provider.publish(&[("a", 1)]);
        bench.provider.set(OAUTH, metadata("https://login.example", JWKS));
        if let Some(first) = first {
            bench.provider.set(METADATA, first);
        }
        assert_eq!(bench.request("a").await, Outcome::Found, "{name}");
        assert_eq!(bench.provider.fetches_of(ELSEWHERE), 0, "{name}");
    }
}

#[tokio::test]
async fn of_several_locations_the_error_that_tells_most_is_reported() {
    let status_error = |status| {
        let status = StatusCode::from_u16(status).unwrap();
        FetchError::Status { status, retry_after: None }
    };
    let fails = |status_code| Answer::Responds(status(status_code));
    let html = || Answer::Document(FetchResponse::document("<html>"));
    let fetch = |error| RefreshError::MetadataFetch(error);
    for (name, first, second, expected) in [
        ("a redirect, then nothing", fails(301), fails(404), fetch(status_error(301))),
        ("nothing, then a redirect", fails(404), fails(302), fetch(status_error(302))),
        ("forbidden, then nothing", fails(403), fails(404), fetch(status_error(403))),
        ("nothing, then an error", fails(404), fails(500), fetch(status_error(500))),
        ("a redirect, then an error", fails(308), fails(500), fetch(status_error(308))),
        ("nothing at either", fails(410), fails(404), fetch(status_error(410))),
        (
            "nothing, then no answer",
            fails(404),
            Answer::Fails(HttpError::Timeout),
            fetch(HttpError::Timeout.into()),
        ),
        (
            "a redirect, then no answer",
            fails(302),
            Answer::Fails(HttpError::Timeout),
            fetch(status_error(302)),
        ),
        (
            "nothing, then too much",
            fails(404),
            Answer::Fails(HttpError::TooLarge { limit: 1 }),
            fetch(HttpError::TooLarge { limit: 1 }.into()),
        ),
        ("a redirect, then HTML", fails(302), html(), RefreshError::Metadata(MetadataError::Malformed)),
        ("HTML, then a redirect", html(), fails(302), RefreshError::Metadata(MetadataError::Malformed)),
    ] {
        let bench = discovering();
        bench.provider.set(METADATA, first);
        bench.provider.set(OAUTH, second);
        assert_eq!(bench.keys.refresh_now().await, Err(expected.clone()), "{name}");
        assert_eq!(bench.keys.health().last_error, Some(expected), "{name}");
    }
    let redirect = fetch(status_error(301)).to_string();
    assert_eq!(redirect, "metadata: answered with the redirect 301, which is not followed");
    assert_eq!(fetch(status_error(404)).to_string(), "metadata: answered with status 404");
}

#[tokio::test]
async fn metadata_that_cannot_be_used_is_reported() {
    for (name, answer, expected) in [
        (
            "another issuer",
            metadata("https://login.example/", JWKS),
            RefreshError::Metadata(MetadataError::IssuerMismatch),
        ),
        (
            "http",
            metadata("https://login.example", "http://login.example/jwks"),
            RefreshError::Metadata(MetadataError::JwksUri(UrlError::Insecure)),
        ),
        ("unreachable", Answer::Fails(HttpError::Tls), RefreshError::MetadataFetch(HttpError::Tls.into())),
    ] {
        let bench = discovering();
        bench.provider.publish(&[("a", 1)]);
        bench.provider.set(METADATA, answer);
        assert_eq!(bench.keys.refresh_now().await, Err(expected), "{name}");
        assert_eq!(bench.provider.fetches_of(JWKS), 0, "{name}");
    }
}

#[tokio::test]
async fn a_key_without_an_algorithm_is_for_those_that_are_advertised() {
    // The modulus of RFC 7515 appendix A.2.
    const RSA: &str = r#"{"keys":[{"kty":"RSA","kid":"r","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}"#;
    let advertising = |algorithms: &str| {
        let document = format!(
            r#"{{"issuer":"https://login.example","jwks_uri":"{JWKS}","id_token_signing_alg_values_supported":[{algorithms}]}}"#
        );
        Answer::Document(FetchResponse::document(document))
    };
    let algorithms = |bench: &Bench| {
        let keys = bench.keys.snapshot(bench.clocks()).unwrap();
        keys.keys().iter().map(|key| format!("{:?}", key.algorithms())).collect::<Vec<_>>()
    };
    let bench = discovering();
    let mut document = FetchResponse::document(RSA);
    document.etag = Some(HeaderValue::from_static("\"r\""));
    bench.provider.set(JWKS, Answer::Document(document));
    bench.provider.set(METADATA, advertising(r#""RS256","HS256""#));
    bench.keys.refresh_now().await.unwrap();
    assert_eq!(algorithms(&bench), ["{RS256}"]);
    // The metadata changes and the key set does not: 304 would keep the old narrowing.
    bench.provider.set(METADATA, advertising(r#""PS256","RS256""#));
    bench.keys.refresh_now().await.unwrap();
    assert_eq!(algorithms(&bench), ["{RS256, PS256}"]);
    // What has nothing in common with the key takes nothing from it.
    bench.provider.set(METADATA, advertising(r#""ES256""#));
    bench.keys.refresh_now().await.unwrap();
    assert_eq!(algorithms(&bench), ["{RS256, RS384, RS512, PS256, PS384, PS512}"]);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_asked_once() {
    let bench = discovering();
    bench.provider.set(METADATA, Answer::Fails(HttpError::Connect));
    assert!(bench.keys.refresh_now().await.is_err());
    assert_eq!(bench.provider.fetches(), 1);
}

#[tokio::test]
async fn a_scheduled_refresh_is_one_request_and_reads_the_metadata_now_and_then() {
    let bench = discovered().await;
    bench.pass(secs(3500)).await;
    assert_eq!((bench.provider.fetches_of(METADATA), bench.provider.fetches_of(JWKS)), (1, 13));
    bench.pass(secs(400)).await;
    assert_eq!(bench.provider.fetches_of(METADATA), 2);
}

#[tokio::test]
async fn a_moved_key_set_is_followed() {
    for (name, old) in [
        ("the old location is gone", Answer::Fails(HttpError::Connect)),
        ("the old location serves the old keys", key_set(&[("a", 1)])),
        ("the old location serves an empty set", key_set(&[])),
    ] {
        let bench = discovered().await;
        bench.advance(secs(60)).await;
        bench.provider.set(JWKS, old);
        bench.provider.set(ELSEWHERE, key_set(&[("c", 3)]));
        bench.provider.set(METADATA, metadata("https://login.example", ELSEWHERE));
        assert_eq!(bench.request("c").await, Outcome::Found, "{name}");
        let asked = bench.provider.fetches_of(JWKS);
        bench.advance(secs(300)).await;
        assert_eq!(bench.provider.fetches_of(JWKS), asked, "{name}: the old location is asked again");
    }
}

#[tokio::test]
async fn a_moved_key_set_is_followed_although_the_old_location_hangs() {
    let bench = discovered().await;
    bench.provider.set(JWKS, Answer::Hangs);
    bench.provider.set(ELSEWHERE, key_set(&[("c", 3)]));
    bench.provider.set(METADATA, metadata("https://login.example", ELSEWHERE));
    bench.pass(secs(270 + 5 + 2)).await;
    assert_eq!(bench.request("c").await, Outcome::Found);
}

#[tokio::test]
async fn a_broken_metadata_endpoint_keeps_no_request_from_fresh_keys() {
    for (name, answer) in [
        ("hangs", Answer::Hangs),
        ("fails", Answer::Fails(HttpError::Connect)),
        ("another issuer", metadata("https://evil.example", ELSEWHERE)),
    ] {
        let bench = discovered().await;
        bench.provider.set(METADATA, answer);
        bench.provider.publish(&[("c", 3)]);
        bench.advance(secs(60)).await;
        assert_eq!(bench.request("c").await, Outcome::Found, "{name}");
        // Also after a failure, when the metadata is asked first.
        bench.provider.fail();
        let refresh = {
            let keys = Arc::clone(&bench.keys);
            tokio::spawn(async move { keys.refresh_now().await })
        };
        settle().await;
        bench.pass(secs(6)).await;
        assert!(refresh.is_finished(), "{name}");
        assert!(refresh.await.unwrap().is_err(), "{name}");
        bench.provider.publish(&[("d", 4)]);
        let first = bench.spawn_requests(1, "d");
        settle().await;
        bench.pass(secs(6)).await;
        assert!(first.iter().all(JoinHandle::is_finished), "{name}");
        assert_eq!(bench.request("d").await, Outcome::Found, "{name}");
    }
}

#[tokio::test]
async fn the_stale_if_error_limit_and_freshness_follow_what_the_response_says() {
    let bench = Bench::new();
    let response = FetchResponse::document(jwks(&[("a", 1)]));
    let response = FetchResponse { max_age: Some(secs(600)), age: secs(400), ..response };
    bench.provider.set(JWKS, Answer::Document(response));
    assert_eq!(bench.request("a").await, Outcome::Found);
    assert_eq!(bench.keys.health().next_refresh, Some(secs(180)), "90 % of what is left of its age");
}

#[tokio::test]
async fn an_entity_tag_stays_with_its_location() {
    let tagged = |keys: &[(&str, u8)]| {
        let response = FetchResponse::document(jwks(keys));
        Answer::Document(FetchResponse { etag: Some(HeaderValue::from_static("v1")), ..response })
    };
    let bench = discovering();
    bench.provider.set(METADATA, metadata("https://login.example", JWKS));
    bench.provider.set(JWKS, tagged(&[("a", 1)]));
    assert_eq!(bench.request("a").await, Outcome::Found);
    bench.advance(secs(60)).await;
    // The new location happens to count its versions alike.
    bench.provider.set(METADATA, metadata("https://login.example", ELSEWHERE));
    bench.provider.set(ELSEWHERE, tagged(&[("c", 3)]));
    assert_eq!(bench.request("c").await, Outcome::Found);
    assert_eq!(bench.provider.last_etag(), None);
}

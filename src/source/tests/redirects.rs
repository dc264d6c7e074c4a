//! Redirects: which are followed, and how many.

use super::*;

fn redirect(code: u16, location: &'static str) -> Answer {
    let mut response = status(code);
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(location));
    Answer::Responds(response)
}

/// A source whose key set is at `/0`; `/n` redirects to `/n-1`, and the location that is configured to
/// wherever `location` says.
fn redirecting(location: &'static str, code: u16, max_redirects: u8) -> Bench {
    let settings = RefreshSettings { max_redirects, ..RefreshSettings::default() };
    let keys = KeyLocation::Jwks(SourceUrl::parse(JWKS, false).unwrap());
    let bench = Bench::with_settings(keys, pools(4096), settings);
    bench.provider.set(JWKS, redirect(code, location));
    bench.provider.set("https://login.example/2", redirect(code, "/1"));
    bench.provider.set("https://login.example/1", redirect(code, "/0"));
    let document = FetchResponse::document(jwks(&[("a", 1)]));
    let document = FetchResponse { etag: Some(HeaderValue::from_static("\"v1\"")), ..document };
    bench.provider.set("https://login.example/0", Answer::Document(document));
    bench
}

fn asked(bench: &Bench) -> Vec<String> {
    let log = bench.provider.log.lock().unwrap();
    log.iter().map(|(url, _)| url.replace("https://login.example", "")).collect()
}

fn refused(code: u16) -> Result<(), RefreshError> {
    let status = StatusCode::from_u16(code).unwrap();
    Err(RefreshError::KeySetFetch(FetchError::Status { status, retry_after: None }))
}

#[tokio::test]
async fn redirects_within_the_origin_are_followed_as_many_as_were_asked_for() {
    for (name, location, max_redirects, expected, visits) in [
        ("none by default", "/0", 0, refused(302), vec!["/jwks"]),
        ("one of one", "/0", 1, Ok(()), vec!["/jwks", "/0"]),
        ("two of one", "/1", 1, refused(302), vec!["/jwks", "/1"]),
        ("three of three", "/2", 3, Ok(()), vec!["/jwks", "/2", "/1", "/0"]),
        ("a loop", "/jwks", 2, refused(302), vec!["/jwks", "/jwks", "/jwks"]),
        ("to another origin", "https://login.example:8443/0", 5, refused(302), vec!["/jwks"]),
        ("down to http", "http://login.example/0", 5, refused(302), vec!["/jwks"]),
        ("to a metadata address", "http://169.254.169.254/0", 5, refused(302), vec!["/jwks"]),
        ("to nowhere", "", 1, refused(302), vec!["/jwks", "/jwks"]),
    ] {
        let bench = redirecting(location, 302, max_redirects);
        assert_eq!(bench.keys.refresh_now().await, expected, "{name}");
        assert_eq!(asked(&bench), visits, "{name}");
    }
}

#[tokio::test]
async fn a_redirect_has_one_of_five_statuses_and_a_location() {
    for (code, followed) in
        [(300, false), (301, true), (302, true), (303, true), (305, false), (307, true), (308, true)]
    {
        let bench = redirecting("/0", code, 5);
        let expected = if followed { Ok(()) } else { refused(code) };
        assert_eq!(bench.keys.refresh_now().await, expected, "{code}");
    }
    let bench = redirecting("/0", 302, 5);
    bench.provider.set(JWKS, Answer::Responds(status(302)));
    assert_eq!(bench.keys.refresh_now().await, refused(302), "without a location");
}

#[tokio::test]
async fn a_redirected_request_is_as_conditional_as_the_first() {
    let bench = redirecting("/0", 307, 1);
    bench.keys.refresh_now().await.unwrap();
    bench.keys.refresh_now().await.unwrap();
    assert_eq!(asked(&bench), ["/jwks", "/0", "/jwks", "/0"]);
    assert_eq!(bench.provider.last_etag(), Some(HeaderValue::from_static("\"v1\"")));
    assert_eq!((bench.generation(), bench.keys.health().last_error), (1, None));
}

#[tokio::test]
async fn redirects_share_the_deadline_of_the_fetch() {
    let bench = redirecting("/2", 302, 5);
    bench.provider.set("https://login.example/1", Answer::Hangs);
    let keys = Arc::clone(&bench.keys);
    let refresh = tokio::spawn(async move { keys.refresh_now().await });
    settle().await;
    bench.advance(secs(5)).await;
    assert!(refresh.is_finished());
    assert_eq!(refresh.await.unwrap(), Err(RefreshError::KeySetFetch(HttpError::Timeout.into())));
    assert_eq!(asked(&bench), ["/jwks", "/2", "/1"]);
}

//! What holds wherever a token is.

use std::convert::Infallible;

use axum::{
    body::{Body, to_bytes},
    extract::OriginalUri,
};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version, header};
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::{
    Authentication, Identity, ResourceServer,
    http::{Reason, RequestHead, TokenLocation},
    middleware::ForwardedIdentity,
    test_util::{Defect, TestIssuer},
};

use crate::site::server;

const KUBERNETES: &str = "base64url.bearer.authorization.k8s.io.";

/// A server with one location, and how a token gets there.
type Place = (&'static str, TokenLocation, fn(&str) -> Request<Body>);

fn places() -> Vec<Place> {
    fn with(name: HeaderName, value: String) -> Request<Body> {
        Request::get("/").header(name, value).body(Body::empty()).unwrap()
    }
    vec![
        ("Authorization", TokenLocation::authorization(), |token| {
            with(header::AUTHORIZATION, format!("Bearer {token}"))
        }),
        ("another scheme", TokenLocation::authorization_with_scheme("Token"), |token| {
            with(header::AUTHORIZATION, format!("token {token}"))
        }),
        ("a header", TokenLocation::header("x-assertion"), |token| {
            with(HeaderName::from_static("x-assertion"), token.to_owned())
        }),
        ("a header and a scheme", TokenLocation::header_with_scheme("x-assertion", "Bearer"), |token| {
            with(HeaderName::from_static("x-assertion"), format!("Bearer {token}"))
        }),
        ("a cookie", TokenLocation::cookie("__Host-session"), |token| {
            with(header::COOKIE, format!("theme=dark; __Host-session={token}; lang=en"))
        }),
        ("a quoted cookie", TokenLocation::cookie("__Host-session"), |token| {
            with(header::COOKIE, format!("__Host-session=\"{token}\""))
        }),
        ("a subprotocol", TokenLocation::websocket("bearer."), |token| {
            with(header::SEC_WEBSOCKET_PROTOCOL, format!("chat, bearer.{token}"))
        }),
        ("an encoded subprotocol", TokenLocation::websocket_base64url(KUBERNETES), |token| {
            let encoded = URL_SAFE_NO_PAD.encode_to_string(token);
            with(header::SEC_WEBSOCKET_PROTOCOL, format!("{KUBERNETES}{encoded}, chat"))
        }),
        ("a subprotocol behind another", TokenLocation::websocket_after("access_token"), |token| {
            with(header::SEC_WEBSOCKET_PROTOCOL, format!("access_token, {token}"))
        }),
        ("the query", TokenLocation::dangerous().query("access_token"), |token| {
            Request::get(format!("/?access_token={token}")).body(Body::empty()).unwrap()
        }),
        ("a form", TokenLocation::dangerous().form("access_token"), |token| {
            Request::post("/")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(format!("a=b&access_token={}&c=d", token.replace('+', "%2B")).into())
                .unwrap()
        }),
    ]
}

/// A ticket is issued for what was verified: it stands for no bad token.
fn ticket() -> Place {
    ("a ticket", TokenLocation::ticket("ticket"), |ticket| {
        Request::get(format!("/?a=b&ticket={ticket}&c=d")).body(Body::empty()).unwrap()
    })
}

/// What a server makes of a request: whose it is, or why not.
async fn result(api: &ResourceServer, request: Request<Body>) -> Result<Option<String>, Reason> {
    let inner = service_fn(async |request: Request<Body>| Ok::<_, Infallible>(request));
    let request = api.form_tokens().layer(inner).oneshot(request).await.unwrap();
    let authentication = api.authenticate(&request).await.map_err(|why| why.reason().clone())?;
    Ok(authentication.identity().map(|who| who.subject().to_owned()))
}

/// The same with the server.
type Built = (&'static str, ResourceServer, fn(&str) -> Request<Body>);

fn servers(issuer: &TestIssuer) -> Vec<Built> {
    let built = |(name, location, write): Place| {
        (name, server(issuer).token_location(location).build().unwrap(), write)
    };
    places().into_iter().map(built).collect()
}

/// All defects but one: no browser sends a cookie as long as a token that is too large.
fn sizeless() -> Vec<Defect> {
    Defect::ALL.iter().copied().filter(|defect| *defect != Defect::TooLarge).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_token_is_worth_the_same_wherever_it_is(
        defect in proptest::sample::select(sizeless()),
        subject in "[a-z]{1,12}",
        changed in any::<prop::sample::Index>(),
    ) {
        let issuer = TestIssuer::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let servers = servers(&issuer);
        let good = issuer.access_token(&subject).mint().unwrap();
        let mut flipped = good.clone().into_bytes();
        let at = changed.index(flipped.len());
        flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
        let tokens = [
            good.clone(),
            issuer.broken_from(&issuer.access_token(&subject), defect),
            String::from_utf8(flipped).unwrap(),
            good[..at.max(1)].to_owned(),
        ];
        runtime.block_on(async {
            for token in &tokens {
                let mut results = Vec::new();
                for (name, api, write) in &servers {
                    // Twice: the second comes from the cache, if the first is in it.
                    for _ in 0..2 {
                        results.push((*name, result(api, write(token)).await));
                    }
                }
                let (_, first) = &results[0];
                for (name, result) in &results {
                    assert_eq!(result, first, "{name}: {defect:?}");
                }
            }
        });
    }

    #[test]
    fn cookies_of_any_shape_are_answered_and_never_another_users(
        field in "[ -~]{0,200}",
        before in any::<bool>(),
    ) {
        let issuer = TestIssuer::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let api = server(&issuer).token_location(TokenLocation::cookie("__Host-session")).build().unwrap();
        let token = issuer.access_token("alice").mint().unwrap();
        let cookie = format!("__Host-session={token}");
        let field = if before { format!("{field}; {cookie}") } else { format!("{cookie}; {field}") };
        let request = Request::get("/").header(header::COOKIE, field).body(Body::empty()).unwrap();
        let found = runtime.block_on(result(&api, request));
        // Printable text beside it takes nothing away, unless it is a cookie of the same name.
        prop_assert_eq!(found, Ok(Some("alice".to_owned())));
    }
}

/// What a service behind gets: what its log of the whole head writes, which is without the values that are marked, and
/// what else it may write into an answer; and all values of fields.
async fn handed_on(request: Request<Body>) -> [String; 2] {
    assert!(request.extensions().get::<Identity>().is_some());
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().into()).unwrap();
    let OriginalUri(original) = parts.extensions.get().unwrap();
    let shown = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let offered = parts.headers.get(header::SEC_WEBSOCKET_PROTOCOL).map(shown);
    let values = parts.headers.values().map(shown);
    [format!("{} {original} {:?} {offered:?} {body}", parts.uri, parts.headers), values.collect()]
}

#[tokio::test]
async fn promise_10_credentials_are_sensitive_or_gone_wherever_they_were() {
    let issuer = TestIssuer::new();
    let token = issuer.access_token("alice").mint().unwrap();
    let identity = ForwardedIdentity::builder().subject("x-auth-subject").build().unwrap();
    for (removed, forwarded) in [(false, false), (true, false), (false, true)] {
        for (name, location, write) in places().into_iter().chain([ticket()]) {
            let api = server(&issuer).token_location(location).remove_credentials(removed).build().unwrap();
            let layer = if forwarded { api.layer().forward(identity.clone()) } else { api.layer() };
            let inner = service_fn(async |request| {
                Ok::<_, Infallible>(http::Response::new(handed_on(request).await.join("\n")))
            });
            let credential = if name == "a ticket" {
                let identity = api.verify_access_token(&token).await.unwrap();
                api.issue_ticket(&identity).unwrap()
            } else {
                token.clone()
            };
            let encoded = URL_SAFE_NO_PAD.encode_to_string(&credential);
            let leaks = |text: &str| text.contains(&credential) || text.contains(&encoded);
            let mut request = write(&credential);
            let original = OriginalUri(request.uri().clone());
            request.extensions_mut().insert(original);
            let service = api.form_tokens().layer(layer.layer(inner));
            let answer = service.oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 200, "{name}");
            let body = answer.into_body();
            let (logged, values) = body.split_once('\n').unwrap();
            assert!(!leaks(logged), "{name}: {logged}");
            assert!(!((removed || forwarded) && leaks(values)), "{name}: {values}");
        }
    }
}

#[tokio::test]
async fn cookies_of_http_2_may_be_in_several_fields() {
    let issuer = TestIssuer::new();
    let api = server(&issuer)
        .token_location(TokenLocation::cookie("__Host-session"))
        .remove_credentials(true)
        .build()
        .unwrap();
    let token = issuer.access_token("alice").mint().unwrap();
    let cookie = format!("__Host-session={token}");
    for (name, fields, expected, left) in [
        ("one", &[&*cookie][..], true, &[][..]),
        ("several", &["a=b", &*cookie, "c=d"], true, &["a=b", "c=d"]),
        (
            "several, with several in one",
            &["a=b; e=f", &format!("x=y; {cookie}")],
            true,
            &["a=b; e=f", "x=y"],
        ),
        ("twice in two fields", &[&*cookie, &*cookie], false, &[]),
    ] {
        let mut request = Request::get("https://api.test/").version(Version::HTTP_2).body(()).unwrap();
        for field in fields {
            request.headers_mut().append(header::COOKIE, HeaderValue::from_str(field).unwrap());
        }
        let inner = service_fn(|request: Request<()>| async move {
            let fields = request.headers().get_all(header::COOKIE).iter();
            let fields: Vec<_> = fields.map(|field| field.to_str().unwrap().to_owned()).collect();
            Ok::<_, Infallible>(http::Response::new(fields.join("|")))
        });
        let answer = api.layer().layer(inner).oneshot(request).await.unwrap();
        assert_eq!(answer.status().is_success(), expected, "{name}");
        if expected {
            assert_eq!(*answer.body(), left.join("|"), "{name}");
        }
    }
}

/// The public address decides beside `Host`, and `http` is no origin of an `https` one.
#[tokio::test]
async fn the_origin_is_compared_with_the_public_address() {
    let issuer = TestIssuer::new();
    let token = issuer.access_token("alice").mint().unwrap();
    for (resource, host, origin, expected) in [
        ("https://api.test", "internal:8080", "https://api.test", true),
        ("https://api.test/orders", "internal:8080", "https://api.test", true),
        ("https://api.test", "api.test", "https://api.test", true),
        ("https://api.test", "api.test", "http://api.test", false),
        ("http://api.test", "api.test", "http://api.test", true),
        ("https://api.test", "localhost:8080", "http://localhost:8080", false),
        ("https://api.test", "other.test", "https://other.test", true),
        ("https://api.test", "internal:8080", "https://internal:8080", true),
        ("https://api.test", "internal:8080", "https://evil.test", false),
        ("https://api.test", "", "https://evil.test", false),
        ("https://api.test", "api.test, evil.test", "https://evil.test", false),
    ] {
        let api = ResourceServer::builder(resource)
            .audience(issuer.audience())
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone())
            .token_location(TokenLocation::cookie("__Host-session"))
            .build()
            .unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::HOST, host.to_owned()),
            (header::ORIGIN, origin.to_owned()),
            (header::COOKIE, format!("__Host-session={token}")),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.headers_mut() = headers;
        let result = api.authenticate(RequestHead::from(&request)).await;
        let reason = result.as_ref().err().map(|why| why.reason().clone());
        assert_eq!(matches!(result, Ok(Authentication::Verified(_))), expected, "{resource} {host} {origin}");
        assert_eq!(reason, (!expected).then_some(Reason::CrossOrigin), "{resource} {host} {origin}");
    }
}

#[test]
fn the_metadata_says_which_methods_of_rfc_6750_are_taken() {
    let methods = |locations: &[TokenLocation]| {
        let issuer = TestIssuer::new();
        let server = ResourceServer::builder("https://api.test").issuer(issuer.trusted());
        let api = locations.iter().cloned().fold(server, |server, location| server.token_location(location));
        let service = api.build().unwrap().metadata_service::<bytes::Bytes>();
        let request = Request::get("/.well-known/oauth-protected-resource").body(()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(service.oneshot(request)).unwrap().into_body();
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        document["bearer_methods_supported"].to_string()
    };
    let (header, cookie) = (TokenLocation::authorization(), TokenLocation::cookie("__Host-session"));
    let query = TokenLocation::dangerous().query("access_token");
    assert_eq!(methods(&[]), r#"["header"]"#);
    assert_eq!(methods(std::slice::from_ref(&cookie)), "[]");
    assert_eq!(methods(&[cookie, header.clone()]), r#"["header"]"#);
    let form = TokenLocation::dangerous().form("access_token");
    assert_eq!(methods(&[header, query, form]), r#"["header","query","body"]"#);
}

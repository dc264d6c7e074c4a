use http::{Request, Response, header};

use super::*;
use crate::http::{Challenger, Json, Manner, Reason, reject_in_bytes};

fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn answer(login: &LoginRedirect<Json>, reason: Reason, request: &Request<()>) -> Response<bytes::Bytes> {
    let why = Challenger::default().refuse(reason, None, None);
    reject_in_bytes(login, &why, request.into(), false)
}

const NAVIGATION: &[(&str, &str)] = &[("sec-fetch-mode", "navigate"), ("accept", "text/html,*/*;q=0.8")];
const BROWSER: &[(&str, &str)] = &[("accept", "text/html, application/xhtml+xml, */*;q=0.8")];

#[test]
fn a_navigation_without_a_good_token_is_sent_to_the_login_page_and_nothing_else_is() {
    let login = LoginRedirect::to("/login").unwrap().otherwise(Json);
    let lacking = || Reason::InsufficientScope { scope: None };
    for (name, reason, method, headers, status, varies) in [
        ("a navigation", Reason::NoCredentials, "GET", NAVIGATION, 303, true),
        ("of a browser without fetch metadata", Reason::NoCredentials, "GET", BROWSER, 303, true),
        ("HEAD", Reason::NoCredentials, "HEAD", NAVIGATION, 303, true),
        (
            "a script",
            Reason::NoCredentials,
            "GET",
            &[("sec-fetch-mode", "cors"), ("accept", "text/html")],
            401,
            true,
        ),
        (
            "a script of the same origin",
            Reason::NoCredentials,
            "GET",
            &[("sec-fetch-mode", "same-origin")],
            401,
            true,
        ),
        ("a WebSocket", Reason::NoCredentials, "GET", &[("sec-fetch-mode", "websocket")], 401, true),
        (
            "two modes",
            Reason::NoCredentials,
            "GET",
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "cors")],
            401,
            true,
        ),
        ("a client of an API", Reason::NoCredentials, "GET", &[("accept", "application/json")], 401, true),
        ("anything is accepted", Reason::NoCredentials, "GET", &[("accept", "*/*")], 401, true),
        ("HTML is not", Reason::NoCredentials, "GET", &[("accept", "text/html;q=0, */*")], 401, true),
        ("HTML is not at all", Reason::NoCredentials, "GET", &[("accept", "text/html; Q=0.000")], 401, true),
        (
            "HTML at last",
            Reason::NoCredentials,
            "GET",
            &[("accept", "a/b, TEXT/HTML;level=1;q=0.1")],
            303,
            true,
        ),
        ("nothing is said", Reason::NoCredentials, "GET", &[], 401, true),
        ("a form", Reason::NoCredentials, "POST", NAVIGATION, 401, false),
        ("a deletion", Reason::NoCredentials, "DELETE", NAVIGATION, 401, false),
        ("not allowed", lacking(), "GET", NAVIGATION, 403, false),
        ("no keys", Reason::KeysUnavailable, "GET", NAVIGATION, 503, false),
    ] {
        let answer = answer(&login, reason, &request(method, "/orders", headers));
        let header = |name| answer.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap());
        assert_eq!(answer.status(), status, "{name}");
        let is_sent = status == 303;
        assert_eq!(header(header::LOCATION), is_sent.then_some("/login"), "{name}");
        assert_eq!(header(header::CACHE_CONTROL), is_sent.then_some("no-store"), "{name}");
        assert_eq!(header(header::VARY), varies.then_some("sec-fetch-mode, accept"), "{name}");
        assert_eq!(header(header::WWW_AUTHENTICATE).is_some(), matches!(status, 401 | 403), "{name}");
        assert_eq!(answer.body().is_empty(), is_sent, "{name}");
    }
}

#[test]
fn grpc_is_refused_in_grpc() {
    let login = LoginRedirect::to("/login").unwrap().otherwise(Json);
    let mut call =
        request("POST", "/a.B/C", &[("content-type", "application/grpc"), ("sec-fetch-mode", "navigate")]);
    *call.version_mut() = http::Version::HTTP_2;
    let answer = answer(&login, Reason::NoCredentials, &call);
    assert_eq!((answer.status().as_u16(), &answer.headers()["grpc-status"]), (200, &HeaderValue::from(16)));
    assert!(!answer.headers().contains_key(header::LOCATION));
}

#[test]
fn the_way_back_is_a_path_of_the_same_origin_or_none() {
    let long = format!("/{}", "x".repeat(MAX_RETURN));
    for (name, page, target, expected) in [
        ("a path", "/login", "/orders", "/login?next=/orders"),
        ("a query", "/login", "/orders?a=b&c=%20d", "/login?next=/orders%3Fa%3Db%26c%3D%2520d"),
        ("a page with a query", "/login?lang=de", "/a", "/login?lang=de&next=/a"),
        ("another origin", "https://login.example/start", "/a", "https://login.example/start?next=/a"),
        ("the absolute form", "/login", "http://evil.example/a", "/login?next=/a"),
        ("another host", "/login", "//evil.example/a", "/login"),
        ("another host, absolute", "/login", "http://a.example//evil.example", "/login"),
        (
            "an escape stays one",
            "/login",
            "/%2F%2Fevil.example/%0d%0aSet-Cookie:x",
            "/login?next=/%252F%252Fevil.example/%250d%250aSet-Cookie%3Ax",
        ),
        ("a scheme within", "/login", "/https://evil.example", "/login?next=/https%3A//evil.example"),
        ("too long", "/login", &*long, "/login"),
    ] {
        let login = LoginRedirect::to(page).unwrap().return_to("next").otherwise(Json);
        let Ok(uri) = target.parse::<Uri>() else { panic!("{name}: {target} is no target") };
        let mut navigation = request("GET", "/", NAVIGATION);
        *navigation.uri_mut() = uri;
        let answer = answer(&login, Reason::NoCredentials, &navigation);
        assert_eq!(answer.headers()[header::LOCATION], expected, "{name}");
    }
    let odd = LoginRedirect::to("/login").unwrap().return_to("a&b=c").otherwise(Json);
    let answer = answer(&odd, Reason::NoCredentials, &request("GET", "/x", NAVIGATION));
    assert_eq!(answer.headers()[header::LOCATION], "/login?a%26b%3Dc=/x");
}

#[test]
fn promise_10_the_way_back_holds_no_credentials() {
    let login = LoginRedirect::to("https://login.example/start").unwrap().return_to("next").otherwise(Json);
    let parameters = ["ticket", "access_token"].map(Into::into).into();
    let challenger = Challenger::default().sent_in(Manner { parameters, ..Manner::default() });
    for (name, target, expected) in [
        ("a token", "/file?access_token=secret", "/file"),
        ("a ticket between others", "/file?a=1&ticket=secret&b=2", "/file%3Fa%3D1%26b%3D2"),
        ("both", "/file?ticket=secret&access_token=secret", "/file"),
        ("twice", "/file?ticket=secret&ticket=secret&a=1", "/file%3Fa%3D1"),
        ("a name with an escape", "/file?t%69cket=secret", "/file"),
        ("another parameter", "/file?tickets=1", "/file%3Ftickets%3D1"),
    ] {
        let navigation = request("GET", target, NAVIGATION);
        let why = challenger.refuse(Reason::NoCredentials, None, None);
        let answer: Response<bytes::Bytes> = reject_in_bytes(&login, &why, (&navigation).into(), false);
        let expected = format!("https://login.example/start?next={expected}");
        assert_eq!(answer.headers()[header::LOCATION], expected, "{name}");
    }
}

#[test]
fn the_login_page_itself_is_not_redirected() {
    let login = LoginRedirect::to("/login?lang=de").unwrap().return_to("next").otherwise(Json);
    for (target, status) in [("/login", 401), ("/login?next=/a", 401), ("/login/", 303)] {
        let answer = answer(&login, Reason::NoCredentials, &request("GET", target, NAVIGATION));
        assert_eq!(answer.status(), status, "{target}");
    }
}

#[test]
fn a_login_page_is_of_this_origin_or_of_https() {
    for (page, good) in [
        ("/login", true),
        ("/", true),
        ("/login?lang=de", true),
        ("https://login.example", true),
        ("https://login.example:8443/a?b=c", true),
        ("http://localhost:3000/login", true),
        ("http://127.0.0.1/login", true),
        ("http://[::1]:3000/login", true),
        ("", false),
        ("login", false),
        ("//evil.example", false),
        ("/\\evil.example", false),
        ("/login#a", false),
        ("/lo gin", false),
        ("/login\r\nSet-Cookie: a=b", false),
        ("http://login.example", false),
        ("https://", false),
        ("https://user@login.example/", false),
        ("javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("ftp://login.example", false),
    ] {
        assert_eq!(LoginRedirect::to(page).is_ok(), good, "{page:?}");
    }
}

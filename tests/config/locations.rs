//! Where tokens are, as a file says it: of each key a request that it lets in, and one that it does not.

use axum::{
    Router,
    body::Body,
    http::{HeaderName, Request},
    routing::any,
};
use base64_simd::URL_SAFE_NO_PAD;
use tower_resource_server::{Identity, test_util::TestIssuer};

use crate::{
    built::{Folder, build, with_keys_of},
    support::ask,
};

/// Name, keys of the file, and requests: the line without the version, and the fields, in one text with line feeds.
/// Behind each, what comes of it: the status, and of 200 whose request it is, and which fields hold the token.
///
/// `{token}` is a good one of alice, `{encoded}` the same in base64url, `{ticket}` a ticket of alice.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PAIR: &str = "GET /\nX-Assertion: {token}\nCookie: __Host-session={token}";
const OF_THE_APP: &str = "POST /\nCookie: __Host-session={token}\nOrigin: https://app.test";
const OF_ANOTHER: &str = "POST /\nCookie: __Host-session={token}\nOrigin: https://evil.test";

/// The three WebSocket keys have the same value, so that one in place of another shows.
const TABLE: &[Row] = &[
    (
        "nothing",
        "",
        &[
            ("GET /\nAuthorization: Bearer {token}", "200 alice authorization"),
            ("GET /\nX-Assertion: {token}", "401 "),
        ],
    ),
    (
        "Authorization",
        "token_locations = [{ authorization = true }]",
        &[
            ("GET /\nAuthorization: Bearer {token}", "200 alice authorization"),
            ("GET /\nAuthorization: Token {token}", "401 "),
        ],
    ),
    (
        "Authorization with a scheme",
        "token_locations = [{ authorization = true, scheme = \"Token\" }]",
        &[
            ("GET /\nAuthorization: Token {token}", "200 alice authorization"),
            ("GET /\nAuthorization: Bearer {token}", "401 "),
        ],
    ),
    (
        "a header",
        "token_locations = [{ header = \"x-assertion\" }]",
        &[
            ("GET /\nX-Assertion: {token}", "200 alice x-assertion"),
            ("GET /\nX-Assertion: Bearer {token}", "400 "),
            ("GET /\nAuthorization: Bearer {token}", "401 "),
        ],
    ),
    (
        "a header with a scheme",
        "token_locations = [{ header = \"x-assertion\", scheme = \"Token\" }]",
        &[
            ("GET /\nX-Assertion: Token {token}", "200 alice x-assertion"),
            ("GET /\nX-Assertion: {token}", "401 "),
            ("GET /\nX-Assertion: Bearer {token}", "401 "),
        ],
    ),
    (
        "a cookie",
        "token_locations = [{ cookie = \"__Host-session\" }]",
        &[
            ("GET /\nCookie: a=b; __Host-session={token}", "200 alice cookie"),
            ("GET /\nCookie: a=b; session={token}", "401 "),
            ("GET /\nAuthorization: Bearer {token}", "401 "),
            (OF_THE_APP, "403 "),
        ],
    ),
    (
        "origins",
        "token_locations = [{ cookie = \"__Host-session\" }]\n\
         trusted_origins = [\"https://shop.test\", \"https://app.test\"]",
        &[(OF_THE_APP, "200 alice cookie"), (OF_ANOTHER, "403 ")],
    ),
    (
        "a subprotocol",
        "token_locations = [{ websocket = \"token.\" }]",
        &[
            ("GET /\nSec-WebSocket-Protocol: token.{token}, chat", "200 alice"),
            ("GET /\nSec-WebSocket-Protocol: token.{encoded}, chat", "401 "),
            ("GET /\nSec-WebSocket-Protocol: token., {token}", "400 "),
        ],
    ),
    (
        "an encoded subprotocol",
        "token_locations = [{ websocket_base64url = \"token.\" }]",
        &[
            ("GET /\nSec-WebSocket-Protocol: token.{encoded}, chat", "200 alice"),
            ("GET /\nSec-WebSocket-Protocol: token.{token}, chat", "400 "),
            ("GET /\nSec-WebSocket-Protocol: token., {token}", "400 "),
        ],
    ),
    (
        "a subprotocol behind another",
        "token_locations = [{ websocket_after = \"token.\" }]",
        &[
            ("GET /\nSec-WebSocket-Protocol: token., {token}", "200 alice"),
            ("GET /\nSec-WebSocket-Protocol: token., {encoded}", "401 "),
            ("GET /\nSec-WebSocket-Protocol: token.{token}, chat", "401 "),
        ],
    ),
    (
        "a ticket",
        "token_locations = [{ authorization = true }, { ticket = \"pass\" }]",
        &[
            ("GET /?pass={ticket}", "200 alice"),
            ("GET /?pass={token}", "401 "),
            ("GET /?ticket={ticket}", "401 "),
            ("GET /?ticket={token}", "401 "),
        ],
    ),
    (
        "the query",
        "token_locations = [{ dangerous_query = \"pass\" }]",
        &[
            ("GET /?pass={token}", "200 alice"),
            ("GET /?access_token={token}", "401 "),
            ("GET /\nAuthorization: Bearer {token}", "401 "),
        ],
    ),
    (
        "one of two",
        "token_locations = [{ header = \"x-assertion\" }, { cookie = \"__Host-session\" }]",
        &[
            ("GET /\nX-Assertion: {token}", "200 alice x-assertion"),
            ("GET /\nCookie: __Host-session={token}", "200 alice cookie"),
            (PAIR, "400 "),
        ],
    ),
    (
        "both of two",
        "token_locations = [{ header = \"x-assertion\" }, { cookie = \"__Host-session\" }]\n\
         token_locations_agree = true",
        &[
            (PAIR, "200 alice cookie x-assertion"),
            ("GET /\nX-Assertion: {token}", "400 "),
            ("GET /\nCookie: __Host-session={token}", "400 "),
        ],
    ),
    (
        "removed",
        "token_locations = [{ header = \"x-assertion\" }, { cookie = \"__Host-session\" }]\n\
         remove_credentials = true",
        &[
            ("GET /\nX-Assertion: {token}", "200 alice"),
            ("GET /\nCookie: a=b; __Host-session={token}", "200 alice"),
            ("GET /\nAuthorization: Bearer {token}", "401 "),
        ],
    ),
    (
        "removed from Authorization",
        "remove_credentials = true",
        &[("GET /\nAuthorization: Bearer {token}", "200 alice")],
    ),
    (
        "not removed",
        "remove_credentials = false",
        &[("GET /\nAuthorization: Bearer {token}", "200 alice authorization")],
    ),
];

/// Whose request it is, and the fields that are longer than any that holds no token.
async fn seen(who: Identity, request: Request<Body>) -> String {
    let holds_token = |name: &&HeaderName| request.headers()[*name].len() > 200;
    let mut names: Vec<_> = request.headers().keys().filter(holds_token).map(HeaderName::as_str).collect();
    names.sort_unstable();
    [&[who.subject()], &*names].concat().join(" ")
}

fn request(text: &str) -> Request<Body> {
    let (line, fields) = text.split_once('\n').unwrap_or((text, ""));
    let (method, target) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(target).header("host", "api.test");
    let fields = fields.lines().map(|field| field.split_once(": ").unwrap());
    let request = fields.fold(request, |request, (name, value)| request.header(name, value));
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_token_is_where_the_file_says_and_not_elsewhere() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("places"));
    let token = issuer.access_token("alice").mint().unwrap();
    let encoded = URL_SAFE_NO_PAD.encode_to_string(&token);
    let mut failures = Vec::new();
    for (name, root, requests) in TABLE {
        let configured = build(&issuer, &with_keys_of(&issuer, &folder, root, ""));
        let server = configured.server();
        let identity = server.verify_access_token(&token).await.unwrap();
        let app = Router::new().fallback(any(seen)).layer(configured.layer());
        for (text, expected) in *requests {
            let mut written = text.replace("{token}", &token).replace("{encoded}", &encoded);
            if written.contains("{ticket}") {
                written = written.replace("{ticket}", &server.issue_ticket(&identity).unwrap());
            }
            let answer = ask(&app, request(&written)).await;
            let found = format!("{} {}", answer.status().as_u16(), answer.body);
            if found != *expected {
                failures.push(format!("{name}: {text}: {found}, not {expected}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

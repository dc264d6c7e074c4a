//! Tokens in forms, and what is left of a form for the service behind.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{Router, body::Body, routing::any};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body::Frame;
use tower::ServiceExt;
use tower_resource_server::{http::TokenLocation, test_util::TestIssuer};

use crate::site::{
    Expected::{self, Admitted, BadRequest, BadToken, NoCredentials, Sees},
    Row, row, seen, server,
};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const TWO: Expected = BadRequest("the request has tokens in several places");
const SEVERAL: Expected = BadRequest("the form has several parameters of the token");
const MALFORMED: Expected = BadRequest("the form parameter of the token is malformed");
const UNREADABLE: Expected = BadRequest("the form is too large or ended early");
/// An escaped `+` is a character of tokens, though of none in base64url.
const NO_BASE64: Expected = BadToken("a part of the token is not strict base64url");

/// A form of 4 096 bytes, which is the largest that the server reads.
fn filled(beyond: usize) -> String {
    format!("a={}", ".".repeat(4_096 - 2 + beyond))
}

pub fn rows() -> Vec<Row> {
    let bearer = "Authorization: Bearer {good}";
    let post = |body: &str| format!("POST /form\n{FORM}\n\n{body}");
    let typed =
        |content_type: &str| format!("POST /form\nContent-Type: {content_type}\n\naccess_token={{good}}");
    [
        ("alone", post("access_token={good}"), Sees("alice")),
        ("first", post("access_token={good}&a=b&c"), Sees("alice 5:a=b&c")),
        ("between others", post("a=b&access_token={good}&c=d"), Sees("alice 7:a=b&c=d")),
        ("last", post("a=%26&access_token={good}"), Sees("alice 5:a=%26")),
        ("between empty pairs", post("&access_token={good}&"), Sees("alice 1:&")),
        ("beside letters beyond ASCII", post("a=\u{ff}&access_token={good}"), Sees("alice 4:a=\u{ff}")),
        ("an escaped name", post("%61ccess%5Ftoken={good}&c=d"), Sees("alice 3:c=d")),
        ("with PUT", format!("PUT /form\n{FORM}\n\naccess_token={{good}}"), Sees("alice")),
        ("with PATCH", format!("PATCH /form\n{FORM}\n\naccess_token={{good}}"), Sees("alice")),
        ("with GET", format!("GET /form\n{FORM}\n\naccess_token={{good}}"), NoCredentials),
        ("with DELETE", format!("DELETE /form\n{FORM}\n\naccess_token={{good}}"), NoCredentials),
        ("a type with a parameter", typed("application/x-www-form-urlencoded; charset=UTF-8"), Sees("alice")),
        ("a type in capitals", typed("Application/X-WWW-Form-URLEncoded"), Sees("alice")),
        ("a type with space", typed("  application/x-www-form-urlencoded ;charset=utf-8"), Sees("alice")),
        ("of another type", typed("text/plain"), NoCredentials),
        ("of a longer type", typed("application/x-www-form-urlencoded-2"), NoCredentials),
        ("of two types in one", typed("text/plain, application/x-www-form-urlencoded"), NoCredentials),
        ("of several parts", typed("multipart/form-data; boundary=a"), NoCredentials),
        ("of JSON", typed("application/json"), NoCredentials),
        ("without a type", "POST /form\n\naccess_token={good}".into(), NoCredentials),
        ("of two types", format!("POST /form\n{FORM}\n{FORM}\n\naccess_token={{good}}"), NoCredentials),
        (
            "encoded",
            format!("POST /form\n{FORM}\nContent-Encoding: gzip\n\naccess_token={{good}}"),
            NoCredentials,
        ),
        ("no token", post("a=b"), NoCredentials),
        ("an empty form", post(""), NoCredentials),
        ("another name", post("access_token2={good}"), NoCredentials),
        ("a name in capitals", post("ACCESS_TOKEN={good}"), NoCredentials),
        ("a name with a space", post("access_token+={good}"), NoCredentials),
        ("empty", post("access_token="), MALFORMED),
        ("without a value", post("access_token"), MALFORMED),
        ("escaped", post("access_token={escaped}&a=b"), Sees("alice 3:a=b")),
        ("escaped in part", post("access_token={good}%"), MALFORMED),
        ("escaped by other letters", post("access_token=%6g{good}"), MALFORMED),
        ("an escaped character of tokens", post("access_token={good}%2B"), NO_BASE64),
        ("an escaped line feed", post("access_token={good}%0a"), MALFORMED),
        ("with a space", post("access_token={good}+"), MALFORMED),
        ("with a scheme", post("access_token=Bearer+{good}"), MALFORMED),
        ("with an escaped scheme", post("access_token=Bearer%20{good}"), MALFORMED),
        ("behind a line", post("access_token={good}\r\n"), MALFORMED),
        ("twice", post("access_token={good}&access_token={good}"), SEVERAL),
        ("twice in two spellings", post("access_token={good}&access_toke%6e={bob}"), SEVERAL),
        ("a good one and an empty one", post("access_token={good}&access_token="), SEVERAL),
        ("and in Authorization", format!("POST /form\n{FORM}\n{bearer}\n\naccess_token={{good}}"), TWO),
        (
            "and another in Authorization",
            format!("POST /form\n{FORM}\n{bearer}\n\naccess_token={{bob}}"),
            TWO,
        ),
        (
            "an empty one, and in Authorization",
            format!("POST /form\n{FORM}\n{bearer}\n\naccess_token="),
            MALFORMED,
        ),
        (
            "other credentials in Authorization",
            format!("POST /form\n{FORM}\nAuthorization: Basic dTpw\n\naccess_token={{good}}"),
            Sees("alice authorization!Basic dTpw"),
        ),
        ("in Authorization alone", format!("POST /form\n{FORM}\n{bearer}\n\na=b"), Admitted),
        ("in the query alone", format!("POST /form?access_token={{good}}\n{FORM}\n\na=b"), NoCredentials),
        ("expired", post("access_token={expired}"), BadToken("the token has expired")),
        ("forged", post("access_token={forged}"), BadToken("the token's signature is invalid")),
        ("as large as is read", format!("POST /form\n{FORM}\n{bearer}\n\n{}", filled(0)), Admitted),
        ("larger than is read", format!("POST /form\n{FORM}\n\n{}", filled(1)), UNREADABLE),
        (
            "larger, and in Authorization",
            format!("POST /form\n{FORM}\n{bearer}\n\n{}", filled(1)),
            UNREADABLE,
        ),
        ("larger, and of another type", format!("POST /form\n{bearer}\n\n{}", filled(1)), Admitted),
        ("not taken from forms", format!("POST /both\n{FORM}\n\naccess_token={{good}}"), NoCredentials),
        ("no layer reads the form", format!("POST /unread\n{FORM}\n\naccess_token={{good}}"), NoCredentials),
    ]
    .map(|(name, request, expected)| row(name, request, expected))
    .into()
}

/// A body that comes in pieces.
struct Pieces(VecDeque<io::Result<String>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.0.pop_front().map(|piece| piece.map(|piece| Frame::data(piece.into()))))
    }
}

/// The pieces of a form of `alice`, cut wherever, and what comes of it: the status, and what the service behind saw.
async fn in_pieces(pieces: impl Fn(&str) -> Vec<io::Result<String>>) -> (StatusCode, String) {
    let issuer = TestIssuer::new();
    let api =
        server(&issuer).token_location(TokenLocation::dangerous().form("access_token")).build().unwrap();
    let app = Router::new().route("/", any(seen)).layer(api.layer()).layer(api.form_tokens());
    let token = issuer.access_token("alice").mint().unwrap();
    let request = Request::post("/")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::TRANSFER_ENCODING, "chunked")
        .body(Body::new(Pieces(pieces(&token).into())))
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_form_in_pieces_goes_on_in_one() {
    let each =
        |token: &str| format!("a=b&access_token={token}&c=d").chars().map(|c| Ok(c.to_string())).collect();
    assert_eq!(in_pieces(each).await, (StatusCode::OK, "alice 7:a=b&c=d".into()));
}

#[tokio::test]
async fn a_form_that_ends_early_is_refused_whatever_came_of_it() {
    let broken = |token: &str| {
        vec![Ok(format!("access_token={token}&c=d")), Err(io::Error::from(io::ErrorKind::UnexpectedEof))]
    };
    assert_eq!(in_pieces(broken).await, (StatusCode::BAD_REQUEST, String::new()));
}

#[tokio::test]
async fn the_largest_form_is_64_kib_unless_told_otherwise() {
    let filled = |beyond: usize| {
        move |token: &str| {
            let form = format!("access_token={token}&c=");
            let rest = 64 * 1024 + beyond - form.len();
            vec![Ok(form), Ok("d".repeat(rest))]
        }
    };
    assert_eq!(in_pieces(filled(0)).await.0, StatusCode::OK);
    assert_eq!(in_pieces(filled(1)).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn each_server_takes_the_parameter_that_it_names() {
    let issuer = TestIssuer::new();
    let api = |parameter: &str| {
        server(&issuer).token_location(TokenLocation::dangerous().form(parameter)).build().unwrap()
    };
    let (outer, inner) = (api("outer"), api("inner"));
    let app = Router::new().route("/", any(seen)).layer(inner.layer()).layer(outer.layer());
    let app = app.layer(outer.form_tokens()).layer(inner.form_tokens());
    let token = |user: &str| issuer.access_token(user).mint().unwrap();
    let both = format!("outer={}&a=b&inner={}", token("alice"), token("bob"));
    for (form, expected) in [
        (both, (StatusCode::OK, "bob 3:a=b")),
        (format!("outer={}", token("alice")), (StatusCode::UNAUTHORIZED, "")),
        (format!("inner={}", token("bob")), (StatusCode::UNAUTHORIZED, "")),
    ] {
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = app.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!((status, &*body), (expected.0, expected.1.as_bytes()));
    }
}

#[tokio::test]
async fn what_is_outside_of_the_layer_gets_nothing_of_a_form_that_cannot_be_read() {
    let issuer = TestIssuer::new();
    let api =
        server(&issuer).token_location(TokenLocation::dangerous().form("access_token")).build().unwrap();
    let length = async |request: Request<Body>| {
        let length = request.headers().get(header::CONTENT_LENGTH).cloned().unwrap();
        let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
        format!("{}:{}", length.to_str().unwrap(), body.len())
    };
    let app = Router::new().route("/", any(length)).layer(api.form_tokens().max_form(10));
    for (form, expected) in [("a=12345678", "10:10"), ("a=123456789", "0:0")] {
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONTENT_LENGTH, form.len())
            .body(Body::from(form))
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(&*body, expected.as_bytes());
    }
}

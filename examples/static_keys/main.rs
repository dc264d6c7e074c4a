//! The issuer's key comes from a PEM file: nothing is fetched, and nothing has to be reachable.
//!
//! Shows what a few requests are answered, without a server around the router. It needs neither
//! the feature `remote` nor a runtime of many threads.

use std::{convert::Infallible, error::Error};

use axum::{
    Router,
    body::Body,
    http::{Request, header::AUTHORIZATION, header::WWW_AUTHENTICATE},
    routing::{get, post},
};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_resource_server::{
    Identity, ResourceServer, TrustedIssuer,
    keys::{Algorithm, KeySet, VerifyingKey},
    policy::scope,
    profile::TokenProfile,
};

/// The public key of the issuer: `openssl pkey -pubout` writes such a file.
const KEY: &str = include_str!("login.example.pem");

/// Alice may read orders, until the year 2100.
const READER: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJhdWQiOiJodHRwczovL2FwaS5leGFtcGxlIiwiY2xpZW50X2lkIjoid2ViIiwiZXhwIjo0MTAyNDQ0ODAwLCJpYXQiOjE3NjcyMjU2MDAsImlzcyI6Imh0dHBzOi8vbG9naW4uZXhhbXBsZSIsImp0aSI6ImI1QWtaMFZwb3RibjVNeTZtWl9tOHciLCJzY29wZSI6Im9yZGVyczpyZWFkIiwic3ViIjoiYWxpY2UifQ.3fcxJNIUeDYG6Nhq_HX2hb5bi0-Jx4XngN4apqMXc55WeH3N45_D3BfSJsL2jLa0eQq6ylWXeqJXRUkcHiS6AQ";
/// The same, until an hour after midnight on the first of January 2026.
const EXPIRED: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJhdWQiOiJodHRwczovL2FwaS5leGFtcGxlIiwiY2xpZW50X2lkIjoid2ViIiwiZXhwIjoxNzY3MjI5MjAwLCJpYXQiOjE3NjcyMjU2MDAsImlzcyI6Imh0dHBzOi8vbG9naW4uZXhhbXBsZSIsImp0aSI6IkFqb2xnMTk0Tnd6ZXdod3ltRzBzWFEiLCJzY29wZSI6Im9yZGVyczpyZWFkIiwic3ViIjoiYWxpY2UifQ.O_sxjcWCsn7KNa3Y7DGE-4eytAnIR52smb54evuHMfa-kWK42eqnj8A4hdieaj6KRvSZwBuMm-p_2-20lC9qBg";

fn router(api: &ResourceServer) -> Router {
    Router::new()
        .route("/orders", get(async |who: Identity| format!("the orders of {}", who.subject())))
        .route("/orders/new", post(async || "made").layer(api.guard(scope("orders:write"))))
        .layer(api.layer())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = KeySet::from_keys([VerifyingKey::from_pem(KEY, Algorithm::EdDSA)?]);
    let api = ResourceServer::builder("https://api.example")
        .issuer(TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068()))
        .build()?;
    let router = router(&api);

    // The last claim is `"sub":"alice"`; now it says carol.
    let tampered = READER.replace("YWxpY2UifQ", "Y2Fyb2wifQ");
    for (what, method, path, token) in [
        ("no token", "GET", "/orders", None),
        ("a good token", "GET", "/orders", Some(READER)),
        ("a token that has expired", "GET", "/orders", Some(EXPIRED)),
        ("a token that was changed on the way", "GET", "/orders", Some(&tampered)),
        ("a good token without the scope for it", "POST", "/orders/new", Some(READER)),
    ] {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        println!("> {method} {path} with {what}");
        show(&router, request.body(Body::empty())?).await?;
    }
    Ok(())
}

async fn show(router: &Router, request: Request<Body>) -> Result<(), Box<dyn Error>> {
    let answer: Result<_, Infallible> = router.clone().oneshot(request).await;
    let (head, body) = answer?.into_parts();
    println!("< {}", head.status);
    if let Some(challenge) = head.headers.get(WWW_AUTHENTICATE) {
        println!("< WWW-Authenticate: {}", challenge.to_str()?);
    }
    let text = body.collect().await?.to_bytes();
    if !text.is_empty() {
        println!("< {}", String::from_utf8_lossy(&text));
    }
    println!();
    Ok(())
}

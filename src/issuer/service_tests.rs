use std::time::Duration;

use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::{
    issuer::{Fetches, SigningKey, TokenIssuerBuilder},
    keys::Algorithm,
};

fn builder(issuer: &str) -> TokenIssuerBuilder {
    TokenIssuer::builder(issuer).signing_key(SigningKey::generate(Algorithm::ES256).unwrap().with_kid("one"))
}

async fn send(issuer: &TokenIssuer, request: http::request::Builder) -> Response<Bytes> {
    issuer.service::<Bytes>().oneshot(request.body(()).unwrap()).await.unwrap()
}

async fn get(issuer: &TokenIssuer, path: &str) -> Response<Bytes> {
    send(issuer, Request::get(path)).await
}

fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test]
async fn the_documents_are_served_with_their_types_and_lifetimes() {
    let issuer = builder("https://login.example")
        .publish(SigningKey::generate(Algorithm::EdDSA).unwrap().with_kid("two"))
        .max_age(Duration::from_secs(30))
        .metadata("token_endpoint", "https://login.example/token")
        .metadata("response_types_supported", json!(["code"]))
        .build()
        .unwrap();

    let jwks = get(&issuer, "/jwks").await;
    assert_eq!(jwks.status(), 200);
    assert_eq!(jwks.headers()["content-type"], "application/jwk-set+json");
    assert_eq!(jwks.headers()["cache-control"], "public, max-age=30");
    assert_eq!(jwks.headers()["content-length"], jwks.body().len().to_string().as_str());
    assert_eq!(json_of(&jwks), issuer.jwks());
    let keys = issuer.jwks();
    let members = |at: usize| (keys["keys"][at]["kid"].clone(), keys["keys"][at]["alg"].clone());
    assert_eq!(members(0), (json!("one"), json!("ES256")));
    assert_eq!(members(1), (json!("two"), json!("EdDSA")));

    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let metadata = get(&issuer, path).await;
        assert_eq!(metadata.status(), 200, "{path}");
        assert_eq!(metadata.headers()["content-type"], "application/json", "{path}");
        assert_eq!(
            json_of(&metadata),
            json!({
                "issuer": "https://login.example",
                "jwks_uri": "https://login.example/jwks",
                "token_endpoint": "https://login.example/token",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256", "EdDSA"],
            }),
            "{path}"
        );
    }
    let seen = Fetches { jwks: 1, openid_configuration: 1, authorization_server: 1, not_modified: 0 };
    assert_eq!(issuer.fetches(), seen);
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_documents_where_the_standards_put_them() {
    let issuer = builder("https://login.example/tenants/blue").jwks_path("/keys").build().unwrap();
    let cases = [
        ("/tenants/blue/keys", 200),
        ("/tenants/blue/.well-known/openid-configuration", 200),
        ("/.well-known/oauth-authorization-server/tenants/blue", 200),
        ("/tenants/blue/.well-known/oauth-authorization-server", 404),
        ("/.well-known/openid-configuration", 404),
        ("/.well-known/oauth-authorization-server", 404),
        ("/keys", 404),
        ("/tenants/blue/jwks", 404),
        ("/tenants/blue/keys/", 404),
        ("/tenants/blue", 404),
        ("/", 404),
    ];
    for (path, status) in cases {
        assert_eq!(get(&issuer, path).await.status(), status, "{path}");
    }
    let metadata = get(&issuer, "/.well-known/oauth-authorization-server/tenants/blue").await;
    assert_eq!(json_of(&metadata)["issuer"], "https://login.example/tenants/blue");
    assert_eq!(json_of(&metadata)["jwks_uri"], "https://login.example/tenants/blue/keys");
    assert_eq!(get(&issuer, "/tenants/blue/keys?x=y").await.status(), 200, "a query changes nothing");
}

#[tokio::test]
async fn an_unchanged_document_is_a_304() {
    let issuer = builder("https://login.example").build().unwrap();
    let etag = get(&issuer, "/jwks").await.headers()["etag"].to_str().unwrap().to_owned();
    let cases = [
        ("the tag", etag.clone(), 304),
        ("weak", format!("W/{etag}"), 304),
        ("in a list", format!("\"x\", {etag} ,\"y\""), 304),
        ("any", "*".into(), 304),
        ("another", "\"x\"".into(), 200),
        ("unquoted", etag.trim_matches('"').into(), 200),
        ("empty", String::new(), 200),
    ];
    for (case, value, status) in &cases {
        let response = send(&issuer, Request::get("/jwks").header("if-none-match", value)).await;
        assert_eq!(response.status(), *status, "{case}");
        assert_eq!(response.headers()["etag"], etag.as_str(), "{case}");
        assert_eq!(response.headers()["cache-control"], "public, max-age=300", "{case}");
        assert_eq!(response.body().is_empty(), *status == 304, "{case}");
    }
    let two_lines = Request::get("/jwks").header("if-none-match", "\"x\"").header("if-none-match", &etag);
    assert_eq!(send(&issuer, two_lines).await.status(), 304);
    assert_eq!((issuer.fetches().jwks, issuer.fetches().not_modified), (9, 5));

    // A rotation is another document.
    issuer.rotate(SigningKey::generate(Algorithm::ES256).unwrap().with_kid("two")).unwrap();
    let changed = send(&issuer, Request::get("/jwks").header("if-none-match", &etag)).await;
    assert_eq!(changed.status(), 200);
    assert_eq!(json_of(&changed)["keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn only_get_and_head_are_served() {
    let issuer = builder("https://login.example").build().unwrap();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
        let response = send(&issuer, Request::builder().method(method).uri("/jwks")).await;
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.headers()["allow"], "GET, HEAD", "{method}");
    }
    assert_eq!(send(&issuer, Request::post("/nowhere")).await.status(), 404);
    assert_eq!(issuer.fetches(), Fetches::default(), "a refusal is no fetch");

    let head = send(&issuer, Request::head("/jwks")).await;
    let full = get(&issuer, "/jwks").await;
    assert!(head.body().is_empty());
    assert_eq!((head.status(), head.headers()), (full.status(), full.headers()));
}

#[tokio::test]
async fn axum_serves_it_over_a_socket() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let issuer = builder(&format!("http://{address}")).build().unwrap();
    let app = axum::Router::new().fallback_service(issuer.service::<axum::body::Body>());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /jwks HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), issuer.jwks());
    server.abort();
}

//! The guard of MCP servers: which messages pass, what lists show, and whose a session is.
#![cfg(all(feature = "axum", feature = "mcp", feature = "test-util"))]
#![allow(clippy::unwrap_used, clippy::panic)] // also in the helpers of tests

mod bypass;
mod bypass_headers;
mod lists;
mod properties;
mod refusals;
mod sessions;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt};
use tower_resource_server::{
    Identity, ResourceServer,
    mcp::{McpGuard, McpRequirements},
    policy::{Requirement, scope},
    test_util::TestIssuer,
};

/// Everything that some row asks for.
const ALL: &str = "admin read write";

fn requirements() -> McpRequirements {
    McpRequirements::new()
        .tool("read", scope("read"))
        .tool("write", scope("write"))
        .tool("both", scope("read write"))
        .tool("delete/all", scope("admin"))
        .tool("open", Requirement::any_token())
        .prompt("summary", scope("read"))
        .prompt("report", scope("admin"))
        .resource("file:///pub/secret", scope("admin"))
        .resource("file:///pub/{path}", scope("read"))
        .resources_under("file:///pub/", scope("read"))
        .method("logging/setLevel", scope("admin"))
}

/// What reached the server.
struct Seen {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    /// Whom the server was told it is.
    subject: Option<String>,
}

/// An MCP server that answers every request alike, and notes what it got.
#[derive(Clone)]
struct Server {
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<dyn Fn() -> Response<Body> + Send + Sync>,
}

impl Service<Request<Body>> for Server {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let subject = head.extensions.get::<Identity>().map(|who| who.subject().to_owned());
            let seen = Seen { method: head.method, headers: head.headers, body, subject };
            server.seen.lock().unwrap().push(seen);
            Ok((server.answer)())
        })
    }
}

/// An issuer, and an MCP server behind the guard.
struct Site {
    issuer: TestIssuer,
    guard: McpGuard,
    server: Server,
}

impl Site {
    fn new() -> Self {
        Self::answering(|| answer("application/json", "{}"))
    }

    /// The server gives this answer to every request.
    fn answering(answer: impl Fn() -> Response<Body> + Send + Sync + 'static) -> Self {
        let issuer = TestIssuer::builder().audience("https://mcp.example").build();
        let api = ResourceServer::builder(issuer.audience())
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        let server = Server { seen: Arc::default(), answer: Arc::new(answer) };
        Self { guard: api.mcp_guard(requirements()), issuer, server }
    }

    fn guarded(mut self, change: impl FnOnce(McpGuard) -> McpGuard) -> Self {
        self.guard = change(self.guard);
        self
    }

    fn token(&self, scopes: &str) -> String {
        self.issuer.access_token("alice").scope(scopes).mint().unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.guard.layer(self.server.clone()).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// What reached the server since the last time.
    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.server.seen.lock().unwrap())
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The code of an error of JSON-RPC.
    fn code(&self) -> Option<i64> {
        let message: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        assert_eq!((&message["jsonrpc"], &message["id"]), (&"2.0".into(), &serde_json::Value::Null));
        message["error"]["code"].as_i64()
    }
}

/// A request as clients send it, unless `headers` say otherwise.
fn post(token: &str, body: impl Into<Body>, headers: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = Request::post("/mcp").body(body.into()).unwrap();
    let own = [
        ("authorization", &*format!("Bearer {token}")),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    let own = own.into_iter().filter(|(name, _)| headers.iter().all(|(other, _)| other != name));
    for (name, value) in own.chain(headers.iter().copied()) {
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gets {
    /// It reaches the server, byte for byte.
    Passes,
    /// 403, and a challenge with these scopes.
    Needs(&'static str),
    /// A status, and a code of JSON-RPC.
    Fault(u16, i64),
}

/// Sends a body and tells what it got; the server must have seen all of it, or nothing.
async fn outcome(site: &Site, scopes: &str, body: &[u8], headers: &[(&'static str, &str)]) -> Gets {
    let answer = site.send(post(&site.token(scopes), body.to_vec(), headers)).await;
    let seen = site.seen();
    match (answer.status.as_u16(), seen.as_slice()) {
        (200, [seen]) => {
            assert_eq!(seen.body, body);
            assert_eq!(seen.subject.as_deref(), Some("alice"));
            Gets::Passes
        }
        (403, []) if answer.header("www-authenticate").is_some() => {
            let challenge = answer.header("www-authenticate").unwrap();
            let (_, scope) = challenge.split_once("scope=\"").unwrap();
            let (scope, rest) = scope.split_once('"').unwrap();
            assert!(challenge.starts_with("Bearer error=\"insufficient_scope\", scope="), "{challenge}");
            let metadata = "https://mcp.example/.well-known/oauth-protected-resource";
            assert_eq!(rest, format!(", resource_metadata=\"{metadata}\""));
            let mut scopes: Vec<_> = scope.split(' ').collect();
            scopes.sort_unstable();
            Gets::Needs(String::leak(scopes.join(" ")))
        }
        (status, []) => Gets::Fault(status, answer.code().unwrap()),
        (status, seen) => panic!("{status}, and {} requests reached the server", seen.len()),
    }
}

/// An answer with this media type.
fn answer(content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    Response::builder().header("content-type", content_type).body(body.into()).unwrap()
}

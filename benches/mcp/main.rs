//! What the guard of MCP servers adds to a call: `cargo bench --bench mcp --features issuer,mcp`.
//!
//! A call of some 1 KiB with a cached token goes through the guard, and beside it through the plain layer, to a
//! service that reads it with serde_json. The difference is the guard's own: the second reading of the message,
//! its requirement, and the future that waits for the body. It is judged. `-- --smoke` runs each once, and
//! `--json PATH` writes the row to a file.

#[path = "../budget/measure.rs"]
#[expect(dead_code, reason = "nothing here runs on two threads")]
mod measure;
#[path = "../shared/row.rs"]
#[expect(dead_code, reason = "other benches have other units")]
mod row;

use std::{
    convert::Infallible,
    error::Error,
    future::{Ready, ready},
    hint::black_box,
    pin::pin,
    process::ExitCode,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use measure::Candidate;
use row::{Row, Unit};
use tower::{Layer, Service};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    mcp::McpRequirements,
    policy::scope,
    profile::TokenProfile,
};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let rounds = if arguments.iter().any(|argument| argument == "--smoke") { 1 } else { 201 };
    let json = arguments.iter().skip_while(|argument| *argument != "--json").nth(1);

    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::EdDSA)?)
        .default_audience("https://mcp.example")
        .build()?;
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
    let api = ResourceServer::builder("https://mcp.example")
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))
        .build()?;
    let token = issuer.access_token("alice").client_id("bench").scope("orders:read orders:write").mint()?;
    let requirements = (0..50).fold(McpRequirements::new(), |rows, n| {
        rows.tool(format!("tool_{n}"), scope("orders:read"))
            .prompt(format!("prompt_{n}"), scope("orders:read"))
    });
    let requirements = requirements.tool("cancel_order", scope("orders:write"));

    let headers = HeaderMap::from_iter([
        (header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::HeaderName::from_static("mcp-method"), HeaderValue::from_static("tools/call")),
        (header::HeaderName::from_static("mcp-name"), HeaderValue::from_static("cancel_order")),
    ]);
    let body = message();
    let server = || tower::service_fn(answer);
    let layer = send(api.layer().layer(server()), headers.clone(), body.clone());
    let guard = send(api.mcp_guard(requirements).layer(server()), headers, body.clone());
    let reading = Candidate::new(move |times| (0..times).for_each(|_| drop(black_box(read(&body)))));
    let [layer, guard, reading] = measure::interleaved([layer, guard, reading], rounds, 2_000);

    row::print_heading();
    let own = Row::new(
        "MCP guard, over the layer and the body's own JSON parse, call of 1 KiB",
        guard - layer,
        Unit::Nanoseconds,
    );
    let own = own.at_most(3_000.0, 2_000.0).with("reading", reading);
    println!("{own}");
    println!("{}", Row::new("reading of the message by itself", reading, Unit::Nanoseconds));
    let is_over = rounds > 1 && own.is_over();
    if let Some(path) = json {
        row::write(path.as_ref(), "mcp", &[own])?;
    }
    Ok(if is_over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A call with arguments, of some 1 KiB.
fn message() -> Bytes {
    let arguments: Vec<_> =
        (0..17).map(|n| format!(r#""argument{n}":{{"text":"some words of an argument","n":{n}}}"#)).collect();
    let arguments = arguments.join(",");
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"cancel_order","arguments":{{{arguments}}}}}}}"#
    )
    .into()
}

fn read(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(black_box(body)).unwrap_or_default()
}

/// An MCP server, as far as it reads its message.
fn answer(request: Request<Full<Bytes>>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    let body = poll(request.into_body().collect());
    let Ok(body) = body;
    assert!(black_box(read(&body.to_bytes())).is_object());
    ready(Ok(Response::new(Full::default())))
}

fn send<S, T>(mut service: S, headers: HeaderMap, body: Bytes) -> Candidate
where
    S: Service<Request<Full<Bytes>>, Response = Response<T>, Error = Infallible> + Send + 'static,
{
    Candidate::new(move |times| {
        for _ in 0..times {
            let mut request = Request::post("/mcp").body(Full::new(body.clone())).unwrap_or_default();
            *request.headers_mut() = headers.clone();
            let Ok(response) = poll(service.call(request));
            assert_eq!(response.status(), 200);
        }
    })
}

/// With keys and bodies at hand nothing waits: one poll is all.
fn poll<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("everything is there"),
    }
}

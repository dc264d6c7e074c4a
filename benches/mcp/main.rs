//! What the guard of MCP servers adds to a call: `cargo bench --bench mcp --features issuer,mcp`.
//!
//! A call of some 1 KiB with a cached token goes through the guard, and beside it through the plain layer, to a
//! service that reads it with serde_json. The difference is the guard's own: the second reading of the message,
//! its requirement, and the future that waits for the body.
//!
//! It is judged in nanoseconds, beside what serde_json takes for the same body in the same run; instructions, which
//! callgrind counts, are the same on every machine. `-- --smoke` runs each once, and `--json PATH` writes the rows to a
//! file.
//!
//! The allocator is mimalloc. The guard allocates nothing that the layer does not; but whether glibc puts the chunks of
//! the service's `Value` together when they are given back depends on what lies beside them, and the guard was charged
//! with 7 000 instructions of that, or with none, by what the bench had made before.

#[path = "../budget/alloc.rs"]
mod alloc;
#[path = "../budget/measure.rs"]
#[expect(dead_code, reason = "nothing here runs on two threads")]
mod measure;
#[path = "../shared/program.rs"]
mod program;
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
use mimalloc::MiMalloc;
use program::{Case, Program};
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

#[global_allocator]
static ALLOCATOR: alloc::Counting<MiMalloc> = alloc::Counting(MiMalloc);

const CASES: &[Case] =
    &[("layer", || Site::new().layer()), ("guard", || Site::new().guard()), ("reading", reading)];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(code) = program::asked_for(&arguments, CASES) {
        return Ok(code);
    }
    let rounds = if arguments.iter().any(|argument| argument == "--smoke") { 1 } else { 201 };
    let json = arguments.iter().skip_while(|argument| *argument != "--json").nth(1);

    let mut rows = Vec::new();
    row::print_heading();
    if rounds > 1 && program::has_callgrind() {
        let program = Program::this()?;
        let count = |case| program.instructions(case).map(|count| count as f64);
        let [layer, guard, reading] = [count("layer")?, count("guard")?, count("reading")?];
        let name = "instructions, MCP guard over the layer, call of 1 KiB";
        let own = Row::new(name, guard - layer, Unit::Count);
        rows.push(own.with("reading", reading));
        rows.push(Row::new("instructions, reading of the message by itself", reading, Unit::Count));
    }
    let site = Site::new();
    let candidates = [site.layer(), site.guard(), reading()];
    let times = measure::interleaved(candidates, rounds, 2_000);
    let [_, _, reading] = times.medians();
    let own = times.median(|[layer, guard, _]| guard - layer);
    let name = "MCP guard over the layer, call of 1 KiB";
    let own = Row::new(name, own, Unit::Nanoseconds).at_most(3_000.0, 2_000.0);
    rows.push(own.with("reading", reading));
    rows.push(Row::new("reading of the message by itself", reading, Unit::Nanoseconds));
    rows.iter().for_each(|row| println!("{row}"));
    if let Some(path) = json {
        row::write(path.as_ref(), "mcp", &rows)?;
    }
    // A debug build is not judged by its time.
    let is_over = rounds > 1 && rows.iter().any(Row::is_over);
    Ok(if is_over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A server with a hundred requirements, and a call that meets one of them.
struct Site {
    api: ResourceServer,
    requirements: McpRequirements,
    headers: HeaderMap,
}

impl Site {
    fn new() -> Self {
        let issuer = TokenIssuer::builder("https://login.example")
            .signing_key(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .default_audience("https://mcp.example")
            .build()
            .unwrap();
        let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
        let api = ResourceServer::builder("https://mcp.example")
            .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))
            .build()
            .unwrap();
        let token = issuer.access_token("alice").client_id("bench").scope("orders:read orders:write").mint();
        let requirements = (0..50).fold(McpRequirements::new(), |rows, n| {
            rows.tool(format!("tool_{n}"), scope("orders:read"))
                .prompt(format!("prompt_{n}"), scope("orders:read"))
        });
        let headers = HeaderMap::from_iter([
            (header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {}", token.unwrap())).unwrap()),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::HeaderName::from_static("mcp-method"), HeaderValue::from_static("tools/call")),
            (header::HeaderName::from_static("mcp-name"), HeaderValue::from_static("cancel_order")),
        ]);
        let requirements = requirements.tool("cancel_order", scope("orders:write"));
        Self { api, requirements, headers }
    }

    /// The call through the plain layer.
    fn layer(&self) -> Candidate {
        send(self.api.layer().layer(tower::service_fn(answer)), self.headers.clone())
    }

    /// The call through the guard.
    fn guard(&self) -> Candidate {
        let guard = self.api.mcp_guard(self.requirements.clone());
        send(guard.layer(tower::service_fn(answer)), self.headers.clone())
    }
}

/// What the service does with the body.
fn reading() -> Candidate {
    let body = message();
    Candidate::new(move |times| (0..times).for_each(|_| drop(black_box(read(&body)))))
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

fn send<S, T>(mut service: S, headers: HeaderMap) -> Candidate
where
    S: Service<Request<Full<Bytes>>, Response = Response<T>, Error = Infallible> + Send + 'static,
{
    let body = message();
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

//! Header fields that contradict the body or each other, under each version that a client may claim.

use http::{Method, Request};

use super::{ALL, Gets, Site, outcome, post};
use Gets::{Fault, Needs, Passes};

const MISMATCH: Gets = Fault(400, -32020);
const UNSUPPORTED: Gets = Fault(415, -32000);

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write"}}"#;
const READ: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

#[tokio::test]
async fn mcp_headers_agree_with_the_body_whatever_version_is_claimed() {
    let site = Site::new();
    let resource = r#"{"method":"resources/read","params":{"uri":"file:///pub/a"}}"#;
    let odd = r#"{"method":"tools/call","params":{"name":"ж"}}"#;
    let task = r#"{"method":"tasks/get","params":{"taskId":"7","uri":"a"}}"#;
    let batch = &*format!("[{READ},{LIST}]");
    let both = &*format!("[{READ},{READ}]");
    type Headers = &'static [(&'static str, &'static str)];
    let rows: [(&str, &str, Headers, Gets); 30] = [
        ("no headers", READ, &[], Passes),
        ("both agree", READ, &[("mcp-method", "tools/call"), ("mcp-name", "read")], Passes),
        (
            "both agree, not allowed",
            CALL,
            &[("mcp-method", "tools/call"), ("mcp-name", "write")],
            Needs("write"),
        ),
        ("a harmless name", CALL, &[("mcp-method", "tools/call"), ("mcp-name", "read")], MISMATCH),
        ("a harmless name alone", CALL, &[("mcp-name", "read")], MISMATCH),
        ("a harmless method", CALL, &[("mcp-method", "ping")], MISMATCH),
        (
            "a harmless method, the name agrees",
            CALL,
            &[("mcp-method", "tools/list"), ("mcp-name", "write")],
            MISMATCH,
        ),
        ("a method in capitals", READ, &[("mcp-method", "Tools/Call")], MISMATCH),
        ("a name in capitals", READ, &[("mcp-name", "READ")], MISMATCH),
        ("an empty method", READ, &[("mcp-method", "")], MISMATCH),
        ("an empty name", READ, &[("mcp-name", "")], MISMATCH),
        ("two methods", READ, &[("mcp-method", "tools/call"), ("mcp-method", "ping")], MISMATCH),
        ("two equal names", READ, &[("mcp-name", "read"), ("mcp-name", "read")], MISMATCH),
        ("two names in one", READ, &[("mcp-name", "read, write")], MISMATCH),
        ("a name in Base64", READ, &[("mcp-name", "=?base64?cmVhZA==?=")], Passes),
        ("another name in Base64", CALL, &[("mcp-name", "=?base64?cmVhZA==?=")], MISMATCH),
        ("broken Base64", READ, &[("mcp-name", "=?base64?cmVhZA?=")], MISMATCH),
        ("Base64 of no UTF-8", READ, &[("mcp-name", "=?base64?/w==?=")], MISMATCH),
        ("a method in Base64", READ, &[("mcp-method", "=?base64?dG9vbHMvY2FsbA==?=")], MISMATCH),
        ("a name outside ASCII", odd, &[("mcp-name", "ж")], MISMATCH),
        ("a name outside ASCII in Base64", odd, &[("mcp-name", "=?base64?0LY=?=")], Needs(ALL)),
        ("the URI of a resource", resource, &[("mcp-name", "file:///pub/a")], Passes),
        ("another URI", resource, &[("mcp-name", "file:///pub/b")], MISMATCH),
        (
            "a name where the body has none",
            LIST,
            &[("mcp-method", "tools/list"), ("mcp-name", "read")],
            MISMATCH,
        ),
        ("the id of a task", task, &[("mcp-method", "tasks/get"), ("mcp-name", "7")], Needs(ALL)),
        ("another id of a task", task, &[("mcp-method", "tasks/get"), ("mcp-name", "8")], MISMATCH),
        ("one header for two methods", batch, &[("mcp-method", "tools/call")], MISMATCH),
        (
            "one header for two equal methods",
            both,
            &[("mcp-method", "tools/call"), ("mcp-name", "read")],
            Passes,
        ),
        ("a method for an answer", ANSWER, &[("mcp-method", "tools/call")], MISMATCH),
        ("a parameter of a tool is not looked at", READ, &[("mcp-param-name", "write")], Passes),
    ];
    for version in [
        None,
        Some("2025-03-26"),
        Some("2025-06-18"),
        Some("2025-11-25"),
        Some("2026-07-28"),
        Some("9999-12-31"),
    ] {
        for (name, body, headers, expected) in rows {
            let version = version.map(|version| ("mcp-protocol-version", version));
            let headers: Vec<_> = headers.iter().copied().chain(version).collect();
            let got = outcome(&site, "read", body.as_bytes(), &headers).await;
            assert_eq!(got, expected, "{name}, {version:?}");
        }
    }
}

#[tokio::test]
async fn the_body_is_json_as_it_is() {
    let site = Site::new();
    for (name, headers, expected) in [
        ("JSON", &[("content-type", "application/json")][..], Passes),
        ("in capitals", &[("content-type", "Application/JSON")], Passes),
        ("with its charset", &[("content-type", "application/json; charset=UTF-8")], Passes),
        ("with its charset, quoted", &[("content-type", "application/json;charset=\"utf-8\"")], Passes),
        ("with a parameter", &[("content-type", "application/json; profile=x")], Passes),
        ("not encoded", &[("content-type", "application/json"), ("content-encoding", "identity")], Passes),
        ("another charset", &[("content-type", "application/json; charset=utf-16")], UNSUPPORTED),
        ("two charsets", &[("content-type", "application/json; charset=utf-8; charset=utf-7")], UNSUPPORTED),
        ("a form", &[("content-type", "application/x-www-form-urlencoded")], UNSUPPORTED),
        ("a text", &[("content-type", "text/plain")], UNSUPPORTED),
        ("JSON by a suffix", &[("content-type", "application/problem+json")], UNSUPPORTED),
        ("more than JSON", &[("content-type", "application/jsonp")], UNSUPPORTED),
        ("empty", &[("content-type", "")], UNSUPPORTED),
        ("two types", &[("content-type", "application/json"), ("content-type", "text/plain")], UNSUPPORTED),
        ("compressed", &[("content-encoding", "gzip")], UNSUPPORTED),
    ] {
        assert_eq!(outcome(&site, "read", READ.as_bytes(), headers).await, expected, "{name}");
    }
    let mut request = post(&site.token("read"), READ, &[]);
    request.headers_mut().remove("content-type");
    assert_eq!(site.send(request).await.status, 415, "none");
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_before_all_else() {
    let site = Site::new().guarded(|guard| guard.allow_origin("https://app.example"));
    let strict = Site::new().guarded(|guard| guard.allow_loopback_origins(false));
    for (name, site, origin, expected) in [
        ("none", &site, None, Passes),
        ("this machine", &site, Some("http://localhost:6274"), Passes),
        ("listed", &site, Some("https://app.example"), Passes),
        ("another", &site, Some("https://evil.example"), Fault(403, -32000)),
        ("null", &site, Some("null"), Fault(403, -32000)),
        ("this machine, not allowed", &strict, Some("http://localhost:6274"), Fault(403, -32000)),
    ] {
        let origin: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        assert_eq!(outcome(site, "read", READ.as_bytes(), &origin).await, expected, "{name}");
    }
    let request = Request::get("/mcp").header("origin", "https://evil.example").body("".into()).unwrap();
    assert_eq!(site.send(request).await.status, 403, "without a token");
}

#[tokio::test]
async fn only_the_methods_of_the_transport_pass() {
    let site = Site::new();
    let methods = [
        (Method::GET, 200),
        (Method::DELETE, 200),
        (Method::PUT, 405),
        (Method::PATCH, 405),
        (Method::HEAD, 405),
        (Method::OPTIONS, 405),
        (Method::from_bytes(b"post").unwrap(), 405),
    ];
    for (method, expected) in methods {
        let mut request = post(&site.token("read"), "", &[]);
        *request.method_mut() = method.clone();
        let answer = site.send(request).await;
        assert_eq!(answer.status, expected, "{method}");
        assert_eq!(answer.header("allow"), (expected == 405).then_some("GET, POST, DELETE"), "{method}");
        assert_eq!(site.seen().len(), usize::from(expected == 200), "{method}");
    }
}

#[tokio::test]
async fn a_message_comes_in_a_post_alone() {
    let site = Site::new();
    for method in [Method::GET, Method::DELETE] {
        let mut request = post(&site.token("read"), CALL, &[("x-http-method-override", "POST")]);
        *request.method_mut() = method.clone();
        let answer = site.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, Some(-32600)), "{method}");
        assert!(site.seen().is_empty(), "{method}");
    }
}

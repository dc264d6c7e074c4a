//! Answers to list requests show what the client may use, however they arrive.

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use proptest::{
    prelude::prop,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use tower::{Layer, ServiceExt};

use super::{Answer, Site, answer, post};

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read"}}"#;

const TOOLS: &str = r#"{"jsonrpc":"2.0","id":7, "result":{"tools":[{"name":"read","inputSchema":{"type":"object"}},{"name":"write"},{"name":"open"},{"name":"other"}],"nextCursor":"x"}}"#;
const SHOWN: &str = r#"{"jsonrpc":"2.0","id":7, "result":{"tools":[{"name":"read","inputSchema":{"type":"object"}},{"name":"open"}],"nextCursor":"x"}}"#;

/// A body that arrives in these pieces.
fn pieces(pieces: Vec<Bytes>) -> Body {
    struct Pieces(std::vec::IntoIter<Bytes>);
    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Ready(self.0.next().map(|piece| Ok(Frame::data(piece))))
        }
    }
    Body::new(Pieces(pieces.into_iter()))
}

async fn listed(site: &Site) -> Answer {
    site.send(post(&site.token("read"), LIST, &[("accept-encoding", "gzip")])).await
}

#[tokio::test]
async fn a_list_in_json_loses_what_the_client_may_not_use() {
    let site = Site::answering(|| {
        let mut response = answer("application/json; charset=utf-8", TOOLS);
        response.headers_mut().insert("content-length", TOOLS.len().into());
        response.headers_mut().insert("x-own", "kept".parse().unwrap());
        response
    });
    let got = listed(&site).await;
    assert_eq!((got.status.as_u16(), got.text()), (200, SHOWN));
    assert_eq!(got.header("content-length"), Some(&*SHOWN.len().to_string()));
    assert_eq!(got.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(got.header("x-own"), Some("kept"));
    // The server is not asked for an answer that cannot be read.
    assert_eq!(site.seen()[0].headers.get("accept-encoding"), None);

    // With every scope there is nothing to take out.
    let all = site.send(post(&site.token("admin read write"), LIST, &[])).await;
    assert_eq!(all.text(), TOOLS);
    // What is no answer to a list is not looked at.
    let call = site.send(post(&site.token("read"), CALL, &[("accept-encoding", "gzip")])).await;
    assert_eq!(call.text(), TOOLS);
    assert!(site.seen()[1].headers.contains_key("accept-encoding"));
}

#[tokio::test]
async fn each_list_goes_by_the_requirement_of_its_items() {
    for (method, items, shown) in [
        (
            "prompts/list",
            r#""prompts":[{"name":"summary"},{"name":"report"}]"#,
            r#""prompts":[{"name":"summary"}]"#,
        ),
        (
            "resources/list",
            r#""resources":[{"uri":"file:///pub/a"},{"uri":"file:///pub/secret"},{"uri":"file:///etc/passwd"}]"#,
            r#""resources":[{"uri":"file:///pub/a"}]"#,
        ),
        (
            "resources/templates/list",
            r#""resourceTemplates":[{"uriTemplate":"file:///etc/{x}"},{"uriTemplate":"file:///pub/{path}"}]"#,
            r#""resourceTemplates":[{"uriTemplate":"file:///pub/{path}"}]"#,
        ),
    ] {
        let whole = format!(r#"{{"id":"a","result":{{{items}}}}}"#);
        let site = Site::answering(move || answer("application/json", whole.clone()));
        let body = format!(r#"{{"id":"a","method":"{method}"}}"#);
        let got = site.send(post(&site.token("read"), body, &[])).await;
        assert_eq!(got.text(), format!(r#"{{"id":"a","result":{{{shown}}}}}"#), "{method}");
    }
}

/// What must arrive where the stream of a server cannot be filtered.
const ENDED: &str = "data: {\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":\"the answer of the server cannot be read\"}}\n\n";

#[tokio::test]
async fn a_stream_is_filtered_event_by_event() {
    let progress = "event: message\ndata: {\"method\":\"notifications/progress\"}\n\n";
    let lines = TOOLS.replace(", \"result\"", "\ndata: ,\"result\"");
    let shown_lines = SHOWN.replace(", \"result\"", "\ndata: ,\"result\"");
    for (name, stream, expected) in [
        ("one event", format!("data: {TOOLS}\n\n"), format!("data: {SHOWN}\n\n")),
        (
            "among others",
            format!(": ping\n\n{progress}id: 1\ndata: {TOOLS}\n\nretry: 5\n\n"),
            format!(": ping\n\n{progress}id: 1\ndata: {SHOWN}\n\nretry: 5\n\n"),
        ),
        (
            "an empty event first",
            format!("id: 0\ndata:\n\ndata: {TOOLS}\n\n"),
            format!("id: 0\ndata:\n\ndata: {SHOWN}\n\n"),
        ),
        ("CRLF", format!("data: {TOOLS}\r\nid: 1\r\n\r\n"), format!("data: {SHOWN}\r\nid: 1\r\n\r\n")),
        ("CR", format!("data: {TOOLS}\r\r"), format!("data: {SHOWN}\r\r")),
        ("data in several lines", format!("data: {lines}\n\n"), format!("data: {shown_lines}\n\n")),
        ("an event that does not end", format!("data: {TOOLS}"), format!("data: {SHOWN}\n")),
        ("a byte order mark", format!("\u{feff}data: {TOOLS}\n\n"), format!("data: {SHOWN}\n\n")),
        ("no JSON", format!("{progress}data: x\n\ndata: {TOOLS}\n\n"), format!("{progress}{ENDED}")),
        ("two results", format!("data: {{\"result\":{{}},\"result\":{{}}}}\n\n{progress}"), ENDED.to_owned()),
        ("a control character in a text", "data: \"\u{1}\"\n\n".to_owned(), ENDED.to_owned()),
    ] {
        let whole = Bytes::from(stream);
        for size in [1, 2, 3, 7, 64, whole.len()] {
            let body = whole.clone();
            let site = Site::answering(move || {
                let cut = body.chunks(size).map(Bytes::copy_from_slice).collect();
                let mut response = answer("text/event-stream", pieces(cut));
                response.headers_mut().insert("content-length", body.len().into());
                response
            });
            let got = listed(&site).await;
            assert_eq!(got.text(), expected, "{name}, in pieces of {size}");
            assert_eq!(got.header("content-length"), None);
        }
    }
}

#[tokio::test]
async fn a_stream_may_be_cut_at_any_byte() {
    let stream = Bytes::from(format!("id: 1\r\ndata: {TOOLS}\r\n\r\n: ä\n\ndata: {TOOLS}\n\n"));
    let expected = format!("id: 1\r\ndata: {SHOWN}\r\n\r\n: ä\n\ndata: {SHOWN}\n\n");
    for at in 0..=stream.len() {
        let (first, second) = (stream.slice(..at), stream.slice(at..));
        let site =
            Site::answering(move || answer("text/event-stream", pieces(vec![first.clone(), second.clone()])));
        assert_eq!(listed(&site).await.text(), expected, "cut at {at}");
    }
}

#[tokio::test]
async fn events_arrive_as_soon_as_they_have_ended() {
    let site = Site::answering(|| {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        sender.send(Bytes::from(format!("data: {TOOLS}\n\ndata: {{"))).unwrap();
        // More never comes, and the stream stays open.
        answer("text/event-stream", Body::new(Open(sender, receiver)))
    });
    let service = site.guard.layer(site.server.clone());
    let response = service.oneshot(post(&site.token("read"), LIST, &[])).await.unwrap();
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, format!("data: {SHOWN}\n\n"));
    let nothing = std::pin::pin!(body.frame());
    assert!(futures_poll(nothing).await.is_pending());
}

/// A stream that stays open.
struct Open(tokio::sync::mpsc::UnboundedSender<Bytes>, tokio::sync::mpsc::UnboundedReceiver<Bytes>);

impl http_body::Body for Open {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        assert!(!self.0.is_closed());
        self.1.poll_recv(cx).map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}

/// Polls once.
async fn futures_poll<F: Future + Unpin>(mut future: F) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut future).poll(cx))).await
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_passed_on() {
    type Make = fn() -> Response<Body>;
    let rows: [(&str, Make, u16, Option<&str>); 12] = [
        ("no JSON", || answer("application/json", "{\"tools\":[]"), 502, None),
        ("not UTF-8", || answer("application/json", &b"\"\xff\""[..]), 502, None),
        ("two lists", || answer("application/json", r#"{"result":{"tools":[],"tools":[]}}"#), 502, None),
        ("a type that is not known", || answer("application/x-ndjson", TOOLS), 502, None),
        ("no type", || Response::new(Body::from(TOOLS)), 502, None),
        (
            "compressed",
            || {
                let mut response = answer("application/json", TOOLS);
                response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
                response
            },
            502,
            None,
        ),
        ("too large", || answer("application/json", " ".repeat(2000) + TOOLS), 502, None),
        (
            "a stream with an event that is too large",
            || answer("text/event-stream", format!("data: {}{TOOLS}\n\n", " ".repeat(2000))),
            200,
            Some(SHOWN),
        ),
        (
            "a stream with an event that is too large, in pieces",
            || {
                let stream = format!("data: {}{TOOLS}\n\n", " ".repeat(2000));
                answer(
                    "text/event-stream",
                    pieces(stream.as_bytes().chunks(100).map(Bytes::copy_from_slice).collect()),
                )
            },
            200,
            Some(ENDED),
        ),
        ("nothing", || Response::builder().status(202).body(Body::empty()).unwrap(), 202, Some("")),
        (
            "an error in words",
            || {
                let mut response = answer("text/plain", "Not Acceptable");
                *response.status_mut() = http::StatusCode::NOT_ACCEPTABLE;
                response
            },
            406,
            Some("Not Acceptable"),
        ),
        (
            "an error of JSON-RPC",
            || {
                let mut response = answer("application/json", r#"{"id":7,"error":{"code":1}}"#);
                *response.status_mut() = http::StatusCode::BAD_REQUEST;
                response
            },
            400,
            Some(r#"{"id":7,"error":{"code":1}}"#),
        ),
    ];
    for (name, make, status, text) in rows {
        let site = Site::answering(make).guarded(|guard| guard.max_answer(1500));
        let got = listed(&site).await;
        assert_eq!(got.status, status, "{name}");
        match text {
            Some(text) => {
                assert!(got.text().contains(text.trim_end()) || text == got.text(), "{name}: {}", got.text())
            }
            None => assert_eq!(got.code(), Some(-32603), "{name}"),
        }
        assert!(!got.text().contains(r#""name":"write""#), "{name}");
    }
}

#[tokio::test]
async fn a_stream_that_is_resumed_is_filtered_too() {
    let stream = format!("data: {TOOLS}\n\ndata: {{\"method\":\"notifications/message\"}}\n\n");
    let site = Site::answering(move || answer("text/event-stream", stream.clone()));
    let token = site.token("read");
    let request = Request::get("/mcp").header("authorization", format!("Bearer {token}"));
    let got = site.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(got.text(), format!("data: {SHOWN}\n\ndata: {{\"method\":\"notifications/message\"}}\n\n"));
    // A page is none.
    let page = Site::answering(|| answer("text/html", "<p>hello</p>"));
    let request = Request::get("/mcp").header("authorization", format!("Bearer {}", page.token("")));
    assert_eq!(page.send(request.body(Body::empty()).unwrap()).await.text(), "<p>hello</p>");
}

#[tokio::test]
async fn a_list_of_ten_thousand_tools_is_filtered() {
    let tools = |names: &mut dyn Iterator<Item = usize>| {
        let tools: Vec<_> = names
            .map(|n| format!(r#"{{"name":"{}","n":{n}}}"#, if n % 3 == 0 { "read" } else { "write" }))
            .collect();
        format!(r#"{{"id":7,"result":{{"tools":[{}]}}}}"#, tools.join(","))
    };
    let (whole, shown) = (tools(&mut (0..10_000)), tools(&mut (0..10_000).step_by(3)));
    for (content_type, around) in [("application/json", ("", "")), ("text/event-stream", ("data: ", "\n\n"))]
    {
        let body = format!("{}{whole}{}", around.0, around.1);
        let site = Site::answering(move || answer(content_type, body.clone()));
        let got = listed(&site).await;
        assert!(got.text() == format!("{}{shown}{}", around.0, around.1), "{content_type}");
    }
}

#[tokio::test]
async fn what_a_list_shows_can_be_called_and_what_it_hides_cannot() {
    let runner = std::cell::RefCell::new(TestRunner::deterministic());
    let names = prop::sample::select(vec![
        "read",
        "write",
        "both",
        "delete/all",
        "open",
        "other",
        "Read",
        " read",
        "",
    ]);
    let scopes = prop::sample::subsequence(vec!["admin", "read", "write", "more"], 0..=4);
    let strategy = (prop::collection::vec(names, 0..12), scopes);
    for _ in 0..200 {
        let (names, scopes) = strategy.new_tree(&mut runner.borrow_mut()).unwrap().current();
        let tools: Vec<_> = names.iter().map(|name| serde_json::json!({ "name": name })).collect();
        let list = serde_json::json!({ "id": 7, "result": { "tools": tools } }).to_string();
        let site = Site::answering(move || answer("application/json", list.clone()));
        let token = site.token(&scopes.join(" "));
        let got = site.send(post(&token, LIST, &[])).await;
        let got: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
        let shown: Vec<_> =
            got["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
        let mut callable = Vec::new();
        for name in names {
            let call = serde_json::json!({ "id": 1, "method": "tools/call", "params": { "name": name } });
            if site.send(post(&token, call.to_string(), &[])).await.status == 200 {
                callable.push(serde_json::Value::from(name));
            }
        }
        assert_eq!(shown, callable, "with {scopes:?}");
    }
}

//! Bodies, and what each must get.

use super::{ALL, Gets, Site, outcome};
use Gets::{Fault, Needs, Passes};

const PARSE: Gets = Fault(400, -32700);
const INVALID: Gets = Fault(400, -32600);
const PARAMS: Gets = Fault(400, -32602);

/// A message with the id 1.
fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

fn call(name: &str) -> String {
    request("tools/call", &format!(r#"{{"name":"{name}","arguments":{{}}}}"#))
}

fn read(uri: &str) -> String {
    request("resources/read", &format!(r#"{{"uri":"{uri}"}}"#))
}

/// The name, the body, and what a client with the scope `read` gets.
fn rows() -> Vec<(&'static str, String, Gets)> {
    vec![
        // What tools, prompts, resources and methods require.
        ("a tool that is allowed", call("read"), Passes),
        ("a tool that is not", call("write"), Needs("write")),
        ("a tool of two scopes, one of them held", call("both"), Needs("read write")),
        ("a tool for any token", call("open"), Passes),
        ("a tool that is not listed", call("other"), Needs(ALL)),
        ("a prompt that is allowed", request("prompts/get", r#"{"name":"summary"}"#), Passes),
        ("a prompt that is not", request("prompts/get", r#"{"name":"report"}"#), Needs("admin")),
        ("a prompt with the name of a tool", request("prompts/get", r#"{"name":"read"}"#), Needs(ALL)),
        ("a resource below a prefix", read("file:///pub/a"), Passes),
        ("a resource with a row of its own", read("file:///pub/secret"), Needs("admin")),
        ("a resource that climbs out", read("file:///pub/../etc/passwd"), Needs(ALL)),
        ("a resource that climbs out in escapes", read("file:///pub/%2e%2e/etc/passwd"), Needs(ALL)),
        ("a query behind a resource with a row", read("file:///pub/secret?x=1"), Needs(ALL)),
        ("a fragment behind a resource with a row", read("file:///pub/secret#x"), Needs(ALL)),
        ("a slash behind a resource with a row", read("file:///pub/secret/"), Needs(ALL)),
        ("a detour to a resource with a row", read("file:///pub/./secret"), Needs(ALL)),
        ("an escape in a resource with a row", read("file:///pub/%73ecret"), Needs(ALL)),
        ("a scheme in capitals", read("FILE:///pub/a"), Needs(ALL)),
        (
            "a subscription",
            request("resources/subscribe", r#"{"uri":"file:///pub/secret"}"#),
            Needs("admin"),
        ),
        (
            "the end of a subscription",
            request("resources/unsubscribe", r#"{"uri":"file:///pub/secret"}"#),
            Needs("admin"),
        ),
        ("a subscription to nothing", request("resources/subscribe", "{}"), Needs(ALL)),
        ("the end of a subscription to nothing", request("resources/unsubscribe", "{}"), Needs(ALL)),
        (
            "a subscription without params",
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/subscribe"}"#.into(),
            Needs(ALL),
        ),
        ("a subscription to null", request("resources/subscribe", r#"{"uri":null}"#), PARAMS),
        ("a subscription to a number", request("resources/subscribe", r#"{"uri":7}"#), PARAMS),
        (
            "a subscription to two resources",
            request("resources/subscribe", r#"{"uri":"file:///pub/a","uri":"file:///pub/b"}"#),
            INVALID,
        ),
        (
            "a stream of subscriptions",
            request(
                "subscriptions/listen",
                r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["file:///pub/a","file:///pub/secret"]}}"#,
            ),
            Needs("admin read"),
        ),
        (
            "a stream of subscriptions to no resource",
            request("subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#),
            Passes,
        ),
        (
            "completion of a prompt",
            request("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"report"}}"#),
            Needs("admin"),
        ),
        (
            "completion of a template",
            request("completion/complete", r#"{"ref":{"type":"ref/resource","uri":"file:///pub/{path}"}}"#),
            Passes,
        ),
        (
            "completion of something else",
            request("completion/complete", r#"{"ref":{"type":"ref/tool","name":"write"}}"#),
            PARAMS,
        ),
        ("a method with a row", request("logging/setLevel", r#"{"level":"debug"}"#), Needs("admin")),
        ("initialize", request("initialize", r#"{"protocolVersion":"2025-11-25"}"#), Passes),
        ("server/discover", request("server/discover", "{}"), Passes),
        ("ping without params", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.into(), Passes),
        ("a list", request("tools/list", "{}"), Passes),
        ("a list with params of null", request("tools/list", "null"), Passes),
        ("a notification", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.into(), Passes),
        ("an answer of the client", r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#.into(), Passes),
        ("an error of the client", r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1}}"#.into(), Passes),
        ("a method that is not known", request("tools/execute", r#"{"name":"read"}"#), Needs(ALL)),
        ("a task, whose id is the server's", request("tasks/get", r#"{"taskId":"1"}"#), Needs(ALL)),
        ("a method with a space", request("tools/call ", r#"{"name":"read"}"#), Needs(ALL)),
        ("a method in capitals", request("TOOLS/CALL", r#"{"name":"read"}"#), Needs(ALL)),
        ("an empty method", request("", "{}"), Needs(ALL)),
        // A call that is none to a careless reader.
        (
            "a call without an id",
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"write"}}"#.into(),
            Needs("write"),
        ),
        (
            "a call with an id of null",
            r#"{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"write"}}"#.into(),
            Needs("write"),
        ),
        (
            "a call of JSON-RPC 1.0",
            r#"{"id":1,"method":"tools/call","params":{"name":"write"}}"#.into(),
            Needs("write"),
        ),
        (
            "a call that is an answer, too",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write"},"result":{}}"#.into(),
            INVALID,
        ),
        // Names.
        ("escapes in a name", call(r"\u0077rite"), Needs("write")),
        ("an escaped slash", call(r"delete\/all"), Needs("admin")),
        ("escapes in a name that is allowed", call(r"r\u0065ad"), Passes),
        ("escapes in a method", request(r"tools\u002fcall", r#"{"name":"write"}"#), Needs("write")),
        (
            "escapes in the names of members",
            r#"{"\u006dethod":"tools/call","p\u0061rams":{"n\u0061me":"write"}}"#.into(),
            Needs("write"),
        ),
        ("a name in another case", call("READ"), Needs(ALL)),
        ("a name with a space before", call(" read"), Needs(ALL)),
        ("a name with a space behind", call("read "), Needs(ALL)),
        ("a name with a zero-width space", call("re\u{200b}ad"), Needs(ALL)),
        ("a name in full width", call("ｒｅａｄ"), Needs(ALL)),
        ("a name in Cyrillic", call("r\u{435}ad"), Needs(ALL)),
        ("a name in another normal form", call("re\u{301}ad"), Needs(ALL)),
        ("a name that ends with a null", call(r"read\u0000"), Needs(ALL)),
        ("an empty name", call(""), Needs(ALL)),
        ("half a surrogate pair in a name", call(r"read\ud800"), PARAMS),
        ("no name", request("tools/call", r#"{"arguments":{}}"#), PARAMS),
        ("no params", r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#.into(), PARAMS),
        ("a name that is a number", request("tools/call", r#"{"name":1}"#), PARAMS),
        ("a name that is an array", request("tools/call", r#"{"name":["read"]}"#), PARAMS),
        ("a name of null", request("tools/call", r#"{"name":null}"#), PARAMS),
        ("params as an array", request("tools/call", r#"["write",{}]"#), PARAMS),
        ("params as an array for a list", request("tools/list", "[]"), PARAMS),
        ("params as a text", request("tools/call", r#""write""#), PARAMS),
        // Members that are there twice, where they decide.
        ("two methods", r#"{"method":"ping","method":"tools/call","params":{"name":"write"}}"#.into(), INVALID),
        (
            "two methods, one in escapes",
            r#"{"method":"ping","meth\u006fd":"tools/call","params":{"name":"write"}}"#.into(),
            INVALID,
        ),
        (
            "methods in two cases",
            r#"{"method":"ping","Method":"tools/call","params":{"name":"write"}}"#.into(),
            INVALID,
        ),
        (
            "a method behind a null",
            r#"{"method\u0000":"tools/call","method":"ping","params":{"name":"write"}}"#.into(),
            INVALID,
        ),
        ("a method in capitals alone", r#"{"METHOD":"tools/call","params":{"name":"write"}}"#.into(), INVALID),
        (
            "two params",
            r#"{"method":"tools/call","params":{"name":"read"},"params":{"name":"write"}}"#.into(),
            INVALID,
        ),
        (
            "params with a long s",
            "{\"method\":\"tools/call\",\"params\":{\"name\":\"read\"},\"param\u{17f}\":{\"name\":\"write\"}}".into(),
            INVALID,
        ),
        ("two names", request("tools/call", r#"{"name":"read","name":"write"}"#), INVALID),
        ("names in two cases", request("tools/call", r#"{"name":"read","NAME":"write"}"#), INVALID),
        (
            "two URIs",
            request("resources/read", r#"{"uri":"file:///pub/a","uri":"file:///pub/secret"}"#),
            INVALID,
        ),
        ("two names among the arguments", request("tools/call", r#"{"name":"read","arguments":{"name":"a","name":"b"}}"#), Passes),
        (
            "a name of serde_json's own",
            request("tools/call", r#"{"$serde_json::private::RawValue":"{\"name\":\"read\"}"}"#),
            PARAMS,
        ),
        // Batches.
        ("a batch that is allowed", format!("[{},{}]", call("read"), request("ping", "{}")), Passes),
        ("a batch of one call that is not", format!("[{},{}]", call("read"), call("write")), Needs("read write")),
        ("a batch of two that are not", format!("[{},{}]", call("write"), call("delete/all")), Needs("admin write")),
        ("a call behind an answer", format!(r#"[{{"id":1,"result":{{}}}},{}]"#, call("write")), Needs("write")),
        ("a batch of one", format!("[{}]", call("write")), Needs("write")),
        ("an empty batch", "[]".into(), INVALID),
        ("a batch in a batch", format!("[[{}]]", call("read")), INVALID),
        ("a batch with a text", format!(r#"[{},"ping"]"#, call("read")), INVALID),
        ("64 messages", format!("[{}]", vec![call("read"); 64].join(",")), Passes),
        ("65 messages", format!("[{}]", vec![call("read"); 65].join(",")), INVALID),
        // What is no message.
        ("nothing", String::new(), PARSE),
        ("two messages", format!("{}{}", call("read"), call("write")), PARSE),
        ("two messages, one to a line", format!("{}\n{}", call("read"), call("write")), PARSE),
        ("half a message", r#"{"method":"ping""#.into(), PARSE),
        ("a comment", format!("/**/{}", call("read")), PARSE),
        ("a last comma", r#"{"method":"ping",}"#.into(), PARSE),
        ("single quotes", "{'method':'ping'}".into(), PARSE),
        ("a byte order mark", format!("\u{feff}{}", call("read")), PARSE),
        ("null", "null".into(), INVALID),
        ("a text", r#""ping""#.into(), INVALID),
        ("an empty object", "{}".into(), INVALID),
        ("no method", r#"{"jsonrpc":"2.0","id":1,"params":{"name":"write"}}"#.into(), INVALID),
        ("a method that is a number", r#"{"method":1}"#.into(), INVALID),
        ("a method that is an array", r#"{"method":["tools/call"],"params":{"name":"write"}}"#.into(), INVALID),
        ("white space around", format!(" \r\n\t{}\n ", call("read")), Passes),
        ("deep arguments", request("tools/call", &format!(r#"{{"arguments":{}{},"name":"read"}}"#, "[".repeat(500), "]".repeat(500))), Passes),
        ("a name behind brackets in a text", request("tools/call", r#"{"arguments":{"a":"\"}]}}{"},"name":"write"}"#), Needs("write")),
    ]
}

#[tokio::test]
async fn each_body_gets_what_it_must() {
    let site = Site::new();
    let rows = rows();
    assert!(rows.len() >= 90, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    for (name, body, expected) in rows {
        let got = outcome(&site, "read", body.as_bytes(), &[]).await;
        if got != expected {
            wrong.push(format!("{name}: {got:?} instead of {expected:?}"));
        }
        // What lacks scopes alone passes with these scopes.
        if let Needs(scopes) = expected {
            let again = outcome(&site, scopes, body.as_bytes(), &[]).await;
            if again != Passes {
                wrong.push(format!("{name}, with {scopes}: {again:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn bodies_that_are_no_text_or_too_large_are_refused() {
    let small = Site::new().guarded(|guard| guard.max_message(call("read").len()));
    for (name, body, expected) in [
        ("bytes that are not UTF-8", b"{\"method\":\"ping\xff\"}".to_vec(), PARSE),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect(), PARSE),
        ("as large as may be", call("read").into_bytes(), Passes),
        ("one byte more", call("write").into_bytes(), Fault(413, -32600)),
    ] {
        assert_eq!(outcome(&small, "read", &body, &[]).await, expected, "{name}");
    }
    // A length that is said beforehand is believed; one that is not, is counted.
    for (name, sized) in [("with a length", true), ("in pieces", false)] {
        let body = vec![b' '; 1 << 20];
        let body = if sized {
            axum::body::Body::from(body)
        } else {
            axum::body::Body::new(http_body_util::BodyExt::map_frame(axum::body::Body::from(body), |frame| {
                frame
            }))
        };
        let answer = small.send(super::post(&small.token("read"), body, &[])).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (413, Some(-32600)), "{name}");
    }
    assert!(small.seen().is_empty());
}

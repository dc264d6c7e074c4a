//! A session belongs to the principal that began it.

use axum::body::Body;
use http::{Method, Request, Response};
use tower_resource_server::mcp::SessionSecretError;

use super::{Site, post};

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
const OWN: &str = "d0d5a9f4-6a0c-4b36.x";

fn site() -> Site {
    Site::answering(|| {
        let mut response = Response::new(Body::from("{}"));
        response.headers_mut().insert("mcp-session-id", OWN.parse().unwrap());
        response
    })
}

async fn begin(site: &Site, token: &str) -> String {
    let answer = site.send(post(token, INITIALIZE, &[])).await;
    assert_eq!(answer.status, 200);
    site.seen();
    answer.header("mcp-session-id").unwrap().to_owned()
}

fn token(site: &Site, subject: &str, client: &str) -> String {
    site.issuer.access_token(subject).client_id(client).scope("read").unique().mint().unwrap()
}

/// A request in a session, by any of the three methods.
fn within(method: Method, token: &str, sessions: &[&str]) -> Request<Body> {
    let body = if method == Method::POST { PING } else { "" };
    let headers: Vec<_> = sessions.iter().map(|session| ("mcp-session-id", *session)).collect();
    let mut request = post(token, body, &headers);
    *request.method_mut() = method;
    request
}

const METHODS: [Method; 3] = [Method::POST, Method::GET, Method::DELETE];

#[tokio::test]
async fn a_session_is_known_to_its_principal_alone() {
    let site = site();
    let alice = token(&site, "alice", "app");
    let session = begin(&site, &alice).await;
    assert_ne!(session, OWN);
    assert!(session.bytes().all(|byte| byte.is_ascii_graphic()));
    let other_server = {
        let other = self::site();
        begin(&other, &token(&other, "alice", "app")).await
    };
    let (last, rest) = (session.chars().last().unwrap(), &session[..session.len() - 1]);
    let changed = format!("{rest}{}", if last == 'A' { 'Q' } else { 'A' });
    let moved = session.replacen(OWN, "another", 1);
    let renewed = token(&site, "alice", "app");
    let bob = token(&site, "bob", "app");
    let other_client = token(&site, "alice", "other");
    let rows: [(&str, &str, &[&str], u16); 12] = [
        ("the same token", &alice, &[&session], 200),
        ("a new token of the same principal", &renewed, &[&session], 200),
        ("another subject", &bob, &[&session], 404),
        ("another client", &other_client, &[&session], 404),
        ("the server's own id", &alice, &[OWN], 404),
        ("a made-up id", &alice, &["made-up"], 404),
        ("an empty id", &alice, &[""], 404),
        ("a session of another server", &alice, &[&other_server], 404),
        ("a changed end", &alice, &[&changed], 404),
        ("another id with the same end", &alice, &[&moved], 404),
        ("no end", &alice, &[&format!("{OWN}.")], 404),
        ("two ids", &alice, &[&session, &session], 404),
    ];
    for method in METHODS {
        for (name, token, sessions, status) in rows {
            let answer = site.send(within(method.clone(), token, sessions)).await;
            assert_eq!(answer.status, status, "{method}: {name}");
            let seen = site.seen();
            if status == 200 {
                assert_eq!(seen[0].headers["mcp-session-id"], OWN, "{method}: {name}");
                assert_eq!(seen[0].method, method);
            } else {
                assert!(seen.is_empty(), "{method}: {name}");
                assert_eq!(answer.code(), Some(-32001), "{method}: {name}");
                assert_eq!(answer.header("www-authenticate"), None);
            }
        }
    }
}

#[tokio::test]
async fn instances_with_one_secret_know_each_others_sessions() {
    let secret: Vec<u8> = (0..32).map(|n| n * 7 + 3).collect();
    let shared = |site: Site| site.guarded(|guard| guard.session_secret(&secret).unwrap());
    let (first, second) = (shared(site()), shared(site()));
    let session = begin(&first, &token(&first, "alice", "app")).await;
    let answer = second.send(within(Method::POST, &token(&second, "alice", "app"), &[&session])).await;
    // Another issuer has another name only if it says so: these two have the same.
    assert_eq!(answer.status, 200);
    let short = site().guard.session_secret(b"short").unwrap_err();
    assert_eq!(short, SessionSecretError::SecretTooShort { length: 5, minimum: 32 });
    assert_eq!(short.to_string(), "a secret of 5 bytes; use at least 32 random ones");
    assert!(site().guard.session_secret(&[7; 32]).is_err(), "a repeated byte");
}

#[tokio::test]
async fn a_stream_is_resumed_in_a_session_only() {
    let site = site();
    let alice = token(&site, "alice", "app");
    let session = begin(&site, &alice).await;
    for (name, sessions, status) in [("in a session", &[&*session][..], 200), ("without", &[], 404)] {
        let mut request = within(Method::GET, &alice, sessions);
        request.headers_mut().insert("last-event-id", "7".parse().unwrap());
        assert_eq!(site.send(request).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn two_session_ids_of_a_server_are_not_passed_on() {
    let site = Site::answering(|| {
        let mut response = Response::new(Body::from("{}"));
        response.headers_mut().append("mcp-session-id", "a".parse().unwrap());
        response.headers_mut().append("mcp-session-id", "b".parse().unwrap());
        response
    });
    let answer = site.send(post(&site.token("read"), INITIALIZE, &[])).await;
    assert_eq!((answer.status.as_u16(), answer.header("mcp-session-id")), (200, None));
}

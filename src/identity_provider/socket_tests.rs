//! Against real sockets: what a provider in trouble does to a connection.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    net::{HttpError, ReqwestClient},
    test_util::ManualClock,
};

/// What a server saw: the heads of requests and their bodies.
type Seen = Arc<Mutex<Vec<String>>>;

async fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut wanted = usize::MAX;
    while seen.len() < wanted {
        let Ok(byte) = stream.read_u8().await else { break };
        seen.push(byte);
        if wanted == usize::MAX && seen.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            wanted = seen.len() + length.map_or(0, |length| length.parse().unwrap());
        }
    }
    String::from_utf8(seen).unwrap()
}

/// Answers each request with these bytes, or with nothing at all and an open connection.
async fn serve(answer: Option<Vec<u8>>) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            log.lock().unwrap().push(request);
            if let Some(answer) = &answer {
                // A client that has read enough hangs up in the middle.
                let _ = stream.write_all(answer).await;
            } else {
                open.push(stream);
            }
        }
    });
    (base, seen)
}

fn answer(status: &str, body: &str) -> Option<Vec<u8>> {
    Some(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn client(base: &str) -> IdentityProviderClient {
    IdentityProviderClient::builder(base, "T", "bridge", ReqwestClient::new().unwrap())
        .allow_loopback_http(true)
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

async fn start(base: &str) -> Result<Outcome, ExchangeError> {
    client(base).start(&HeaderMap::new()).await
}

const GOOD: &str = r#"{"status":"success","userIdentity":{"userName":"bob","displayName":"Bob"}}"#;

#[tokio::test]
async fn a_question_and_its_answer_as_they_are_on_the_wire() {
    let (base, seen) = serve(answer("200 OK", GOOD)).await;
    let client = client(&base);
    let outcome =
        client.with_authorization(HeaderValue::from_static("Bearer t")).start(&HeaderMap::new()).await;
    assert!(matches!(&outcome, Ok(Outcome::Success(user)) if user.user_name() == "bob"), "{outcome:?}");
    let seen = seen.lock().unwrap().join("");
    assert!(seen.starts_with("POST /v1/apps/T/bridge/startAuthorization HTTP/1.1\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\n{\"headers\":{}}"), "{seen}");
    let head = seen.to_lowercase();
    for line in ["content-type: application/json", "accept: application/json", "authorization: bearer t"] {
        assert!(head.contains(&format!("{line}\r\n")), "{line} not in {seen}");
    }
    for absent in ["cookie", "referer", "accept-encoding"] {
        assert!(!head.contains(absent), "{absent} in {seen}");
    }
}

#[tokio::test]
async fn a_provider_in_trouble() {
    use ExchangeError::{Malformed, Status, Unanswered};
    let too_large = Unanswered(HttpError::TooLarge { limit: MAX_BODY });
    let page = "<!DOCTYPE html><html><body><h1>TypeError: undefined</h1></body></html>";
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let endless =
        [chunked, [b"400\r\n".to_vec(), vec![b' '; 1024], b"\r\n".to_vec()].concat().repeat(100)].concat();
    for (name, answer, expected) in [
        (
            "500 with a page",
            answer("500 Internal Server Error", page),
            Status(StatusCode::INTERNAL_SERVER_ERROR),
        ),
        ("503", answer("503 Busy", GOOD), Status(StatusCode::SERVICE_UNAVAILABLE)),
        ("401", answer("401 Unauthorized", "Unauthorized"), Status(StatusCode::UNAUTHORIZED)),
        ("a page with 200", answer("200 OK", page), Malformed),
        ("nothing with 200", answer("200 OK", ""), Malformed),
        ("announced too large", answer("200 OK", &" ".repeat(MAX_BODY + 1)), too_large.clone()),
        ("too large without a word", Some(endless), too_large),
        (
            "cut short",
            Some(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec()),
            Unanswered(HttpError::Broken),
        ),
        ("not HTTP", Some(b"220 mail.example ESMTP\r\n".to_vec()), Unanswered(HttpError::Broken)),
        ("hung up", Some(Vec::new()), Unanswered(HttpError::Broken)),
    ] {
        let (base, seen) = serve(answer).await;
        assert_eq!(start(&base).await, Err(expected), "{name}");
        assert_eq!(seen.lock().unwrap().len(), 1, "{name}: asked once");
    }
}

#[tokio::test]
async fn a_port_without_a_listener_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(start(&base).await, Err(ExchangeError::Unanswered(HttpError::Connect)));
}

#[tokio::test]
async fn a_redirect_takes_the_answer_nowhere() {
    let (elsewhere, visits) = serve(answer("200 OK", GOOD)).await;
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let redirect = format!("HTTP/1.1 {status}\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n");
        let (base, _) = serve(Some(redirect.into_bytes())).await;
        assert!(matches!(start(&base).await, Err(ExchangeError::Status(_))), "{status}");
    }
    assert_eq!(visits.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_provider_that_hangs_is_given_up_at_the_deadline() {
    let (base, seen) = serve(None).await;
    let clock = ManualClock::default();
    let client = IdentityProviderClient::builder(&base, "T", "bridge", ReqwestClient::new().unwrap())
        .allow_loopback_http(true)
        .clock(clock.clone())
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let login = tokio::spawn(async move { client.start(&HeaderMap::new()).await });
    while seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(60));
    assert_eq!(login.await.unwrap(), Err(ExchangeError::Unanswered(HttpError::Timeout)));
}

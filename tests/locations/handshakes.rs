//! WebSocket handshakes to their end: which are answered by 101, with which subprotocol (RFC 6455 section 4.2.2), and
//! that no answer names the token.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{WebSocketUpgrade, ws::WebSocket},
    response::Response,
    routing::any,
};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tower_resource_server::{
    Identity,
    http::TokenLocation,
    test_util::{Defect, TestIssuer},
};

use crate::site::{serve, server};

const KUBERNETES: &str = "base64url.bearer.authorization.k8s.io.";

/// Far beyond what a handshake takes.
const BOUND: Duration = Duration::from_secs(20);

/// The key of RFC 6455 section 1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPTED: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The three forms, each with a handler that answers with a subprotocol that it knows (`/known`), and one that answers
/// with the first that is offered, whatever it is (`/any`).
struct Bench {
    address: SocketAddr,
    /// How many handshakes came to a handler.
    upgraded: Arc<AtomicUsize>,
    tokens: [(&'static str, String); 3],
}

impl Bench {
    async fn open() -> Self {
        let issuer = TestIssuer::new();
        let upgraded = Arc::new(AtomicUsize::new(0));
        let mut app = Router::new();
        for (path, location) in [
            ("/prefix", TokenLocation::websocket("bearer.")),
            ("/encoded", TokenLocation::websocket_base64url(KUBERNETES)),
            ("/after", TokenLocation::websocket_after("access_token")),
        ] {
            let api = server(&issuer).token_location(location).build().unwrap();
            let (count, known) = (Arc::clone(&upgraded), ["chat", "v4.channel.k8s.io", "access_token"]);
            let of_known = async move |who: Identity, handshake: WebSocketUpgrade| {
                count.fetch_add(1, Ordering::Relaxed);
                answer(handshake.protocols(known), &who)
            };
            let count = Arc::clone(&upgraded);
            let of_any = async move |who: Identity, headers: HeaderMap, handshake: WebSocketUpgrade| {
                count.fetch_add(1, Ordering::Relaxed);
                let fields = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
                let offered = fields.flat_map(|field| field.to_str().unwrap().split(','));
                let offered: Vec<_> = offered.map(|name| name.trim().to_owned()).collect();
                answer(handshake.protocols(offered), &who)
            };
            let routes = Router::new().route("/known", any(of_known)).route("/any", any(of_any));
            app = app.nest(path, routes.layer(api.layer()));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        serve(listener, app);
        let alice = issuer.access_token("alice");
        let tokens = [
            ("{good}", alice.mint().unwrap()),
            ("{expired}", issuer.broken_from(&alice, Defect::Expired)),
            ("{forged}", issuer.broken_from(&alice, Defect::TamperedPayload)),
        ];
        Self { address, upgraded, tokens }
    }

    /// The head of the answer to a handshake, and the first message where it is 101.
    async fn shake_hands(&self, path: &str, offered: &str) -> (String, Option<String>) {
        let fields = format!(
            "Host: api.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: {offered}\r\n"
        );
        let request = format!("GET {path} HTTP/1.1\r\n{fields}\r\n");
        let exchange = async {
            let mut stream = BufReader::new(TcpStream::connect(self.address).await.unwrap());
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(stream.read_line(&mut head).await.unwrap() > 0, "the whole head: {head}");
            }
            if !head.starts_with("HTTP/1.1 101 ") {
                return (head, None);
            }
            // A text, which is the last frame of its message and shorter than 126 bytes (RFC 6455 section 5.2).
            let (kind, length) = (stream.read_u8().await.unwrap(), stream.read_u8().await.unwrap());
            assert!((kind, length < 126) == (0x81, true), "{kind:x} {length}");
            let mut message = vec![0; length.into()];
            stream.read_exact(&mut message).await.unwrap();
            (head, Some(String::from_utf8(message).unwrap()))
        };
        timeout(BOUND, exchange).await.expect("an answer in time")
    }
}

/// Says whose token it was once the connection is a WebSocket.
fn answer(handshake: WebSocketUpgrade, who: &Identity) -> Response {
    let subject = who.subject().to_owned();
    handshake.on_upgrade(async move |mut socket: WebSocket| {
        socket.send(subject.into()).await.unwrap();
    })
}

fn field<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[tokio::test]
async fn a_handshake_is_answered_with_another_subprotocol_than_that_of_the_token() {
    let bench = Bench::open().await;
    let mut failures = Vec::new();
    // `^` is the token in base64url, behind its prefix. Last, what a handler answers with that knows its own, and one
    // that takes any.
    for (path, offered, known, first) in [
        ("/prefix", "bearer.{token}, chat", "chat", "chat"),
        ("/prefix", "chat, bearer.{token}", "chat", "chat"),
        ("/prefix", "superchat,bearer.{token},chat", "chat", "superchat"),
        ("/encoded", "^, v4.channel.k8s.io", "v4.channel.k8s.io", "v4.channel.k8s.io"),
        ("/encoded", "v5.channel.k8s.io, v4.channel.k8s.io, ^", "v4.channel.k8s.io", "v5.channel.k8s.io"),
        ("/after", "access_token, {token}", "access_token", "access_token"),
        ("/after", "access_token, {token}, chat", "chat", "access_token"),
        ("/after", "superchat, access_token, {token}", "access_token", "superchat"),
    ] {
        for (handler, echoed) in [("known", known), ("any", first)] {
            for (name, token) in &bench.tokens {
                let encoded = URL_SAFE_NO_PAD.encode_to_string(token);
                let before = bench.upgraded.load(Ordering::Relaxed);
                let sent = offered.replace("{token}", token).replace('^', &format!("{KUBERNETES}{encoded}"));
                let (head, message) = bench.shake_hands(&format!("{path}/{handler}"), &sent).await;
                let upgraded = bench.upgraded.load(Ordering::Relaxed) - before;
                let is_good = *name == "{good}";
                let status = if is_good { "HTTP/1.1 101 " } else { "HTTP/1.1 401 " };
                let protocols = field(&head, "sec-websocket-protocol");
                let expected: &[&str] = if is_good { &[echoed] } else { &[] };
                let accepted: &[&str] = if is_good { &[ACCEPTED] } else { &[] };
                let is_right = head.starts_with(status)
                    && protocols == expected
                    && field(&head, "sec-websocket-accept") == accepted
                    && field(&head, "upgrade").is_empty() != is_good
                    && message.as_deref() == is_good.then_some("alice")
                    && upgraded == usize::from(is_good);
                let signature = token.rsplit('.').next().unwrap();
                let leaks = [token, &encoded, signature].iter().any(|text| head.contains(*text));
                if !is_right || leaks {
                    failures.push(format!("{path}/{handler} {offered} {name}: {message:?} {head}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The server must not answer with the token, and a browser fails where it answers with none that it offered.
#[tokio::test]
async fn a_handshake_that_offers_the_token_alone_is_refused() {
    let bench = Bench::open().await;
    let [(_, good), ..] = &bench.tokens;
    let encoded = format!("{KUBERNETES}{}", URL_SAFE_NO_PAD.encode_to_string(good));
    for (path, offered) in [("/prefix", format!("bearer.{good}")), ("/encoded", encoded)] {
        let (head, message) = bench.shake_hands(&format!("{path}/any"), &offered).await;
        assert!(head.starts_with("HTTP/1.1 400 ") && message.is_none(), "{path}: {head}");
        assert_eq!(field(&head, "sec-websocket-protocol"), [""; 0], "{path}");
    }
    assert_eq!(bench.upgraded.load(Ordering::Relaxed), 0);
}

//! The servers under attack, and a client that sends exactly the bytes it is given.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::Request, routing::any};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, header};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tower_resource_server::{
    Authentication, ResourceServer, ResourceServerBuilder,
    http::{IdTokenLocation, TokenLocation},
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

/// Far beyond what any row takes; a server that hangs fails here.
const BOUND: Duration = Duration::from_secs(20);

/// The longest word of a request that a response must not hold.
const WORD: usize = 64;

/// One attack.
pub struct Row {
    pub name: String,
    /// The request line without the version, and the fields, in one text with line feeds; behind an empty line, the body.
    pub request: String,
    pub expected: Expected,
}

/// What must come back.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// 200, as the bearer of the token.
    Admitted,
    /// 200, and the inner service saw these fields: what `seen` writes.
    Sees(&'static str),
    /// 200, as no one.
    Anonymous,
    /// 401 without an error code.
    NoCredentials,
    /// 400 `invalid_request` with this description.
    BadRequest(&'static str),
    /// 401 `invalid_token` with this description.
    BadToken(&'static str),
    /// The same where the scope `read` is needed.
    BadTokenForScope(&'static str),
    /// 403 `insufficient_scope`, for the scope `read`.
    MissingScope,
    /// 403 without a challenge.
    CrossOrigin,
    /// 503 without a challenge.
    Unavailable,
    /// Refused by hyper, before the layer.
    NotHttp(u16),
}

/// `{good}` is a good token of alice, `{bob}` one of bob, `{expired}` and `{forged}` are bad ones, `{id}` an ID
/// token of alice; `{encoded}` is `{good}` in base64url, `{escaped}`
/// with escapes.
pub fn row(name: impl Into<String>, request: impl Into<String>, expected: Expected) -> Row {
    Row { name: name.into(), request: request.into(), expected }
}

/// The running servers.
pub struct Site {
    address: SocketAddr,
    words: Vec<(&'static str, String)>,
}

/// What each path takes tokens from.
fn servers() -> Vec<(&'static str, Vec<TokenLocation>)> {
    let cookie = || TokenLocation::cookie("__Host-session");
    vec![
        ("/header", vec![TokenLocation::header("x-assertion")]),
        ("/scheme", vec![TokenLocation::header_with_scheme("x-forwarded-authorization", "Bearer")]),
        ("/token", vec![TokenLocation::authorization_with_scheme("Token")]),
        ("/cookie", vec![cookie()]),
        ("/trusting", vec![cookie()]),
        ("/optional", vec![TokenLocation::authorization(), cookie()]),
        ("/both", vec![TokenLocation::authorization(), TokenLocation::header("x-assertion"), cookie()]),
        ("/agree", vec![TokenLocation::header("x-assertion"), cookie()]),
        ("/removed", vec![TokenLocation::authorization(), TokenLocation::header("x-assertion"), cookie()]),
        ("/pair", vec![TokenLocation::authorization(), cookie()]),
        ("/prefix", vec![TokenLocation::websocket("bearer.")]),
        ("/offered", vec![TokenLocation::authorization(), TokenLocation::websocket("bearer.")]),
        ("/kubernetes", vec![TokenLocation::websocket_base64url("base64url.bearer.authorization.k8s.io.")]),
        ("/after", vec![TokenLocation::websocket_after("access_token")]),
        ("/query", vec![TokenLocation::authorization(), TokenLocation::dangerous().query("access_token")]),
        ("/cookies", vec![cookie(), TokenLocation::cookie("other")]),
        ("/form", vec![TokenLocation::authorization(), TokenLocation::dangerous().form("access_token")]),
        ("/unread", vec![TokenLocation::authorization(), TokenLocation::dangerous().form("access_token")]),
        ("/id", vec![TokenLocation::header("x-assertion"), cookie()]),
    ]
}

impl Site {
    pub async fn open() -> Self {
        let issuer = TestIssuer::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut app = Router::new();
        for (path, locations) in servers() {
            let server = if path == "/id" { of_id_tokens(&issuer) } else { server(&issuer) };
            let server = locations.into_iter().fold(server, ResourceServerBuilder::token_location);
            let server = match path {
                "/trusting" => {
                    server.trusted_origin("https://app.test").trusted_origin("http://localhost:3000")
                }
                "/agree" => server.token_locations_agree(true),
                "/removed" => server.remove_credentials(true),
                "/pair" => {
                    let name = HeaderName::from_static("x-id-token");
                    server.client_id(issuer.client_id()).id_token(IdTokenLocation::Header(name))
                }
                _ => server,
            };
            let api = server.build().unwrap();
            let route = Router::new().route(path, any(seen)).layer(api.layer().optional(path == "/optional"));
            let reads_forms = path != "/unread";
            app = app.merge(if reads_forms { route.layer(api.form_tokens().max_form(4_096)) } else { route });
        }
        serve(listener, app);
        let good = issuer.access_token("alice").mint().unwrap();
        let id = issuer.id_token("alice").mint().unwrap();
        let broken = |defect| issuer.broken_from(&issuer.access_token("alice"), defect);
        let words = vec![
            ("{encoded}", URL_SAFE_NO_PAD.encode_to_string(&good)),
            ("{escaped}", good.replace('.', "%2e").replacen('e', "%65", 1)),
            ("{good}", good),
            ("{bob}", issuer.access_token("bob").mint().unwrap()),
            ("{expired}", broken(Defect::Expired)),
            ("{forged}", broken(Defect::TamperedPayload)),
            ("{id}", id),
        ];
        Self { address, words }
    }

    pub async fn attack(&self, Row { name, request, expected }: &Row) -> Result<(), String> {
        let mut request = request.clone();
        for (word, value) in &self.words {
            request = request.replace(word, value);
        }
        let answer = send(self.address, &request).await;
        compare(&answer, *expected).map_err(|problem| format!("{name}: {problem}"))?;
        echoes_nothing(&request, &answer).map_err(|word| format!("{name}: {word:?} came back"))
    }
}

/// Serves an application until the runtime of the test ends.
pub fn serve(listener: TcpListener, app: Router) {
    tokio::spawn(async move { axum::serve(listener, app).await });
}

/// Whether an answer is what was expected.
pub fn compare(answer: &str, expected: Expected) -> Result<(), String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let challenge = head.lines().find_map(|line| line.strip_prefix("www-authenticate: "));
    let told =
        |code: &str, text: &str| Some(format!("Bearer error=\"{code}\", error_description=\"{text}\""));
    let (wanted, wanted_challenge, seen) = match expected {
        Expected::Admitted => (200, None, Some("alice")),
        Expected::Sees(seen) => (200, None, Some(seen)),
        Expected::Anonymous => (200, None, Some("anonymous")),
        Expected::NoCredentials => (401, Some("Bearer".to_owned()), None),
        Expected::BadRequest(text) => (400, told("invalid_request", text), None),
        Expected::BadToken(text) => (401, told("invalid_token", text), None),
        Expected::BadTokenForScope(text) => {
            (401, told("invalid_token", text).map(|challenge| format!("{challenge}, scope=\"read\"")), None)
        }
        Expected::MissingScope => {
            (403, Some("Bearer error=\"insufficient_scope\", scope=\"read\"".to_owned()), None)
        }
        Expected::CrossOrigin => (403, None, None),
        Expected::Unavailable => (503, None, None),
        Expected::NotHttp(status) => (status, None, None),
    };
    if status != Some(wanted) || challenge != wanted_challenge.as_deref() {
        return Err(format!("not {wanted}, {wanted_challenge:?}: {answer}"));
    }
    // Who it was, where that is all that a row asks for; otherwise everything that the inner service saw.
    let body_seen = match expected {
        Expected::Admitted | Expected::Anonymous => body.split(' ').next().unwrap_or(body),
        _ => body,
    };
    if body_seen != seen.unwrap_or("") {
        return Err(format!("not {seen:?}: {body:?}"));
    }
    Ok(())
}

/// Sends a request, a text as in a [`Row`], and takes what comes.
pub async fn send(address: SocketAddr, request: &str) -> String {
    let bytes = bytes(request);
    let exchange = async {
        let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        let mut raw = Vec::new();
        // A server that has read enough closes; both directions then fail, and that is an answer.
        let (_, _) = tokio::join!(writer.write_all(&bytes), reader.read_to_end(&mut raw));
        String::from_utf8_lossy(&raw).into_owned()
    };
    timeout(BOUND, exchange).await.expect("an answer in time")
}

/// A server of this issuer, without a metadata document in its challenges.
pub fn server(issuer: &TestIssuer) -> ResourceServerBuilder {
    ResourceServer::builder("api")
        .audience(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
}

/// A server whose tokens are ID tokens.
fn of_id_tokens(issuer: &TestIssuer) -> ResourceServerBuilder {
    let trusted = issuer.trusted().map_profile(|_| TokenProfile::oidc_id_token());
    ResourceServer::builder("app").client_id(issuer.client_id()).issuer(trusted).clock(issuer.clock().clone())
}

/// The bytes of a request; a `Host` unless it has one.
fn bytes(request: &str) -> Vec<u8> {
    let (request, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (line, fields) = request.split_once('\n').unwrap_or((request, ""));
    let mut bytes = format!("{line} HTTP/1.1\r\n").into_bytes();
    if !fields.to_ascii_lowercase().contains("host: ") {
        bytes.extend_from_slice(b"Host: api.test\r\n");
    }
    for field in fields.split('\n').filter(|field| !field.is_empty()) {
        bytes.extend_from_slice(field.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if !fields.contains("Connection: ") {
        bytes.extend_from_slice(b"Connection: close\r\n");
    }
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    bytes
}

/// What the inner service got: who, each field that may carry a token, `!` where it is marked sensitive, and the body
/// behind the length that a field says it has.
pub async fn seen(who: Authentication, request: Request) -> String {
    let who = who.identity().map_or("anonymous", |who| who.subject()).to_owned();
    let fields = [header::AUTHORIZATION, header::COOKIE, header::SEC_WEBSOCKET_PROTOCOL];
    let fields = fields.iter().chain([&X_ASSERTION]).map(|name| shown(request.headers(), name));
    let query = request.uri().query().map(|query| format!(" ?{query}"));
    let seen: String = std::iter::once(who).chain(fields.flatten()).chain(query).collect();
    let length = request.headers().get(header::CONTENT_LENGTH).cloned();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    match length {
        Some(length) if length != "0" => {
            format!("{seen} {}:{}", length.to_str().unwrap(), String::from_utf8_lossy(&body))
        }
        _ => seen,
    }
}

static X_ASSERTION: HeaderName = HeaderName::from_static("x-assertion");

/// A field, with tokens left out.
fn shown(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut short = String::new();
    for word in text.split_inclusive(|c| !is_word(c)) {
        let end = word.trim_end_matches(is_word).len();
        let end = if end == word.len() { &word[word.trim_end_matches(|c| !is_word(c)).len()..] } else { "" };
        short += &if word.len() > WORD { format!("…{end}") } else { word.to_owned() };
    }
    Some(format!(" {name}{}{short}", if value.is_sensitive() { "!" } else { "=" }))
}

/// Promise 10: what was sent does not come back, but for what the handler shows.
fn echoes_nothing(request: &str, answer: &str) -> Result<(), String> {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let words = request.split(|c| !is_inside(c)).filter(|word| word.len() >= WORD);
    match words.into_iter().find(|word| answer.contains(&word[..WORD])) {
        Some(word) => Err(word.to_owned()),
        None => Ok(()),
    }
}

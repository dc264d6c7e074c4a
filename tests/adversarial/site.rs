//! The server under attack, and a client that sends exactly the bytes it is given.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use http::HeaderName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tower_resource_server::{
    Authentication, ResourceServer, ResourceServerBuilder, http::IdTokenLocation, policy::scope,
};

use crate::forge::{Forge, MARK};

/// Far beyond what any case takes; a server that hangs fails here.
const BOUND: Duration = Duration::from_secs(20);

/// The end of every challenge.
const REALM: &str = "realm=\"api\"";

/// Which of the protected places a case attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// RFC 9068 tokens, scope `read`.
    Strict,
    /// The same without a scope, and anonymous requests pass.
    Optional,
    /// An ID token may follow the access token.
    After,
    /// An ID token may stand in `X-ID-Token`.
    Own,
    /// The same issuer, another resource.
    Other,
}

impl Place {
    const ALL: [Self; 5] = [Self::Strict, Self::Optional, Self::After, Self::Own, Self::Other];

    fn path(self) -> &'static str {
        match self {
            Self::Strict => "/strict",
            Self::Optional => "/optional",
            Self::After => "/after",
            Self::Own => "/own",
            Self::Other => "/other",
        }
    }

    fn resource(self) -> &'static str {
        if self == Self::Other { "https://other.test" } else { "https://api.test" }
    }

    /// The part of a challenge that names what the place needs.
    fn needs(self) -> String {
        let scope = if self == Self::Optional { "" } else { "scope=\"read\", " };
        format!("{scope}resource_metadata=\"{}/.well-known/oauth-protected-resource\"", self.resource())
    }
}

/// One attack.
pub struct Case {
    pub name: String,
    pub place: Place,
    pub request: Raw,
    pub expected: Expected,
}

/// What is sent: header lines without their ends, and what goes around them.
#[derive(Clone, Default)]
pub struct Raw {
    pub fields: Vec<Vec<u8>>,
    pub query: String,
    pub body: String,
}

/// What must come back.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// 200, as the bearer of the token.
    Admitted,
    /// 200, as no one.
    Anonymous,
    /// 401 without an error code.
    NoCredentials,
    /// 400 `invalid_request` with this description.
    BadRequest(&'static str),
    /// 401 `invalid_token` with this description.
    BadToken(&'static str),
    /// 403 `insufficient_scope`.
    MissingScope,
    /// Refused by hyper, before the layer: its status, and no challenge.
    NotHttp(u16),
    /// More than hyper reads: 431, unless the reset of the connection overtakes the answer.
    CutOff,
}

pub fn case(name: impl Into<String>, request: impl Into<Raw>, expected: Expected) -> Case {
    Case { name: name.into(), place: Place::Strict, request: request.into(), expected }
}

impl Case {
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
}

/// A token, sent as it should be.
impl From<String> for Raw {
    fn from(token: String) -> Self {
        Self::fields([format!("Authorization: Bearer {token}")])
    }
}

impl Raw {
    pub fn fields<F: Into<Vec<u8>>>(fields: impl IntoIterator<Item = F>) -> Self {
        Self { fields: fields.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        let method = if self.body.is_empty() { "GET" } else { "POST" };
        let mut bytes = format!("{method} {path}{} HTTP/1.1\r\nHost: api.test\r\n", self.query).into_bytes();
        for field in &self.fields {
            bytes.extend_from_slice(field);
            bytes.extend_from_slice(b"\r\n");
        }
        if !self.body.is_empty() {
            bytes.extend_from_slice(b"Content-Type: application/x-www-form-urlencoded\r\n");
        }
        let end = format!("Connection: close\r\nContent-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        bytes.extend_from_slice(end.as_bytes());
        bytes
    }

    /// The words of everything that was sent: none of them may come back.
    fn words(&self) -> Vec<Vec<u8>> {
        let sent = self.fields.iter().cloned().chain([self.query.clone().into(), self.body.clone().into()]);
        let split =
            |byte: &u8| !matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | 0x80..);
        let words = sent.flat_map(|text| text.split(split).map(<[u8]>::to_vec).collect::<Vec<_>>());
        // Short words occur in any response; field names are words of the protocol.
        words.filter(|word| word.len() >= 8 && !word.eq_ignore_ascii_case(b"authorization")).collect()
    }
}

/// A response, taken apart.
pub struct Answer {
    pub raw: Vec<u8>,
    pub status: Option<u16>,
    pub challenges: Vec<String>,
    pub body: String,
}

impl Answer {
    fn parse(raw: Vec<u8>) -> Self {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let challenges = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"))
            .map(|(_, value)| value.to_owned())
            .collect();
        Self { status, challenges, body: body.to_owned(), raw }
    }
}

/// The running server.
pub struct Site {
    address: SocketAddr,
    good: Vec<(Place, Raw)>,
}

impl Site {
    pub async fn open(forge: &Forge) -> Self {
        let server = |place: Place| -> ResourceServerBuilder {
            ResourceServer::builder(place.resource())
                .issuer(forge.issuer.trusted())
                .clock(forge.issuer.clock().clone())
                .realm("api")
        };
        let pair = |place, location| {
            server(place).client_id(forge.issuer.client_id()).id_token(location).build().unwrap().layer()
        };
        let read = || scope("read");
        let own = IdTokenLocation::Header(HeaderName::from_static("x-id-token"));
        let layers = [
            (Place::Strict, server(Place::Strict).build().unwrap().layer().requirements(read())),
            (Place::Optional, server(Place::Optional).build().unwrap().layer().optional(true)),
            (Place::After, pair(Place::After, IdTokenLocation::AfterAccessToken).requirements(read())),
            (Place::Own, pair(Place::Own, own).requirements(read())),
            (Place::Other, server(Place::Other).build().unwrap().layer().requirements(read())),
        ];
        let handler = |who: Authentication| async move {
            match who {
                Authentication::Verified(_) => "admitted",
                Authentication::Anonymous => "anonymous",
            }
        };
        let mut app = Router::new();
        for (place, layer) in layers {
            app = app.merge(Router::new().route(place.path(), get(handler).post(handler)).layer(layer));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the runtime of the test.
        tokio::spawn(async move { axum::serve(listener, app).await });
        let good = |place: Place| {
            (place, forge.good().without("aud").audience(place.resource()).mint().unwrap().into())
        };
        Self { address, good: Place::ALL.map(good).into() }
    }

    pub async fn attack(&self, case: &Case) -> Result<(), String> {
        let name = &case.name;
        let answer = self.send(&case.request.bytes(case.place.path())).await;
        let needs = case.place.needs();
        let (status, challenge, body) = match case.expected {
            Expected::Admitted => (200, None, Some("admitted")),
            Expected::Anonymous => (200, None, Some("anonymous")),
            Expected::NoCredentials => (401, Some(format!("Bearer {needs}, {REALM}")), Some("")),
            Expected::BadRequest(description) => {
                let error = format!("error=\"invalid_request\", error_description=\"{description}\"");
                (400, Some(format!("Bearer {error}, {REALM}")), Some(""))
            }
            Expected::BadToken(description) => {
                let error = format!("error=\"invalid_token\", error_description=\"{description}\"");
                (401, Some(format!("Bearer {error}, {needs}, {REALM}")), Some(""))
            }
            Expected::MissingScope => {
                (403, Some(format!("Bearer error=\"insufficient_scope\", {needs}, {REALM}")), Some(""))
            }
            Expected::NotHttp(status) => (status, None, None),
            Expected::CutOff => (431, None, None),
        };
        let raw = String::from_utf8_lossy(&answer.raw);
        let overtaken = matches!(case.expected, Expected::CutOff) && answer.status.is_none();
        if answer.status != Some(status) && !overtaken {
            return Err(format!("{name}: not {status}: {raw}"));
        }
        if answer.challenges != Vec::from_iter(challenge.clone()) {
            return Err(format!("{name}: not {challenge:?}: {raw}"));
        }
        if body.is_some_and(|body| answer.body != body) {
            return Err(format!("{name}: not {body:?}: {raw}"));
        }
        echoes_nothing(case, &answer)?;
        self.still_answers(case).await
    }

    async fn still_answers(&self, case: &Case) -> Result<(), String> {
        let (_, good) = self.good.iter().find(|(place, _)| *place == case.place).unwrap();
        let answer = self.send(&good.bytes(case.place.path())).await;
        if (answer.status, &*answer.body) == (Some(200), "admitted") {
            Ok(())
        } else {
            Err(format!("after {}: {}", case.name, String::from_utf8_lossy(&answer.raw)))
        }
    }

    async fn send(&self, bytes: &[u8]) -> Answer {
        let exchange = async {
            let (mut reader, mut writer) = TcpStream::connect(self.address).await.unwrap().into_split();
            let mut raw = Vec::new();
            // A server that has read enough closes; both directions then fail, and that is an answer.
            let (_, _) = tokio::join!(writer.write_all(bytes), reader.read_to_end(&mut raw));
            raw
        };
        Answer::parse(timeout(BOUND, exchange).await.expect("an answer in time"))
    }
}

/// Promise 10: neither what was sent nor what stands in the token comes back.
fn echoes_nothing(case: &Case, answer: &Answer) -> Result<(), String> {
    let holds = |word: &[u8]| answer.raw.windows(word.len()).any(|window| window == word);
    if holds(MARK.as_bytes()) {
        return Err(format!("{}: the mark came back", case.name));
    }
    for word in case.request.words() {
        // A token of a megabyte is looked for by its beginning.
        let word = &word[..word.len().min(64)];
        if holds(word) {
            return Err(format!("{}: {:?} came back", case.name, String::from_utf8_lossy(word)));
        }
    }
    Ok(())
}

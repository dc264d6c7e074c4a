//! Tokens that are bound to a certificate of their sender (RFC 8705): each request is told the same whether its token
//! is in the cache or not, and a certificate counts from where it may be told alone.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop where they are wrong"
)]

mod config;
mod forms;
mod headers;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use std::net::SocketAddr;

use axum::{Router, body::Body, routing::any};
use http::{HeaderMap, Method, Request, header::WWW_AUTHENTICATE};
use rcgen::{CertificateParams, KeyPair};
use support::{Answer, ask, request};
use tower_resource_server::{
    CacheSettings, ClientCertificate, Identity, Mtls, ResourceServer, ResourceServerBuilder,
    http::{PeerAddress, PublicAddress, Reason, Rejection},
    issuer::TokenBuilder,
    test_util::TestIssuer,
};

/// The peer of a connection.
#[derive(Clone, Copy, Debug)]
enum Peer {
    /// A proxy that is trusted.
    Proxy,
    /// Another one: a client, or a proxy of someone else.
    Client,
    /// One whose address is not known.
    Unknown,
}

impl Peer {
    const PROXIES: &str = "10.0.0.0/8";

    fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Proxy => Some(([10, 1, 2, 3], 443).into()),
            Self::Client => Some(([192, 0, 2, 7], 443).into()),
            Self::Unknown => None,
        }
    }
}

/// A certificate that a client has made itself.
fn certificate(name: &str) -> Vec<u8> {
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

/// A server, the issuer that it trusts, and a client with a certificate and a token that is bound to it.
struct Site {
    issuer: TestIssuer,
    der: Vec<u8>,
    token: String,
    app: Router,
    api: ResourceServer,
}

impl Site {
    fn new(mtls: Mtls) -> Self {
        Self::with(|server| server.mtls(mtls))
    }

    fn with(settings: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder) -> Self {
        Self::of(TestIssuer::new(), certificate("client.test"), settings)
    }

    fn of(
        issuer: TestIssuer,
        der: Vec<u8>,
        settings: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
    ) -> Self {
        let builder = ResourceServer::builder(issuer.audience()).realm("shop");
        let builder = builder.issuer(issuer.trusted()).clock(issuer.clock().clone());
        let builder = builder.public_address(PublicAddress::from_trusted_proxies([Peer::PROXIES]));
        let api = settings(builder).build().unwrap();
        let app = Router::new().route("/orders", any(who)).layer(api.layer().expose_rejection(true));
        let token = bound(issuer.access_token("alice").scope("a"), &der).mint().unwrap();
        Self { issuer, der, token, app, api }
    }

    /// Another server that trusts the same issuer.
    fn beside(&self, settings: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder) -> Self {
        let mut site = Self::of(self.issuer.clone(), self.der.clone(), settings);
        site.token.clone_from(&self.token);
        site
    }

    /// The same requests find their token in the cache of one, and not in that of the other.
    async fn hit_and_miss(mtls: Mtls) -> [Self; 2] {
        let hit = Self::new(mtls.clone());
        let miss = hit.beside(|server| server.mtls(mtls).cache(CacheSettings::default().max_bytes(0)));
        let mut first = hit.sent(Peer::Unknown, &hit.token, &[]);
        first.extensions_mut().insert(ClientCertificate::from_der(&hit.der));
        assert_eq!(hit.told(first).await, "200 bound");
        [hit, miss]
    }

    /// A request of this peer with a token and these fields.
    fn sent(&self, peer: Peer, token: &str, fields: &[(&'static str, String)]) -> Request<Body> {
        let mut request = request(Method::GET, "/orders", Some(token));
        for (name, value) in fields {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        if let Some(address) = peer.address() {
            request.extensions_mut().insert(PeerAddress(address));
        }
        request
    }

    /// The same over a connection on which the client has shown a certificate.
    fn shown(&self, der: &[u8], token: &str) -> Request<Body> {
        let mut request = self.sent(Peer::Client, token, &[]);
        request.extensions_mut().insert(ClientCertificate::from_der(der));
        request
    }

    async fn told(&self, request: Request<Body>) -> String {
        let answer = ask(&self.app, request).await;
        let told = told(&answer);
        if !answer.status().is_success() {
            return told;
        }
        let bound = answer.body == ClientCertificate::from_der(&self.der).thumbprint();
        format!("{told} {}", if bound { "bound" } else { &answer.body })
    }

    /// A token that is bound to nothing.
    fn bearer(&self) -> String {
        self.issuer.access_token("alice").scope("a").mint().unwrap()
    }
}

fn bound(token: TokenBuilder, der: &[u8]) -> TokenBuilder {
    token.bound_to_certificate(ClientCertificate::from_der(der).thumbprint())
}

/// Which certificate the token is bound to. Says so if a field that tells of certificates came through.
async fn who(who: Identity, headers: HeaderMap) -> String {
    let fields = tower_resource_server::http::CertificateHeader::ALL.map(|header| header.name());
    let fields = fields.into_iter().chain(["client-cert-chain"]);
    let leaked: Vec<&str> = fields.filter(|name| headers.contains_key(*name)).collect();
    assert!(leaked.is_empty() || headers.contains_key("x-leaks"), "{leaked:?} came through");
    match leaked.first() {
        Some(name) => (*name).to_owned(),
        None => who.certificate_thumbprint().unwrap_or("unbound").to_owned(),
    }
}

/// The status, of the challenge the scheme and the error, and why.
fn told(answer: &Answer) -> String {
    let mut parts = vec![answer.status().as_str().to_owned()];
    for challenge in answer.response.headers().get_all(WWW_AUTHENTICATE) {
        let challenge = challenge.to_str().unwrap();
        assert!(challenge.ends_with(r#"realm="shop""#), "{challenge}");
        let (scheme, parameters) = challenge.split_once(' ').unwrap();
        let error = parameters.split_once("error=\"").and_then(|(_, error)| error.split('"').next());
        parts.extend([scheme.to_owned(), error.unwrap_or("-").to_owned()]);
    }
    parts.extend(answer.rejection().map(Rejection::reason).map(Reason::code).map(str::to_owned));
    parts.join(" ")
}

//! Tokens that are bound to a key of their sender (RFC 9449): each request is told the same whether its token is
//! in the cache or not, in the scheme that it used, and a proof counts once.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop where they are wrong")]

mod answers;
mod config;
mod explained;
mod fapi2;
mod fuzzed;
mod nonces;
mod places;
mod proofs;
mod properties;
mod published;
mod requests;
mod stores;
#[path = "../support/mod.rs"]
mod support;

use axum::{Router, body::Body, routing::any};
use http::{HeaderName, Method, Request, header::WWW_AUTHENTICATE};
use support::{Answer, ask, request};
use tower_resource_server::{
    CacheSettings, Dpop, Identity, ResourceServer, ResourceServerBuilder,
    http::{Reason, Rejection},
    test_util::{DpopKey, DpopProof, TestIssuer},
};

/// Where requests of the tables go.
const URL: &str = "https://api.test/orders";

/// A server, the issuer that it trusts, and a client with a key and a token that is bound to it.
struct Site {
    issuer: TestIssuer,
    key: DpopKey,
    token: String,
    app: Router,
    api: ResourceServer,
}

impl Site {
    fn new(dpop: Dpop) -> Self {
        Self::with(|server| server.dpop(dpop))
    }

    fn with(settings: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder) -> Self {
        Self::of(TestIssuer::new(), DpopKey::new(), settings)
    }

    fn of(
        issuer: TestIssuer,
        key: DpopKey,
        settings: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
    ) -> Self {
        let builder = ResourceServer::builder(issuer.audience()).realm("shop");
        let builder = builder.issuer(issuer.trusted()).clock(issuer.clock().clone());
        let api = settings(builder).build().unwrap();
        let who = |who: Identity| async move { who.key_thumbprint().unwrap_or("bearer").to_owned() };
        let app = Router::new().route("/orders", any(who)).route("/{*path}", any(who));
        let app = app.layer(api.layer().expose_rejection(true));
        let token = issuer.access_token("alice").scope("a").bound_to_key(key.thumbprint()).mint().unwrap();
        Self { issuer, key, token, app, api }
    }

    /// Another server that trusts the same issuer.
    fn beside(&self, settings: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder) -> Self {
        Self::of(self.issuer.clone(), self.key.clone(), settings)
    }

    /// A good proof for a `GET` of [`URL`].
    fn proof(&self) -> DpopProof {
        self.key.proof("GET", URL, &self.token, self.issuer.now())
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        ask(&self.app, request).await
    }

    /// What a request is told: see [`told`].
    async fn told(&self, request: Request<Body>) -> String {
        told(&self.ask(request).await)
    }

    async fn told_of(&self, proof: &DpopProof) -> String {
        self.told(with_proof(proof)).await
    }
}

/// The same requests find their token in the cache of one, and not in that of the other.
async fn hit_and_miss(dpop: Dpop) -> [Site; 2] {
    let hit = Site::new(dpop.clone().store(tower_resource_server::store::MemorySpentStore::default()));
    let miss = hit.beside(|server| server.dpop(dpop).cache(CacheSettings::default().max_bytes(0)));
    assert_eq!(hit.told_of(&hit.proof()).await, "200");
    let miss = Site { token: hit.token.clone(), ..miss };
    [hit, miss]
}

fn with_proof(proof: &DpopProof) -> Request<Body> {
    let mut request = request(Method::GET, "/orders", None);
    proof.send(request.headers_mut());
    request
}

/// A `GET` of [`URL`] with these fields.
fn with_fields(fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = request(Method::GET, "/orders", None);
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

/// The status, of each challenge the scheme and the error, and why. Looks at what every challenge must have.
fn told(answer: &Answer) -> String {
    let mut parts = vec![answer.status().as_str().to_owned()];
    for challenge in answer.response.headers().get_all(WWW_AUTHENTICATE) {
        let challenge = challenge.to_str().unwrap();
        let (scheme, parameters) = challenge.split_once(' ').unwrap();
        let value = |name: &str| {
            let (_, value) = parameters.split_once(&format!("{name}=\""))?;
            value.split('"').next().map(str::to_owned)
        };
        assert_eq!(value("algs").is_some(), scheme == "DPoP", "{challenge}");
        assert!(challenge.ends_with(r#"realm="shop""#), "{challenge}");
        let error = value("error");
        if error.as_deref() != Some("invalid_request") {
            let metadata = "https://api.test/.well-known/oauth-protected-resource";
            assert_eq!(value("resource_metadata").as_deref(), Some(metadata), "{challenge}");
        }
        parts.extend([scheme.to_owned(), error.unwrap_or_else(|| "-".to_owned())]);
    }
    if !answer.status().is_success() {
        let wants_nonce = parts.iter().any(|part| part == "use_dpop_nonce");
        assert_eq!(answer.header("dpop-nonce").is_some(), wants_nonce, "{parts:?}");
    }
    let code = answer.rejection().map(Rejection::reason).map(Reason::code);
    parts.extend(code.filter(|_| parts.last().is_some_and(|last| last != "-")).map(str::to_owned));
    parts.join(" ")
}

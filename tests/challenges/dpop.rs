//! Servers that take tokens which are bound to a key (DPoP, RFC 9449 section 7.1), beside bearer tokens or alone.

use axum::{Router, body::Body, routing};
use http::{HeaderMap, HeaderName, Request, header::AUTHORIZATION};
use serde_json::Value;
use tower_resource_server::{
    Dpop, ResourceServer,
    policy::Requirement,
    store::DpopNonces,
    test_util::{DpopKey, DpopProof, TestIssuer},
};

use crate::{
    cases::{Expected, checked},
    support::ask,
};

const RESOURCE: &str = "https://api.test/orders";
const METADATA: &str = "https://api.test/.well-known/oauth-protected-resource/orders";
const SCOPES: &str = "orders:read orders:write";
const ALGS: &str = "PS256 ES256 EdDSA Ed25519";
const REALMS: [Option<&str>; 3] = [None, Some("orders, shop"), Some(r#"a "quoted" \ text"#)];

/// What is sent under the scheme: nothing at all, or the bound token with a proof, if there is one.
enum Sent {
    Nothing,
    Bearer,
    Dpop(fn(DpopProof) -> Option<DpopProof>),
}
use Sent::{Bearer, Nothing};

struct Row {
    name: &'static str,
    sent: Sent,
    needed: &'static str,
    status: u16,
    says: Expected,
}

fn rows(is_required: bool, has_nonces: bool) -> Vec<Row> {
    let row = |name, sent, needed, status, error: &str, text, scope| {
        let error = (!error.is_empty()).then(|| error.to_owned());
        Row {
            name,
            sent,
            needed,
            status,
            says: Expected { error, error_description: text, scope, ..Expected::default() },
        }
    };
    let scopes = "scope(orders:read orders:write)";
    let proof = "invalid_dpop_proof";
    let mut rows = vec![
        row("no credentials", Nothing, "any_token", 401, "", None, None),
        row("no credentials, scopes", Nothing, scopes, 401, "", None, Some(SCOPES)),
        row(
            "no proof",
            Sent::Dpop(|_| None),
            "any_token",
            401,
            proof,
            Some("the request has no DPoP proof"),
            None,
        ),
        row(
            "a proof of another method",
            Sent::Dpop(|proof| Some(proof.claim("htm", "POST"))),
            scopes,
            401,
            proof,
            Some("the DPoP proof is for another method"),
            Some(SCOPES),
        ),
    ];
    if has_nonces {
        let text = Some("the DPoP proof needs a nonce of this server");
        rows.push(row("no nonce", Sent::Dpop(Some), scopes, 401, "use_dpop_nonce", text, Some(SCOPES)));
    } else {
        let lacks = "insufficient_scope";
        let text = None;
        rows.push(row(
            "a proof of another key",
            Sent::Dpop(|proof| {
                let key = DpopKey::new();
                Some(proof.header("jwk", key.signing_key().public_jwk().unwrap()).signed_with(&key))
            }),
            "any_token",
            401,
            "invalid_token",
            Some("the token is bound to another key"),
            None,
        ));
        rows.push(row("scopes are lacking", Sent::Dpop(Some), scopes, 403, lacks, text, Some(SCOPES)));
    }
    if !is_required {
        let text = Some("the token is bound to its sender and came without proof");
        rows.push(row("a bound token alone", Bearer, "any_token", 401, "invalid_token", text, None));
    }
    rows
}

/// Every challenge of these servers.
pub async fn challenges() -> Vec<Value> {
    let issuer = TestIssuer::builder().audience(RESOURCE).build();
    let key = DpopKey::new();
    let token = issuer.access_token("alice").bound_to_key(key.thumbprint()).mint().unwrap();
    let mut all = Vec::new();
    for (is_required, has_nonces) in [(false, false), (false, true), (true, false), (true, true)] {
        let group = if is_required { "DPoP alone" } else { "Bearer and DPoP" };
        for realm in REALMS {
            let dpop = if is_required { Dpop::required() } else { Dpop::allowed() };
            let dpop = dpop.nonces(has_nonces.then(|| DpopNonces::new().unwrap()));
            let server = ResourceServer::builder(RESOURCE).issuer(issuer.trusted()).dpop(dpop);
            let server = server.clock(issuer.clock().clone());
            let server = realm.iter().fold(server, |server, realm| server.realm(*realm)).build().unwrap();
            for row in rows(is_required, has_nonces) {
                let proof = key.proof("GET", RESOURCE, &token, issuer.now());
                let fields = match row.sent {
                    Nothing => Vec::new(),
                    Bearer => vec![(AUTHORIZATION, format!("Bearer {token}"))],
                    Sent::Dpop(change) => {
                        let proof =
                            change(proof).map(|proof| (HeaderName::from_static("dpop"), proof.sign()));
                        [(AUTHORIZATION, format!("DPoP {token}"))].into_iter().chain(proof).collect()
                    }
                };
                let schemes = match (&row.sent, is_required) {
                    (Nothing, false) => vec!["Bearer", "DPoP"],
                    (Bearer, _) => vec!["Bearer"],
                    _ => vec!["DPoP"],
                };
                let (status, headers) = answer(&server, row.needed.parse().unwrap(), fields).await;
                let name = format!("{}; nonces {has_nonces}; realm {realm:?}", row.name);
                assert_eq!(status, row.status, "{group}: {name}");
                let resource_metadata = Some(METADATA.to_owned());
                let expected = Expected { schemes, resource_metadata, realm, algs: Some(ALGS), ..row.says };
                all.push(checked(group, &name, status, &headers, &expected));
            }
        }
    }
    all
}

async fn answer(
    server: &ResourceServer,
    needed: Requirement,
    fields: Vec<(HeaderName, String)>,
) -> (u16, HeaderMap) {
    let app = Router::new()
        .route("/orders", routing::get(async || "ok"))
        .layer(server.layer().requirements(needed));
    let mut request = Request::get("/orders").body(Body::empty()).unwrap();
    for (name, value) in fields {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let answer = ask(&app, request).await;
    (answer.status().as_u16(), answer.response.headers().clone())
}

//! What is written where: challenges, the metadata document, refusals in gRPC, and what the inner service sees.

use axum::{Router, body::Body, routing::any};
use http::{HeaderMap, Method, Request, Version, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tower_resource_server::{
    Dpop, Identity, keys::Algorithm, middleware::ForwardedIdentity, policy::scope, store::DpopNonces,
};

use crate::{
    Site,
    support::{ask, get, request},
    with_fields, with_proof,
};

const METADATA: &str = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;

fn challenges(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn promise_10_challenges_are_written_as_rfc_9449_has_them() {
    let es256 = |dpop: Dpop| dpop.algorithms([Algorithm::ES256]);
    let allowed = Site::with(|server| server.dpop(es256(Dpop::allowed())).require(scope("a")));
    let required = allowed.beside(|server| {
        server.dpop(es256(Dpop::required()).nonces(DpopNonces::new().unwrap())).require(scope("a"))
    });
    let tail = format!(r#"scope="a", {METADATA}"#);
    let bearer = format!("Bearer {}", allowed.token);
    for (name, site, request, expected) in [
        (
            "nothing: Bearer comes first",
            &allowed,
            get("/orders", None),
            vec![
                format!(r#"Bearer {tail}, realm="shop""#),
                format!(r#"DPoP {tail}, algs="ES256", realm="shop""#),
            ],
        ),
        (
            "nothing, where bound tokens alone are taken",
            &required,
            get("/orders", None),
            vec![format!(r#"DPoP {tail}, algs="ES256", realm="shop""#)],
        ),
        (
            "bound, as bearer",
            &allowed,
            with_fields(&[("authorization", &bearer)]),
            vec![format!(
                r#"Bearer error="invalid_token", error_description="the token is bound to its sender and came without proof", {tail}, realm="shop""#
            )],
        ),
        (
            "another key",
            &allowed,
            with_proof(&other_key(&allowed)),
            vec![format!(
                r#"DPoP error="invalid_token", error_description="the token is bound to another key", {tail}, algs="ES256", realm="shop""#
            )],
        ),
        (
            "a bad proof",
            &allowed,
            with_proof(&allowed.proof().without("ath")),
            vec![format!(
                r#"DPoP error="invalid_dpop_proof", error_description="the DPoP proof is for another access token", {tail}, algs="ES256", realm="shop""#
            )],
        ),
        (
            "no nonce",
            &required,
            with_proof(&required.proof()),
            vec![format!(
                r#"DPoP error="use_dpop_nonce", error_description="the DPoP proof needs a nonce of this server", {tail}, algs="ES256", realm="shop""#
            )],
        ),
        (
            "several proofs",
            &allowed,
            with_fields(&[
                ("authorization", &format!("DPoP {}", allowed.token)),
                ("dpop", &allowed.proof().sign()),
                ("dpop", &allowed.proof().sign()),
            ]),
            vec![format!(
                r#"DPoP error="invalid_dpop_proof", error_description="the request has several DPoP proofs", {tail}, algs="ES256", realm="shop""#
            )],
        ),
    ] {
        let answer = site.ask(request).await;
        assert_eq!(challenges(answer.response.headers()), expected, "{name}");
    }
}

fn other_key(site: &Site) -> tower_resource_server::test_util::DpopProof {
    tower_resource_server::test_util::DpopKey::new().proof("GET", crate::URL, &site.token, site.issuer.now())
}

#[tokio::test]
async fn the_metadata_says_what_is_taken() {
    let site = Site::with(|server| server);
    let es256 = Dpop::allowed().algorithms([Algorithm::ES256]);
    let ed25519 = Dpop::required().algorithms([Algorithm::EdDSA]);
    for (name, dpop, algorithms, required) in [
        ("no bound tokens", None, Value::Null, Value::Null),
        ("allowed", Some(es256), json!(["ES256"]), json!(false)),
        ("required", Some(ed25519), json!(["ES256", "EdDSA", "Ed25519"]), json!(true)),
    ] {
        let api = site.beside(|server| server.dpop(dpop)).api;
        let app: Router = api.metadata_routes();
        let answer = ask(&app, get("/.well-known/oauth-protected-resource", None)).await;
        let document: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(document["dpop_signing_alg_values_supported"], algorithms, "{name}");
        assert_eq!(document["dpop_bound_access_tokens_required"], required, "{name}");
    }
}

#[tokio::test]
async fn grpc_calls_are_proven_and_refused_alike() {
    let site = Site::new(Dpop::required().nonces(DpopNonces::new().unwrap()));
    let url = "https://api.test/shop.Orders/List";
    let call = |nonce: Option<&str>| -> Request<Body> {
        let mut call = request(Method::POST, "/shop.Orders/List", None);
        *call.version_mut() = Version::HTTP_2;
        call.headers_mut().insert(CONTENT_TYPE, "application/grpc".parse().unwrap());
        let proof = site.key.proof("POST", url, &site.token, site.issuer.now());
        nonce.map_or(proof.clone(), |nonce| proof.nonce(nonce)).send(call.headers_mut());
        call
    };
    let refused = site.ask(call(None)).await;
    assert_eq!((refused.status().as_u16(), refused.header("grpc-status")), (200, Some("16")));
    assert!(refused.challenge().unwrap().starts_with(r#"DPoP error="use_dpop_nonce""#));
    let nonce = refused.header("dpop-nonce").unwrap();
    let answer = site.ask(call(Some(nonce))).await;
    assert_eq!((answer.header("grpc-status"), &answer.body), (None, &site.key.thumbprint()));
}

#[tokio::test]
async fn promise_10_the_inner_service_sees_no_proof_that_it_might_log_or_pass_on() {
    let site = Site::new(Dpop::required());
    let seen = |headers: HeaderMap| async move {
        let is_marked = |name: &str| headers.get(name).map(http::HeaderValue::is_sensitive);
        format!("{:?} {:?}", is_marked("authorization"), is_marked("dpop"))
    };
    let forwarded = ForwardedIdentity::builder().subject("x-subject").build().unwrap();
    for (name, layer, expected) in [
        ("marked", site.api.layer(), "Some(true) Some(true)"),
        ("removed where the identity is handed on", site.api.layer().forward(forwarded), "None None"),
    ] {
        let app = Router::new().route("/orders", any(seen)).layer(layer);
        assert_eq!(ask(&app, with_proof(&site.proof())).await.body, expected, "{name}");
    }
    let text = |request: &Request<Body>| format!("{:?}", request.headers());
    let app = Router::new()
        .route("/orders", any(move |request: Request<Body>| async move { text(&request) }))
        .layer(site.api.layer());
    let proof = site.proof().sign();
    let bound = format!("DPoP {}", site.token);
    let shown = ask(&app, with_fields(&[("authorization", &bound), ("dpop", &proof)])).await.body;
    assert!(!shown.contains(&proof) && !shown.contains(&site.token), "{shown}");
}

#[tokio::test]
async fn an_identity_says_which_key_its_token_is_bound_to() {
    let site = Site::new(Dpop::allowed());
    let bearer = format!("Bearer {}", site.issuer.access_token("alice").mint().unwrap());
    assert_eq!(site.ask(with_proof(&site.proof())).await.body, site.key.thumbprint());
    assert_eq!(site.ask(with_fields(&[("authorization", &bearer)])).await.body, "bearer");
    let app = Router::new()
        .route("/orders", any(|who: Identity| async move { who.claim("/cnf/jkt").unwrap().to_string() }))
        .layer(site.api.layer());
    assert_eq!(ask(&app, with_proof(&site.proof())).await.body, json!(site.key.thumbprint()).to_string());
}

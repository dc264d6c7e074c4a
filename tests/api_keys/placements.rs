//! Keys count wherever a server is put: layer, guard, extractor, by hand, gRPC, behind an optional layer.

use axum::{Router, body::Body, routing};
use http::{Method, Request, Version, header::CONTENT_TYPE};
use tower_resource_server::{
    Authentication, Credential, Identity,
    http::{Reason, Rejection},
    middleware::ForwardedIdentity,
    policy::{Requirement, scope},
};

use crate::{
    site::{BILLING, OLD, Site, builder, keys},
    support::{ask, get, request},
};

const UNKNOWN: &str = "shop_AAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn every_placement_takes_a_good_key_and_refuses_a_bad_one() {
    let site = Site::new();
    let api = &site.api;
    let bare = || Router::new().route("/", routing::get(|| async { "ok" }));
    let wants = || Router::new().route("/", routing::get(async |who: Identity| who.subject().to_owned()));
    for (name, app, anonymous) in [
        ("layer", bare().layer(api.layer()), 401),
        ("layer that requires", bare().layer(api.layer().requirements(scope("read"))), 401),
        ("optional layer", bare().layer(api.layer().optional(true)), 200),
        ("guard", bare().layer(api.guard(scope("write"))), 401),
        ("guard behind a layer", bare().layer(api.guard(scope("write"))).layer(api.layer()), 401),
        ("extractor", wants().layer(api.layer()), 401),
        ("extractor behind an optional layer", wants().layer(api.layer().optional(true)), 401),
    ] {
        for (credential, status) in [(Some(BILLING), 200), (Some(UNKNOWN), 401), (None, anonymous)] {
            let answer = ask(&app, get("/", credential)).await;
            assert_eq!(answer.status(), status, "{name}, {credential:?}");
        }
    }
    let narrow = bare().layer(api.guard(scope("write")));
    assert_eq!(ask(&narrow, get("/", Some(OLD))).await.status(), 403, "a key without the scope");
}

#[tokio::test]
async fn grpc_gets_its_own_answers() {
    let site = Site::new();
    let app = Router::new().fallback(|| async { "ok" }).layer(site.api.guard(scope("write")));
    for (name, credential, status) in
        [("good", BILLING, None), ("unknown", UNKNOWN, Some("16")), ("narrow", OLD, Some("7"))]
    {
        let mut call: Request<Body> = request(Method::POST, "/shop.Orders/List", Some(credential));
        *call.version_mut() = Version::HTTP_2;
        call.headers_mut().insert(CONTENT_TYPE, "application/grpc".parse().unwrap());
        let answer = ask(&app, call).await;
        assert_eq!((answer.status().as_u16(), answer.header("grpc-status")), (200, status), "{name}");
    }
}

#[tokio::test]
async fn by_hand_a_key_is_what_it_is_behind_a_layer() {
    let site = Site::new();
    let by_key = |who: &Identity| who.credential() == Credential::ApiKey("billing-2026");
    assert!(by_key(&site.api.verify_access_token(BILLING).await.unwrap()));
    assert!(by_key(&site.api.verify_now(BILLING).unwrap()));
    match site.api.authenticate(&get("/", Some(BILLING))).await.unwrap() {
        Authentication::Verified(who) => assert!(by_key(&who)),
        Authentication::Anonymous => panic!("anonymous"),
    }
    let refused = site.api.verify_access_token(UNKNOWN).await.unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.reason().code()), (401, "unknown_credential"));
    assert!(site.api.try_verify_cached(BILLING).is_none(), "keys are not cached: they are found as fast");
    let id = site.api.verify_id_token(BILLING, Default::default()).await;
    assert_eq!(id.unwrap_err().status(), 401, "a key is no ID token");
}

#[tokio::test]
async fn promise_12_the_identity_of_a_key_is_of_its_server() {
    let site = Site::new();
    let twin = builder(&site.issuer).api_keys(keys(&site.issuer)).build().unwrap();
    let app = |guard: &tower_resource_server::ResourceServer| {
        let guard = guard.guard(Requirement::any_token()).expose_rejection(true);
        Router::new().route("/", routing::get(|| async {}).layer(guard)).layer(site.api.layer())
    };
    assert_eq!(ask(&app(&site.api), get("/", Some(BILLING))).await.status(), 200);
    let answer = ask(&app(&twin), get("/", Some(BILLING))).await;
    assert_eq!(answer.status(), 500);
    assert!(matches!(answer.rejection().map(Rejection::reason), Some(Reason::ForeignIdentity { .. })));
    let who = site.api.verify_now(BILLING).unwrap();
    assert!(twin.check(&who, &Requirement::any_token()).is_err());
}

#[tokio::test]
async fn the_credential_is_marked_and_the_identity_handed_on() {
    let site = Site::new();
    let seen = async |request: Request<Body>| {
        let field =
            |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
        let sensitive = request.headers().get("authorization").is_none_or(|value| value.is_sensitive());
        format!("{} {} {sensitive}", field("x-auth-subject"), field("authorization"))
    };
    let forwarded = ForwardedIdentity::builder().subject("x-auth-subject").build().unwrap();
    let plain = Router::new().route("/", routing::get(seen)).layer(site.api.layer());
    let handing = Router::new().route("/", routing::get(seen)).layer(site.api.layer().forward(forwarded));
    let expected = format!("- Bearer {BILLING} true");
    assert_eq!(ask(&plain, get("/", Some(BILLING))).await.body, expected);
    assert_eq!(ask(&handing, get("/", Some(BILLING))).await.body, "billing - true");
}

#[tokio::test]
async fn keys_change_nothing_in_the_metadata() {
    let site = Site::new();
    let bare = builder(&site.issuer).build().unwrap();
    let path = site.api.metadata_path().unwrap();
    let documents = [&site.api, &bare].map(|api| api.metadata_routes());
    let [with, without] = documents;
    assert_eq!(ask(&with, get(path, None)).await.body, ask(&without, get(path, None)).await.body);
}

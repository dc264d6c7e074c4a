//! The entrance for axum: extractors, extensions, metadata.
#![cfg(all(feature = "axum", feature = "test-util"))]

mod refusals;
mod server_reject;
#[path = "../support/mod.rs"]
mod support;

use axum::{Json, Router, body::Body, routing};
use http::{HeaderMap, Method, Request, StatusCode, header::AUTHORIZATION};
use serde::Deserialize;
use support::{ask, get, request};
use tower_resource_server::{
    Authentication, Identity, ResourceServer,
    axum::Claims,
    http::{IdTokenLocation, Reason, RefusalBody, Reject, Rejection, RequestHead},
    policy::scope,
    test_util::{Defect, TestIssuer, inject, insert_identity},
};

#[derive(Deserialize)]
struct Tenant {
    tenant: String,
}

async fn identity(who: Identity) -> String {
    who.subject().to_owned()
}

async fn maybe(who: Option<Identity>) -> String {
    who.map_or_else(|| "no one".into(), |who| who.subject().to_owned())
}

async fn authentication(who: Authentication) -> String {
    who.identity().map_or_else(|| "anonymous".into(), |who| who.subject().to_owned())
}

async fn claims(Claims(claims): Claims<Tenant>) -> String {
    claims.tenant
}

fn handlers() -> Router {
    Router::new()
        .route("/identity", routing::any(identity))
        .route("/maybe", routing::any(maybe))
        .route("/authentication", routing::get(authentication))
        .route("/claims", routing::get(claims))
}

const CHALLENGE: &str = r#"Bearer resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
const MISSING_LAYER: &str =
    "no authentication in front of this handler: add ResourceServer::layer or ::guard";

#[tokio::test]
async fn a_handler_without_a_layer_is_a_500_that_names_it() {
    let issuer = TestIssuer::new();
    let token = issuer.access_token("alice").mint().unwrap();
    for path in ["/identity", "/maybe", "/authentication", "/claims"] {
        for token in [None, Some(&*token)] {
            let answer = ask(&handlers(), get(path, token)).await;
            assert_eq!(
                (answer.status(), &*answer.body),
                (StatusCode::INTERNAL_SERVER_ERROR, MISSING_LAYER),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn extractors_behind_a_layer() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let layered = handlers().layer(api.layer());
    let optional = handlers().layer(api.layer().optional(true));
    let token = issuer.access_token("alice").claim("tenant", "blue").mint().unwrap();
    let shapeless = issuer.access_token("alice").claim("tenant", 7).mint().unwrap();
    let claimless = issuer.access_token("alice").mint().unwrap();
    let lacking = r#"the token lacks the claim "tenant""#;
    let expired = issuer.broken(Defect::Expired);
    let shape =
        |body: &str| body.starts_with("the claims do not have the expected shape, at line 1, column ");
    let is = |expected: &'static str| move |body: &str| body == expected;
    type Check = Box<dyn Fn(&str) -> bool>;
    for (name, app, path, token, status, body) in [
        ("identity", &layered, "/identity", Some(&token), 200, Box::new(is("alice")) as Check),
        ("maybe", &layered, "/maybe", Some(&token), 200, Box::new(is("alice"))),
        ("authentication", &layered, "/authentication", Some(&token), 200, Box::new(is("alice"))),
        ("claims", &layered, "/claims", Some(&token), 200, Box::new(is("blue"))),
        ("claims of another shape", &layered, "/claims", Some(&shapeless), 500, Box::new(shape)),
        ("a claim that is missing", &layered, "/claims", Some(&claimless), 403, Box::new(is(lacking))),
        ("the same, optional", &optional, "/claims", Some(&claimless), 403, Box::new(is(lacking))),
        ("no token", &layered, "/maybe", None, 401, Box::new(is(""))),
        ("optional, identity", &optional, "/identity", Some(&token), 200, Box::new(is("alice"))),
        ("optional, maybe", &optional, "/maybe", Some(&token), 200, Box::new(is("alice"))),
        ("optional, no token, maybe", &optional, "/maybe", None, 200, Box::new(is("no one"))),
        ("optional, no token, anonymous", &optional, "/authentication", None, 200, Box::new(is("anonymous"))),
        ("optional, no token, identity", &optional, "/identity", None, 401, Box::new(is(""))),
        ("optional, no token, claims", &optional, "/claims", None, 401, Box::new(is(""))),
        ("optional, expired", &optional, "/maybe", Some(&expired), 401, Box::new(is(""))),
    ] {
        let answer = ask(app, get(path, token.map(|token| &**token))).await;
        assert_eq!(answer.status().as_u16(), status, "{name}");
        assert!(body(&answer.body), "{name}: {}", answer.body);
        assert!(!answer.body.contains('7'), "{name}: no claim is shown");
        let challenge = (status == 401 && token.is_none()).then_some(CHALLENGE);
        if token.is_none() {
            assert_eq!(answer.challenge(), challenge, "{name}");
        }
    }
}

#[tokio::test]
async fn the_challenge_of_an_extractor_has_the_realm_and_speaks_grpc() {
    let issuer = TestIssuer::new();
    let api = ResourceServer::builder("orders").issuer(issuer.trusted()).realm("shop").build().unwrap();
    let app = handlers().layer(api.layer().optional(true));
    let answer = ask(&app, get("/identity", None)).await;
    assert_eq!(answer.challenge(), Some(r#"Bearer realm="shop""#));

    let mut call = get("/identity", None);
    *call.method_mut() = http::Method::POST;
    *call.version_mut() = http::Version::HTTP_2;
    call.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let answer = ask(&app, call).await;
    assert_eq!((answer.status(), answer.header("grpc-status")), (StatusCode::OK, Some("16")));
    assert_eq!(answer.challenge(), Some(r#"Bearer realm="shop""#));
}

#[tokio::test]
async fn promise_10_debug_shows_nothing_that_a_token_says() {
    let issuer = TestIssuer::new();
    let token =
        issuer.access_token("zz-subject").claim("tenant", "zz-tenant").scope("zz-scope").mint().unwrap();
    let id_token = issuer.id_token("zz-subject").claim("email", "zz-email").mint().unwrap();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .client_id(issuer.client_id())
        .id_token(IdTokenLocation::AfterAccessToken)
        .clock(issuer.clock().clone())
        .retain_tokens(true)
        .build()
        .unwrap();
    let parts = get("/", Some(&format!("{token} {id_token}"))).into_parts().0;
    let authentication = api.authenticate(&parts).await.unwrap();
    let identity = authentication.identity().unwrap();
    assert_eq!(identity.raw_access_token(), Some(&*token));
    assert_eq!(identity.raw_id_token(), Some(&*id_token));
    let rejection = api.verify_access_token(&issuer.broken(Defect::Expired)).await.unwrap_err();
    let shown = format!(
        "{identity:?} {authentication:?} {:?} {:?} {rejection:?} {api:?} {:#?}",
        identity.access_token(),
        identity.id_token(),
        identity.claims::<Tenant>().map(|_| ()),
    );
    let segments = token.split('.').chain(id_token.split('.'));
    for secret in segments.chain(["zz-subject", "zz-tenant", "zz-scope", "zz-email"]) {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn promise_10_the_fields_of_tokens_are_marked_sensitive() {
    async fn sensitive(headers: HeaderMap) -> String {
        let marks =
            ["authorization", "x-id-token"].map(|name| headers.get(name).map(|value| value.is_sensitive()));
        format!("{marks:?}")
    }
    let issuer = TestIssuer::new();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .client_id(issuer.client_id())
        .id_token(IdTokenLocation::Header("x-id-token".parse().unwrap()))
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let app = |layer| Router::new().route("/", routing::get(sensitive)).layer(layer);
    let access = issuer.access_token("alice").mint().unwrap();
    let id = issuer.id_token("alice").mint().unwrap();
    let with = |authorization: &str, id: Option<&str>| {
        let mut request = get("/", None);
        request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        if let Some(id) = id {
            request.headers_mut().insert("x-id-token", id.parse().unwrap());
        }
        request
    };
    let bearer = format!("Bearer {access}");
    for (name, layer, request, expected) in [
        ("access token", api.layer(), with(&bearer, None), "[Some(true), None]"),
        ("both tokens", api.layer(), with(&bearer, Some(&id)), "[Some(true), Some(true)]"),
        ("a guard", api.guard(scope("")), with(&bearer, None), "[Some(true), None]"),
        // It is not verified here, and it is a password all the same.
        (
            "another scheme, optional",
            api.layer().optional(true),
            with("Basic dTpw", None),
            "[Some(true), None]",
        ),
    ] {
        let answer = ask(&app(layer), request).await;
        assert_eq!((answer.status(), &*answer.body), (StatusCode::OK, expected), "{name}");
    }
}

/// What makes the body of a refusal may log the request, too.
#[tokio::test]
async fn promise_10_the_fields_of_refused_requests_are_marked_sensitive() {
    #[derive(Clone)]
    struct Show;
    impl Reject for Show {
        type Body = RefusalBody;

        fn body(&self, _: &Rejection, request: RequestHead<'_>) -> RefusalBody {
            RefusalBody::text(format!("{:?}", request.headers))
        }
    }
    let issuer = TestIssuer::new();
    let app = handlers().layer(issuer.server().layer().reject_with(Show));
    let mut twice = get("/maybe", Some("zz-one"));
    twice.headers_mut().append(AUTHORIZATION, "Bearer zz-two".parse().unwrap());
    for request in [get("/maybe", Some("zz-one")), twice] {
        let answer = ask(&app, request).await;
        assert!(answer.body.contains("Sensitive") && !answer.body.contains("zz"), "{}", answer.body);
    }
}

#[tokio::test]
async fn promise_12_the_layer_replaces_what_it_finds_in_the_request() {
    let issuer = TestIssuer::new();
    let mallory = issuer.identity(&issuer.access_token("mallory").mint().unwrap()).unwrap();
    let api = issuer.server();
    let token = issuer.access_token("alice").mint().unwrap();
    let forged = |token| {
        let mut request: Request<Body> = get("/maybe", token);
        insert_identity(request.extensions_mut(), mallory.clone());
        request
    };
    // The extensions themselves, for those who take them by hand.
    async fn both(request: Request<Body>) -> String {
        let identity = request.extensions().get::<Identity>().map(|who| who.subject().to_owned());
        let authentication = Authentication::of(request.extensions()).unwrap();
        format!("{identity:?} {:?}", authentication.identity().map(|who| who.subject().to_owned()))
    }
    let app = |layer| Router::new().route("/maybe", routing::get(both)).layer(layer);
    let layered = app(api.layer());
    let answer = ask(&layered, forged(Some(&token))).await;
    assert_eq!(answer.body, r#"Some("alice") Some("alice")"#);
    assert_eq!(ask(&layered, forged(None)).await.status(), StatusCode::UNAUTHORIZED);
    let answer = ask(&app(api.layer().optional(true)), forged(None)).await;
    assert_eq!(answer.body, "None None");
    // A guard takes no identity but its own server's.
    let answer = ask(&app(api.guard(scope(""))), forged(Some(&token))).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn the_refusal_rides_in_the_extensions_of_the_response_when_asked_to() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let layer = api.layer().requirements(scope("read")).expose_rejection(true);
    let app = handlers().layer(layer);
    let good = issuer.access_token("alice").scope("read").mint().unwrap();
    let narrow = issuer.access_token("alice").mint().unwrap();
    for (name, token, code) in [
        ("good", Some(good), None),
        ("no token", None, Some("no_credentials")),
        ("narrow", Some(narrow), Some("insufficient_scope")),
        ("expired", Some(issuer.broken(Defect::Expired)), Some("expired")),
        ("two words", Some("a b".into()), Some("invalid_request")),
    ] {
        let answer = ask(&app, get("/maybe", token.as_deref())).await;
        assert_eq!(answer.rejection().map(|why| why.reason().code()), code, "{name}");
        if let Some(why) = answer.rejection() {
            assert_eq!(why.status(), answer.status(), "{name}");
            let challenge = why.challenge().map(|value| value.to_str().unwrap());
            assert_eq!(challenge, answer.challenge(), "{name}");
        }
    }
}

#[tokio::test]
async fn the_metadata_is_served_outside_the_layer() {
    let issuer = TestIssuer::new();
    let api = ResourceServer::builder("https://api.test/v1")
        .issuer(issuer.trusted())
        .scopes_supported(scope("read write"))
        .build()
        .unwrap();
    let path = "/.well-known/oauth-protected-resource/v1";
    assert_eq!(api.metadata_path(), Some(path));
    let app = handlers().layer(api.layer()).merge(api.metadata_routes());
    let answer = ask(&app, get(path, None)).await;
    assert_eq!(
        answer.body,
        r#"{"resource":"https://api.test/v1","authorization_servers":["https://issuer.test"],"scopes_supported":["read","write"],"bearer_methods_supported":["header"]}"#
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let challenge = ask(&app, get("/maybe", None)).await;
    assert_eq!(
        challenge.challenge(),
        Some(&*format!(r#"Bearer resource_metadata="https://api.test{path}""#)),
        "the challenge leads there"
    );
    for (method, status) in [(Method::HEAD, 200), (Method::POST, 405), (Method::DELETE, 405)] {
        let answer = ask(&app, request(method.clone(), path, None)).await;
        assert_eq!((answer.status().as_u16(), &*answer.body), (status, ""), "{method}");
    }
    let nameless = ResourceServer::builder("orders").issuer(issuer.trusted()).build().unwrap();
    assert_eq!(nameless.metadata_path(), None);
    let app: Router = nameless.metadata_routes();
    assert_eq!(
        ask(&app, get("/.well-known/oauth-protected-resource", None)).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn handlers_are_tested_with_an_identity_made_by_hand() {
    let issuer = TestIssuer::new();
    let alice =
        issuer.identity(&issuer.access_token("alice").claim("tenant", "blue").mint().unwrap()).unwrap();
    let app = handlers().layer(inject(alice));
    for (path, body) in [("/identity", "alice"), ("/maybe", "alice"), ("/claims", "blue")] {
        assert_eq!(ask(&app, get(path, None)).await.body, body, "{path}");
    }
}

#[tokio::test]
async fn an_extractor_behind_a_guard() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let who = |who: Identity| async move { Json(who.scopes().map(str::to_owned).collect::<Vec<_>>()) };
    let app =
        Router::new().route("/", routing::get(who).layer(api.guard(scope("read")).expose_rejection(true)));
    let token = issuer.access_token("alice").scope("write read").mint().unwrap();
    assert_eq!(ask(&app, get("/", Some(&token))).await.body, r#"["write","read"]"#);
    let refused = ask(&app, get("/", None)).await;
    assert!(matches!(refused.rejection().map(Rejection::reason), Some(Reason::NoCredentials)));
}

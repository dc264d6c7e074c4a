//! How refusals look is said once per server, and holds wherever a request is refused.

use axum::{Router, body::Body, routing};
use http::{Method, Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::{
    Identity, ResourceServer, ResourceServerBuilder,
    axum::Allowed,
    http::{Empty, Json, LoginRedirect, ProblemDetails, PublicAddress, Rejection},
    middleware::RequirementTable,
    operations,
    policy::scope,
    test_util::TestIssuer,
};

use crate::support::{Answer, ask, get, request};

operations! {
    Admin = scope("admin");
}

fn builder(issuer: &TestIssuer) -> ResourceServerBuilder {
    ResourceServer::builder(issuer.audience()).issuer(issuer.trusted()).clock(issuer.clock().clone())
}

/// Every place that refuses.
fn app(api: &ResourceServer) -> Router {
    let by_hand = async |who: Identity| -> Result<&'static str, Rejection> {
        who.require(&scope("admin"))?;
        Ok("ok")
    };
    let checked = {
        let api = api.clone();
        async move |who: Identity| -> Result<&'static str, Rejection> {
            api.check(&who, &scope("admin"))?;
            Ok("ok")
        }
    };
    let verified = {
        let api = api.clone();
        async move |token: String| -> Result<&'static str, Rejection> {
            api.verify_access_token(&token).await?;
            Ok("ok")
        }
    };
    let table = RequirementTable::new().route(Method::GET, "/table", scope("admin"));
    let handler = || async { "ok" };
    let behind = Router::new()
        .route("/guard", routing::get(handler).layer(api.guard(scope("admin"))))
        .route("/require", routing::get(by_hand))
        .route("/check", routing::get(checked))
        .route("/allowed", routing::get(async |_: Allowed<Admin>| "ok"))
        .layer(api.layer());
    let optional = Router::new()
        .route("/identity", routing::get(async |_: Identity| "ok"))
        .route("/optional/allowed", routing::get(async |_: Allowed<Admin>| "ok"))
        .layer(api.layer().optional(true));
    let otherwise = Router::new()
        .route("/empty", routing::get(handler).layer(api.guard(scope("admin")).reject_with(Empty)))
        .route("/text", routing::get(handler).layer(api.layer().refusal_body(|_, _| "no")));
    Router::new()
        .route("/layer", routing::any(handler).layer(api.layer().requirements(scope("admin"))))
        .route("/table", routing::get(handler))
        .route_layer(api.layer().requirements(table))
        .route("/verified", routing::post(verified))
        .merge(behind)
        .merge(optional)
        .merge(otherwise)
}

fn seen(answer: &Answer) -> (u16, &str, Option<&str>) {
    (answer.status().as_u16(), &*answer.body, answer.header("content-type"))
}

#[tokio::test]
async fn every_refusal_looks_as_the_server_says() {
    let issuer = TestIssuer::new();
    let token = issuer.access_token("alice").scope("other").mint().unwrap();
    let empty = app(&builder(&issuer).build().unwrap());
    let json = app(&builder(&issuer).reject_with(Json).build().unwrap());
    let text = app(&builder(&issuer).refusal_body(|why, _| why.reason().code()).build().unwrap());
    let (no_token, lacking) = (
        r#"{"status":401,"error_description":"authentication is required"}"#,
        r#"{"status":403,"error":"insufficient_scope","error_description":"the token lacks a scope that this operation needs"}"#,
    );
    for path in ["/layer", "/table", "/guard", "/require", "/check", "/allowed", "/optional/allowed"] {
        for (token, status, body, code) in
            [(None, 401, no_token, "no_credentials"), (Some(&*token), 403, lacking, "insufficient_scope")]
        {
            let answer = ask(&json, get(path, token)).await;
            assert_eq!(seen(&answer), (status, body, Some("application/json")), "{path}, JSON");
            let answer = ask(&text, get(path, token)).await;
            assert_eq!(seen(&answer), (status, code, Some("text/plain; charset=utf-8")), "{path}, text");
            let answer = ask(&empty, get(path, token)).await;
            assert_eq!(seen(&answer), (status, "", None), "{path}, empty");
        }
    }
    assert_eq!(seen(&ask(&json, get("/identity", None)).await), (401, no_token, Some("application/json")));
    let malformed = Request::post("/verified").body(Body::from("x")).unwrap();
    let answer = ask(&json, malformed).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.body.starts_with(r#"{"status":401,"error":"invalid_token","#), "{}", answer.body);

    // A layer or a guard may say otherwise.
    assert_eq!(seen(&ask(&json, get("/empty", Some(&token))).await), (403, "", None));
    assert_eq!(seen(&ask(&json, get("/text", None)).await), (401, "no", Some("text/plain; charset=utf-8")));
    // A refusal in gRPC has no body.
    let mut call = request(Method::POST, "/layer", None);
    *call.version_mut() = http::Version::HTTP_2;
    call.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let answer = ask(&json, call).await;
    assert_eq!(seen(&answer), (200, "", Some("application/grpc")));
    assert_eq!(answer.header("grpc-status"), Some("16"));
}

/// A handler's own refusal comes without its request; with it, it is what a layer sends.
#[tokio::test]
async fn a_refusal_by_hand_looks_at_the_request_where_it_is_given() {
    let issuer = TestIssuer::new();
    let api = builder(&issuer).reject_with(ProblemDetails).build().unwrap();
    let seeing = builder(&issuer).refusal_body(|_, request| request.uri.path().to_owned()).build().unwrap();
    let token = issuer.access_token("alice").mint().unwrap();
    let mut request = get("/require", Some(&token));
    request.headers_mut().insert("x-request-id", "7f".parse().unwrap());
    let (head, _) = request.into_parts();
    let who = api.verify_now(&token).unwrap();
    let why = who.require(&scope("admin")).unwrap_err();
    let answer: Response<String> =
        why.answer::<bytes::Bytes>(&head).map(|body| String::from_utf8(body.into()).unwrap());
    assert!(answer.body().ends_with(r#","code":"insufficient_scope","request_id":"7f"}"#), "{answer:?}");
    let plain = ask(&app(&api), Request::from_parts(head.clone(), Body::empty())).await;
    assert!(plain.body.ends_with(r#","code":"insufficient_scope"}"#), "{}", plain.body);
    assert_eq!(plain.header("content-type"), Some("application/problem+json"));

    let why = seeing.verify_now("x").unwrap_err();
    assert_eq!(why.answer::<bytes::Bytes>(&head).body(), "/require");
    let malformed = Request::post("/verified").body(Body::from("x")).unwrap();
    assert_eq!(ask(&app(&seeing), malformed).await.body, "*");
}

/// Behind a layer the body of responses may be of any type that has a default.
#[tokio::test]
async fn bodies_of_known_types_are_filled_and_others_stay_empty() {
    async fn body<B: Default + 'static>(api: &ResourceServer) -> B {
        let inner = service_fn(|_: Request<()>| async {
            Ok::<_, std::convert::Infallible>(Response::new(B::default()))
        });
        api.layer().layer(inner).oneshot(Request::new(())).await.unwrap().into_body()
    }
    let issuer = TestIssuer::new();
    let api = builder(&issuer).refusal_body(|_, _| "no").build().unwrap();
    assert_eq!(body::<String>(&api).await, "no");
    assert_eq!(body::<Vec<u8>>(&api).await, b"no");
    assert_eq!(body::<bytes::Bytes>(&api).await, "no");
    body::<()>(&api).await;
    #[cfg(feature = "tonic")]
    {
        use http_body_util::BodyExt;
        let body = body::<tonic::body::Body>(&api).await.collect().await.unwrap().to_bytes();
        assert_eq!(body, "no");
    }
}

#[cfg(feature = "mcp")]
#[tokio::test]
async fn the_guard_of_an_mcp_server_refuses_as_the_server_says() {
    use tower_resource_server::mcp::McpRequirements;

    let issuer = TestIssuer::new();
    let api = builder(&issuer).refusal_body(|why, _| why.reason().code()).build().unwrap();
    let requirements = || McpRequirements::new().tool("cancel", scope("admin"));
    let mcp = || Router::new().route("/mcp", routing::post(|| async { "ok" }));
    let guarded = mcp().layer(api.mcp_guard(requirements()));
    let otherwise = mcp().layer(api.mcp_guard(requirements()).reject_with(Empty));
    let token = issuer.access_token("alice").mint().unwrap();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"cancel"}}"#;
    for (app, token, status, body) in [
        (&guarded, None, 401, "no_credentials"),
        (&guarded, Some(&*token), 403, "insufficient_scope"),
        (&otherwise, None, 401, ""),
        (&otherwise, Some(&*token), 403, ""),
    ] {
        let mut request = request(Method::POST, "/mcp", token).map(|_| Body::from(call));
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        let answer = ask(app, request).await;
        assert_eq!((answer.status().as_u16(), &*answer.body), (status, body));
    }
}

/// Behind a proxy that strips a prefix, and in a router within a router, the way back is the path that the browser knows.
#[tokio::test]
async fn a_login_is_told_the_path_that_the_browser_knows() {
    let issuer = TestIssuer::new();
    let login = || LoginRedirect::to("https://login.test/start").unwrap().return_to("next").otherwise(Json);
    let plain = builder(&issuer).reject_with(login()).build().unwrap();
    let address = PublicAddress::fixed("https://api.test/shop");
    let stripped = builder(&issuer).reject_with(login()).public_address(address).build().unwrap();
    for (name, api, next) in [
        ("no prefix", &plain, "/v1/orders%3Fopen%3D1"),
        ("a stripped prefix", &stripped, "/shop/v1/orders%3Fopen%3D1"),
    ] {
        let orders = Router::new().route("/orders", routing::get(|| async { "ok" })).layer(api.layer());
        let app = Router::new().nest("/v1", orders);
        for (mode, status) in [("navigate", 303), ("cors", 401)] {
            let mut request = get("/v1/orders?open=1", None);
            request.headers_mut().insert("sec-fetch-mode", mode.parse().unwrap());
            let answer = ask(&app, request).await;
            assert_eq!(answer.status(), status, "{name}, {mode}");
            let expected = format!("https://login.test/start?next={next}");
            assert_eq!(
                answer.header("location"),
                Some(&*expected).filter(|_| status == 303),
                "{name}, {mode}"
            );
            assert_eq!(answer.body.is_empty(), status == 303, "{name}, {mode}");
        }
    }
}

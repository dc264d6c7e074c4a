//! The protected resource metadata document (RFC 9728): what it says, and how it is served.
#![cfg(all(feature = "axum", feature = "issuer", feature = "test-util"))]

mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::{Router, body::Body, http::Request, routing::get as on_get};
use http::Method;
use serde_json::{Value, json};
use support::{Answer, ask, get, request};
use tower_resource_server::{
    ResourceServer, ResourceServerBuilder, TrustedIssuer,
    http::{PeerAddress, PublicAddress, ResourceMetadata},
    issuer::SigningKey,
    keys::{Algorithm, KeySet, verify_jws},
    middleware::RequirementTable,
    policy::{Requirement, scope},
    profile::TokenProfile,
    test_util::TestIssuer,
    token::TokenLimits,
};

const PATH: &str = "/.well-known/oauth-protected-resource";

fn builder(resource: &str) -> ResourceServerBuilder {
    let issuer = TestIssuer::new();
    ResourceServer::builder(resource).issuer(issuer.trusted()).clock(issuer.clock().clone())
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

async fn document(api: &ResourceServer) -> Value {
    json_of(&ask(&api.metadata_routes(), get(api.metadata_path().unwrap(), None)).await)
}

#[tokio::test]
async fn promise_14_the_scopes_are_those_that_routes_require() {
    fn table() -> RequirementTable {
        RequirementTable::new()
            .route(Method::GET, "/orders", scope("orders:read"))
            .route(Method::POST, "/orders", scope("orders:write offline_access"))
            .grpc("/orders.Orders/Drop", scope("admin"))
            .otherwise(scope("other"))
    }
    type Use = fn(&ResourceServer);
    let nothing: Use = |_| {};
    for (name, by_hand, required, use_it, expected) in [
        ("none", "", "", nothing, json!(null)),
        ("by hand", "b a", "", nothing, json!(["b", "a"])),
        ("of the server", "", "b a", nothing, json!(["a", "b"])),
        ("of a guard", "", "", |api| drop(api.guard(scope("write read"))), json!(["read", "write"])),
        (
            "of two guards",
            "",
            "",
            |api| drop((api.guard(scope("b")), api.guard(scope("a")))),
            json!(["a", "b"]),
        ),
        ("of a layer", "", "", |api| drop(api.layer().requirements(scope("read"))), json!(["read"])),
        (
            "of a table",
            "",
            "",
            |api| drop(api.layer().requirements(table())),
            json!(["admin", "orders:read", "orders:write", "other"]),
        ),
        (
            "of a table by path",
            "",
            "",
            |api| drop(api.layer().requirements(table().by_path())),
            json!(["admin", "orders:read", "orders:write", "other"]),
        ),
        (
            "of a table by route",
            "",
            "",
            |api| drop(api.layer().requirements(table().by_matched_path())),
            json!(["admin", "orders:read", "orders:write", "other"]),
        ),
        (
            "of a function, which is not known",
            "",
            "",
            |api| drop(api.layer().requirements_by(|_| scope("secret"))),
            json!(null),
        ),
        (
            "each once",
            "z read",
            "read base",
            |api| drop(api.guard(scope("read z more"))),
            json!(["z", "read", "base", "more"]),
        ),
        (
            "never offline_access",
            "offline_access a",
            "offline_access",
            |api| drop(api.guard(scope("offline_access b"))),
            json!(["a", "b"]),
        ),
    ] {
        let api = builder("https://api.test")
            .scopes_supported(Requirement::scopes(by_hand).unwrap())
            .require(Requirement::scopes(required).unwrap())
            .build()
            .unwrap();
        // The routes of the document may be made before those that it tells about.
        let before: Router = api.metadata_routes();
        use_it(&api);
        for (when, routes) in [("before", before), ("after", api.metadata_routes())] {
            let document = json_of(&ask(&routes, get(PATH, None)).await);
            assert_eq!(document["scopes_supported"], expected, "{name}, {when}");
        }
    }
}

#[tokio::test]
async fn members_are_those_that_were_set() {
    let with = |metadata: ResourceMetadata| builder("https://api.test").metadata(metadata).build().unwrap();
    let new = ResourceMetadata::new;
    let bare = document(&with(new())).await;
    assert_eq!(
        bare,
        json!({
            "resource": "https://api.test",
            "authorization_servers": ["https://issuer.test"],
            "bearer_methods_supported": ["header"],
        })
    );
    for (name, metadata, member, expected) in [
        (
            "keys of the resource",
            new().jwks_uri("https://api.test/jwks"),
            "jwks_uri",
            json!("https://api.test/jwks"),
        ),
        (
            "methods",
            new().bearer_methods_supported(["header", "body"]),
            "bearer_methods_supported",
            json!(["header", "body"]),
        ),
        ("no method", new().bearer_methods_supported::<&str>([]), "bearer_methods_supported", json!([])),
        ("a name", new().resource_name("Orders \"ä\""), "resource_name", json!("Orders \"ä\"")),
        (
            "documentation",
            new().resource_documentation("https://a.test/d"),
            "resource_documentation",
            json!("https://a.test/d"),
        ),
        (
            "a policy",
            new().resource_policy_uri("https://a.test/p"),
            "resource_policy_uri",
            json!("https://a.test/p"),
        ),
        (
            "terms",
            new().resource_tos_uri("http://localhost/t"),
            "resource_tos_uri",
            json!("http://localhost/t"),
        ),
        (
            "authorization details",
            new().authorization_details_types_supported(["order", "payment"]),
            "authorization_details_types_supported",
            json!(["order", "payment"]),
        ),
        (
            "a language",
            new().member("resource_name#de", "Bestellungen"),
            "resource_name#de",
            json!("Bestellungen"),
        ),
        ("an extension", new().member("x", json!({ "a": [1] })), "x", json!({ "a": [1] })),
    ] {
        let mut expected_document = bare.clone();
        expected_document[member] = expected;
        assert_eq!(document(&with(metadata)).await, expected_document, "{name}");
    }
}

#[test]
fn members_that_cannot_be_are_refused_with_what_to_write() {
    let new = ResourceMetadata::new;
    let sign = |_: &serde_json::Map<String, Value>| Err::<String, _>("no key");
    let proxies = || PublicAddress::from_trusted_proxies(["10.0.0.1"]);
    for (name, metadata, proxied, expected) in [
        ("a method", new().bearer_methods_supported(["cookie"]), false, "use header, body or query"),
        ("no address", new().resource_documentation("docs"), false, "resource_documentation is no address"),
        ("a path", new().resource_policy_uri("/policy"), false, "resource_policy_uri is no address"),
        (
            "another scheme",
            new().resource_tos_uri("javascript:alert(1)"),
            false,
            "resource_tos_uri is no address",
        ),
        ("keys without TLS", new().jwks_uri("http://api.test/jwks"), false, "jwks_uri is no https URL"),
        ("a member of the server", new().member("scopes_supported", "a"), false, "written by the server"),
        ("a member with a setter", new().member("jwks_uri", "a"), false, "written by the server"),
        ("signed for any address", new().signed_by(sign), true, "leave signed_by out"),
    ] {
        let server = builder("https://api.test").metadata(metadata);
        let server = if proxied { server.public_address(proxies()) } else { server };
        let error = server.build().unwrap_err();
        let [problem] = error.problems() else { panic!("{name}: {error}") };
        assert!(problem.text().contains(expected), "{name}: {problem:?}");
    }
}

/// A request as a script of another origin makes it.
fn of_a_script(method: Method, path: &str, fields: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = request(method, path, None);
    request.headers_mut().insert("origin", "https://shop.test".parse().unwrap());
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn scripts_of_every_origin_may_read_the_document() {
    let api = builder("https://api.test").build().unwrap();
    let app: Router =
        Router::new().route("/", on_get(|| async {})).layer(api.layer()).merge(api.metadata_routes());
    let asks = [
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization, mcp-protocol-version"),
    ];
    let preflight = ask(&app, of_a_script(Method::OPTIONS, PATH, &asks)).await;
    assert_eq!((preflight.status().as_u16(), &*preflight.body), (204, ""));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("*, Authorization"));
    assert_eq!(preflight.header("access-control-max-age"), Some("7200"));
    for (method, status, is_written) in [
        (Method::OPTIONS, 204, false),
        (Method::GET, 200, true),
        (Method::HEAD, 200, false),
        (Method::POST, 405, false),
        (Method::PUT, 405, false),
        (Method::DELETE, 405, false),
    ] {
        let answer = ask(&app, of_a_script(method.clone(), PATH, &[])).await;
        assert_eq!((answer.status().as_u16(), !answer.body.is_empty()), (status, is_written), "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{method}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{method}");
        let allow = (status != 200).then_some("GET, HEAD, OPTIONS");
        assert_eq!(answer.header("allow"), allow, "{method}");
        let cached =
            if status == 405 { Some("no-store") } else { (status == 200).then_some("public, max-age=3600") };
        assert_eq!(answer.header("cache-control"), cached, "{method}");
    }
    // Clients try several addresses, and must be able to read that one is none.
    let service = Router::new().fallback_service(api.metadata_service::<Body>());
    for (method, status) in [(Method::GET, 404), (Method::OPTIONS, 204)] {
        let answer = ask(&service, of_a_script(method.clone(), &format!("{PATH}/else"), &[])).await;
        assert_eq!(answer.status(), status, "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{method}");
        assert_eq!((answer.header("etag"), &*answer.body), (None, ""), "{method}");
    }
}

#[tokio::test]
async fn a_document_that_is_known_is_not_sent_again() {
    let api = builder("https://api.test").build().unwrap();
    let app: Router = api.metadata_routes();
    let first = ask(&app, get(PATH, None)).await;
    let tag = first.header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 40, "strong: {tag}");
    let weak = format!("W/{tag}");
    let among = format!("\"a\", {tag} , \"b\"");
    for (name, known, status) in [
        ("nothing", &[][..], 200),
        ("the tag", &[&*tag][..], 304),
        ("the tag, weakly", &[&*weak], 304),
        ("among others", &[&*among], 304),
        ("in a second field", &["\"a\"", &*tag], 304),
        ("any", &["*"], 304),
        ("another", &["\"a\""], 200),
        ("without quotes", &[tag.trim_matches('"')], 200),
        ("not a text", &["\"\u{e4}\""], 200),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let fields: Vec<_> = known.iter().map(|known| ("if-none-match", *known)).collect();
            let answer = ask(&app, of_a_script(method.clone(), PATH, &fields)).await;
            assert_eq!(answer.status(), status, "{name}, {method}");
            assert_eq!(answer.body.is_empty(), status == 304 || method == Method::HEAD, "{name}, {method}");
            assert_eq!(answer.header("etag"), Some(&*tag), "{name}, {method}");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"), "{name}, {method}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{name}, {method}");
            let content_type = (status == 200).then_some("application/json");
            assert_eq!(answer.header("content-type"), content_type, "{name}, {method}");
        }
    }
    drop(api.guard(scope("new")));
    let fields = [("if-none-match", &*tag)];
    let changed = ask(&app, of_a_script(Method::GET, PATH, &fields)).await;
    assert_eq!(changed.status(), 200, "another document has another tag");
    assert_ne!(changed.header("etag"), Some(&*tag));
}

#[tokio::test]
async fn several_resources_of_one_host_have_a_document_each() {
    let resources = [
        "https://api.test",
        "https://api.test/orders",
        "https://api.test/orders/old",
        "https://api.test/stock",
    ];
    let proxied = PublicAddress::from_trusted_proxies(["10.0.0.0/8"]);
    for with_proxies in [false, true] {
        let servers = resources.map(|resource| {
            let server = builder(resource);
            let server = if with_proxies { server.public_address(proxied.clone()) } else { server };
            server.build().unwrap()
        });
        let app: Router =
            servers.iter().map(ResourceServer::metadata_routes).fold(Router::new(), Router::merge);
        for (server, resource) in servers.iter().zip(resources) {
            drop(server.guard(scope(&format!("of:{}", resource.rsplit('/').next().unwrap()))));
        }
        for resource in resources {
            let path = format!("{PATH}{}", resource.strip_prefix("https://api.test").unwrap());
            let document = json_of(&ask(&app, get(&path, None)).await);
            assert_eq!(document["resource"], resource, "{path}");
            let scope = format!("of:{}", resource.rsplit('/').next().unwrap());
            assert_eq!(document["scopes_supported"], json!([scope]), "{path}");
        }
        assert_eq!(ask(&app, get(&format!("{PATH}/else"), None)).await.status(), 404);
    }
}

#[tokio::test]
async fn promise_16_the_document_is_that_of_the_address_that_trusted_proxies_tell() {
    let address = PublicAddress::from_trusted_proxies(["10.0.0.0/8"]);
    let api = builder("https://api.test/v1").public_address(address).build().unwrap();
    let app = Router::new().fallback_service(api.metadata_service::<Body>());
    let (proxy, elsewhere) = ("10.0.0.1:1", "192.0.2.1:1");
    let told = [("x-forwarded-host", "shop.test"), ("x-forwarded-prefix", "/shop")];
    for (name, peer, fields, path, expected) in [
        ("told nothing", proxy, &[][..], "/v1", Some("https://api.test/v1")),
        ("at the configured path", proxy, &told, "/v1", Some("https://shop.test/shop/v1")),
        ("at the path of the client", proxy, &told, "/shop/v1", Some("https://shop.test/shop/v1")),
        ("at another", proxy, &told, "/shop", None),
        ("by no proxy", elsewhere, &told, "/v1", Some("https://api.test/v1")),
        ("by no proxy, at its path", elsewhere, &told, "/shop/v1", None),
    ] {
        let mut request = of_a_script(Method::GET, &format!("{PATH}{path}"), fields);
        request.extensions_mut().insert(PeerAddress(peer.parse::<SocketAddr>().unwrap()));
        let answer = ask(&app, request).await;
        let resource = (answer.status() == 200).then(|| json_of(&answer)["resource"].clone());
        assert_eq!(resource, expected.map(Value::from), "{name}");
        if expected.is_some() {
            let cached = answer.header("cache-control");
            assert_eq!(cached, Some("private, max-age=3600"), "{name}: no shared cache keeps it");
        }
    }
}

#[tokio::test]
async fn signed_metadata_says_what_the_document_says_and_who_attests_to_it() {
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        let key = SigningKey::generate(algorithm).unwrap();
        let jwks = json!({ "keys": [key.public_jwk().unwrap()] }).to_string();
        let kid = key.kid().unwrap().to_owned();
        let signed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&signed);
        let metadata = ResourceMetadata::new().resource_name("Orders").signed_by(move |members| {
            count.fetch_add(1, Ordering::SeqCst);
            key.sign_resource_metadata("https://attests.test", members)
        });
        let api = builder("https://api.test").metadata(metadata).build().unwrap();
        for (scope_added, times) in [("", 1), ("", 1), ("new", 2), ("", 2)] {
            drop(api.guard(Requirement::scopes(scope_added).unwrap()));
            let mut document = document(&api).await;
            assert_eq!(signed.load(Ordering::SeqCst), times, "signed when it has changed");
            let Value::String(jwt) = document.as_object_mut().unwrap().remove("signed_metadata").unwrap()
            else {
                panic!("no text")
            };
            let keys = KeySet::from_jwks(jwks.as_bytes()).unwrap();
            let verified = verify_jws(&jwt, &keys, algorithm, &TokenLimits::default()).unwrap();
            let claims: Value = serde_json::from_slice(&verified).unwrap();
            document["iss"] = json!("https://attests.test");
            assert_eq!(claims, document, "{algorithm}");
            let header = base64_url(jwt.split('.').next().unwrap());
            assert_eq!(header, json!({ "alg": algorithm.name(), "typ": "JWT", "kid": kid }), "{algorithm}");
        }
    }
}

#[tokio::test]
async fn signed_metadata_is_no_token() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwks = json!({ "keys": [key.public_jwk().unwrap()] }).to_string();
    let keys = KeySet::from_jwks(jwks.as_bytes()).unwrap();
    let members = json!({ "resource": "https://api.test", "aud": "https://api.test" });
    let jwt = key.sign_resource_metadata("https://api.test", members.as_object().unwrap()).unwrap();
    for profile in [TokenProfile::jwt(), TokenProfile::rfc9068()] {
        let issuer = TrustedIssuer::with_keys("https://api.test", keys.clone(), profile);
        let api = ResourceServer::builder("https://api.test").issuer(issuer).build().unwrap();
        assert_eq!(api.verify_access_token(&jwt).await.unwrap_err().status(), 401);
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_signed_goes_without_and_is_tried_again() {
    let works = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&works);
    let sign = move |_: &serde_json::Map<String, Value>| {
        if now.load(Ordering::SeqCst) { Ok("a.b.c".to_owned()) } else { Err("the key store is away") }
    };
    let api = builder("https://api.test").metadata(ResourceMetadata::new().signed_by(sign)).build().unwrap();
    for (works_now, expected) in [(false, json!(null)), (true, json!("a.b.c")), (false, json!("a.b.c"))] {
        works.store(works_now, Ordering::SeqCst);
        let document = document(&api).await;
        assert_eq!(document["signed_metadata"], expected);
        assert_eq!(document["resource"], "https://api.test");
    }
}

fn base64_url(text: &str) -> Value {
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

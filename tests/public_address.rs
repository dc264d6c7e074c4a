//! The public address: from the configuration, or from forwarding headers of trusted proxies, and never from
//! the request alone (promise 16).
#![cfg(all(feature = "axum", feature = "test-util"))]

mod support;

use std::net::SocketAddr;

use axum::{Extension, Router, body::Body, extract::ConnectInfo, http::Request, routing::get as on_get};
use support::{ask, get};
use tower_resource_server::{
    Identity, ResourceServer, ResourceServerBuilder,
    http::{PeerAddress, PublicAddress, RequestHead},
    policy::scope,
    test_util::TestIssuer,
};

/// Reached at <https://api.test/v1> unless told otherwise.
fn builder(issuer: &TestIssuer) -> ResourceServerBuilder {
    ResourceServer::builder("https://api.test/v1").issuer(issuer.trusted()).clock(issuer.clock().clone())
}

fn behind_proxies(issuer: &TestIssuer) -> ResourceServer {
    let proxies = PublicAddress::from_trusted_proxies(["10.0.0.0/8", "fd00::/8"]);
    builder(issuer).public_address(proxies).build().unwrap()
}

fn app(api: &ResourceServer) -> Router {
    Router::new()
        .route("/orders", on_get(|_: Identity| async {}))
        .layer(api.layer())
        .merge(api.metadata_routes())
}

/// A request with these fields, `Name: value` in one line each, from this peer.
fn from(peer: &str, path: &str, fields: &str) -> Request<Body> {
    let mut request = get(path, None);
    for field in fields.lines() {
        let (name, value) = field.trim().split_once(": ").unwrap();
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    if !peer.is_empty() {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(PeerAddress(peer));
    }
    request
}

/// The address of the metadata in the challenge.
async fn challenged(app: &Router, request: Request<Body>) -> String {
    let answer = ask(app, request).await;
    assert_eq!(answer.status(), 401);
    let challenge = answer.challenge().unwrap();
    challenge.strip_prefix("Bearer resource_metadata=\"").unwrap().strip_suffix('"').unwrap().to_owned()
}

const CONFIGURED: &str = "https://api.test/.well-known/oauth-protected-resource/v1";
const PROXY: &str = "10.1.2.3:50000";

#[tokio::test]
async fn promise_16_trusted_proxies_say_where_the_metadata_is_and_none_else_does() {
    let issuer = TestIssuer::new();
    let app = app(&behind_proxies(&issuer));
    for (name, peer, fields, expected) in [
        ("nothing told", PROXY, "", CONFIGURED),
        ("Host alone", PROXY, "Host: evil.test", CONFIGURED),
        (
            "X-Forwarded",
            PROXY,
            "X-Forwarded-Proto: https\nX-Forwarded-Host: shop.test",
            "https://shop.test/.well-known/oauth-protected-resource/v1",
        ),
        (
            "Forwarded",
            PROXY,
            "Forwarded: for=192.0.2.1;proto=https;host=shop.test",
            "https://shop.test/.well-known/oauth-protected-resource/v1",
        ),
        (
            "a port",
            PROXY,
            "X-Forwarded-Host: shop.test\nX-Forwarded-Port: 8443",
            "https://shop.test:8443/.well-known/oauth-protected-resource/v1",
        ),
        (
            "the port of the scheme",
            PROXY,
            "X-Forwarded-Host: shop.test:443\nX-Forwarded-Proto: https",
            "https://shop.test/.well-known/oauth-protected-resource/v1",
        ),
        (
            "a prefix",
            PROXY,
            "X-Forwarded-Host: shop.test\nX-Forwarded-Prefix: /shop",
            "https://shop.test/.well-known/oauth-protected-resource/shop/v1",
        ),
        (
            "a prefix that the identifier begins with",
            PROXY,
            "X-Forwarded-Host: shop.test\nX-Forwarded-Prefix: /v1/",
            "https://shop.test/.well-known/oauth-protected-resource/v1",
        ),
        (
            "a prefix that is only the beginning of a segment",
            PROXY,
            "X-Forwarded-Prefix: /v",
            "https://api.test/.well-known/oauth-protected-resource/v/v1",
        ),
        (
            "a prefix alone",
            PROXY,
            "X-Forwarded-Prefix: /shop",
            "https://api.test/.well-known/oauth-protected-resource/shop/v1",
        ),
        ("a scheme alone", PROXY, "X-Forwarded-Proto: http", CONFIGURED),
        ("from TLS to none", PROXY, "X-Forwarded-Proto: http\nX-Forwarded-Host: shop.test", CONFIGURED),
        (
            "an IPv6 host",
            PROXY,
            "X-Forwarded-Host: [2001:DB8:0::1]:8443",
            "https://[2001:db8::1]:8443/.well-known/oauth-protected-resource/v1",
        ),
        (
            "an IPv6 proxy",
            "[fd00::1]:50000",
            "X-Forwarded-Host: shop.test",
            "https://shop.test/.well-known/oauth-protected-resource/v1",
        ),
        (
            "a mapped proxy",
            "[::ffff:10.1.2.3]:50000",
            "X-Forwarded-Host: shop.test",
            "https://shop.test/.well-known/oauth-protected-resource/v1",
        ),
        (
            "two proxies and what a client wrote",
            PROXY,
            "Forwarded: for=10.9.9.9;host=evil.test\nForwarded: for=192.0.2.1;host=shop.test, for=10.0.0.2;host=internal",
            "https://shop.test/.well-known/oauth-protected-resource/v1",
        ),
        (
            "values behind two proxies",
            PROXY,
            "X-Forwarded-For: 10.9.9.9, 192.0.2.1, 10.0.0.2\nX-Forwarded-Host: evil.test, shop.test, internal",
            "https://shop.test/.well-known/oauth-protected-resource/v1",
        ),
        ("a peer that is no proxy", "192.0.2.1:10", "X-Forwarded-Host: evil.test", CONFIGURED),
        ("a peer beside the network", "11.0.0.1:10", "X-Forwarded-Host: evil.test", CONFIGURED),
        ("an IPv6 peer that is no proxy", "[2001:db8::1]:10", "Forwarded: host=evil.test", CONFIGURED),
        (
            "a client that names proxies",
            "192.0.2.1:10",
            "X-Forwarded-For: 10.0.0.1\nForwarded: for=10.0.0.1;host=evil.test",
            CONFIGURED,
        ),
        ("no peer", "", "X-Forwarded-Host: evil.test", CONFIGURED),
        ("no host name", PROXY, "X-Forwarded-Host: evil.test/x", CONFIGURED),
        ("a quote", PROXY, "X-Forwarded-Host: evil.test\", scope=\"admin", CONFIGURED),
        ("user information", PROXY, "X-Forwarded-Host: api.test@evil.test", CONFIGURED),
        ("a prefix to another host", PROXY, "X-Forwarded-Prefix: //evil.test", CONFIGURED),
        ("a prefix upwards", PROXY, "X-Forwarded-Host: shop.test\nX-Forwarded-Prefix: /../x", CONFIGURED),
        ("another scheme", PROXY, "X-Forwarded-Proto: data\nX-Forwarded-Host: shop.test", CONFIGURED),
        ("no port", PROXY, "X-Forwarded-Host: shop.test\nX-Forwarded-Port: 0", CONFIGURED),
        ("not well formed", PROXY, "Forwarded: host=\"shop.test", CONFIGURED),
        ("a parameter twice", PROXY, "Forwarded: host=shop.test;host=evil.test", CONFIGURED),
        (
            "two notations disagree",
            PROXY,
            "Forwarded: host=shop.test\nX-Forwarded-Host: evil.test",
            CONFIGURED,
        ),
    ] {
        assert_eq!(challenged(&app, from(peer, "/orders", fields)).await, expected, "{name}");
    }
}

#[tokio::test]
async fn promise_16_without_a_setting_no_header_changes_the_address() {
    let issuer = TestIssuer::new();
    let fixed = PublicAddress::fixed("https://public.test/shop");
    let told =
        "Host: evil.test\nX-Forwarded-Host: evil.test\nX-Forwarded-Proto: http\nForwarded: host=evil.test";
    for (name, api, expected) in [
        ("none", builder(&issuer).build().unwrap(), CONFIGURED),
        (
            "fixed",
            builder(&issuer).public_address(fixed).build().unwrap(),
            "https://public.test/.well-known/oauth-protected-resource/shop",
        ),
    ] {
        let app = app(&api);
        for peer in [PROXY, "127.0.0.1:1", "192.0.2.1:1", ""] {
            for fields in ["", told] {
                assert_eq!(challenged(&app, from(peer, "/orders", fields)).await, expected, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn promise_16_refusals_that_are_kept_do_not_mix_addresses() {
    let issuer = TestIssuer::new();
    let api = behind_proxies(&issuer);
    let address = |host: &str| format!("https://{host}/.well-known/oauth-protected-resource/v1");
    let guarded = Router::new()
        .route("/guarded", on_get(|| async {}).layer(api.guard(scope("a"))))
        .route("/optional", on_get(|_: Identity| async {}).layer(api.layer().optional(true)));
    for host in ["one.test", "two.test", "", "one.test", "three.test", ""] {
        let fields = if host.is_empty() { String::new() } else { format!("X-Forwarded-Host: {host}") };
        let expected = if host.is_empty() { CONFIGURED.to_owned() } else { address(host) };
        assert_eq!(challenged(&app(&api), from(PROXY, "/orders", &fields)).await, expected);
        for (path, scope) in [("/guarded", "scope=\"a\", "), ("/optional", "")] {
            let answer = ask(&guarded, from(PROXY, path, &fields)).await;
            let challenge = format!(r#"Bearer {scope}resource_metadata="{expected}""#);
            assert_eq!(answer.challenge(), Some(&*challenge), "{path} at {host:?}");
        }
        let (head, _) = from(PROXY, "/", &fields).into_parts();
        let token = "Bearer not-a-token".parse().unwrap();
        let mut bad = head.clone();
        bad.headers.insert("authorization", token);
        let refused = api.authenticate(&bad).await.unwrap_err();
        let challenge = refused.challenge().unwrap().to_str().unwrap();
        assert!(challenge.contains(&format!("resource_metadata=\"{expected}\"")), "{challenge}");
    }
}

#[tokio::test]
async fn the_peer_is_known_by_the_connection_of_axum_too() {
    let issuer = TestIssuer::new();
    let app = app(&behind_proxies(&issuer));
    let peer = |peer: &str| ConnectInfo(peer.parse::<SocketAddr>().unwrap());
    for (name, connection, own, expected) in [
        ("a proxy", "10.0.0.1:1", "", "https://shop.test/.well-known/oauth-protected-resource/v1"),
        ("no proxy", "192.0.2.1:1", "", CONFIGURED),
        ("what the application says comes first", "10.0.0.1:1", "192.0.2.1:1", CONFIGURED),
    ] {
        let mut request = from(own, "/orders", "X-Forwarded-Host: shop.test");
        request.extensions_mut().insert(peer(connection));
        assert_eq!(challenged(&app, request).await, expected, "{name}");
    }
}

#[tokio::test]
async fn promise_16_urls_of_requests_have_what_was_stripped_and_nothing_of_host() {
    let issuer = TestIssuer::new();
    let at = |address: PublicAddress| builder(&issuer).public_address(address).build().unwrap();
    let plain = builder(&issuer).build().unwrap();
    let nameless = ResourceServer::builder("orders").issuer(issuer.trusted()).build().unwrap();
    let proxies = behind_proxies(&issuer);
    let told = "X-Forwarded-Host: shop.test\nX-Forwarded-Prefix: /shop";
    for (name, api, peer, path, fields, expected) in [
        ("no setting", &plain, "", "/orders/7?x=1", "Host: evil.test", Some("https://api.test/orders/7")),
        (
            "no setting, an absolute target",
            &plain,
            "",
            "http://evil.test/orders",
            "",
            Some("https://api.test/orders"),
        ),
        ("no address", &nameless, PROXY, "/orders", told, None),
        (
            "a fixed origin",
            &at(PublicAddress::fixed("https://public.test:8443/")),
            PROXY,
            "/orders",
            told,
            Some("https://public.test:8443/orders"),
        ),
        (
            "a stripped prefix",
            &at(PublicAddress::fixed("https://public.test/shop")),
            "",
            "/orders?x=1",
            "",
            Some("https://public.test/shop/orders"),
        ),
        ("told", &proxies, PROXY, "/orders?x=1", told, Some("https://shop.test/shop/orders")),
        ("told by no proxy", &proxies, "192.0.2.1:1", "/orders", told, Some("https://api.test/orders")),
        ("escapes stay", &proxies, PROXY, "/a%2Fb/", told, Some("https://shop.test/shop/a%2Fb/")),
    ] {
        let request = from(peer, path, fields);
        assert_eq!(api.url_of(&request).as_deref(), expected, "{name}");
        // axum strips the path that it nests at; the layer sees what is left.
        let Some(expected) = expected else { continue };
        let seen = |Extension(api): Extension<ResourceServer>, request: Request<Body>| async move {
            let head = RequestHead::from(&request);
            format!("{} {}", head.uri.path(), api.url_of(head).unwrap_or_default())
        };
        let inner = Router::new().fallback(seen).layer(Extension(api.clone()));
        let nested = Router::new().nest("/nested", inner);
        let (origin_and_prefix, _) = expected.split_once(request.uri().path()).unwrap();
        let answer = ask(&nested, from(peer, "/nested/deep", fields)).await;
        assert_eq!(answer.body, format!("/deep {origin_and_prefix}/nested/deep"), "{name}, nested");
    }
}

#[tokio::test]
async fn promise_16_what_proxies_tell_is_in_place_of_the_fixed_address() {
    let issuer = TestIssuer::new();
    let address = PublicAddress::from_trusted_proxies(["10.0.0.0/8"]).otherwise("https://public.test/shop");
    let api = ResourceServer::builder("https://public.test/shop/v1")
        .public_address(address)
        .issuer(issuer.trusted())
        .build()
        .unwrap();
    let app = app(&api);
    for (name, fields, metadata, url) in [
        ("nothing", "", "public.test|/shop/v1", "public.test/shop/orders"),
        ("a host", "X-Forwarded-Host: a.test", "a.test|/shop/v1", "a.test/shop/orders"),
        ("the same prefix", "X-Forwarded-Prefix: /shop", "public.test|/shop/v1", "public.test/shop/orders"),
        ("another prefix", "X-Forwarded-Prefix: /b", "public.test|/b/v1", "public.test/b/orders"),
        ("both", "X-Forwarded-Host: a.test\nX-Forwarded-Prefix: /b", "a.test|/b/v1", "a.test/b/orders"),
        ("hostile", "X-Forwarded-Host: a.test/x", "public.test|/shop/v1", "public.test/shop/orders"),
    ] {
        let expected = metadata.replace('|', "/.well-known/oauth-protected-resource");
        let challenge = challenged(&app, from(PROXY, "/orders", fields)).await;
        assert_eq!(challenge, format!("https://{expected}"), "{name}");
        assert_eq!(api.url_of(&from(PROXY, "/orders", fields)), Some(format!("https://{url}")), "{name}");
    }
}

#[tokio::test]
async fn nest_does_not_change_the_address_of_the_metadata() {
    let issuer = TestIssuer::new();
    let fixed = PublicAddress::fixed("https://public.test/shop");
    for (api, expected) in [
        (builder(&issuer).build().unwrap(), CONFIGURED),
        (
            builder(&issuer).public_address(fixed).build().unwrap(),
            "https://public.test/.well-known/oauth-protected-resource/shop",
        ),
    ] {
        let inner = Router::new().route("/orders", on_get(|_: Identity| async {})).layer(api.layer());
        let nested = Router::new().nest("/a", Router::new().nest("/b", inner));
        assert_eq!(challenged(&nested, get("/a/b/orders", None)).await, expected);
    }
}

#[tokio::test]
async fn a_fixed_address_is_the_resource_and_an_audience() {
    let issuer = TestIssuer::new();
    for (name, built_with, address, resource, path) in [
        ("a name", "orders", "https://public.test/shop", "https://public.test/shop", "/shop"),
        ("another origin", "https://api.test/v1", "https://public.test", "https://public.test", ""),
        ("as it is written", "orders", "https://Public.test:443/", "https://Public.test:443/", ""),
        (
            "the same",
            "https://public.test/shop",
            "https://public.test/shop",
            "https://public.test/shop",
            "/shop",
        ),
        (
            "one of several below it",
            "https://public.test/shop/a",
            "https://public.test/shop",
            "https://public.test/shop/a",
            "/shop/a",
        ),
        (
            "below it, written alike",
            "https://public.test/a",
            "https://PUBLIC.test:443",
            "https://public.test/a",
            "/a",
        ),
        (
            "beside it",
            "https://public.test/shopping",
            "https://public.test/shop",
            "https://public.test/shop",
            "/shop",
        ),
    ] {
        let api = ResourceServer::builder(built_with)
            .public_address(PublicAddress::fixed(address))
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        assert_eq!(api.resource(), resource, "{name}");
        let well_known = format!("/.well-known/oauth-protected-resource{path}");
        assert_eq!(api.metadata_path(), Some(&*well_known), "{name}");
        let document = ask(&app(&api), get(&well_known, None)).await;
        assert!(
            document.body.starts_with(&format!("{{\"resource\":\"{resource}\"")),
            "{name}: {}",
            document.body
        );
        for (audience, accepted) in [(built_with, true), (resource, true), ("https://other.test", false)] {
            let token = issuer.access_token("alice").audience(audience).mint().unwrap();
            let status = ask(&app(&api), get("/orders", Some(&token))).await.status();
            assert_eq!(status == 200, accepted, "{name}: {audience} is {status}");
        }
    }
}

#[test]
fn addresses_that_cannot_work_are_refused_with_what_to_write() {
    let issuer = TestIssuer::new();
    let fixed = |url: &str| PublicAddress::fixed(url);
    let proxies = |networks: &[&str]| PublicAddress::from_trusted_proxies(networks.iter().copied());
    for (name, resource, address, expected) in [
        ("no URL", "orders", fixed("orders"), &["write an http or https URL"][..]),
        ("a path", "orders", fixed("/shop"), &["write an http or https URL"]),
        ("another scheme", "orders", fixed("ftp://a.test"), &["write an http or https URL"]),
        ("user information", "orders", fixed("https://a@b.test"), &["without user"]),
        ("a query", "orders", fixed("https://a.test/?b"), &["without user, query"]),
        ("a fragment", "orders", fixed("https://a.test/#b"), &["without user, query and fragment"]),
        ("what clients search for", "orders", fixed("https://a.test/scope=b"), &["scope="]),
        ("no proxy", "https://a.test", proxies(&[]), &["name their networks"]),
        ("everyone", "https://a.test", proxies(&["0.0.0.0/0"]), &["every address"]),
        (
            "two mistakes",
            "https://a.test",
            proxies(&["x", "10.0.0.0/8", "10.0.0.1/8"]),
            &["\"x\" is no network", "first address"],
        ),
        ("no address to stand", "orders", proxies(&["10.0.0.0/8"]), &["use an http or https URL"]),
        (
            "no address otherwise",
            "https://a.test",
            proxies(&["10.0.0.0/8"]).otherwise("b"),
            &["write an http or https URL"],
        ),
    ] {
        let built =
            ResourceServer::builder(resource).issuer(issuer.trusted()).public_address(address).build();
        let problems: Vec<_> = built.unwrap_err().problems().iter().map(|it| it.text().to_owned()).collect();
        assert_eq!(problems.len(), expected.len(), "{name}: {problems:?}");
        for (problem, text) in problems.iter().zip(expected) {
            assert!(problem.contains(text), "{name}: {problem}");
        }
    }
}

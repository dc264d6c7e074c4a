//! Promise 16: a proof is for the public address of the request, whatever `Host` says: behind proxies that strip
//! a prefix, and where axum's `nest` strips its part.

use axum::{Router, body::Body, routing::any};
use http::Request;
use tower_resource_server::{
    Dpop, Identity,
    http::{PeerAddress, PublicAddress},
};

use crate::{Site, support::ask, told};

const WRONG: &str = "401 DPoP invalid_dpop_proof proof_wrong_url";

/// A request from this peer, with a proof for `htu` and these fields.
fn request(site: &Site, path: &str, htu: &str, peer: &str, fields: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = crate::support::get(path, None);
    site.key.proof("GET", htu, &site.token, site.issuer.now()).send(request.headers_mut());
    for (name, value) in fields {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request.extensions_mut().insert(PeerAddress(peer.parse().unwrap()));
    request
}

const PROXY: &str = "10.0.0.1:80";
const ANYONE: &str = "192.0.2.1:80";

#[tokio::test]
async fn promise_16_a_proof_is_for_the_public_address() {
    let site = Site::new(Dpop::required());
    let fixed = site.beside(|server| {
        server.dpop(Dpop::required()).public_address(PublicAddress::fixed("https://shop.test/v1"))
    });
    let told_by = site.beside(|server| {
        server.dpop(Dpop::required()).public_address(PublicAddress::from_trusted_proxies(["10.0.0.0/8"]))
    });
    let forwarded =
        [("x-forwarded-proto", "https"), ("x-forwarded-host", "shop.test"), ("x-forwarded-prefix", "/v2")];
    let host = [("host", "evil.test")];
    for (name, site, path, htu, peer, fields, expected) in [
        ("the resource", &site, "/orders", "https://api.test/orders", ANYONE, &[][..], "200"),
        ("another Host", &site, "/orders", "https://api.test/orders", ANYONE, &host, "200"),
        ("for another Host", &site, "/orders", "https://evil.test/orders", ANYONE, &host, WRONG),
        ("forwarded by anyone", &site, "/orders", "https://shop.test/v2/orders", PROXY, &forwarded, WRONG),
        ("a query", &site, "/orders?a=b", "https://api.test/orders", ANYONE, &[], "200"),
        ("a query in both", &site, "/orders?a=b", "https://api.test/orders?a=c", ANYONE, &[], "200"),
        ("escaped path", &site, "/a%2Fb", "https://api.test/a%2fb", ANYONE, &[], "200"),
        ("escaped path, decoded", &site, "/a%2Fb", "https://api.test/a/b", ANYONE, &[], WRONG),
        ("needless escapes", &site, "/%6Frders", "https://api.test/orders", ANYONE, &[], "200"),
        ("stripped prefix", &fixed, "/orders", "https://shop.test/v1/orders", ANYONE, &[], "200"),
        ("as it arrives", &fixed, "/orders", "https://shop.test/orders", ANYONE, &[], WRONG),
        ("the resource identifier", &fixed, "/orders", "https://api.test/orders", ANYONE, &[], WRONG),
        ("fixed, forwarded", &fixed, "/orders", "https://shop.test/v2/orders", PROXY, &forwarded, WRONG),
        ("told", &told_by, "/orders", "https://shop.test/v2/orders", PROXY, &forwarded, "200"),
        (
            "told, for the configured one",
            &told_by,
            "/orders",
            "https://api.test/orders",
            PROXY,
            &forwarded,
            WRONG,
        ),
        ("told by anyone", &told_by, "/orders", "https://shop.test/v2/orders", ANYONE, &forwarded, WRONG),
        (
            "told by anyone, ignored",
            &told_by,
            "/orders",
            "https://api.test/orders",
            ANYONE,
            &forwarded,
            "200",
        ),
    ] {
        let answer = ask(&site.app, request(site, path, htu, peer, fields)).await;
        assert_eq!(told_at_any_address(&answer), expected, "{name}");
    }
}

/// As [`told`], where the metadata is elsewhere.
fn told_at_any_address(answer: &crate::support::Answer) -> String {
    match answer.rejection() {
        None => answer.status().as_str().to_owned(),
        Some(why) => {
            let challenge = why.challenge().unwrap().to_str().unwrap();
            assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\""), "{challenge}");
            format!("{} DPoP invalid_dpop_proof {}", answer.status().as_str(), why.reason().code())
        }
    }
}

#[tokio::test]
async fn promise_16_nested_routers_are_at_their_whole_path() {
    let site = Site::new(Dpop::required());
    let who = |_: Identity| async { "ok" };
    let inner = Router::new().route("/orders", any(who)).layer(site.api.layer().expose_rejection(true));
    let app = Router::new().nest("/shop", inner);
    for (name, htu, expected) in [
        ("as the client knows it", "https://api.test/shop/orders", "200"),
        ("as the inner router knows it", "https://api.test/orders", WRONG),
    ] {
        let answer = ask(&app, request(&site, "/shop/orders", htu, ANYONE, &[])).await;
        assert_eq!(told(&answer), expected, "{name}");
    }
}

#[tokio::test]
async fn each_method_has_its_own_proof() {
    let site = Site::new(Dpop::required());
    for (method, htm, expected) in [
        ("POST", "POST", "200"),
        ("DELETE", "DELETE", "200"),
        ("PATCH", "PATCH", "200"),
        ("HEAD", "HEAD", "200"),
        ("HEAD", "GET", "401 DPoP invalid_dpop_proof proof_wrong_method"),
        ("POST", "GET", "401 DPoP invalid_dpop_proof proof_wrong_method"),
        ("GET", "POST", "401 DPoP invalid_dpop_proof proof_wrong_method"),
    ] {
        let mut request = crate::support::request(method.parse().unwrap(), "/orders", None);
        site.key.proof(htm, crate::URL, &site.token, site.issuer.now()).send(request.headers_mut());
        assert_eq!(site.told(request).await, expected, "{method} with a proof for {htm}");
    }
}

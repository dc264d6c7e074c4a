//! Tokens: bound to a certificate, to a key, to both, to what is not known, and to nothing; with a layer, a guard, and
//! by hand.

use axum::{Router, routing::get};
use serde_json::{Value, json};
use tower_resource_server::{
    Authentication, ClientCertificate, Dpop, IdTokenExpectations, Mtls, ResourceServerBuilder,
    error::TokenError,
    policy::sender_constrained,
    profile::TokenProfile,
    test_util::{Defect, DpopKey},
};

use crate::{Peer, Site, bound, certificate, support, told};

const SENDER: &str = "401 Bearer invalid_token sender_constrained";
const UNBOUND: &str = "401 Bearer invalid_token not_sender_constrained";
const MISSING: &str = "401 Bearer invalid_token certificate_missing";
const WRONG: &str = "401 Bearer invalid_token wrong_certificate";

/// What a token is bound to, what the client shows, and what is told where others are taken and where they are not.
#[tokio::test]
async fn promise_8_every_way_in_which_a_token_is_bound_must_hold() {
    let other = certificate("other.test");
    for (mtls, required) in [(Mtls::allowed(), false), (Mtls::required(), true)] {
        for site in Site::hit_and_miss(mtls).await {
            let own = ClientCertificate::from_der(&site.der);
            let thumbprint = own.thumbprint();
            let upper = thumbprint.to_uppercase();
            let padded = format!("{thumbprint}=");
            let (der, none) = (Some(&site.der), None);
            let bearer = if required { UNBOUND } else { "200 unbound" };
            for (name, cnf, shown, expected) in [
                ("its own", json!({"x5t#S256": thumbprint}), der, "200 bound"),
                ("another", json!({"x5t#S256": thumbprint}), Some(&other), WRONG),
                ("no certificate", json!({"x5t#S256": thumbprint}), none, MISSING),
                ("a thumbprint in upper case", json!({"x5t#S256": upper}), der, WRONG),
                ("a thumbprint with padding", json!({"x5t#S256": padded}), der, WRONG),
                ("a thumbprint with a space", json!({"x5t#S256": format!(" {thumbprint}")}), der, WRONG),
                ("half a thumbprint", json!({"x5t#S256": &thumbprint[..22]}), der, WRONG),
                ("an empty thumbprint", json!({"x5t#S256": ""}), der, WRONG),
                ("an empty thumbprint and no certificate", json!({"x5t#S256": ""}), none, MISSING),
                ("a digest in hexadecimal", json!({"x5t#S256": crate::forms::hash(&site.der)}), der, WRONG),
                ("a list", json!({"x5t#S256": [thumbprint]}), der, SENDER),
                ("null", json!({"x5t#S256": null}), der, SENDER),
                ("a number", json!({"x5t#S256": 7}), der, SENDER),
                ("SHA-1", json!({"x5t": thumbprint}), der, SENDER),
                ("the name in lower case", json!({"x5t#s256": thumbprint}), der, SENDER),
                ("a key", json!({"jkt": thumbprint}), der, SENDER),
                ("a key besides", json!({"x5t#S256": thumbprint, "jkt": "a"}), der, SENDER),
                ("a whole key besides", json!({"x5t#S256": thumbprint, "jwk": {"kty": "EC"}}), der, SENDER),
                ("a name of a key besides", json!({"x5t#S256": thumbprint, "kid": "a"}), der, SENDER),
                ("what is not known besides", json!({"x5t#S256": thumbprint, "x": 1}), der, SENDER),
                ("a null besides", json!({"x5t#S256": thumbprint, "jkt": null}), der, SENDER),
                ("what is not known", json!({"x": thumbprint}), der, SENDER),
                ("nothing", json!({}), der, SENDER),
                ("null for all", Value::Null, der, SENDER),
                ("a text for all", json!(thumbprint), der, SENDER),
                ("a list for all", json!([{"x5t#S256": thumbprint}]), der, SENDER),
            ] {
                let token = site.issuer.access_token("alice").claim("cnf", cnf).mint().unwrap();
                for time in ["first", "again"] {
                    let request = match shown {
                        Some(der) => site.shown(der, &token),
                        None => site.sent(Peer::Client, &token, &[]),
                    };
                    assert_eq!(site.told(request).await, expected, "{name}, {time}, required: {required}");
                }
            }
            let token = site.bearer();
            assert_eq!(site.told(site.sent(Peer::Client, &token, &[])).await, bearer, "required: {required}");
            assert_eq!(site.told(site.shown(&site.der, &token)).await, bearer, "required: {required}");
        }
    }
}

#[tokio::test]
async fn promise_8_a_hit_is_as_good_as_the_certificate_of_its_own_request() {
    let other = certificate("other.test");
    let site = Site::new(Mtls::allowed());
    for (name, shown, expected) in [
        ("the first", Some(&site.der), "200 bound"),
        ("the thief without", None, MISSING),
        ("the thief with another", Some(&other), WRONG),
        ("the client again", Some(&site.der), "200 bound"),
    ] {
        let request = match shown {
            Some(der) => site.shown(der, &site.token),
            None => site.sent(Peer::Client, &site.token, &[]),
        };
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

#[tokio::test]
async fn other_defects_are_told_before_and_the_scheme_stays_bearer() {
    let site = Site::new(Mtls::required());
    for defect in Defect::ALL.iter().filter(|defect| **defect != Defect::SenderConstrained) {
        let token = site.issuer.broken(*defect);
        let with = site.told(site.shown(&site.der, &token)).await;
        let without = site.told(site.sent(Peer::Client, &token, &[])).await;
        assert_eq!(with, without, "{defect:?}");
        assert!(
            with.starts_with("401 Bearer invalid_token ") || with.starts_with("400 Bearer "),
            "{defect:?}: {with}"
        );
    }
    let anonymous = site.app.clone();
    let answer = support::ask(&anonymous, support::get("/orders", None)).await;
    assert_eq!(told(&answer), "401 Bearer - no_credentials");
}

/// Both ways at once: the setting of each, what the token is bound to, and what comes with it.
#[tokio::test]
async fn promise_8_a_key_and_a_certificate_must_both_hold() {
    let (key, other_key) = (DpopKey::new(), DpopKey::new());
    let other = certificate("other.test");
    type Settings = fn(ResourceServerBuilder) -> ResourceServerBuilder;
    let both: Settings = |server| server.mtls(Mtls::allowed()).dpop(Dpop::allowed());
    let key_required: Settings = |server| server.mtls(Mtls::allowed()).dpop(Dpop::required());
    let both_required: Settings = |server| server.mtls(Mtls::required()).dpop(Dpop::required());
    let certificate_required: Settings = |server| server.mtls(Mtls::required()).dpop(Dpop::allowed());
    for (name, settings, by_key, by_certificate, proof_of, shown, expected) in [
        ("both hold", both, true, true, Some(&key), "own", "200 bound"),
        ("both hold where both must", both_required, true, true, Some(&key), "own", "200 bound"),
        ("the key alone", both, true, true, Some(&key), "none", "401 DPoP invalid_token certificate_missing"),
        (
            "the key, another certificate",
            both,
            true,
            true,
            Some(&key),
            "other",
            "401 DPoP invalid_token wrong_certificate",
        ),
        ("the certificate alone", both, true, true, None, "own", SENDER),
        (
            "the certificate, another key",
            both,
            true,
            true,
            Some(&other_key),
            "own",
            "401 DPoP invalid_token proof_wrong_key",
        ),
        ("neither", both, true, true, None, "none", MISSING),
        ("bound to the key", both, true, false, Some(&key), "none", "200 unbound"),
        ("bound to the key, with a certificate", both, true, false, Some(&key), "own", "200 unbound"),
        ("bound to the certificate", both, false, true, None, "own", "200 bound"),
        ("bound to the certificate, with a proof", both, false, true, Some(&key), "own", {
            "401 DPoP invalid_token not_sender_constrained"
        }),
        (
            "bound to the certificate where a key must be",
            key_required,
            false,
            true,
            None,
            "own",
            "401 DPoP - no_credentials",
        ),
        ("bound to both where a key must be", key_required, true, true, Some(&key), "own", "200 bound"),
        ("bound to the key where both must be", both_required, true, false, Some(&key), "own", {
            "401 DPoP invalid_token not_sender_constrained"
        }),
        (
            "bound to the key where a certificate must be",
            certificate_required,
            true,
            false,
            Some(&key),
            "own",
            { "401 DPoP invalid_token not_sender_constrained" },
        ),
        (
            "bound to both where a certificate must be",
            certificate_required,
            true,
            true,
            Some(&key),
            "own",
            "200 bound",
        ),
        ("bound to nothing", both, false, false, None, "own", "200 unbound"),
        (
            "bound to nothing where a certificate must be",
            certificate_required,
            false,
            false,
            None,
            "own",
            UNBOUND,
        ),
    ] {
        let site = Site::with(settings);
        let mut token = site.issuer.access_token("alice");
        if by_key {
            token = token.bound_to_key(key.thumbprint());
        }
        if by_certificate {
            token = bound(token, &site.der);
        }
        let token = token.mint().unwrap();
        for time in ["first", "again"] {
            let mut request = match shown {
                "own" => site.shown(&site.der, &token),
                "other" => site.shown(&other, &token),
                _ => site.sent(Peer::Client, &token, &[]),
            };
            if let Some(proof_of) = proof_of {
                let proof =
                    proof_of.proof("GET", "https://api.test/orders", &token, site.issuer.now()).sign();
                request.headers_mut().insert("authorization", format!("DPoP {token}").parse().unwrap());
                request.headers_mut().insert("dpop", proof.parse().unwrap());
            }
            assert_eq!(site.told(request).await, expected, "{name}, {time}");
        }
    }
}

#[tokio::test]
async fn tokens_by_themselves_come_without_a_certificate() {
    let site = Site::new(Mtls::allowed());
    let required = site.beside(|server| server.mtls(Mtls::required()));
    let bearer = site.bearer();
    for (name, site, token, expected) in [
        ("bound", &site, &site.token, Err("certificate_missing")),
        ("bearer", &site, &bearer, Ok(())),
        ("bound where it must be", &required, &site.token, Err("certificate_missing")),
        ("bearer where it must be bound", &required, &bearer, Err("not_sender_constrained")),
    ] {
        let api = &site.api;
        // So that it is in the cache.
        site.told(site.shown(&site.der, token)).await;
        let by_hand = api.verify_access_token(token).await.map(|_| ()).map_err(|why| why.reason().code());
        assert_eq!(by_hand, expected, "{name}");
        assert_eq!(api.verify_now(token).map(|_| ()).map_err(|why| why.reason().code()), expected, "{name}");
        assert_eq!(api.try_verify_cached(token).is_some(), expected.is_ok(), "{name}");
        let explained = api.explain(token).await;
        assert_eq!(explained.error().map(TokenError::code), expected.err(), "{name}: {explained}");
        assert_eq!(explained.is_valid(), expected.is_ok(), "{name}: {explained}");
    }
}

#[tokio::test]
async fn by_hand_a_head_says_which_certificate_was_shown() {
    let site = Site::new(Mtls::required());
    let (good, _) = site.shown(&site.der, &site.token).into_parts();
    let Ok(Authentication::Verified(who)) = site.api.authenticate(&good).await else {
        panic!("not verified")
    };
    assert_eq!(who.certificate_thumbprint(), Some(ClientCertificate::from_der(&site.der).thumbprint()));
    assert_eq!(who.key_thumbprint(), None);
    let (bad, _) = site.sent(Peer::Client, &site.token, &[]).into_parts();
    assert_eq!(site.api.authenticate(&bad).await.unwrap_err().reason().code(), "certificate_missing");
}

#[tokio::test]
async fn operations_may_demand_a_bound_token_and_others_not() {
    let site = Site::new(Mtls::allowed());
    let app = Router::new().route("/orders", get(async || "in"));
    let app = app.layer(site.api.guard(sender_constrained()).expose_rejection(true));
    let site = Site { app, ..site };
    let bearer = site.bearer();
    for (name, request, expected) in [
        ("bound", site.shown(&site.der, &site.token), "200 in"),
        ("bearer", site.shown(&site.der, &bearer), "403 Bearer insufficient_scope insufficient_scope"),
        ("bound, without its certificate", site.sent(Peer::Client, &site.token, &[]), MISSING),
    ] {
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_guard_takes_what_the_layer_found() {
    let site = Site::new(Mtls::required());
    let app = Router::new().route("/orders", get(async || "in")).layer(site.api.guard(sender_constrained()));
    let site = Site { app: app.layer(site.api.layer().expose_rejection(true)), ..site };
    assert_eq!(site.told(site.shown(&site.der, &site.token)).await, "200 in");
    assert_eq!(site.told(site.sent(Peer::Client, &site.token, &[])).await, MISSING);
}

#[tokio::test]
async fn a_token_that_counts_once_may_be_bound() {
    let issuer = crate::TestIssuer::new();
    let profile = TokenProfile::rfc9068().single_use("jti");
    let keys = tower_resource_server::keys::KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let trusted = tower_resource_server::TrustedIssuer::with_keys(issuer.issuer(), keys, profile);
    let api = tower_resource_server::ResourceServer::builder(issuer.audience())
        .realm("shop")
        .issuer(trusted)
        .clock(issuer.clock().clone())
        .mtls(Mtls::required())
        .build()
        .unwrap();
    let site = Site::of(issuer, certificate("client.test"), |server| server.mtls(Mtls::required()));
    let app = Router::new().route("/orders", get(async || "in")).layer(api.layer().expose_rejection(true));
    let site = Site { app, ..site };
    let token = bound(site.issuer.access_token("alice").claim("jti", "a"), &site.der).mint().unwrap();
    for (name, request, expected) in [
        ("without its certificate nothing is spent", site.sent(Peer::Client, &token, &[]), MISSING),
        ("the first", site.shown(&site.der, &token), "200 in"),
        ("the second", site.shown(&site.der, &token), "401 Bearer invalid_token already_used"),
    ] {
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

#[tokio::test]
async fn an_id_token_is_bound_to_nothing() {
    let issuer = crate::TestIssuer::new();
    let client = issuer.client_id().to_owned();
    let settings = |server: ResourceServerBuilder| server.mtls(Mtls::required()).client_id(client);
    let site = Site::of(issuer, certificate("client.test"), settings);
    let token = site.issuer.id_token("alice").mint().unwrap();
    let who = site.api.verify_id_token(&token, IdTokenExpectations::new()).await.unwrap();
    assert_eq!((who.subject(), who.certificate_thumbprint()), ("alice", None));
}

#[tokio::test]
async fn the_metadata_says_so() {
    for (name, settings, expected) in [
        ("without", None, Value::Null),
        ("allowed", Some(Mtls::allowed()), json!(true)),
        ("required", Some(Mtls::required()), json!(true)),
    ] {
        let site = Site::with(|server| server.mtls(settings));
        let response = tower::ServiceExt::oneshot(
            site.api.metadata_service::<bytes::Bytes>(),
            http::Request::get(site.api.metadata_path().unwrap()).body(()).unwrap(),
        );
        let document: Value = serde_json::from_slice(response.await.unwrap().body()).unwrap();
        assert_eq!(document["tls_client_certificate_bound_access_tokens"], expected, "{name}: {document}");
    }
}

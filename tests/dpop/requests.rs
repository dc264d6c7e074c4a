//! Schemes, fields and tokens: which combinations are taken, and in which scheme the others are refused.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use tower_resource_server::{
    Dpop, Identity, ResourceServer,
    policy::{scope, sender_constrained},
    test_util::Defect,
};

use crate::{Site, hit_and_miss, support::request, told, with_fields, with_proof};

/// What is sent, and what is told where bearer tokens are taken beside, and where they are not.
pub(crate) type Row = (&'static str, Request<Body>, &'static str, &'static str);

pub(crate) fn rows(site: &Site) -> Vec<Row> {
    // RFC 9449 section 7.1: what section 4.3 makes of a proof is one error, the number of its fields included.
    const SEVERAL: &str = "401 DPoP invalid_dpop_proof proof_several";
    const MALFORMED: &str = "400 DPoP invalid_request invalid_request";
    const MISSING: &str = "401 DPoP invalid_dpop_proof proof_missing";
    /// What is no credential where only bound tokens are taken.
    const NONE: &str = "401 DPoP -";
    const NEITHER: &str = "401 Bearer - DPoP -";
    const WITH_PROOF: &str = "400 Bearer invalid_request invalid_request";
    const AS_BEARER: &str = "401 Bearer invalid_token sender_constrained";
    const UNBOUND: &str = "401 DPoP invalid_token not_sender_constrained";
    let bound = &site.token;
    let bearer = site.issuer.access_token("alice").mint().unwrap();
    let fresh = |token: &str| site.key.proof("GET", crate::URL, token, site.issuer.now()).sign();
    let both = |scheme: &str, token: &str| {
        let authorization = format!("{scheme} {token}");
        with_fields(&[("authorization", &authorization), ("dpop", &fresh(token))])
    };
    let alone = |scheme: &str, token: &str| with_fields(&[("authorization", &format!("{scheme} {token}"))]);
    let (first, second) = (fresh(bound), fresh(bound));
    let dpop = format!("DPoP {bound}");
    vec![
        ("nothing", with_fields(&[]), NEITHER, NONE),
        ("a proof alone", with_fields(&[("dpop", &fresh(bound))]), NEITHER, NONE),
        ("another scheme", alone("Basic", "dTpw"), NEITHER, NONE),
        ("another scheme with a proof", both("Basic", "dTpw"), NEITHER, NONE),
        ("bound, with its proof", both("DPoP", bound), "200", "200"),
        ("the scheme in lower case", both("dpop", bound), "200", "200"),
        ("the scheme in upper case", both("DPOP", bound), "200", "200"),
        ("two spaces", both("DPoP ", bound), "200", "200"),
        ("a longer scheme", both("DPoPs", bound), NEITHER, NONE),
        ("bound, without a proof", alone("DPoP", bound), MISSING, MISSING),
        (
            "bound, two proofs",
            with_fields(&[("authorization", &dpop), ("dpop", &first), ("dpop", &second)]),
            { SEVERAL },
            SEVERAL,
        ),
        (
            "bound, one proof twice",
            with_fields(&[("authorization", &dpop), ("dpop", &first), ("dpop", &first)]),
            { SEVERAL },
            SEVERAL,
        ),
        ("bound, as bearer", alone("Bearer", bound), AS_BEARER, NONE),
        ("bound, as bearer with its proof", both("Bearer", bound), WITH_PROOF, NONE),
        ("bearer", alone("Bearer", &bearer), "200", NONE),
        ("bearer with a proof", both("Bearer", &bearer), WITH_PROOF, NONE),
        ("bearer under DPoP, with a proof", both("DPoP", &bearer), UNBOUND, UNBOUND),
        ("bearer under DPoP, without a proof", alone("DPoP", &bearer), UNBOUND, UNBOUND),
        (
            "two fields",
            with_fields(&[("authorization", &dpop), ("authorization", &dpop), ("dpop", &first)]),
            { "400 DPoP invalid_request invalid_request" },
            MALFORMED,
        ),
        (
            "two schemes",
            with_fields(&[("authorization", &dpop), ("authorization", "Bearer a"), ("dpop", &first)]),
            { "400 DPoP invalid_request invalid_request" },
            MALFORMED,
        ),
        (
            "the scheme alone",
            with_fields(&[("authorization", "DPoP"), ("dpop", &first)]),
            MALFORMED,
            MALFORMED,
        ),
        ("a comma behind the token", both("DPoP", &format!("{bound},")), MALFORMED, MALFORMED),
        ("two tokens", both("DPoP", &format!("{bound} {bound}")), MALFORMED, MALFORMED),
        ("garbage", both("DPoP", "garbage"), "401 DPoP invalid_token malformed", {
            "401 DPoP invalid_token malformed"
        }),
    ]
}

#[tokio::test]
async fn promise_8_each_request_is_told_what_it_may_not_do_in_its_own_scheme() {
    let allowed = hit_and_miss(Dpop::allowed()).await;
    let required = hit_and_miss(Dpop::required()).await;
    for (n, sites) in [allowed, required].iter().enumerate() {
        for site in sites {
            for (name, request, allowed, required) in rows(site) {
                let expected = if n == 0 { allowed } else { required };
                assert_eq!(site.told(request).await, expected, "{name}, {n}");
            }
        }
    }
}

#[tokio::test]
async fn promise_8_a_server_without_dpop_takes_no_bound_token_and_looks_at_no_proof() {
    let site = Site::with(|server| server);
    let bearer = site.issuer.access_token("alice").mint().unwrap();
    let bearer = format!("Bearer {bearer}");
    let bound = format!("Bearer {}", site.token);
    for (name, request, expected) in [
        ("bound, as bearer", with_fields(&[("authorization", &bound)]), {
            "401 Bearer invalid_token sender_constrained"
        }),
        ("bound, with its proof", with_proof(&site.proof()), "401 Bearer -"),
        ("bearer", with_fields(&[("authorization", &bearer)]), "200"),
        (
            "bearer with two proofs",
            with_fields(&[("authorization", &bearer), ("dpop", "x"), ("dpop", "y")]),
            { "200" },
        ),
    ] {
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

#[tokio::test]
async fn promise_8_a_token_is_bound_by_what_can_be_checked_or_refused() {
    const REFUSED: &str = "401 DPoP invalid_token sender_constrained";
    const UNBOUND: &str = "401 DPoP invalid_token not_sender_constrained";
    let site = Site::new(Dpop::allowed());
    let jkt = site.key.thumbprint();
    let other = tower_resource_server::test_util::DpopKey::new().thumbprint();
    let wrong_key = "401 DPoP invalid_token proof_wrong_key";
    for (name, cnf, expected) in [
        ("jkt", json!({"jkt": jkt}), "200"),
        ("jkt of another key", json!({"jkt": other}), wrong_key),
        ("jkt with padding", json!({"jkt": format!("{jkt}=")}), wrong_key),
        ("jkt in lower case", json!({"jkt": jkt.to_lowercase()}), wrong_key),
        ("jkt empty", json!({"jkt": ""}), wrong_key),
        ("jkt an array", json!({"jkt": [jkt]}), REFUSED),
        ("jkt null", json!({"jkt": null}), REFUSED),
        ("jkt and a certificate", json!({"jkt": jkt, "x5t#S256": "AAAA"}), REFUSED),
        ("jkt and an unknown method", json!({"jkt": jkt, "xyz": "AAAA"}), REFUSED),
        ("jkt and an unknown object", json!({"jkt": jkt, "jwk": {}}), REFUSED),
        ("jkt and null", json!({"jkt": jkt, "kid": null}), REFUSED),
        ("a certificate alone", json!({"x5t#S256": "AAAA"}), REFUSED),
        ("a key by its name", json!({"kid": "key-1"}), REFUSED),
        ("a key itself", json!({"jwk": site.key.signing_key().public_jwk()}), REFUSED),
        ("jkt in another case", json!({"JKT": jkt}), REFUSED),
        ("nothing in it", json!({}), REFUSED),
        ("a text", json!(jkt), REFUSED),
        ("an array", json!([{"jkt": jkt}]), REFUSED),
        ("null", Value::Null, REFUSED),
        ("nothing at all", Value::Bool(true), REFUSED),
    ] {
        let token = site.issuer.access_token("alice").claim("cnf", cnf.clone()).mint().unwrap();
        // White space in the payload takes the other reader of JSON.
        let spaced = {
            let claims = json!({
                "iss": site.issuer.issuer(), "aud": site.issuer.audience(), "sub": "alice", "cnf": cnf,
                "client_id": "web", "iat": site.issuer.now().as_secs(), "jti": "x",
                "exp": site.issuer.now().as_secs() + 60,
            });
            let text = serde_json::to_string_pretty(&claims).unwrap();
            site.issuer.sign_raw(r#"{"typ":"at+jwt","alg":"ES256","kid":"key-1"}"#, text.as_bytes())
        };
        for token in [token, spaced] {
            for _ in 0..2 {
                let proof = site.key.proof("GET", crate::URL, &token, site.issuer.now());
                assert_eq!(site.told_of(&proof).await, expected, "{name}");
            }
            // Whatever it is bound by, it is no bearer token.
            let bearer = with_fields(&[("authorization", &format!("Bearer {token}"))]);
            assert_eq!(site.told(bearer).await, "401 Bearer invalid_token sender_constrained", "{name}");
        }
    }
    let bearer = site.issuer.access_token("alice").mint().unwrap();
    let proof = site.key.proof("GET", crate::URL, &bearer, site.issuer.now());
    assert_eq!(site.told_of(&proof).await, UNBOUND, "no cnf");
}

#[tokio::test]
async fn promise_8_a_token_by_itself_is_a_bearer_token() {
    let site = Site::new(Dpop::allowed());
    let required = site.beside(|server| server.dpop(Dpop::required()));
    let bearer = site.issuer.access_token("alice").mint().unwrap();
    assert_eq!(site.told_of(&site.proof()).await, "200", "the token is in the cache now");
    let code = |api: &ResourceServer, token: &str| {
        api.verify_now(token).map(drop).map_err(|refused| refused.reason().code())
    };
    for (name, api, token, expected) in [
        ("bearer", &site.api, &bearer, Ok(())),
        ("bound", &site.api, &site.token, Err("sender_constrained")),
        ("bearer where only bound ones are taken", &required.api, &bearer, Err("not_sender_constrained")),
        ("bound where only bound ones are taken", &required.api, &site.token, Err("sender_constrained")),
    ] {
        assert_eq!(code(api, token), expected, "{name}");
        let awaited = api.verify_access_token(token).await.map(drop);
        assert_eq!(awaited.map_err(|refused| refused.reason().code()), expected, "{name}");
        assert_eq!(api.try_verify_cached(token).is_some(), expected.is_ok(), "{name}");
        let explained = api.explain(token).await;
        assert_eq!(explained.is_valid(), expected.is_ok(), "{name}: {explained}");
        let why = explained.reason.as_ref().map(tower_resource_server::http::Reason::code);
        assert_eq!(why, expected.err(), "{name}");
        assert_eq!(explained.failed().count(), usize::from(expected.is_err()), "{name}: {explained}");
    }
    // By hand, with the head of a request.
    let head = |request: Request<Body>| request.into_parts().0;
    let good = site.api.authenticate(&head(with_proof(&site.proof()))).await.unwrap();
    assert_eq!(good.identity().unwrap().key_thumbprint(), Some(&*site.key.thumbprint()));
    let again = with_proof(&site.proof().claim("jti", "x"));
    assert!(site.api.authenticate(&head(with_proof(&site.proof().claim("jti", "x")))).await.is_ok());
    let replayed = site.api.authenticate(&head(again)).await.unwrap_err();
    assert_eq!(replayed.reason().code(), "proof_replayed");
    assert!(replayed.challenge().unwrap().to_str().unwrap().starts_with("DPoP error=\"invalid_dpop_proof\""));
}

#[tokio::test]
async fn a_bad_token_is_refused_before_its_proof_is_looked_at() {
    let site = Site::new(Dpop::allowed());
    let good = site.issuer.access_token("alice").bound_to_key(site.key.thumbprint());
    for defect in Defect::ALL.iter().filter(|defect| **defect != Defect::SenderConstrained) {
        let token = site.issuer.broken_from(&good, *defect);
        let authorization = format!("DPoP {token}");
        let request = with_fields(&[("authorization", &authorization), ("dpop", "garbage")]);
        let told = site.told(request).await;
        let is_refused = told.starts_with("401 DPoP invalid_token ") || told.starts_with("400 DPoP ");
        assert!(is_refused && !told.contains("proof"), "{defect}: {told}");
    }
}

#[tokio::test]
async fn promise_14_an_operation_may_require_what_the_server_allows() {
    let site = Site::new(Dpop::allowed());
    let bearer = format!("Bearer {}", site.issuer.access_token("alice").mint().unwrap());
    let ask = |request| crate::support::ask(&site.app, request);
    assert_eq!(told(&ask(with_fields(&[("authorization", &bearer)])).await), "200");
    let guarded = axum::Router::new()
        .route("/orders", axum::routing::get(|| async { "ok" }))
        .layer(site.api.guard(sender_constrained()).expose_rejection(true));
    let behind = guarded.clone().layer(site.api.layer());
    for app in [guarded, behind] {
        let refused = crate::support::ask(&app, with_fields(&[("authorization", &bearer)])).await;
        assert_eq!(told(&refused), "403 Bearer insufficient_scope insufficient_scope");
        assert_eq!(told(&crate::support::ask(&app, with_proof(&site.proof())).await), "200");
    }
}

/// RFC 9449 section 7.1: what is refused late is refused in the scheme that the client used, too.
#[tokio::test]
async fn promise_14_a_refusal_by_hand_is_in_the_scheme_of_the_request() {
    let site = Site::new(Dpop::allowed());
    let bearer = format!("Bearer {}", site.issuer.access_token("alice").mint().unwrap());
    let by_hand = |who: Identity| async move { who.require(&scope("orders")).map(|()| "ok") };
    let app = axum::Router::new()
        .route("/by_hand", axum::routing::get(by_hand))
        .route("/guarded", axum::routing::get(|| async { "ok" }).layer(site.api.guard(scope("orders"))))
        .layer(site.api.layer());
    for path in ["/by_hand", "/guarded"] {
        let url = format!("https://api.test{path}");
        let proof = site.key.proof("GET", &url, &site.token, site.issuer.now()).sign();
        let with_proof = [("authorization", &*format!("DPoP {}", site.token)), ("dpop", &*proof)];
        for (fields, expected) in [
            (&with_proof[..], r#"DPoP error="insufficient_scope""#),
            (&[("authorization", &*bearer)], r#"Bearer error="insufficient_scope""#),
        ] {
            let mut request = with_fields(fields);
            *request.uri_mut() = path.parse().unwrap();
            let refused = crate::support::ask(&app, request).await;
            assert_eq!(refused.status(), 403, "{path}");
            let challenge = refused.challenge().unwrap();
            assert!(challenge.starts_with(expected), "{path}: {challenge}");
        }
    }
}

#[tokio::test]
async fn promise_9_an_optional_layer_lets_no_bad_proof_pass() {
    let site = Site::new(Dpop::allowed());
    let app = axum::Router::new()
        .route("/orders", axum::routing::any(|| async { "ok" }))
        .layer(site.api.layer().optional(true).expose_rejection(true));
    let ask = async |request| told(&crate::support::ask(&app, request).await);
    assert_eq!(ask(request(Method::GET, "/orders", None)).await, "200");
    assert_eq!(ask(with_proof(&site.proof())).await, "200");
    let bad = with_proof(&site.proof().without("ath"));
    assert_eq!(ask(bad).await, "401 DPoP invalid_dpop_proof proof_wrong_token_hash");
    let missing = with_fields(&[("authorization", &format!("DPoP {}", site.token))]);
    assert_eq!(ask(missing).await, "401 DPoP invalid_dpop_proof proof_missing");
}

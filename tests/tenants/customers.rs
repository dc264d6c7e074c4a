//! An unsigned token does not find out who the tenants are.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{Arc, RwLock},
};

use bytes::Bytes;
use http::{
    Request, Response, Version,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::{
    IdTokenExpectations, ResourceServer, TrustedIssuer, http::Json, policy::claim, profile::TokenProfile,
    test_util::TestIssuer,
};

use crate::{
    Stage, at_most,
    cloud::{Cloud, PATTERN, issuer_of, unsigned},
    token_under,
};

/// Everything that a client sees of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    /// The answer to a request with this token, and with further header fields.
    async fn to(api: &ResourceServer, token: &str, fields: &[(&'static str, &str)]) -> Self {
        let inner = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
        let mut request = Request::new(());
        *request.version_mut() = Version::HTTP_2;
        *request.method_mut() = http::Method::POST;
        let authorization = format!("Bearer {token}");
        for (name, value) in fields.iter().chain(&[(AUTHORIZATION.as_str(), &*authorization)]) {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let response = api.layer().reject_with(Json).layer(inner).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        Self {
            status: head.status.as_u16(),
            headers: head.headers.iter().map(header).collect(),
            body: String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap(),
        }
    }
}

const UNVERIFIED: &str = "the token is not signed by a trusted issuer";

/// A token in the name of an issuer that the issuer has not signed.
type Forge = Box<dyn Fn(&TestIssuer, &str) -> String>;

fn forged(header: Value, claims: Value) -> Forge {
    Box::new(move |keys, issuer| {
        unsigned(
            &keys.access_token("eve").claim("iss", issuer).mint().unwrap(),
            header.clone(),
            claims.clone(),
        )
    })
}

/// The same with this signature.
fn with_signature(signature: String) -> Forge {
    Box::new(move |keys, issuer| {
        let token = forged(json!({}), json!({}))(keys, issuer);
        let (signed, _) = token.rsplit_once('.').unwrap();
        format!("{signed}.{signature}")
    })
}

/// Such tokens of every kind, and what is said of each.
fn forgeries() -> Vec<(&'static str, Forge, &'static str)> {
    let unrelated = TestIssuer::new();
    let by_another: Forge =
        Box::new(move |_, issuer| unrelated.access_token("eve").claim("iss", issuer).mint().unwrap());
    vec![
        ("the id of a key that there is", forged(json!({}), json!({})), UNVERIFIED),
        ("the id of no key", forged(json!({ "kid": "x" }), json!({})), UNVERIFIED),
        ("no key id", forged(json!({ "kid": null }), json!({})), UNVERIFIED),
        ("signed by another issuer", by_another, UNVERIFIED),
        ("no signature at all", with_signature(String::new()), UNVERIFIED),
        ("a signature longer than any", with_signature("A".repeat(1_400)), UNVERIFIED),
        ("alg none", forged(json!({ "alg": "none" }), json!({})), "the token's algorithm is not accepted"),
        ("another type", forged(json!({ "typ": "JWT" }), json!({})), "the token is not of the accepted type"),
        ("expired", forged(json!({}), json!({ "exp": 1 })), "the token has expired"),
        ("another audience", forged(json!({}), json!({ "aud": "x" })), "the token is for another audience"),
        ("no client", forged(json!({}), json!({ "client_id": null })), "a required claim is missing"),
        (
            "bound",
            forged(json!({}), json!({ "cnf": {} })),
            "the token is bound to its sender and came without proof",
        ),
    ]
}

/// What a server knows of a tenant.
const TENANTS: [(&str, &str); 6] = [
    ("t-here", "its keys have verified tokens"),
    ("t-seen", "its keys were fetched for an unsigned token"),
    ("t-new", "it is trusted, and no token of it has come yet"),
    ("t-gone", "it was trusted once, and has keys here"),
    ("t-other", "it is a customer of the provider, and none of ours"),
    ("t-made-up", "it does not exist"),
];

/// A server that knows tenants in each of these ways.
async fn stage() -> Stage {
    let trusted = Arc::new(RwLock::new(HashSet::from(["t-here", "t-seen", "t-new", "t-gone"])));
    let known = Arc::clone(&trusted);
    let stage = Stage::new(at_most(200), |issuer: TrustedIssuer| {
        issuer.allow_tenants_if(move |tenant| known.read().unwrap().contains(tenant))
    });
    for (tenant, _) in &TENANTS[..5] {
        stage.cloud.open(tenant, &stage.keys);
    }
    for tenant in ["t-here", "t-gone"] {
        assert!(stage.verify(&stage.token(tenant)).await.is_ok());
    }
    let forged = token_under(&TestIssuer::new(), "t-seen");
    assert_eq!(stage.verify(&forged).await, Err("unverified_tenant"));
    trusted.write().unwrap().remove("t-gone");
    stage
}

#[tokio::test]
async fn a_customer_list_is_not_public() {
    let kinds: [(&str, &[(&str, &str)]); 2] =
        [("HTTP", &[]), ("gRPC", &[(CONTENT_TYPE.as_str(), "application/grpc")])];
    for (name, forge, said) in forgeries() {
        for (protocol, fields) in kinds {
            let stage = stage().await;
            let mut answers = Vec::new();
            for (tenant, state) in TENANTS {
                let token = forge(&stage.keys, &issuer_of(tenant));
                answers.push((state, Answer::to(&stage.api, &token, fields).await));
            }
            let (_, first) = &answers[0];
            assert_eq!(first.status, if protocol == "gRPC" { 200 } else { 401 }, "{name}, {protocol}");
            assert!(format!("{first:?}").contains(said), "{name}, {protocol}: {first:?}");
            for (state, answer) in &answers {
                assert_eq!(answer, first, "{name}, {protocol}: {state}");
            }
        }
    }
}

#[tokio::test]
async fn an_explanation_says_what_the_answer_does_not_and_agrees_with_it() {
    for (name, forge, _) in forgeries() {
        let stage = stage().await;
        for (tenant, state) in TENANTS {
            let token = forge(&stage.keys, &issuer_of(tenant));
            let explanation = stage.api.explain(&token).await;
            let refused = stage.api.verify_access_token(&token).await.unwrap_err();
            assert_eq!(
                explanation.reason().as_ref(),
                Some(refused.reason()),
                "{name}, {state}: {explanation}"
            );
            let is_trusted = ["t-here", "t-seen", "t-new"].contains(&tenant);
            let says = explanation.to_string().contains("the token's issuer is not trusted");
            assert_eq!(says, !is_trusted, "{name}, {state}: {explanation}");
        }
    }
    let stage = stage().await;
    for (forge, because) in [
        (forged(json!({}), json!({})), "the token's signature is invalid"),
        (forged(json!({ "kid": "x" }), json!({})), "the token was signed by an unknown key"),
    ] {
        let explanation = stage.api.explain(&forge(&stage.keys, &issuer_of("t-here"))).await;
        assert!(explanation.to_string().contains(because), "{explanation}");
    }
}

/// Where a name fits several patterns, which profile a token fails says nothing either.
#[tokio::test]
async fn a_customer_list_is_not_public_where_patterns_overlap() {
    let (cloud, keys) = (Cloud::default(), TestIssuer::new());
    let tenants = |pattern: &str, trusted: &'static str, profile: TokenProfile| {
        TrustedIssuer::tenants(pattern, profile).allow_tenants([trusted]).http_client(cloud.clone())
    };
    let strict = TokenProfile::rfc9068().rule(claim("region").equals("eu"));
    let api = ResourceServer::builder(keys.audience())
        .clock(keys.clock().clone())
        .issuer(tenants("https://login.test/{tenant}", "eu-one", TokenProfile::rfc9068()))
        .issuer(tenants("https://login.test/eu-{tenant}", "abc", strict))
        .build()
        .unwrap();
    let issuers = ["eu-abc", "eu-one", "eu-none"].map(|name| format!("https://login.test/{name}"));
    for issuer in &issuers {
        cloud.publish(issuer, &keys);
    }
    for (name, claims) in [
        ("good for both profiles", json!({ "region": "eu" })),
        ("good for one", json!({})),
        ("good for none", json!({ "exp": 1 })),
    ] {
        let forge = forged(json!({}), claims);
        for issuer in &issuers {
            let token = forge(&keys, issuer);
            let explanation = api.explain(&token).await;
            let refused = api.verify_access_token(&token).await.unwrap_err();
            assert_eq!(refused.reason().code(), "unverified_tenant", "{name}, {issuer}");
            assert_eq!(
                explanation.reason().as_ref(),
                Some(refused.reason()),
                "{name}, {issuer}: {explanation}"
            );
        }
    }
    // And each takes the tokens of its own profile.
    for (issuer, region, accepted) in [
        (&issuers[0], "eu", true),
        (&issuers[0], "us", false),
        (&issuers[1], "us", true),
        (&issuers[2], "eu", false),
    ] {
        let token =
            keys.access_token("alice").claim("iss", &**issuer).claim("region", region).mint().unwrap();
        assert_eq!(api.verify_access_token(&token).await.is_ok(), accepted, "{issuer}, {region}");
    }
}

/// An ID token alone, and an issuer that a header of the request names.
#[tokio::test]
async fn a_customer_list_is_not_public_by_other_ways_in() {
    let (cloud, keys) = (Cloud::default(), TestIssuer::new());
    let builder = || {
        let tenants =
            TrustedIssuer::tenants(PATTERN, TokenProfile::rfc9068()).allow_tenants(["t-here", "t-new"]);
        ResourceServer::builder(keys.audience())
            .clock(keys.clock().clone())
            .client_id(keys.client_id())
            .issuer(tenants.http_client(cloud.clone()))
    };
    for tenant in ["t-here", "t-new"] {
        cloud.publish(&issuer_of(tenant), &keys);
    }
    let by_header = builder().select_issuer_by(http::HeaderName::from_static("x-issuer")).build().unwrap();
    let server = builder().build().unwrap();
    let (mut of_id_tokens, mut by_headers) = (Vec::new(), Vec::new());
    for tenant in ["t-here", "t-new", "t-made-up"] {
        let issuer = issuer_of(tenant);
        let id_token = keys.id_token("alice").claim("iss", &*issuer).mint().unwrap();
        if tenant == "t-here" {
            assert!(server.verify_id_token(&id_token, IdTokenExpectations::default()).await.is_ok());
            let good = keys.access_token("alice").claim("iss", &*issuer).mint().unwrap();
            assert!(by_header.verify_access_token_of(&issuer, &good).await.is_ok());
        }
        let forged_id = unsigned(&id_token, json!({}), json!({}));
        let refused = server.verify_id_token(&forged_id, IdTokenExpectations::default()).await.unwrap_err();
        of_id_tokens.push((refused.status(), refused.challenge().cloned(), refused.reason().clone()));
        let forged = forged(json!({}), json!({}))(&keys, &issuer);
        by_headers.push(Answer::to(&by_header, &forged, &[("x-issuer", &issuer)]).await);
    }
    assert_eq!(of_id_tokens[0].2.description(), UNVERIFIED);
    assert!(by_headers[0].body.contains(UNVERIFIED), "{by_headers:?}");
    assert!(of_id_tokens.iter().all(|other| *other == of_id_tokens[0]), "{of_id_tokens:?}");
    assert!(by_headers.iter().all(|other| *other == by_headers[0]), "{by_headers:?}");
}

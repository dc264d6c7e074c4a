//! Proxies that pass on an assertion of their own.

use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::{
    ResourceServerBuilder, TrustedIssuer,
    keys::{Algorithm, KeySet},
    policy::claim,
    preset::{aws_alb, aws_verified_access, cloudflare_access, google_iap, pomerium, teleport},
    test_util::{ManualClock, TestIssuer},
};

use crate::{
    NOW,
    tables::{Table, key, unchanged},
};

const TAG: &str = "32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228";
const SERVICE: &str = "e367826f93b8d71185e03fe518aff3b4.access";
const BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
const INSTANCE: &str = "arn:aws:ec2:us-east-1:123456789012:verified-access-instance/vai-abc123xzy321a2b3c";
const AUDIENCE: &str = "/projects/123456789012/global/backendServices/4242";

fn table(
    issuer: &'static str,
    profile: tower_resource_server::profile::TokenProfile,
    algorithm: Algorithm,
) -> Table {
    let header = json!({"alg": algorithm.name(), "kid": "kid-1", "typ": "JWT"});
    Table {
        issuer,
        audience: "https://app.example",
        profile,
        algorithm,
        header,
        claims: Value::Null,
        set: unchanged,
    }
}

#[tokio::test]
async fn identity_aware_proxy() {
    let iap = Table {
        claims: json!({
            "iss": "https://cloud.google.com/iap", "aud": AUDIENCE, "sub": "accounts.google.com:118133858486581853996",
            "email": "accounts.google.com:jsmith@shop.example", "hd": "shop.example", "azp": AUDIENCE,
            "iat": NOW, "exp": NOW + 600
        }),
        ..table(google_iap::ISSUER, google_iap::assertion([AUDIENCE]), Algorithm::ES256)
    };
    assert_eq!(iap.good().await.subject(), "accounts.google.com:118133858486581853996");
    iap.check_claims(&[
        ("just within the leeway", json!({"iat": NOW - 629, "exp": NOW - 29}), None),
        ("just past it", json!({"iat": NOW - 630, "exp": NOW - 30}), Some("expired")),
        ("another backend", json!({"aud": format!("{AUDIENCE}2")}), Some("wrong_audience")),
        ("several backends", json!({"aud": [AUDIENCE]}), Some("invalid_claim")),
        ("no backend", json!({"aud": null}), Some("missing_claim")),
        ("a longer life", json!({"exp": NOW + 601}), Some("lifetime_out_of_bounds")),
        ("no beginning", json!({"iat": null}), Some("missing_claim")),
        ("no user", json!({"sub": null}), Some("missing_claim")),
        ("a token of Google itself", json!({"iss": "https://accounts.google.com"}), Some("untrusted_issuer")),
    ])
    .await;
}

#[tokio::test]
async fn users_and_service_tokens_of_cloudflare() {
    let user = json!({
        "aud": [TAG], "email": "user@example.com", "exp": NOW + 60, "iat": NOW, "nbf": NOW,
        "iss": "https://shop.cloudflareaccess.com", "type": "app", "identity_nonce": "6ei69kawdKzMIAPF",
        "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "country": "US"
    });
    let service = json!({
        "type": "app", "aud": [TAG], "exp": NOW + 60, "iss": "https://shop.cloudflareaccess.com",
        "common_name": SERVICE, "iat": NOW, "sub": ""
    });
    let issuer = "https://shop.cloudflareaccess.com";
    let users = Table {
        claims: user.clone(),
        ..table(issuer, cloudflare_access::user_token([TAG]), Algorithm::RS256)
    };
    users
        .check_claims(&[
            (
                "another application",
                json!({"aud": ["97e2aae120121f902df8bc99fc345913"]}),
                Some("wrong_audience"),
            ),
            ("no application", json!({"aud": []}), Some("wrong_audience")),
            ("the session at Cloudflare", json!({"type": "org"}), Some("invalid_claim")),
            ("of no type", json!({"type": null}), Some("missing_claim")),
            ("no user", json!({"sub": ""}), Some("invalid_claim")),
            ("a service token", json!({"common_name": SERVICE}), Some("foreign_claim")),
            ("another team", json!({"iss": "https://evil.cloudflareaccess.com"}), Some("untrusted_issuer")),
            ("not yet", json!({"nbf": NOW + 61}), Some("not_yet_valid")),
        ])
        .await;
    let services = Table {
        claims: service.clone(),
        ..table(issuer, cloudflare_access::service_token([TAG], [SERVICE]), Algorithm::RS256)
    };
    let who = services.good().await;
    assert_eq!((who.subject(), who.client_id()), (SERVICE, Some(SERVICE)));
    services
        .check_claims(&[
            ("another service", json!({"common_name": "evil.access"}), Some("invalid_claim")),
            ("no service", json!({"common_name": null}), Some("missing_claim")),
            ("an empty service", json!({"common_name": ""}), Some("invalid_claim")),
            ("a user", json!({"sub": "7335d417"}), Some("invalid_claim")),
            ("another application", json!({"aud": ["x"]}), Some("wrong_audience")),
        ])
        .await;
    // Both in one server.
    let both = Table {
        set: |issuer| {
            issuer.access_tokens_where(
                [claim("sub").equals("")],
                cloudflare_access::service_token([TAG], [SERVICE]),
            )
        },
        ..users
    };
    let subject = |claims: Value| {
        let both = &both;
        async move {
            let token = both.sign(&both.header, &claims);
            both.server().verify_access_token(&token).await.map(|who| who.subject().to_owned()).ok()
        }
    };
    assert_eq!(subject(user).await.as_deref(), Some("7335d417-61da-459d-899c-0a01c76a2f94"));
    assert_eq!(subject(service).await.as_deref(), Some(SERVICE));
}

#[tokio::test]
async fn an_application_load_balancer() {
    let alb = Table {
        header: json!({
            "alg": "ES256", "kid": "kid-1", "signer": BALANCER, "iss": "https://login.example", "client": "shop-web",
            "typ": "JWT", "exp": NOW + 120
        }),
        claims: json!({
            "sub": "1234567890", "name": "Jane", "email": "jane@shop.example", "exp": NOW + 120,
            "iss": "https://login.example"
        }),
        ..table("https://login.example", aws_alb::user_claims([BALANCER], ["shop-web"]), Algorithm::ES256)
    };
    let none = || json!({});
    alb.check(&[
        (
            "another load balancer of the region",
            json!({"signer": format!("{BALANCER}0")}),
            none(),
            Some("wrong_audience"),
        ),
        ("no signer", json!({"signer": null}), none(), Some("missing_claim")),
        ("several signers", json!({"signer": [BALANCER]}), none(), Some("invalid_claim")),
        ("signer as a claim", json!({"signer": null}), json!({"signer": BALANCER}), Some("missing_claim")),
        ("another client", json!({"client": "evil"}), none(), Some("invalid_claim")),
        ("no client", json!({"client": null}), none(), Some("missing_claim")),
        ("no key", json!({"kid": null}), none(), Some("unknown_key")),
        ("expired", none(), json!({"exp": NOW - 61}), Some("expired")),
        ("expired in the header", json!({"exp": NOW - 61}), none(), Some("expired")),
        ("no expiry", none(), json!({"exp": null}), Some("missing_claim")),
        ("another issuer", none(), json!({"iss": "https://evil.example"}), Some("untrusted_issuer")),
        ("no user", none(), json!({"sub": null}), Some("missing_claim")),
        ("without what is not needed", json!({"exp": null, "iss": null}), json!({"name": null}), None),
    ])
    .await;
    // As AWS writes it.
    let signer = TestIssuer::builder().signing_key(key(Algorithm::ES256)).build();
    let token = crate::sign_padded(&signer, &alb.header.to_string(), alb.claims.to_string().as_bytes());
    assert!(token.contains('='));
    assert!(alb.server().verify_access_token(&token).await.is_ok());
}

#[tokio::test]
async fn verified_access() {
    let provider = "https://oidc-tp.example";
    let verified = Table {
        header: json!({"alg": "ES384", "kid": "kid-1", "signer": INSTANCE, "iss": provider, "exp": NOW + 120}),
        claims: json!({
            "sub": "xyzsubject", "email": "xxx@shop.example", "email_verified": true, "groups": ["Engineering", "finance"],
            "additional_user_context": {"aud": "xxx", "exp": 1_000_000_000, "iss": "https://oidc-tp.com/"}
        }),
        set: |issuer| issuer.tokens_without_issuer(true),
        ..table(provider, aws_verified_access::user_context([INSTANCE]), Algorithm::ES384)
    };
    assert!(verified.good().await.roles().iter().any(|role| role == "finance"));
    let none = || json!({});
    let center = json!({"sub": null, "user": {"user_id": "f478d4c8-a001-7064", "user_name": "test-123"}});
    let who = verified.verify(&none(), &center).await.unwrap();
    assert_eq!(who.subject(), "f478d4c8-a001-7064");
    verified
        .check(&[
            ("another instance", json!({"signer": format!("{INSTANCE}0")}), none(), Some("wrong_audience")),
            ("no signer", json!({"signer": null}), none(), Some("missing_claim")),
            ("another issuer", json!({"iss": "https://evil.example"}), none(), Some("untrusted_issuer")),
            ("no issuer", json!({"iss": null}), none(), Some("missing_claim")),
            ("expired", json!({"exp": NOW - 60}), none(), Some("expired")),
            ("no expiry", json!({"exp": null}), none(), Some("missing_claim")),
            (
                "an expiry in the payload",
                json!({"exp": null}),
                json!({"exp": NOW + 60}),
                Some("missing_claim"),
            ),
            ("no user", none(), json!({"sub": null}), Some("missing_claim")),
            ("no key", json!({"kid": null}), none(), Some("unknown_key")),
        ])
        .await;
}

#[tokio::test]
async fn the_route_of_pomerium() {
    let route = Table {
        header: json!({"alg": "ES256", "kid": "kid-1", "typ": "JWT"}),
        claims: json!({
            "iss": "app.example", "aud": "app.example", "sub": "user-1", "user": "user-1", "email": "jane@shop.example",
            "groups": ["admins"], "jti": "8f1d", "sid": "s1", "iat": NOW, "exp": NOW + 300
        }),
        ..table("app.example", pomerium::assertion(["app.example"]), Algorithm::ES256)
    };
    assert_eq!(route.good().await.roles(), ["admins"]);
    route
        .check_claims(&[
            ("another route", json!({"aud": "other.example"}), Some("wrong_audience")),
            ("no route", json!({"aud": null}), Some("missing_claim")),
            ("with a scheme", json!({"iss": "https://app.example"}), Some("untrusted_issuer")),
            ("no date", json!({"iat": null}), Some("missing_claim")),
            ("no user", json!({"sub": null}), Some("missing_claim")),
            ("several audiences", json!({"aud": ["other.example", "app.example"]}), None),
        ])
        .await;
}

#[tokio::test]
async fn an_application_behind_teleport() {
    let application = "http://127.0.0.1:34679";
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let teleport = Table {
            claims: json!({
                "aud": [application], "iss": "shop", "nbf": NOW - 10, "iat": NOW, "sub": "alice", "username": "alice",
                "roles": ["admin"], "traits": {"logins": ["root", "ubuntu"]}, "exp": NOW + 600
            }),
            ..table("shop", teleport::assertion([application]), algorithm)
        };
        assert_eq!(teleport.good().await.roles(), ["admin"]);
        assert!(teleport.verify(&json!({"kid": null}), &json!({})).await.is_ok(), "older versions");
        teleport
            .check_claims(&[
                ("another application", json!({"aud": ["http://127.0.0.1:1"]}), Some("wrong_audience")),
                ("no application", json!({"aud": null}), Some("missing_claim")),
                ("another cluster", json!({"iss": "shop2"}), Some("untrusted_issuer")),
                ("not yet", json!({"nbf": NOW + 61}), Some("not_yet_valid")),
                ("no beginning", json!({"nbf": null}), Some("missing_claim")),
                ("no user", json!({"sub": null}), Some("missing_claim")),
            ])
            .await;
    }
}

#[cfg(feature = "remote")]
#[test]
fn the_issuers() {
    for (issuer, expected) in [
        (google_iap::proxy([AUDIENCE]), "https://cloud.google.com/iap"),
        (cloudflare_access::team("shop", [TAG]), "https://shop.cloudflareaccess.com"),
        (
            aws_alb::region("eu-central-1", "https://login.example", [BALANCER], ["a"]),
            "https://login.example",
        ),
        (
            aws_verified_access::region("us-east-1", "https://login.example", [INSTANCE]),
            "https://login.example",
        ),
        (pomerium::route("app.example"), "app.example"),
        (teleport::cluster("shop", "teleport.example", ["http://127.0.0.1:1"]), "shop"),
    ] {
        assert_eq!(crate::issuer_name(issuer), expected);
    }
    let region = aws_alb::region("evil.example/?", "https://login.example", [BALANCER], ["a"]);
    assert!(
        tower_resource_server::ResourceServer::builder("https://api.example").issuer(region).build().is_err()
    );
}

/// The fields of a request: names and values.
type Fields<'a> = &'a [(&'static str, &'a str)];

/// Each reads its own field and no other, and answers without challenges.
#[tokio::test]
async fn a_server_behind_each_proxy() {
    const APP: &str = "https://app.example";
    type Begin = fn(TrustedIssuer) -> ResourceServerBuilder;
    let servers: [(&str, Begin); 6] = [
        ("x-goog-iap-jwt-assertion", |issuer| google_iap::server(APP, issuer)),
        ("cf-access-jwt-assertion", |issuer| cloudflare_access::server(APP, issuer)),
        ("x-amzn-oidc-data", |issuer| aws_alb::server(APP, issuer)),
        ("x-amzn-ava-user-context", |issuer| aws_verified_access::server(APP, issuer)),
        ("x-pomerium-jwt-assertion", |issuer| pomerium::server(APP, issuer)),
        ("teleport-jwt-assertion", |issuer| teleport::server(APP, issuer)),
    ];
    // As AWS writes it: padding in the middle of a token passes through a field, too.
    let signer = TestIssuer::builder().signing_key(key(Algorithm::ES256).with_kid("kid-1")).build();
    let profile = aws_alb::user_claims([BALANCER], ["shop-web"]);
    let header =
        json!({"alg": "ES256", "kid": "kid-1", "signer": BALANCER, "client": "shop-web", "exp": NOW + 120});
    let claims = json!({"iss": "https://login.example", "sub": "alice", "exp": NOW + 120});
    let late = json!({"iss": "https://login.example", "sub": "alice", "exp": NOW - 120});
    let [good, late] = [claims, late]
        .map(|claims| crate::sign_padded(&signer, &header.to_string(), claims.to_string().as_bytes()));
    assert!(good.split('.').any(|part| part.ends_with('=')));
    let bearer = format!("Bearer {good}");
    for (field, begin) in servers {
        let keys = KeySet::from_jwks(signer.jwks().to_string().as_bytes()).unwrap();
        let trusted = TrustedIssuer::with_keys("https://login.example", keys, profile.clone());
        let server = begin(trusted).clock(ManualClock::default()).build().unwrap();
        let rows: [(&str, Fields<'_>, u16); 6] = [
            ("its field", &[(field, &good)], 200),
            ("no field", &[], 401),
            ("a field of another kind", &[("authorization", &bearer)], 401),
            ("another scheme of the field", &[(field, &bearer)], 400),
            ("two fields", &[(field, &good), (field, &good)], 400),
            ("expired", &[(field, &late)], 401),
        ];
        for (name, fields, expected) in rows {
            let mut request = http::Request::new(());
            for (field, value) in fields {
                request.headers_mut().append(*field, value.parse().unwrap());
            }
            let inner = service_fn(|_: http::Request<()>| async {
                Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
            });
            let answer = server.layer().layer(inner).oneshot(request).await.unwrap();
            assert_eq!(answer.status(), expected, "{field}: {name}");
            assert!(!answer.headers().contains_key("www-authenticate"), "{field}: {name}");
        }
    }
}

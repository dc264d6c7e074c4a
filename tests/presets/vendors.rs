//! Tokens that the vendors' own verifiers judge, too, written down for `tests/interop/vendors` with what is said of
//! each here.

use std::path::Path;

use serde_json::{Value, json};
use tower_resource_server::{
    keys::Algorithm,
    preset::{aws_alb, clerk, firebase, google_iap},
    profile::TokenProfile,
};

use crate::{
    NOW, patched,
    tables::{Table, unchanged},
};

const KID: &str = "12345678-1234-4234-8234-123456789012";
const BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
const BACKEND: &str = "/projects/123456789012/global/backendServices/4242";

fn table(issuer: &'static str, profile: TokenProfile, algorithm: Algorithm, claims: Value) -> Table {
    let header = json!({"alg": algorithm.name(), "kid": KID, "typ": "JWT"});
    Table { issuer, audience: "https://api.example", profile, algorithm, header, claims, set: unchanged }
}

fn iap() -> Table {
    let claims = json!({
        "iss": google_iap::ISSUER, "aud": BACKEND, "sub": "accounts.google.com:118133858486581853996",
        "email": "accounts.google.com:jsmith@shop.example", "iat": NOW, "exp": NOW + 600
    });
    table(google_iap::ISSUER, google_iap::assertion([BACKEND]), Algorithm::ES256, claims)
}

fn alb() -> Table {
    let issuer = "https://login.example";
    let claims = json!({"sub": "1234567890", "email": "jane@shop.example", "exp": NOW + 120, "iss": issuer});
    let table = table(issuer, aws_alb::user_claims([BALANCER], ["shop-web"]), Algorithm::ES256, claims);
    let more = json!({"signer": BALANCER, "iss": issuer, "client": "shop-web", "exp": NOW + 120});
    Table { header: patched(&table.header, &more), ..table }
}

fn session() -> Table {
    let issuer = "https://clerk.shop.example";
    let claims = json!({
        "azp": "https://shop.example", "exp": NOW + 60, "iat": NOW, "iss": issuer, "nbf": NOW - 10, "sid": "sess_2b",
        "sts": "active", "sub": "user_2b", "v": 2
    });
    table(issuer, clerk::session_token(["https://shop.example"]), Algorithm::RS256, claims)
}

fn user() -> Table {
    let issuer = "https://securetoken.google.com/shop-12345";
    let claims = json!({
        "iss": issuer, "aud": "shop-12345", "auth_time": NOW - 60, "user_id": "ZvFq", "sub": "ZvFq", "iat": NOW,
        "exp": NOW + 3600, "firebase": {"identities": {}, "sign_in_provider": "password"}
    });
    table(issuer, firebase::id_token("shop-12345"), Algorithm::RS256, claims)
}

type Row = (&'static str, Value, Value);

/// What holds of all of them.
fn common() -> Vec<Row> {
    let none = || json!({});
    vec![
        ("good", none(), none()),
        ("expired", none(), json!({"exp": NOW - 301})),
        ("no expiry", none(), json!({"exp": null})),
        ("another issuer", none(), json!({"iss": "https://evil.example"})),
        ("no issuer", none(), json!({"iss": null})),
        ("no algorithm", json!({"alg": "none"}), none()),
        ("a shared secret", json!({"alg": "HS256"}), none()),
        ("another key", json!({"kid": "00000000-0000-4000-8000-000000000000"}), none()),
        ("no key", json!({"kid": null}), none()),
        ("no subject", none(), json!({"sub": null})),
    ]
}

fn vendors() -> Vec<(&'static str, Table, Vec<Row>)> {
    let none = || json!({});
    vec![
        (
            "google-auth-library",
            iap(),
            vec![
                ("another backend", none(), json!({"aud": format!("{BACKEND}2")})),
                ("no backend", none(), json!({"aud": null})),
                ("no date", none(), json!({"iat": null})),
                ("from the future", none(), json!({"iat": NOW + 301, "exp": NOW + 600})),
                ("within Google's own skew", none(), json!({"exp": NOW - 100})),
                ("a longer life", none(), json!({"exp": NOW + 3600})),
            ],
        ),
        (
            "aws-jwt-verify",
            alb(),
            vec![
                ("another load balancer", json!({"signer": format!("{BALANCER}0")}), none()),
                ("no load balancer", json!({"signer": null}), none()),
                ("another client", json!({"client": "evil"}), none()),
                ("no client", json!({"client": null}), none()),
                ("a key that is no UUID", json!({"kid": "../12345678"}), none()),
                ("expired in the header", json!({"exp": NOW - 301}), none()),
                ("just expired", none(), json!({"exp": NOW - 30})),
            ],
        ),
        (
            "@clerk/backend",
            session(),
            vec![
                ("another page", none(), json!({"azp": "https://blog.shop.example"})),
                ("no page", none(), json!({"azp": null})),
                ("not yet", none(), json!({"nbf": NOW + 61})),
                ("from the future", none(), json!({"iat": NOW + 61})),
                ("of a JWT template", none(), json!({"sid": null})),
                ("pending", none(), json!({"sts": "pending"})),
            ],
        ),
        (
            "firebase-admin",
            user(),
            vec![
                ("another project", none(), json!({"aud": "shop-1"})),
                (
                    "a session cookie",
                    none(),
                    json!({"iss": "https://session.firebase.google.com/shop-12345"}),
                ),
                ("an empty subject", none(), json!({"sub": ""})),
                ("the longest subject", none(), json!({"sub": "u".repeat(128)})),
                ("a longer subject", none(), json!({"sub": "u".repeat(129)})),
                ("just expired", none(), json!({"exp": NOW - 30})),
                ("a login to come", none(), json!({"auth_time": NOW + 301})),
                ("no login", none(), json!({"auth_time": null})),
            ],
        ),
    ]
}

#[tokio::test]
async fn what_is_said_of_each_token_is_written_down_for_the_vendors() {
    let mut written = Vec::new();
    for (vendor, table, own) in vendors() {
        let (server, signer) = (table.server(), table.signer());
        let key = signer.token_issuer().signing_key();
        for (name, header, claims) in common().into_iter().chain(own) {
            let (header, claims) = (patched(&table.header, &header), patched(&table.claims, &claims));
            let token = table.sign(&header, &claims);
            let mut tokens = vec![(name.to_owned(), token.clone())];
            if name == "good" {
                // The last whole byte of the signature.
                let at = token.len() - 4;
                let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
                let broken = format!("{}{other}{}", &token[..at], &token[at + 1..]);
                tokens.push(("a bad signature".into(), broken));
                let padded = crate::sign_padded(&signer, &header.to_string(), claims.to_string().as_bytes());
                tokens.push(("padded".into(), padded));
            }
            for (name, token) in tokens {
                let verdict = server.verify_access_token(&token).await;
                let code = verdict.err().map(|refused| refused.reason().code().to_owned());
                assert!(name != "good" || code.is_none(), "{vendor}: {code:?}");
                written.push(json!({"vendor": vendor, "name": name, "token": token, "ours": code}));
            }
        }
        written.push(json!({
            "vendor": vendor, "kid": KID, "pem": key.public_key_pem(), "jwk": key.public_jwk(), "now": NOW
        }));
    }
    assert!(written.len() > 60, "{}", written.len());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendors.json");
    std::fs::write(path, serde_json::to_string_pretty(&written).unwrap()).unwrap();
}

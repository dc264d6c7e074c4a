//! Tokens that the vendors' own verifiers judge, too, written down for `tests/interop/vendors` with what is said of
//! each here.

use std::path::Path;

use serde_json::{Value, json};
use tower_resource_server::{
    keys::Algorithm,
    preset::{aws_alb, clerk, cognito, firebase, google, google_iap, spiffe},
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

const ACCOUNT: &str = "shop@example-project.iam.gserviceaccount.com";

fn account() -> Table {
    let issuer = "https://accounts.google.com";
    let claims = json!({
        "iss": issuer, "aud": "https://api.example", "azp": "113774264463038321964", "sub": "113774264463038321964",
        "email": ACCOUNT, "email_verified": true, "iat": NOW, "exp": NOW + 3600
    });
    table(issuer, google::service_account_token([ACCOUNT]), Algorithm::RS256, claims)
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

fn pool() -> Table {
    let issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123";
    let claims = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "device_key": "aaaaaaaa", "cognito:groups": ["testgroup"],
        "iss": issuer, "version": 2, "client_id": "4bm1gnhqfo8", "origin_jti": "aaaaaaaa", "event_id": "64f513be",
        "token_use": "access", "scope": "orders/read openid", "auth_time": NOW, "exp": NOW + 3600, "iat": NOW,
        "jti": "dddddddd", "username": "my-test-user"
    });
    table(issuer, cognito::access_token(["4bm1gnhqfo8"]), Algorithm::RS256, claims)
}

/// The year 2100: the verifier of the crate `spiffe` reads the clock of the machine.
const LATE: u64 = 4_102_444_800;

fn svid() -> Table {
    let domain = "spiffe://shop.example";
    let claims = json!({
        "sub": "spiffe://shop.example/ns/shop/sa/web", "aud": ["https://api.example"], "exp": LATE, "iat": NOW
    });
    table(domain, spiffe::jwt_svid(), Algorithm::ES256, claims)
}

/// Rows of JWT-SVIDs whose `sub` is this.
fn subjects<const N: usize>(names: [(&'static str, &'static str); N]) -> impl Iterator<Item = Row> {
    names.into_iter().map(|(name, subject)| (name, json!({}), json!({"sub": subject})))
}

fn svids() -> Vec<Row> {
    let none = || json!({});
    let mut rows = vec![
        ("another audience", none(), json!({"aud": ["https://other.example"]})),
        (
            "one of several audiences",
            none(),
            json!({"aud": ["https://other.example", "https://api.example"]}),
        ),
        ("an audience that is no array", none(), json!({"aud": "https://api.example"})),
        ("no audience", none(), json!({"aud": null})),
        ("an empty audience", none(), json!({"aud": []})),
        ("not yet", none(), json!({"nbf": LATE - 60})),
        ("begun", none(), json!({"nbf": NOW - 60})),
        ("an expiry that is a text", none(), json!({"exp": "4102444800"})),
        ("an expiry with a fraction", none(), json!({"exp": 4_102_444_800.5})),
        ("JOSE", json!({"typ": "JOSE"}), none()),
        ("of no type", json!({"typ": null}), none()),
        ("an access token", json!({"typ": "at+jwt"}), none()),
        ("a type in small letters", json!({"typ": "jwt"}), none()),
        ("more in the header", json!({"x5t": "a"}), none()),
        ("a critical extension", json!({"crit": ["b64"], "b64": true}), none()),
        ("another algorithm of the profile", json!({"alg": "ES384"}), none()),
        ("EdDSA", json!({"alg": "EdDSA"}), none()),
    ];
    rows.extend(subjects([
        ("another trust domain", "spiffe://evil.example/web"),
        ("a longer trust domain", "spiffe://shop.example.evil/web"),
        ("a trust domain in capitals", "spiffe://SHOP.example/web"),
        ("a trust domain with a port", "spiffe://shop.example:443/web"),
        ("no workload", "spiffe://shop.example"),
        ("an empty workload", "spiffe://shop.example/"),
        ("an empty segment", "spiffe://shop.example//web"),
        ("a slash at the end", "spiffe://shop.example/web/"),
        ("a way up", "spiffe://shop.example/ns/../web"),
        ("a dot", "spiffe://shop.example/./web"),
        ("an escape", "spiffe://shop.example/%77eb"),
        ("a query", "spiffe://shop.example/web?a=b"),
        ("a space", "spiffe://shop.example/w eb"),
        ("every letter there is", "spiffe://shop.example/Web-1_2.3"),
        ("another scheme", "https://shop.example/web"),
    ]));
    rows
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
            "google-auth-library (service accounts)",
            account(),
            vec![
                ("another audience", none(), json!({"aud": "https://other.example"})),
                ("no audience", none(), json!({"aud": null})),
                ("another account", none(), json!({"email": "evil@evil.iam.gserviceaccount.com"})),
                ("no account", none(), json!({"email": null})),
                ("an address that is not verified", none(), json!({"email_verified": false})),
                ("a name without the scheme", none(), json!({"iss": "accounts.google.com"})),
                ("a user's login", none(), json!({"nonce": "n"})),
                ("no date", none(), json!({"iat": null})),
                ("from the future", none(), json!({"iat": NOW + 301})),
                ("within Google's own skew", none(), json!({"exp": NOW - 100})),
                ("a life of more than a day", none(), json!({"exp": NOW + 90_000})),
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
            "aws-jwt-verify (Cognito)",
            pool(),
            vec![
                ("an ID token", none(), json!({"token_use": "id", "client_id": null, "aud": "4bm1gnhqfo8"})),
                ("the use of an ID token", none(), json!({"token_use": "id"})),
                ("of no use", none(), json!({"token_use": null})),
                ("another client", none(), json!({"client_id": "evil"})),
                ("several clients", none(), json!({"client_id": ["4bm1gnhqfo8"]})),
                ("no client", none(), json!({"client_id": null})),
                (
                    "another pool of the region",
                    none(),
                    json!({"iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_other"}),
                ),
                ("a resource that is this one", none(), json!({"aud": "https://api.example"})),
                ("another resource", none(), json!({"aud": "https://other.example"})),
                ("just expired", none(), json!({"exp": NOW - 30})),
                ("no date", none(), json!({"iat": null})),
            ],
        ),
        ("spiffe", svid(), svids()),
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
    written.extend(crate::moto::rows().await);
    assert!(written.len() > 140, "{}", written.len());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendors.json");
    std::fs::write(path, serde_json::to_string_pretty(&written).unwrap()).unwrap();
}

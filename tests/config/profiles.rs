//! Where an issuer differs from its profile: each key changes what becomes of one token.

use axum::{Router, http::Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_resource_server::{
    ResourceServer,
    config::Configured,
    keys::{Algorithm, VerifyingKey},
    test_util::TestIssuer,
};

use crate::{
    built::{Folder, app, build},
    support::ask,
};

const NOW: u64 = 1_700_000_000;

fn patched(mut value: Value, patch: Value) -> Value {
    for (name, new) in patch.as_object().unwrap().clone() {
        match new {
            Value::Null => value.as_object_mut().unwrap().remove(&name),
            new => value.as_object_mut().unwrap().insert(name, new),
        };
    }
    value
}

fn token(issuer: &TestIssuer, header: Value, claims: Value) -> String {
    let header = patched(json!({"alg": "ES256", "kid": "key-1"}), header);
    let claims = patched(
        json!({"iss": "https://issuer.test", "aud": "https://api.test", "sub": "alice", "iat": NOW, "exp": NOW + 60}),
        claims,
    );
    issuer.sign_raw(&header.to_string(), claims.to_string().as_bytes())
}

/// A server of one issuer with this profile and these keys.
fn server(issuer: &TestIssuer, folder: &Folder, profile: &str, keys: &str) -> Configured {
    let jwks = folder.file("keys.json", &issuer.jwks().to_string());
    build(
        issuer,
        &format!(
            "resource = \"https://api.test\"\n[[issuers]]\nissuer = \"https://issuer.test\"\nprofile = {profile:?}\n\
             jwks_file = {jwks:?}\n{keys}"
        ),
    )
}

async fn code(server: &ResourceServer, token: &str) -> Option<&'static str> {
    server.verify_access_token(token).await.err().map(|refused| refused.reason().code())
}

#[tokio::test]
async fn each_key_of_tokens_does_what_it_says() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("profiles"));
    let none = || json!({});
    for (name, keys, header, claims, before, after) in [
        ("a content type", "tokens.require_content_type = \"app\"", none(), none(), None, Some("wrong_type")),
        (
            "an issuer by its last segment",
            "tokens.issuer_by_last_segment = true",
            none(),
            json!({"iss": "x:///issuer.test"}),
            Some("untrusted_issuer"),
            None,
        ),
        (
            "an empty subject",
            "tokens = { subject_claims = [\"sub\", \"client_id\"], pass_over_empty_subjects = true }",
            none(),
            json!({"sub": "", "client_id": "web"}),
            Some("invalid_claim"),
            None,
        ),
        (
            "a claim that binds",
            "tokens = { without_rules_on = [\"aud\"], binding_claims = { app = [\"shop\"] } }",
            none(),
            json!({"aud": null, "app": "shop"}),
            Some("missing_claim"),
            None,
        ),
        (
            "a claim that binds another",
            "tokens = { without_rules_on = [\"aud\"], binding_claims = { app = [\"shop\"] } }",
            none(),
            json!({"app": "blog"}),
            None,
            Some("wrong_audience"),
        ),
        (
            "a claim that must be true, and is not",
            "tokens.true_claims = [\"email_verified\"]",
            none(),
            json!({"email_verified": "false"}),
            None,
            Some("invalid_claim"),
        ),
        (
            "a claim that must be true, as a text",
            "tokens.true_claims = [\"email_verified\"]",
            none(),
            json!({"email_verified": "true"}),
            None,
            None,
        ),
        (
            "a group",
            "tokens.claims_containing = { groups = [\"staff\", \"admins\"] }",
            none(),
            json!({"groups": ["all", "admins"]}),
            None,
            None,
        ),
        (
            "no group of these",
            "tokens.claims_containing = { groups = [\"staff\", \"admins\"] }",
            none(),
            json!({"groups": ["all", "admins2"]}),
            None,
            Some("invalid_claim"),
        ),
        (
            "an old token",
            "tokens.max_token_age = \"1h\"",
            none(),
            json!({"iat": NOW - 3661}),
            None,
            Some("expired"),
        ),
        (
            "a token that is not as old",
            "tokens.max_token_age = \"1h\"",
            none(),
            json!({"iat": NOW - 3659}),
            None,
            None,
        ),
        (
            "a member of the header",
            "tokens.header = { signer = [\"a\"] }",
            json!({"signer": "b"}),
            none(),
            None,
            Some("invalid_claim"),
        ),
        (
            "a member of the header that is taken out again",
            "preset_header",
            json!({"signer": "b"}),
            none(),
            None,
            None,
        ),
    ] {
        let token = token(&issuer, header, claims);
        let keys = keys.replace("preset_header", "tokens.without_header_rules_on = [\"signer\"]");
        assert_eq!(
            code(server(&issuer, &folder, "jwt", "").server(), &token).await,
            before,
            "{name}: before"
        );
        assert_eq!(
            code(server(&issuer, &folder, "jwt", &keys).server(), &token).await,
            after,
            "{name}: after"
        );
    }
}

#[tokio::test]
async fn what_counts_once_counts_once() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("once"));
    let configured = server(&issuer, &folder, "jwt", "tokens.single_use = \"jti\"");
    let used = token(&issuer, json!({}), json!({"jti": "a"}));
    assert_eq!(code(configured.server(), &used).await, None);
    assert_eq!(code(configured.server(), &used).await, Some("already_used"));
    let configured = server(&issuer, &folder, "jwt", "tokens.spends_nonce = \"nce\"");
    let nonce = configured.server().issue_nonce().unwrap();
    let used = token(&issuer, json!({}), json!({"nce": nonce}));
    assert_eq!(code(configured.server(), &used).await, None);
    assert!(code(configured.server(), &used).await.is_some(), "spent");
}

#[tokio::test]
async fn headers_are_kept_and_padding_taken_where_it_is_said() {
    use base64_simd::URL_SAFE;

    let (issuer, folder) = (TestIssuer::new(), Folder::new("padding"));
    let header = json!({"alg": "ES256", "kid": "key-1", "extra": "a"}).to_string();
    let claims = token(&issuer, json!({}), json!({}));
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(claims.split('.').nth(1).unwrap()).unwrap();
    let input = [header.as_bytes(), &claims].map(|part| URL_SAFE.encode_to_string(part)).join(".");
    let signature = issuer.token_issuer().signing_key().sign(input.as_bytes()).unwrap();
    let padded = format!("{input}.{}", URL_SAFE.encode_to_string(signature));
    assert!(padded.contains('='));
    assert_eq!(code(server(&issuer, &folder, "jwt", "").server(), &padded).await, Some("malformed"));
    let keys = "tokens = { accept_padding = true, keep_header = true }";
    let configured = server(&issuer, &folder, "jwt", keys);
    let who = configured.server().verify_access_token(&padded).await.unwrap();
    assert_eq!(who.access_token().unwrap().header("extra"), Some("a".into()));
}

#[tokio::test]
async fn kinds_of_tokens_have_profiles_of_their_own() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("kinds"));
    let keys = "[[issuers.kinds]]\nwhere = { gty = [\"client-credentials\"] }\nprofile = \"jwt\"\n\
                tokens = { subject_claims = [\"client_id\"] }";
    let configured = server(&issuer, &folder, "rfc9068", keys);
    let machine = json!({"gty": "client-credentials", "client_id": "billing", "sub": "billing"});
    for (name, header, claims, expected) in [
        ("of the kind", json!({}), machine.clone(), None),
        ("of no kind", json!({}), json!({}), Some("wrong_type")),
        ("of another kind", json!({}), json!({"gty": "password"}), Some("wrong_type")),
        ("as the profile has it", json!({"typ": "at+jwt"}), json!({"client_id": "web", "jti": "a"}), None),
    ] {
        let token = token(&issuer, header, claims);
        assert_eq!(code(configured.server(), &token).await.is_some(), expected.is_some(), "{name}");
    }
}

#[tokio::test]
async fn id_tokens_differ_where_it_is_said() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("id-tokens"));
    let id = issuer.id_token("alice").claim("tenant", "green").mint().unwrap();
    for (keys, good) in [
        ("", true),
        ("id_tokens.claims = { tenant = [\"green\"] }", true),
        ("id_tokens.claims = { tenant = [\"blue\"] }", false),
        ("tokens.claims = { tenant = [\"blue\"] }", true),
    ] {
        let keys = format!("client_ids = [{:?}]\n{keys}", issuer.client_id());
        let configured = server(&issuer, &folder, "jwt", &keys);
        let said = configured.server().verify_id_token(&id, Default::default()).await;
        assert_eq!(said.is_ok(), good, "{keys}: {:?}", said.err());
    }
}

#[tokio::test]
async fn keys_are_fetched_by_their_names() {
    let issuer = TestIssuer::new();
    let pem = issuer.token_issuer().signing_key().public_key_pem().unwrap();
    assert!(VerifyingKey::from_pem(&pem, Algorithm::ES256).is_ok());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let keys = async move |uri: Uri| if uri.path() == "/pem/key-1" { pem } else { String::new() };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(keys)).await });
    let of = |form: &str| {
        build(
            &issuer,
            &format!(
                "resource = \"https://api.test\"\n[[issuers]]\nissuer = \"https://issuer.test\"\nprofile = \"jwt\"\n\
                 allow_loopback_http = true\npem_per_kid = {{ url = \"{origin}/pem/{{kid}}\", kid = {form:?} }}\n\
                 tokens.algorithms = [\"ES256\"]"
            ),
        )
    };
    let token = token(&issuer, json!({}), json!({}));
    assert_eq!(code(of("url_safe").server(), &token).await, None);
    assert_eq!(code(of("uuid").server(), &token).await, Some("unknown_key"));
}

/// Keys of the whole server, a request, and the status and challenge of the answer.
#[tokio::test]
async fn credentials_and_answers_are_as_the_file_says() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("answers"));
    let jwks = folder.file("keys.json", &issuer.jwks().to_string());
    let good = token(&issuer, json!({}), json!({}));
    let metadata = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
    let of = |root: &str| {
        let issuers = format!("issuer = \"https://issuer.test\"\nprofile = \"jwt\"\njwks_file = {jwks:?}");
        build(&issuer, &format!("resource = \"https://api.test\"\n{root}\n[[issuers]]\n{issuers}"))
    };
    let challenge = |text: &str| Some(text.to_owned());
    for (name, root, field, status, expected) in [
        ("another scheme", "credentials.scheme = \"Shop\"", Some(format!("Shop {good}")), 200, None),
        (
            "its case",
            "credentials.exact_case = true",
            Some(format!("bearer {good}")),
            401,
            challenge(&format!("Bearer {metadata}")),
        ),
        ("white space", "credentials.spacing = \"whitespace\"", Some(format!("Bearer \t{good}")), 200, None),
        (
            "a parameter",
            "credentials = { scheme = \"Layer\", parameter = \"session-token\" }",
            Some(format!("Layer session-token=\"{good}\"")),
            200,
            None,
        ),
        (
            "other schemes are malformed",
            "credentials.refuse_other_schemes = true",
            Some("Basic YTpi".to_owned()),
            400,
            challenge(
                r#"Bearer error="invalid_request", error_description="the Authorization field is malformed""#,
            ),
        ),
        (
            "the scheme of challenges",
            "challenges.scheme = \"Shop\"",
            None,
            401,
            challenge(&format!("Shop {metadata}")),
        ),
        (
            "the order of parameters",
            "challenges = { realm = \"orders\", order = [\"realm\"], no_credentials = { status = 401, scoped = true } }",
            None,
            401,
            challenge(&format!("Bearer realm=\"orders\", {metadata}")),
        ),
    ] {
        let mut request = http::Request::get("/").body(axum::body::Body::empty()).unwrap();
        if let Some(field) = field {
            request.headers_mut().insert("authorization", field.parse().unwrap());
        }
        let answer = ask(&app(&of(&format!("{root}\noptional = false"))), request).await;
        assert_eq!(answer.status().as_u16(), status, "{name}: {:?}", answer.challenge());
        if let Some(expected) = expected {
            assert_eq!(answer.challenge(), Some(&*expected), "{name}");
        }
    }
    // Behind a proxy no answer has a challenge, unless a row says so.
    for (name, root, field, status, challenged) in [
        ("nothing", "challenges.offered = false", None, 401, false),
        ("a bad token", "challenges.offered = false", Some("Bearer a.b.c"), 401, false),
        ("a bad field", "challenges.offered = false", Some("Bearer a b"), 400, false),
        (
            "a scope",
            "challenges.offered = false\nrequirements.always = \"scope(a)\"",
            Some(&*format!("Bearer {good}")),
            403,
            false,
        ),
        ("a row", "challenges = { offered = false, no_credentials = { status = 401 } }", None, 401, true),
        ("as ever", "challenges.offered = true", None, 401, true),
    ] {
        let mut request = http::Request::get("/").body(axum::body::Body::empty()).unwrap();
        if let Some(field) = field {
            request.headers_mut().insert("authorization", field.parse().unwrap());
        }
        let answer = ask(&app(&of(&format!("{root}\noptional = false"))), request).await;
        assert_eq!((answer.status().as_u16(), answer.challenge().is_some()), (status, challenged), "{name}");
    }
    for (body, kind) in [("json", "application/json"), ("problem_details", "application/problem+json")] {
        let request = http::Request::get("/").body(axum::body::Body::empty()).unwrap();
        let answer = ask(&app(&of(&format!("refusal_body = {body:?}"))), request).await;
        assert_eq!(answer.header("content-type"), Some(kind));
        assert!(answer.body.starts_with('{'), "{}", answer.body);
    }
}

//! Whole systems of vendors, by name.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Json, Router, routing::get};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_resource_server::{
    config::{Configured, ReloadableServer, ServerConfig},
    issuer::SigningKey,
    keys::Algorithm,
    preset::sceyt,
    test_util::TestIssuer,
};

use crate::{
    built::{Folder, app, build},
    load,
    support::{Answer, ask},
    texts,
};

const NOW: u64 = 1_700_000_000;
const TENANT: &str = "39a37f57-a227-4bfe-a044-93b6e6050a61";
const APP_ID: &str = "https://us-south.appid.cloud.ibm.com/oauth/v4/39a37f57-a227-4bfe-a044-93b6e6050a61";

/// RSA keys take a while to make.
static RSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap().with_kid("key-1"));

fn signer() -> TestIssuer {
    TestIssuer::builder().signing_key(RSA.clone()).build()
}

fn sign(header: Value, claims: &Value) -> String {
    signer().sign_raw(&header.to_string(), claims.to_string().as_bytes())
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "key-1"})
}

async fn asked(configured: &Configured, fields: &[(&str, &str)]) -> Answer {
    let mut request = Request::get("/").body(axum::body::Body::empty()).unwrap();
    for (name, value) in fields {
        request.headers_mut().append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    ask(&app(configured), request).await
}

fn challenge(answer: &Answer) -> &str {
    answer.challenge().unwrap_or_default()
}

fn app_id_token() -> String {
    let claims = json!({
        "iss": APP_ID, "tenant": TENANT, "aud": ["client"], "sub": "alice", "scope": "appid_default orders",
        "exp": NOW + 60, "iat": NOW
    });
    sign(header(), &claims)
}

#[tokio::test]
async fn app_id() {
    let folder = Folder::new("app-id");
    let jwks = folder.file("keys.json", &signer().jwks().to_string());
    let of = |more: &str, root: &str| {
        let toml = format!(
            "{root}\n[system.app_id]\nserver = \"us-south\"\ntenant = \"{TENANT}\"\njwks_file = {jwks:?}\n{more}"
        );
        build(&signer(), &toml)
    };
    let bearer = format!("Bearer {}", app_id_token());
    let refused = r#"Bearer realm="imfAuthentication", scope="appid_default", error="invalid_token""#;
    for (name, configured, field, status, expected) in [
        ("good", of("", ""), Some(&*bearer), 200, ""),
        ("no credentials", of("", ""), None, 401, refused),
        ("another audience", of("audiences = [\"other\"]", ""), Some(&*bearer), 401, refused),
        ("its audience", of("audiences = [\"client\"]", ""), Some(&*bearer), 200, ""),
        ("a scope that is there", of("", "requirements.always = \"scope(orders)\""), Some(&*bearer), 200, ""),
        (
            "a scope that is missing",
            of("", "requirements.always = \"scope(admin)\""),
            Some(&*bearer),
            401,
            r#"Bearer realm="imfAuthentication", scope="appid_default admin", error="insufficient_scope""#,
        ),
        (
            "the same, as RFC 6750 has it",
            of("scope_status_403 = true", "requirements.always = \"scope(admin)\""),
            Some(&*bearer),
            403,
            r#"Bearer realm="imfAuthentication", scope="appid_default admin", error="insufficient_scope""#,
        ),
    ] {
        let fields: Vec<_> = field.map(|field| ("authorization", field)).into_iter().collect();
        let answer = asked(&configured, &fields).await;
        assert_eq!((answer.status().as_u16(), challenge(&answer)), (status, expected), "{name}");
    }
}

#[tokio::test]
async fn mobile_client_access() {
    let folder = Folder::new("mca");
    let jwks = folder.file("keys.json", &signer().jwks().to_string());
    let of = |more: &str| {
        let server = "https://mobileclientaccess.ng.bluemix.net/imf-authserver";
        let toml = format!(
            "[system.mobile_client_access]\nserver_url = \"{server}\"\ntenant = \"{TENANT}\"\njwks_file = {jwks:?}\n{more}"
        );
        build(&signer(), &toml)
    };
    let issuer = "https://mobileclientaccess.ng.bluemix.net/imf-authserver/authorization/";
    let token = |issuer: &str, exp: u64| {
        let claims = json!({"iss": issuer, "aud": TENANT, "prn": "client", "exp": exp});
        format!("Bearer {}", sign(header(), &claims))
    };
    let endless =
        format!("Bearer {}", sign(header(), &json!({"iss": issuer, "aud": TENANT, "prn": "client"})));
    for (name, more, field, expected) in [
        ("good", "", token(issuer, NOW + 60), 200),
        ("another scheme", "", "Basic YTpi".to_owned(), 400),
        ("just expired", "", token(issuer, NOW - 1), 401),
        ("just expired, with a leeway", "leeway = \"5s\"", token(issuer, NOW - 1), 200),
        ("another issuer", "", token("https://other.example", NOW + 60), 401),
        (
            "its name",
            "issuer_name = \"https://other.example\"",
            token("https://other.example", NOW + 60),
            200,
        ),
        ("no expiry", "", endless.clone(), 401),
        ("no expiry, as the package had it", "legacy = true", endless, 200),
    ] {
        let answer = asked(&of(more), &[("authorization", &field)]).await;
        assert_eq!(answer.status().as_u16(), expected, "{name}");
    }
    let answer = asked(&of(""), &[]).await;
    assert_eq!(
        (answer.status(), challenge(&answer)),
        (StatusCode::UNAUTHORIZED, r#"Bearer realm="imfAuthentication""#)
    );
}

#[tokio::test]
async fn layer() {
    let folder = Folder::new("layer");
    let key = folder.file("key.pem", &RSA.public_key_pem().unwrap());
    let provider = "layer:///providers/5a731a4c-63be-11e4-9124-aaa5020075f8";
    let toml = format!(
        "[[system.layer.providers]]\nid = \"{provider}\"\n\
         keys = [{{ algorithm = \"RS256\", kid = \"layer:///keys/1\", pem_file = {key:?} }}]\n\
         [[system.layer.providers]]\nid = \"other\"\n\
         keys = [{{ algorithm = \"RS256\", kid = \"2\", pem_file = {key:?} }}]"
    );
    let configured = build(&signer(), &toml);
    let server = configured.server();
    let token = |provider: &str, kid: &str, nonce: &str| {
        let header = json!({"alg": "RS256", "typ": "JWS", "cty": "layer-eit;v=1", "kid": kid});
        sign(header, &json!({"iss": provider, "prn": "alice", "iat": NOW, "exp": NOW + 60, "nce": nonce}))
    };
    let code = async |token: String| {
        let said = server.verify_access_token(&token).await;
        said.map_or_else(|refused| refused.reason().code(), |_| "good")
    };
    let nonce = server.issue_nonce().unwrap();
    assert_eq!(code(token(provider, "layer:///keys/2", &nonce)).await, "unknown_key");
    assert_eq!(code(token(provider, "layer:///keys/1", &nonce)).await, "good");
    assert_ne!(code(token(provider, "layer:///keys/1", &nonce)).await, "good", "spent");
    assert_eq!(code(token("other", "2", &server.issue_nonce().unwrap())).await, "good", "the other provider");
}

#[tokio::test]
async fn sceyt() {
    const ONE: &str = include_str!("../sceyt/one.public.pem");
    let folder = Folder::new("sceyt");
    let key = folder.file("key.pem", &RSA.public_key_pem().unwrap());
    let of = |more: &str| {
        let toml = format!(
            "[system.sceyt]\n{more}\n[[system.sceyt.applications]]\nid = \"4nwpg1kdz2\"\npem_file = {key:?}\n\
             [[system.sceyt.applications]]\nid = \"zo03k9x1wd\"\npem = '''{ONE}'''"
        );
        build(&signer(), &toml)
    };
    let token = |exp: u64| {
        let claims = json!({"sub": "alice", "iat": NOW, "exp": exp});
        format!("Bearer {}", sign(json!({"alg": "RS256", "typ": "JWT"}), &claims))
    };
    let enforced = "enforce_lifetime = true\nmax_lifetime = \"1h\"";
    for (name, more, application, exp, expected) in [
        ("good", "", "4nwpg1kdz2", NOW + 60, 200),
        ("of another application", "", "zo03k9x1wd", NOW + 60, 401),
        ("of no application", "", "other", NOW + 60, 401),
        ("without its name in the token", "require_aid = true", "4nwpg1kdz2", NOW + 60, 401),
        ("too short a life", enforced, "4nwpg1kdz2", NOW + 60, 401),
        ("long enough", enforced, "4nwpg1kdz2", NOW + 1200, 200),
        ("too long a life", enforced, "4nwpg1kdz2", NOW + 7200, 401),
        ("as long as it likes", "enforce_lifetime = true", "4nwpg1kdz2", NOW + 7200, 200),
    ] {
        let (header, bearer) = (sceyt::APPLICATION_HEADER, token(exp));
        let fields = [(header.as_str(), application), ("authorization", &*bearer)];
        assert_eq!(asked(&of(more), &fields).await.status().as_u16(), expected, "{name}");
    }
}

/// The name of a row, the file, and what is said.
const WRONG: &[(&str, &str, &[&str])] = &[
    (
        "no system",
        "[system]",
        &["system: it has none of app_id, layer, mobile_client_access, sceyt; write one of them"],
    ),
    (
        "an unknown system",
        "system.appid.tenant = \"a\"",
        &["system.appid: there is no such key; did you mean app_id?"],
    ),
    (
        "two systems",
        "system.app_id = { server = \"us-south\", tenant = \"a\" }\nsystem.sceyt.applications = [{ id = \"a\", pem_file = \"a\" }]",
        &["system: app_id and sceyt are both there; leave one out"],
    ),
    (
        "a resource beside a system",
        "resource = \"https://api.test\"\nsystem.app_id = { server = \"us-south\", tenant = \"a\" }",
        &["the configuration: resource and system are both there; leave one out"],
    ),
    (
        "challenges beside a system",
        "challenges.realm = \"a\"\nsystem.app_id = { server = \"us-south\", tenant = \"a\" }",
        &["the configuration: challenges and system are both there; leave one out"],
    ),
    (
        "no tenant",
        "system.app_id.server = \"us-south\"",
        &["system.app_id.tenant: it is missing; write the tenantId of its credentials"],
    ),
    (
        "no region",
        "system.app_id = { server = \"us south\", tenant = \"a\" }",
        &[
            "system.app_id: \"us south\" is neither a region, such as \"us-south\", nor an https URL",
            "system: its jwks_uri \"us south/publickeys\": not an absolute URL with a host",
        ],
    ),
    (
        "an address without TLS",
        "system.app_id = { server = \"http://appid.test/oauth/v4/a\", tenant = \"a\" }",
        &[
            "system: its jwks_uri \"http://appid.test/oauth/v4/a/publickeys\": not https (plain http is for loopback, and only when opted into); use https, or in a network that is trusted dangerous.plain_http_to (\"appid.test\")",
        ],
    ),
    (
        "a leeway that hides an expiry",
        "system.app_id = { server = \"us-south\", tenant = \"a\", leeway = \"1h\" }",
        &["system: a leeway of 3600 s; at most 600 s make sense"],
    ),
    (
        "a file that is not there",
        "system.mobile_client_access = { server_url = \"https://a.test\", tenant = \"a\", jwks_file = \"/nowhere\" }",
        &["system.mobile_client_access.jwks_file: the file \"/nowhere\" is not there; correct its path"],
    ),
    (
        "a provider without keys",
        "system.layer.providers = [{ id = \"a\" }]",
        &[
            "system.layer.providers[0].keys: it is missing; write its keys, each with the kid that its tokens name",
        ],
    ),
    (
        "a key without a name",
        "system.layer.providers = [{ id = \"a\", keys = [{ algorithm = \"HS256\", secret = \"0123456789abcdef0123456789abcdef\" }] }]",
        &[
            "system.layer.providers[0].keys[0].kid: it is missing; write the identifier of the key, as in layer:///keys/1",
        ],
    ),
    (
        "an application without a key",
        "system.sceyt.applications = [{ id = \"a\" }]",
        &["system.sceyt.applications[0]: it has none of pem, pem_file; write one of them"],
    ),
    (
        "a key that is none",
        "system.sceyt.applications = [{ id = \"a\", pem = \"a\" }]",
        &[
            "system.sceyt.applications[0].pem: it is no such key: not PEM: it has no line -----BEGIN ...-----; give the whole block with both of its lines",
        ],
    ),
    (
        "a longest lifetime that is not enforced",
        "system.sceyt = { applications = [{ id = \"a\", pem = \"a\" }], max_lifetime = \"1h\" }",
        &["system.sceyt.max_lifetime: it needs enforce_lifetime beside it"],
    ),
    (
        "lifetimes that leave none",
        "system.sceyt = { applications = [{ id = \"a\", pem = '''ONE''' }], enforce_lifetime = true, max_lifetime = \"1m\" }",
        &["system.sceyt.max_lifetime: at most 60 s and at least 600 s leave no lifetime; allow more"],
    ),
    (
        "two applications with one key",
        "system.sceyt.applications = [{ id = \"a\", pem = '''ONE''' }, { id = \"b\", pem = '''ONE''' }]",
        &[
            "system: application b: it has the key of a, so the tokens of one are good for the other; give it its own, or write require_aid = true",
        ],
    ),
];

#[test]
fn each_wrong_system_is_told_what_is_wrong_with_it() {
    let mut wrong = Vec::new();
    for (name, toml, expected) in WRONG {
        let toml = toml.replace("ONE", include_str!("../sceyt/one.public.pem"));
        let error = match load(&toml) {
            Err(error) => error,
            Ok(config) => config.build().expect_err(name),
        };
        let found = texts(&error);
        if found != *expected {
            wrong.push(format!("{name}\n  said:     {found:#?}\n  expected: {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), WRONG.len(), wrong.join("\n\n"));
}

#[test]
fn a_system_from_the_environment() {
    let variables = BTreeMap::from([
        ("API_SYSTEM_MOBILE_CLIENT_ACCESS_TENANT", TENANT),
        ("API_SYSTEM_MOBILE_CLIENT_ACCESS_SERVER_URL", "https://mca.test/imf-authserver"),
        ("API_REFRESH_FETCH_TIMEOUT", "3s"),
    ]);
    let configured = ServerConfig::from_env("API", variables).unwrap().build().unwrap();
    assert_eq!(configured.server().resource(), TENANT);
    let error = ServerConfig::from_env("API", [("API_SYSTEM_APP_ID_TENANT", "a")]).unwrap_err();
    assert_eq!(
        texts(&error),
        [
            "API_SYSTEM_APP_ID_SERVER: it is missing beside API_SYSTEM_APP_ID_TENANT; write the region, as in us-south, or the OAuth server URL of the tenant's credentials"
        ]
    );
}

/// A server of keys of App ID on this machine, and how often it was asked.
async fn serve() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let fetches = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fetches);
    let keys = async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Json(signer().jwks())
    };
    let router = Router::new().route("/oauth/v4/{tenant}/publickeys", get(keys));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (origin, fetches)
}

#[tokio::test]
async fn a_system_keeps_its_keys_when_it_is_reloaded() {
    let (origin, fetches) = serve().await;
    let url = format!("{origin}/oauth/v4/{TENANT}");
    let of = |more: &str| {
        let system = format!("server = {url:?}, tenant = {TENANT:?}, allow_loopback_http = true");
        load(&format!("{more}\nsystem.app_id = {{ {system} }}")).unwrap()
    };
    let clock = signer().clock().clone();
    let api = ReloadableServer::with(&of(""), move |server| server.clock(clock.clone())).unwrap();
    let claims = json!({
        "iss": url, "tenant": TENANT, "aud": ["client"], "sub": "alice", "scope": "appid_default", "exp": NOW + 60
    });
    let token = sign(header(), &claims);
    for (name, more, expected) in [
        ("at first", None, 1),
        ("the same", Some(""), 1),
        ("another requirement", Some("requirements.always = \"scope(appid_default)\""), 1),
        ("another way to fetch", Some("refresh.fetch_timeout = \"3s\""), 2),
    ] {
        if let Some(more) = more {
            api.reload(&of(more)).unwrap();
        }
        assert!(api.current().server().verify_access_token(&token).await.is_ok(), "{name}");
        assert_eq!(fetches.load(Ordering::SeqCst), expected, "{name}");
    }
}

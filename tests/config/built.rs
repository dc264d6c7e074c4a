//! What a configuration says is what its server does.

use axum::{Router, body::Body, routing::any};
use http::{Method, Request, StatusCode};
use tower_resource_server::{
    Identity,
    config::{Configured, Settings},
    keys::Algorithm,
    test_util::TestIssuer,
};

use crate::{
    load,
    reload::serve,
    support::{Answer, ask, request},
};

/// A folder of its own, which is gone with it.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("trs-config-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file, and says where it is.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Keys of the file and of its issuer, whose keys are those of `issuer`.
pub(crate) fn with_keys_of(issuer: &TestIssuer, folder: &Folder, root: &str, of_issuer: &str) -> String {
    let jwks = folder.file("keys.json", &issuer.jwks().to_string());
    format!(
        "resource = \"https://api.test\"\n{root}\n[[issuers]]\nissuer = \"https://issuer.test\"\n\
         profile = \"rfc9068\"\njwks_file = {jwks:?}\n{of_issuer}"
    )
}

pub(crate) fn build(issuer: &TestIssuer, toml: &str) -> Configured {
    let clock = issuer.clock().clone();
    let config = load(toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    config.build_with(|server| server.clock(clock)).unwrap_or_else(|error| panic!("{error}\n{toml}"))
}

pub(crate) fn app(configured: &Configured) -> Router {
    let whole = async |who: Option<Identity>| who.map_or("no one".to_owned(), |who| who.subject().to_owned());
    Router::new().fallback(any(whole)).layer(configured.layer())
}

async fn status(app: &Router, method: Method, path: &str, token: Option<&str>) -> StatusCode {
    ask(app, request(method, path, token)).await.status()
}

#[tokio::test]
async fn operations_require_what_the_file_says() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("operations"));
    let root = r#"
        scope_implies.admin = ["read", "write"]
        [requirements]
        always = "scope(api)"
        open_under = ["/public/"]
        open = ["/health"]
        routes."GET /orders/{id}" = "scope(read)"
        routes."POST /orders" = "scope(write) and role(clerk)"
        grpc."/shop.Orders/List" = "scope(read)"
    "#;
    let app =
        app(&build(&issuer, &with_keys_of(&issuer, &folder, root, "tokens.role_claims = [\"groups\"]")));
    let token = |scopes: &str, groups: &[&str]| {
        issuer.access_token("alice").scope(scopes).claim("groups", groups.to_vec()).mint().unwrap()
    };
    let [reader, writer, admin, clerk] = [
        token("api read", &[]),
        token("api write", &[]),
        token("api admin", &["clerk"]),
        token("read", &["clerk"]),
    ];
    for (name, method, path, token, expected) in [
        ("a scope", Method::GET, "/orders/7", &reader, StatusCode::OK),
        ("HEAD as GET", Method::HEAD, "/orders/7", &reader, StatusCode::OK),
        ("another scope", Method::GET, "/orders/7", &writer, StatusCode::FORBIDDEN),
        ("an implied scope", Method::GET, "/orders/7", &admin, StatusCode::OK),
        ("without what every request needs", Method::GET, "/orders/7", &clerk, StatusCode::FORBIDDEN),
        ("without the role", Method::POST, "/orders", &writer, StatusCode::FORBIDDEN),
        ("with both", Method::POST, "/orders", &admin, StatusCode::OK),
        ("a gRPC method", Method::POST, "/shop.Orders/List", &reader, StatusCode::OK),
        ("what is not listed", Method::DELETE, "/orders", &reader, StatusCode::FORBIDDEN),
        ("what is not listed, with everything", Method::DELETE, "/orders", &admin, StatusCode::OK),
    ] {
        assert_eq!(status(&app, method, path, Some(token)).await, expected, "{name}");
    }
    // What every request needs is needed of open paths, too.
    assert_eq!(status(&app, Method::GET, "/health", None).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn open_paths_are_open_where_nothing_is_always_required() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("open"));
    let root =
        "requirements = { open = [\"/health\"], open_under = [\"/public/\"], otherwise = \"scope(a)\" }";
    let app = app(&build(&issuer, &with_keys_of(&issuer, &folder, root, "")));
    let token = issuer.access_token("alice").scope("a").mint().unwrap();
    for (path, token, expected) in [
        ("/health", None, StatusCode::OK),
        ("/public/logo", None, StatusCode::OK),
        ("/public/../orders", None, StatusCode::UNAUTHORIZED),
        ("/health", Some("garbage"), StatusCode::UNAUTHORIZED),
        ("/orders", None, StatusCode::UNAUTHORIZED),
        ("/orders", Some(&*token), StatusCode::OK),
    ] {
        assert_eq!(status(&app, Method::GET, path, token).await, expected, "{path} {}", token.is_some());
    }
}

/// One key of the file changes one answer.
#[tokio::test]
async fn each_setting_does_what_it_says() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("settings"));
    let good = issuer.access_token("alice").scope("a").mint().unwrap();
    let other_audience = issuer.access_token("alice").audience("orders").mint().unwrap();
    let ago = |seconds| issuer.now().saturating_sub(std::time::Duration::from_secs(seconds));
    let late = issuer.access_token("alice").issued_at(ago(400)).expires_at(ago(90)).mint().unwrap();
    let typed = issuer.access_token("alice").typ("JWT").mint().unwrap();
    let ask_with = async |root: &str, of_issuer: &str, token: Option<&str>| -> Answer {
        let app = app(&build(&issuer, &with_keys_of(&issuer, &folder, root, of_issuer)));
        ask(&app, request(Method::GET, "/", token)).await
    };
    let text =
        |answer: &Answer| format!("{} {}", answer.status().as_u16(), answer.challenge().unwrap_or_default());
    let at = "resource_metadata=\"https://api.test/.well-known/oauth-protected-resource\"";
    let invalid =
        |why: &str| format!("401 Bearer error=\"invalid_token\", error_description=\"{why}\", {at}");
    for (name, root, of_issuer, token, expected) in [
        ("nothing", "", "", Some(&good), "200 ".to_owned()),
        ("no token", "", "", None, format!("401 Bearer {at}")),
        ("optional", "optional = true", "", None, "200 ".to_owned()),
        ("a realm", "challenges.realm = \"orders\"", "", None, format!("401 Bearer {at}, realm=\"orders\"")),
        (
            "a row of the challenges",
            "challenges.no_credentials = { status = 403, challenge = false }",
            "",
            None,
            "403 ".to_owned(),
        ),
        ("another audience", "", "", Some(&other_audience), invalid("the token is for another audience")),
        (
            "an audience of the server",
            "audiences = [\"orders\"]",
            "",
            Some(&other_audience),
            "200 ".to_owned(),
        ),
        (
            "an audience of the issuer",
            "",
            "audiences = [\"orders\"]",
            Some(&other_audience),
            "200 ".to_owned(),
        ),
        (
            "audiences of the issuer alone",
            "",
            "audiences = [\"orders\"]",
            Some(&good),
            invalid("the token is for another audience"),
        ),
        ("an expired token", "", "", Some(&late), invalid("the token has expired")),
        ("leeway", "leeway = \"2m\"", "", Some(&late), "200 ".to_owned()),
        ("leeway of the issuer", "leeway = \"0s\"", "leeway = \"2m\"", Some(&late), "200 ".to_owned()),
        ("another type", "", "", Some(&typed), invalid("the token is not of the accepted type")),
        ("accepted types", "", "tokens.require_types = [\"JWT\"]", Some(&typed), "200 ".to_owned()),
        (
            "a requirement",
            "requirements.always = \"scope(a b)\"",
            "",
            Some(&good),
            format!("403 Bearer error=\"insufficient_scope\", scope=\"a b\", {at}"),
        ),
        (
            "a renamed scope",
            "requirements.always = \"scope(b)\"",
            "tokens.rename_scopes.a = \"b\"",
            Some(&good),
            "200 ".to_owned(),
        ),
        (
            "a claim",
            "",
            "tokens.claims.client_id = [\"other\"]",
            Some(&good),
            invalid("a claim is not acceptable"),
        ),
        ("a limit", "limits.token_bytes = 64", "", Some(&good), invalid("the token is too large")),
        (
            "a public address",
            "public_address.url = \"https://shop.test/api\"",
            "",
            None,
            "401 Bearer resource_metadata=\"https://shop.test/.well-known/oauth-protected-resource/api\""
                .to_owned(),
        ),
    ] {
        assert_eq!(text(&ask_with(root, of_issuer, token.map(String::as_str)).await), expected, "{name}");
    }
}

#[tokio::test]
async fn the_metadata_says_what_the_file_says() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("metadata"));
    let root = r#"
        scopes_supported = ["first"]
        requirements.routes."GET /orders" = "scope(read)"
        [metadata]
        resource_name = "Orders"
        resource_documentation = "https://api.test/docs"
        authorization_details_types_supported = ["order"]
        members = { "resource_name#de" = "Bestellungen", numbers = [1, 2.5, true] }
    "#;
    let configured = build(&issuer, &with_keys_of(&issuer, &folder, root, ""));
    let _app = app(&configured);
    let documents = Router::new().fallback_service(configured.server().metadata_service::<Body>());
    let path = configured.server().metadata_path().unwrap().to_owned();
    let answer = ask(&documents, request(Method::GET, &path, None)).await;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&answer.body).unwrap(),
        serde_json::json!({
            "resource": "https://api.test",
            "authorization_servers": ["https://issuer.test"],
            "scopes_supported": ["first", "read"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Orders",
            "resource_documentation": "https://api.test/docs",
            "authorization_details_types_supported": ["order"],
            "resource_name#de": "Bestellungen",
            "numbers": [1, 2.5, true],
        })
    );
}

#[tokio::test]
async fn the_inner_service_is_told_what_the_file_says() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("forward"));
    let root = "forward = { subject = \"x-user\", scopes = \"x-scopes\", claims.iss = \"x-issuer\" }";
    let configured = build(&issuer, &with_keys_of(&issuer, &folder, root, ""));
    let told = async |request: Request<Body>| {
        let headers = request.headers();
        let told = ["x-user", "x-scopes", "x-issuer", "authorization"].map(|name| headers.get(name).cloned());
        format!("{told:?}")
    };
    let app = Router::new().fallback(any(told)).layer(configured.layer());
    let token = issuer.access_token("alice").scope("a b").mint().unwrap();
    let answer = ask(&app, request(Method::GET, "/", Some(&token))).await;
    assert_eq!(answer.body, "[Some(\"alice\"), Some(\"a b\"), Some(\"https://issuer.test\"), None]");
}

#[tokio::test]
async fn keys_come_from_the_file_or_from_others() {
    let folder = Folder::new("keys");
    let pem = include_str!("../../examples/static_keys/login.example.pem");
    let pem_file = folder.file("key.pem", pem);
    let secret_file = folder.file("secret", "2b7e151628aed2a6abf7158809cf4f3c\r\n");
    for (name, keys, algorithms) in [
        ("PEM", format!("{{ algorithm = \"EdDSA\", kid = \"a\", pem = {pem:?} }}"), vec!["EdDSA"]),
        ("a PEM file", format!("{{ algorithm = \"EdDSA\", pem_file = {pem_file:?} }}"), vec!["EdDSA"]),
        (
            "a secret and a PEM file",
            format!(
                "{{ algorithm = \"HS256\", secret_file = {secret_file:?} }}, {{ algorithm = \"EdDSA\", pem_file = {pem_file:?} }}"
            ),
            vec!["HS256", "EdDSA"],
        ),
    ] {
        let toml = format!(
            "resource = \"https://api.test\"\n[[issuers]]\nissuer = \"https://issuer.test\"\nprofile = \"jwt\"\n\
             tokens.algorithms = {algorithms:?}\nkeys = [{keys}]"
        );
        let configured = load(&toml).and_then(|config| config.build());
        let configured = configured.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(configured.server().health()[0].keys.keys, algorithms.len(), "{name}");
    }
}

#[test]
fn every_preset_makes_its_issuer() {
    for (preset, expected) in [
        ("auth0.domain = \"shop.eu.auth0.com\"", "https://shop.eu.auth0.com/"),
        (
            "cognito = { region = \"eu-central-1\", user_pool = \"eu-central-1_a\", clients = [\"web\"] }",
            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a",
        ),
        (
            "entra = { tenant = \"6babcaad-604b-40ac-a9d7-9fd97c0b779f\", version = \"v1\" }",
            "https://sts.windows.net/6babcaad-604b-40ac-a9d7-9fd97c0b779f/",
        ),
        (
            "entra = { tenant = \"6babcaad-604b-40ac-a9d7-9fd97c0b779f\", version = \"v2\" }",
            "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
        ),
        (
            "google_service_accounts.accounts = [\"a@b.iam.gserviceaccount.com\"]",
            "https://accounts.google.com",
        ),
        ("google_users.clients = [\"1.apps.googleusercontent.com\"]", "https://accounts.google.com"),
        (
            "keycloak = { server = \"https://keycloak.test/\", realm = \"shop\" }",
            "https://keycloak.test/realms/shop",
        ),
        (
            "keycloak = { server = \"https://keycloak.test\", realm = \"shop\", clients = [\"api\"] }",
            "https://keycloak.test/realms/shop",
        ),
        (
            "authentik = { host = \"login.test\", application = \"orders\", client = \"web\" }",
            "https://login.test/application/o/orders/",
        ),
        (
            "clerk = { frontend_api = \"https://clerk.shop.test\", origins = [\"https://app.test\"] }",
            "https://clerk.shop.test",
        ),
        ("firebase.project = \"shop\"", "https://securetoken.google.com/shop"),
        (
            "fusion_auth = { issuer = \"shop.test\", host = \"login.test\", applications = [\"web\"] }",
            "shop.test",
        ),
        ("kinde.domain = \"https://shop.kinde.com\"", "https://shop.kinde.com"),
        ("ory.issuer = \"https://hydra.test\"", "https://hydra.test"),
        ("ping_one = { region = \"eu\", environment = \"4e98\" }", "https://auth.pingone.eu/4e98/as"),
        ("stytch = { environment = \"test\", project = \"project-test-1\" }", "stytch.com/project-test-1"),
        ("supabase.project = \"abcd\"", "https://abcd.supabase.co/auth/v1"),
        ("workos.client = \"client_1\"", "https://api.workos.com"),
        ("zitadel.instance = \"https://login.test\"", "https://login.test"),
        (
            "aws_alb = { region = \"eu-central-1\", issuer = \"https://login.test\", load_balancers = [\"arn:a\"], clients = [\"web\"] }",
            "https://login.test",
        ),
        (
            "aws_verified_access = { region = \"eu-central-1\", issuer = \"https://login.test\", instances = [\"arn:a\"] }",
            "https://login.test",
        ),
        (
            "cloudflare_access = { team = \"shop\", applications = [\"a1\"] }",
            "https://shop.cloudflareaccess.com",
        ),
        (
            "cloudflare_access = { team = \"shop\", applications = [\"a1\"], service_tokens = [\"b.access\"] }",
            "https://shop.cloudflareaccess.com",
        ),
        ("google_iap.audiences = [\"/projects/1/apps/shop\"]", "https://cloud.google.com/iap"),
        ("pomerium.host = \"orders.test\"", "orders.test"),
        (
            "teleport = { cluster = \"shop\", proxy = \"teleport.test\", applications = [\"https://orders.test\"] }",
            "shop",
        ),
        ("github_actions.repositories = [\"1296269\"]", "https://token.actions.githubusercontent.com"),
        (
            "github_actions = { owners = [\"9919\"], issuer = \"https://github.test/_services/token\", reusable = true }",
            "https://github.test/_services/token",
        ),
        ("gitlab_ci = { instance = \"https://gitlab.com\", namespaces = [\"9970\"] }", "https://gitlab.com"),
        (
            "kubernetes = { issuer = \"https://cluster.test\", accounts = [{ namespace = \"shop\", name = \"web\" }] }",
            "https://cluster.test",
        ),
        (
            "spiffe = { trust_domain = \"shop.test\", bundle = \"https://spire.test/bundle\" }",
            "spiffe://shop.test",
        ),
        ("okta.domain = \"shop.okta.com\"", "https://shop.okta.com/oauth2/default"),
        (
            "okta = { domain = \"shop.okta.com\", authorization_server = \"aus1\" }",
            "https://shop.okta.com/oauth2/aus1",
        ),
    ] {
        let toml = format!("resource = \"https://api.test\"\n[[issuers]]\npreset.{preset}");
        let configured = load(&toml).and_then(|config| config.build());
        let configured = configured.unwrap_or_else(|error| panic!("{preset}: {error}"));
        let issuers: Vec<_> = configured.server().health().iter().map(|of| of.issuer.to_string()).collect();
        assert_eq!(issuers, [expected], "{preset}");
    }
    let tenants = "resource = \"https://api.test\"\n[[issuers]]\npreset.entra_tenants.version = \"v2\"\ntenants.allow = [\"a\"]";
    assert_eq!(load(tenants).unwrap().build().unwrap().server().health().len(), 0);
}

/// The keys of a SPIFFE bundle have a `use` of their own, which the preset asks for, whatever is said of refreshes.
#[tokio::test]
async fn what_is_said_of_refreshes_leaves_what_the_preset_says() {
    let issuer = TestIssuer::builder().algorithm(Algorithm::ES256).build();
    let mut bundle = issuer.jwks();
    for key in bundle["keys"].as_array_mut().unwrap() {
        key["use"] = "jwt-svid".into();
    }
    let (url, _) = serve(bundle.to_string()).await;
    let workload = issuer.access_token("spiffe://shop.test/web").typ("JWT").mint().unwrap();
    for (name, root, of_issuer) in [
        ("nothing", "", ""),
        ("of all issuers", "refresh.max_keys = 10", ""),
        ("of this issuer", "", "refresh.max_keys = 10"),
    ] {
        let toml = format!(
            "resource = \"https://api.test\"\n{root}\n[[issuers]]\nallow_loopback_http = true\n{of_issuer}\n\
             preset.spiffe = {{ trust_domain = \"shop.test\", bundle = {url:?} }}"
        );
        let answer = ask(&app(&build(&issuer, &toml)), request(Method::GET, "/", Some(&workload))).await;
        assert_eq!((answer.status().as_u16(), &*answer.body), (200, "spiffe://shop.test/web"), "{name}");
    }
}

#[test]
fn a_larger_file_names_the_keys_as_it_has_them() {
    let text = "[auth]\nresource = \"https://api.test\"\nleway = \"5s\"\n[[auth.issuers]]\nissuer = \"http://issuer.test\"\nprofile = \"jwt\"";
    let whole: std::collections::BTreeMap<String, Settings> = toml::from_str(text).unwrap();
    let error = whole["auth"].clone().under("auth").resolve().unwrap_err();
    assert_eq!(error.to_string(), "auth.leway: there is no such key; did you mean leeway?");
    let whole: std::collections::BTreeMap<String, Settings> =
        toml::from_str(&text.replace("leway", "leeway")).unwrap();
    let error = whole["auth"].clone().under("auth").resolve().unwrap().build().unwrap_err();
    assert_eq!(error.problems()[0].path(), "auth.issuers[0].issuer");
    assert!(error.to_string().starts_with("auth.issuers[0].issuer: not https"), "{error}");
}

#[tokio::test]
async fn tokens_and_api_keys_are_where_the_file_says() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("locations"));
    let key = folder.file("api-key", "shop_2b7e151628aed2a6abf7158809cf4f3c\n");
    let root = format!(
        "token_locations = [{{ authorization = true }}, {{ header = \"x-assertion\" }}]\n\
         requirements.always = \"scope(a)\"\n\
         api_keys = {{ prefix = \"shop_\", keys = [{{ name = \"one\", subject = \"billing\", scopes = [\"a\"], secret_file = {key:?} }}] }}"
    );
    let app = app(&build(&issuer, &with_keys_of(&issuer, &folder, &root, "")));
    let token = issuer.access_token("alice").scope("a").mint().unwrap();
    let in_header = |token: &str| {
        let mut request = request(Method::GET, "/", None);
        request.headers_mut().insert("x-assertion", token.parse().unwrap());
        request
    };
    for (name, request, expected) in [
        ("Authorization", request(Method::GET, "/", Some(&token)), (200, "alice")),
        ("a header", in_header(&token), (200, "alice")),
        (
            "an API key",
            request(Method::GET, "/", Some("shop_2b7e151628aed2a6abf7158809cf4f3c")),
            (200, "billing"),
        ),
        (
            "another API key",
            request(Method::GET, "/", Some("shop_2b7e151628aed2a6abf7158809cf4f3d")),
            (401, ""),
        ),
    ] {
        let answer = ask(&app, request).await;
        assert_eq!((answer.status().as_u16(), &*answer.body), expected, "{name}");
    }
}

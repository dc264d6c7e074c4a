//! The issuer of a preset is the one that its function makes of the same arguments.

use std::collections::BTreeSet;

use super::PRESETS;
use crate::{
    ResourceServer, ResourceServerBuilder, TrustedIssuer,
    config::Settings,
    policy::claim,
    preset::{
        auth0, authentik, aws_alb, aws_verified_access, clerk, cloudflare_access, cognito, entra, firebase,
        fusion_auth, github_actions, gitlab_ci, google, google_iap, keycloak, kinde, kubernetes, okta, ory,
        ping_one, pomerium, spiffe, stytch, supabase, teleport, workos, zitadel,
    },
};

const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const ENTERPRISE: &str = "https://github.test/_services/token";

/// The arguments in a file, which is what is behind `preset.`, and the issuer. Lists have two members, so that one that
/// is left out shows.
fn rows() -> Vec<(String, TrustedIssuer)> {
    let github = |rule, is_reusable| match is_reusable {
        true => TrustedIssuer::discover(ENTERPRISE, github_actions::reusable_token([rule])),
        false => github_actions::issuer(github_actions::ISSUER, [rule]),
    };
    let accounts = || [("shop", "web"), ("shop", "worker")];
    [
        ("auth0.domain = \"shop.eu.auth0.com\"", auth0::tenant("shop.eu.auth0.com")),
        (
            "authentik = { host = \"login.test\", application = \"orders\", client = \"web\" }",
            authentik::application("login.test", "orders", "web"),
        ),
        (
            "aws_alb = { region = \"eu-central-1\", issuer = \"https://login.test\", load_balancers = \
             [\"arn:a\", \"arn:b\"], clients = [\"web\", \"app\"] }",
            aws_alb::region("eu-central-1", "https://login.test", ["arn:a", "arn:b"], ["web", "app"]),
        ),
        (
            "aws_verified_access = { region = \"eu-central-1\", issuer = \"https://login.test\", instances = \
             [\"arn:a\", \"arn:b\"] }",
            aws_verified_access::region("eu-central-1", "https://login.test", ["arn:a", "arn:b"]),
        ),
        (
            "clerk = { frontend_api = \"https://clerk.shop.test\", origins = [\"https://a.test\", \
             \"https://b.test\"] }",
            clerk::instance("https://clerk.shop.test", ["https://a.test", "https://b.test"]),
        ),
        (
            "cloudflare_access = { team = \"shop\", applications = [\"a1\", \"a2\"] }",
            cloudflare_access::team("shop", ["a1", "a2"]),
        ),
        (
            "cloudflare_access = { team = \"shop\", applications = [\"a1\", \"a2\"], service_tokens = \
             [\"b.access\", \"c.access\"] }",
            cloudflare_access::team("shop", ["a1", "a2"]).access_tokens_where(
                [claim("sub").equals("")],
                cloudflare_access::service_token(["a1", "a2"], ["b.access", "c.access"]),
            ),
        ),
        (
            "cognito = { region = \"eu-central-1\", user_pool = \"eu-central-1_a\", clients = [\"web\", \"app\"] }",
            cognito::user_pool("eu-central-1", "eu-central-1_a", ["web", "app"]),
        ),
        ("entra = { tenant = \"TENANT\", version = \"v1\" }", entra::v1(TENANT)),
        ("entra = { tenant = \"TENANT\", version = \"v2\" }", entra::v2(TENANT)),
        (
            "entra_tenants.version = \"v1\"\ntenants.allow = [\"a\", \"b\"]",
            entra::tenants_v1().allow_tenants(["a", "b"]),
        ),
        (
            "entra_tenants.version = \"v2\"\ntenants.allow = [\"a\", \"b\"]",
            entra::tenants_v2().allow_tenants(["a", "b"]),
        ),
        ("firebase.project = \"shop\"", firebase::project("shop")),
        (
            "fusion_auth = { issuer = \"shop.test\", host = \"login.test\", applications = [\"web\", \"app\"] }",
            fusion_auth::tenant("shop.test", "login.test", ["web", "app"]),
        ),
        (
            "github_actions.repositories = [\"1\", \"2\"]",
            github(claim("repository_id").one_of(["1", "2"]), false),
        ),
        (
            "github_actions.owners = [\"1\", \"2\"]",
            github(claim("repository_owner_id").one_of(["1", "2"]), false),
        ),
        (
            "github_actions = { enterprises = [\"1\", \"2\"], issuer = \"ENTERPRISE\", reusable = true }",
            github(claim("enterprise_id").one_of(["1", "2"]), true),
        ),
        (
            "gitlab_ci = { instance = \"https://gitlab.test\", projects = [\"1\", \"2\"] }",
            gitlab_ci::projects("https://gitlab.test", ["1", "2"]),
        ),
        (
            "gitlab_ci = { instance = \"https://gitlab.test\", namespaces = [\"1\", \"2\"], reusable = true }",
            TrustedIssuer::discover(
                "https://gitlab.test",
                gitlab_ci::reusable_token([claim("namespace_id").one_of(["1", "2"])]),
            ),
        ),
        (
            "google_iap.audiences = [\"/projects/1\", \"/projects/2\"]",
            google_iap::proxy(["/projects/1", "/projects/2"]),
        ),
        (
            "google_service_accounts.accounts = [\"a@b.test\", \"c@d.test\"]",
            google::service_accounts(["a@b.test", "c@d.test"]),
        ),
        ("google_users.clients = [\"1.test\", \"2.test\"]", google::users(["1.test", "2.test"])),
        (
            "keycloak = { server = \"https://keycloak.test\", realm = \"shop\" }",
            keycloak::realm("https://keycloak.test", "shop"),
        ),
        (
            "keycloak = { server = \"https://keycloak.test\", realm = \"shop\", clients = [\"api\", \"web\"] }",
            keycloak::realm("https://keycloak.test", "shop").map_profile(keycloak::client_roles(["api", "web"])),
        ),
        ("kinde.domain = \"https://shop.kinde.com\"", kinde::business("https://shop.kinde.com")),
        (
            "kubernetes = { issuer = \"https://cluster.test\", accounts = [{ namespace = \"shop\", name = \
             \"web\" }, { namespace = \"shop\", name = \"worker\" }] }",
            kubernetes::cluster("https://cluster.test", accounts()),
        ),
        (
            "kubernetes = { issuer = \"https://cluster.test\", accounts = [{ namespace = \"shop\", name = \
             \"web\" }, { namespace = \"shop\", name = \"worker\" }], jwks_uri = \"https://cluster.test/keys\" \
             }",
            TrustedIssuer::with_jwks_uri(
                "https://cluster.test",
                "https://cluster.test/keys",
                kubernetes::token([kubernetes::subject_of(accounts())]),
            ),
        ),
        ("okta.domain = \"shop.okta.com\"", okta::authorization_server("shop.okta.com", "default")),
        (
            "okta = { domain = \"shop.okta.com\", authorization_server = \"aus1\" }",
            okta::authorization_server("shop.okta.com", "aus1"),
        ),
        ("ory.issuer = \"https://hydra.test\"", ory::hydra("https://hydra.test")),
        ("ping_one = { region = \"eu\", environment = \"4e98\" }", ping_one::environment("eu", "4e98")),
        ("pomerium.host = \"orders.test\"", pomerium::route("orders.test")),
        (
            "spiffe = { trust_domain = \"shop.test\", bundle = \"https://spire.test/bundle\" }",
            spiffe::trust_domain("shop.test", "https://spire.test/bundle"),
        ),
        (
            "stytch = { environment = \"test\", project = \"project-test-1\" }",
            stytch::project("test", "project-test-1"),
        ),
        ("supabase.project = \"abcd\"", supabase::project("abcd")),
        (
            "teleport = { cluster = \"shop\", proxy = \"teleport.test\", applications = [\"https://a.test\", \
             \"https://b.test\"] }",
            teleport::cluster("shop", "teleport.test", ["https://a.test", "https://b.test"]),
        ),
        ("workos.client = \"client_1\"", workos::client("client_1")),
        ("zitadel.instance = \"https://login.test\"", zitadel::instance("https://login.test")),
    ]
    .map(|(arguments, issuer)| {
        (arguments.replace("TENANT", TENANT).replace("ENTERPRISE", ENTERPRISE), issuer)
    })
    .into()
}

/// All that is known of the issuers of a server that is made of a file.
fn whole_issuers(toml: &str) -> Vec<String> {
    let mut whole = Vec::new();
    let note = |server: ResourceServerBuilder| {
        whole = server.whole_issuers();
        server
    };
    let settings: Settings = toml::from_str(toml).unwrap();
    let built = settings.resolve().and_then(|config| config.build_with(note).map(drop));
    built.unwrap_or_else(|error| panic!("{error}\n{toml}"));
    whole
}

#[test]
fn a_preset_makes_what_its_function_makes() {
    let mut names = BTreeSet::new();
    for (arguments, issuer) in rows() {
        let found =
            whole_issuers(&format!("resource = \"https://api.test\"\n[[issuers]]\npreset.{arguments}"));
        let expected = ResourceServer::builder("https://api.test").issuer(issuer).whole_issuers();
        assert_eq!(found.len(), 1, "{arguments}");
        let lines = found[0].lines().zip(expected[0].lines());
        let differing: Vec<_> = lines.filter(|(found, expected)| found != expected).collect();
        assert!(found == expected, "{arguments}: {differing:#?}");
        names.insert(arguments.split(['.', ' ']).next().unwrap().to_owned());
    }
    assert_eq!(names, PRESETS.iter().map(|key| key.name.to_owned()).collect(), "each preset has a row");
}

//! What is required and can never be met is logged, once, wherever it is required.
#![cfg(all(feature = "axum", feature = "mcp", feature = "test-util"))]
#![allow(clippy::unwrap_used, reason = "tests stop where they are wrong")]

#[allow(dead_code, reason = "each log is of one run")]
#[path = "support/log.rs"]
mod log;

use log::Log;
use tower_resource_server::{
    ApiKey, ApiKeys, Dpop, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    mcp::McpRequirements,
    middleware::RequirementTable,
    operations,
    policy::{Requirement, audience, issuer, scope, sender_constrained},
    profile::TokenProfile,
    test_util::TestIssuer,
};

const MESSAGE: &str = "what is required is never met";

operations! {
    /// For an issuer that no server here trusts.
    Misspelt = scope("a").or(issuer("https://issuer.tets"));
}

fn builder(trusted: &TestIssuer) -> ResourceServerBuilder {
    ResourceServer::builder("https://api.test").issuer(trusted.trusted().also_known_as("https://alias.test"))
}

/// How often something is told to be never met while this runs, and the text.
fn told<T>(run: impl FnOnce() -> T) -> (usize, String) {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    tracing::callsite::rebuild_interest_cache();
    run();
    (log.text().matches(MESSAGE).count(), log.text())
}

type Make = fn(&ResourceServer, Requirement);

/// Everything that makes a requirement ready.
const PLACES: [(&str, Make); 5] = [
    ("a guard", |api, required| drop(api.guard(required))),
    ("a layer", |api, required| drop(api.layer().requirements(required))),
    ("a row of a table", |api, required| {
        drop(api.layer().requirements(RequirementTable::new().route(http::Method::GET, "/a", required)));
    }),
    ("a tool of an MCP server", |api, required| {
        drop(api.mcp_guard(McpRequirements::new().tool("a", required)));
    }),
    ("an optional layer", |api, required| drop(api.layer().optional(true).requirements(required))),
];

#[test]
fn what_can_never_be_met_is_told_wherever_it_is_required() {
    let trusted = TestIssuer::new();
    let rows: [(&str, Requirement, bool); 9] = [
        ("a trusted issuer", issuer(TestIssuer::ISSUER), false),
        ("an issuer that is misspelt", issuer("https://issuer.tets"), true),
        ("an alternative", scope("a").or(issuer("https://issuer.tets")), true),
        ("another name of an issuer", issuer("https://alias.test"), true),
        ("a path that is none", Requirement::claim("/a~2b").is_true(), true),
        ("a path", Requirement::claim("/a~1b").is_true(), false),
        ("bound tokens, which are refused", sender_constrained(), true),
        ("an audience", audience("https://other.test"), false),
        ("twice the same", issuer("https://b.test").and(scope("a").or(issuer("https://b.test"))), true),
    ];
    for (place, make) in PLACES {
        for (name, required, expected) in &rows {
            let api = builder(&trusted).build().unwrap();
            let (count, text) = told(|| {
                make(&api, required.clone());
                make(&api, required.clone());
            });
            assert_eq!(count, usize::from(*expected), "{place}, {name}: {text}");
        }
    }
    let api = builder(&trusted).build().unwrap();
    let (count, text) = told(|| api.declare::<Misspelt>().declare::<Misspelt>());
    assert_eq!(count, 1, "{text}");
    assert!(text.contains("requirement=issuer(https://issuer.tets) because="), "{text}");
}

#[test]
fn what_every_request_needs_is_told_when_the_server_is_built() {
    let trusted = TestIssuer::new();
    let (count, text) = told(|| {
        let api = builder(&trusted).require(issuer("https://issuer.tets")).build().unwrap();
        drop((api.layer(), api.guard(scope("a"))));
    });
    assert_eq!(count, 1, "{text}");
}

/// Issuers that are no configured ones, and bound tokens where they are taken.
#[test]
fn what_some_credential_meets_is_not_told() {
    let trusted = TestIssuer::new();
    let keys = ApiKeys::new()
        .key(ApiKey::from_secret("a", "shop_3q2-7wAAKjX0iE9s1vBQmZpT", "billing").issuer("urn:keys"))
        .key(ApiKey::from_secret("b", "shop_w8kd0s7vQmZpT3q2-7wAAKjX0", "reports"));
    let with_keys = builder(&trusted).api_keys(keys).build().unwrap();
    let bound = builder(&trusted).dpop(Dpop::allowed()).build().unwrap();
    let rows = [
        ("of an API key", &with_keys, issuer("urn:keys"), 0),
        ("of an API key without one of its own", &with_keys, issuer("https://api.test"), 0),
        ("of no API key", &with_keys, issuer("urn:other"), 1),
        ("bound tokens", &bound, sender_constrained(), 0),
    ];
    for (name, api, required, expected) in rows {
        let (count, text) = told(|| api.guard(required));
        assert_eq!(count, expected, "{name}: {text}");
    }
}

#[cfg(feature = "remote")]
#[test]
fn a_tenant_may_come_to_be_trusted() {
    let tenants = TrustedIssuer::tenants("https://{tenant}.login.test", TokenProfile::rfc9068());
    let api = builder(&TestIssuer::new()).issuer(tenants.allow_tenants(["a"])).build().unwrap();
    for (name, required, expected) in [
        ("of the list", issuer("https://a.login.test"), 0),
        ("of no list", issuer("https://b.login.test"), 0),
        ("that the pattern does not fit", issuer("https://a.login.tets"), 1),
    ] {
        let (count, text) = told(|| api.guard(required));
        assert_eq!(count, expected, "{name}: {text}");
    }
}

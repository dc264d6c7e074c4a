//! What a server refuses to be built with.

use tower_resource_server::{ResourceServer, TrustedIssuer, profile::TokenProfile, source::TenantSettings};

use crate::PATTERN;

#[test]
fn a_pattern_needs_somebody_who_says_which_tenants_there_are() {
    let zero = {
        let mut settings = TenantSettings::default();
        settings.max_live = 0;
        settings
    };
    let of = |pattern: &str| TrustedIssuer::tenants(pattern, TokenProfile::rfc9068()).allow_tenants(["a"]);
    for (name, issuer, problem) in [
        ("a list", of(PATTERN), None),
        (
            "a predicate",
            TrustedIssuer::tenants(PATTERN, TokenProfile::rfc9068())
                .allow_tenants_if(|name| name.len() == 36),
            None,
        ),
        ("any", TrustedIssuer::tenants(PATTERN, TokenProfile::rfc9068()).dangerous().any_tenant(), None),
        (
            "no tenants",
            TrustedIssuer::tenants(PATTERN, TokenProfile::rfc9068()),
            Some("says which tenants there are"),
        ),
        ("no placeholder", of("https://login.test/"), Some("a pattern has {tenant}")),
        ("any host", of("https://{tenant}/"), Some("stands for a whole domain")),
        ("http", of("http://login.test/{tenant}"), Some("not https")),
        ("a bound of nothing", of(PATTERN).tenant_settings(zero), Some("max_live is zero")),
        (
            "a second name",
            of(PATTERN).also_known_as("https://{tenant}.login.test/"),
            Some("have one name each"),
        ),
        (
            "a form of the name",
            of(PATTERN).map_profile(TokenProfile::issuer_by_last_segment),
            Some("have one name each"),
        ),
        (
            "a list for one issuer",
            TrustedIssuer::discover("https://login.test", TokenProfile::rfc9068()).allow_tenants(["a"]),
            Some("is no pattern"),
        ),
    ] {
        let built = ResourceServer::builder("https://api.test").issuer(issuer).build();
        let problems = built.err().map(|error| error.to_string());
        assert_eq!(problems.is_some(), problem.is_some(), "{name}: {problems:?}");
        assert!(problems.unwrap_or_default().contains(problem.unwrap_or_default()), "{name}");
    }
}

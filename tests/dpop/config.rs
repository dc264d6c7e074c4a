//! What `build()` refuses of the settings of bound tokens.

use std::time::Duration;

use tower_resource_server::{
    ApiKey, ApiKeys, Dpop, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    http::{ChallengeTable, Grammar, PublicAddress, ResourceMetadata, TokenLocation},
    keys::{Algorithm, KeySet},
    profile::TokenProfile,
    store::Nonces,
    test_util::TestIssuer,
};

#[test]
fn settings_that_cannot_work_are_refused_each_with_its_code() {
    let issuer = TestIssuer::new();
    let server = |resource: &str| ResourceServer::builder(resource).issuer(issuer.trusted());
    let api = || server("https://api.test");
    let secs = Duration::from_secs;
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let profile = TokenProfile::rfc9068().spends_nonce("nonce");
    let rows: Vec<(&str, ResourceServerBuilder, Option<&str>)> = vec![
        ("allowed", api().dpop(Dpop::allowed()), None),
        ("required", api().dpop(Dpop::required()), None),
        ("taken back", server("orders").dpop(Dpop::required()).dpop(None), None),
        ("no address", server("orders").dpop(Dpop::required()), Some("no_address")),
        (
            "an address of its own",
            server("orders").public_address(PublicAddress::fixed("https://api.test")).dpop(Dpop::required()),
            None,
        ),
        ("HMAC", api().dpop(Dpop::allowed().algorithms([Algorithm::HS256])), Some("algorithms")),
        ("an hour", api().dpop(Dpop::allowed().window(secs(3_600))), None),
        ("more than an hour", api().dpop(Dpop::allowed().window(secs(3_601))), Some("window")),
        ("a leeway of eleven minutes", api().dpop(Dpop::allowed().leeway(secs(660))), Some("window")),
        ("no time at all", api().dpop(Dpop::allowed().window(secs(0)).leeway(secs(0))), None),
        (
            "another scheme",
            api().dpop(Dpop::allowed()).credentials(Grammar::scheme("Token")),
            Some("locations"),
        ),
        (
            "tokens in cookies",
            api().dpop(Dpop::allowed()).token_location(TokenLocation::cookie("__Host-session")),
            Some("locations"),
        ),
        (
            "the scheme in the table",
            api().dpop(Dpop::allowed()).challenges(ChallengeTable::rfc6750().further_scheme("DPoP")),
            Some("challenges"),
        ),
        (
            "a member that the server writes",
            api()
                .dpop(Dpop::allowed())
                .metadata(ResourceMetadata::new().member("dpop_bound_access_tokens_required", true)),
            Some("invalid_setting"),
        ),
        (
            "API keys where only bound tokens are taken",
            api().dpop(Dpop::required()).api_keys(ApiKeys::new().key(ApiKey::from_secret(
                "billing",
                "3q2-7wAAKjX0iE9s1vBQmZpT",
                "billing",
            ))),
            Some("opaque"),
        ),
        (
            "tokens that spend a nonce",
            ResourceServer::builder("https://api.test")
                .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, profile))
                .nonces(Nonces::new().unwrap())
                .dpop(Dpop::allowed()),
            Some("spends"),
        ),
    ];
    for (name, builder, expected) in rows {
        let codes: Vec<_> = match builder.build() {
            Ok(_) => Vec::new(),
            Err(error) => error.problems().iter().map(|problem| problem.code().to_owned()).collect(),
        };
        assert_eq!(codes, Vec::from_iter(expected), "{name}");
    }
}

#[test]
fn settings_show_no_secret() {
    let shown = format!("{:?}", Dpop::allowed());
    assert!(shown.starts_with("Dpop { required: false, algorithms: {PS256, ES256, EdDSA}"), "{shown}");
}

//! What `build()` refuses of the settings of certificates.

use tower_resource_server::{
    ApiKey, ApiKeys, Mtls, ResourceServer, ResourceServerBuilder,
    http::{CertificateHeader, PublicAddress, ResourceMetadata},
    test_util::TestIssuer,
};

#[test]
fn settings_that_cannot_work_are_refused_each_with_its_code() {
    let issuer = TestIssuer::new();
    let api = || ResourceServer::builder("https://api.test").issuer(issuer.trusted());
    let proxies = || PublicAddress::from_trusted_proxies(["10.0.0.0/8"]);
    let told = || Mtls::allowed().header(CertificateHeader::envoy());
    let keys = || ApiKeys::new().key(ApiKey::from_secret("billing", "3q2-7wAAKjX0iE9s1vBQmZpT", "billing"));
    let rows: Vec<(&str, ResourceServerBuilder, Option<&str>)> = vec![
        ("allowed", api().mtls(Mtls::allowed()), None),
        ("required", api().mtls(Mtls::required()), None),
        ("taken back", api().api_keys(keys()).mtls(Mtls::required()).mtls(None), None),
        (
            "a server without an address",
            ResourceServer::builder("orders").issuer(issuer.trusted()).mtls(Mtls::required()),
            None,
        ),
        ("a header of a proxy", api().mtls(told()).public_address(proxies()), None),
        ("a header and no address", api().mtls(told()), Some("no_proxy")),
        (
            "a header and a fixed address",
            api().mtls(told()).public_address(PublicAddress::fixed("https://api.test")),
            Some("no_proxy"),
        ),
        ("a header that is taken back", api().mtls(told().header(None)), None),
        ("API keys beside", api().mtls(Mtls::allowed()).api_keys(keys()), None),
        (
            "API keys where only bound tokens are taken",
            api().mtls(Mtls::required()).api_keys(keys()),
            Some("opaque"),
        ),
        (
            "a member that the server writes",
            api()
                .metadata(ResourceMetadata::new().member("tls_client_certificate_bound_access_tokens", true)),
            Some("invalid_setting"),
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
fn settings_say_what_they_are() {
    let shown = format!("{:?}", Mtls::required().header(CertificateHeader::rfc9440()));
    assert!(shown.contains("required: true") && shown.contains("client-cert"), "{shown}");
}

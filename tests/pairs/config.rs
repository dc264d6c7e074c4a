//! Contradictions that a server refuses to be built with, each with what to write instead.

use std::time::Duration;

use tower_resource_server::{
    ResourceServer, ResourceServerBuilder, TrustedIssuer,
    http::IdTokenLocation,
    issuer::SigningKey,
    keys::{Algorithm, KeyError, KeySet, VerifyingKey, WeakSecret},
    policy::claim,
    profile::TokenProfile,
    test_util::TestIssuer,
    token::TokenLimits,
};

fn keys() -> KeySet {
    KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32]).unwrap()])
}

fn trusted() -> TrustedIssuer {
    trusted_as(TokenProfile::jwt())
}

fn trusted_as(profile: TokenProfile) -> TrustedIssuer {
    TrustedIssuer::with_keys("https://issuer.test", keys(), profile)
}

fn server() -> ResourceServerBuilder {
    ResourceServer::builder("https://api.test").issuer(trusted())
}

fn with(profile: TokenProfile) -> ResourceServerBuilder {
    ResourceServer::builder("https://api.test").issuer(trusted_as(profile))
}

fn problems(builder: ResourceServerBuilder) -> Vec<String> {
    match builder.build() {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

const NOT_BOUND_TO_ISSUER: &str =
    r#"issuer "https://issuer.test": no rule binds a token to its issuer; add claim("iss").is_issuer()"#;
const NO_TIME: &str = r#"issuer "https://issuer.test": no rule is about time; add claim("exp").after_now()"#;
const NO_END: &str = r#"issuer "https://issuer.test": no rule bounds how long a token is good; add claim("exp").after_now(), which must be there"#;
const NOT_BOUND_TO_RESOURCE: &str = r#"issuer "https://issuer.test": no rule binds a token to this server; add claim("aud").names_resource()"#;

#[test]
fn each_contradiction_is_named_with_what_to_write_instead() {
    let deep = TokenLimits::default().nesting(101);
    let no_key = TokenLimits::default().keys_tried(0);
    let own = || TokenProfile::empty().rule(claim("exp").after_now());
    let secret =
        VerifyingKey::from_hmac_secret(b"a secret of thirty-two bytes, or", Algorithm::HS256).unwrap();
    for (name, builder, expected) in [
        ("nothing wrong", server(), None),
        (
            "nothing wrong with ID tokens",
            server().client_id("web").id_token(IdTokenLocation::AfterAccessToken),
            None,
        ),
        (
            "no issuer",
            ResourceServer::builder("https://api.test"),
            Some("issuer: none is trusted; add one with .issuer(..)"),
        ),
        (
            "no resource",
            ResourceServer::builder("").issuer(trusted()),
            Some("resource: it is empty; name this server, as in the `aud` of its tokens"),
        ),
        ("an empty audience", server().audience(""), Some("audience: one is empty; leave it out")),
        (
            "ID tokens without a client",
            server().id_token(IdTokenLocation::AfterAccessToken),
            Some("id_token: ID tokens are for one client; name it with .client_id(..)"),
        ),
        ("an empty client", server().client_id(""), Some("client_id: one is empty; leave it out")),
        (
            "nesting beyond the parser",
            server().limits(deep),
            Some("limits: nesting is above 100, where the JSON parser ends; use 100 or less"),
        ),
        (
            "no key to try",
            server().limits(no_key),
            Some("limits: keys_tried is 0, so that no token could be verified; use 1 or more"),
        ),
        (
            "a realm that fits no header",
            server().realm("a\r\nb"),
            Some("realm: only printable ASCII can stand in a challenge; leave other characters out"),
        ),
        (
            "an issuer without a name",
            ResourceServer::builder("https://api.test").issuer(TrustedIssuer::with_keys(
                "",
                keys(),
                TokenProfile::jwt(),
            )),
            Some("issuer: its name is empty; use the `iss` of its tokens"),
        ),
        (
            "an issuer twice",
            server().issuer(trusted()),
            Some(r#"issuer "https://issuer.test": it is there twice; merge both into one"#),
        ),
        (
            "an issuer without keys",
            ResourceServer::builder("https://api.test").issuer(TrustedIssuer::with_keys(
                "https://issuer.test",
                KeySet::default(),
                TokenProfile::jwt(),
            )),
            Some(r#"issuer "https://issuer.test": it has no key; give at least one"#),
        ),
        (
            "a profile bound to no issuer",
            with(own().rule(claim("aud").names_resource())),
            Some(NOT_BOUND_TO_ISSUER),
        ),
        (
            "a profile bound to no resource",
            with(own().rule(claim("iss").is_issuer())),
            Some(NOT_BOUND_TO_RESOURCE),
        ),
        (
            "a profile whose binding was taken out",
            with(TokenProfile::rfc9068().without_rules_on("aud")),
            Some(NOT_BOUND_TO_RESOURCE),
        ),
        (
            "a binding that may be absent",
            with(
                TokenProfile::rfc9068()
                    .without_rules_on("aud")
                    .rule(claim("aud").names_resource().if_present()),
            ),
            Some(NOT_BOUND_TO_RESOURCE),
        ),
        (
            "a binding to no client",
            with(TokenProfile::rfc9068().rule(claim("azp").is_client())),
            Some(
                r#"issuer "https://issuer.test": its profile compares with the client; name it with .client_id(..)"#,
            ),
        ),
        (
            "too much leeway",
            with(TokenProfile::jwt().leeway(Duration::from_secs(601))),
            Some(r#"issuer "https://issuer.test": a leeway of 601 s; at most 600 s make sense"#),
        ),
        (
            "keys of another algorithm",
            with(TokenProfile::jwt().algorithms([Algorithm::ES256])),
            Some(
                r#"issuer "https://issuer.test": none of its keys fits an accepted algorithm {ES256}; name theirs with TokenProfile::algorithms"#,
            ),
        ),
        (
            "an ID token profile bound to no client",
            ResourceServer::builder("https://api.test")
                .issuer(trusted().id_token_profile(
                    TokenProfile::oidc_id_token().without_rules_on("aud").without_rules_on("azp"),
                ))
                .client_id("web"),
            Some(
                r#"issuer "https://issuer.test", ID tokens: no rule binds a token to this server; add claim("aud").names_resource()"#,
            ),
        ),
        (
            "a secret that was not asked for",
            ResourceServer::builder("https://api.test").issuer(TrustedIssuer::with_keys(
                "https://issuer.test",
                KeySet::from_keys([secret]),
                TokenProfile::jwt(),
            )),
            Some(
                r#"issuer "https://issuer.test": none of its keys fits an accepted algorithm {RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA}; name theirs with TokenProfile::algorithms"#,
            ),
        ),
    ] {
        assert_eq!(problems(builder), Vec::from_iter(expected), "{name}");
    }
}

#[test]
fn a_profile_whose_tokens_need_never_end_does_not_build_unless_that_is_dangerous() {
    let bare = || {
        let bound = TokenProfile::empty().rule(claim("iss").is_issuer());
        bound.rule(claim("aud").names_resource())
    };
    let without_exp = |profile: TokenProfile| profile.without_rules_on("exp");
    let hour = Duration::from_secs(3600);
    let (ten_years, nanosecond) = (87_600 * hour, Duration::from_nanos(1));
    for (name, profile, expected) in [
        ("exp", bare().rule(claim("exp").after_now()), None),
        ("an end by another name", bare().rule(claim("until").after_now()), None),
        ("an age", bare().rule(claim("iat").within_last(hour)), None),
        ("a nonce that ends", bare().rule(claim("iat").not_in_future()).spends_nonce("nce"), None),
        ("no rule on time", bare(), Some(NO_TIME)),
        ("no rule on time, and a nonce", bare().spends_nonce("nce"), Some(NO_TIME)),
        ("a date whenever it is", bare().rule(claim("exp").numeric_date()), Some(NO_TIME)),
        ("a whole number", bare().rule(claim("exp").whole_number()), Some(NO_TIME)),
        ("exp, present", bare().rule(claim("exp").present()), Some(NO_TIME)),
        (
            "a span between two claims",
            bare().rule(claim("exp").ends_lifetime(hour, Some(hour))),
            Some(NO_TIME),
        ),
        ("exp, if present", bare().rule(claim("exp").after_now().if_present()), Some(NO_END)),
        (
            "exp, if another has several",
            bare().rule(claim("exp").after_now().if_several("aud")),
            Some(NO_END),
        ),
        ("nothing but a beginning", bare().rule(claim("nbf").not_before()), Some(NO_END)),
        ("nothing but an issue", bare().rule(claim("iat").not_in_future()), Some(NO_END)),
        ("an age, if present", bare().rule(claim("iat").within_last(hour).if_present()), Some(NO_END)),
        ("any age", bare().rule(claim("iat").within_last(Duration::MAX)), Some(NO_END)),
        ("nearly any age", bare().rule(claim("iat").within_last(Duration::MAX - nanosecond)), Some(NO_END)),
        ("ten years", bare().rule(claim("iat").within_last(ten_years)), None),
        ("more", bare().rule(claim("iat").within_last(ten_years + nanosecond)), Some(NO_END)),
        ("jwt", TokenProfile::jwt(), None),
        ("jwt without exp", without_exp(TokenProfile::jwt()), Some(NO_END)),
        ("rfc9068", TokenProfile::rfc9068(), None),
        ("rfc9068 without exp", without_exp(TokenProfile::rfc9068()), Some(NO_END)),
        ("dangerous", bare().dangerous().unbounded_lifetime(), None),
        ("dangerous, jwt", without_exp(TokenProfile::jwt()).dangerous().unbounded_lifetime(), None),
    ] {
        assert_eq!(problems(with(profile)), Vec::from_iter(expected), "{name}");
    }
    let id_tokens = |profile| {
        let issuer = trusted().id_token_profile(profile);
        ResourceServer::builder("https://api.test").issuer(issuer)
    };
    let endless = || without_exp(TokenProfile::oidc_id_token());
    let of_id_tokens = NO_END.replace("test\": ", "test\", ID tokens: ");
    for (name, builder, expected) in [
        ("ID tokens", id_tokens(endless()).client_id("web"), Some(of_id_tokens)),
        ("ID tokens that are not taken", id_tokens(endless()), None),
        (
            "ID tokens, dangerous",
            id_tokens(endless().dangerous().unbounded_lifetime()).client_id("web"),
            None,
        ),
    ] {
        assert_eq!(problems(builder), Vec::from_iter(expected), "{name}");
    }
}

#[test]
fn several_contradictions_are_named_at_once() {
    let builder = ResourceServer::builder("")
        .audience("")
        .id_token(IdTokenLocation::AfterAccessToken)
        .realm("ä")
        .issuer(trusted().map_profile(|_| TokenProfile::empty().algorithms([])))
        .issuer(TrustedIssuer::with_keys("https://issuer.test", KeySet::default(), TokenProfile::jwt()));
    let error = builder.build().unwrap_err();
    assert_eq!(
        error.problems().iter().map(|problem| problem.text()).collect::<Vec<_>>(),
        [
            "resource: it is empty; name this server, as in the `aud` of its tokens",
            "audience: one is empty; leave it out",
            "id_token: ID tokens are for one client; name it with .client_id(..)",
            NOT_BOUND_TO_ISSUER,
            NOT_BOUND_TO_RESOURCE,
            NO_TIME,
            r#"issuer "https://issuer.test": no algorithm is accepted; name at least one"#,
            r#"issuer "https://issuer.test": none of its keys fits an accepted algorithm {}; name theirs with TokenProfile::algorithms"#,
            r#"issuer "https://issuer.test": it is there twice; merge both into one"#,
            r#"issuer "https://issuer.test": it has no key; give at least one"#,
            "realm: only printable ASCII can stand in a challenge; leave other characters out",
        ]
    );
    assert_eq!(
        error.to_string(),
        error.problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    );
}

#[test]
fn promise_2_secrets_are_long_and_never_with_keys_from_elsewhere() {
    for (length, good) in [(0, false), (1, false), (31, false), (32, true)] {
        let secret: Vec<u8> = (7..).take(length).collect();
        let key = VerifyingKey::from_hmac_secret(&secret, Algorithm::HS256);
        assert_eq!(key.is_ok(), good, "{length} bytes");
    }
    let refused = |secret: &[u8]| VerifyingKey::from_hmac_secret(secret, Algorithm::HS256).unwrap_err();
    let pem = SigningKey::generate(Algorithm::ES256).unwrap().public_key_pem().unwrap();
    assert_eq!(refused(pem.as_bytes()), KeyError::WeakSecret(WeakSecret::Public));
    assert_eq!(refused(&[7; 64]), KeyError::WeakSecret(WeakSecret::Repeats));
    let secret = b"a secret of thirty-two bytes, or";
    assert!(VerifyingKey::from_hmac_secret(secret, Algorithm::ES256).is_err());
    // A secret in a key set is no key.
    let jwks = TestIssuer::new().jwks();
    let mut keys = jwks["keys"].as_array().unwrap().clone();
    keys.push(serde_json::json!({ "kty": "oct", "kid": "secret", "alg": "HS256", "k": "A".repeat(64) }));
    let set = KeySet::from_jwks(serde_json::json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    assert_eq!((set.len(), set.skipped().len()), (1, 1));
}

#[cfg(feature = "remote")]
#[test]
fn addresses_and_algorithms_of_remote_keys_are_judged_at_once() {
    let remote = |uri: &str| TrustedIssuer::with_jwks_uri("https://issuer.test", uri, TokenProfile::jwt());
    let build = |issuer: TrustedIssuer| ResourceServer::builder("https://api.test").issuer(issuer);
    let hmac = TokenProfile::jwt().algorithms([Algorithm::HS256, Algorithm::RS256]);
    const INSECURE: &str = "not https (plain http is for loopback, and only when opted into); use https, or";
    let sourced = |problem: &str| Some(format!("issuer \"https://issuer.test\": {problem}"));
    let at_fault = |url: &str, problem: &str| sourced(&format!("its jwks_uri {url:?}: {problem}"));
    let trusted =
        |host: &str| format!("{INSECURE} in a network that is trusted .dangerous().plain_http_to({host:?})");
    let this_machine = format!("{INSECURE} allow it with .allow_loopback_http(true)");
    for (name, issuer, expected) in [
        ("https", remote("https://issuer.test/jwks"), None),
        ("loopback, opted into", remote("http://127.0.0.1:8080/jwks").allow_loopback_http(true), None),
        (
            "below localhost, opted into",
            remote("http://idp.localhost:8080/jwks").allow_loopback_http(true),
            None,
        ),
        (
            "loopback",
            remote("http://127.0.0.1:8080/jwks"),
            at_fault("http://127.0.0.1:8080/jwks", &this_machine),
        ),
        (
            "below localhost",
            remote("http://idp.localhost/jwks"),
            at_fault("http://idp.localhost/jwks", &this_machine),
        ),
        (
            "http",
            remote("http://issuer.test/jwks").allow_loopback_http(true),
            at_fault("http://issuer.test/jwks", &trusted("issuer.test")),
        ),
        (
            "a host in a container network",
            remote("http://keycloak:8080/realms/shop/certs"),
            at_fault("http://keycloak:8080/realms/shop/certs", &trusted("keycloak")),
        ),
        (
            "a host that is named",
            remote("http://keycloak:8080/realms/shop/certs").dangerous().plain_http_to("keycloak"),
            None,
        ),
        (
            "another host than is named",
            remote("http://keycloak:8080/certs").dangerous().plain_http_to("idp"),
            at_fault("http://keycloak:8080/certs", &trusted("keycloak")),
        ),
        (
            "two hosts that are named",
            remote("http://keycloak:8080/certs")
                .dangerous()
                .plain_http_to("idp")
                .dangerous()
                .plain_http_to("keycloak"),
            None,
        ),
        (
            "a host that is none",
            remote("https://issuer.test/jwks").dangerous().plain_http_to("keycloak:8080"),
            sourced("plain_http_to(\"keycloak:8080\") names no host; leave out scheme, port and path"),
        ),
        (
            "an issuer at a host that is named",
            TrustedIssuer::discover("http://keycloak:8080/realms/shop", TokenProfile::jwt())
                .dangerous()
                .plain_http_to("keycloak"),
            None,
        ),
        (
            "an issuer in a container network",
            TrustedIssuer::discover("http://keycloak:8080/realms/shop", TokenProfile::jwt()),
            Some(format!("issuer \"http://keycloak:8080/realms/shop\": {}", trusted("keycloak"))),
        ),
        ("no URL", remote("jwks"), at_fault("jwks", "not an absolute URL with a host")),
        (
            "a file",
            remote("file:///etc/passwd"),
            at_fault("file:///etc/passwd", "not an absolute URL with a host"),
        ),
        (
            "a password, which is not told",
            remote("https://a:b@issuer.test/jwks"),
            at_fault("https://issuer.test/jwks", "the URL contains a user name or password"),
        ),
        (
            "the metadata service",
            remote("https://169.254.169.254/"),
            at_fault("https://169.254.169.254/", "the address is not one that keys may be fetched from"),
        ),
        (
            "an issuer with a query",
            TrustedIssuer::discover("https://issuer.test/?x", TokenProfile::jwt()),
            Some(
                "issuer \"https://issuer.test/?x\": an issuer identifier has neither query nor fragment"
                    .into(),
            ),
        ),
        (
            "HMAC",
            remote("https://issuer.test/jwks").map_profile(|_| hmac),
            sourced(
                "HMAC with keys from the network would let anyone sign who can read them; accept asymmetric algorithms only, or give the secret with .also_keys(..)",
            ),
        ),
    ] {
        assert_eq!(problems(build(issuer)), Vec::from_iter(expected), "{name}");
    }
}

#[cfg(feature = "remote")]
#[test]
fn every_number_of_a_refresh_that_makes_no_sense_is_named() {
    use std::time::Duration;

    use tower_resource_server::source::RefreshSettings;

    type Change = fn(&mut RefreshSettings);
    let found = |change: Change| {
        let mut settings = RefreshSettings::default();
        change(&mut settings);
        let remote = TrustedIssuer::with_jwks_uri(
            "https://issuer.test",
            "https://issuer.test/jwks",
            TokenProfile::jwt(),
        )
        .refresh(settings);
        problems(ResourceServer::builder("https://api.test").issuer(remote))
    };
    let table: [(&str, Change, &str); 20] = [
        ("the defaults", |_| {}, ""),
        ("min_freshness", |s| s.min_freshness = s.max_freshness + NS, "min_freshness is above max_freshness"),
        ("min_freshness, just", |s| s.min_freshness = s.max_freshness, ""),
        ("max_freshness", |s| s.max_freshness = s.stale_if_error, "max_freshness reaches stale_if_error"),
        ("max_freshness, just", |s| s.max_freshness = s.stale_if_error - NS, ""),
        ("jitter_percent", |s| s.jitter_percent = 51, "jitter_percent is above 50"),
        ("jitter_percent, just", |s| s.jitter_percent = 50, ""),
        ("min_backoff", |s| s.min_backoff = s.max_backoff + NS, "min_backoff is above max_backoff"),
        ("min_backoff, just", |s| s.min_backoff = s.max_backoff, ""),
        ("unknown_key_burst", |s| s.unknown_key_burst = 0, "unknown_key_burst is 0"),
        ("min_freshness of none", |s| s.min_freshness = Duration::ZERO, "min_freshness is zero"),
        ("fetch_timeout of none", |s| s.fetch_timeout = Duration::ZERO, "fetch_timeout is zero"),
        ("min_backoff of none", |s| s.min_backoff = Duration::ZERO, "min_backoff is zero"),
        (
            "unknown_key_interval of none",
            |s| s.unknown_key_interval = Duration::ZERO,
            "unknown_key_interval is zero",
        ),
        ("max_body", |s| s.max_body = 0, "max_body is 0"),
        ("max_body, just", |s| s.max_body = 1, ""),
        ("max_keys", |s| s.max_keys = 0, "max_keys is 0"),
        ("max_keys, just", |s| s.max_keys = 1, ""),
        ("max_redirects", |s| s.max_redirects = 6, "max_redirects is above 5"),
        ("max_redirects, just", |s| s.max_redirects = 5, ""),
    ];
    for (name, change, expected) in table {
        match (found(change).as_slice(), expected) {
            ([], "") => {}
            ([problem], words) if !words.is_empty() => {
                assert!(problem.starts_with("issuer \"https://issuer.test\": "), "{name}: {problem}");
                assert!(problem.contains(words), "{name}: {problem}");
            }
            (problems, _) => panic!("{name}: {problems:?}"),
        }
    }
    let everything = found(|s| {
        s.min_freshness = Duration::ZERO;
        s.max_freshness = s.stale_if_error;
        s.jitter_percent = 51;
        s.min_backoff = Duration::ZERO;
        s.unknown_key_burst = 0;
        s.fetch_timeout = Duration::ZERO;
        s.unknown_key_interval = Duration::ZERO;
        s.max_body = 0;
        s.max_keys = 0;
        s.max_redirects = 6;
    });
    assert_eq!(everything.len(), 10, "all at once: {everything:?}");
}

/// The smallest step beyond a bound.
#[cfg(feature = "remote")]
const NS: std::time::Duration = std::time::Duration::from_nanos(1);

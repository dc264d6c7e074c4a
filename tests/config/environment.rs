//! Environment variables: how keys are called, what they are laid over, and what is wrong with them.

use serde_json::{Value, json};
use tower_resource_server::{
    config::{ServerConfig, Settings},
    error::ConfigError,
};

use crate::{ISSUER, built::Folder, file, texts};

type Variables = &'static [(&'static str, &'static str)];

fn with(toml: &str, variables: &[(&str, &str)]) -> Result<ServerConfig, ConfigError> {
    let settings: Settings = toml::from_str(toml).unwrap();
    settings.with_env("API", variables.iter().copied()).resolve()
}

/// Laid over a file with one issuer.
#[test]
fn variables_are_called_as_their_keys() {
    for (name, root, variables, pointer, expected) in [
        (
            "a key",
            "",
            &[("API_RESOURCE", "https://other.test")][..],
            "/resource",
            json!("https://other.test"),
        ),
        ("a key of a table", "", &[("API_CACHE_MAX_BYTES", "1024")], "/cache/max_bytes", json!(1024)),
        ("true", "", &[("API_OPTIONAL", "true")], "/optional", json!(true)),
        ("false", "optional = true", &[("API_OPTIONAL", "false")], "/optional", json!(false)),
        ("a duration", "", &[("API_LEEWAY", "5s")], "/leeway", json!("5s")),
        (
            "a key of a table in a table",
            "",
            &[("API_CHALLENGES_INVALID_TOKEN_STATUS", "422")],
            "/challenges/invalid_token/status",
            json!(422),
        ),
        ("a list", "", &[("API_AUDIENCES", "a, b")], "/audiences", json!(["a", "b"])),
        (
            "a list in place of another",
            "audiences = [\"x\", \"y\"]",
            &[("API_AUDIENCES", "a")],
            "/audiences",
            json!(["a"]),
        ),
        (
            "an item of a list",
            "audiences = [\"x\", \"y\"]",
            &[("API_AUDIENCES_1", "a,b")],
            "/audiences",
            json!(["x", "a,b"]),
        ),
        (
            "a further item",
            "audiences = [\"x\"]",
            &[("API_AUDIENCES_1", "a")],
            "/audiences",
            json!(["x", "a"]),
        ),
        (
            "items in any order",
            "",
            &[("API_AUDIENCES_1", "b"), ("API_AUDIENCES_0", "a")],
            "/audiences",
            json!(["a", "b"]),
        ),
        (
            "ten items",
            "",
            &[
                ("API_AUDIENCES_10", "k"),
                ("API_AUDIENCES_9", "j"),
                ("API_AUDIENCES_2", "c"),
                ("API_AUDIENCES_0", "a"),
                ("API_AUDIENCES_1", "b"),
                ("API_AUDIENCES_3", "d"),
                ("API_AUDIENCES_4", "e"),
                ("API_AUDIENCES_5", "f"),
                ("API_AUDIENCES_6", "g"),
                ("API_AUDIENCES_7", "h"),
                ("API_AUDIENCES_8", "i"),
            ],
            "/audiences/10",
            json!("k"),
        ),
        (
            "a key of an issuer",
            "",
            &[("API_ISSUERS_0_JWKS_URI", "https://issuer.test/keys")],
            "/issuers/0/jwks_uri",
            json!("https://issuer.test/keys"),
        ),
        (
            "another issuer",
            "",
            &[("API_ISSUERS_1_PRESET_AUTH0_DOMAIN", "shop.eu.auth0.com")],
            "/issuers/1",
            json!({"preset": {"auth0": {"domain": "shop.eu.auth0.com"}}}),
        ),
        (
            "the longer of two names",
            "",
            &[
                ("API_ISSUERS_0_ALSO_KEYS_0_ALGORITHM", "ES256"),
                ("API_ISSUERS_0_ALSO_KEYS_0_PEM_FILE", "k.pem"),
            ],
            "/issuers/0/also_keys/0/pem_file",
            json!("k.pem"),
        ),
        (
            "names in lines",
            "",
            &[("API_REQUIREMENTS_ROUTES", "GET /a = scope(a)\n\n POST /b = claim(x = \"y\") ")],
            "/requirements/routes",
            json!({"GET /a": "scope(a)", "POST /b": "claim(x = \"y\")"}),
        ),
        (
            "names with lists, in lines",
            "",
            &[("API_SCOPE_IMPLIES", "admin = read, write")],
            "/scope_implies",
            json!({"admin": ["read", "write"]}),
        ),
        (
            "a file of a secret",
            "nonces.secret = \"0123456789abcdef0123456789abcdef\"",
            &[("API_NONCES_SECRET_FILE", "/run/nonces")],
            "/nonces",
            json!({"secret_file": "/run/nonces"}),
        ),
        (
            "a secret in place of a file",
            "nonces.secret_file = \"/run/nonces\"",
            &[("API_NONCES_SECRET", "0123456789abcdef0123456789abcdef")],
            "/nonces",
            json!({"secret": "(secret)"}),
        ),
        (
            "a file of the secret of proofs",
            "dpop = { mode = \"allowed\", nonces.secret = \"0123456789abcdef0123456789abcdef\" }",
            &[("API_DPOP_NONCES_SECRET_FILE", "/run/dpop")],
            "/dpop/nonces",
            json!({"secret_file": "/run/dpop"}),
        ),
        (
            "what is of others",
            "",
            &[("PATH", "/usr/bin"), ("APIS_X", "1"), ("API", "1"), ("XAPI_RESOURCE", "x")],
            "/resource",
            json!("https://api.test"),
        ),
    ] {
        let variables: Variables = variables;
        let config = with(&file(root, ISSUER), variables).unwrap_or_else(|error| panic!("{name}: {error}"));
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written.pointer(pointer), Some(&expected), "{name}: {written}");
    }
}

#[test]
fn wrong_variables_are_named_as_they_are_called() {
    for (name, root, variables, expected) in [
        (
            "an unknown variable",
            "",
            &[("API_NOTHING_LIKE_IT", "1")][..],
            &["API_NOTHING_LIKE_IT: there is no such key"][..],
        ),
        (
            "a typo",
            "",
            &[("API_AUDIENSES", "a")],
            &["API_AUDIENSES: there is no such key; did you mean API_AUDIENCES?"],
        ),
        (
            "a typo behind a number",
            "",
            &[("API_ISSUERS_3_JWKS_URL", "https://issuer.test")],
            &["API_ISSUERS_3_JWKS_URL: there is no such key; did you mean API_ISSUERS_0_JWKS_URI?"],
        ),
        ("a table", "", &[("API_CACHE", "large")], &["API_CACHE: there is no such key"]),
        (
            "no number",
            "",
            &[("API_CACHE_MAX_BYTES", "16 MiB")],
            &["API_CACHE_MAX_BYTES: \"16 MiB\" is not a whole number"],
        ),
        ("no bool", "", &[("API_OPTIONAL", "1")], &["API_OPTIONAL: \"1\" is not true or false"]),
        (
            "a duration without a unit",
            "",
            &[("API_LEEWAY", "30")],
            &["API_LEEWAY: \"30\" has no unit; write \"30s\""],
        ),
        (
            "an empty value",
            "",
            &[("API_LEEWAY", "")],
            &[
                "API_LEEWAY: it is empty; write a duration such as \"500ms\", \"30s\", \"5m\", \"6h\" or \"1d\", or leave it out",
            ],
        ),
        ("an empty list", "", &[("API_AUDIENCES", "")], &["API_AUDIENCES: \"\" is not a list"]),
        (
            "an empty item",
            "",
            &[("API_AUDIENCES", "a,,b")],
            &["API_AUDIENCES: it is empty; write a text, or leave it out"],
        ),
        (
            "a gap",
            "",
            &[("API_AUDIENCES_0", "a"), ("API_AUDIENCES_2", "c")],
            &["API_AUDIENCES_2: there is no API_AUDIENCES_1; number them from 0 on"],
        ),
        (
            "a list and an item",
            "",
            &[("API_AUDIENCES", "a"), ("API_AUDIENCES_0", "b")],
            &["API_AUDIENCES_0: it and API_AUDIENCES are both set; unset one"],
        ),
        (
            "both",
            "",
            &[
                ("API_NONCES_SECRET", "0123456789abcdef0123456789abcdef"),
                ("API_NONCES_SECRET_FILE", "/run/nonces"),
            ],
            &["API_NONCES: API_NONCES_SECRET and API_NONCES_SECRET_FILE are both there; leave one out"],
        ),
        (
            "a partly filled group",
            "",
            &[("API_HTTP_BEARER_TOKEN_FILE", "/run/token")],
            &[
                "API_HTTP_BEARER_TOKEN_ORIGIN: it is missing beside API_HTTP_BEARER_TOKEN_FILE; write the only origin that the token is sent to, as in https://kubernetes.default.svc",
            ],
        ),
        (
            "a partly filled issuer",
            "",
            &[("API_ISSUERS_1_LEEWAY", "5s")],
            &["API_ISSUERS_1: it has none of API_ISSUERS_1_ISSUER, API_ISSUERS_1_PRESET; write one of them"],
        ),
        (
            "a partly filled preset",
            "",
            &[("API_ISSUERS_1_PRESET_KEYCLOAK_REALM", "shop")],
            &[
                "API_ISSUERS_1_PRESET_KEYCLOAK_SERVER: it is missing beside API_ISSUERS_1_PRESET_KEYCLOAK_REALM; write the address of the server, as in https://keycloak.example",
            ],
        ),
        (
            "two groups",
            "",
            &[("API_ISSUERS_0_PRESET_AUTH0_DOMAIN", "shop.eu.auth0.com")],
            &[
                "issuers[0]: issuer and API_ISSUERS_0_PRESET are both there; leave one out",
                "issuers[0]: profile and API_ISSUERS_0_PRESET are both there; leave one out",
            ],
        ),
        (
            "a profile",
            "",
            &[("API_ISSUERS_0_PROFILE", "rfc9086")],
            &[
                "API_ISSUERS_0_PROFILE: \"rfc9086\" is not one of rfc9068, jwt, auth0, entra_v1, entra_v2, keycloak, okta; did you mean rfc9068?",
            ],
        ),
        (
            "a requirement",
            "",
            &[("API_REQUIREMENTS_ALWAYS", "scope(a")],
            &["API_REQUIREMENTS_ALWAYS: at character 8: a `)` is missing here"],
        ),
        (
            "a line without a value",
            "",
            &[("API_REQUIREMENTS_ROUTES", "GET /a")],
            &["API_REQUIREMENTS_ROUTES: a line is not NAME = VALUE; write one on each line"],
        ),
        (
            "a table in the file",
            "cache = 1",
            &[("API_CACHE_DIGESTS", "true")],
            &[
                "API_CACHE_DIGESTS: the file has no table there; correct it, or unset the variable",
                "cache: 1 is not a table",
            ],
        ),
        (
            "what only building finds",
            "",
            &[("API_LIMITS_KEYS_TRIED", "0"), ("API_ISSUERS_0_JWKS_URI", "http://issuer.test/keys")],
            &[
                "API_LIMITS_KEYS_TRIED: keys_tried is 0, so that no token could be verified; use 1 or more",
                "API_ISSUERS_0_JWKS_URI: its jwks_uri \"http://issuer.test/keys\": not https (plain http is for loopback, and only when opted into); use https, or in a network that is trusted dangerous.plain_http_to (\"issuer.test\")",
            ],
        ),
    ] {
        let (variables, expected): (Variables, &[&str]) = (variables, expected);
        let built = with(&file(root, ISSUER), variables).and_then(|config| config.build());
        let error = built.err().unwrap_or_else(|| panic!("{name}: it is built"));
        assert_eq!(texts(&error), expected, "{name}");
        let paths: Vec<_> = error.problems().iter().map(|problem| problem.path()).collect();
        let spelt: Vec<_> = expected.iter().map(|text| text.split(": ").next().unwrap()).collect();
        assert_eq!(paths, spelt, "{name}");
    }
}

#[test]
fn the_environment_is_enough() {
    let folder = Folder::new("environment");
    let secret = folder.file("secret", "2b7e151628aed2a6abf7158809cf4f3c\n");
    let variables = [
        ("SHOP_AUTH_RESOURCE", "https://api.test"),
        ("SHOP_AUTH_ISSUERS_0_ISSUER", "https://issuer.test"),
        ("SHOP_AUTH_ISSUERS_0_PROFILE", "jwt"),
        ("SHOP_AUTH_ISSUERS_0_TOKENS_ALGORITHMS", "HS256"),
        ("SHOP_AUTH_ISSUERS_0_KEYS_0_ALGORITHM", "HS256"),
        ("SHOP_AUTH_ISSUERS_0_KEYS_0_SECRET_FILE", &secret),
        ("SHOP_AUTH_NONCES_SECRET", "a-secret-of-more-than-32-bytes-1"),
    ];
    let config = ServerConfig::from_env("SHOP_AUTH", variables).unwrap();
    let written: Value = serde_json::to_value(&config).unwrap();
    assert_eq!(written["issuers"][0]["keys"][0]["secret_file"], json!(secret));
    assert_eq!(config.build().unwrap().server().health()[0].keys.keys, 1);

    let error = ServerConfig::from_env("SHOP_AUTH", std::iter::empty::<(String, String)>()).unwrap_err();
    assert_eq!(
        texts(&error),
        [
            "resource: it is missing; write the resource identifier of this API (RFC 8707), its default audience",
            "issuers: it is missing; write the issuers whose tokens are accepted, one table each",
        ]
    );
}

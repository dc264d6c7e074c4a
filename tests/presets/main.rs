//! Each preset against a token shaped like its provider's, and against the wrong cousins: the ID
//! token, the token of another client, tenant, audience or version.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop where they are wrong")]
#![allow(clippy::indexing_slicing, clippy::panic, unreachable_pub, reason = "no crate imports a test")]

mod amazon;
mod google;
mod keycloak;
mod mechanisms;
mod microsoft;
mod moto;
#[cfg(feature = "remote")]
mod pem_per_kid;
mod products;
mod proxies;
mod rented;
mod tables;
mod vendors;
mod workloads;

use std::sync::LazyLock;

use serde_json::{Value, json};
use tower_resource_server::{
    IdTokenExpectations, Identity, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    issuer::SigningKey,
    keys::{Algorithm, KeySet},
    policy::Requirement,
    profile::TokenProfile,
    test_util::{ManualClock, TestIssuer},
};

/// The fixed time of all tests here, in seconds.
pub const NOW: u64 = 1_700_000_000;

/// RSA keys take a while to make.
static RSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap().with_kid("kid-1"));

/// A provider as it is seen from outside: its name, its tokens, its keys.
pub struct Provider {
    /// The issuer identifier.
    pub issuer: &'static str,
    /// The resource server.
    pub audience: &'static str,
    /// The client that ID tokens are for.
    pub client: &'static str,
    /// What the preset says of access tokens.
    pub access_profile: TokenProfile,
    /// What the preset says of ID tokens.
    pub id_profile: TokenProfile,
    /// The header of all its tokens.
    pub header: Value,
    /// The claims of a good access token.
    pub access: Value,
    /// The claims of a good ID token.
    pub id: Value,
}

/// What becomes of a token: the code of the reason against it.
type Verdict = Result<Identity, &'static str>;

impl Provider {
    /// The keys as these providers publish them: without `alg`, with members of their own.
    fn keys() -> KeySet {
        let issuer = TestIssuer::builder().signing_key(RSA.clone()).build();
        let mut jwks = issuer.jwks();
        let key = jwks["keys"][0].as_object_mut().unwrap();
        key.remove("alg");
        key.insert("use".into(), "sig".into());
        key.insert("x5t".into(), "kid-1".into());
        key.insert("issuer".into(), "https://login.microsoftonline.com/{tenantid}/v2.0".into());
        KeySet::from_jwks(jwks.to_string().as_bytes()).unwrap()
    }

    fn server(&self) -> ResourceServer {
        self.server_that(|builder| builder)
    }

    /// Whether the good access token, with this patch on its claims, meets a requirement.
    pub fn admits(&self, needed: Requirement, patch: Value) -> bool {
        let token = self.sign(&self.header, &patched(&self.access, &patch));
        self.server_that(|builder| builder.require(needed)).verify_now(&token).is_ok()
    }

    fn server_that(
        &self,
        also: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
    ) -> ResourceServer {
        let issuer = TrustedIssuer::with_keys(self.issuer, Self::keys(), self.access_profile.clone())
            .id_token_profile(self.id_profile.clone());
        let builder = ResourceServer::builder(self.audience)
            .client_id(self.client)
            .issuer(issuer)
            .clock(ManualClock::default());
        also(builder).build().unwrap()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let issuer = TestIssuer::builder().signing_key(RSA.clone()).build();
        issuer.sign_raw(&header.to_string(), claims.to_string().as_bytes())
    }

    async fn verify(&self, header: &Value, claims: &Value) -> Verdict {
        let token = self.sign(header, claims);
        self.server().verify_access_token(&token).await.map_err(|refusal| refusal.reason().code())
    }

    /// The good access token, with this patch (RFC 7396) on its claims.
    pub async fn access_with(&self, patch: Value) -> Verdict {
        self.verify(&self.header, &patched(&self.access, &patch)).await
    }

    /// The good access token, with this patch on its header.
    pub async fn access_with_header(&self, patch: Value) -> Verdict {
        self.verify(&patched(&self.header, &patch), &self.access).await
    }

    /// The good ID token in place of the access token, with this patch on its claims.
    pub async fn id_as_access(&self, patch: Value) -> Verdict {
        self.verify(&self.header, &patched(&self.id, &patch)).await
    }

    /// The good ID token, with this patch on its claims.
    pub async fn id_with(&self, patch: Value) -> Verdict {
        self.verify_id(&patched(&self.id, &patch)).await
    }

    async fn verify_id(&self, claims: &Value) -> Verdict {
        let token = self.sign(&self.header, claims);
        let verdict = self.server().verify_id_token(&token, IdTokenExpectations::default()).await;
        verdict.map_err(|refusal| refusal.reason().code())
    }

    /// What holds for all: the good tokens are good, each in its place, and what every profile
    /// refuses is refused.
    pub async fn check_the_common_rows(&self) {
        let good = self.access_with(json!({})).await;
        assert_eq!(good.as_ref().map(Identity::issuer), Ok(self.issuer));
        assert!(self.verify_id(&self.id).await.is_ok(), "the ID token as an ID token");
        if self.access != self.id {
            assert!(self.verify_id(&self.access).await.is_err(), "the access token as an ID token");
            assert!(self.id_as_access(json!({})).await.is_err(), "the ID token as an access token");
            let aimed = self.verify_id(&patched(&self.access, &json!({"aud": self.client}))).await;
            assert!(aimed.is_err(), "an access token for the client as an ID token");
            let aimed = self.id_as_access(json!({"aud": self.audience})).await;
            assert!(aimed.is_err(), "an ID token for this audience as an access token");
        }
        for (name, patch, code) in [
            ("expired", json!({"exp": NOW - 61}), "expired"),
            ("no expiry", json!({"exp": null}), "missing_claim"),
            ("no date", json!({"iat": null}), "missing_claim"),
            ("from the future", json!({"iat": NOW + 61}), "issued_in_future"),
            ("no subject", json!({"sub": null}), "missing_claim"),
            ("another issuer", json!({"iss": "https://evil.example"}), "untrusted_issuer"),
            ("a longer issuer", json!({"iss": format!("{}x", self.issuer)}), "untrusted_issuer"),
            ("another audience", json!({"aud": "https://other.example"}), "wrong_audience"),
            ("bound to its sender", json!({"cnf": {"jkt": "x"}}), "sender_constrained"),
        ] {
            assert_eq!(self.access_with(patch).await.err(), Some(code), "{name}");
        }
        for (name, patch, code) in [
            ("no algorithm", json!({"alg": "none"}), "algorithm_not_allowed"),
            ("a secret", json!({"alg": "HS256"}), "algorithm_not_allowed"),
            ("another type", json!({"typ": "logout+jwt"}), "wrong_type"),
            ("another key", json!({"kid": "kid-2"}), "unknown_key"),
        ] {
            assert_eq!(self.access_with_header(patch).await.err(), Some(code), "{name}");
        }
    }

    /// Rows of a patch on the claims of the good access token, and the reason against the result.
    pub async fn check_rows(&self, rows: impl IntoIterator<Item = (&str, Value, Option<&str>)>) {
        for (name, patch, expected) in rows {
            assert_eq!(self.access_with(patch).await.err(), expected, "{name}");
        }
    }
}

/// Signs as AWS does: with the padding of base64, which is signed as it stands there.
pub fn sign_padded(issuer: &TestIssuer, header: &str, payload: &[u8]) -> String {
    use base64_simd::URL_SAFE;
    let input = [header.as_bytes(), payload].map(|part| URL_SAFE.encode_to_string(part)).join(".");
    let key = issuer.token_issuer().signing_key();
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE.encode_to_string(signature))
}

/// RFC 7396 for flat objects: null takes a member away.
fn patched(value: &Value, patch: &Value) -> Value {
    let mut value = value.clone();
    let members = value.as_object_mut().unwrap();
    for (name, new) in patch.as_object().unwrap() {
        match new {
            Value::Null => members.remove(name),
            new => members.insert(name.clone(), new.clone()),
        };
    }
    value
}

/// The issuer that a preset makes of its arguments, as a built server has it.
#[cfg(feature = "remote")]
pub fn issuer_name(issuer: TrustedIssuer) -> String {
    let api = ResourceServer::builder("https://api.example").issuer(issuer).build().unwrap();
    api.health()[0].issuer.to_string()
}

#[test]
fn only_a_rule_that_names_values_can_stand_in_for_the_audience() {
    use tower_resource_server::policy::claim;
    let without = || TokenProfile::jwt().without_rules_on("aud");
    for (name, profile, good) in [
        ("no audience", without(), false),
        ("a list", without().rule(claim("client_id").one_of(["a"])), false),
        ("a list that binds", without().rule(claim("client_id").one_of(["a"]).binds_token()), true),
        ("a value that binds", without().rule(claim("app").equals("a").binds_token()), true),
        (
            "a list that binds, if present",
            without().rule(claim("client_id").one_of(["a"]).binds_token().if_present()),
            false,
        ),
        ("any value", without().rule(claim("client_id").non_empty_string().binds_token()), false),
        ("presence", without().rule(claim("client_id").present().binds_token()), false),
        ("all but some", without().rule(claim("client_id").none_of(["b"]).binds_token()), false),
    ] {
        let issuer = TrustedIssuer::with_keys("https://login.example", Provider::keys(), profile);
        let built = ResourceServer::builder("https://api.example").issuer(issuer).build();
        assert_eq!(built.is_ok(), good, "{name}");
    }
}

/// What is known of a provider is known from somewhere, and the page of its preset says from where.
#[test]
fn each_preset_names_its_source() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/preset");
    let names = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    let names: Vec<&str> =
        names.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(names.len() >= 31, "{names:?}");
    for name in names {
        let page = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .unwrap();
        let page: String = page.lines().filter(|line| line.starts_with("//!")).collect();
        let says =
            ["Source: ", "Claims: ", "documented at "].into_iter().find_map(|word| page.split_once(word));
        let source = says.map(|(_, source)| source).unwrap_or_default();
        let named = ["https://", "npm `", "the vendor's guide"].iter().any(|known| source.contains(known));
        assert!(named, "{name} names no source");
    }
}

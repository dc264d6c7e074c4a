//! Presets as tables: a token as its provider writes it, and rows that are one step off.

use serde_json::{Value, json};
use tower_resource_server::{
    Identity, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    issuer::SigningKey,
    keys::{Algorithm, KeySet},
    policy::Requirement,
    profile::TokenProfile,
    test_util::{ManualClock, TestIssuer},
};

use crate::{NOW, patched};

/// The tokens of one preset.
pub struct Table {
    pub issuer: &'static str,
    pub audience: &'static str,
    pub profile: TokenProfile,
    pub algorithm: Algorithm,
    pub header: Value,
    pub claims: Value,
    /// What the issuer of the preset is set to beside its profile.
    pub set: fn(TrustedIssuer) -> TrustedIssuer,
}

/// A row: what is changed in the header, what in the claims, and what it comes to.
pub type Row<'a> = (&'a str, Value, Value, Option<&'a str>);

/// A key of this algorithm.
pub fn key(algorithm: Algorithm) -> SigningKey {
    static MADE: std::sync::LazyLock<[SigningKey; 3]> = std::sync::LazyLock::new(|| {
        [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384]
            .map(|algorithm| SigningKey::generate(algorithm).unwrap().with_kid("kid-1"))
    });
    MADE.iter().find(|key| key.algorithm() == algorithm).unwrap().clone()
}

impl Table {
    /// An issuer with the key that the header names.
    pub fn signer(&self) -> TestIssuer {
        let kid = self.header["kid"].as_str().unwrap();
        TestIssuer::builder().signing_key(key(self.algorithm).with_kid(kid)).build()
    }

    pub fn server(&self) -> ResourceServer {
        self.server_that(|builder| builder)
    }

    fn server_that(
        &self,
        also: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
    ) -> ResourceServer {
        let issuer = self.signer();
        let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted = TrustedIssuer::with_keys(self.issuer, keys, self.profile.clone());
        let builder =
            ResourceServer::builder(self.audience).issuer((self.set)(trusted)).clock(ManualClock::default());
        also(builder).build().unwrap()
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.signer().sign_raw(&header.to_string(), claims.to_string().as_bytes())
    }

    /// The token with these patches (RFC 7396).
    pub async fn verify(&self, header: &Value, claims: &Value) -> Result<Identity, &'static str> {
        let token = self.sign(&patched(&self.header, header), &patched(&self.claims, claims));
        self.server().verify_access_token(&token).await.map_err(|refused| refused.reason().code())
    }

    pub async fn good(&self) -> Identity {
        self.verify(&json!({}), &json!({})).await.unwrap()
    }

    /// Whether the good token, with this patch on its claims, meets a requirement.
    pub fn admits(&self, needed: Requirement, patch: &Value) -> bool {
        let token = self.sign(&self.header, &patched(&self.claims, patch));
        self.server_that(|builder| builder.require(needed)).verify_now(&token).is_ok()
    }

    /// These rows, and those that hold for every preset.
    pub async fn check(&self, rows: &[Row<'_>]) {
        assert_eq!(self.good().await.issuer(), self.issuer);
        let (name, none) = (&self.issuer, json!({}));
        for (what, header, code) in [
            ("no algorithm", json!({"alg": "none"}), "algorithm_not_allowed"),
            ("a shared secret", json!({"alg": "HS256"}), "algorithm_not_allowed"),
            ("another kind of token", json!({"typ": "logout+jwt"}), "wrong_type"),
            ("another key", json!({"kid": "kid-2"}), "unknown_key"),
        ] {
            assert_eq!(self.verify(&header, &none).await.err(), Some(code), "{name}: {what}");
        }
        let bound = self.verify(&none, &json!({"cnf": {"jkt": "x"}})).await;
        assert_eq!(bound.err(), Some("sender_constrained"), "{name}");
        assert!(rows.iter().filter(|row| row.3.is_some()).count() >= 5, "{name}: too few");
        for (what, header, claims, expected) in rows {
            assert_eq!(self.verify(header, claims).await.err(), *expected, "{name}: {what}");
        }
    }

    /// Rows on claims alone, with those on time, issuer and audience that hold for most.
    pub async fn check_claims(&self, rows: &[(&str, Value, Option<&str>)]) {
        let common = [
            ("expired", json!({"exp": NOW - 61}), Some("expired")),
            ("no expiry", json!({"exp": null}), Some("missing_claim")),
            ("from the future", json!({"iat": NOW + 61}), Some("issued_in_future")),
            ("another issuer", json!({"iss": "https://evil.example"}), Some("untrusted_issuer")),
        ];
        let rows = common.iter().chain(rows);
        let rows: Vec<Row<'_>> =
            rows.map(|(name, claims, code)| (*name, json!({}), claims.clone(), *code)).collect();
        self.check(&rows).await;
    }
}

/// As it is.
pub fn unchanged(issuer: TrustedIssuer) -> TrustedIssuer {
    issuer
}

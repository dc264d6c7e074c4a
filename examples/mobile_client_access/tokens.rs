//! Tokens of the shape that Mobile Client Access has, and the key that goes with them.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tower_resource_server::{
    identity_provider::UserIdentity,
    issuer::{IssueError, SigningKey, TokenBuilder, TokenIssuer},
    keys::Algorithm,
};

use crate::site::{ASKING, AnyError};

const LIFETIME: Duration = Duration::from_secs(3600);

/// Who calls the identity provider in the service's own name.
const SERVICE: &str = "authorization-service";

pub(crate) struct Tokens {
    issuer: TokenIssuer,
    tenant: String,
    /// The public key as a JWK: `kty`, `n` and `e`.
    key: Value,
}

/// An app on a device, as it registered itself.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) client_id: String,
    pub(crate) application: Value,
    pub(crate) device: Value,
}

impl Tokens {
    pub(crate) fn new(tenant: &str, server_url: &str) -> Result<Self, AnyError> {
        let signing_key = SigningKey::generate(Algorithm::RS256)?.without_kid();
        let jwk = signing_key.public_jwk().ok_or("the key has no public half")?;
        // As the vendor writes it: a Java integer, with a zero byte in front for its sign.
        let modulus = URL_SAFE_NO_PAD.decode_to_vec(jwk["n"].as_str().unwrap_or_default())?;
        let n = URL_SAFE_NO_PAD.encode_to_string([&[0], modulus.as_slice()].concat());
        let key = json!({"kty": "RSA", "n": n, "e": jwk["e"]});
        let issuer =
            TokenIssuer::builder(format!("{server_url}/authorization/")).signing_key(signing_key).build()?;
        Ok(Self { issuer, tenant: tenant.to_owned(), key })
    }

    /// What resource servers fetch: one bare JWK, not a set.
    pub(crate) fn public_key(&self) -> &Value {
        &self.key
    }

    /// Says which client calls (`prn`), and which realms it has passed.
    pub(crate) fn access_token(&self, client_id: &str, realm: &str) -> Result<String, IssueError> {
        let until = self.issuer.now().saturating_add(LIFETIME).as_secs();
        let passed = json!({(realm): {"exp": until, "mandatory": true}});
        self.token().claim("prn", client_id).claim("imf.scope", passed).mint()
    }

    /// Says for whom, on which device and in which app. It belongs to the access token of the client
    /// that its `sub` ends with.
    pub(crate) fn id_token(
        &self,
        client: &Registration,
        user: &UserIdentity,
        realm: &str,
    ) -> Result<String, IssueError> {
        self.token()
            .claim("sub", format!("{}:{}", user.user_name(), client.client_id))
            .claim("imf.user", user.imf_user(realm))
            .claim("imf.device", client.device.clone())
            .claim("imf.application", client.application.clone())
            .mint()
    }

    /// The service's own, for the identity provider: no one else may ask that one.
    pub(crate) fn own(&self) -> Result<String, IssueError> {
        self.access_token(SERVICE, ASKING)
    }

    fn token(&self) -> TokenBuilder {
        self.issuer
            .token()
            // The service puts its key into every token; no verifier may look at it.
            .header("jpk", json!({"alg": "RSA", "mod": self.key["n"], "exp": self.key["e"]}))
            .claim("iss", self.issuer.issuer())
            .claim("aud", self.tenant.as_str())
            .lifetime(LIFETIME)
    }
}

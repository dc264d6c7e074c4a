//! One key an algorithm, and the tokens that every program gets, Node's included.

use std::{collections::BTreeMap, error::Error, fs::File, io::BufWriter, path::Path};

use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_resource_server::{issuer::SigningKey, keys::Algorithm};

pub(crate) const ISSUER: &str = "https://login.example/realms/production";
pub(crate) const API: &str = "https://api.example";
pub(crate) const KID: &str = "production-2026-11";
const SECRET: &[u8] = b"a secret that is as long as the hash, or longer";

pub(crate) const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::HS256];

/// The file: what to expect of a token, and a [`Set`] an algorithm.
#[derive(Deserialize, Serialize)]
pub(crate) struct Tokens {
    issuer: String,
    audience: String,
    algorithms: BTreeMap<String, Set>,
}

/// The key of one algorithm, and its tokens.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Set {
    /// Public, except that of HS256, which is the secret.
    pub(crate) jwk: Value,
    pub(crate) good: String,
    pub(crate) garbage: String,
    pub(crate) unknown_kid: String,
    pub(crate) expired: String,
    pub(crate) bad_signature: String,
}

impl Set {
    pub(crate) fn jwks(&self) -> String {
        json!({ "keys": [self.jwk] }).to_string()
    }

    /// A member of the key, decoded; empty when it has none.
    pub(crate) fn member(&self, name: &str) -> Vec<u8> {
        let text = self.jwk[name].as_str().unwrap_or_default();
        URL_SAFE_NO_PAD.decode_to_vec(text).unwrap_or_default()
    }

    /// What is signed of the good token, and the signature.
    pub(crate) fn signed(&self) -> (&[u8], Vec<u8>) {
        let (input, signature) = self.good.rsplit_once('.').expect("a token has three parts");
        (input.as_bytes(), URL_SAFE_NO_PAD.decode_to_vec(signature).expect("it was encoded here"))
    }
}

impl Tokens {
    pub(crate) fn generate() -> Result<Self, Box<dyn Error>> {
        let mut algorithms = BTreeMap::new();
        for algorithm in ALGORITHMS {
            let key = match algorithm {
                Algorithm::HS256 => SigningKey::from_hmac_secret(SECRET, algorithm)?,
                _ => SigningKey::generate(algorithm)?,
            };
            algorithms.insert(algorithm.name().to_owned(), set(&key.with_kid(KID))?);
        }
        Ok(Self { issuer: ISSUER.into(), audience: API.into(), algorithms })
    }

    pub(crate) fn of(&self, algorithm: Algorithm) -> Result<&Set, Box<dyn Error>> {
        Ok(self.algorithms.get(algorithm.name()).ok_or("tokens of another version")?)
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        Ok(serde_json::to_writer(BufWriter::new(File::create(path)?), self)?)
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }
}

fn set(key: &SigningKey) -> Result<Set, Box<dyn Error>> {
    let name = key.algorithm().name();
    let jwk = key.public_jwk().unwrap_or_else(
        || json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode_to_string(SECRET), "kid": KID, "alg": name }),
    );
    let token = |kid: &str, exp: u64| {
        let header = format!(r#"{{"alg":"{name}","typ":"at+jwt","kid":"{kid}"}}"#);
        key.sign_raw(&header, payload(exp).as_bytes())
    };
    let good = token(KID, 4_000_000_000)?;
    let (input, signature) = good.rsplit_once('.').ok_or("a token has three parts")?;
    let mut signature = URL_SAFE_NO_PAD.decode_to_vec(signature)?;
    // The first half of an ECDSA signature stays in range, so that the curve has its work.
    if let Some(last) = signature.last_mut() {
        *last ^= 1;
    }
    Ok(Set {
        jwk,
        garbage: "abcdefghijklmnopqrstuvwxyz".into(),
        unknown_kid: token("another", 4_000_000_000)?,
        expired: token(KID, 1_700_000_000)?,
        bad_signature: format!("{input}.{}", URL_SAFE_NO_PAD.encode_to_string(&signature)),
        good,
    })
}

/// 18 claims, like those of a realm with a few roles.
fn payload(exp: u64) -> String {
    format!(
        r#"{{"exp":{exp},"iat":1700000000,"auth_time":1699999990,"jti":"9f1c5a52-2d1b-4d0e-9c62-7d0b3f6c8a90","iss":"{ISSUER}","aud":["{API}","account"],"sub":"f:5b2c:9d1f6b0e-8a54-4b1b-9d3e-0f8e2f3a7c11","typ":"Bearer","client_id":"orders-frontend","azp":"orders-frontend","sid":"b8c6d9c2-7a3e-4f27-8f7b-2f1f4f8d3a55","acr":"1","scope":"openid profile email orders:read orders:write","realm_access":{{"roles":["offline_access","uma_authorization","customer"]}},"email_verified":true,"name":"Ada Example","preferred_username":"ada@example.com","email":"ada@example.com"}}"#
    )
}

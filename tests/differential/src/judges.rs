//! Both verifiers, set up alike: the same key, issuer, audience, leeway and required claims.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation, jwk::Jwk};
use serde_json::{Value, json};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    http::Reason,
    issuer::SigningKey,
    keys::{Algorithm, KeySet, VerifyingKey},
    profile::TokenProfile,
    test_util::ManualClock,
    time::UnixTime,
};

use crate::cases::{AUDIENCE, ISSUER, KID};

/// What the HMAC family signs with.
const SECRET: [u8; 64] = *b"a secret as long as the longest hash, and nothing else to say...";

pub struct Judges {
    pub signing: SigningKey,
    server: ResourceServer,
    clock: ManualClock,
    runtime: tokio::runtime::Runtime,
    theirs: DecodingKey,
    /// None for an algorithm that jsonwebtoken does not know: it then refuses everything.
    validation: Option<Validation>,
}

impl Judges {
    /// # Panics
    /// When the key or the set-up does not work: there is no test without them.
    pub fn new(signing: SigningKey, leeway: u64) -> Self {
        let jwk = signing.public_jwk();
        Self::with_jwk(signing, leeway, jwk)
    }

    /// With the key as both get to see it.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn with_jwk(signing: SigningKey, leeway: u64, jwk: Option<Value>) -> Self {
        let algorithm = signing.algorithm();
        let (ours, theirs) = match jwk {
            Some(jwk) => (
                VerifyingKey::from_jwk(&jwk.to_string()).expect("a public key"),
                serde_json::from_value::<Jwk>(jwk)
                    .ok()
                    .and_then(|jwk| DecodingKey::from_jwk(&jwk).ok())
                    .unwrap_or_else(|| DecodingKey::from_secret(&[])),
            ),
            None => (
                VerifyingKey::from_hmac_secret(&SECRET, algorithm).expect("a secret"),
                DecodingKey::from_secret(&SECRET),
            ),
        };
        let profile = TokenProfile::jwt().algorithms([algorithm]).leeway(Duration::from_secs(leeway));
        let clock = ManualClock::new(UnixTime::from_secs(0));
        let keys = KeySet::from_keys([ours.with_kid(KID)]);
        let server = ResourceServer::builder(AUDIENCE)
            .issuer(TrustedIssuer::with_keys(ISSUER, keys, profile))
            .clock(clock.clone())
            .build()
            .expect("a server");
        let validation = algorithm.name().parse().ok().map(|algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.leeway = leeway;
            validation.validate_nbf = true;
            validation.set_issuer(&[ISSUER]);
            validation.set_audience(&[AUDIENCE]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            validation
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { signing, server, clock, runtime, theirs, validation }
    }

    /// Our verdict at `now`; the reason of a refusal as its code, with the claim it is about.
    ///
    /// # Panics
    /// When a token is refused for another reason than itself.
    pub fn ours(&self, token: &str, now: u64) -> Result<(), String> {
        self.clock.set_unix(UnixTime::from_secs(now));
        match self.runtime.block_on(self.server.verify_access_token(token)) {
            Ok(_) => Ok(()),
            Err(rejection) => match rejection.reason() {
                Reason::InvalidToken { error, .. } => Err(match error.claim() {
                    Some(claim) => format!("{} {claim}", error.code()),
                    None => error.code().to_owned(),
                }),
                other => panic!("{other:?}"),
            },
        }
    }

    /// jsonwebtoken's verdict at the time of the system's clock.
    ///
    /// # Errors
    /// Its reason, as it says it.
    #[expect(clippy::disallowed_methods, reason = "the other side of the comparison")]
    pub fn theirs(&self, token: &str) -> Result<(), String> {
        let validation = self.validation.as_ref().ok_or("unknown algorithm")?;
        jsonwebtoken::decode::<Value>(token, &self.theirs, validation)
            .map(|_| ())
            .map_err(|why| why.to_string())
    }
}

/// One key for each algorithm; the RSA family shares one.
///
/// # Panics
/// When the cryptographic library fails.
pub fn keys() -> Vec<SigningKey> {
    let rsa = SigningKey::generate(Algorithm::RS256).expect("a key");
    let key = |algorithm: Algorithm| match algorithm.name().as_bytes() {
        [b'R' | b'P', ..] => rsa.with_algorithm(algorithm).expect("an RSA algorithm"),
        [b'H', ..] => SigningKey::from_hmac_secret(&SECRET, algorithm).expect("a secret"),
        _ => SigningKey::generate(algorithm).expect("a key"),
    };
    Algorithm::ALL.into_iter().map(|algorithm| key(algorithm).with_kid(KID)).collect()
}

/// A JWK of this key with a zero byte before the modulus, as issuers built on Java send it.
///
/// # Panics
/// When the key is not RSA.
pub fn with_leading_zero(key: &SigningKey) -> Value {
    let mut jwk = key.public_jwk().expect("a public key");
    let n = jwk["n"].as_str().expect("an RSA key").to_owned();
    let mut bytes = vec![0];
    bytes.extend(URL_SAFE_NO_PAD.decode_to_vec(n).expect("base64url"));
    jwk["n"] = json!(URL_SAFE_NO_PAD.encode_to_string(bytes));
    jwk
}

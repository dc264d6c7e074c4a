//! Private keys: generated or loaded, and what they sign.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding, RsaKeyPair},
};
use base64_simd::URL_SAFE_NO_PAD;
use spki::der::pem;

use super::{Algorithm, IssueError, SigningKeyError, public};
use crate::keys::PemBlock;

/// A private key (or secret) with the algorithm it signs with and its `kid`.
///
/// The `kid` is the key's [RFC 7638] thumbprint unless [`with_kid`](Self::with_kid) sets another or
/// [`without_kid`](Self::without_kid) leaves it out; an HMAC secret has none by default, because a
/// thumbprint would publish a hash of the secret.
///
/// Cloning is cheap and shares the key. `Debug` shows the algorithm and the `kid`, never the key.
///
/// ```
/// use tower_resource_server::{issuer::SigningKey, keys::Algorithm};
///
/// let key = SigningKey::generate(Algorithm::ES256)?;
/// let jwk = key.public_jwk().expect("not a secret");
/// assert_eq!(jwk["crv"], "P-256");
/// assert_eq!(jwk["kid"].as_str(), key.kid());
/// # Ok::<(), tower_resource_server::issuer::SigningKeyError>(())
/// ```
///
/// [RFC 7638]: https://www.rfc-editor.org/rfc/rfc7638
#[derive(Clone)]
pub struct SigningKey {
    material: Arc<Material>,
    algorithm: Algorithm,
    kid: Option<Arc<str>>,
}

/// What signs. RSA serves six algorithms; the others are bound to one by their type or curve.
#[expect(clippy::large_enum_variant, reason = "there is one of it, behind an `Arc`")]
pub(super) enum Material {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(hmac::Key),
}

/// The types of private key; each algorithm belongs to exactly one.
enum Family {
    Rsa(&'static dyn RsaEncoding),
    Ec(&'static EcdsaSigningAlgorithm),
    Ed25519,
    Hmac(hmac::Algorithm),
}

fn family(algorithm: Algorithm) -> Family {
    match algorithm {
        Algorithm::RS256 => Family::Rsa(&signature::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Family::Rsa(&signature::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Family::Rsa(&signature::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Family::Rsa(&signature::RSA_PSS_SHA256),
        Algorithm::PS384 => Family::Rsa(&signature::RSA_PSS_SHA384),
        Algorithm::PS512 => Family::Rsa(&signature::RSA_PSS_SHA512),
        Algorithm::ES256 => Family::Ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::ES384 => Family::Ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::ES512 => Family::Ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::EdDSA => Family::Ed25519,
        Algorithm::HS256 => Family::Hmac(hmac::HMAC_SHA256),
        Algorithm::HS384 => Family::Hmac(hmac::HMAC_SHA384),
        Algorithm::HS512 => Family::Hmac(hmac::HMAC_SHA512),
    }
}

impl SigningKey {
    /// Makes a new key: RSA of 2048 bits, the algorithm's own curve, Ed25519, or a random secret
    /// as long as the HMAC's hash.
    ///
    /// A generated secret never leaves this key: it suits tokens that only this process reads back.
    /// To share one, use [`from_hmac_secret`](Self::from_hmac_secret).
    ///
    /// ```
    /// use tower_resource_server::{issuer::SigningKey, keys::Algorithm};
    ///
    /// let key = SigningKey::generate(Algorithm::EdDSA)?.with_kid("2026-01");
    /// assert_eq!(key.kid(), Some("2026-01"));
    /// # Ok::<(), tower_resource_server::issuer::SigningKeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`SigningKeyError::Generation`] when the cryptographic library fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let failed = |_| SigningKeyError::Generation;
        let material = match family(algorithm) {
            Family::Rsa(_) => Material::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?),
            Family::Ec(curve) => Material::Ec(EcdsaKeyPair::generate(curve).map_err(failed)?),
            Family::Ed25519 => Material::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            Family::Hmac(hash) => {
                Material::Hmac(hmac::Key::generate(hash, &SystemRandom::new()).map_err(failed)?)
            }
        };
        Ok(Self::new(material, algorithm))
    }

    /// Reads a private key from PEM: `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1) or
    /// `EC PRIVATE KEY` (SEC 1). The first block of the text counts.
    ///
    /// ```
    /// use tower_resource_server::{issuer::SigningKey, keys::Algorithm};
    ///
    /// // RFC 8410 section 10.3: an example, not a secret.
    /// let pem = "-----BEGIN PRIVATE KEY-----\n\
    ///     MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    ///     -----END PRIVATE KEY-----\n";
    /// let key = SigningKey::from_pem(pem, Algorithm::EdDSA)?;
    /// assert!(SigningKey::from_pem(pem, Algorithm::RS256).is_err());
    /// # assert_eq!(key.public_jwk().unwrap()["x"], "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    /// # Ok::<(), tower_resource_server::issuer::SigningKeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`Pem`](SigningKeyError::Pem) and [`PemLabel`](SigningKeyError::PemLabel) about the wrapping,
    /// [`Rejected`](SigningKeyError::Rejected) when the key is not one for `algorithm`, and
    /// [`WrongFamily`](SigningKeyError::WrongFamily) for an HMAC algorithm.
    pub fn from_pem(pem: &str, algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let block = PemBlock::first_of(pem)?;
        let read = match block.label {
            "PRIVATE KEY" => Self::from_pkcs8_der,
            "RSA PRIVATE KEY" => Self::from_pkcs1_der,
            "EC PRIVATE KEY" => Self::from_sec1_der,
            _ => return Err(SigningKeyError::PemLabel),
        };
        read(&block.decode()?, algorithm)
    }

    /// Reads an unencrypted PKCS#8 `PrivateKeyInfo` ([RFC 5208], [RFC 5958]) in DER.
    ///
    /// # Errors
    /// [`Rejected`](SigningKeyError::Rejected) when the key is not one for `algorithm`, and
    /// [`WrongFamily`](SigningKeyError::WrongFamily) for an HMAC algorithm.
    ///
    /// [RFC 5208]: https://www.rfc-editor.org/rfc/rfc5208
    /// [RFC 5958]: https://www.rfc-editor.org/rfc/rfc5958
    pub fn from_pkcs8_der(der: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let rejected = |_| SigningKeyError::Rejected { algorithm };
        let material = match family(algorithm) {
            Family::Rsa(_) => Material::Rsa(RsaKeyPair::from_pkcs8(der).map_err(rejected)?),
            Family::Ec(curve) => Material::Ec(EcdsaKeyPair::from_pkcs8(curve, der).map_err(rejected)?),
            Family::Ed25519 => Material::Ed25519(Ed25519KeyPair::from_pkcs8(der).map_err(rejected)?),
            Family::Hmac(_) => return Err(SigningKeyError::WrongFamily { algorithm }),
        };
        Ok(Self::new(material, algorithm))
    }

    /// Reads an `RSAPrivateKey` of PKCS#1 ([RFC 8017 appendix A.1.2]) in DER.
    ///
    /// # Errors
    /// [`Rejected`](SigningKeyError::Rejected) when the bytes are no such key of 2048..8192 bits, and
    /// [`WrongFamily`](SigningKeyError::WrongFamily) when `algorithm` does not sign with RSA.
    ///
    /// [RFC 8017 appendix A.1.2]: https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2
    pub fn from_pkcs1_der(der: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let Family::Rsa(_) = family(algorithm) else {
            return Err(SigningKeyError::WrongFamily { algorithm });
        };
        let pair = RsaKeyPair::from_der(der).map_err(|_| SigningKeyError::Rejected { algorithm })?;
        Ok(Self::new(Material::Rsa(pair), algorithm))
    }

    /// Reads an `ECPrivateKey` of SEC 1 ([RFC 5915]) in DER.
    ///
    /// # Errors
    /// [`Rejected`](SigningKeyError::Rejected) when the bytes are no such key on the algorithm's
    /// curve, and [`WrongFamily`](SigningKeyError::WrongFamily) when `algorithm` is not ECDSA.
    ///
    /// [RFC 5915]: https://www.rfc-editor.org/rfc/rfc5915
    pub fn from_sec1_der(der: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let Family::Ec(curve) = family(algorithm) else {
            return Err(SigningKeyError::WrongFamily { algorithm });
        };
        let pair = EcdsaKeyPair::from_private_key_der(curve, der)
            .map_err(|_| SigningKeyError::Rejected { algorithm })?;
        Ok(Self::new(Material::Ec(pair), algorithm))
    }

    /// Takes a shared secret for HS256, HS384 or HS512: raw bytes, at least as many as the hash has.
    ///
    /// Nothing else is asked of it, so that tests can forge tokens; the side that verifies refuses
    /// [weak ones](crate::keys::WeakSecret).
    ///
    /// ```
    /// use tower_resource_server::{issuer::SigningKey, keys::Algorithm};
    ///
    /// assert!(SigningKey::from_hmac_secret(&[7; 32], Algorithm::HS256).is_ok());
    /// assert!(SigningKey::from_hmac_secret(b"secret", Algorithm::HS256).is_err());
    /// ```
    ///
    /// # Errors
    /// [`SecretTooShort`](SigningKeyError::SecretTooShort), and
    /// [`WrongFamily`](SigningKeyError::WrongFamily) when `algorithm` is no HMAC.
    pub fn from_hmac_secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let Family::Hmac(hash) = family(algorithm) else {
            return Err(SigningKeyError::WrongFamily { algorithm });
        };
        let minimum = hash.tag_len();
        if secret.len() < minimum {
            return Err(SigningKeyError::SecretTooShort { length: secret.len(), minimum });
        }
        Ok(Self::new(Material::Hmac(hmac::Key::new(hash, secret)), algorithm))
    }

    fn new(material: Material, algorithm: Algorithm) -> Self {
        let kid = public::thumbprint(&material).map(Into::into);
        Self { material: Arc::new(material), algorithm, kid }
    }

    /// The same RSA key under another of its algorithms; `kid` and key are shared.
    ///
    /// An issuer that holds both publishes them as one JWK without `alg`.
    ///
    /// ```no_run
    /// use tower_resource_server::{issuer::SigningKey, keys::Algorithm};
    ///
    /// let rs256 = SigningKey::generate(Algorithm::RS256)?;
    /// let ps256 = rs256.with_algorithm(Algorithm::PS256)?;
    /// assert_eq!(rs256.kid(), ps256.kid());
    /// assert!(rs256.with_algorithm(Algorithm::ES256).is_err());
    /// # Ok::<(), tower_resource_server::issuer::SigningKeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongFamily`](SigningKeyError::WrongFamily) unless both algorithms are RSA ones, or the same.
    pub fn with_algorithm(&self, algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        match (&*self.material, family(algorithm)) {
            (Material::Rsa(_), Family::Rsa(_)) => Ok(Self { algorithm, ..self.clone() }),
            _ if algorithm == self.algorithm => Ok(self.clone()),
            _ => Err(SigningKeyError::WrongFamily { algorithm }),
        }
    }

    /// Names the key: the `kid` of its tokens and of its JWK.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into().into());
        self
    }

    /// Leaves the `kid` out of tokens and JWK, as some providers with a single key do.
    #[must_use]
    pub fn without_kid(mut self) -> Self {
        self.kid = None;
        self
    }

    /// The algorithm it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid`, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The thumbprint of [RFC 7638] (SHA-256, base64url), whatever the `kid`; `None` for a secret.
    ///
    /// [RFC 7638]: https://www.rfc-editor.org/rfc/rfc7638
    #[must_use]
    pub fn thumbprint(&self) -> Option<String> {
        public::thumbprint(&self.material)
    }

    /// The public half as a JWK ([RFC 7517]) with `use`, `alg` and, if it has one, `kid`; `None`
    /// for a secret, which has no public half.
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    #[must_use]
    pub fn public_jwk(&self) -> Option<serde_json::Value> {
        let mut jwk = public::jwk(&self.material)?;
        jwk.insert("use".into(), "sig".into());
        jwk.insert("alg".into(), self.algorithm.name().into());
        if let Some(kid) = &self.kid {
            jwk.insert("kid".into(), (**kid).into());
        }
        Some(jwk.into())
    }

    /// The public half as PEM (`PUBLIC KEY`, a `SubjectPublicKeyInfo`): for services that read
    /// their keys from a file. `None` for a secret.
    ///
    /// ```
    /// use tower_resource_server::{issuer::SigningKey, keys::Algorithm};
    ///
    /// let pem = SigningKey::generate(Algorithm::ES384)?.public_key_pem().expect("not a secret");
    /// assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    /// # Ok::<(), tower_resource_server::issuer::SigningKeyError>(())
    /// ```
    #[must_use]
    pub fn public_key_pem(&self) -> Option<String> {
        let der = public::spki_der(&self.material)?;
        pem::encode_string("PUBLIC KEY", pem::LineEnding::LF, &der).ok()
    }

    /// Signs `message` and returns the raw JWS signature: ECDSA as `r ‖ s` of fixed length
    /// ([RFC 7518 section 3.4]).
    ///
    /// # Errors
    /// [`IssueError::Signing`] when the cryptographic library fails.
    ///
    /// [RFC 7518 section 3.4]: https://www.rfc-editor.org/rfc/rfc7518#section-3.4
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, IssueError> {
        let failed = |_| IssueError::Signing;
        // The library ignores the generator: it uses its own.
        let random = SystemRandom::new();
        match (&*self.material, family(self.algorithm)) {
            (Material::Rsa(pair), Family::Rsa(encoding)) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut out).map_err(failed)?;
                Ok(out)
            }
            (Material::Ec(pair), Family::Ec(_)) => {
                Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec())
            }
            (Material::Ed25519(pair), Family::Ed25519) => {
                Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec())
            }
            (Material::Hmac(key), Family::Hmac(_)) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            // No constructor pairs a key with an algorithm of another family.
            _ => Err(IssueError::Signing),
        }
    }

    /// Signs exactly these bytes as a compact JWS ([RFC 7515 section 7.1]): the primitive for odd
    /// tokens. Neither header nor payload is looked at; `alg` and `kid` are the caller's to write.
    ///
    /// ```
    /// use tower_resource_server::{issuer::SigningKey, keys::Algorithm};
    ///
    /// let key = SigningKey::generate(Algorithm::ES256)?;
    /// let odd = key.sign_raw(r#"{"alg":"ES256","alg":"none"}"#, b"[1, 2]").expect("signed");
    /// assert_eq!(odd.split('.').count(), 3);
    /// # Ok::<(), tower_resource_server::issuer::SigningKeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Signing`] when the cryptographic library fails.
    ///
    /// [RFC 7515 section 7.1]: https://www.rfc-editor.org/rfc/rfc7515#section-7.1
    pub fn sign_raw(&self, header_json: &str, payload: &[u8]) -> Result<String, IssueError> {
        let mut token = URL_SAFE_NO_PAD.encode_to_string(header_json);
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(payload, &mut token);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(signature, &mut token);
        Ok(token)
    }

    /// The JWK as members without `use`, `alg` and `kid`.
    pub(crate) fn bare_jwk(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        public::jwk(&self.material)
    }

    /// Whether both sign with the very same key, be it under different algorithms.
    pub(super) fn shares_material(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.material, &other.material)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "signing_key_tests.rs"]
mod tests;

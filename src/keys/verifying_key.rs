//! One key, parsed once, with the algorithms it may be used for.

use std::fmt;

use aws_lc_rs::{
    hmac, rand,
    signature::{self, ParsedPublicKey, RsaParameters},
};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use smallvec::SmallVec;

use super::{
    Algorithm, AlgorithmSet, KeyError,
    curve::Curve,
    hash::{Sha256Text, thumbprint},
    secret,
};

/// The smallest RSA modulus accepted, in bits (RFC 7518 section 3.3: "2048 bits or larger").
const MIN_RSA_BITS: usize = 2048;
/// The largest RSA modulus accepted, in bits: what the crypto library verifies, and a bound on the
/// work that one signature can cause.
const MAX_RSA_BITS: usize = 8192;

const RSA_FAMILY: AlgorithmSet = AlgorithmSet::from_slice(&[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
]);

/// Proof that a signature was checked and is good; only [`VerifyingKey::verify`] can make one.
#[derive(Clone, Copy, Debug)]
pub struct SignatureValid(());

/// Which `kid` header values lead to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum KidRule {
    /// Exactly this one.
    Exact(Box<str>),
    /// Only tokens that name no key: a JWK without `kid`.
    Unnamed,
    /// Every token: a key that the application configured by hand and gave no name.
    Any,
}

#[derive(Clone)]
enum Verifier {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

/// A public key (or configured HMAC secret), parsed once, bound to the algorithms it may verify.
///
/// ```
/// use tower_resource_server::keys::{Algorithm, VerifyingKey};
///
/// let pem = "-----BEGIN PUBLIC KEY-----\n\
///            MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
///            -----END PUBLIC KEY-----\n";
/// let key = VerifyingKey::from_pem(pem, Algorithm::EdDSA)?.with_kid("2026-1");
/// assert_eq!(key.kid(), Some("2026-1"));
/// # Ok::<_, tower_resource_server::keys::KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey {
    kid: KidRule,
    /// One entry for each algorithm; aws-lc-rs binds a parsed key to one.
    verifiers: SmallVec<[(Algorithm, Verifier); 1]>,
    algorithms: AlgorithmSet,
    thumbprint: Sha256Text,
}

impl VerifyingKey {
    /// A public JWK ([RFC 7517]), as JSON.
    ///
    /// `kty` and its parameters, `kid`, `use`, `key_ops` and `alg` are read, and honoured: a key whose
    /// `use` is not `sig`, or whose `key_ops` lack `verify`, is refused. A JWK without `alg` may verify
    /// every algorithm of its type and curve. Every other member is ignored, whatever it holds:
    /// certificates in `x5c` are not compared with the key, and `exp` does not end it.
    ///
    /// Numbers may be written as real issuers write them: with leading zero bytes or without, with
    /// padding, in either alphabet of base64 (RFC 7518 section 2 asks for one of these forms).
    ///
    /// # Errors
    /// [`KeyError`], for a JWK that is malformed, unsupported, weak, private or symmetric.
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        super::jwk::parse(json)
    }

    /// An RSA public key from its modulus and exponent, big-endian, for the given algorithms.
    ///
    /// # Errors
    /// [`KeyError::RsaModulusSize`], [`KeyError::RsaExponent`], and
    /// [`KeyError::AlgorithmMismatch`] when there is no algorithm or one that is not RSA.
    pub fn from_rsa_components(
        n: &[u8],
        e: &[u8],
        algorithms: impl Into<AlgorithmSet>,
    ) -> Result<Self, KeyError> {
        Self::rsa(n, e, algorithms.into()).map(Self::for_any_kid)
    }

    /// A NIST-curve public key from its affine coordinates, big-endian; `algorithm` names the curve.
    ///
    /// # Errors
    /// [`KeyError::InvalidPoint`], and [`KeyError::AlgorithmMismatch`] when `algorithm` is not ECDSA.
    pub fn from_ec_components(x: &[u8], y: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let curve = match algorithm {
            Algorithm::ES256 => Curve::P256,
            Algorithm::ES384 => Curve::P384,
            Algorithm::ES512 => Curve::P521,
            _ => return Err(KeyError::AlgorithmMismatch),
        };
        Self::ec(curve, x, y).map(Self::for_any_kid)
    }

    /// An Ed25519 public key from its 32 bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::InvalidPoint`] for any other length.
    pub fn from_ed25519_bytes(x: &[u8]) -> Result<Self, KeyError> {
        Self::ed25519(x).map(Self::for_any_kid)
    }

    /// A secret shared with the issuer, for one HMAC algorithm.
    ///
    /// Never part of a key set that comes from the network. Anyone who can verify with it can also
    /// sign; prefer a public key. It is not checked that the secret is random, but for what
    /// [`WeakSecret`](super::WeakSecret) lists.
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`] when `secret` is shorter than the hash output (RFC 7518 section
    /// 3.2), [`KeyError::WeakSecret`] when it is the text of a key or certificate or repeats a short
    /// pattern, [`KeyError::AlgorithmMismatch`] when `algorithm` is not HMAC.
    pub fn from_hmac_secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        let hash = match algorithm {
            Algorithm::HS256 => hmac::HMAC_SHA256,
            Algorithm::HS384 => hmac::HMAC_SHA384,
            Algorithm::HS512 => hmac::HMAC_SHA512,
            _ => return Err(KeyError::AlgorithmMismatch),
        };
        let minimum = hash.digest_algorithm().output_len();
        if secret.len() < minimum {
            return Err(KeyError::SecretTooShort { length: secret.len(), minimum });
        }
        secret::check(secret)?;
        // A name for the key object that says nothing about the secret.
        let mut name = [0_u8; 32];
        rand::fill(&mut name).map_err(|_| KeyError::Unsupported)?;
        let verifier = Verifier::Secret(Box::new(hmac::Key::new(hash, secret)));
        Ok(Self {
            kid: KidRule::Any,
            verifiers: SmallVec::from_iter([(algorithm, verifier)]),
            algorithms: algorithm.into(),
            thumbprint: Sha256Text::from_digest(name),
        })
    }

    /// This key under the given `kid`: it then verifies only tokens whose header names it, and
    /// tokens that name no key.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = KidRule::Exact(kid.into().into());
        self
    }

    /// The key's `kid`, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        match &self.kid {
            KidRule::Exact(kid) => Some(kid),
            KidRule::Unnamed | KidRule::Any => None,
        }
    }

    /// The JWK thumbprint ([RFC 7638], SHA-256, base64url) of a public key; for an HMAC secret a
    /// random name, so that nothing can be learned about the secret from it.
    ///
    /// [RFC 7638]: https://www.rfc-editor.org/rfc/rfc7638
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.thumbprint.as_str()
    }

    /// The algorithms that this key may verify.
    #[must_use]
    pub fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    /// Checks `signature` over `message` under `algorithm`.
    ///
    /// It answers for the signature alone: not for what the message says.
    ///
    /// # Errors
    /// [`InvalidSignature`](crate::error::TokenError::InvalidSignature) when it is wrong, or when
    /// the key is not for `algorithm`.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<SignatureValid, crate::error::TokenError> {
        let good = match self.verifiers.iter().find(|(alg, _)| *alg == algorithm) {
            Some((_, Verifier::Public(key))) => key.verify_sig(message, signature).is_ok(),
            Some((_, Verifier::Secret(key))) => hmac::verify(key, message, signature).is_ok(),
            None => false,
        };
        if good { Ok(SignatureValid(())) } else { Err(crate::error::TokenError::InvalidSignature) }
    }

    /// Whether the key may be tried for a token whose header names `kid`.
    pub(super) fn matches_kid(&self, kid: Option<&str>) -> bool {
        match (&self.kid, kid) {
            (KidRule::Exact(own), Some(kid)) => **own == *kid,
            (KidRule::Unnamed, Some(_)) => false,
            (KidRule::Any, Some(_)) | (_, None) => true,
        }
    }

    pub(super) fn is_for_any_kid(&self) -> bool {
        self.kid == KidRule::Any
    }

    /// Whether both are the same key under the same name for the same algorithms.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint && self.kid == other.kid && self.algorithms == other.algorithms
    }

    pub(super) fn for_any_kid(mut self) -> Self {
        self.kid = KidRule::Any;
        self
    }

    pub(super) fn rsa(n: &[u8], e: &[u8], algorithms: AlgorithmSet) -> Result<Self, KeyError> {
        Self::rsa_of(n, e, algorithms, MIN_RSA_BITS, rsa_parameters)
    }

    /// An RSA key of at least so many bits, by the parameters of each algorithm.
    pub(super) fn rsa_of(
        n: &[u8],
        e: &[u8],
        algorithms: AlgorithmSet,
        min_bits: usize,
        parameters: impl Fn(Algorithm) -> Option<&'static RsaParameters>,
    ) -> Result<Self, KeyError> {
        if algorithms.is_empty() || !algorithms.difference(RSA_FAMILY).is_empty() {
            return Err(KeyError::AlgorithmMismatch);
        }
        // Issuers built on Java send the sign byte of a BigInteger; no verifier in reach takes it.
        let (n, e) = (strip_zeros(n), strip_zeros(e));
        let bits = n.first().map_or(0, |top| n.len() * 8 - top.leading_zeros() as usize);
        if !(min_bits..=MAX_RSA_BITS).contains(&bits) {
            return Err(KeyError::RsaModulusSize { bits });
        }
        match e {
            [] | [1] => return Err(KeyError::RsaExponent),
            [.., last] if last % 2 == 0 => return Err(KeyError::RsaExponent),
            _ => {}
        }
        let components = signature::RsaPublicKeyComponents { n, e };
        let verifiers = algorithms
            .iter()
            .filter_map(|alg| Some((alg, parameters(alg)?)))
            .map(|(alg, parameters)| {
                let key =
                    components.to_parsed_public_key(parameters).map_err(|_| KeyError::MalformedPublicKey)?;
                Ok((alg, Verifier::Public(key)))
            })
            .collect::<Result<_, KeyError>>()?;
        let thumbprint = thumbprint([("e", &*encode(e)), ("kty", "RSA"), ("n", &encode(n))]);
        Ok(Self { kid: KidRule::Unnamed, verifiers, algorithms, thumbprint })
    }

    pub(super) fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        let size = curve.field_bytes();
        // Short coordinates lost their leading zeros on the way, and some have a sign byte in front;
        // those that are still too long are of another curve.
        let mut place = [0_u8; 1 + 2 * Curve::MAX_FIELD_BYTES];
        let point = place.get_mut(..=2 * size).unwrap_or_default();
        let (tag, coordinates) = point.split_at_mut(1);
        let (to_x, to_y) = coordinates.split_at_mut(size);
        tag.copy_from_slice(&[4]);
        for (to, from) in [(to_x, strip_zeros(x)), (to_y, strip_zeros(y))] {
            let pad = size.checked_sub(from.len()).ok_or(KeyError::InvalidPoint)?;
            to.get_mut(pad..).ok_or(KeyError::InvalidPoint)?.copy_from_slice(from);
        }
        let key = ParsedPublicKey::new(curve.verification(), &*point).map_err(|_| KeyError::InvalidPoint)?;
        let (x, y) = point.get(1..).unwrap_or_default().split_at(size);
        let mut texts = [[0; 4 * Curve::MAX_FIELD_BYTES.div_ceil(3)]; 2];
        let [to_x, to_y] = texts.each_mut().map(|text| Out::from_slice(text));
        let (x, y) = (URL_SAFE_NO_PAD.encode_as_str(x, to_x), URL_SAFE_NO_PAD.encode_as_str(y, to_y));
        let thumbprint = thumbprint([("crv", curve.name()), ("kty", "EC"), ("x", x), ("y", y)]);
        Ok(Self::public(curve.algorithm(), key, thumbprint))
    }

    pub(super) fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        if x.len() != 32 {
            return Err(KeyError::InvalidPoint);
        }
        let key = ParsedPublicKey::new(&signature::ED25519, x).map_err(|_| KeyError::InvalidPoint)?;
        let thumbprint = thumbprint([("crv", "Ed25519"), ("kty", "OKP"), ("x", &encode(x))]);
        Ok(Self::public(Algorithm::EdDSA, key, thumbprint))
    }

    fn public(algorithm: Algorithm, key: ParsedPublicKey, thumbprint: Sha256Text) -> Self {
        Self {
            kid: KidRule::Unnamed,
            verifiers: SmallVec::from_iter([(algorithm, Verifier::Public(key))]),
            algorithms: algorithm.into(),
            thumbprint,
        }
    }

    /// This key for those of its algorithms that are among these.
    #[cfg(feature = "remote")]
    pub(super) fn narrowed_to(&self, algorithms: AlgorithmSet) -> Self {
        let mut narrowed = self.clone();
        narrowed.verifiers.retain(|(algorithm, _)| algorithms.contains(*algorithm));
        narrowed.algorithms = self.algorithms.intersection(algorithms);
        narrowed
    }

    /// This key for `algorithm` alone.
    pub(super) fn restricted_to(mut self, algorithm: Algorithm) -> Result<Self, KeyError> {
        require(self.algorithms, algorithm)?;
        self.verifiers.retain(|(alg, _)| *alg == algorithm);
        self.algorithms = algorithm.into();
        Ok(self)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid())
            .field("algorithms", &self.algorithms)
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// The RSA algorithms: what a JWK of type RSA without `alg` may verify.
pub(super) const fn rsa_family() -> AlgorithmSet {
    RSA_FAMILY
}

fn require(allowed: AlgorithmSet, algorithm: Algorithm) -> Result<(), KeyError> {
    if allowed.contains(algorithm) { Ok(()) } else { Err(KeyError::AlgorithmMismatch) }
}

fn strip_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

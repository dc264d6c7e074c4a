//! Why bytes are not a key.

use super::{PemError, WeakSecret};

/// Why bytes are not a usable verification key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a JSON object of the shape of a JWK (RFC 7517 section 4), or a member has a wrong type.
    #[error("not a well-formed JWK")]
    MalformedJwk,
    /// The text is not PEM with a public key in it.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The DER is not a public key (`SubjectPublicKeyInfo` or PKCS#1 `RSAPublicKey`).
    #[error("not a public key in DER")]
    MalformedPublicKey,
    /// The DER is not an X.509 certificate (RFC 5280 section 4.1).
    #[error("not a certificate in DER")]
    MalformedCertificate,
    /// The key type, curve or algorithm is none that this crate verifies.
    #[error("key type, curve or algorithm not supported")]
    Unsupported,
    /// `use` or `key_ops` say that the key is not for verifying signatures (RFC 7517 section 4.2, 4.3).
    #[error("not a key for verifying signatures")]
    WrongUse,
    /// The key's `alg` does not fit its type, or none of the wanted algorithms does.
    #[error("the algorithm does not fit the key")]
    AlgorithmMismatch,
    /// A key with private or symmetric material where only public keys belong.
    #[error("private or symmetric key material in a public key set")]
    PrivateMaterial,
    /// An RSA modulus outside 2048..=8192 bits; where old keys are let in on purpose, outside
    /// 1024..=8192.
    #[error("RSA modulus of {bits} bits is too short or too long")]
    RsaModulusSize {
        /// The size of the modulus that was refused.
        bits: usize,
    },
    /// An RSA public exponent that is even or less than 3.
    #[error("RSA public exponent must be odd and at least 3")]
    RsaExponent,
    /// A coordinate of the wrong length, or a point that is not on its curve.
    #[error("not a point on the curve")]
    InvalidPoint,
    /// An HMAC secret shorter than the hash output (RFC 7518 section 3.2).
    #[error("HMAC secret of {length} bytes; the algorithm needs at least {minimum}")]
    SecretTooShort {
        /// The length that was refused, in bytes.
        length: usize,
        /// The least length for the algorithm, in bytes.
        minimum: usize,
    },
    /// An HMAC secret that others know, or soon guess.
    #[error(transparent)]
    WeakSecret(#[from] WeakSecret),
}

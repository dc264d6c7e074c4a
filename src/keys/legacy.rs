//! RSA keys that are too short for today: 1024 bits, which some systems handed out for years.
//!
//! Nothing leads here but a preset's `.dangerous()`.

use aws_lc_rs::{
    rsa,
    signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaParameters},
};
use spki::der::Decode as _;

use super::{Algorithm, KeyError, VerifyingKey, pem, verifying_key::RSA};

/// Shorter ones can be factored at home.
const MIN_RSA_BITS: usize = 1024;

impl VerifyingKey {
    /// An RSA public key of 1024 bits or more in PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`), for RS256.
    pub(crate) fn legacy_rsa_from_pem(pem: &str) -> Result<Self, KeyError> {
        let (label, der) = pem::decode(pem).ok_or(KeyError::MalformedPublicKey)?;
        let pkcs1 = match label {
            "RSA PUBLIC KEY" => der.as_slice(),
            "PUBLIC KEY" => {
                let spki = spki::SubjectPublicKeyInfoRef::from_der(&der);
                let spki = spki.map_err(|_| KeyError::MalformedPublicKey)?;
                if spki.algorithm.oid != RSA {
                    return Err(KeyError::Unsupported);
                }
                spki.subject_public_key.as_bytes().ok_or(KeyError::MalformedPublicKey)?
            }
            _ => return Err(KeyError::MalformedPublicKey),
        };
        let key = rsa::PublicKey::from_der(pkcs1).map_err(|_| KeyError::MalformedPublicKey)?;
        Self::rsa_of(
            key.modulus().big_endian_without_leading_zero(),
            key.exponent().big_endian_without_leading_zero(),
            Algorithm::RS256.into(),
            MIN_RSA_BITS,
            parameters,
        )
        .map(Self::for_any_kid)
    }
}

fn parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    (algorithm == Algorithm::RS256).then_some(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY)
}

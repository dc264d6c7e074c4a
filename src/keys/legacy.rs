//! RSA keys that are too short for today: 1024 bits, which some systems handed out for years.
//!
//! Nothing leads here but a preset's `.dangerous()`.

use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaParameters};

use super::{
    Algorithm, KeyError, VerifyingKey,
    encoded::{Encoded, PublicKey, rsa_key},
};

/// Shorter ones can be factored at home.
const MIN_RSA_BITS: usize = 1024;

impl VerifyingKey {
    /// An RSA public key of 1024 bits or more in PEM, as in [`from_pem`](Self::from_pem), for RS256.
    pub(crate) fn legacy_rsa_from_pem(pem: &str) -> Result<Self, KeyError> {
        let encoded = Encoded::from_pem(pem)?;
        let PublicKey::Rsa(der) = encoded.key()? else { return Err(KeyError::Unsupported) };
        let key = rsa_key(der)?;
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

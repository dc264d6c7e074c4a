//! The signature algorithms this crate verifies, and sets of them.

use std::{fmt, str::FromStr};

/// A JWS signature algorithm (`alg`, [RFC 7518 section 3.1], [RFC 8037], [RFC 9864]).
///
/// The RFC 9864 name `Ed25519` is read as the same algorithm as `EdDSA`.
///
/// ```
/// use tower_resource_server::keys::Algorithm;
///
/// assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDSA));
/// assert!("none".parse::<Algorithm>().is_err());
/// ```
///
/// [RFC 7518 section 3.1]: https://www.rfc-editor.org/rfc/rfc7518#section-3.1
/// [RFC 8037]: https://www.rfc-editor.org/rfc/rfc8037
/// [RFC 9864]: https://www.rfc-editor.org/rfc/rfc9864
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519, under either of its names.
    EdDSA,
    /// HMAC with SHA-256; only with a secret that the application configured itself.
    HS256,
    /// HMAC with SHA-384; only with a secret that the application configured itself.
    HS384,
    /// HMAC with SHA-512; only with a secret that the application configured itself.
    HS512,
}

impl Algorithm {
    /// Every algorithm, in the order of the enum.
    pub const ALL: [Self; 13] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
        Self::HS256,
        Self::HS384,
        Self::HS512,
    ];

    /// The name as it stands in a JOSE header; `EdDSA` for Ed25519.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// Whether signing and verifying use the same secret.
    #[must_use]
    pub const fn is_hmac(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not one of a supported [`Algorithm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a supported signature algorithm")]
#[non_exhaustive]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads the exact, case-sensitive name of RFC 7518 or RFC 9864.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        if name == "Ed25519" {
            return Ok(Self::EdDSA);
        }
        Self::ALL.into_iter().find(|alg| alg.name() == name).ok_or(UnknownAlgorithm)
    }
}

/// A set of [`Algorithm`]s: what a configuration allows, or what a key can do.
///
/// ```
/// use tower_resource_server::keys::{Algorithm, AlgorithmSet};
///
/// let allowed = AlgorithmSet::from([Algorithm::RS256, Algorithm::ES256]);
/// assert!(allowed.contains(Algorithm::ES256));
/// assert!(!AlgorithmSet::ASYMMETRIC.contains(Algorithm::HS256));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// No algorithm.
    pub const EMPTY: Self = Self(0);
    /// Every algorithm whose verification key may be public.
    pub const ASYMMETRIC: Self = Self::from_slice(&Algorithm::ALL).difference(Self::HMAC);
    /// The HMAC family.
    pub const HMAC: Self = Self::from_slice(&[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]);

    /// Those of RSA keys.
    #[cfg(feature = "remote")]
    pub(crate) const RSA: Self = Self::from_slice(&[
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ]);

    /// The set of `algorithms`, in constants.
    pub(crate) const fn from_slice(algorithms: &[Algorithm]) -> Self {
        let mut bits = 0;
        let mut rest = algorithms;
        while let [first, tail @ ..] = rest {
            bits |= 1 << *first as u16;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether `algorithm` is a member.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & (1 << algorithm as u16) != 0
    }

    /// The members of both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// This set without the members of `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is no member.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the order of [`Algorithm::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |alg| self.contains(*alg))
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        algorithms.into_iter().fold(Self::EMPTY, |set, alg| Self(set.0 | Self::from_slice(&[alg]).0))
    }
}

impl IntoIterator for AlgorithmSet {
    type Item = Algorithm;
    type IntoIter = std::vec::IntoIter<Algorithm>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter().collect::<Vec<_>>().into_iter()
    }
}

impl<const N: usize> From<[Algorithm; N]> for AlgorithmSet {
    fn from(algorithms: [Algorithm; N]) -> Self {
        algorithms.into_iter().collect()
    }
}

impl From<Algorithm> for AlgorithmSet {
    fn from(algorithm: Algorithm) -> Self {
        Self::from([algorithm])
    }
}

impl fmt::Debug for AlgorithmSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_case_sensitive() {
        for alg in Algorithm::ALL {
            assert_eq!(alg.name().parse(), Ok(alg));
            assert!(alg.name().to_lowercase().parse::<Algorithm>().is_err());
        }
        for bad in ["", "none", "NONE", "RS256 ", "ES256K", "Ed448", "RSA-OAEP"] {
            assert!(bad.parse::<Algorithm>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_two_families_cover_all_and_share_nothing() {
        for alg in Algorithm::ALL {
            assert_eq!(AlgorithmSet::HMAC.contains(alg), alg.is_hmac());
            assert_eq!(AlgorithmSet::ASYMMETRIC.contains(alg), !alg.is_hmac());
        }
    }
}

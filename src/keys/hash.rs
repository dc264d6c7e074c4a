//! The hashes that the standards make of keys and tokens.

use aws_lc_rs::digest::{self, Digest, digest};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use smallvec::SmallVec;

use super::Algorithm;

impl Algorithm {
    /// The hash that the algorithm signs with; for Ed25519 SHA-512, which it hashes with itself.
    pub(crate) const fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::RS256 | Self::PS256 | Self::ES256 | Self::HS256 => &digest::SHA256,
            Self::RS384 | Self::PS384 | Self::ES384 | Self::HS384 => &digest::SHA384,
            Self::RS512 | Self::PS512 | Self::ES512 | Self::HS512 | Self::EdDSA => &digest::SHA512,
        }
    }

    /// The `at_hash` of an access token in an ID token that is signed by this algorithm: base64url of the
    /// left half of its hash (OpenID Connect Core section 3.1.3.6).
    pub(crate) fn left_half_hash(self, token: &str) -> String {
        let hash = digest(self.digest(), token.as_bytes());
        let (half, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
        URL_SAFE_NO_PAD.encode_to_string(half)
    }
}

/// The bytes of a SHA-256 in base64url without padding.
const SHA256_TEXT: usize = 43;

/// A SHA-256 in base64url, as tokens and proofs have it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sha256Text([u8; SHA256_TEXT]);

impl Sha256Text {
    /// The hash of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::new(digest(&digest::SHA256, bytes))
    }

    fn new(digest: Digest) -> Self {
        let mut sha256 = [0; 32];
        for (to, from) in sha256.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self::from_digest(sha256)
    }

    /// That of a hash that was made elsewhere.
    pub(crate) fn from_digest(sha256: [u8; 32]) -> Self {
        let mut text = [0; SHA256_TEXT];
        let _ = URL_SAFE_NO_PAD.encode(&sha256, Out::from_slice(&mut text));
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The thumbprint of a JWK by its required members, in any order: base64url of SHA-256 over them
/// (RFC 7638 section 3). Their values are texts that JSON writes without escapes.
pub(crate) fn thumbprint<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> Sha256Text {
    let mut members: SmallVec<[_; 4]> = members.into_iter().collect();
    members.sort_unstable();
    let mut canonical = digest::Context::new(&digest::SHA256);
    let mut before = "{";
    for (name, value) in members {
        for part in [before, "\"", name, "\":\"", value, "\""] {
            canonical.update(part.as_bytes());
        }
        before = ",";
    }
    canonical.update(b"}");
    Sha256Text::new(canonical.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_an_access_token_is_the_one_of_openid_connect() {
        // OpenID Connect Core appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        for algorithm in Algorithm::ALL {
            let (length, expected) = match algorithm.digest().output_len() {
                32 => (22, "77QmUPtjPfzWtF2AnpK9RQ"),
                48 => (32, "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"),
                _ => (43, "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"),
            };
            let hash = algorithm.left_half_hash(token);
            assert_eq!((hash.len(), hash.as_str()), (length, expected), "{algorithm}");
        }
    }

    #[test]
    fn the_members_are_hashed_in_their_order() {
        // RFC 8037 appendix A.3.
        let [crv, kty] = [("crv", "Ed25519"), ("kty", "OKP")];
        let x = ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        for members in [[crv, kty, x], [x, kty, crv], [kty, crv, x]] {
            assert_eq!(thumbprint(members).as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        }
    }
}

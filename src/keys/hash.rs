//! The hashes that the standards make of keys and tokens.

use aws_lc_rs::digest::{self, digest};
use base64_simd::URL_SAFE_NO_PAD;

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

/// The thumbprint of a JWK by its required members, in any order: base64url of SHA-256 over them
/// (RFC 7638 section 3). Their values are texts that JSON writes without escapes.
pub(crate) fn thumbprint<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort_unstable();
    let members: Vec<_> = members.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
    let canonical = format!("{{{}}}", members.join(","));
    URL_SAFE_NO_PAD.encode_to_string(digest(&digest::SHA256, canonical.as_bytes()))
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
            assert_eq!(thumbprint(members), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        }
    }
}

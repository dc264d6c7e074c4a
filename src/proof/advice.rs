//! What to do about a proof that is not accepted.

use super::ProofError;

impl ProofError {
    /// What would make the proof good: advice for those who write the client.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Missing => "send a proof in the field DPoP, made for this request",
            Self::Several => "send one field DPoP; a proxy or a client library may have added another",
            Self::TooLarge => "send a smaller proof: the key, and the claims of RFC 9449 section 4.2",
            Self::Malformed => {
                "send a compact JWS (RFC 7515 section 7.1) without padding, whose claims are a JSON object"
            }
            Self::WrongType => "write dpop+jwt into the typ of the proof's header",
            Self::AlgorithmNotAllowed => {
                "sign with an algorithm that the challenge names in algs, or have the server take this one"
            }
            Self::UnsupportedExtension => "leave crit, b64, enc, zip and cty out of the proof's header",
            Self::NoKey => "put the public key into the proof's header as jwk, and no reference to another",
            Self::UnusableKey => {
                "put the public key alone into jwk, for the algorithm of the proof, without private members"
            }
            Self::InvalidSignature => "sign with the private key of the jwk in the proof's header",
            Self::InvalidId => "give each proof a jti of its own: 16 random bytes in base64url are enough",
            Self::WrongMethod => "write the method of the request into htm, in upper case as it is sent",
            Self::WrongUrl => {
                "write the URL that the client uses into htu; behind a proxy, tell the server its public address"
            }
            Self::OutsideWindow => {
                "make the proof when it is sent, by a clock that is right; iat is in seconds"
            }
            Self::WrongTokenHash => {
                "hash this very access token into ath: SHA-256, in base64url without padding"
            }
            Self::NonceWanted => "take the nonce of DPoP-Nonce into the proof, and come again",
            Self::WrongKey => "sign with the key that the token was issued for",
            Self::Replayed => "make a new proof for each request, retries too",
        }
    }
}

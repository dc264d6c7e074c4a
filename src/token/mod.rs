//! From bytes to a token that is well formed and not yet believed.
//!
//! `UnverifiedToken` borrows the three parts of a compact JWS (RFC 7515 section 7.1); `header`
//! reads the JOSE header, `claims` the payload, both in one pass over their JSON with the
//! strictness of `crate::json`: no duplicate member at any level, bounded nesting.
//!
//! Nothing here decides whether a token is good. What a token says is used to look things up,
//! never believed before its signature has been checked in `verify`.

mod claims;
mod header;
mod names;
mod path;
mod plain;
pub(crate) mod sceyt;
mod strict;

use std::mem::MaybeUninit;

use base64_simd::{Out, URL_SAFE_NO_PAD};

pub use self::path::ClaimPath;
pub(crate) use self::{
    claims::{ClaimValue, Claims},
    header::{JoseHeader, is_media_type},
    names::{ClaimId, ClaimNames},
};
use crate::error::{Malformed, TokenError};

/// The longest signature of a supported algorithm, in bytes: RSA with a modulus of 8192 bits.
const MAX_SIGNATURE: usize = 1024;

/// The same in base64url, which has four characters for three bytes, and two for the last one.
const MAX_SIGNATURE_SEGMENT: usize = MAX_SIGNATURE / 3 * 4 + 2;

/// Bounds on a token, judged before any work is done for it.
///
/// ```
/// use tower_resource_server::token::TokenLimits;
///
/// let limits = TokenLimits::default().token_bytes(8 * 1024).nesting(8);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenLimits {
    /// The longest token, in bytes. 16 KiB: as much as hyper takes for all headers of an HTTP/2 request.
    pub token_bytes: usize,
    /// The longest header segment, in bytes of base64url. 4 KiB: enough for an embedded key.
    pub header_bytes: usize,
    /// The longest `kid`, in bytes. 256: four times a SHA-256 in hexadecimal.
    pub kid_bytes: usize,
    /// How many keys a token is tried against that names none, or whose name several keys have: 4, which
    /// bounds the signatures that are checked for one token.
    pub keys_tried: usize,
    /// How deep objects and arrays may nest, the payload itself being the first level. 32; at most
    /// 100, where the JSON parser has a bound of its own.
    pub nesting: u32,
}

impl TokenLimits {
    /// The most that [`nesting`](Self::nesting) can be set to.
    pub const MAX_NESTING: u32 = crate::json::MAX_NESTING;
}

setters!(TokenLimits {
    token_bytes: usize,
    header_bytes: usize,
    kid_bytes: usize,
    keys_tried: usize,
    nesting: u32,
});

impl Default for TokenLimits {
    fn default() -> Self {
        Self { token_bytes: 16 * 1024, header_bytes: 4 * 1024, kid_bytes: 256, keys_tried: 4, nesting: 32 }
    }
}

/// The kind of a token in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    /// An OAuth 2 access token.
    Access,
    /// An OpenID Connect ID token.
    Id,
}

/// A token cut into its three parts, borrowed; nothing in it is verified.
#[derive(Clone, Copy)]
pub(crate) struct UnverifiedToken<'a> {
    /// The first two parts with the dot between them: what is signed.
    signing_input: &'a [u8],
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
    padded: bool,
}

impl<'a> UnverifiedToken<'a> {
    /// Cuts a compact serialization. The parts are decoded, and so checked, when they are asked for.
    pub(crate) fn parse(token: &'a [u8], limits: &TokenLimits) -> Result<Self, TokenError> {
        if token.len() > limits.token_bytes {
            return Err(TokenError::TooLarge);
        }
        // From both ends: a third dot would lie in the payload, where `payload` finds it.
        let first = memchr::memchr(b'.', token).ok_or(Malformed::Parts)?;
        let last = memchr::memrchr(b'.', token).filter(|last| *last > first).ok_or(Malformed::Parts)?;
        if first > limits.header_bytes {
            return Err(TokenError::TooLarge);
        }
        let (signing_input, signature) = cut(token, last)?;
        let (header, payload) = cut(signing_input, first)?;
        // The payload is decoded next; the others much later, and a sloppy token should not get there.
        for part in [header, signature] {
            URL_SAFE_NO_PAD.check(part).map_err(|_| Malformed::Base64)?;
        }
        Ok(Self { signing_input, header, payload, signature, padded: false })
    }

    /// The same where each part may have the padding of base64 (RFC 4648 section 4), all of it.
    pub(crate) fn parse_padded(token: &'a [u8], limits: &TokenLimits) -> Result<Self, TokenError> {
        if token.len() > limits.token_bytes || memchr::memchr(b'=', token).is_none() {
            return Self::parse(token, limits);
        }
        let first = memchr::memchr(b'.', token).ok_or(Malformed::Parts)?;
        let last = memchr::memrchr(b'.', token).filter(|last| *last > first).ok_or(Malformed::Parts)?;
        if first > limits.header_bytes {
            return Err(TokenError::TooLarge);
        }
        let (signing_input, signature) = cut(token, last)?;
        let (header, payload) = cut(signing_input, first)?;
        let (header, payload, signature) = (unpadded(header)?, unpadded(payload)?, unpadded(signature)?);
        for part in [header, signature] {
            URL_SAFE_NO_PAD.check(part).map_err(|_| Malformed::Base64)?;
        }
        Ok(Self { signing_input, header, payload, signature, padded: true })
    }

    /// Whether a part has padding.
    pub(crate) const fn is_padded(&self) -> bool {
        self.padded
    }

    /// The header as it was sent.
    pub(crate) const fn header_segment(&self) -> &'a [u8] {
        self.header
    }

    pub(crate) fn header_json(&self) -> Result<Vec<u8>, TokenError> {
        URL_SAFE_NO_PAD.decode_to_vec(self.header).map_err(|_| Malformed::Base64.into())
    }

    /// The payload, whatever it is.
    pub(crate) fn payload_bytes(&self) -> Result<Vec<u8>, TokenError> {
        let misplaced = |_| if self.payload.contains(&b'.') { Malformed::Parts } else { Malformed::Base64 };
        URL_SAFE_NO_PAD.decode_to_vec(self.payload).map_err(|error| misplaced(error).into())
    }

    /// The payload as text. It is decoded once and kept: claims borrow from it.
    pub(crate) fn payload_json(&self) -> Result<String, TokenError> {
        String::from_utf8(self.payload_bytes()?).map_err(|_| Malformed::Payload.into())
    }

    pub(crate) const fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// Decodes the signature on the stack and hands it to `check`.
    pub(crate) fn with_signature<T>(
        &self,
        check: impl FnOnce(&[u8]) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        if self.signature.len() > MAX_SIGNATURE_SEGMENT {
            return Err(TokenError::InvalidSignature);
        }
        let mut buffer = [MaybeUninit::uninit(); MAX_SIGNATURE];
        let signature = URL_SAFE_NO_PAD
            .decode(self.signature, Out::from_uninit_slice(&mut buffer))
            .map_err(|_| Malformed::Base64)?;
        check(signature)
    }
}

fn cut(bytes: &[u8], dot: usize) -> Result<(&[u8], &[u8]), TokenError> {
    match (bytes.get(..dot), bytes.get(dot + 1..)) {
        (Some(before), Some(after)) => Ok((before, after)),
        _ => Err(Malformed::Parts.into()),
    }
}

/// A part without its padding, which must be all of it where there is some.
fn unpadded(part: &[u8]) -> Result<&[u8], TokenError> {
    let letters = part.strip_suffix(b"==").or_else(|| part.strip_suffix(b"=")).unwrap_or(part);
    let is_whole = letters.len() == part.len() || part.len().is_multiple_of(4);
    if is_whole { Ok(letters) } else { Err(Malformed::Base64.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(token: &str) -> Result<String, TokenError> {
        let token = UnverifiedToken::parse(token.as_bytes(), &TokenLimits::default())?;
        token.header_json()?;
        token.payload_json()
    }

    #[test]
    fn promise_5_base64url_is_strict_and_parts_are_three() {
        use Malformed::{Base64, Parts};
        for (name, token, expected) in [
            ("good", "e30.e30.e30", Ok("{}")),
            ("empty signature", "e30.e30.", Ok("{}")),
            ("empty", "", Err(Parts)),
            ("one part", "e30", Err(Parts)),
            ("two parts", "e30.e30", Err(Parts)),
            ("four parts", "e30.e30.e30.e30", Err(Parts)),
            ("five parts, a JWE", "e30.e30.e30.e30.e30", Err(Parts)),
            ("padding", "e30.e30=.e30", Err(Base64)),
            ("padded header", "e30=.e30.e30", Err(Base64)),
            ("standard alphabet", "e30.e3+/.e30", Err(Base64)),
            ("white space", "e30.e3 0.e30", Err(Base64)),
            ("line feed", "e30.e30\n.e30", Err(Base64)),
            ("stray bits", "e30.e31.e30", Err(Base64)),
            ("one character over", "e30.e30ee.e30", Err(Base64)),
            ("JSON serialization", r#"{"payload":"e30"}"#, Err(Parts)),
        ] {
            assert_eq!(parse(token), expected.map(str::to_owned).map_err(Into::into), "{name}");
        }
    }

    #[test]
    fn promise_5_padding_is_whole_where_it_is_taken_and_stays_in_what_is_signed() {
        use Malformed::{Base64, Parts};
        // One byte in the signature, two in the payload, three in the header.
        for (name, token, expected) in [
            ("none", "e30K.e30.AA", Ok((false, "e30K.e30", 1))),
            ("all of it", "e30K.e30=.AA==", Ok((true, "e30K.e30=", 1))),
            ("in one part", "e30K.e30.AA==", Ok((true, "e30K.e30", 1))),
            ("of the header", "e30=.e30.AAA=", Ok((true, "e30=.e30", 2))),
            ("half of it", "e30K.e30.AA=", Err(Base64)),
            ("too much", "e30K.e30==.AA", Err(Base64)),
            ("on a part that needs none", "e30K=.e30.AA", Err(Base64)),
            ("a whole quantum of it", "e30K.e30.====", Err(Base64)),
            ("in the middle", "e30K.e=30.AA==", Err(Base64)),
            ("stray bits", "e30K.e30.AB==", Err(Base64)),
            ("the standard alphabet", "e30K.e30.+A==", Err(Base64)),
            ("two parts", "e30K.e30=", Err(Parts)),
        ] {
            let limits = TokenLimits::default();
            let parsed = UnverifiedToken::parse_padded(token.as_bytes(), &limits).and_then(|token| {
                token.payload_json()?;
                let signature = token.with_signature(|signature| Ok(signature.len()))?;
                Ok((token.is_padded(), token.signing_input(), signature))
            });
            let expected = expected.map(|(padded, input, len)| (padded, input.as_bytes(), len));
            assert_eq!(parsed, expected.map_err(Into::into), "{name}");
        }
        let limits = TokenLimits { token_bytes: 12, header_bytes: 4, ..TokenLimits::default() };
        for (token, expected) in [
            ("e30=.e30.AA", Ok(())),
            ("e30=.e30.AA==", Err(TokenError::TooLarge)),
            ("e30KCQ==.e.=", Err(TokenError::TooLarge)),
        ] {
            let parsed = UnverifiedToken::parse_padded(token.as_bytes(), &limits).map(|_| ());
            assert_eq!(parsed, expected, "{token}");
        }
    }

    #[test]
    fn promise_5_sizes_are_capped_at_the_byte() {
        let limits = TokenLimits { token_bytes: 11, header_bytes: 3, ..TokenLimits::default() };
        let parse = |token: &str| UnverifiedToken::parse(token.as_bytes(), &limits).map(|_| ());
        assert_eq!(parse("e30.e30.e30"), Ok(()));
        assert_eq!(parse("e30.e30.e30e"), Err(TokenError::TooLarge));
        assert_eq!(parse("e30e.e.e"), Err(TokenError::TooLarge));
    }

    #[test]
    fn signatures_longer_than_any_algorithm_are_invalid() {
        let [long, by_one, longest] =
            [1400, 1367, 1366].map(|length| format!("e30.e30.{}", "A".repeat(length)));
        for (name, token, expected) in [
            ("longer than RSA-8192", long.as_str(), Err(TokenError::InvalidSignature)),
            ("by one byte", by_one.as_str(), Err(TokenError::InvalidSignature)),
            ("as long as RSA-8192", longest.as_str(), Ok(1024)),
            ("stray bits", "e30.e30.e31", Err(Malformed::Base64.into())),
            ("good", "e30.e30.e30", Ok(2)),
        ] {
            let token = UnverifiedToken::parse(token.as_bytes(), &TokenLimits::default());
            let length = token.and_then(|token| token.with_signature(|signature| Ok(signature.len())));
            assert_eq!(length, expected, "{name}");
        }
    }
}

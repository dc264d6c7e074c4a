//! The signature of one token under one key set: the step that turns bytes into somebody's word.

use std::sync::Arc;

use super::{Algorithm, AlgorithmSet, KeySet, SignatureValid, VerifyingKey};
use crate::{
    error::TokenError,
    token::{JoseHeader, TokenLimits, UnverifiedToken},
};

/// Verifies a compact JWS ([RFC 7515 section 7.1]) with these keys and returns its payload.
///
/// It answers for the form and the signature alone: three parts of strict base64url, a well-formed
/// header without extensions (`crit`, `b64`, `enc`, `zip`, nested `cty`), an algorithm that both
/// `algorithms` and the key allow, and a good signature by an eligible key. Key material in the
/// header is never used.
///
/// The payload may be any bytes. It does NOT check what they say: no issuer, audience, time, nor
/// the header's `typ`. For access and ID tokens use [`ResourceServer`](crate::ResourceServer).
///
/// ```
/// use tower_resource_server::keys::{Algorithm, KeySet, VerifyingKey, verify_jws};
/// use tower_resource_server::token::TokenLimits;
///
/// // RFC 8037 appendix A.4
/// let key = VerifyingKey::from_jwk(
///     r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
/// )?;
/// let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCj\
///              P0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
/// let payload = verify_jws(token, &KeySet::from_keys([key]), Algorithm::EdDSA, &TokenLimits::default())?;
/// assert_eq!(payload, b"Example of Ed25519 signing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`TooLarge`](TokenError::TooLarge), [`Malformed`](TokenError::Malformed),
/// [`UnsupportedExtension`](TokenError::UnsupportedExtension) and
/// [`AlgorithmNotAllowed`](TokenError::AlgorithmNotAllowed) about the token;
/// [`UnknownKey`](TokenError::UnknownKey) when no key has the name that the token gives, or it gives
/// none and fails under each that is eligible;
/// [`KeyAlgorithmMismatch`](TokenError::KeyAlgorithmMismatch) when none of the keys in question is for
/// the token's algorithm; [`InvalidSignature`](TokenError::InvalidSignature) under a key that it names.
///
/// [RFC 7515 section 7.1]: https://www.rfc-editor.org/rfc/rfc7515#section-7.1
pub fn verify_jws(
    token: impl AsRef<[u8]>,
    keys: &KeySet,
    algorithms: impl Into<AlgorithmSet>,
    limits: &TokenLimits,
) -> Result<Vec<u8>, TokenError> {
    let token = UnverifiedToken::parse(token.as_ref(), limits)?;
    let payload = token.payload_bytes()?;
    let header_json = token.header_json()?;
    let header = JoseHeader::parse(&header_json, limits)?;
    let algorithm = header
        .alg
        .parse()
        .ok()
        .filter(|algorithm| algorithms.into().contains(*algorithm))
        .ok_or(TokenError::AlgorithmNotAllowed)?;
    let kid = header.kid.as_deref();
    let (_, SignatureValid { .. }) = verify_signature(&token, kid, algorithm, keys, limits)?;
    Ok(payload)
}

/// Checks the signature with the eligible keys, as many as [`TokenLimits::keys_tried`], and says which
/// one it was.
///
/// # Errors
/// [`KeySet::lacking`] when no key is eligible, and [`TokenError::UnknownKey`] when the token names none
/// and fails under each that is: then, and only then, newer keys might help.
/// [`TokenError::InvalidSignature`] under a key that the token names.
pub(crate) fn verify_signature(
    token: &UnverifiedToken<'_>,
    kid: Option<&str>,
    algorithm: Algorithm,
    keys: &KeySet,
    limits: &TokenLimits,
) -> Result<(Arc<VerifyingKey>, SignatureValid), TokenError> {
    token.with_signature(|signature| {
        let mut failed = None;
        for key in keys.candidates(kid, algorithm).take(limits.keys_tried) {
            match key.verify(algorithm, token.signing_input(), signature) {
                Ok(valid) => return Ok((Arc::clone(key), valid)),
                Err(invalid) => failed = Some(if kid.is_some() { invalid } else { TokenError::UnknownKey }),
            }
        }
        Err(failed.unwrap_or_else(|| keys.lacking(kid)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Malformed, issuer::SigningKey};

    fn set<const N: usize>(keys: [&SigningKey; N]) -> KeySet {
        let public = |key: &SigningKey| VerifyingKey::from_jwk(&key.public_jwk().unwrap().to_string());
        KeySet::from_keys(keys.map(|key| public(key).unwrap()))
    }

    fn verdict(
        token: &str,
        keys: &KeySet,
        algorithms: impl Into<AlgorithmSet>,
    ) -> Result<String, TokenError> {
        verify_jws(token, keys, algorithms, &TokenLimits::default())
            .map(|payload| String::from_utf8(payload).unwrap())
    }

    #[test]
    fn promise_2_the_header_only_selects_among_what_is_allowed() {
        let [a, b] = ["a", "b"].map(|kid| SigningKey::generate(Algorithm::ES256).unwrap().with_kid(kid));
        let sign = |key: &SigningKey, header: &str| key.sign_raw(header, b"hi").unwrap();
        let keys = set([&a, &b]);
        let es256 = AlgorithmSet::from(Algorithm::ES256);
        for (name, token, allowed, expected) in [
            ("by its kid", sign(&a, r#"{"alg":"ES256","kid":"a"}"#), es256, Ok("hi")),
            ("without a kid: each is tried", sign(&b, r#"{"alg":"ES256"}"#), es256, Ok("hi")),
            (
                "under the other key's name",
                sign(&a, r#"{"alg":"ES256","kid":"b"}"#),
                es256,
                Err(TokenError::InvalidSignature),
            ),
            (
                "under no key's name",
                sign(&a, r#"{"alg":"ES256","kid":"c"}"#),
                es256,
                Err(TokenError::UnknownKey),
            ),
            (
                "as another algorithm",
                sign(&a, r#"{"alg":"ES384","kid":"a"}"#),
                AlgorithmSet::ASYMMETRIC,
                Err(TokenError::KeyAlgorithmMismatch),
            ),
            (
                "as another algorithm, without a kid",
                sign(&a, r#"{"alg":"ES384"}"#),
                AlgorithmSet::ASYMMETRIC,
                Err(TokenError::KeyAlgorithmMismatch),
            ),
            (
                "as another algorithm, under no key's name",
                sign(&a, r#"{"alg":"ES384","kid":"c"}"#),
                AlgorithmSet::ASYMMETRIC,
                Err(TokenError::UnknownKey),
            ),
            (
                "as HMAC with a public key",
                sign(&a, r#"{"alg":"HS256","kid":"a"}"#),
                AlgorithmSet::HMAC,
                Err(TokenError::KeyAlgorithmMismatch),
            ),
            (
                "with an algorithm that is not allowed",
                sign(&a, r#"{"alg":"ES256","kid":"a"}"#),
                AlgorithmSet::EMPTY,
                Err(TokenError::AlgorithmNotAllowed),
            ),
            ("unsecured", sign(&a, r#"{"alg":"none"}"#), es256, Err(TokenError::AlgorithmNotAllowed)),
            (
                "with its own key in the header",
                sign(
                    &SigningKey::generate(Algorithm::ES256).unwrap(),
                    &format!(r#"{{"alg":"ES256","jwk":{}}}"#, a.public_jwk().unwrap()),
                ),
                es256,
                Err(TokenError::UnknownKey),
            ),
        ] {
            assert_eq!(verdict(&token, &keys, allowed), expected.map(str::to_owned), "{name}");
        }
    }

    #[test]
    fn promise_11_a_token_is_tried_against_so_many_keys_and_no_more() {
        let signing: Vec<_> = (0..6).map(|_| SigningKey::generate(Algorithm::EdDSA).unwrap()).collect();
        let jwk = |key: &SigningKey| VerifyingKey::from_jwk(&key.public_jwk().unwrap().to_string()).unwrap();
        let unnamed = KeySet::from_keys(signing.iter().map(|key| jwk(key).with_kid("")));
        let namesakes = KeySet::from_keys(signing.iter().map(|key| jwk(key).with_kid("a")));
        let tried = |keys_tried| TokenLimits { keys_tried, ..TokenLimits::default() };
        let (nameless, named) = (r#"{"alg":"EdDSA"}"#, r#"{"alg":"EdDSA","kid":"a"}"#);
        let (unknown, invalid) = (Some(TokenError::UnknownKey), Some(TokenError::InvalidSignature));
        for (name, keys, header, by, limits, expected) in [
            ("the fourth", &unnamed, nameless, 3, TokenLimits::default(), None),
            ("the fifth", &unnamed, nameless, 4, TokenLimits::default(), unknown.clone()),
            ("the last by choice", &unnamed, nameless, 5, tried(6), None),
            ("the second of one by choice", &unnamed, nameless, 1, tried(1), unknown),
            ("the fourth of one name", &namesakes, named, 3, TokenLimits::default(), None),
            ("the fifth of one name", &namesakes, named, 4, TokenLimits::default(), invalid),
            ("the fifth of one name by choice", &namesakes, named, 4, tried(5), None),
        ] {
            let token = signing[by].sign_raw(header, b"hi").unwrap();
            let error = verify_jws(&token, keys, Algorithm::EdDSA, &limits).err();
            assert_eq!(error, expected, "{name}");
        }
    }

    #[test]
    fn the_payload_is_any_bytes_and_the_form_is_not() {
        let key = SigningKey::generate(Algorithm::EdDSA).unwrap().without_kid();
        let keys = set([&key]);
        for payload in [&b""[..], b"\xFF\x00", br#"{"a":1,"a":1}"#] {
            let token = key.sign_raw(r#"{"alg":"EdDSA"}"#, payload).unwrap();
            let verified = verify_jws(&token, &keys, Algorithm::EdDSA, &TokenLimits::default());
            assert_eq!(verified.as_deref(), Ok(payload));
        }
        let token = key.sign_raw(r#"{"alg":"EdDSA"}"#, b"hi").unwrap();
        for (name, token, expected) in [
            ("two parts", "e30.e30".to_owned(), Malformed::Parts.into()),
            ("four parts", format!("{token}.e30"), Malformed::Parts.into()),
            ("padded", format!("{token}=="), Malformed::Base64.into()),
            ("too long", format!("{token}{}", "A".repeat(17_000)), TokenError::TooLarge),
            (
                "critical extension",
                key.sign_raw(r#"{"alg":"EdDSA","crit":["x"],"x":1}"#, b"hi").unwrap(),
                TokenError::UnsupportedExtension,
            ),
        ] {
            assert_eq!(verdict(&token, &keys, Algorithm::EdDSA), Err(expected), "{name}");
        }
    }
}

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
/// [`UnknownKey`](TokenError::UnknownKey) when no key is eligible, or the token names none and fails
/// under each that is; [`InvalidSignature`](TokenError::InvalidSignature) under a key that it names.
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
    let (_, SignatureValid { .. }) = verify_signature(&token, header.kid.as_deref(), algorithm, keys)?;
    Ok(payload)
}

/// Checks the signature with each eligible key, and says which one it was.
///
/// # Errors
/// [`TokenError::UnknownKey`] when no key is eligible, or the token names none and fails under each
/// that is: then, and only then, newer keys might help. [`TokenError::InvalidSignature`] under a key
/// that the token names.
pub(crate) fn verify_signature(
    token: &UnverifiedToken<'_>,
    kid: Option<&str>,
    algorithm: Algorithm,
    keys: &KeySet,
) -> Result<(Arc<VerifyingKey>, SignatureValid), TokenError> {
    token.with_signature(|signature| {
        let mut failed = TokenError::UnknownKey;
        for key in keys.candidates(kid, algorithm) {
            match key.verify(algorithm, token.signing_input(), signature) {
                Ok(valid) => return Ok((Arc::clone(key), valid)),
                Err(invalid) if kid.is_some() => failed = invalid,
                Err(_) => {}
            }
        }
        Err(failed)
    })
}

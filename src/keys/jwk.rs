//! What a JWK must be before it becomes a key (RFC 7517, RFC 7518 section 6, RFC 8037).
//!
//! jsonwebtoken supplies the model of the key's parameters. Two things it has no word for are read
//! beside it: the members that make a key private, and the `alg` values `ES512` and `Ed25519`.

use base64_simd::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde::{Deserialize, de::IgnoredAny};

use super::{Algorithm, KeyError, VerifyingKey, curve::Curve, verifying_key::rsa_family};

/// The members of interest that the model does not carry.
#[derive(Deserialize)]
struct Beside {
    alg: Option<String>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl Beside {
    /// RFC 7518 sections 6.2.2, 6.3.2 and 6.4.
    fn has_secret(&self) -> bool {
        [&self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth, &self.k]
            .into_iter()
            .any(Option::is_some)
    }
}

pub(super) fn parse(json: &str) -> Result<VerifyingKey, KeyError> {
    let beside: Beside = serde_json::from_str(json).map_err(|_| KeyError::MalformedJwk)?;
    if beside.has_secret() {
        return Err(KeyError::PrivateMaterial);
    }
    let jwk: Jwk = serde_json::from_str(json).map_err(|_| KeyError::MalformedJwk)?;
    check_use(&jwk)?;

    let key = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => VerifyingKey::rsa(&decode(&rsa.n)?, &decode(&rsa.e)?, rsa_family())?,
        AlgorithmParameters::EllipticCurve(ec) => {
            let curve = match ec.curve {
                EllipticCurve::P256 => Curve::P256,
                EllipticCurve::P384 => Curve::P384,
                EllipticCurve::P521 => Curve::P521,
                _ => return Err(KeyError::Unsupported),
            };
            VerifyingKey::ec(curve, &decode(&ec.x)?, &decode(&ec.y)?)?
        }
        AlgorithmParameters::OctetKeyPair(okp) => match okp.curve {
            EllipticCurve::Ed25519 => VerifyingKey::ed25519(&decode(&okp.x)?)?,
            _ => return Err(KeyError::Unsupported),
        },
        _ => return Err(KeyError::Unsupported),
    };
    let key = match &beside.alg {
        Some(alg) => key.restricted_to(alg.parse::<Algorithm>().map_err(|_| KeyError::Unsupported)?)?,
        None => key,
    };
    Ok(match jwk.common.key_id {
        Some(kid) => key.with_kid(kid),
        None => key,
    })
}

/// RFC 7517 sections 4.2 and 4.3: absent members restrict nothing, present ones bind.
fn check_use(jwk: &Jwk) -> Result<(), KeyError> {
    let for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let to_verify = match &jwk.common.key_operations {
        Some(operations) => operations.contains(&KeyOperations::Verify),
        None => true,
    };
    if for_signatures && to_verify { Ok(()) } else { Err(KeyError::WrongUse) }
}

fn decode(base64url: &str) -> Result<Vec<u8>, KeyError> {
    URL_SAFE_NO_PAD.decode_to_vec(base64url).map_err(|_| KeyError::MalformedJwk)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &str = r#""kty":"RSA","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw""#;
    const EC: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;
    const OKP: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    #[test]
    fn thumbprints_are_those_of_rfc_7638_and_rfc_8037() {
        for (name, jwk, thumbprint) in [
            ("RFC 7638 section 3.1", RSA, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            ("RFC 8037 appendix A.3", OKP, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            let key = parse(&format!("{{{jwk}}}")).unwrap();
            assert_eq!(key.thumbprint(), thumbprint, "{name}");
        }
    }

    #[test]
    fn a_leading_zero_byte_of_the_modulus_is_dropped() {
        let plain = parse(&format!("{{{RSA}}}")).unwrap();
        let n = plain_member(RSA, "n");
        let mut bytes = vec![0];
        bytes.extend(URL_SAFE_NO_PAD.decode_to_vec(n).unwrap());
        let padded = RSA.replace(n, &URL_SAFE_NO_PAD.encode_to_string(bytes));
        assert_eq!(parse(&format!("{{{padded}}}")).unwrap().thumbprint(), plain.thumbprint());
    }

    fn plain_member<'a>(jwk: &'a str, name: &str) -> &'a str {
        jwk.split(&format!("\"{name}\":\"")).nth(1).unwrap().split('"').next().unwrap()
    }

    #[test]
    fn a_jwk_is_bound_to_its_algorithm_use_and_shape() {
        let with = |base: &str, more: &str| format!("{{{base},{more}}}");
        for (name, jwk, expected) in [
            ("RSA, no alg: the whole family", format!("{{{RSA}}}"), Ok(rsa_family())),
            ("RSA, alg PS384", with(RSA, r#""alg":"PS384""#), Ok(Algorithm::PS384.into())),
            ("EC, no alg: the curve's", format!("{{{EC}}}"), Ok(Algorithm::ES256.into())),
            ("OKP under its RFC 9864 name", with(OKP, r#""alg":"Ed25519""#), Ok(Algorithm::EdDSA.into())),
            ("use sig", with(EC, r#""use":"sig""#), Ok(Algorithm::ES256.into())),
            ("key_ops verify", with(EC, r#""key_ops":["verify","sign"]"#), Ok(Algorithm::ES256.into())),
            ("use enc", with(EC, r#""use":"enc""#), Err(KeyError::WrongUse)),
            ("key_ops without verify", with(EC, r#""key_ops":["sign"]"#), Err(KeyError::WrongUse)),
            ("empty key_ops", with(EC, r#""key_ops":[]"#), Err(KeyError::WrongUse)),
            ("alg of another family", with(EC, r#""alg":"RS256""#), Err(KeyError::AlgorithmMismatch)),
            ("alg of another curve", with(EC, r#""alg":"ES384""#), Err(KeyError::AlgorithmMismatch)),
            ("HMAC alg on an RSA key", with(RSA, r#""alg":"HS256""#), Err(KeyError::AlgorithmMismatch)),
            ("encryption alg", with(RSA, r#""alg":"RSA-OAEP""#), Err(KeyError::Unsupported)),
            ("private", with(EC, r#""d":"AAAA""#), Err(KeyError::PrivateMaterial)),
            ("symmetric", r#"{"kty":"oct","k":"AAAA"}"#.into(), Err(KeyError::PrivateMaterial)),
            ("kid a number", with(EC, r#""kid":5"#), Err(KeyError::MalformedJwk)),
            ("unknown type", r#"{"kty":"AKP","pub":"AA"}"#.into(), Err(KeyError::Unsupported)),
            ("unknown curve", EC.replace("P-256", "P-256K").as_str().into(), Err(KeyError::MalformedJwk)),
            ("not an object", "[]".into(), Err(KeyError::MalformedJwk)),
            (
                "point off the curve",
                format!("{{{}}}", EC.replace("4Etl", "4Etm")),
                Err(KeyError::InvalidPoint),
            ),
            (
                "Ed25519 of 31 bytes",
                r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUA"}"#.into(),
                Err(KeyError::InvalidPoint),
            ),
            (
                "RSA of 16 bits",
                r#"{"kty":"RSA","e":"AQAB","n":"__8"}"#.into(),
                Err(KeyError::RsaModulusSize { bits: 16 }),
            ),
            (
                "RSA without a modulus",
                r#"{"kty":"RSA","e":"AQAB","n":""}"#.into(),
                Err(KeyError::RsaModulusSize { bits: 0 }),
            ),
            ("RSA with e = 1", format!("{{{}}}", RSA.replace("AQAB", "AQ")), Err(KeyError::RsaExponent)),
            (
                "RSA with an even e",
                format!("{{{}}}", RSA.replace("AQAB", "AQAA")),
                Err(KeyError::RsaExponent),
            ),
        ] {
            assert_eq!(parse(&jwk).map(|key| key.algorithms()), expected, "{name}");
        }
    }

    #[test]
    fn hmac_secrets_are_as_long_as_the_hash() {
        for (algorithm, minimum) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
            let secret: Vec<u8> = (7..).take(minimum).collect();
            assert!(VerifyingKey::from_hmac_secret(&secret, algorithm).is_ok());
            for length in [0, 1, minimum - 1] {
                assert_eq!(
                    VerifyingKey::from_hmac_secret(&vec![7; length], algorithm).unwrap_err(),
                    KeyError::SecretTooShort { length, minimum }
                );
            }
        }
    }
}

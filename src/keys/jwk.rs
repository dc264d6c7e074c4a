//! What a JWK must be before it becomes a key (RFC 7517, RFC 7518 section 6, RFC 8037).
//!
//! A JWK is read once: the members that bear on a key are taken as they are, and judged afterwards.
//! Members of other names are passed over, whatever they hold. An entry of a key set that is no JWK
//! is read all the same, so that it costs only itself.

use std::{collections::HashMap, fmt};

use base64_simd::URL_SAFE_NO_PAD;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Algorithm, KeyError, VerifyingKey, curve::Curve, verifying_key::rsa_family};
use crate::json::{self, Name, Shallow};

/// The members that bear on a public key.
const MEMBERS: [&str; 10] = ["alg", "crv", "e", "key_ops", "kid", "kty", "n", "use", "x", "y"];

/// The members that make a key private or symmetric: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.
const SECRETS: [&str; 8] = ["d", "dp", "dq", "k", "oth", "p", "q", "qi"];

/// A JWK that is not judged yet, or something else in its place.
#[derive(Default)]
pub(super) struct Jwk {
    /// Those of [`MEMBERS`] that are there and not `null`.
    members: HashMap<&'static str, Shallow>,
    /// One of [`SECRETS`] is there and not `null`.
    has_secret: bool,
    /// It is no object, or has one of [`MEMBERS`] twice.
    malformed: bool,
}

pub(super) fn parse(json: &str) -> Result<VerifyingKey, KeyError> {
    json::read_once::<Jwk>(json.as_bytes()).ok_or(KeyError::MalformedJwk)?.into_key()
}

impl Jwk {
    /// The key that it is, if it may be used to verify signatures.
    pub(super) fn into_key(self) -> Result<VerifyingKey, KeyError> {
        if self.malformed {
            return Err(KeyError::MalformedJwk);
        }
        if self.has_secret {
            return Err(KeyError::PrivateMaterial);
        }
        let (kid, algorithm) = (self.text("kid")?, self.text("alg")?);
        self.check_use()?;
        let key = match self.needed("kty")? {
            "RSA" => VerifyingKey::rsa(&self.number("n")?, &self.number("e")?, rsa_family())?,
            "EC" => {
                let curve = match self.needed("crv")? {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    _ => return Err(KeyError::Unsupported),
                };
                VerifyingKey::ec(curve, &self.number("x")?, &self.number("y")?)?
            }
            "OKP" if self.needed("crv")? == "Ed25519" => VerifyingKey::ed25519(&self.number("x")?)?,
            _ => return Err(KeyError::Unsupported),
        };
        let key = match algorithm {
            Some(name) => key.restricted_to(name.parse::<Algorithm>().map_err(|_| KeyError::Unsupported)?)?,
            None => key,
        };
        Ok(match kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }

    fn text(&self, name: &str) -> Result<Option<&str>, KeyError> {
        match self.members.get(name) {
            None => Ok(None),
            Some(Shallow::Text(text)) => Ok(Some(text)),
            Some(_) => Err(KeyError::MalformedJwk),
        }
    }

    fn needed(&self, name: &str) -> Result<&str, KeyError> {
        self.text(name)?.ok_or(KeyError::MalformedJwk)
    }

    fn number(&self, name: &str) -> Result<Vec<u8>, KeyError> {
        URL_SAFE_NO_PAD.decode_to_vec(self.needed(name)?).map_err(|_| KeyError::MalformedJwk)
    }

    /// RFC 7517 sections 4.2 and 4.3: absent members restrict nothing, present ones bind.
    fn check_use(&self) -> Result<(), KeyError> {
        let for_signatures = matches!(self.text("use")?, None | Some("sig"));
        let to_verify = match self.members.get("key_ops") {
            None => true,
            Some(Shallow::Texts(operations)) => operations.iter().any(|operation| operation == "verify"),
            Some(_) => return Err(KeyError::MalformedJwk),
        };
        if for_signatures && to_verify { Ok(()) } else { Err(KeyError::WrongUse) }
    }

    /// What stands where a JWK should.
    fn none() -> Self {
        Self { malformed: true, ..Self::default() }
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Jwk;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Jwk, A::Error> {
        let mut jwk = Jwk::default();
        while let Some(name) = members.next_key_seed(Name)? {
            if let Some(known) = MEMBERS.into_iter().find(|known| *known == name) {
                let value = members.next_value()?;
                jwk.malformed |= jwk.members.insert(known, value).is_some();
            } else if SECRETS.contains(&&*name) {
                jwk.has_secret |= members.next_value::<Option<IgnoredAny>>()?.is_some();
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        jwk.members.retain(|_, value| *value != Shallow::Null);
        Ok(jwk)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Jwk, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Jwk::none())
    }

    fn visit_unit<E>(self) -> Result<Jwk, E> {
        Ok(Jwk::none())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Jwk, E> {
        Ok(Jwk::none())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Jwk, E> {
        Ok(Jwk::none())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Jwk, E> {
        Ok(Jwk::none())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Jwk, E> {
        Ok(Jwk::none())
    }

    fn visit_str<E>(self, _: &str) -> Result<Jwk, E> {
        Ok(Jwk::none())
    }
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
            (
                "unknown curve",
                format!("{{{}}}", EC.replace("P-256", "secp256k1")),
                Err(KeyError::Unsupported),
            ),
            ("no curve", r#"{"kty":"EC","x":"AA","y":"AA"}"#.into(), Err(KeyError::MalformedJwk)),
            ("no type", r#"{"crv":"P-256","x":"AA","y":"AA"}"#.into(), Err(KeyError::MalformedJwk)),
            ("a coordinate twice", with(EC, r#""x":"AA""#), Err(KeyError::MalformedJwk)),
            ("kid twice, once escaped", with(EC, r#""kid":"a","\u006bid":"b""#), Err(KeyError::MalformedJwk)),
            ("kid null", with(EC, r#""kid":null"#), Ok(Algorithm::ES256.into())),
            ("d null", with(EC, r#""d":null"#), Ok(Algorithm::ES256.into())),
            ("key_ops a string", with(EC, r#""key_ops":"verify""#), Err(KeyError::MalformedJwk)),
            ("a certificate as text", with(EC, r#""x5c":"MIIB""#), Ok(Algorithm::ES256.into())),
            (
                "an unknown member twice",
                with(EC, r#""z":1,"z":[{"a":1,"a":2}]"#),
                Ok(Algorithm::ES256.into()),
            ),
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
            assert!(VerifyingKey::from_hmac_secret(&vec![7; minimum], algorithm).is_ok());
            for length in [0, 1, minimum - 1] {
                assert_eq!(
                    VerifyingKey::from_hmac_secret(&vec![7; length], algorithm).unwrap_err(),
                    KeyError::SecretTooShort { length, minimum }
                );
            }
        }
    }
}

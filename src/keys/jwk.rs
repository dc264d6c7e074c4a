//! What a JWK must be before it becomes a key (RFC 7517, RFC 7518 section 6, RFC 8037).
//!
//! A JWK is read once: the members that bear on a key are taken as they are, and judged afterwards.
//! Members of other names are passed over, whatever they hold. An entry of a key set that is no JWK
//! is read all the same, so that it costs only itself. A certificate in `x5c` is neither read nor
//! compared with the key.
//!
//! Numbers are read in every spelling of theirs that has one meaning; what they must be is judged
//! afterwards, by [`VerifyingKey`].

use std::fmt;

use base64_simd::URL_SAFE_NO_PAD;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use smallvec::SmallVec;

use super::{Algorithm, AlgorithmSet, KeyError, VerifyingKey, curve::Curve, verifying_key::rsa_family};
use crate::json::{self, Name, Shallow};

/// The members that bear on a public key.
const MEMBERS: [&str; 10] = ["alg", "crv", "e", "key_ops", "kid", "kty", "n", "use", "x", "y"];

/// The members that make a key private or symmetric: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.
const SECRETS: [&str; 8] = ["d", "dp", "dq", "k", "oth", "p", "q", "qi"];

/// A JWK that is not judged yet, or something else in its place.
#[derive(Default)]
pub(super) struct Jwk {
    /// Those of [`MEMBERS`] that are there, in that order.
    members: [Option<Shallow>; MEMBERS.len()],
    /// One of [`SECRETS`] is there and not `null`.
    has_secret: bool,
    /// It is no object, or has one of [`MEMBERS`] twice.
    malformed: bool,
}

pub(super) fn parse(json: &str) -> Result<VerifyingKey, KeyError> {
    json::read_once::<Jwk>(json.as_bytes()).ok_or(KeyError::MalformedJwk)?.into_key(None)
}

/// The key that a JOSE header embeds as `jwk` (RFC 7515 section 4.1.3), for this algorithm alone; `None`
/// where it embeds none, or refers to a key in another way beside it.
///
/// It says nothing about whose key it is: the caller must know the key, or its thumbprint, from elsewhere.
pub(crate) fn embedded_key(
    header_json: &[u8],
    algorithm: Algorithm,
) -> Option<Result<VerifyingKey, KeyError>> {
    #[derive(Deserialize)]
    struct Header {
        jwk: Option<Jwk>,
        jku: Option<IgnoredAny>,
        x5u: Option<IgnoredAny>,
        x5c: Option<IgnoredAny>,
    }
    let header: Header = json::read_once(header_json)?;
    if header.jku.is_some() || header.x5u.is_some() || header.x5c.is_some() {
        return None;
    }
    Some(header.jwk?.into_key_for(algorithm.into(), None))
}

impl Jwk {
    /// The key that it is, if it may be used to verify signatures; `wanted` is the `use` that says so, where
    /// that is not `sig`.
    pub(super) fn into_key(self, wanted: Option<&str>) -> Result<VerifyingKey, KeyError> {
        self.into_key_for(AlgorithmSet::ASYMMETRIC, wanted)
    }

    /// The same, for no other algorithms than these.
    fn into_key_for(self, algorithms: AlgorithmSet, wanted: Option<&str>) -> Result<VerifyingKey, KeyError> {
        if self.malformed {
            return Err(KeyError::MalformedJwk);
        }
        if self.has_secret || self.text("kty")? == Some("oct") {
            return Err(KeyError::PrivateMaterial);
        }
        let (kid, algorithm) = (self.text("kid")?, self.text("alg")?);
        self.check_use(wanted)?;
        let key = match self.needed("kty")? {
            "RSA" => {
                let of_type = rsa_family().intersection(algorithms);
                VerifyingKey::rsa(&self.number("n")?, &self.number("e")?, of_type)?
            }
            "EC" => {
                let curve = Curve::named(self.needed("crv")?).ok_or(KeyError::Unsupported)?;
                VerifyingKey::ec(curve, &self.number("x")?, &self.number("y")?)?
            }
            "OKP" if self.needed("crv")? == "Ed25519" => VerifyingKey::ed25519(&self.number("x")?)?,
            _ => return Err(KeyError::Unsupported),
        };
        let key = match algorithm {
            Some(name) => key.restricted_to(name.parse::<Algorithm>().map_err(|_| KeyError::Unsupported)?)?,
            None => key,
        };
        if key.algorithms().intersection(algorithms).is_empty() {
            return Err(KeyError::AlgorithmMismatch);
        }
        Ok(match kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }

    /// A member that is not `null`.
    fn member(&self, name: &str) -> Option<&Shallow> {
        let mut named = MEMBERS.iter().zip(&self.members);
        let (_, value) = named.find(|(known, _)| **known == name)?;
        value.as_ref().filter(|value| **value != Shallow::Null)
    }

    fn text(&self, name: &str) -> Result<Option<&str>, KeyError> {
        match self.member(name) {
            None => Ok(None),
            Some(Shallow::Text(text)) => Ok(Some(text)),
            Some(_) => Err(KeyError::MalformedJwk),
        }
    }

    fn needed(&self, name: &str) -> Result<&str, KeyError> {
        self.text(name)?.ok_or(KeyError::MalformedJwk)
    }

    fn number(&self, name: &str) -> Result<Octets, KeyError> {
        octets(self.needed(name)?)
    }

    /// RFC 7517 sections 4.2 and 4.3: absent members restrict nothing, present ones bind.
    fn check_use(&self, wanted: Option<&str>) -> Result<(), KeyError> {
        let is = self.text("use")?;
        let for_signatures = if wanted.is_some() { is == wanted } else { matches!(is, None | Some("sig")) };
        let to_verify = match self.member("key_ops") {
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
        deserializer.deserialize_any(JwkVisitor)
    }
}

struct JwkVisitor;

impl<'de> Visitor<'de> for JwkVisitor {
    type Value = Jwk;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Jwk, A::Error> {
        let mut jwk = Jwk::default();
        while let Some(name) = members.next_key_seed(Name)? {
            let mut known = MEMBERS.iter().zip(&mut jwk.members);
            if let Some((_, place)) = known.find(|(known, _)| **known == name) {
                jwk.malformed |= place.replace(members.next_value()?).is_some();
            } else if SECRETS.contains(&&*name) {
                jwk.has_secret |= members.next_value::<Option<IgnoredAny>>()?.is_some();
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
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

/// A number, whose text has place on the stack if it is a coordinate of a curve: proofs bring keys of their own.
type Octets = SmallVec<[u8; 96]>;

/// Base64url as RFC 7518 section 2 has it, and what encoders make of it: padding, the other
/// alphabet of base64, line breaks. Each has one meaning; stray bits at the end have none.
fn octets(text: &str) -> Result<Octets, KeyError> {
    let significant = |byte: u8| match byte {
        b'+' => Some(b'-'),
        b'/' => Some(b'_'),
        byte if byte.is_ascii_whitespace() => None,
        byte => Some(byte),
    };
    let mut octets: Octets = text.bytes().filter_map(significant).collect();
    let padding = octets.iter().rev().take_while(|byte| **byte == b'=').count();
    octets.truncate(octets.len() - padding);
    let length = URL_SAFE_NO_PAD.decode_inplace(&mut octets).map_err(|_| KeyError::MalformedJwk)?.len();
    octets.truncate(length);
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn members_without_a_bearing_on_the_key_may_hold_anything() {
        let base = |jwk: &str| parse(&format!("{{{jwk}}}")).unwrap().thumbprint().to_owned();
        for (name, jwk, member) in [
            ("x5c a text", EC, r#""x5c":"MIIB""#),
            ("x5c a number", RSA, r#""x5c":7"#),
            ("x5c certificates of another key", OKP, r#""x5c":["MIIB"]"#),
            ("x5c twice", EC, r#""x5c":"MIIB","x5c":null"#),
            ("x5t an array", EC, r#""x5t":[],"x5t#S256":{}"#),
            ("x5u no URL", RSA, r#""x5u":"no URL""#),
            ("iat a text", EC, r#""iat":"yesterday""#),
            ("nbf in the future", EC, r#""nbf":99999999999"#),
            ("exp in the past", OKP, r#""exp":1"#),
            ("exp no number that fits", EC, r#""exp":1e999"#),
            ("n in a key of a curve", EC, r#""n":7,"e":null"#),
            ("crv in an RSA key", RSA, r#""crv":["P-256"],"x":0"#),
            ("y in an OKP key", OKP, r#""y":{}"#),
            ("a member of another's", EC, r#""issued_by":{"a":[[[1]]]}"#),
            ("null for members that are used", EC, r#""kid":null,"use":null,"key_ops":null,"alg":null"#),
        ] {
            let key = parse(&format!("{{{jwk},{member}}}")).map(|key| key.thumbprint().to_owned());
            assert_eq!(key, Ok(base(jwk)), "{name}");
        }
    }

    #[test]
    fn members_that_are_used_are_there_once_and_of_their_type() {
        for (name, jwk, member) in [
            ("use a number", EC, r#""use":1"#),
            ("use an array", EC, r#""use":["sig"]"#),
            ("key_ops a text", EC, r#""key_ops":"verify""#),
            ("key_ops with a number", EC, r#""key_ops":["verify",1]"#),
            ("alg a number", EC, r#""alg":256"#),
            ("alg twice", EC, r#""alg":"ES256","alg":"ES256""#),
            ("kty twice", EC, r#""kty":"EC""#),
            ("a coordinate twice", EC, r#""x":"AA""#),
            ("the modulus twice", RSA, r#""n":"AA""#),
            ("kid an object", OKP, r#""kid":{}"#),
        ] {
            assert_eq!(parse(&format!("{{{jwk},{member}}}")).err(), Some(KeyError::MalformedJwk), "{name}");
        }
    }

    /// A P-256 key whose x begins with a zero byte.
    const SHORT: [&str; 2] =
        ["AAm4BMPWxXMxiYE8oqhsKuzQEOWBEn0ck1Dotus1Pag", "Lch5z15PfyMKCcE00weJsN_oxpNSryfENdkHApOlBVk"];
    /// A P-256 key, and an RSA exponent.
    const PLAIN: [&str; 2] =
        ["5G8FjLnd1ZQuJp4qx66vyxUwT4k8M2TW30qYV74Ta-U", "5-BVk4WSfDUmlZYrX3rLSiVbxGyd5be_XJAG6BjeFj4"];

    fn ec([x, y]: [&str; 2]) -> Result<Box<str>, KeyError> {
        parse(&json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }).to_string())
            .map(|key| key.thumbprint().into())
    }

    fn rsa(n: &str, e: &str) -> Result<Box<str>, KeyError> {
        parse(&json!({ "kty": "RSA", "n": n, "e": e }).to_string()).map(|key| key.thumbprint().into())
    }

    fn okp(x: &str) -> Result<Box<str>, KeyError> {
        parse(&json!({ "kty": "OKP", "crv": "Ed25519", "x": x }).to_string())
            .map(|key| key.thumbprint().into())
    }

    #[test]
    fn a_number_is_the_same_in_each_of_its_spellings() {
        let [x, y] = PLAIN;
        let [short_x, short_y] = SHORT;
        let n = plain_member(RSA, "n");
        let ed25519 = plain_member(OKP, "x");
        let signed = |number: &str| {
            let octets = URL_SAFE_NO_PAD.decode_to_vec(number).unwrap();
            URL_SAFE_NO_PAD.encode_to_string([vec![0], octets].concat())
        };
        let (plain, short, modulus) = (ec(PLAIN), ec(SHORT), rsa(n, "AQAB"));
        for (name, found, expected) in [
            ("x padded", ec(["5G8FjLnd1ZQuJp4qx66vyxUwT4k8M2TW30qYV74Ta-U=", y]), &plain),
            ("x with a sign byte", ec(["AORvBYy53dWULiaeKseur8sVME-JPDNk1t9KmFe-E2vl", y]), &plain),
            ("y padded", ec([x, &format!("{y}=")]), &plain),
            ("y with a sign byte", ec([x, &signed(y)]), &plain),
            ("y with several zero bytes", ec([x, &signed(&signed(y))]), &plain),
            (
                "x in the other alphabet",
                ec([&x.replace('-', "+"), &y.replace('_', "/").replace('-', "+")]),
                &plain,
            ),
            ("x in lines", ec([&format!("{}\r\n{}\n", &x[..20], &x[20..]), y]), &plain),
            (
                "x without its leading zero",
                ec(["CbgEw9bFczGJgTyiqGwq7NAQ5YESfRyTUOi26zU9qA", short_y]),
                &short,
            ),
            ("the same padded", ec(["CbgEw9bFczGJgTyiqGwq7NAQ5YESfRyTUOi26zU9qA==", short_y]), &short),
            ("the same with a sign byte", ec([&signed(short_x), short_y]), &short),
            ("n with a sign byte", rsa(&signed(n), "AQAB"), &modulus),
            ("n padded", rsa(&format!("{n}=="), "AQAB"), &modulus),
            ("n in the other alphabet", rsa(&n.replace('-', "+").replace('_', "/"), "AQAB"), &modulus),
            ("e with a sign byte", rsa(n, "AAEAAQ"), &modulus),
            ("e with its zero bytes, padded", rsa(n, "AAEAAQ=="), &modulus),
            ("Ed25519 padded", okp(&format!("{ed25519}=")), &okp(ed25519)),
        ] {
            assert!(expected.is_ok(), "{name}");
            assert_eq!(&found, expected, "{name}");
        }
    }

    #[test]
    fn a_spelling_without_one_meaning_is_refused() {
        let [x, y] = PLAIN;
        let ed25519 = plain_member(OKP, "x");
        let longer = format!("AQ{x}");
        for (name, found, expected) in [
            ("stray bits at the end", ec([&format!("{}V", &x[..42]), y]), KeyError::MalformedJwk),
            ("padding in the middle", ec([&format!("{}={}", &x[..40], &x[40..]), y]), KeyError::MalformedJwk),
            ("a letter of no alphabet", ec([&x.replace('-', "."), y]), KeyError::MalformedJwk),
            ("one letter too few", ec([&x[..41], y]), KeyError::MalformedJwk),
            ("a coordinate of another curve", ec([&longer[..44], y]), KeyError::InvalidPoint),
            ("another point", ec([y, x]), KeyError::InvalidPoint),
            ("no coordinate at all", ec([x, ""]), KeyError::InvalidPoint),
            // Not a number: 32 octets, the least significant first (RFC 8032 section 5.1.2).
            ("Ed25519 with a zero in front", okp(&format!("AA{ed25519}")[..44]), KeyError::InvalidPoint),
            ("Ed25519 without its last octet", okp(&ed25519[..42]), KeyError::MalformedJwk),
            ("e of nothing", rsa(plain_member(RSA, "n"), "AAAA"), KeyError::RsaExponent),
        ] {
            assert_eq!(found, Err(expected), "{name}");
        }
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
            ("unknown curve", format!("{{{}}}", EC.replace("P-256", "P-256K")), Err(KeyError::Unsupported)),
            (
                "curve of another type",
                format!("{{{}}}", OKP.replace("Ed25519", "X25519")),
                Err(KeyError::Unsupported),
            ),
            ("symmetric without its secret", r#"{"kty":"oct"}"#.into(), Err(KeyError::PrivateMaterial)),
            ("without a type", r#"{"kid":"a"}"#.into(), Err(KeyError::MalformedJwk)),
            (
                "without a coordinate",
                r#"{"kty":"EC","crv":"P-256","x":"AA"}"#.into(),
                Err(KeyError::MalformedJwk),
            ),
            (
                "members without names",
                r#"["EC",null,null,null,null,null,null,null]"#.into(),
                Err(KeyError::MalformedJwk),
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

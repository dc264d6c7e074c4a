//! A key set as an issuer publishes it (RFC 7517 section 5), entry by entry.

use serde::{Deserialize, de::IgnoredAny};

use super::{KeyError, KeySet, jwk::Jwk};
use crate::json;

/// The most keys of a key set unless told otherwise: 100 signing keys are far beyond any provider
/// seen, and each costs parsing on arrival.
pub const MAX_KEYS: usize = 100;

/// Why a document is not a usable key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// Not JSON, or neither a JWK Set (RFC 7517 section 5) nor a single JWK.
    #[error("not a JWK Set")]
    Malformed,
    /// More usable keys than are accepted.
    #[error("more than {limit} keys for signatures")]
    TooManyKeys {
        /// How many are accepted.
        limit: usize,
    },
    /// There is no entry that can verify a signature.
    #[error("no usable key among {}{}", skipped.len(), because(skipped))]
    NoUsableKey {
        /// Why each entry is unusable.
        skipped: Vec<KeyError>,
    },
}

/// Why entries of a key set were passed over: each reason once, in the order of the document, and no
/// more than fit a line of a log.
pub(crate) fn distinct(skipped: &[KeyError]) -> Vec<KeyError> {
    const MAX_REASONS: usize = 8;
    let mut reasons: Vec<KeyError> = Vec::new();
    for why in skipped {
        if reasons.len() < MAX_REASONS && !reasons.contains(why) {
            reasons.push(why.clone());
        }
    }
    reasons
}

/// The same as one text.
pub(crate) fn reasons(skipped: &[KeyError]) -> String {
    distinct(skipped).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The same as the end of a sentence.
fn because(skipped: &[KeyError]) -> String {
    if skipped.is_empty() { String::new() } else { format!(": {}", reasons(skipped)) }
}

impl KeySet {
    /// Reads a JWK Set, or a single bare JWK, as it comes from an issuer.
    ///
    /// Each entry is judged alone: one that is unusable is skipped and counted in
    /// [`skipped`](Self::skipped), so that an issuer may publish keys of new kinds. Symmetric and
    /// private keys are never taken. A byte order mark before the document is skipped (RFC 8259
    /// section 8.1).
    ///
    /// # Errors
    /// [`JwksError`] when the document is not a key set, has no usable key, or more than [`MAX_KEYS`]
    /// of them.
    pub fn from_jwks(json: &[u8]) -> Result<Self, JwksError> {
        Self::from_jwks_up_to(json, MAX_KEYS)
    }

    /// The same with another bound on the usable keys; entries that are skipped do not count.
    ///
    /// # Errors
    /// As [`from_jwks`](Self::from_jwks).
    pub fn from_jwks_up_to(json: &[u8], limit: usize) -> Result<Self, JwksError> {
        Self::read(json, limit, None)
    }

    /// The same for a document whose keys for tokens all have this `use`: `jwt-svid` in a SPIFFE bundle (SPIFFE
    /// Trust Domain and Bundle section 4.2.1), which has keys for other things beside them. Those without it, or with
    /// another, are skipped.
    ///
    /// # Errors
    /// As [`from_jwks`](Self::from_jwks).
    pub fn from_jwks_for(json: &[u8], key_use: &str) -> Result<Self, JwksError> {
        Self::read(json, MAX_KEYS, Some(key_use))
    }

    pub(crate) fn read(json: &[u8], limit: usize, key_use: Option<&str>) -> Result<Self, JwksError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Option<Vec<Jwk>>,
            kty: Option<IgnoredAny>,
        }

        let document: Document = json::read_once(json).ok_or(JwksError::Malformed)?;
        let entries = match (document.keys, document.kty) {
            (Some(keys), _) => keys,
            (None, Some(_)) => vec![json::read_once(json).ok_or(JwksError::Malformed)?],
            (None, None) => return Err(JwksError::Malformed),
        };
        let mut skipped = Vec::new();
        let mut usable = Vec::new();
        for jwk in entries {
            match jwk.into_key(key_use) {
                Ok(_) if usable.len() == limit => return Err(JwksError::TooManyKeys { limit }),
                Ok(key) => usable.push(key),
                Err(why) => skipped.push(why),
            }
        }
        if usable.is_empty() {
            return Err(JwksError::NoUsableKey { skipped });
        }
        Ok(Self::from_keys(usable).passing_over(skipped))
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::URL_SAFE_NO_PAD;

    use super::*;

    const X: [&str; 3] = [
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
        "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU",
    ];

    fn okp(x: usize, kid: Option<&str>) -> String {
        let kid = kid.map(|kid| format!(r#","kid":"{kid}""#)).unwrap_or_default();
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"{kid}}}"#, X[x])
    }

    fn set(keys: &[String]) -> KeySet {
        KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
    }

    #[test]
    fn only_keys_for_signatures_count_against_the_bound() {
        let x = |n: usize| URL_SAFE_NO_PAD.encode_to_string([n as u8; 32]);
        let key = |n: usize| format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{n}","x":"{}"}}"#, x(n));
        let others = [
            r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#.to_owned(),
            key(200).replace('{', r#"{"use":"enc","#),
            key(201).replace('{', r#"{"alg":"ECDH-ES","#),
            "{}".to_owned(),
        ];
        let document = |keys: usize, others: &[String]| {
            let keys = (0..keys).map(key).chain(others.iter().cloned()).collect::<Vec<_>>();
            format!(r#"{{"keys":[{}]}}"#, keys.join(","))
        };
        let many = others.iter().cloned().cycle().take(500).collect::<Vec<_>>();
        for (name, document, limit, expected) in [
            ("as many as are accepted", document(100, &[]), MAX_KEYS, Ok((100, 0))),
            ("one more", document(101, &[]), MAX_KEYS, Err(JwksError::TooManyKeys { limit: 100 })),
            ("as many, and others", document(100, &many), MAX_KEYS, Ok((100, 500))),
            (
                "one more, and others",
                document(101, &others),
                MAX_KEYS,
                Err(JwksError::TooManyKeys { limit: 100 }),
            ),
            ("more by choice", document(150, &others), 150, Ok((150, 4))),
            ("fewer by choice", document(3, &[]), 2, Err(JwksError::TooManyKeys { limit: 2 })),
        ] {
            let set = KeySet::from_jwks_up_to(document.as_bytes(), limit);
            assert_eq!(set.map(|set| (set.len(), set.skipped().len())), expected, "{name}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        let set = format!(r#"{{"keys":[{}]}}"#, okp(0, None));
        for (name, document, good) in [
            ("a set", format!("\u{feff}{set}"), true),
            ("a bare key", format!("\u{feff}{}", okp(0, None)), true),
            ("none", set.clone(), true),
            ("two", format!("\u{feff}\u{feff}{set}"), false),
            ("behind the document", format!("{set}\u{feff}"), false),
        ] {
            assert_eq!(KeySet::from_jwks(document.as_bytes()).is_ok(), good, "{name}");
        }
        let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(KeySet::from_jwks(&utf16).unwrap_err(), JwksError::Malformed, "UTF-16");
    }

    #[test]
    fn documents_that_are_no_key_set_are_refused() {
        let none = |skipped: &[KeyError]| JwksError::NoUsableKey { skipped: skipped.to_vec() };
        for (name, json, expected) in [
            ("not JSON", "<html>", JwksError::Malformed),
            ("truncated", r#"{"keys":[{"kty":"#, JwksError::Malformed),
            ("neither", "{}", JwksError::Malformed),
            ("keys no array", r#"{"keys":{}}"#, JwksError::Malformed),
            ("empty", r#"{"keys":[]}"#, none(&[])),
            (
                "all unusable",
                r#"{"keys":[{"kty":"oct","k":"AA"},5]}"#,
                none(&[KeyError::PrivateMaterial, KeyError::MalformedJwk]),
            ),
            ("a private bare key", r#"{"kty":"oct","k":"AA"}"#, none(&[KeyError::PrivateMaterial])),
        ] {
            assert_eq!(KeySet::from_jwks(json.as_bytes()).unwrap_err(), expected, "{name}");
        }
        assert!(KeySet::from_jwks(&[0xff]).is_err());
    }

    #[test]
    fn a_set_without_a_usable_key_says_why() {
        let encryption = okp(0, None).replace('{', r#"{"use":"enc","#);
        let other = okp(1, None).replace('{', r#"{"alg":"RSA-OAEP","#);
        for (name, keys, expected) in [
            ("nothing", vec![], "no usable key among 0"),
            (
                "one for encryption",
                vec![encryption.clone()],
                "no usable key among 1: not a key for verifying signatures",
            ),
            (
                "two for encryption",
                vec![encryption.clone(), encryption.clone()],
                "no usable key among 2: not a key for verifying signatures",
            ),
            (
                "one for encryption, one of another algorithm",
                vec![other, encryption],
                "no usable key among 2: key type, curve or algorithm not supported; not a key for verifying signatures",
            ),
            (
                "one that is too short",
                vec![r#"{"kty":"RSA","e":"AQAB","n":"__8"}"#.to_owned()],
                "no usable key among 1: RSA modulus of 16 bits is too short or too long",
            ),
            (
                "one that is no longer a secret",
                vec![r#"{"kty":"oct","k":"AA"}"#.to_owned()],
                "no usable key among 1: private or symmetric key material in a public key set",
            ),
        ] {
            let error = KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes());
            assert_eq!(error.unwrap_err().to_string(), expected, "{name}");
        }
        let sizes: Vec<_> = (0..20).map(|bits| KeyError::RsaModulusSize { bits }).collect();
        assert_eq!(distinct(&sizes), sizes[..8], "a line of a log");
    }

    #[test]
    fn one_poisoned_entry_among_good_ones_costs_only_itself() {
        for poison in ["5", "null", r#"{"kty":"RSA"}"#, r#"{"kid":7}"#, r#"{"kty":"oct","k":"AA"}"#] {
            let keys = set(&[okp(0, Some("a")), poison.into(), okp(1, Some("b"))]);
            assert_eq!((keys.len(), keys.skipped().len()), (2, 1), "{poison}");
        }
    }

    #[test]
    fn a_bare_jwk_is_a_set_of_one() {
        assert_eq!(KeySet::from_jwks(okp(0, None).as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn a_byte_order_mark_before_a_document_is_skipped() {
        let (jwk, other) = (okp(0, Some("a")), okp(1, Some("b")));
        let document = format!(r#"{{"keys":[{jwk},{other}]}}"#);
        for (name, text, expected) in [
            ("a set", format!("\u{feff}{document}"), Ok(2)),
            ("a single key", format!("\u{feff}{jwk}"), Ok(1)),
            ("a set behind white space", format!("\u{feff}\r\n {document}"), Ok(2)),
            ("two marks", format!("\u{feff}\u{feff}{document}"), Err(JwksError::Malformed)),
            ("a mark behind the document", format!("{document}\u{feff}"), Err(JwksError::Malformed)),
            ("a mark alone", "\u{feff}".to_owned(), Err(JwksError::Malformed)),
        ] {
            let found = KeySet::from_jwks(text.as_bytes()).map(|keys| keys.len());
            assert_eq!(found, expected, "{name}");
        }
    }
}

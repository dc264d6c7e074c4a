//! What must not be a shared secret: what anyone knows, or soon guesses.
//!
//! The public key of an issuer as an HMAC secret lets everybody sign (RFC 8725 section 2.1), and it
//! gets there by mistake: a configuration has one field for "the key".

use memchr::memmem;
use serde::{Deserialize, de::IgnoredAny};
use spki::der::{Decode as _, Reader as _, Tag, Tagged as _, asn1::AnyRef};
use zeroize::Zeroizing;

use crate::json;

/// Why bytes of sufficient length are no shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakSecret {
    /// One pattern of up to 8 bytes, over and over.
    #[error("a secret that repeats one short pattern; use random bytes")]
    Repeats,
    /// A PEM text, a JWK or a set of them, a certificate, or a public key in DER or in the format of
    /// SSH; as it is, or encoded in base64 or hexadecimal once more.
    #[error("the text of a key or a certificate, which others know; use random bytes")]
    Public,
}

/// The longest pattern whose repetition is refused.
const LONGEST_PATTERN: usize = 8;

/// Whether `secret`, which is long enough, may be one.
pub(crate) fn check(secret: &[u8]) -> Result<(), WeakSecret> {
    let repeats = |period| {
        let later = secret.get(period..).filter(|later| !later.is_empty());
        later.is_some_and(|later| secret.iter().zip(later).all(|(one, next)| one == next))
    };
    if (1..=LONGEST_PATTERN).any(repeats) {
        return Err(WeakSecret::Repeats);
    }
    let words = secret.split(u8::is_ascii_whitespace);
    let decoded = [decoded_base64(secret), decoded_hex(secret)].into_iter().chain(words.map(decoded_base64));
    if is_public(secret) || decoded.flatten().any(|bytes| is_public(&bytes)) {
        return Err(WeakSecret::Public);
    }
    Ok(())
}

fn is_public(bytes: &[u8]) -> bool {
    is_pem(bytes) || is_jwk(bytes) || is_der(bytes) || is_ssh(bytes)
}

/// RFC 7468 section 2, and RFC 4716 section 3.2 with its spaces.
fn is_pem(bytes: &[u8]) -> bool {
    [&b"---BEGIN "[..], b"--- BEGIN "].into_iter().any(|begin| memmem::find(bytes, begin).is_some())
}

/// A JWK or a set of them (RFC 7517 sections 4 and 5).
fn is_jwk(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Members {
        kty: Option<IgnoredAny>,
        keys: Option<IgnoredAny>,
    }
    let members = json::read_once::<Members>(bytes);
    members.is_some_and(|members| members.kty.is_some() || members.keys.is_some())
}

/// `SubjectPublicKeyInfo`, `RSAPublicKey` (RFC 8017 appendix A.1.1) or a certificate (RFC 5280 section
/// 4.1), by the types of its members.
fn is_der(bytes: &[u8]) -> bool {
    let members = |bytes| {
        AnyRef::from_der(bytes)?.sequence(|reader| {
            let mut tags = Vec::new();
            while !reader.is_finished() {
                tags.push(reader.decode::<AnyRef<'_>>()?.tag());
            }
            Ok(tags)
        })
    };
    matches!(
        members(bytes).as_deref(),
        Ok([Tag::Sequence, Tag::BitString]
            | [Tag::Integer, Tag::Integer]
            | [Tag::Sequence, Tag::Sequence, Tag::BitString])
    )
}

/// A key in the format of SSH (RFC 4253 section 6.6): the length of its type's name, and the name.
fn is_ssh(bytes: &[u8]) -> bool {
    let name = bytes.split_first_chunk().and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        rest.get(..length)
    });
    let types = [&b"ssh-"[..], b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-"];
    name.is_some_and(|name| types.into_iter().any(|known| name.starts_with(known)))
}

/// What base64 or base64url stands for, however it is broken into lines and padded.
fn decoded_base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let mut bytes: Zeroizing<Vec<u8>> = Zeroizing::new(text.iter().map(standard).collect());
    let length = base64_simd::forgiving_decode_inplace(&mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

/// What hexadecimal digits stand for, in either case, with white space around them.
pub(crate) fn decoded_hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    let (pairs, rest) = text.trim_ascii().as_chunks();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for pair in pairs {
        bytes.push(byte(pair)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use base64_simd::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;
    use crate::{issuer::SigningKey, keys::Algorithm};

    /// A self-signed certificate of a P-256 key.
    const CERTIFICATE: &str = include_str!("testdata/certificate.pem");
    const SSH_ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEeQauX58qnAKcFgt0AytfJtwFzV3ZkwhSlzufJGZ7MP alice@example";
    const SSH_P256: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKE6lM5OutaYdTyPujxJtG8RcYjlB6R9306P1ByNlmqdnKQ83gZ9dewF4PvEKEm9Wzx9iXHIuj1A10KLf++2Css=";

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn der(pem: &str) -> Vec<u8> {
        let (_, der) = spki::der::pem::decode_vec(pem.as_bytes()).unwrap();
        der
    }

    #[test]
    fn promise_2_what_others_know_is_no_secret() {
        let rsa = include_str!("../issuer/testdata/rsa2048-public.pem");
        let pkcs1 = {
            let spki = der(rsa);
            let spki = spki::SubjectPublicKeyInfoRef::from_der(&spki).unwrap();
            spki.subject_public_key.as_bytes().unwrap().to_vec()
        };
        let ec = SigningKey::generate(Algorithm::ES256).unwrap();
        let (ec_pem, jwk) = (ec.public_key_pem().unwrap(), ec.public_jwk().unwrap());
        let lines: Vec<_> = rsa.lines().filter(|line| !line.starts_with('-')).collect();
        let blob = SSH_ED25519.split(' ').nth(1).unwrap();
        let rows: Vec<(&str, Vec<u8>)> = vec![
            ("PEM", rsa.into()),
            ("PEM of a curve", ec_pem.clone().into()),
            ("PEM behind blank lines", format!("\n\n  {ec_pem}").into()),
            ("PEM on one line", ec_pem.replace('\n', "\\n").into()),
            ("PEM of a private key", include_str!("../issuer/testdata/p256-pkcs8.pem").into()),
            ("PEM of a certificate", CERTIFICATE.into()),
            ("PEM in base64", STANDARD.encode_to_string(&ec_pem).into()),
            ("JWK", jwk.to_string().into()),
            ("JWK, indented", serde_json::to_string_pretty(&jwk).unwrap().into()),
            ("JWK set", serde_json::json!({ "keys": [jwk] }).to_string().into()),
            ("JWK in base64url", URL_SAFE_NO_PAD.encode_to_string(jwk.to_string()).into()),
            ("DER", der(rsa)),
            ("DER of a curve", der(&ec_pem)),
            ("DER of a certificate", der(CERTIFICATE)),
            ("DER of PKCS#1", pkcs1.clone()),
            ("DER in base64", STANDARD.encode_to_string(der(rsa)).into()),
            ("DER in base64, in lines", lines.join("\n").into()),
            ("DER in base64, in lines of Windows", lines.join("\r\n").into()),
            ("DER in base64url", URL_SAFE_NO_PAD.encode_to_string(der(&ec_pem)).into()),
            ("DER of PKCS#1 in base64", STANDARD.encode_to_string(pkcs1).into()),
            ("certificate in base64, as x5c has it", STANDARD.encode_to_string(der(CERTIFICATE)).into()),
            ("DER in hexadecimal", hex(&der(&ec_pem)).into()),
            ("DER in hexadecimal, in capitals", hex(&der(&ec_pem)).to_uppercase().into()),
            ("SSH", SSH_ED25519.into()),
            ("SSH of a curve", SSH_P256.into()),
            ("SSH with options", format!("restrict,pty {SSH_ED25519}\n").into()),
            ("SSH, the blob alone", blob.into()),
            ("SSH, the bytes of the blob", STANDARD.decode_to_vec(blob).unwrap()),
            (
                "SSH2",
                format!("---- BEGIN SSH2 PUBLIC KEY ----\n{blob}\n---- END SSH2 PUBLIC KEY ----").into(),
            ),
        ];
        for (name, secret) in rows {
            assert_eq!(check(&secret), Err(WeakSecret::Public), "{name}");
        }
    }

    #[test]
    fn promise_2_what_repeats_is_no_secret() {
        for (name, secret, expected) in [
            ("zeros", vec![0; 32], Err(WeakSecret::Repeats)),
            ("one byte", vec![b'x'; 64], Err(WeakSecret::Repeats)),
            ("two in turn", b"ab".repeat(16), Err(WeakSecret::Repeats)),
            ("a word", b"changeme".repeat(4), Err(WeakSecret::Repeats)),
            ("a word, cut off", b"secret".repeat(7)[..40].to_vec(), Err(WeakSecret::Repeats)),
            ("all but the last", [&[0; 31][..], &[1]].concat(), Ok(())),
        ] {
            assert_eq!(check(&secret), expected, "{name}");
        }
    }

    #[test]
    fn a_secret_may_be_of_any_form_that_random_bytes_have() {
        let mut random = [0; 64];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        for length in [32, 48, 64] {
            let secret = &random[..length];
            for (name, secret) in [
                ("bytes", secret.to_vec()),
                ("base64", STANDARD.encode_to_string(secret).into()),
                ("base64url", URL_SAFE_NO_PAD.encode_to_string(secret).into()),
                ("hexadecimal", hex(secret).into()),
                ("words", b"correct horse battery staple, and then some".to_vec()),
                ("JSON that is no key", br#"{"name":"value","other":"one more"}"#.to_vec()),
            ] {
                assert_eq!(check(&secret), Ok(()), "{name}");
            }
        }
    }
}

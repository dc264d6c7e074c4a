//! The public half of a key, as JWK, thumbprint and DER.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{KeyPair, RsaKeyPair},
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::signing_key::Material;
use crate::keys;

/// The members that RFC 7638 section 3.2 hashes, which are also all that a public key consists of.
pub(super) fn jwk(material: &Material) -> Option<Map<String, Value>> {
    let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
    let members = match material {
        Material::Rsa(pair) => {
            let (n, e) = rsa_components(pair);
            vec![("kty", "RSA".into()), ("n", base64(n)), ("e", base64(e))]
        }
        Material::Ec(pair) => {
            // An uncompressed point: 04 ‖ x ‖ y, each coordinate padded to the size of the field.
            let (_, point) = pair.public_key().as_ref().split_first()?;
            let (x, y) = point.split_at(point.len() / 2);
            let curve = match x.len() {
                32 => "P-256",
                48 => "P-384",
                _ => "P-521",
            };
            vec![("kty", "EC".into()), ("crv", curve.into()), ("x", base64(x)), ("y", base64(y))]
        }
        Material::Ed25519(pair) => {
            vec![("kty", "OKP".into()), ("crv", "Ed25519".into()), ("x", base64(pair.public_key().as_ref()))]
        }
        Material::Hmac(_) => return None,
    };
    Some(members.into_iter().map(|(name, value)| (name.into(), Value::String(value))).collect())
}

fn rsa_components(pair: &RsaKeyPair) -> (&[u8], &[u8]) {
    let public = pair.public_key();
    (public.modulus().big_endian_without_leading_zero(), public.exponent().big_endian_without_leading_zero())
}

/// RFC 7638.
pub(super) fn thumbprint(material: &Material) -> Option<String> {
    let members = jwk(material)?;
    let members = members.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    Some(keys::thumbprint(members).as_str().to_owned())
}

/// The `SubjectPublicKeyInfo` in DER.
pub(super) fn spki_der(material: &Material) -> Option<Vec<u8>> {
    let der: PublicKeyX509Der<'_> = match material {
        Material::Rsa(pair) => pair.public_key().as_der().ok()?,
        Material::Ec(pair) => pair.public_key().as_der().ok()?,
        Material::Ed25519(pair) => pair.public_key().as_der().ok()?,
        Material::Hmac(_) => return None,
    };
    Some(der.as_ref().to_vec())
}

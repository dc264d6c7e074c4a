//! Public keys as PEM and DER have them: `SubjectPublicKeyInfo`, alone or in a certificate (RFC 5280
//! section 4.1), and `RSAPublicKey` (RFC 8017 appendix A.1.1).

use aws_lc_rs::rsa;
use spki::{
    SubjectPublicKeyInfoRef,
    der::{AnyRef, Decode, Reader, SliceReader, Tag, TagNumber, Tagged, asn1::ObjectIdentifier},
};
use zeroize::Zeroizing;

use super::{
    Algorithm, AlgorithmSet, KeyError, VerifyingKey,
    curve::Curve,
    pem::{Block, PemError},
};

impl VerifyingKey {
    /// A public key in PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`), or the one of a certificate
    /// (`CERTIFICATE`), for the given algorithms.
    ///
    /// The first block of the text counts, in lines of any length. Of a certificate only the public
    /// key is read: who signed it, for whom, and until when is NOT checked, so it must come from a
    /// source that is trusted by itself, as a key must.
    ///
    /// It has no `kid` and is tried for every token until [`with_kid`](Self::with_kid) names it.
    ///
    /// # Errors
    /// [`KeyError`], also when one of the algorithms does not fit the key's type;
    /// [`KeyError::Pem`] has a message for each common mistake.
    pub fn from_pem(pem: &str, algorithms: impl Into<AlgorithmSet>) -> Result<Self, KeyError> {
        Encoded::from_pem(pem)?.key()?.verifying(algorithms.into())
    }

    /// A public key as DER of `SubjectPublicKeyInfo` (RFC 5280 section 4.1), for the given algorithms.
    ///
    /// # Errors
    /// [`KeyError`], also when one of the algorithms does not fit the key's type.
    pub fn from_der(der: &[u8], algorithms: impl Into<AlgorithmSet>) -> Result<Self, KeyError> {
        PublicKey::from_spki(der)?.verifying(algorithms.into())
    }
}

/// The data of a PEM block that holds a public key.
pub(super) struct Encoded {
    form: Form,
    der: Zeroizing<Vec<u8>>,
}

enum Form {
    Spki,
    Pkcs1,
    Certificate,
}

impl Encoded {
    pub(super) fn from_pem(text: &str) -> Result<Self, PemError> {
        let block = Block::first_of(text)?;
        let form = match block.label {
            "PUBLIC KEY" => Form::Spki,
            "RSA PUBLIC KEY" => Form::Pkcs1,
            // The labels of RFC 7468 section 5.1 and of older programs.
            "CERTIFICATE" | "X509 CERTIFICATE" | "X.509 CERTIFICATE" => Form::Certificate,
            label if label.ends_with("PRIVATE KEY") => return Err(PemError::PrivateKey),
            _ => return Err(PemError::NoPublicKey),
        };
        Ok(Self { form, der: block.decode()? })
    }

    pub(super) fn key(&self) -> Result<PublicKey<'_>, KeyError> {
        match self.form {
            Form::Spki => PublicKey::from_spki(&self.der),
            Form::Pkcs1 => Ok(PublicKey::Rsa(&self.der)),
            Form::Certificate => {
                let spki = certified(&self.der).map_err(|_| KeyError::MalformedCertificate)?;
                PublicKey::from_spki(spki)
            }
        }
    }
}

/// A public key of a supported type, not judged yet.
pub(super) enum PublicKey<'a> {
    /// DER of an `RSAPublicKey`.
    Rsa(&'a [u8]),
    /// Affine coordinates.
    Ec(Curve, &'a [u8], &'a [u8]),
    Ed25519(&'a [u8]),
}

impl<'a> PublicKey<'a> {
    fn from_spki(der: &'a [u8]) -> Result<Self, KeyError> {
        const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
        const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
        const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
        const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
        const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
        const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::MalformedPublicKey)?;
        let bytes = spki.subject_public_key.as_bytes().ok_or(KeyError::MalformedPublicKey)?;
        match spki.algorithm.oid {
            RSA => Ok(Self::Rsa(bytes)),
            ED25519 => Ok(Self::Ed25519(bytes)),
            EC => {
                let curve = spki.algorithm.parameters_oid().map_err(|_| KeyError::Unsupported)?;
                let curve = match curve {
                    P256 => Curve::P256,
                    P384 => Curve::P384,
                    P521 => Curve::P521,
                    _ => return Err(KeyError::Unsupported),
                };
                match bytes.split_first() {
                    // An uncompressed point (SEC 1 section 2.3.3).
                    Some((4, xy)) if xy.len() == 2 * curve.field_bytes() => {
                        let (x, y) = xy.split_at(curve.field_bytes());
                        Ok(Self::Ec(curve, x, y))
                    }
                    _ => Err(KeyError::InvalidPoint),
                }
            }
            _ => Err(KeyError::Unsupported),
        }
    }

    fn verifying(&self, algorithms: AlgorithmSet) -> Result<VerifyingKey, KeyError> {
        let only = |algorithm: Algorithm| {
            let fits = algorithms.contains(algorithm);
            if fits { Ok(()) } else { Err(KeyError::AlgorithmMismatch) }
        };
        match self {
            Self::Rsa(der) => {
                let key = rsa_key(der)?;
                VerifyingKey::from_rsa_components(
                    key.modulus().big_endian_without_leading_zero(),
                    key.exponent().big_endian_without_leading_zero(),
                    algorithms,
                )
            }
            Self::Ec(curve, x, y) => only(curve.algorithm())
                .and_then(|()| VerifyingKey::ec(*curve, x, y))
                .map(VerifyingKey::for_any_kid),
            Self::Ed25519(bytes) => {
                only(Algorithm::EdDSA).and_then(|()| VerifyingKey::from_ed25519_bytes(bytes))
            }
        }
    }
}

/// Reads an `RSAPublicKey`.
pub(super) fn rsa_key(der: &[u8]) -> Result<rsa::PublicKey, KeyError> {
    rsa::PublicKey::from_der(der).map_err(|_| KeyError::MalformedPublicKey)
}

/// The `subjectPublicKeyInfo` of a certificate. What stands before it is passed over, and what
/// follows is not read: a name or an extension of an unusual form does not spoil the key.
fn certified<'a>(der: &'a [u8]) -> spki::der::Result<&'a [u8]> {
    const VERSION: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber::N0 };
    let sequence = |any: AnyRef<'a>| any.tag().assert_eq(Tag::Sequence).map(|_| any.value());
    let certificate = sequence(AnyRef::from_der(der)?)?;
    let to_be_signed = sequence(AnyRef::decode(&mut SliceReader::new(certificate)?)?)?;
    let mut reader = SliceReader::new(to_be_signed)?;
    if reader.peek_tag()? == VERSION {
        AnyRef::decode(&mut reader)?;
    }
    // serialNumber, signature, issuer, validity, subject.
    for _ in 0..5 {
        AnyRef::decode(&mut reader)?;
    }
    reader.tlv_bytes()
}

#[cfg(test)]
#[path = "encoded_tests.rs"]
mod tests;

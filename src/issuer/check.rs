//! For tests: verifies a token by its JWK with nothing but the cryptographic library, so that the
//! issuer is not judged by code that shares its mistakes.

use aws_lc_rs::{
    hmac,
    signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm},
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

pub(crate) fn bytes(base64: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode_to_vec(base64).unwrap()
}

pub(crate) fn json(base64: &str) -> Value {
    serde_json::from_slice(&bytes(base64)).unwrap()
}

pub(crate) fn header(token: &str) -> Value {
    json(token.split('.').next().unwrap())
}

pub(crate) fn claims(token: &str) -> Value {
    json(token.split('.').nth(1).unwrap())
}

/// Whether `jwk` signed this token with the algorithm of that name.
pub(crate) fn verifies(jwk: &Value, algorithm: &str, token: &str) -> bool {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = bytes(signature);
    let member = |name: &str| bytes(jwk[name].as_str().unwrap());
    match jwk["kty"].as_str().unwrap() {
        "RSA" => {
            let parameters = match algorithm {
                "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
                "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
                "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
                "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
                "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
                other => panic!("{other} is no RSA algorithm"),
            };
            let public = RsaPublicKeyComponents { n: member("n"), e: member("e") };
            public.verify(parameters, message.as_bytes(), &signature).is_ok()
        }
        "EC" => {
            let (curve, verifier): (_, &'static dyn VerificationAlgorithm) = match algorithm {
                "ES256" => ("P-256", &signature::ECDSA_P256_SHA256_FIXED),
                "ES384" => ("P-384", &signature::ECDSA_P384_SHA384_FIXED),
                "ES512" => ("P-521", &signature::ECDSA_P521_SHA512_FIXED),
                other => panic!("{other} is no ECDSA algorithm"),
            };
            assert_eq!(jwk["crv"], curve);
            let point = [vec![4], member("x"), member("y")].concat();
            UnparsedPublicKey::new(verifier, point).verify(message.as_bytes(), &signature).is_ok()
        }
        "OKP" => {
            assert_eq!((jwk["crv"].as_str(), algorithm), (Some("Ed25519"), "EdDSA"));
            let public = UnparsedPublicKey::new(&signature::ED25519, member("x"));
            public.verify(message.as_bytes(), &signature).is_ok()
        }
        other => panic!("no such kty: {other}"),
    }
}

pub(crate) fn verifies_hmac(algorithm: hmac::Algorithm, secret: &[u8], token: &str) -> bool {
    let (message, tag) = token.rsplit_once('.').unwrap();
    hmac::verify(&hmac::Key::new(algorithm, secret), message.as_bytes(), &bytes(tag)).is_ok()
}

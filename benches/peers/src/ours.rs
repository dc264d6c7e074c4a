//! The controls: our layer, the service without one, and the signature check alone.

use std::hint::black_box;

use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    },
};
use tower::Layer;
use tower_resource_server::{
    CacheSettings, ResourceServer, TrustedIssuer,
    keys::{Algorithm, KeySet, VerifyingKey},
    profile::TokenProfile,
};

use crate::{
    service::{Sender, Trivial, sender},
    tokens::{API, ISSUER, KID, Set},
};

/// Our layer with so many bytes for its cache.
pub(crate) fn layer(algorithm: Algorithm, set: &Set, cache_bytes: usize) -> Sender {
    let keys = if algorithm == Algorithm::HS256 {
        let key = VerifyingKey::from_hmac_secret(&set.member("k"), algorithm).expect("long enough");
        KeySet::from_keys([key.with_kid(KID)])
    } else {
        KeySet::from_jwks(set.jwks().as_bytes()).expect("a good key set")
    };
    let cache = CacheSettings::default().max_bytes(cache_bytes);
    let server = ResourceServer::builder(API)
        .issuer(TrustedIssuer::with_keys(ISSUER, keys, TokenProfile::rfc9068().algorithms([algorithm])))
        .cache(cache)
        .build()
        .expect("a good configuration");
    sender(server.layer().layer(Trivial::<()>::new()))
}

/// No layer at all.
pub(crate) fn bare() -> Sender {
    sender(Trivial::<()>::new())
}

/// The signature check of the good token, with the key parsed once.
pub(crate) fn raw(algorithm: Algorithm, set: &Set) -> Box<dyn FnMut() -> bool> {
    let (input, signature) = set.signed();
    let input = input.to_vec();
    if algorithm == Algorithm::HS256 {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &set.member("k"));
        return Box::new(move || hmac::verify(&key, black_box(&input), black_box(&signature)).is_ok());
    }
    let rsa = || RsaPublicKeyComponents { n: set.member("n"), e: set.member("e") };
    let key = match algorithm {
        Algorithm::RS256 => rsa().to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::PS256 => rsa().to_parsed_public_key(&RSA_PSS_2048_8192_SHA256),
        Algorithm::ES256 => ParsedPublicKey::new(
            &ECDSA_P256_SHA256_FIXED,
            [vec![4], set.member("x"), set.member("y")].concat(),
        ),
        _ => ParsedPublicKey::new(&ED25519, set.member("x")),
    }
    .expect("a good key");
    Box::new(move || key.verify_sig(black_box(&input), black_box(&signature)).is_ok())
}

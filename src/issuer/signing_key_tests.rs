use aws_lc_rs::hmac;
use serde_json::json;

use super::*;
use crate::{
    issuer::check,
    keys::{PemError, VerifyingKey},
};

const PKCS8_RSA: &str = include_str!("testdata/rsa2048-pkcs8.pem");
const PKCS1_RSA: &str = include_str!("testdata/rsa2048-pkcs1.pem");
const SPKI_RSA: &str = include_str!("testdata/rsa2048-public.pem");
const PKCS8_RSA_1024: &str = include_str!("testdata/rsa1024-pkcs8.pem");
const PKCS8_P256: &str = include_str!("testdata/p256-pkcs8.pem");
const SEC1_P256: &str = include_str!("testdata/p256-sec1.pem");
const ENCRYPTED_P256: &str = include_str!("testdata/p256-encrypted.pem");
const PKCS8_P384: &str = include_str!("testdata/p384-pkcs8.pem");
const PKCS8_P521: &str = include_str!("testdata/p521-pkcs8.pem");
const PKCS8_ED25519: &str = include_str!("testdata/ed25519-pkcs8.pem");

/// A token of this key verifies by the key's own JWK, and a changed one does not.
#[track_caller]
fn assert_round_trip(key: &SigningKey) {
    let name = key.algorithm().name();
    let token = key.sign_raw(&json!({ "alg": name }).to_string(), b"{\"sub\":\"alice\"}").unwrap();
    let jwk = key.public_jwk().unwrap();
    assert_eq!((jwk["alg"].as_str(), jwk["use"].as_str()), (Some(name), Some("sig")), "{name}");
    assert!(check::verifies(&jwk, name, &token), "{name}");
    // The verifying side of this crate agrees, on the key and on its name.
    let verifying = VerifyingKey::from_jwk(&jwk.to_string()).unwrap();
    assert_eq!(Some(verifying.thumbprint()), key.thumbprint().as_deref(), "{name}");
    let from_pem = VerifyingKey::from_pem(&key.public_key_pem().unwrap(), key.algorithm()).unwrap();
    assert_eq!(from_pem.thumbprint(), verifying.thumbprint(), "{name}");
    let signature = key.sign(b"message").unwrap();
    assert!(verifying.verify(key.algorithm(), b"message", &signature).is_ok(), "{name}");

    let (head, signature) = token.rsplit_once('.').unwrap();
    assert!(!check::verifies(&jwk, name, &format!("{head}x.{signature}")), "{name} changed");
}

#[test]
fn every_asymmetric_algorithm_round_trips_from_a_generated_key() {
    let rsa = SigningKey::generate(Algorithm::RS256).unwrap();
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_hmac()) {
        let key = match family(algorithm) {
            Family::Rsa(_) => rsa.with_algorithm(algorithm).unwrap(),
            _ => SigningKey::generate(algorithm).unwrap(),
        };
        assert_eq!(key.algorithm(), algorithm);
        assert_round_trip(&key);
    }
}

#[test]
fn every_hmac_round_trips_from_a_secret() {
    let secret = [0xA5; 64];
    let hashes = [
        (Algorithm::HS256, hmac::HMAC_SHA256),
        (Algorithm::HS384, hmac::HMAC_SHA384),
        (Algorithm::HS512, hmac::HMAC_SHA512),
    ];
    for (algorithm, hash) in hashes {
        let key = SigningKey::from_hmac_secret(&secret, algorithm).unwrap();
        let token = key.sign_raw("{}", b"{}").unwrap();
        assert!(check::verifies_hmac(hash, &secret, &token), "{algorithm}");
        assert!(!check::verifies_hmac(hash, &[0; 64], &token), "{algorithm}");

        // A secret has no public half, and no name that would give away a hash of it.
        assert_eq!((key.public_jwk(), key.public_key_pem()), (None, None), "{algorithm}");
        assert_eq!((key.thumbprint(), key.kid()), (None, None), "{algorithm}");

        let minimum = hash.tag_len();
        let short = SigningKey::from_hmac_secret(&[1; 64][..minimum - 1], algorithm).err();
        assert_eq!(short, Some(SigningKeyError::SecretTooShort { length: minimum - 1, minimum }));
        assert!(SigningKey::from_hmac_secret(&[1; 64][..minimum], algorithm).is_ok());

        let generated = SigningKey::generate(algorithm).unwrap();
        assert_eq!(generated.sign(b"x").unwrap().len(), minimum, "{algorithm}");
    }
}

#[test]
fn private_keys_load_from_what_openssl_writes() {
    let cases = [
        ("PKCS#8 RSA", Algorithm::PS256, PKCS8_RSA),
        ("PKCS#1 RSA", Algorithm::RS512, PKCS1_RSA),
        ("PKCS#8 P-256", Algorithm::ES256, PKCS8_P256),
        ("SEC 1 P-256", Algorithm::ES256, SEC1_P256),
        ("PKCS#8 P-384", Algorithm::ES384, PKCS8_P384),
        ("PKCS#8 P-521", Algorithm::ES512, PKCS8_P521),
        ("PKCS#8 Ed25519", Algorithm::EdDSA, PKCS8_ED25519),
    ];
    for (case, algorithm, text) in cases {
        let key = SigningKey::from_pem(text, algorithm).unwrap_or_else(|why| panic!("{case}: {why}"));
        assert_round_trip(&key);
        let (label, der) = pem::decode_vec(text.as_bytes()).unwrap();
        if label == "PRIVATE KEY" {
            let same = SigningKey::from_pkcs8_der(&der, algorithm).unwrap();
            assert_eq!(same.public_jwk(), key.public_jwk(), "{case}");
        }
    }
    // Two wrappings of one key are one key.
    let thumbprint = |algorithm, text| SigningKey::from_pem(text, algorithm).unwrap().thumbprint();
    assert_eq!(thumbprint(Algorithm::RS256, PKCS8_RSA), thumbprint(Algorithm::RS256, PKCS1_RSA));
    assert_eq!(thumbprint(Algorithm::ES256, PKCS8_P256), thumbprint(Algorithm::ES256, SEC1_P256));
    // And the public half is what openssl extracts.
    let key = SigningKey::from_pem(PKCS8_RSA, Algorithm::RS256).unwrap();
    assert_eq!(key.public_key_pem().as_deref(), Some(SPKI_RSA));
}

#[test]
fn what_is_no_key_for_the_algorithm_is_refused() {
    use Algorithm::{ES256, ES384, EdDSA, HS256, RS256};
    let rejected = |algorithm| SigningKeyError::Rejected { algorithm };
    let cases = [
        ("EC key for RSA", RS256, PKCS8_P256, rejected(RS256)),
        ("RSA key for ECDSA", ES256, PKCS8_RSA, rejected(ES256)),
        ("P-256 key for P-384", ES384, PKCS8_P256, rejected(ES384)),
        ("SEC 1 P-256 key for P-384", ES384, SEC1_P256, rejected(ES384)),
        ("EC key for Ed25519", EdDSA, PKCS8_P256, rejected(EdDSA)),
        ("Ed25519 key for ECDSA", ES256, PKCS8_ED25519, rejected(ES256)),
        ("RSA of 1024 bits", RS256, PKCS8_RSA_1024, rejected(RS256)),
        ("PKCS#1 for ECDSA", ES256, PKCS1_RSA, SigningKeyError::WrongFamily { algorithm: ES256 }),
        ("SEC 1 for RSA", RS256, SEC1_P256, SigningKeyError::WrongFamily { algorithm: RS256 }),
        ("RSA key for HMAC", HS256, PKCS8_RSA, SigningKeyError::WrongFamily { algorithm: HS256 }),
        ("public key", RS256, SPKI_RSA, SigningKeyError::PemLabel),
        ("encrypted key", ES256, ENCRYPTED_P256, SigningKeyError::PemLabel),
        ("no PEM", RS256, "RS256", SigningKeyError::Pem(PemError::NoBegin)),
        ("nothing", RS256, "", SigningKeyError::Pem(PemError::Empty)),
    ];
    for (case, algorithm, pem, expected) in cases {
        assert_eq!(SigningKey::from_pem(pem, algorithm).err(), Some(expected), "{case}");
    }
    for algorithm in Algorithm::ALL {
        assert!(SigningKey::from_pkcs8_der(b"\x30\x00", algorithm).is_err(), "{algorithm}");
        assert_eq!(SigningKey::from_hmac_secret(&[7; 64], algorithm).is_ok(), algorithm.is_hmac());
    }
    let p256 = SigningKey::from_pem(PKCS8_P256, ES256).unwrap();
    assert!(p256.with_algorithm(ES256).is_ok());
    assert!(p256.with_algorithm(ES384).is_err());
}

/// RFC 7638 section 3.1 is about a public key alone, so the canonical form is compared instead:
/// RFC 8037 appendix A.3 gives the thumbprint of a key whose private half it prints too.
#[test]
fn the_kid_is_the_rfc_7638_thumbprint() {
    // RFC 8037 appendix A.1, its seed wrapped as PKCS#8.
    let seed = check::bytes("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let key = SigningKey::from_pkcs8_der(&[&prefix, &*seed].concat(), Algorithm::EdDSA).unwrap();
    assert_eq!(key.kid(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    assert_eq!(
        key.public_jwk().unwrap(),
        json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "use": "sig", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        })
    );
    // RFC 8037 appendix A.4: EdDSA is deterministic, so the signature itself is known.
    assert_eq!(
        key.sign_raw(r#"{"alg":"EdDSA"}"#, b"Example of Ed25519 signing").unwrap(),
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
         hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );

    assert_eq!(key.clone().with_kid("k").public_jwk().unwrap()["kid"], "k");
    assert_eq!(key.clone().with_kid("k").thumbprint(), key.thumbprint());
    let nameless = key.without_kid();
    assert_eq!((nameless.kid(), nameless.public_jwk().unwrap().get("kid")), (None, None));
}

#[test]
fn debug_shows_no_secret() {
    let secret = b"a secret of thirty-two bytes, or";
    let hmac = SigningKey::from_hmac_secret(secret, Algorithm::HS256).unwrap();
    assert_eq!(format!("{hmac:?}"), "SigningKey { algorithm: HS256, kid: None, .. }");
    let rsa = SigningKey::from_pem(PKCS8_RSA, Algorithm::RS256).unwrap().with_kid("rsa");
    assert_eq!(format!("{rsa:?}"), "SigningKey { algorithm: RS256, kid: Some(\"rsa\"), .. }");

    let issuer = crate::issuer::TokenIssuer::builder("https://login.example");
    let issuer = issuer.signing_key(hmac).build().unwrap();
    for text in [format!("{issuer:?}"), format!("{:#?}", issuer.token().signed_with("x"))] {
        assert!(!text.contains("secret of") && !text.contains("97, 32"), "{text}");
    }
}

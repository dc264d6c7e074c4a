//! RSA keys of 1024 bits: refused, unless let in by name.
//!
//! The library signs with nothing so short, so the token of `testdata` was signed once and for all:
//! its nonce is of the secret below at the time of the tests.

use serde_json::json;
use tower_resource_server::{
    KeyRevocation,
    keys::{Algorithm, KeyError, PemError, VerifyingKey},
    preset,
    preset::layer::Provider,
    store::Nonces,
};

use crate::{KEY, PROVIDER, RSA, Service, public};

const SHORT: &str = include_str!("testdata/rsa1024.pem");
const SHORT_PKCS1: &str = include_str!("testdata/rsa1024_pkcs1.pem");
const TOO_SHORT: &str = include_str!("testdata/rsa1016.pem");
const EC: &str = include_str!("testdata/p256.pem");
const TOKEN: &str = include_str!("testdata/rsa1024.jwt");

fn service(provider: Provider) -> Service {
    let nonces = Nonces::with_secret(b"a secret of thirty-two bytes, or").unwrap();
    Service::of(preset::layer::server(provider).nonces(nonces))
}

#[tokio::test]
async fn a_short_key_verifies_where_it_was_let_in() {
    for pem in [SHORT, SHORT_PKCS1] {
        let provider = Provider::new(PROVIDER).dangerous().old_rsa_key(KEY, pem).unwrap();
        let service = service(provider);
        let who = service.verify(TOKEN.trim()).await.unwrap();
        assert_eq!(who.subject(), "frodo");
        assert_eq!(service.verify(TOKEN.trim()).await.map(drop), Err("stale_nonce"));

        let mut forged = TOKEN.trim().to_owned();
        let last = forged.pop().unwrap();
        forged.push(if last == 'A' { 'Q' } else { 'A' });
        let verdict = service.verify(&forged).await.map(drop).unwrap_err();
        assert!(matches!(verdict, "invalid_signature" | "malformed"), "{verdict}");
    }
}

#[tokio::test]
async fn without_it_the_same_token_is_refused() {
    let verdict = service(Provider::new(PROVIDER).key(KEY, public(&RSA))).verify(TOKEN.trim()).await;
    assert_eq!(verdict.map(drop), Err("invalid_signature"));
}

#[test]
fn no_other_way_leads_to_a_short_key() {
    for pem in [SHORT, SHORT_PKCS1] {
        let key = VerifyingKey::from_pem(pem, Algorithm::RS256);
        assert_eq!(key.map(drop), Err(KeyError::RsaModulusSize { bits: 1024 }));
    }
}

#[test]
fn what_is_let_in_is_rsa_of_1024_bits_or_more() {
    let modern = RSA.public_key_pem().unwrap();
    for (name, pem, expected) in [
        ("2048 bits", modern.as_str(), Ok(())),
        ("1024 bits", SHORT, Ok(())),
        ("1016 bits", TOO_SHORT, Err(KeyError::RsaModulusSize { bits: 1016 })),
        ("a curve", EC, Err(KeyError::Unsupported)),
        ("no PEM", "a key", Err(PemError::NoBegin.into())),
        ("cut short", &SHORT[..SHORT.len() / 2], Err(PemError::NoEnd.into())),
        ("empty", "", Err(PemError::Empty.into())),
    ] {
        let key = Provider::new(PROVIDER).dangerous().old_rsa_key(KEY, pem);
        assert_eq!(key.map(drop), expected, "{name}");
    }
}

#[tokio::test]
async fn a_key_is_revoked_by_either_form_of_its_name() {
    for name in [KEY, KEY.rsplit('/').next().unwrap()] {
        let service = Service::new();
        assert!(service.judge(json!({}), json!({})).await.is_ok());
        assert_eq!(service.server.revoke_key(PROVIDER, name), Ok(KeyRevocation::WasInUse), "{name}");
        assert_eq!(service.judge(json!({}), json!({})).await.map(drop), Err("unknown_key"), "{name}");
    }
}

//! jsonwebtoken with its `rust_crypto` back end and tower-resource-server with all its features, in
//! one process: each signs, and both verify what either signed.
#![expect(clippy::disallowed_methods, reason = "the application under test uses jsonwebtoken")]

use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
#[cfg(not(feature = "both"))]
use jsonwebtoken::{DecodingKey, Validation, jwk::Jwk};
use jsonwebtoken::{EncodingKey, Header};
use pkcs8::{PrivateKeyInfo, der::Decode};
#[cfg(not(feature = "both"))]
use serde_json::Value;
use serde_json::json;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    time::{Clock, SystemClock, UnixTime},
};

const ISSUER: &str = "https://login.example";
const API: &str = "https://api.example";

/// One private key in the hands of both.
struct Shared {
    ours: SigningKey,
    theirs: EncodingKey,
    algorithm: jsonwebtoken::Algorithm,
}

impl Shared {
    fn all() -> Vec<Self> {
        let ec = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let ec = ec.to_pkcs8v1().unwrap();
        let ed = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
        // jsonwebtoken reads the bare RSAPrivateKey of PKCS#1.
        let pkcs1 = PrivateKeyInfo::from_der(rsa.as_ref()).unwrap().private_key;
        let shared = |algorithm, name: Algorithm, pkcs8: &[u8], theirs| Self {
            ours: SigningKey::from_pkcs8_der(pkcs8, name).unwrap().with_kid(name.name()),
            theirs,
            algorithm,
        };
        vec![
            shared(
                jsonwebtoken::Algorithm::ES256,
                Algorithm::ES256,
                ec.as_ref(),
                EncodingKey::from_ec_der(ec.as_ref()),
            ),
            shared(
                jsonwebtoken::Algorithm::EdDSA,
                Algorithm::EdDSA,
                ed.as_ref(),
                EncodingKey::from_ed_der(ed.as_ref()),
            ),
            shared(
                jsonwebtoken::Algorithm::PS256,
                Algorithm::PS256,
                rsa.as_ref(),
                EncodingKey::from_rsa_der(pkcs1),
            ),
        ]
    }

    fn token_of_ours(&self) -> String {
        let issuer = TokenIssuer::builder(ISSUER).signing_key(self.ours.clone()).build().unwrap();
        issuer.access_token("alice").client_id("web").audience(API).scope("read").mint().unwrap()
    }

    fn server(&self) -> ResourceServer {
        let jwks = json!({ "keys": [self.ours.public_jwk().unwrap()] });
        let keys = KeySet::from_jwks(jwks.to_string().as_bytes()).unwrap();
        ResourceServer::builder(API)
            .issuer(TrustedIssuer::with_keys(
                ISSUER,
                keys,
                tower_resource_server::profile::TokenProfile::jwt(),
            ))
            .build()
            .unwrap()
    }

    fn token_of_theirs(&self) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(self.algorithm);
        header.kid = self.ours.kid().map(str::to_owned);
        let now = SystemClock.unix().as_secs();
        let claims = json!({ "iss": ISSUER, "aud": API, "sub": "bob", "iat": now, "exp": now + 300 });
        jsonwebtoken::encode(&header, &claims, &self.theirs)
    }

    #[cfg(not(feature = "both"))]
    fn decode_theirs(&self, token: &str) -> Result<Value, jsonwebtoken::errors::Error> {
        let jwk: Jwk = serde_json::from_value(self.ours.public_jwk().unwrap()).unwrap();
        let mut validation = Validation::new(self.algorithm);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[API]);
        let key = DecodingKey::from_jwk(&jwk)?;
        jsonwebtoken::decode::<Value>(token, &key, &validation).map(|token| token.claims)
    }
}

#[tokio::test]
async fn ours_signs_and_verifies_whatever_the_application_turned_on() {
    for key in Shared::all() {
        let server = key.server();
        let who = server.verify_access_token(&key.token_of_ours()).await.expect("a token of ours");
        assert_eq!((who.subject(), who.client_id()), ("alice", Some("web")), "{:?}", key.algorithm);
        assert!(who.has_scope("read"));

        let expired = {
            let issuer = TokenIssuer::builder(ISSUER).signing_key(key.ours.clone()).build().unwrap();
            issuer.access_token("alice").client_id("web").audience(API).expires_at(UnixTime::from_secs(1))
        };
        assert!(server.verify_access_token(&expired.mint().unwrap()).await.is_err(), "expired");
    }
}

#[cfg(not(feature = "both"))]
#[tokio::test]
async fn each_verifies_what_the_other_signed() {
    for key in Shared::all() {
        let theirs = key.token_of_theirs().expect("jsonwebtoken signs");
        assert_eq!(key.decode_theirs(&theirs).expect("jsonwebtoken verifies its own")["sub"], "bob");
        let who = key.server().verify_access_token(&theirs).await.expect("ours verifies theirs");
        assert_eq!(who.subject(), "bob", "{:?}", key.algorithm);

        let ours = key.token_of_ours();
        assert_eq!(key.decode_theirs(&ours).expect("theirs verifies ours")["sub"], "alice");

        let tampered = format!("{}A{}", &ours[..ours.len() - 5], &ours[ours.len() - 4..]);
        if tampered != ours {
            assert!(key.decode_theirs(&tampered).is_err());
            assert!(key.server().verify_access_token(&tampered).await.is_err());
        }
    }
}

/// With both back ends on, jsonwebtoken cannot choose and panics: it must not be this crate that
/// turns on one of them, and this crate must not be the one that panics.
#[cfg(feature = "both")]
#[test]
fn jsonwebtoken_with_two_back_ends_panics_and_ours_does_not_care() {
    let key = Shared::all().remove(0);
    let theirs = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| key.token_of_theirs().is_ok()));
    assert!(theirs.is_err(), "if jsonwebtoken works with both, the crate's advice can be relaxed");
}

#[tokio::test]
async fn numbers_are_numbers_under_arbitrary_precision() {
    let [key, ..] = <[Shared; 3]>::try_from(Shared::all()).unwrap_or_else(|_| unreachable!());
    let server = key.server();
    let now = SystemClock.unix().as_secs();
    let header = json!({ "alg": "ES256", "kid": key.ours.kid() }).to_string();
    for (name, exp, accepted) in [
        ("an integer", format!("{}", now + 300), true),
        ("a fraction", format!("{}.5", now + 300), true),
        ("an exponent", "4e9".into(), true),
        ("past", "1".into(), false),
        ("negative", format!("-{}", now + 300), false),
        ("beyond u64", "99999999999999999999999".into(), true),
        ("beyond f64", "1e999".into(), false),
        ("a string", format!("\"{}\"", now + 300), false),
        ("an object", "{}".into(), false),
        ("null", "null".into(), false),
    ] {
        let payload = format!(
            r#"{{"iss":"{ISSUER}","aud":"{API}","sub":"a","exp":{exp},"other":[1,2.5,{{"n":-1e3}}]}}"#
        );
        let token = key.ours.sign_raw(&header, payload.as_bytes()).unwrap();
        assert_eq!(server.verify_access_token(&token).await.is_ok(), accepted, "{name}: {exp}");
    }
    // A number is no container, at whatever depth it stands.
    for (levels, accepted) in [(31, true), (32, false)] {
        let nested = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let payload =
            format!(r#"{{"iss":"{ISSUER}","aud":"{API}","sub":"a","exp":{},"x":{nested}}}"#, now + 300);
        let token = key.ours.sign_raw(&header, payload.as_bytes()).unwrap();
        assert_eq!(server.verify_access_token(&token).await.is_ok(), accepted, "{levels} levels inside");
    }
}

#[test]
fn the_crate_alone_brings_no_jsonwebtoken() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml")])
        .args(["--all-features", "--edges", "normal,build"])
        .output()
        .expect("cargo runs");
    let told = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "{told}");
    let tree = String::from_utf8(tree.stdout).expect("text");
    assert!(tree.contains("tower-resource-server v") && tree.contains("aws-lc-rs v"), "{tree}");
    assert!(!tree.contains("jsonwebtoken"), "{tree}");
}

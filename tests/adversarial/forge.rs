//! Tokens that no decent issuer mints.

use std::time::Duration;

use aws_lc_rs::digest;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tower_resource_server::{
    issuer::{SigningKey, TokenBuilder},
    keys::Algorithm,
    test_util::TestIssuer,
};

/// Stands in every forged token, and may stand in no response.
pub const MARK: &str = "zz-mark-zz";

/// The header of a good token, open for more members.
pub const HEADER: &str = r#""alg":"ES256","kid":"key-1","typ":"at+jwt""#;

pub struct Forge {
    pub issuer: TestIssuer,
    pub other_signer: SigningKey,
}

impl Forge {
    pub fn new() -> Self {
        let other_signer = SigningKey::generate(Algorithm::ES256).unwrap().with_kid("key-1");
        Self { issuer: TestIssuer::new(), other_signer }
    }

    /// A good token for the strict place, to be spoiled.
    pub fn good(&self) -> TokenBuilder {
        // Of its own accord `exp` would follow a spoiled `iat`.
        let expiry = self.issuer.now().saturating_add(Duration::from_secs(600));
        self.issuer.access_token(MARK).audience(self.issuer.audience()).scope("read").expires_at(expiry)
    }

    pub fn token(&self) -> String {
        self.good().mint().unwrap()
    }

    /// A good token with one claim replaced.
    pub fn with(&self, claim: &str, value: impl Into<Value>) -> String {
        self.good().claim(claim, value).mint().unwrap()
    }

    /// The claims of a good token as JSON without the closing brace.
    pub fn open_claims(&self) -> String {
        let [_, payload, _] = parts(&self.token());
        let mut text = String::from_utf8(URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap()).unwrap();
        assert_eq!(text.pop(), Some('}'));
        text
    }

    /// The issuer's own key signs these members and this payload.
    pub fn raw(&self, header_members: &str, payload: impl AsRef<[u8]>) -> String {
        self.issuer.sign_raw(&format!("{{{header_members}}}"), payload.as_ref())
    }

    /// A good payload under these header members, signed by the issuer's own key.
    pub fn headed(&self, header_members: &str) -> String {
        self.raw(header_members, format!("{}}}", self.open_claims()))
    }

    /// A good token with more header members.
    pub fn also(&self, members: &str) -> String {
        self.headed(&format!("{HEADER},{members}"))
    }

    /// A good payload under these header members, signed by somebody else.
    pub fn by(&self, key: &SigningKey, header_members: &str) -> String {
        key.sign_raw(&format!("{{{header_members}}}"), format!("{}}}", self.open_claims()).as_bytes())
            .unwrap()
    }

    pub fn public_jwk(&self) -> Value {
        self.issuer.jwks()["keys"][0].clone()
    }
}

pub fn parts(token: &str) -> [String; 3] {
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

pub fn unbase64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()
}

/// A shared secret made of public bytes; hashed when they are too few for one.
pub fn secret(bytes: &[u8]) -> SigningKey {
    let hash = digest::digest(&digest::SHA256, bytes);
    let bytes = if bytes.len() < 32 { hash.as_ref() } else { bytes };
    SigningKey::from_hmac_secret(bytes, Algorithm::HS256).unwrap()
}

pub fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

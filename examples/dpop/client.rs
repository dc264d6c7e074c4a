//! A client that holds a key: it proves so with each request, and comes again where the server wants a nonce.

use std::error::Error;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64_simd::URL_SAFE_NO_PAD;
use reqwest::{Method, Response, header::WWW_AUTHENTICATE};
use serde_json::json;
use tower_resource_server::{
    issuer::SigningKey,
    time::{Clock, SystemClock},
};

type AnyError = Box<dyn Error + Send + Sync>;

pub(crate) struct Client {
    http: reqwest::Client,
    key: SigningKey,
    token: String,
    /// The last one that the server gave: one for each server, if there are several.
    nonce: Option<String>,
}

impl Client {
    pub(crate) fn new(key: SigningKey, token: String) -> Self {
        Self { http: reqwest::Client::new(), key, token, nonce: None }
    }

    /// Asks, and once more if the server wants a nonce in the proof (RFC 9449 section 9).
    pub(crate) async fn get(&mut self, url: &str) -> Result<Response, AnyError> {
        let first = self.send(url).await?;
        if first.status() == 401 && wants_nonce(&first) { self.send(url).await } else { Ok(first) }
    }

    async fn send(&mut self, url: &str) -> Result<Response, AnyError> {
        let proof = self.proof("GET", url)?;
        self.send_with(url, &proof).await
    }

    /// Asks with this proof, be it good or not.
    pub(crate) async fn send_with(&mut self, url: &str, proof: &str) -> Result<Response, AnyError> {
        let request = self.http.request(Method::GET, url);
        let request = request.header("authorization", format!("DPoP {}", self.token)).header("dpop", proof);
        let response = request.send().await?;
        // With a refusal or with an answer: the newest one counts.
        if let Some(nonce) = response.headers().get("dpop-nonce") {
            println!("  < the server gives a nonce");
            self.nonce = Some(nonce.to_str()?.to_owned());
        }
        Ok(response)
    }

    /// A proof for one request with this client's token (RFC 9449 section 4.2).
    pub(crate) fn proof(&self, method: &str, url: &str) -> Result<String, AnyError> {
        let mut id = [0_u8; 16];
        rand::fill(&mut id).map_err(|_| "no randomness")?;
        let mut claims = json!({
            "jti": URL_SAFE_NO_PAD.encode_to_string(id),
            "htm": method,
            "htu": url,
            "iat": SystemClock.unix().as_secs(),
            "ath": URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, self.token.as_bytes())),
        });
        if let Some(nonce) = &self.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        let algorithm = self.key.algorithm().name();
        let header = json!({ "typ": "dpop+jwt", "alg": algorithm, "jwk": self.key.public_jwk() });
        Ok(self.key.sign_raw(&header.to_string(), claims.to_string().as_bytes())?)
    }
}

fn wants_nonce(response: &Response) -> bool {
    let mut challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
    challenges.any(|challenge| challenge.to_str().is_ok_and(|text| text.contains("use_dpop_nonce")))
}

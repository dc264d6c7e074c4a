//! A server that shares a secret with its issuer, so that a token is made and checked in microseconds.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use serde_json::Value;
use tower_resource_server::{
    CacheSettings, Identity, ResourceServer, TrustedIssuer,
    issuer::SigningKey,
    keys::{Algorithm, KeySet, VerifyingKey},
    policy::claim,
    profile::TokenProfile,
    test_util::ManualClock,
};

pub const ISSUER: &str = "https://idp.test";
pub const API: &str = "https://api.test";
pub const SUBJECT: &str = "alice";
/// The fixed time of the tests, in seconds: the default of [`ManualClock`].
pub const NOW: u64 = 1_700_000_000;

const SECRET: &[u8] = b"0123456789abcdef, shared by the issuer and the server";

pub struct Site {
    server: ResourceServer,
    key: SigningKey,
}

impl Site {
    /// Of one profile: [`profile`](Self::profile), or one made of it.
    pub fn new(profile: TokenProfile) -> Self {
        let key = VerifyingKey::from_hmac_secret(SECRET, Algorithm::HS256).unwrap();
        let issuer = TrustedIssuer::with_keys(ISSUER, KeySet::from_keys([key]), profile);
        // Each token is read: one that was remembered would not be.
        let cache = CacheSettings::default().max_bytes(0);
        let server = ResourceServer::builder(API).issuer(issuer).clock(ManualClock::default());
        Self {
            server: server.cache(cache).build().unwrap(),
            key: SigningKey::from_hmac_secret(SECRET, Algorithm::HS256).unwrap().without_kid(),
        }
    }

    /// Scopes may be the members of an object, and `metadata` has at most two texts.
    pub fn profile() -> TokenProfile {
        TokenProfile::empty()
            .algorithms([Algorithm::HS256])
            .rule(claim("iss").is_issuer())
            .rule(claim("aud").names_resource())
            .rule(claim("exp").after_now())
            .rule(claim("metadata").string_members_up_to(2).if_present())
            .client_claims(["client_id"])
            .scope_claims(["scope"])
            .scopes_as_members(true)
            .keep_header(true)
    }

    pub fn verify(&self, payload: &[u8]) -> Result<Identity, String> {
        self.verify_under(r#"{"alg":"HS256"}"#, payload)
    }

    /// The identity, or the reason against the token in words.
    pub fn verify_under(&self, header: &str, payload: &[u8]) -> Result<Identity, String> {
        let token = self.key.sign_raw(header, payload).unwrap();
        let mut verification = pin!(self.server.verify_access_token(&token));
        match verification.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(verified) => verified.map_err(|rejection| rejection.reason().to_string()),
            Poll::Pending => unreachable!("the key is there"),
        }
    }
}

/// What a verified token says, apart from its claims.
#[derive(Debug, PartialEq)]
pub struct Facts {
    pub subject: String,
    pub client: Option<String>,
    pub audiences: Vec<String>,
    /// In alphabetical order, each once: they are a set.
    pub scopes: Vec<String>,
}

impl Facts {
    pub fn of(identity: &Identity) -> Self {
        let mut scopes: Vec<_> = identity.scopes().map(str::to_owned).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self {
            subject: identity.subject().to_owned(),
            client: identity.client_id().map(str::to_owned),
            audiences: identity.audiences().map(str::to_owned).collect(),
            scopes,
        }
    }

    /// What a reader of the claims would say under the rules of [`Site::profile`]; `None` where one of
    /// them has a value that is not acceptable.
    pub fn read_from(claims: &Value) -> Option<Self> {
        let texts = |value: &Value| -> Option<Vec<String>> {
            match value {
                Value::String(text) => Some(vec![text.clone()]),
                Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
                _ => None,
            }
        };
        if let Some(metadata) = claims.get("metadata") {
            let members = metadata.as_object()?;
            (members.len() <= 2 && members.values().all(Value::is_string)).then_some(())?;
        }
        let client = match claims.get("client_id") {
            Some(client) => Some(client.as_str()?.to_owned()),
            None => None,
        };
        let mut scopes: Vec<String> = match claims.get("scope") {
            None => Vec::new(),
            Some(Value::String(list)) => list.split(' ').map(str::to_owned).collect(),
            Some(Value::Object(members)) => {
                let in_force = members.iter().filter(|(_, value)| is_in_force(value));
                in_force.map(|(name, _)| name.clone()).filter(|name| !name.contains(' ')).collect()
            }
            Some(value) => texts(value)?.into_iter().filter(|scope| !scope.contains(' ')).collect(),
        };
        scopes.retain(|scope| !scope.is_empty());
        scopes.sort_unstable();
        scopes.dedup();
        Some(Self {
            subject: claims["sub"].as_str()?.to_owned(),
            client,
            audiences: texts(&claims["aud"])?,
            scopes,
        })
    }
}

fn is_in_force(scope: &Value) -> bool {
    match (scope.as_object(), scope.get("exp")) {
        (None, _) => false,
        (Some(_), None) => true,
        // A minute of leeway.
        (Some(_), Some(exp)) => exp.as_f64().is_some_and(|exp| exp + 60.0 > NOW as f64),
    }
}

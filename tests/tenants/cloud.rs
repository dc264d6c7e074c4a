//! A provider with tenants, and unsigned tokens in their names.

use std::{
    collections::{HashMap, HashSet},
    future::ready,
    sync::{Arc, Mutex},
};

use base64_simd::URL_SAFE_NO_PAD;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};
use tower_resource_server::{
    net::{Body, HttpClient, HttpError, HttpFuture, Limits},
    test_util::TestIssuer,
};

/// The tenants of all tests here; names of tenants begin with `t-`.
pub const PATTERN: &str = "https://login.test/{tenant}/v2.0";

/// The issuer of a tenant.
pub fn issuer_of(tenant: &str) -> String {
    PATTERN.replace("{tenant}", tenant)
}

/// A provider with tenants.
#[derive(Clone, Default)]
pub struct Cloud(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    keys: HashMap<String, String>,
    hanging: HashSet<String>,
    asked: Vec<String>,
    down: bool,
}

impl Cloud {
    /// A tenant with these keys.
    pub fn open(&self, tenant: &str, keys: &TestIssuer) {
        self.publish(&issuer_of(tenant), keys);
    }

    /// An issuer with these keys.
    pub fn publish(&self, issuer: &str, keys: &TestIssuer) {
        self.0.lock().unwrap().keys.insert(issuer.to_owned(), keys.jwks().to_string());
    }

    /// Never answers for this issuer again.
    pub fn hang(&self, issuer: &str) {
        self.0.lock().unwrap().hanging.insert(issuer.to_owned());
    }

    /// Answers no request, or again.
    pub fn down(&self, down: bool) {
        self.0.lock().unwrap().down = down;
    }

    /// How many requests were made to it.
    pub fn fetches(&self) -> usize {
        self.0.lock().unwrap().asked.len()
    }

    /// How many tenants were asked for anything.
    pub fn tenants_asked(&self) -> usize {
        let tables = self.0.lock().unwrap();
        let name =
            |url: &String| url.split('/').find(|part| part.starts_with("t-")).unwrap_or("other").to_owned();
        tables.asked.iter().map(name).collect::<HashSet<_>>().len()
    }
}

impl HttpClient for Cloud {
    fn send(&self, request: Request<Body>, _: Limits) -> HttpFuture<'_> {
        let mut tables = self.0.lock().unwrap();
        let url = request.uri().to_string();
        tables.asked.push(url.clone());
        if tables.hanging.iter().any(|issuer| url.starts_with(&format!("{issuer}/"))) {
            return Box::pin(std::future::pending());
        }
        let metadata = url.strip_suffix("/.well-known/openid-configuration");
        let answer = if tables.down {
            Err(HttpError::Connect)
        } else if let Some(issuer) = metadata.filter(|issuer| tables.keys.contains_key(*issuer)) {
            Ok(Response::new(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{issuer}/jwks"}}"#).into()))
        } else if let Some(jwks) = url.strip_suffix("/jwks").and_then(|issuer| tables.keys.get(issuer)) {
            Ok(Response::new(jwks.clone().into()))
        } else {
            let mut not_found = Response::default();
            *not_found.status_mut() = StatusCode::NOT_FOUND;
            Ok(not_found)
        };
        Box::pin(ready(answer))
    }
}

/// A token like `good` with these members of its header and its claims changed, and no good signature.
pub fn unsigned(good: &str, header: Value, claims: Value) -> String {
    let mut parts = good.split('.').map(|part| URL_SAFE_NO_PAD.decode_to_vec(part).unwrap());
    let mut changed = |more: Value| {
        let mut members: Map<String, Value> = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        for (name, value) in more.as_object().unwrap() {
            match value {
                Value::Null => drop(members.remove(name)),
                value => drop(members.insert(name.clone(), value.clone())),
            }
        }
        URL_SAFE_NO_PAD.encode_to_string(Value::Object(members).to_string())
    };
    format!("{}.{}.{}", changed(header), changed(claims), URL_SAFE_NO_PAD.encode_to_string([7; 64]))
}

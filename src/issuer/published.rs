//! What the issuer shows to the world: where its documents are, what they say, how often they
//! were asked for.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use aws_lc_rs::digest;
use base64_simd::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Uri};
use serde_json::{Map, Value, json};

use super::{IssueError, key_ring::KeyRing};

/// Which document a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Jwks,
    OpenIdConfiguration,
    AuthorizationServer,
}

/// The fixed facts: the issuer's name, its paths, and how long its documents may be cached.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) issuer: String,
    pub(super) jwks_uri: String,
    pub(super) cache_control: HeaderValue,
    jwks_path: String,
    openid_configuration_path: String,
    authorization_server_path: String,
    more_metadata: Map<String, Value>,
}

impl Site {
    pub(super) fn new(
        issuer: String,
        jwks_path: &str,
        max_age: Duration,
        more_metadata: Map<String, Value>,
    ) -> Result<Self, IssueError> {
        // The terminating slash is no part of what the well-known paths are built from.
        let base = issuer.trim_end_matches('/');
        let prefix = path_of(&issuer)?.trim_end_matches('/').to_owned();
        if !jwks_path.starts_with('/') || jwks_path.contains(['?', '#']) || jwks_path.parse::<Uri>().is_err()
        {
            return Err(IssueError::Path);
        }
        let site = Self {
            jwks_uri: format!("{base}{jwks_path}"),
            jwks_path: format!("{prefix}{jwks_path}"),
            // OpenID Connect Discovery section 4: behind the issuer's path.
            openid_configuration_path: format!("{prefix}/.well-known/openid-configuration"),
            // RFC 8414 section 3: between the host and the issuer's path.
            authorization_server_path: format!("/.well-known/oauth-authorization-server{prefix}"),
            cache_control: max_age_header(max_age),
            issuer,
            more_metadata,
        };
        if [&site.openid_configuration_path, &site.authorization_server_path].contains(&&site.jwks_path) {
            return Err(IssueError::Path);
        }
        Ok(site)
    }

    pub(super) fn place(&self, path: &str) -> Option<Place> {
        if path == self.jwks_path {
            Some(Place::Jwks)
        } else if path == self.openid_configuration_path {
            Some(Place::OpenIdConfiguration)
        } else if path == self.authorization_server_path {
            Some(Place::AuthorizationServer)
        } else {
            None
        }
    }

    pub(super) fn publish(&self, ring: &KeyRing) -> Published {
        Published {
            // RFC 7517 section 8.5.1
            jwks: Document::new(&ring.jwks(), "application/jwk-set+json"),
            metadata: Document::new(&self.metadata(ring), "application/json"),
        }
    }

    /// One document for both well-known places: each has members the other's readers ignore.
    ///
    /// `response_types_supported` is required, may not be empty, and must not promise a flow that
    /// that is not served here: `none` is the registered word for that. An issuer with endpoints of its
    /// own overrides it.
    pub(super) fn metadata(&self, ring: &KeyRing) -> Value {
        let mut metadata = json!({
            "issuer": self.issuer,
            "jwks_uri": self.jwks_uri,
            "response_types_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ring.algorithms(),
        });
        if let Some(members) = metadata.as_object_mut() {
            members.extend(self.more_metadata.clone());
        }
        metadata
    }
}

/// The path of an issuer identifier that RFC 8414 section 2 allows (`http` too, for loopback).
///
/// Fragments are looked for in the text, because `http::Uri` drops them silently.
fn path_of(issuer: &str) -> Result<String, IssueError> {
    let uri: Uri = issuer.parse().map_err(|_| IssueError::IssuerUrl)?;
    let plain = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && !issuer.contains(['?', '#', '@']);
    if plain { Ok(uri.path().to_owned()) } else { Err(IssueError::IssuerUrl) }
}

fn max_age_header(max_age: Duration) -> HeaderValue {
    let text = format!("public, max-age={}", max_age.as_secs());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("no-cache"))
}

/// The documents about one state of the keys.
#[derive(Debug)]
pub(super) struct Published {
    jwks: Document,
    metadata: Document,
}

impl Published {
    pub(super) fn document(&self, place: Place) -> &Document {
        match place {
            Place::Jwks => &self.jwks,
            Place::OpenIdConfiguration | Place::AuthorizationServer => &self.metadata,
        }
    }
}

/// Bytes to serve and their strong entity tag.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) body: Bytes,
    pub(super) content_type: &'static str,
    pub(super) etag: String,
}

impl Document {
    fn new(json: &Value, content_type: &'static str) -> Self {
        let body = json.to_string();
        let hash = digest::digest(&digest::SHA256, body.as_bytes());
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode_to_string(hash));
        Self { body: body.into(), content_type, etag }
    }
}

/// How often each document of an issuer was asked for with GET or HEAD, 304 included.
///
/// ```
/// # use tower_resource_server::{issuer::{SigningKey, TokenIssuer}, keys::Algorithm};
/// # let issuer = TokenIssuer::builder("https://login.example")
/// #     .signing_key(SigningKey::generate(Algorithm::ES256)?)
/// #     .build()?;
/// assert_eq!(issuer.fetches().jwks, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetches {
    /// Requests for the JWK Set.
    pub jwks: u64,
    /// Requests for `/.well-known/openid-configuration`.
    pub openid_configuration: u64,
    /// Requests for `/.well-known/oauth-authorization-server`.
    pub authorization_server: u64,
    /// How many of all these were answered with 304.
    pub not_modified: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    jwks: AtomicU64,
    openid_configuration: AtomicU64,
    authorization_server: AtomicU64,
    not_modified: AtomicU64,
}

impl Counters {
    pub(super) fn count(&self, place: Place, not_modified: bool) {
        let counter = match place {
            Place::Jwks => &self.jwks,
            Place::OpenIdConfiguration => &self.openid_configuration,
            Place::AuthorizationServer => &self.authorization_server,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.not_modified.fetch_add(u64::from(not_modified), Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Fetches {
        Fetches {
            jwks: self.jwks.load(Ordering::Relaxed),
            openid_configuration: self.openid_configuration.load(Ordering::Relaxed),
            authorization_server: self.authorization_server.load(Ordering::Relaxed),
            not_modified: self.not_modified.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(issuer: &str, jwks_path: &str) -> Result<Site, IssueError> {
        Site::new(issuer.into(), jwks_path, Duration::from_secs(60), Map::new())
    }

    #[test]
    fn paths_follow_the_issuers_own() {
        let cases = [
            ("https://a.test", "https://a.test/jwks", "/jwks", ""),
            ("https://a.test/", "https://a.test/jwks", "/jwks", ""),
            ("https://a.test/t/1", "https://a.test/t/1/jwks", "/t/1/jwks", "/t/1"),
            ("http://127.0.0.1:9/t/", "http://127.0.0.1:9/t/jwks", "/t/jwks", "/t"),
        ];
        for (issuer, jwks_uri, jwks_path, prefix) in cases {
            let site = site(issuer, "/jwks").unwrap();
            assert_eq!((site.issuer.as_str(), site.jwks_uri.as_str()), (issuer, jwks_uri));
            let openid = format!("{prefix}/.well-known/openid-configuration");
            let oauth = format!("/.well-known/oauth-authorization-server{prefix}");
            assert_eq!(site.place(jwks_path), Some(Place::Jwks), "{issuer}");
            assert_eq!(site.place(&openid), Some(Place::OpenIdConfiguration), "{issuer}");
            assert_eq!(site.place(&oauth), Some(Place::AuthorizationServer), "{issuer}");
            assert_eq!(site.place("/"), None, "{issuer}");
        }
        assert_eq!(site("https://a.test/t", "/jwks").unwrap().place("/jwks"), None);
    }

    #[test]
    fn issuers_that_are_no_plain_url_are_refused() {
        let bad = [
            "",
            "a.test",
            "/path",
            "ftp://a.test",
            "https://",
            "https://a.test?q",
            "https://a.test/#f",
            "https://u@a.test",
            "https://a b.test",
        ];
        for issuer in bad {
            assert_eq!(site(issuer, "/jwks").err(), Some(IssueError::IssuerUrl), "{issuer}");
        }
        for path in ["", "jwks", "/jwks?x", "/jwks#x", "/a b", "/.well-known/openid-configuration"] {
            assert_eq!(site("https://a.test", path).err(), Some(IssueError::Path), "{path}");
        }
    }
}

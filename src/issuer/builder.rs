//! The settings of an issuer.

use std::{
    fmt,
    sync::{Arc, RwLock},
    time::Duration,
};

use serde_json::{Map, Value};

use super::{
    IssueError, SigningKey, TokenIssuer,
    key_ring::KeyRing,
    published::{Counters, Site},
    token_issuer::{Shared, State},
};
use crate::time::{Clock, SystemClock};

/// How long tokens live unless told otherwise: short, as nothing here revokes them.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long the served documents may be cached unless told otherwise.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// Builds a [`TokenIssuer`]; made by [`TokenIssuer::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct TokenIssuerBuilder {
    issuer: String,
    signing_key: Option<SigningKey>,
    published: Vec<SigningKey>,
    clock: Arc<dyn Clock>,
    access_token_lifetime: Duration,
    id_token_lifetime: Duration,
    default_audience: Option<String>,
    jwks_path: String,
    max_age: Duration,
    metadata: Map<String, Value>,
}

impl TokenIssuerBuilder {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            issuer,
            signing_key: None,
            published: Vec::new(),
            clock: Arc::new(SystemClock),
            access_token_lifetime: LIFETIME,
            id_token_lifetime: LIFETIME,
            default_audience: None,
            jwks_path: "/jwks".into(),
            max_age: MAX_AGE,
            metadata: Map::new(),
        }
    }

    /// The key that signs. Required.
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.signing_key = Some(key);
        self
    }

    /// One more key in the JWK Set, which signs only tokens that ask for it.
    pub fn publish(mut self, key: SigningKey) -> Self {
        self.published.push(key);
        self
    }

    /// Where `iat`, `nbf` and `exp` come from; [`SystemClock`] by default.
    pub fn clock(self, clock: impl Clock) -> Self {
        self.shared_clock(Arc::new(clock))
    }

    /// As [`clock`](Self::clock), for a clock that others hold too.
    pub fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How long access tokens live, in whole seconds; 10 minutes by default.
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_token_lifetime = lifetime;
        self
    }

    /// How long ID tokens live, in whole seconds; 10 minutes by default.
    pub fn id_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.id_token_lifetime = lifetime;
        self
    }

    /// The `aud` of access tokens that name none: for an issuer in front of one API.
    pub fn default_audience(mut self, audience: impl Into<String>) -> Self {
        self.default_audience = Some(audience.into());
        self
    }

    /// Where the JWK Set is, behind the issuer's own path; `/jwks` by default.
    pub fn jwks_path(mut self, path: impl Into<String>) -> Self {
        self.jwks_path = path.into();
        self
    }

    /// How long the documents may be cached (`Cache-Control: max-age`, whole seconds); 5 minutes by
    /// default. A new key should be published for at least that long before it signs.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// One more member of the discovery document, such as `token_endpoint`, or another value for
    /// one that is there.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Makes the issuer.
    ///
    /// # Errors
    /// [`IssueError::IssuerUrl`], [`IssueError::Path`], [`IssueError::NoSigningKey`],
    /// [`IssueError::DuplicateKid`] and [`IssueError::LongKid`], as their names say.
    pub fn build(self) -> Result<TokenIssuer, IssueError> {
        let site = Site::new(self.issuer, &self.jwks_path, self.max_age, self.metadata)?;
        let mut ring = KeyRing::new(self.signing_key.ok_or(IssueError::NoSigningKey)?)?;
        for key in self.published {
            ring.publish(key)?;
        }
        let published = Arc::new(site.publish(&ring));
        Ok(TokenIssuer::new(Shared {
            site,
            clock: self.clock,
            access_token_lifetime: self.access_token_lifetime,
            id_token_lifetime: self.id_token_lifetime,
            default_audience: self.default_audience,
            state: RwLock::new(State { ring, published }),
            counters: Counters::default(),
        }))
    }
}

impl fmt::Debug for TokenIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuerBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

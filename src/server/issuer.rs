//! An issuer that a server trusts: who it is, where its keys come from, and what its tokens look like.

use std::sync::Arc;

#[cfg(feature = "remote")]
use crate::source::{Fetch, RefreshSettings};
use crate::{keys::KeySet, profile::TokenProfile};

/// An issuer whose tokens a server accepts.
///
/// ```
/// # #[cfg(feature = "remote")] {
/// use tower_resource_server::{Issuer, profile::TokenProfile};
///
/// let by_discovery = Issuer::discover("https://login.example").profile(TokenProfile::rfc9068());
/// let by_address = Issuer::with_jwks_uri("https://other.example", "https://other.example/keys");
/// # let _ = (by_discovery, by_address);
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Issuer {
    pub(super) issuer: Arc<str>,
    pub(super) keys: KeysFrom,
    pub(super) profile: TokenProfile,
    pub(super) id_token_profile: TokenProfile,
    #[cfg(feature = "remote")]
    pub(super) remote: RemoteSettings,
}

#[derive(Clone)]
pub(super) enum KeysFrom {
    Given(KeySet),
    #[cfg(feature = "remote")]
    Jwks(String),
    #[cfg(feature = "remote")]
    Discovery,
}

#[cfg(feature = "remote")]
#[derive(Clone, Default)]
pub(super) struct RemoteSettings {
    pub(super) refresh: RefreshSettings,
    pub(super) fetcher: Option<Arc<dyn Fetch>>,
    pub(super) allow_loopback_http: bool,
}

impl Issuer {
    fn new(issuer: String, keys: KeysFrom) -> Self {
        Self {
            issuer: issuer.into(),
            keys,
            profile: TokenProfile::jwt(),
            id_token_profile: TokenProfile::oidc_id_token(),
            #[cfg(feature = "remote")]
            remote: RemoteSettings::default(),
        }
    }

    /// An issuer whose keys the application holds; nothing is fetched.
    ///
    /// `issuer` is compared byte for byte with `iss`, as everywhere.
    pub fn with_keys(issuer: impl Into<String>, keys: KeySet) -> Self {
        Self::new(issuer.into(), KeysFrom::Given(keys))
    }

    /// What access tokens of this issuer look like: [`TokenProfile::jwt`] unless said otherwise,
    /// [`TokenProfile::rfc9068`] where the issuer follows it.
    pub fn profile(mut self, profile: TokenProfile) -> Self {
        self.profile = profile;
        self
    }

    /// What ID tokens of this issuer look like: [`TokenProfile::oidc_id_token`] unless said otherwise.
    pub fn id_token_profile(mut self, profile: TokenProfile) -> Self {
        self.id_token_profile = profile;
        self
    }
}

#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
impl Issuer {
    /// An issuer whose metadata says where its keys are: OpenID Connect Discovery or RFC 8414.
    ///
    /// `issuer` must be exactly what the metadata and the tokens say, a trailing slash included.
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self::new(issuer.into(), KeysFrom::Discovery)
    }

    /// An issuer whose key set is at a known address.
    pub fn with_jwks_uri(issuer: impl Into<String>, jwks_uri: impl Into<String>) -> Self {
        Self::new(issuer.into(), KeysFrom::Jwks(jwks_uri.into()))
    }

    /// How the keys are kept fresh: the numbers, each with its default.
    pub fn refresh(mut self, settings: RefreshSettings) -> Self {
        self.remote.refresh = settings;
        self
    }

    /// Fetches with `fetcher` instead of the reqwest client that the server makes for itself.
    pub fn fetcher(mut self, fetcher: impl Fetch) -> Self {
        self.remote.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// Allows plain `http` to a loopback address, for development and tests.
    pub fn allow_loopback_http(mut self) -> Self {
        self.remote.allow_loopback_http = true;
        self
    }
}

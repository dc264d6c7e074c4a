//! An issuer that a server trusts: who it is, where its keys come from, and what its tokens look like.

use std::sync::Arc;

use crate::{keys::KeySet, profile::TokenProfile};
#[cfg(feature = "remote")]
use crate::{
    net::{HttpClient, PlainHttp},
    source::{RefreshSettings, TenantKeys, TenantList, TenantResolver, TenantSettings},
};

/// An issuer whose tokens a server accepts.
///
/// Each has a profile of its access tokens: [`TokenProfile::rfc9068`] where the issuer follows that,
/// one of a [preset](crate::preset) for a provider that is known, and [`TokenProfile::jwt`] for what
/// cannot be told more exactly.
///
/// ```
/// # #[cfg(feature = "remote")] {
/// use tower_resource_server::{TrustedIssuer, profile::TokenProfile};
///
/// let by_discovery = TrustedIssuer::discover("https://login.example", TokenProfile::rfc9068());
/// let by_address = TrustedIssuer::with_jwks_uri("https://other.example", "https://other.example/keys", TokenProfile::rfc9068());
/// # let _ = (by_discovery, by_address);
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct TrustedIssuer {
    pub(super) issuer: Arc<str>,
    pub(super) aliases: Vec<Box<str>>,
    pub(super) keys: KeysFrom,
    pub(super) profile: TokenProfile,
    pub(super) id_token_profile: TokenProfile,
    /// The server's, where none is named.
    pub(super) audiences: Vec<Box<str>>,
    /// The server's, where none is named.
    pub(super) client_ids: Vec<Box<str>>,
    #[cfg(feature = "remote")]
    pub(super) remote: RemoteSettings,
    #[cfg(feature = "remote")]
    pub(super) resolver: Option<Arc<dyn TenantResolver>>,
    #[cfg(feature = "remote")]
    pub(super) tenant_settings: TenantSettings,
}

#[derive(Clone)]
pub(super) enum KeysFrom {
    Given(KeySet),
    #[cfg(feature = "remote")]
    Jwks(String),
    #[cfg(feature = "remote")]
    Discovery,
    /// The issuer is a pattern.
    #[cfg(feature = "remote")]
    Tenants,
}

#[cfg(feature = "remote")]
#[derive(Clone, Default)]
pub(super) struct RemoteSettings {
    pub(super) refresh: RefreshSettings,
    pub(super) client: Option<Arc<dyn HttpClient>>,
    pub(super) plain_http: PlainHttp,
}

/// Whom it trusts, and nothing of the keys.
impl std::fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustedIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl TrustedIssuer {
    fn new(issuer: String, keys: KeysFrom, profile: TokenProfile) -> Self {
        Self {
            issuer: issuer.into(),
            aliases: Vec::new(),
            keys,
            profile,
            id_token_profile: TokenProfile::oidc_id_token(),
            audiences: Vec::new(),
            client_ids: Vec::new(),
            #[cfg(feature = "remote")]
            remote: RemoteSettings::default(),
            #[cfg(feature = "remote")]
            resolver: None,
            #[cfg(feature = "remote")]
            tenant_settings: TenantSettings::default(),
        }
    }

    /// Whether its name stands for many.
    pub(super) fn is_pattern(&self) -> bool {
        #[cfg(feature = "remote")]
        return matches!(self.keys, KeysFrom::Tenants);
        #[cfg(not(feature = "remote"))]
        false
    }

    /// An issuer whose keys the application holds; nothing is fetched.
    ///
    /// `issuer` is compared byte for byte with `iss`, as everywhere.
    pub fn with_keys(issuer: impl Into<String>, keys: KeySet, profile: TokenProfile) -> Self {
        Self::new(issuer.into(), KeysFrom::Given(keys), profile)
    }

    /// Accepts tokens that name the issuer so, too: for an issuer that writes several forms of its
    /// name. An identity has the first.
    pub fn also_known_as(mut self, name: impl Into<Box<str>>) -> Self {
        self.aliases.push(name.into());
        self
    }

    /// Every name that its tokens may have.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [&*self.issuer].into_iter().chain(self.aliases.iter().map(AsRef::as_ref))
    }

    /// Changes what access tokens of this issuer look like, and keeps the rest: one knob of a preset,
    /// for instance.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_resource_server::preset::auth0;
    ///
    /// let issuer = auth0::tenant("tenant.eu.auth0.com")
    ///     .map_profile(|profile| profile.leeway(Duration::from_secs(5)));
    /// # let _ = issuer;
    /// ```
    pub fn map_profile(mut self, change: impl FnOnce(TokenProfile) -> TokenProfile) -> Self {
        self.profile = change(self.profile);
        self
    }

    /// What ID tokens of this issuer look like: [`TokenProfile::oidc_id_token`] unless said otherwise.
    pub fn id_token_profile(mut self, profile: TokenProfile) -> Self {
        self.id_token_profile = profile;
        self
    }

    /// Accepts tokens of this issuer for this audience, and no longer for those of the server
    /// ([`ResourceServer::builder`](crate::ResourceServer::builder) and
    /// [`audience`](crate::ResourceServerBuilder::audience)). Called again, it adds one.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts ID tokens of this issuer for this client, and no longer for those of the server
    /// ([`client_id`](crate::ResourceServerBuilder::client_id)). Called again, it adds one.
    pub fn client_id(mut self, client_id: impl Into<Box<str>>) -> Self {
        self.client_ids.push(client_id.into());
        self
    }
}

#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
impl TrustedIssuer {
    /// An issuer whose metadata says where its keys are: OpenID Connect Discovery or RFC 8414.
    ///
    /// `issuer` must be exactly what the metadata and the tokens say, a trailing slash included.
    ///
    /// Keys that name no `alg` are narrowed to the algorithms that the metadata advertises for ID
    /// tokens; for a provider that signs access tokens by others with such keys, use
    /// [`with_jwks_uri`](Self::with_jwks_uri).
    pub fn discover(issuer: impl Into<String>, profile: TokenProfile) -> Self {
        Self::new(issuer.into(), KeysFrom::Discovery, profile)
    }

    /// An issuer whose key set is at a known address.
    pub fn with_jwks_uri(
        issuer: impl Into<String>,
        jwks_uri: impl Into<String>,
        profile: TokenProfile,
    ) -> Self {
        Self::new(issuer.into(), KeysFrom::Jwks(jwks_uri.into()), profile)
    }

    /// The tenants of a provider: one issuer for each name in the place of `{tenant}`, with keys of
    /// its own, resolved when its first token comes.
    ///
    /// A name is of `[A-Za-z0-9-]{1,64}`, as it stands in `iss`, byte for byte. Which tenants there
    /// are must be said with [`allow_tenants`](Self::allow_tenants),
    /// [`allow_tenants_if`](Self::allow_tenants_if) or [`tenant_resolver`](Self::tenant_resolver);
    /// any other is untrusted, and causes nothing.
    ///
    /// Who the tenants are is not public. A token that no key of a trusted tenant has verified gets the
    /// same status, words and headers whether its tenant is trusted or not
    /// ([`UnverifiedTenant`](crate::error::TokenError::UnverifiedTenant)); where a name fits several
    /// patterns, everything that is wrong with the token is reported so. Two things still tell a trusted tenant
    /// from others: its keys are fetched and a signature is checked, which takes time, and while its
    /// keys cannot be had the answer is 503. An issuer that is configured by its own name is no secret:
    /// the protected resource metadata lists it.
    ///
    /// Tenants are not listed in the protected resource metadata, and [`ready`] does not wait for them.
    ///
    /// [`ready`]: crate::ResourceServer::ready
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{TrustedIssuer, ResourceServer, preset::entra};
    ///
    /// let tenants = TrustedIssuer::tenants("https://login.microsoftonline.com/{tenant}/v2.0", entra::access_token_v2())
    ///     .allow_tenants(["6babcaad-604b-40ac-a9d7-9fd97c0b779f", "9188040d-6c67-4c5b-b112-36a304b66dad"]);
    /// let api = ResourceServer::builder("6e74172b-be56-4843-9ff4-e66a39bb12e3").issuer(tenants).build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tenants(pattern: impl Into<String>, profile: TokenProfile) -> Self {
        Self::new(pattern.into(), KeysFrom::Tenants, profile)
    }

    /// Trusts these tenants of a [pattern](Self::tenants).
    pub fn allow_tenants<N: Into<Box<str>>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.tenant_resolver(TenantList(names.into_iter().map(Into::into).collect()))
    }

    /// Trusts the tenants of a [pattern](Self::tenants) for which this holds. It is asked for every
    /// token, those in the cache included: it must answer from memory, and not wait.
    pub fn allow_tenants_if(self, allowed: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.tenant_resolver(move |name: &str| allowed(name).then_some(TenantKeys::Discover))
    }

    /// Asks `resolver` which tenants of a [pattern](Self::tenants) there are, and where their keys are.
    pub fn tenant_resolver(mut self, resolver: impl TenantResolver) -> Self {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// The bounds on the tenants of a [pattern](Self::tenants).
    pub fn tenant_settings(mut self, settings: TenantSettings) -> Self {
        self.tenant_settings = settings;
        self
    }

    /// Choices that most servers must not make.
    pub fn dangerous(self) -> DangerousIssuer {
        DangerousIssuer(self)
    }

    /// How the keys are kept fresh: the numbers, each with its default.
    pub fn refresh(mut self, settings: RefreshSettings) -> Self {
        self.remote.refresh = settings;
        self
    }

    /// Fetches through `client` instead of the [`ReqwestClient`](crate::net::ReqwestClient) that the
    /// server makes for all issuers without a client of their own.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{TrustedIssuer, net::ReqwestClient, profile::TokenProfile};
    ///
    /// let client = ReqwestClient::builder().proxy("http://proxy.internal:3128").build()?;
    /// let first = TrustedIssuer::discover("https://login.example", TokenProfile::rfc9068()).http_client(client.clone());
    /// let second = TrustedIssuer::discover("https://other.example", TokenProfile::rfc9068()).http_client(client);
    /// # let _ = (first, second);
    /// # Ok(())
    /// # }
    /// ```
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.remote.client = Some(Arc::new(client));
        self
    }

    /// Allows plain `http` to loopback, for development and tests: `localhost` and the names below it
    /// (RFC 6761 section 6.3), 127.0.0.0/8 and `::1`. For a host in a container network see
    /// [`DangerousIssuer::plain_http_to`].
    pub fn allow_loopback_http(mut self, allow: bool) -> Self {
        self.remote.plain_http.allow_loopback(allow);
        self
    }
}

/// An issuer about to be trusted more than most should be; made by [`TrustedIssuer::dangerous`].
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
#[derive(Debug)]
#[must_use]
pub struct DangerousIssuer(TrustedIssuer);

#[cfg(feature = "remote")]
impl DangerousIssuer {
    /// Allows plain `http` to this host, whatever the port: for an identity provider in the same
    /// container network, such as `http://keycloak:8080/realms/shop`.
    ///
    /// Whoever can answer for the host, or change what it sends on the way here, chooses the keys, and
    /// so signs any token: only in a network where every machine is trusted with that.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{ResourceServer, TrustedIssuer, profile::TokenProfile};
    ///
    /// let keycloak = TrustedIssuer::discover("http://keycloak:8080/realms/shop", TokenProfile::rfc9068()).dangerous().plain_http_to("keycloak");
    /// let api = ResourceServer::builder("https://api.example").issuer(keycloak).build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn plain_http_to(mut self, host: impl AsRef<str>) -> TrustedIssuer {
        self.0.remote.plain_http.allow_host(host.as_ref());
        self.0
    }

    /// Trusts every tenant of a [pattern](TrustedIssuer::tenants): whoever can become a customer of the
    /// provider can then sign in here, and bring any subject of a tenant of their own. The
    /// application must decide by [`Identity::principal`](crate::Identity::principal), and never by
    /// a claim such as `email` that a tenant writes as it likes. Tenants of strangers also compete
    /// with your own for the [bounds](TenantSettings) of the pattern.
    pub fn any_tenant(self) -> TrustedIssuer {
        self.0.allow_tenants_if(|_| true)
    }
}

//! Issuers whose keys are fetched: where from, how they are kept fresh, and tenants.

use std::sync::Arc;

use super::trusted_issuer::{KeysFrom, TrustedIssuer};
use crate::{
    keys::KeySet,
    net::{HttpClient, PlainHttp},
    profile::TokenProfile,
    source::{KidForm, RefreshSettings, TenantKeys, TenantList, TenantResolver, TenantSettings},
};

/// Where keys are fetched from.
#[derive(Clone)]
pub(super) enum Location {
    Jwks(String),
    /// Each under its name, at an address of this pattern.
    PemPerKid(String, KidForm),
    Discovery,
    /// The issuer is a pattern.
    Tenants,
}

impl Location {
    pub(super) const fn is_pattern(&self) -> bool {
        matches!(self, Self::Tenants)
    }
}

#[derive(Clone, Default)]
pub(super) struct RemoteSettings {
    pub(super) refresh: RefreshSettings,
    /// Keys beside those that are fetched.
    pub(super) given: KeySet,
    pub(super) client: Option<Arc<dyn HttpClient>>,
    pub(super) plain_http: PlainHttp,
    pub(super) resolver: Option<Arc<dyn TenantResolver>>,
    pub(super) tenants: TenantSettings,
}

impl RemoteSettings {
    /// Whether keys may come over plain http from another machine.
    pub(super) const fn takes_plain_http(&self) -> bool {
        self.plain_http.allows_a_host()
    }
}

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
        Self::new(issuer.into(), KeysFrom::Fetched(Location::Discovery), profile)
    }

    /// An issuer whose key set is at a known address.
    pub fn with_jwks_uri(
        issuer: impl Into<String>,
        jwks_uri: impl Into<String>,
        profile: TokenProfile,
    ) -> Self {
        Self::new(issuer.into(), KeysFrom::Fetched(Location::Jwks(jwks_uri.into())), profile)
    }

    /// An issuer whose keys are fetched one by one, each by its name: `pattern` is the address of a PEM with `{kid}` in
    /// its path, where the header's `kid` goes, which must have exactly this form before it does. The keys are for
    /// every algorithm of the profile that fits them.
    ///
    /// Nothing is fetched before the first token. Of each source 32 keys are kept, and each is fetched anew when it is
    /// used past its freshness; that there is none of a name (403, 404, 410) is remembered for 30 seconds, of 256 names.
    /// Budget, back-off, stale-if-error limit, and what is 401 and what 503 are as for
    /// [key sets](crate::source::RefreshSettings). Anyone can make up names, and each costs a fetch of the budget: while
    /// made-up names spend it, a key that is new is answered 503; those that are here notice nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{ResourceServer, TrustedIssuer, profile::TokenProfile, source::KidForm};
    ///
    /// let issuer = TrustedIssuer::with_pem_per_kid(
    ///     "https://login.example",
    ///     "https://keys.example/pem/{kid}",
    ///     KidForm::UrlSafe,
    ///     TokenProfile::rfc9068(),
    /// );
    /// let api = ResourceServer::builder("https://api.example").issuer(issuer).build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_pem_per_kid(
        issuer: impl Into<String>,
        pattern: impl Into<String>,
        form: KidForm,
        profile: TokenProfile,
    ) -> Self {
        Self::new(issuer.into(), KeysFrom::Fetched(Location::PemPerKid(pattern.into(), form)), profile)
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
    /// let pattern = "https://login.microsoftonline.com/{tenant}/v2.0";
    /// let tenants = TrustedIssuer::tenants(pattern, entra::access_token_v2())
    ///     .allow_tenants(["6babcaad-604b-40ac-a9d7-9fd97c0b779f", "9188040d-6c67-4c5b-b112-36a304b66dad"]);
    /// let api = ResourceServer::builder("6e74172b-be56-4843-9ff4-e66a39bb12e3").issuer(tenants).build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tenants(pattern: impl Into<String>, profile: TokenProfile) -> Self {
        Self::new(pattern.into(), KeysFrom::Fetched(Location::Tenants), profile)
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
        self.remote.resolver = Some(Arc::new(resolver));
        self
    }

    /// The bounds on the tenants of a [pattern](Self::tenants).
    pub fn tenant_settings(mut self, settings: TenantSettings) -> Self {
        self.remote.tenants = settings;
        self
    }

    /// Choices that most servers must not make.
    pub fn dangerous(self) -> DangerousIssuer {
        DangerousIssuer(self)
    }

    /// Verifies tokens of this issuer with these keys too, beside those that are fetched: for a migration
    /// from one to the other. Called again, it adds keys.
    ///
    /// They are in use whether the fetched ones are there or not, and no refresh replaces them: where both
    /// have a key of the same `kid`, tokens of both are verified. While nothing is fetched, tokens of other
    /// keys are answered 503 as ever, and [`ready`](crate::ResourceServer::ready) and the health go by the
    /// fetched keys. [`revoke_key`](crate::ResourceServer::revoke_key) withdraws given keys, too.
    ///
    /// A shared secret can be given so, and in no other way: one from the network is never used. The profile
    /// must accept its algorithm, and the secret verifies that alone. A public key must have a name
    /// ([`VerifyingKey::kid`](crate::keys::VerifyingKey::kid)), or a token of a key that is not fetched yet
    /// would be taken for one with a bad signature.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{
    ///     ResourceServer, TrustedIssuer,
    ///     keys::{Algorithm, KeySet, VerifyingKey},
    ///     profile::TokenProfile,
    /// };
    ///
    /// # let secret: Vec<u8> = (1..=32).collect();
    /// let old = VerifyingKey::from_hmac_secret(&secret, Algorithm::HS256)?;
    /// let profile = TokenProfile::jwt().algorithms([Algorithm::HS256, Algorithm::RS256]);
    /// let issuer = TrustedIssuer::discover("https://login.example", profile)
    ///     .also_keys(KeySet::from_keys([old]));
    /// let api = ResourceServer::builder("https://api.example").issuer(issuer).build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn also_keys(mut self, keys: KeySet) -> Self {
        match &mut self.keys {
            KeysFrom::Given(given) => *given = given.joined(&keys),
            KeysFrom::Fetched(_) => self.remote.given = self.remote.given.joined(&keys),
        }
        self
    }

    /// How the keys are kept fresh: the numbers, each with its default.
    pub fn refresh(mut self, settings: RefreshSettings) -> Self {
        self.remote.refresh = settings;
        self
    }

    /// How its keys are kept fresh so far.
    #[cfg(feature = "config")]
    pub(crate) const fn refresh_settings(&self) -> &RefreshSettings {
        &self.remote.refresh
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

    /// Fetches through a client that others have, too; which one it is says whether two sources are the same.
    #[cfg(feature = "config")]
    pub(crate) fn shared_http_client(mut self, client: Arc<dyn HttpClient>) -> Self {
        self.remote.client = Some(client);
        self
    }

    /// Whether plain `http` to loopback is allowed, for development and tests: `localhost` and the names below it
    /// (RFC 6761 section 6.3), 127.0.0.0/8 and `::1`. For a host in a container network see
    /// [`DangerousIssuer::plain_http_to`].
    pub fn allow_loopback_http(mut self, allow: bool) -> Self {
        self.remote.plain_http.allow_loopback(allow);
        self
    }
}

/// An issuer about to be trusted more than most should be; made by [`TrustedIssuer::dangerous`].
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
#[derive(Debug)]
#[must_use]
pub struct DangerousIssuer(TrustedIssuer);

impl DangerousIssuer {
    /// Allows plain `http` to this host, whatever the port: for an identity provider in the same
    /// container network, such as `http://keycloak:8080/realms/shop`.
    ///
    /// Anyone who can answer for the host, or change what it sends on the way here, chooses the keys,
    /// and so signs any token: only in a network where every machine is trusted with that.
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

    /// Trusts every tenant of a [pattern](TrustedIssuer::tenants): anyone who can become a customer of the
    /// provider can then sign in here, and bring any subject of a tenant of their own. The
    /// application must decide by [`Identity::principal`](crate::Identity::principal), and never by
    /// a claim such as `email` that a tenant writes as it likes. Tenants of strangers also compete
    /// with your own for the [bounds](TenantSettings) of the pattern.
    pub fn any_tenant(self) -> TrustedIssuer {
        self.0.allow_tenants_if(|_| true)
    }
}

/// What a file made, for tests to compare.
#[cfg(all(test, feature = "config"))]
impl super::ResourceServerBuilder {
    /// All that is known of each issuer, but for the client that fetches its keys.
    pub(crate) fn whole_issuers(&self) -> Vec<String> {
        let whole = |of: &TrustedIssuer| {
            let TrustedIssuer { issuer, aliases, keys, profile, profiles_where, .. } = of;
            let keys = match keys {
                KeysFrom::Given(keys) => format!("{keys:?}"),
                KeysFrom::Fetched(Location::Jwks(url)) => url.clone(),
                KeysFrom::Fetched(Location::PemPerKid(url, form)) => format!("{form:?} {url}"),
                KeysFrom::Fetched(Location::Discovery) => "discovery".to_owned(),
                KeysFrom::Fetched(Location::Tenants) => "tenants".to_owned(),
            };
            let TrustedIssuer { id_token_profile, is_unnamed, audiences, client_ids, remote, .. } = of;
            let RemoteSettings { refresh, given, client: _, plain_http, resolver, tenants } = remote;
            let remote = (refresh, given, plain_http, resolver.is_some(), tenants);
            let profiles = (profile, profiles_where, id_token_profile);
            format!("{:#?}", (issuer, aliases, keys, profiles, is_unnamed, audiences, client_ids, remote))
        };
        self.issuers.iter().map(whole).collect()
    }
}

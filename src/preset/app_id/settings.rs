//! The settings of an API behind App ID.

#[cfg(feature = "remote")]
use std::sync::Arc;
use std::{fmt, time::Duration};

use http::StatusCode;

use super::{DEFAULT_SCOPE, REALM, access_token, id_token, issuer_names};
use crate::{
    PairRules, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    error::ConfigError,
    http::{ChallengeParameter, ChallengeRow, ChallengeTable, Grammar, IdTokenLocation, Spacing},
    keys::KeySet,
    policy::{Requirement, claim, scope},
    preset::{
        VcapError,
        vcap::{BoundCredentials, Choice},
    },
    profile::TokenProfile,
};
#[cfg(feature = "remote")]
use crate::{net::HttpClient, source::RefreshSettings};

/// Begins a server for a tenant of IBM Cloud App ID: see the [page of the preset](super).
///
/// `region_or_oauth_server_url` is a region, such as `us-south`, or the `oauthServerUrl` of the
/// tenant's credentials; `tenant` is their `tenantId`.
pub fn server(region_or_oauth_server_url: &str, tenant: &str) -> AppId {
    AppId::new(region_or_oauth_server_url, tenant)
}

/// The settings of an API behind App ID; begun by [`server`].
///
/// ```
/// # #[cfg(feature = "remote")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::preset::app_id;
///
/// let api = app_id::server("eu-de", "39a37f57-a227-4bfe-a044-93b6e6050a61")
///     .scope_status_403(true)
///     .into_builder()
///     .retain_tokens(true) // for a back end that passes them on
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "remote"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
#[must_use]
pub struct AppId {
    server_url: String,
    tenant: Box<str>,
    audiences: Vec<Box<str>>,
    scopes: Requirement,
    scope_status: StatusCode,
    leeway: Duration,
    keys: Option<KeySet>,
    #[cfg(feature = "remote")]
    refresh: RefreshSettings,
    #[cfg(feature = "remote")]
    client: Option<Arc<dyn HttpClient>>,
    #[cfg(feature = "remote")]
    allow_loopback_http: bool,
    problems: Vec<String>,
}

impl AppId {
    fn new(region_or_url: &str, tenant: &str) -> Self {
        let (server_url, problems) = match issuer_names::server_url(region_or_url, tenant) {
            Ok(url) => (url, Vec::new()),
            Err(problem) => (region_or_url.to_owned(), vec![problem]),
        };
        Self {
            server_url,
            tenant: tenant.into(),
            audiences: Vec::new(),
            scopes: scope(DEFAULT_SCOPE),
            scope_status: StatusCode::UNAUTHORIZED,
            leeway: Duration::ZERO,
            keys: None,
            #[cfg(feature = "remote")]
            refresh: RefreshSettings::default(),
            #[cfg(feature = "remote")]
            client: None,
            #[cfg(feature = "remote")]
            allow_loopback_http: false,
            problems,
        }
    }

    /// Reads the tenant and its OAuth server out of `VCAP_SERVICES`, as the vendor's SDK does: of the
    /// first service whose name begins with `AdvancedMobileAccess` or `AppID` the credentials
    /// `appidServiceEndpoint` with `version`, else `oAuthServerUrl`, else `oauthServerUrl`; and
    /// `tenantId`, which the SDK can do without and this preset binds tokens by.
    ///
    /// ```
    /// use tower_resource_server::preset::app_id::AppId;
    ///
    /// let vcap_services = r#"{"AppID": [{"credentials": {
    ///     "tenantId": "39a37f57-a227-4bfe-a044-93b6e6050a61",
    ///     "oauthServerUrl": "https://us-south.appid.cloud.ibm.com/oauth/v4/39a37f57-a227-4bfe-a044-93b6e6050a61"
    /// }}]}"#;
    /// let settings = AppId::from_vcap_services(vcap_services)?;
    /// # let _ = settings;
    /// # Ok::<(), tower_resource_server::preset::VcapError>(())
    /// ```
    ///
    /// # Errors
    /// [`VcapError`] when the text is not that of `VCAP_SERVICES` or lacks one of these.
    pub fn from_vcap_services(vcap_services: &str) -> Result<Self, VcapError> {
        let credentials = BoundCredentials::find(vcap_services, Choice::First)?;
        let tenant = credentials.get("tenantId")?;
        if let Ok(endpoint) = credentials.get("appidServiceEndpoint") {
            let endpoint = endpoint.strip_suffix('/').unwrap_or(endpoint);
            let version = credentials.integer("version")?;
            return Ok(Self::new(&format!("{endpoint}/oauth/v{version}/{tenant}"), tenant));
        }
        let url = credentials.get("oAuthServerUrl").or_else(|_| credentials.get("oauthServerUrl"))?;
        Ok(Self::new(url, tenant))
    }

    /// Takes only tokens with this audience, the id of a client or the URI of a resource. Called
    /// again, it adds another: a token needs one of them.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        let audience = audience.into();
        if audience.is_empty() {
            self.problems.push("app_id: an audience is empty; leave it out".to_owned());
        }
        self.audiences.push(audience);
        self
    }

    /// Requires these scopes of every request, beside [`DEFAULT_SCOPE`].
    pub fn require(mut self, scopes: Requirement) -> Self {
        self.scopes = self.scopes.and(scopes);
        self
    }

    /// Answers 403 where a scope is missing, as RFC 6750 section 3.1 has it, instead of the SDK's
    /// 401. The vendor's mobile clients act on both.
    pub fn scope_status_403(mut self, enabled: bool) -> Self {
        self.scope_status = if enabled { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
        self
    }

    /// How far this server's clock and the tenant's may disagree: not at all unless told, as in the
    /// SDK; 10 minutes at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Uses these keys, and fetches none.
    pub fn keys(mut self, keys: KeySet) -> Self {
        self.keys = Some(keys);
        self
    }

    /// A builder with all of this said, for what a server can be told besides.
    pub fn into_builder(self) -> ResourceServerBuilder {
        let mut access = access_token(&self.tenant).leeway(self.leeway);
        if !self.audiences.is_empty() {
            access = access.rule(claim("aud").contains_any(self.audiences.clone()).binds_token());
        }
        let id = id_token(&self.tenant).leeway(self.leeway);
        let issuer = self.issuer(access).id_token_profile(id);
        let issuer = issuer_names::others(&self.server_url, &self.tenant)
            .into_iter()
            .fold(issuer, |issuer, name| issuer.also_known_as(name));
        let builder = ResourceServer::builder(self.tenant)
            .issuer(issuer)
            .realm(REALM)
            .credentials(
                Grammar::bearer().exact_case(true).spacing(Spacing::SingleSpace).refuse_other_schemes(true),
            )
            .id_token(IdTokenLocation::AfterAccessToken)
            .pair_rules(PairRules::openid().shared_audience(true))
            .challenges(challenges(self.scope_status))
            .require(self.scopes);
        self.problems.into_iter().fold(builder, ResourceServerBuilder::problem)
    }

    /// Builds the server; nothing is fetched yet.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work, as for
    /// [`ResourceServerBuilder::build`].
    pub fn build(self) -> Result<ResourceServer, ConfigError> {
        self.into_builder().build()
    }

    fn issuer(&self, profile: TokenProfile) -> TrustedIssuer {
        if let Some(keys) = &self.keys {
            return TrustedIssuer::with_keys(&self.server_url, keys.clone(), profile);
        }
        #[cfg(feature = "remote")]
        {
            let issuer = TrustedIssuer::with_jwks_uri(
                &self.server_url,
                format!("{}/publickeys", self.server_url),
                profile,
            )
            .refresh(self.refresh.clone());
            let issuer = match &self.client {
                Some(client) => issuer.http_client(Arc::clone(client)),
                None => issuer,
            };
            issuer.allow_loopback_http(self.allow_loopback_http)
        }
        // Without a way to fetch any, `build()` misses the keys.
        #[cfg(not(feature = "remote"))]
        TrustedIssuer::with_keys(&self.server_url, KeySet::default(), profile)
    }
}

#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
impl AppId {
    /// How the keys are kept fresh: the numbers, each with its default.
    pub fn refresh(mut self, settings: RefreshSettings) -> Self {
        self.refresh = settings;
        self
    }

    /// Fetches the keys through `client`; see [`TrustedIssuer::http_client`].
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.client = Some(Arc::new(client));
        self
    }

    /// Allows plain `http` to a loopback address, for development and tests.
    pub fn allow_loopback_http(mut self, allow: bool) -> Self {
        self.allow_loopback_http = allow;
        self
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppId")
            .field("server_url", &self.server_url)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// The answers of the vendor's SDK.
fn challenges(scope_status: StatusCode) -> ChallengeTable {
    // Also without credentials, against RFC 6750 section 3.1: it is what its clients know.
    let refused = ChallengeRow::new(StatusCode::UNAUTHORIZED).error("invalid_token").scoped(true);
    ChallengeTable::rfc6750()
        .order([ChallengeParameter::Realm, ChallengeParameter::Scope])
        .no_credentials(refused.clone())
        .invalid_request(refused.clone())
        .invalid_token(refused)
        .insufficient_scope(ChallengeRow::new(scope_status).error("insufficient_scope").scoped(true))
}

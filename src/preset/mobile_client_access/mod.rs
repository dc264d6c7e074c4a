//! IBM Mobile Client Access (MCA), also known as Advanced Mobile Access: a back end behind it, in the
//! place of IBM's Node.js package `bms-mca-token-validation-strategy`.
//!
//! A mobile client sends `Authorization: Bearer <access token>`, or with an ID token behind it. It
//! starts to authenticate when a 401 has `"imfAuthentication"` in its challenge, and then sends the
//! request again. Where a custom identity provider stands behind the service, the user in the ID
//! token is the one that it vouched for.
//!
//! ```
//! # #[cfg(feature = "remote")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tower_resource_server::{
//!     ClaimsError, Identity, preset::mobile_client_access::{self, SecurityContext},
//! };
//!
//! let api = mobile_client_access::server("6b3ec1a4-8d2c-4f0e-9ad7-3a9f5f5d2a61")
//!     .server_url("https://mobileclientaccess.ng.bluemix.net/imf-authserver")
//!     .build()?;
//!
//! fn greeting(who: &Identity) -> Result<String, ClaimsError> {
//!     let context: SecurityContext = who.context()?;
//!     Ok(match context.user() {
//!         Some(user) => format!("hello {}", user.display_name.unwrap_or(user.id)),
//!         None => format!("hello, application {}", context.sub()),
//!     })
//! }
//! # let _ = api;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "remote"))]
//! # fn main() {}
//! ```
//!
//! # What is checked
//!
//! | | access token | ID token |
//! |---|---|---|
//! | header `alg` | `RS256` | the same |
//! | header `typ` | none, `JWT` or `JOSE` | the same |
//! | key | the one at `{server URL}/authorization/v1/apps/{tenant}/publickey`, whatever the header says | the same |
//! | `iss` | `{server URL}/authorization/`, or [`issuer_name`](MobileClientAccess::issuer_name) | the same |
//! | `aud` | the tenant, or an array with it | the same |
//! | `exp` | there, and after now | the same |
//! | `nbf`, `iat` | not after now, if there | the same |
//! | subject | `prn`, the client | `sub`; it ends with `:` and the `prn` of the access token |
//! | `at_hash` | – | that of the access token, if there is one |
//! | told apart by | no `imf.user`, `imf.device`, `imf.application` | no `prn` |
//!
//! No leeway is granted unless told. Scopes are the members of the access token's `imf.scope`, each
//! as long as its own `exp` says, or the list in `scope`.
//!
//! | request | status | `WWW-Authenticate` |
//! |---|---|---|
//! | no `Authorization`, or an empty one | 401 | `Bearer realm="imfAuthentication"` |
//! | another scheme, `bearer` in another case, no token, more than two | 400 | none |
//! | two `Authorization` fields | 400 | none |
//! | a token that is not accepted | 401 | `Bearer realm="imfAuthentication", error="invalid_token"` |
//! | a scope is missing | 401 | `Bearer realm="imfAuthentication", error="insufficient_scope", scope="a b"` |
//! | the key cannot be had | 503 | none |
//!
//! Where an operation requires scopes, every 401 names them.
//!
//! # What differs from the vendor's package, and why
//!
//! | the package | here | because |
//! |---|---|---|
//! | takes the algorithm from the token | RS256 only | the public key served as an HMAC secret: anyone could sign |
//! | ignores `crit`, `nbf`, `iat`, `iss`, `typ` | refuses what they forbid | RFC 7515 and RFC 7519 say so; a key may sign more than these tokens |
//! | lets a token without `exp` or `aud` pass | refused, unless [`legacy`](MobileClientAccess::legacy) | such a token lives for ever, or is good everywhere |
//! | takes an ID token for an access token, and the reverse | refused | each is made for its own place |
//! | takes any two tokens for a pair | `sub` must end with `:` and `prn`, unless `legacy` | my access token with your ID token would make me you |
//! | never looks at `at_hash` | that of another access token is refused, with `legacy` too | an ID token that names its access token goes with no other (OpenID Connect Core section 3.1.3.8) |
//! | takes an `aud` array of one | any array with the tenant | the package compares by accident |
//! | coerces an `exp` that is a string | refused | not a date of RFC 7519 |
//! | remembers a pair until its access token ends | until the first of both ends | an ended ID token identifies no one |
//! | remembers a bad token for ever | never | a token of a new key is good once the key is there |
//! | asks for the key every ten minutes, without checking the server's certificate | about as often, also when a signature fits no key (within bounds), with TLS checked | a rotation is noticed at once; a key over an open line may be an attacker's |
//! | 500 or no answer at all while the key cannot be had | what it knows for hours, then 503 | a provider's bad minute is not the client's |
//! | takes the first of two `Authorization` fields | 400 | two readers of one request must not disagree |
//! | checks no scope (the code is commented out) | those that an operation requires | |
//! | never names the scope | in every 401, where scopes are required | the guide says so, and clients take it |
//!
//! # To know
//!
//! - Clients take no 400 for an invitation to authenticate: a header that is malformed stays so.
//! - IBM's Android client looks the challenge up as `WWW-Authenticate`, and uses the first one. hyper
//!   writes names in lower case, which HTTP allows; `http1_title_case_headers(true)` of its server
//!   removes the doubt. Where other layers add challenges, ours must come first.
//! - [`Identity::subject`](crate::Identity::subject) is the client, whichever user it acts for; the user is in the
//!   [`SecurityContext`]. A user's `id` is unique within its `auth_by` alone.
//! - A token of the client credentials grant has no ID token beside it, and names no user.
//!
//! App ID, which came after this service, is in [`app_id`](super::app_id).
//!
//! Source: npm `bms-mca-token-validation-strategy` 2.0.11, whose answers `tests/interop/mca` compares with ours.

mod context;

pub use self::context::{ClientApplication, Device, SecurityContext, User};

#[cfg(feature = "remote")]
use std::sync::Arc;
use std::{fmt, time::Duration};

use http::StatusCode;

use super::vcap::{BoundCredentials, Choice, VcapError};
use crate::{
    PairRules, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    error::ConfigError,
    http::{ChallengeParameter, ChallengeRow, ChallengeTable, Grammar, IdTokenLocation, Spacing},
    keys::{Algorithm, KeySet},
    policy::claim,
    profile::{KeySelection, TokenProfile},
};

#[cfg(feature = "remote")]
use crate::{net::HttpClient, source::RefreshSettings};

/// What clients look for in a challenge, quotes included.
const REALM: &str = "imfAuthentication";

/// How long the package keeps a key; where the response says nothing else, so do we.
#[cfg(feature = "remote")]
const KEY_FRESHNESS: Duration = Duration::from_secs(600);

/// The settings of a server for one tenant of Mobile Client Access; made by
/// [`server`].
#[derive(Clone)]
#[must_use]
pub struct MobileClientAccess {
    tenant: String,
    server_url: Option<String>,
    keys: Option<KeySet>,
    issuer_name: Option<String>,
    leeway: Duration,
    legacy: bool,
    #[cfg(feature = "remote")]
    refresh: RefreshSettings,
    #[cfg(feature = "remote")]
    client: Option<Arc<dyn HttpClient>>,
    #[cfg(feature = "remote")]
    allow_loopback_http: bool,
}

impl fmt::Debug for MobileClientAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MobileClientAccess")
            .field("tenant", &self.tenant)
            .field("server_url", &self.server_url)
            .field("legacy", &self.legacy)
            .finish_non_exhaustive()
    }
}

/// A server for one tenant of [IBM Mobile Client Access](self): the `tenantId` of the service's
/// credentials, which is in the `aud` of its tokens.
pub fn server(tenant: impl Into<String>) -> MobileClientAccess {
    MobileClientAccess {
        tenant: tenant.into(),
        server_url: None,
        keys: None,
        issuer_name: None,
        leeway: Duration::ZERO,
        legacy: false,
        #[cfg(feature = "remote")]
        refresh: RefreshSettings { default_freshness: KEY_FRESHNESS, ..RefreshSettings::default() },
        #[cfg(feature = "remote")]
        client: None,
        #[cfg(feature = "remote")]
        allow_loopback_http: false,
    }
}

impl MobileClientAccess {
    /// Reads tenant and server URL out of the text of `VCAP_SERVICES`. When several services are
    /// bound the last counts, as in the vendor's package.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::preset::mobile_client_access::MobileClientAccess;
    ///
    /// let vcap_services = r#"{"AdvancedMobileAccess":[{"credentials":{
    ///     "tenantId":"6b3ec1a4-8d2c-4f0e-9ad7-3a9f5f5d2a61",
    ///     "serverUrl":"https://mobileclientaccess.ng.bluemix.net/imf-authserver"
    /// }}]}"#; // std::env::var("VCAP_SERVICES")?
    /// let settings = MobileClientAccess::from_vcap_services(vcap_services)?;
    /// # let _ = settings;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`VcapError`] when the text is no such document, no service is bound, or its credentials
    /// lack `tenantId` or `serverUrl`.
    pub fn from_vcap_services(vcap_services: &str) -> Result<Self, VcapError> {
        let credentials = BoundCredentials::find(vcap_services, Choice::Last)?;
        let tenant = credentials.get("tenantId")?;
        Ok(server(tenant).server_url(credentials.get("serverUrl")?))
    }

    /// The `serverUrl` of the service's credentials: what stands before `/authorization/v1/apps/…`.
    /// Slashes at its end mean nothing.
    pub fn server_url(mut self, url: impl Into<String>) -> Self {
        self.server_url = Some(url.into());
        self
    }

    /// Verifies with keys that the application holds; nothing is fetched.
    pub fn keys(mut self, keys: KeySet) -> Self {
        self.keys = Some(keys);
        self
    }

    /// The `iss` of the tokens, byte for byte, where it is not `{server URL}/authorization/`.
    pub fn issuer_name(mut self, name: impl Into<String>) -> Self {
        self.issuer_name = Some(name.into());
        self
    }

    /// How far this server's clock and the issuer's may disagree: not at all unless told, as in the
    /// vendor's package; 10 minutes at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Accepts what the vendor's package did, in three respects and no other: a token may lack
    /// `exp`, it may lack `aud`, and an ID token need not be of the client of the access token.
    ///
    /// An attacker who learns the ID token of a user is then that user. A token without `exp` is
    /// good as long as its key, one without `aud` for every tenant that shares it.
    pub fn legacy(mut self, accept: bool) -> Self {
        self.legacy = accept;
        self
    }

    /// The settings as a builder, for what is not of this vendor: the clock, limits, the cache,
    /// scopes that every request needs.
    pub fn into_builder(self) -> ResourceServerBuilder {
        let (issuer, problem) = match self.issuer() {
            Ok(issuer) => (Some(issuer), None),
            Err(problem) => (None, Some(problem)),
        };
        let pairs = PairRules::openid().subject_after(':').shared_audience(true);
        let mut builder = ResourceServer::builder(self.tenant)
            .credentials(
                Grammar::bearer().exact_case(true).spacing(Spacing::Whitespace).refuse_other_schemes(true),
            )
            .id_token(IdTokenLocation::AfterAccessToken)
            .pair_rules(if self.legacy { pairs.any_subject().audience_if_named() } else { pairs })
            .challenges(challenges())
            .realm(REALM);
        if let Some(issuer) = issuer {
            builder = builder.issuer(issuer);
        }
        match problem {
            Some(problem) => builder.problem(problem),
            None => builder,
        }
    }

    /// Builds the server; see [`ResourceServerBuilder::build`].
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work, such as neither a server URL nor keys.
    pub fn build(self) -> Result<ResourceServer, ConfigError> {
        self.into_builder().build()
    }

    fn issuer(&self) -> Result<TrustedIssuer, &'static str> {
        let server = self.server_url.as_deref().map(|url| url.trim_end_matches('/'));
        let name = match (&self.issuer_name, server) {
            (Some(name), _) => name.clone(),
            (None, Some(server)) => format!("{server}/authorization/"),
            (None, None) => {
                return Err(
                    "mobile_client_access: no issuer is trusted; say .server_url(..), or .issuer_name(..) with .keys(..)",
                );
            }
        };
        let issuer = match (&self.keys, server) {
            (Some(keys), _) => TrustedIssuer::with_keys(name, keys.clone(), self.access_token()),
            #[cfg(feature = "remote")]
            (None, Some(server)) => self.remote(name, server),
            (None, _) => {
                return Err("mobile_client_access: there is no key; say .server_url(..), or .keys(..)");
            }
        };
        Ok(issuer.id_token_profile(self.id_token()))
    }

    #[cfg(feature = "remote")]
    fn remote(&self, name: String, server: &str) -> TrustedIssuer {
        let key = format!("{server}/authorization/v1/apps/{}/publickey", self.tenant);
        let issuer =
            TrustedIssuer::with_jwks_uri(name, key, self.access_token()).refresh(self.refresh.clone());
        let issuer = match &self.client {
            Some(client) => issuer.http_client(Arc::clone(client)),
            None => issuer,
        };
        issuer.allow_loopback_http(self.allow_loopback_http)
    }

    fn access_token(&self) -> TokenProfile {
        self.token()
            .rule(claim("prn").non_empty_string())
            .rule(claim("imf.user").absent())
            .rule(claim("imf.device").absent())
            .rule(claim("imf.application").absent())
            .subject_claims(["prn"])
            .scope_claims(["imf.scope", "scope"])
            .scopes_as_members(true)
    }

    fn id_token(&self) -> TokenProfile {
        self.token()
            .rule(claim("sub").non_empty_string())
            .rule(claim("prn").absent())
            .rule(claim("at_hash").hashes_access_token())
    }

    /// What both kinds have in common.
    fn token(&self) -> TokenProfile {
        let (audience, expiry) = (claim("aud").names_resource(), claim("exp").after_now());
        let profile = TokenProfile::empty()
            .accept_types(["JWT", "JOSE"])
            .algorithms([Algorithm::RS256])
            .leeway(self.leeway)
            .key_selection(KeySelection::Any)
            .rule(claim("iss").is_issuer())
            .rule(claim("nbf").not_before().if_present())
            .rule(claim("iat").not_in_future().if_present());
        if self.legacy {
            let profile = profile.rule(audience.if_present()).rule(expiry.if_present());
            profile.for_any_resource().dangerous().unbounded_lifetime()
        } else {
            profile.rule(audience).rule(expiry)
        }
    }
}

#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
impl MobileClientAccess {
    /// How the key is kept fresh. Unless told otherwise a response that says nothing is fresh for
    /// ten minutes, as in the vendor's package.
    pub fn refresh(mut self, settings: RefreshSettings) -> Self {
        self.refresh = settings;
        self
    }

    /// Fetches the key through `client`; see [`TrustedIssuer::http_client`].
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.client = Some(Arc::new(client));
        self
    }

    /// Allows a server URL with plain `http` to a loopback address, for development and tests.
    pub fn allow_loopback_http(mut self, allow: bool) -> Self {
        self.allow_loopback_http = allow;
        self
    }
}

/// The statuses and challenges that clients were written for; they look for the realm, which comes first.
fn challenges() -> ChallengeTable {
    let unauthorized = || ChallengeRow::new(StatusCode::UNAUTHORIZED).scoped(true);
    let malformed = ChallengeRow::new(StatusCode::BAD_REQUEST).challenge(false);
    ChallengeTable::rfc6750()
        .order([ChallengeParameter::Realm])
        .no_credentials(unauthorized())
        .several_fields(malformed.clone())
        .invalid_request(malformed)
        .invalid_token(unauthorized().error("invalid_token"))
        .insufficient_scope(unauthorized().error("insufficient_scope"))
}

//! Layer's identity tokens: a customer's back end says who a user is, and the user's client trades
//! that for a session.
//!
//! Layer (closed in 2019) was a messaging service. Its protocol lives on in clients and in systems
//! that were built like it: the service hands out a nonce, the customer's back end (the *provider*)
//! signs an external identity token with the nonce in it, and the service takes the token once.
//!
//! ```
//! use tower_resource_server::{
//!     ResourceServer,
//!     keys::{Algorithm, VerifyingKey},
//!     preset::layer::{self, Provider},
//! };
//!
//! # async fn log_in(pem: &str, identity_token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Provider::new("layer:///providers/5a731a4c-63be-11e4-9124-aaa5020075f8").key(
//!     "layer:///keys/69fdd5aa-6478-11e4-97f1-1ded000000e6",
//!     VerifyingKey::from_pem(pem, Algorithm::RS256)?,
//! );
//! let logins = layer::server(provider).build()?;
//!
//! let nonce = logins.issue_nonce()?; // POST /nonces, and in each 401
//! let who = logins.verify_access_token(identity_token).await?; // POST /sessions
//! let user: layer::User = who.context()?;
//! # Ok(())
//! # }
//! ```
//!
//! The whole service, with sessions and the bodies that clients know: the example `layer_sessions`.
//!
//! | part of the token | must be |
//! |---|---|
//! | algorithm | RS256 |
//! | header `typ` | `JWS` or `JWT`, in any case, or absent |
//! | header `cty` | `layer-eit;v=1` |
//! | header `kid` | a key of the provider: `layer:///keys/{id}` or `{id}` |
//! | `iss` | the provider: `layer:///providers/{id}` or `{id}` |
//! | signature | good under that key: what checks the pair of `kid` and `iss` |
//! | `prn` | the user, a non-empty string |
//! | `exp` | whole seconds, after now; without leeway |
//! | `iat`, if present | whole seconds, whenever |
//! | `first_name`, `last_name`, `display_name`, if present | a string of at most 128 characters |
//! | `avatar_url`, if present | a string of at most 1 024 characters |
//! | `metadata`, if present | at most 16 members, each a string |
//! | `nce` | a nonce of this service, at most ten minutes old, spent with this token and last of all |
//!
//! Where this differs from what is known of Layer's own server, or decides what is not:
//!
//! - **A token that is refused does not spend its nonce**, for whatever reason it was refused: a
//!   client may answer the same challenge again.
//! - **`iat` is not compared with the clock.** The vendor's own samples wrote local time into it,
//!   hours ahead of `exp`. The nonce bounds the age of a token better than `iat` could. To compare all
//!   the same: [`identity_token`]`().without_rules_on("iat").rule(claim("iat").not_in_future())`.
//! - **No lifetime is too long.** Providers wrote anything between 30 seconds and 14 days; the nonce
//!   ends it after ten minutes.
//! - **Numbers are numbers.** The guide shows `iat` and `exp` as strings and calls them RFC 3339; its
//!   comments say integer, every provider wrote Unix seconds, and strings are refused.
//! - **RSA keys of 1024 bits**, which Layer's dashboard handed out at first, are refused unless let in
//!   by [`Provider::dangerous`].
//! - **`kid` and `iss` are compared by what follows the last slash**, so that the URI and the bare
//!   identifier are one; the vendor's own tokens have both. Case counts.
//! - The `nonce` is not bound to a user or an application: `/nonces` asks for neither.
//! - There is no WWW-Authenticate: clients read the nonce in the body of a 401.
//!
//! Source: the vendor's guide, npm `layer-websdk` 3.4.18 and the gem `layer-identity_token`; its server was closed source.

use std::{collections::BTreeMap, fmt, time::Duration};

use http::StatusCode;
use serde::Deserialize;

use crate::{
    ClaimsError, FromIdentity, Identity, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    http::{ChallengeRow, ChallengeTable},
    keys::{Algorithm, KeyError, KeySet, VerifyingKey},
    policy::claim,
    profile::{KeySelection, TokenProfile},
};

/// The most characters in a name.
const MAX_NAME: usize = 128;
/// The most characters in `avatar_url`.
const MAX_AVATAR_URL: usize = 1024;
/// The most members of `metadata`.
const MAX_METADATA: usize = 16;

/// An external identity token, version 1: the table of the [module](self).
pub fn identity_token() -> TokenProfile {
    let names = ["first_name", "last_name", "display_name"];
    let profile = TokenProfile::empty()
        .algorithms([Algorithm::RS256])
        .leeway(Duration::ZERO)
        .accept_types(["JWS", "JWT"])
        .require_content_type("layer-eit;v=1")
        .key_selection(KeySelection::LastSegment)
        .require_kid(true)
        .issuer_by_last_segment(true)
        .rule(claim("iss").is_issuer())
        .rule(claim("prn").non_empty_string())
        .rule(claim("exp").whole_number())
        .rule(claim("exp").after_now())
        .rule(claim("iat").whole_number().if_present())
        .rule(claim("avatar_url").string_up_to(MAX_AVATAR_URL).if_present())
        .rule(claim("metadata").string_members_up_to(MAX_METADATA).if_present())
        .subject_claims(["prn"])
        .spends_nonce("nce");
    names
        .into_iter()
        .fold(profile, |profile, name| profile.rule(claim(name).string_up_to(MAX_NAME).if_present()))
}

/// A customer of the service, whose back end signs identity tokens: its identifier and its keys.
///
/// It becomes an [`TrustedIssuer`] of [`identity_token`]s, so that one server can have several:
/// `layer::server(one).issuer(another.into())`.
#[derive(Clone)]
#[must_use]
pub struct Provider {
    id: String,
    keys: Vec<VerifyingKey>,
}

impl Provider {
    /// The provider of this identifier: `layer:///providers/{id}`, or `{id}` by itself.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), keys: Vec::new() }
    }

    /// Adds a key, by its identifier: `layer:///keys/{id}`, or `{id}` by itself. Tokens under keys of
    /// other providers are not this one's.
    pub fn key(mut self, kid: impl Into<String>, key: VerifyingKey) -> Self {
        self.keys.push(key.with_kid(kid));
        self
    }

    /// Choices that most services must not make.
    pub fn dangerous(self) -> DangerousProvider {
        DangerousProvider(self)
    }
}

impl From<Provider> for TrustedIssuer {
    fn from(provider: Provider) -> Self {
        Self::with_keys(provider.id, KeySet::from_keys(provider.keys), identity_token())
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.keys.iter().map(VerifyingKey::kid).collect();
        f.debug_struct("Provider").field("id", &self.id).field("keys", &kids).finish()
    }
}

/// A provider about to be trusted more than it should be; made by [`Provider::dangerous`].
#[derive(Debug)]
#[must_use]
pub struct DangerousProvider(Provider);

impl DangerousProvider {
    /// Adds an RSA key of 1024 bits or more in PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`), by its
    /// identifier. A key of 1024 bits is within reach of an attacker who can pay for some years of
    /// computing, and can then be any user of this provider. For old keys, until they are replaced.
    ///
    /// # Errors
    /// [`KeyError`], also for anything but RSA.
    pub fn old_rsa_key(self, kid: impl Into<String>, pem: &str) -> Result<Provider, KeyError> {
        let key = VerifyingKey::legacy_rsa_from_pem(pem)?;
        Ok(self.0.key(kid, key))
    }
}

/// Begins a server that takes the identity tokens of a Layer provider, each once: see
/// [`preset::layer`](self). Its refusals are 422, and 503 when no nonce can be spent.
///
/// The token comes in the body of a request: hand it to
/// [`verify_access_token`](ResourceServer::verify_access_token).
pub fn server(provider: Provider) -> ResourceServerBuilder {
    let row = |status| ChallengeRow::new(status).challenge(false);
    let challenges = ChallengeTable::rfc6750()
        .no_credentials(row(StatusCode::UNAUTHORIZED))
        .several_fields(row(StatusCode::BAD_REQUEST))
        .invalid_request(row(StatusCode::BAD_REQUEST))
        .invalid_token(row(StatusCode::UNPROCESSABLE_ENTITY));
    ResourceServer::builder(provider.id.clone()).issuer(provider.into()).challenges(challenges)
}

/// What an identity token says about its user.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The provider's own identifier of the user: `prn`.
    #[serde(rename = "prn")]
    pub user_id: String,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// What others see.
    pub display_name: Option<String>,
    /// Where a picture is. An address from outside: the code that fetches it decides whether that is safe.
    pub avatar_url: Option<String>,
    /// Whatever else the provider says.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// Shows nothing that a token says.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").finish_non_exhaustive()
    }
}

impl FromIdentity for User {
    fn from_identity(identity: &Identity) -> Result<Self, ClaimsError> {
        identity.claims()
    }
}

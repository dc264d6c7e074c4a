//! An issuer that a server trusts: who it is, where its keys come from, and what its tokens look like.

use std::sync::Arc;

use super::fetched::{Location, RemoteSettings};
use crate::{
    keys::KeySet,
    policy::{NameForm, Rule},
    profile::TokenProfile,
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
/// let by_address = TrustedIssuer::with_jwks_uri(
///     "https://other.example",
///     "https://other.example/keys",
///     TokenProfile::rfc9068(),
/// );
/// # let _ = (by_discovery, by_address);
/// # }
/// ```
///
/// # Issuers that are named by `sub`
///
/// A SPIFFE JWT-SVID need not have an `iss`: its issuer is the trust domain that its `sub` begins with. An issuer
/// whose profile has the rule `claim("sub").`[`is_below_issuer()`](crate::policy::ClaimRule::is_below_issuer) gets
/// every token whose `sub` is below its name, whatever its `iss` is, and no other. So a token of another issuer whose
/// `sub` says so is judged by these keys and refused.
#[derive(Clone)]
#[must_use]
pub struct TrustedIssuer {
    pub(super) issuer: Arc<str>,
    pub(super) aliases: Vec<Box<str>>,
    pub(super) keys: KeysFrom,
    pub(super) profile: TokenProfile,
    pub(super) profiles_where: Vec<(Vec<Rule>, TokenProfile)>,
    pub(super) id_token_profile: TokenProfile,
    /// Whether access tokens that name no issuer are its own.
    pub(super) is_unnamed: bool,
    /// The server's, where none is named.
    pub(super) audiences: Vec<Box<str>>,
    /// The server's, where none is named.
    pub(super) client_ids: Vec<Box<str>>,
    pub(super) remote: RemoteSettings,
}

#[derive(Clone)]
pub(super) enum KeysFrom {
    Given(KeySet),
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "its location cannot be made"))]
    Fetched(Location),
}

/// Whom it trusts, and nothing of the keys.
impl std::fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustedIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl TrustedIssuer {
    pub(super) fn new(issuer: String, keys: KeysFrom, profile: TokenProfile) -> Self {
        Self {
            issuer: issuer.into(),
            aliases: Vec::new(),
            keys,
            profile,
            profiles_where: Vec::new(),
            id_token_profile: TokenProfile::oidc_id_token(),
            is_unnamed: false,
            audiences: Vec::new(),
            client_ids: Vec::new(),
            remote: RemoteSettings::default(),
        }
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

    /// Whether access tokens without an `iss` are this issuer's: `false`, so that they are refused. For the
    /// one issuer of a server whose tokens do not name it; a token that names one is never taken for its own
    /// unless the name is right. [`is_issuer`](crate::policy::ClaimRule::is_issuer) holds where there is an
    /// `iss`, and every other rule of its profiles as ever; ID tokens must name their issuer.
    ///
    /// Two issuers of a server cannot both be it: see
    /// [`select_issuer_by`](crate::ResourceServerBuilder::select_issuer_by) for a header that tells them apart.
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
    /// let keys = KeySet::from_keys([VerifyingKey::from_hmac_secret(&secret, Algorithm::HS256)?]);
    /// let profile = TokenProfile::jwt().algorithms([Algorithm::HS256]);
    /// let billing = TrustedIssuer::with_keys("billing", keys, profile).tokens_without_issuer(true);
    /// let api = ResourceServer::builder("https://api.example").issuer(billing).build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tokens_without_issuer(mut self, accepted: bool) -> Self {
        self.is_unnamed = accepted;
        self
    }

    /// Changes what access tokens of this issuer look like, and keeps the rest: one knob of a preset,
    /// for instance.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_resource_server::{TrustedIssuer, keys::KeySet, profile::TokenProfile};
    ///
    /// # let keys = KeySet::default();
    /// let issuer = TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068())
    ///     .map_profile(|profile| profile.leeway(Duration::from_secs(5)));
    /// # let _ = issuer;
    /// ```
    pub fn map_profile(mut self, change: impl FnOnce(TokenProfile) -> TokenProfile) -> Self {
        self.profile = change(self.profile);
        self
    }

    /// Judges those access tokens of this issuer for which all these rules hold by a profile of their
    /// own, whether they pass it or not. Called again, it adds a kind of token; the first whose rules
    /// hold counts, and tokens of which none hold are judged by the profile that the issuer began with.
    ///
    /// The rules choose and verify nothing: what a token of the kind must be is for its profile to say.
    /// They are for what tells the kinds apart, whenever and for whom a token is: `build()` refuses a rule that
    /// depends on the moment, such as [`within_last`](crate::policy::ClaimRule::within_last), since a token is of
    /// one kind for as long as it is remembered. `null` counts as absent where the profile of the kind
    /// [says so](TokenProfile::null_is_absent).
    ///
    /// ```
    /// use tower_resource_server::{TrustedIssuer, keys::KeySet, policy::claim, profile::TokenProfile};
    ///
    /// # let keys = KeySet::default();
    /// let machines = TokenProfile::jwt()
    ///     .without_rules_on("sub")
    ///     .rule(claim("client_id").one_of(["billing", "reports"]));
    /// let issuer = TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068())
    ///     .access_tokens_where([claim("gty").equals("client-credentials")], machines);
    /// # let _ = issuer;
    /// ```
    pub fn access_tokens_where(
        mut self,
        rules: impl IntoIterator<Item = Rule>,
        profile: TokenProfile,
    ) -> Self {
        self.profiles_where.push((rules.into_iter().collect(), profile));
        self
    }

    /// What ID tokens of this issuer look like: [`TokenProfile::oidc_id_token`] unless said otherwise.
    pub fn id_token_profile(mut self, profile: TokenProfile) -> Self {
        self.id_token_profile = profile;
        self
    }

    /// Changes what ID tokens of this issuer look like, and keeps the rest.
    pub fn map_id_token_profile(mut self, change: impl FnOnce(TokenProfile) -> TokenProfile) -> Self {
        self.id_token_profile = change(self.id_token_profile);
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

    /// The name that it is configured by.
    #[cfg(feature = "config")]
    pub(crate) fn name(&self) -> &str {
        &self.issuer
    }

    /// Every name that its tokens may have.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        [&*self.issuer].into_iter().chain(self.aliases.iter().map(AsRef::as_ref))
    }

    /// The parts of its names that are compared.
    pub(super) fn compared_names(&self, form: NameForm) -> impl Iterator<Item = &str> {
        self.names().map(move |name| form.of(name))
    }

    /// Whether one of its profiles takes tokens in padded base64url.
    pub(super) fn takes_padding(&self) -> bool {
        self.access_profiles().chain([&self.id_token_profile]).any(TokenProfile::takes_padding)
    }

    /// Whether its keys may come over plain http from another machine.
    pub(super) fn takes_plain_http(&self) -> bool {
        self.remote.takes_plain_http()
    }

    /// Whether its name stands for many.
    pub(super) fn is_pattern(&self) -> bool {
        matches!(&self.keys, KeysFrom::Fetched(location) if location.is_pattern())
    }

    /// The profiles of its access tokens.
    pub(super) fn access_profiles(&self) -> impl Iterator<Item = &TokenProfile> {
        [&self.profile].into_iter().chain(self.profiles_where.iter().map(|(_, profile)| profile))
    }
}

//! Keys that the application withdraws or replaces itself.

use std::fmt;

use super::{Inner, ResourceServer, issuers::Configured};
use crate::{
    keys::KeySet,
    source::{FixedKeys, KeySource},
};

/// What [`ResourceServer::revoke_key`] found. The key is withdrawn either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum KeyRevocation {
    /// The key was in use, and the tokens that it verified have ended.
    WasInUse,
    /// No key of this name was in use: it is misspelt, not fetched yet, or withdrawn already. Should
    /// the issuer publish it, it is not used.
    WasNotInUse,
}

impl KeyRevocation {
    /// Whether the key was in use.
    #[must_use]
    pub const fn was_in_use(self) -> bool {
        matches!(self, Self::WasInUse)
    }
}

impl fmt::Display for KeyRevocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WasInUse => "the key was in use; it is withdrawn, and its tokens have ended",
            Self::WasNotInUse => "no key of this name was in use; it is withdrawn should it come",
        })
    }
}

/// Why [`ResourceServer::revoke_key`] found no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeKeyError {
    /// No configured issuer has this name, and no pattern of tenants fits it: nothing is withdrawn.
    #[error("no issuer has this name; nothing is withdrawn")]
    UnknownIssuer,
    /// A pattern fits the name, and the application does not trust this tenant. Should it come to
    /// trust it, the key is withdrawn.
    #[error("the application does not trust this tenant; the key is withdrawn should it come to")]
    UntrustedTenant,
}

/// The keys of an issuer cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceKeysError {
    /// No configured issuer has this name.
    #[error("no configured issuer has this name")]
    UnknownIssuer,
    /// The keys of this issuer are fetched, and not given by the application.
    #[error("the keys of this issuer are fetched; only keys that the application gave are replaced")]
    NotGiven,
    /// None of the keys fits an algorithm that the issuer's tokens may have.
    #[error("no key for an algorithm that is accepted of this issuer")]
    Unusable,
    /// There would be no key.
    #[error("there is no key; leave the issuer out, or revoke its keys")]
    Empty,
}

impl ResourceServer {
    /// Withdraws a key of an issuer for good, whatever the issuer publishes: by `kid` or RFC 7638
    /// thumbprint. Tokens that it verified end at once, cached or not.
    ///
    /// `issuer` is any name that its tokens may have:
    /// [other names](crate::TrustedIssuer::also_known_as) and other
    /// [forms](crate::profile::TokenProfile::issuer_by_last_segment) of one count. Every configured
    /// issuer and every [pattern](crate::TrustedIssuer::tenants) that the name fits withdraws the key.
    ///
    /// The key stays withdrawn until the process ends, whether it was in use or not: when its issuer
    /// publishes it later, and when its tenant comes later, or goes and comes back. Servers that a
    /// [reload](crate::config::ReloadableServer::reload) puts in each other's place withdraw it together, whichever of
    /// them is asked, and so do those that come later.
    ///
    /// # Errors
    /// [`RevokeKeyError`] for a name that is no trusted issuer's.
    ///
    /// ```
    /// # fn incident(api: &tower_resource_server::ResourceServer) {
    /// match api.revoke_key("https://login.example", "2026-11") {
    ///     Ok(done) => println!("{done}"), // the key was in use; it is withdrawn, and its tokens have ended
    ///     Err(error) => eprintln!("NOT REVOKED: {error}"),
    /// }
    /// # }
    /// ```
    pub fn revoke_key(&self, issuer: &str, kid_or_thumbprint: &str) -> Result<KeyRevocation, RevokeKeyError> {
        // It is noted first: a server that comes meanwhile withdraws the key itself.
        let mut found = Found::default();
        for server in self.0.succession.withdraw(issuer, kid_or_thumbprint) {
            server.withdraw(issuer, kid_or_thumbprint, &mut found);
        }
        match found {
            Found { trusted: true, in_use: true, .. } => Ok(KeyRevocation::WasInUse),
            Found { trusted: true, in_use: false, .. } => Ok(KeyRevocation::WasNotInUse),
            Found { pattern: true, .. } => Err(RevokeKeyError::UntrustedTenant),
            Found { pattern: false, .. } => Err(RevokeKeyError::UnknownIssuer),
        }
    }

    /// Takes the place of the servers before it, and withdraws whatever was withdrawn from them.
    pub(super) fn succeed(&self) {
        for (issuer, key) in self.0.succession.join(&self.0) {
            // Where the issuer is not trusted any more, there is nothing to withdraw.
            self.0.withdraw(&issuer, &key, &mut Found::default());
        }
    }

    /// Puts `keys` in the place of those that the application gave for this issuer: tokens that only the old
    /// ones verify end at once, cached or not. Keys that were [revoked](Self::revoke_key) stay so. The issuer
    /// goes by any of its names, as there.
    ///
    /// It is for good, save that a [reload](crate::config::ReloadableServer::reload) takes the keys that its
    /// configuration names: change them there, too. From a server of before a reload, the keys of the one that is in
    /// force are replaced.
    ///
    /// # Errors
    /// [`ReplaceKeysError`] when there is no such issuer with keys of the application, or no key
    /// that could verify a token of it; then nothing changes.
    pub fn replace_keys(&self, issuer: &str, keys: KeySet) -> Result<(), ReplaceKeysError> {
        let (in_force, before) = self.in_force();
        let replaced = in_force.0.replaceable(issuer, &keys)?;
        // What is being decided under an earlier configuration, where that has such an issuer.
        let before = before.iter().filter_map(|server| server.replaceable(issuer, &keys).ok());
        for (known, given) in before.chain([replaced]) {
            given.replace(known.profiles.access.key_selection.rename(keys.clone()));
        }
        Ok(())
    }
}

impl Inner {
    /// Whether a configured issuer has this name, or a pattern of tenants fits it.
    pub(super) fn knows(&self, issuer: &str) -> bool {
        self.issuers.named(issuer).next().is_some() || self.issuers.tenants_like(issuer).next().is_some()
    }

    fn withdraw(&self, issuer: &str, kid_or_thumbprint: &str, found: &mut Found) {
        for known in self.issuers.named(issuer) {
            found.trusted = true;
            let key_selection = known.profiles.access.key_selection;
            found.in_use |= known.keys.revoke_key(key_selection.name(kid_or_thumbprint));
        }
        for tenants in self.issuers.tenants_like(issuer) {
            found.pattern = true;
            found.trusted |= tenants.trusts(issuer);
            found.in_use |= tenants.revoke_key(issuer, kid_or_thumbprint);
        }
    }

    /// The issuer whose keys can be replaced by these.
    fn replaceable(
        &self,
        issuer: &str,
        keys: &KeySet,
    ) -> Result<(&Configured, &FixedKeys), ReplaceKeysError> {
        let Some(known) = self.issuers.named(issuer).next() else {
            let is_tenant = self.issuers.tenants_of(issuer).is_some();
            return Err(if is_tenant { ReplaceKeysError::NotGiven } else { ReplaceKeysError::UnknownIssuer });
        };
        let KeySource::Fixed(given) = &known.keys else { return Err(ReplaceKeysError::NotGiven) };
        if keys.is_empty() {
            return Err(ReplaceKeysError::Empty);
        }
        if !known.profiles.all_of_access().all(|profile| profile.accepts_one_of(keys)) {
            return Err(ReplaceKeysError::Unusable);
        }
        Ok((known, given))
    }
}

/// What a name and a key have matched.
#[derive(Default)]
struct Found {
    /// An issuer that is trusted.
    trusted: bool,
    /// A pattern of tenants that fits the name.
    pattern: bool,
    /// The key, in use.
    in_use: bool,
}

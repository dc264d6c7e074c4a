//! Claims that a profile must pin to given values.

use super::TokenProfile;
use crate::{policy::Rule, token::ClaimPath};

impl TokenProfile {
    /// Has `build()` refuse this profile unless a rule of it names values of one of these claims
    /// ([`equals`](crate::policy::ClaimRule::equals), [`one_of`](crate::policy::ClaimRule::one_of) and their like). For
    /// issuers that anyone can get tokens of, such as those of CI systems: what tells *your* workloads from all
    /// others must be an identifier that is never given to another. Names of repositories, branches and accounts
    /// can be given up, and taken by others.
    ///
    /// Called again, both must be fulfilled.
    ///
    /// ```
    /// use tower_resource_server::{policy::claim, profile::TokenProfile};
    ///
    /// let profile = TokenProfile::jwt()
    ///     .pin_one_of(["repository_id", "repository_owner_id"])
    ///     .rule(claim("repository_id").equals("1296269"));
    /// # let _ = profile;
    /// ```
    pub fn pin_one_of<P: Into<ClaimPath>>(mut self, claims: impl IntoIterator<Item = P>) -> Self {
        self.pinned.push(claims.into_iter().map(Into::into).collect());
        self
    }

    /// What is not pinned to given values and must be.
    pub(super) fn unpinned(&self) -> impl Iterator<Item = String> {
        let pins = |claim: &ClaimPath| {
            let names_values = |rule: &Rule| rule.is_about_claim(claim) && rule.names_values();
            self.rules.iter().any(names_values)
        };
        let open = self.pinned.iter().filter(move |claims| !claims.iter().any(pins));
        open.map(|claims| {
            let (names, first) = (claims.iter().map(ClaimPath::as_str), claims.first().map(ClaimPath::as_str));
            let (names, first) = (names.collect::<Vec<_>>().join(", "), first.unwrap_or_default());
            format!(
                "no rule names values of one of {names}, and other claims can pass to others; add claim({first:?}).one_of([..])"
            )
        })
    }
}

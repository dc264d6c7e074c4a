//! Where a profile finds what an identity is made of.

use std::{borrow::Cow, collections::HashMap};

use super::TokenProfile;
use crate::{policy::Check, token::ClaimPath};

impl TokenProfile {
    /// The claims that may name the subject, each a non-empty string; the first that is there counts.
    /// `sub` alone by default.
    ///
    /// For issuers whose tokens for machines have no `sub`: with the row below, the subject of
    /// `{"client_id":"billing"}` is `billing`, and that of `{"client_id":"billing","sub":"alice"}` is
    /// `alice`. A claim of a wrong type is invalid, never passed over, and so is the empty string; without
    /// any of them the first counts as missing.
    ///
    /// A rule `claim("sub").non_empty_string()` that the profile has so far would demand `sub` of all: where
    /// one claim named the subject and becomes one of several, that rule holds if the claim is there.
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// let profile = TokenProfile::jwt().subject_claims(["sub", "client_id"]);
    /// # let _ = profile;
    /// ```
    ///
    /// Subjects of users and of clients are then one set of names: let the issuer see to it that no user
    /// can be called like a client (RFC 9068 section 5).
    pub fn subject_claims<P: Into<ClaimPath>>(mut self, claims: impl IntoIterator<Item = P>) -> Self {
        let claims = paths(claims);
        if claims.len() > 1 {
            for rule in &mut self.rules {
                let is_about = |claims: &[ClaimPath]| claims.iter().any(|claim| rule.is_about_claim(claim));
                let named = is_about(&self.subject_claims) && is_about(&claims);
                if named && rule.check == Check::NonEmptyString {
                    *rule = rule.clone().if_present();
                }
            }
        }
        self.subject_claims = claims;
        self
    }

    /// Whether a claim that [may name the subject](Self::subject_claims) and is the empty string counts as absent,
    /// so that the next one names it: `false`, so that it is invalid. For issuers that write an empty `sub` where a
    /// machine has no user, such as Cloudflare Access. Without any that is not empty, the first counts as missing.
    ///
    /// A rule `non_empty_string()` on these claims says nothing more then, and does not hold.
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// let profile = TokenProfile::jwt()
    ///     .subject_claims(["sub", "common_name"])
    ///     .pass_over_empty_subjects(true);
    /// # let _ = profile;
    /// ```
    pub fn pass_over_empty_subjects(mut self, is: bool) -> Self {
        self.passes_over_empty_subjects = is;
        self
    }

    /// The claims that may name the client, the first that is there counts.
    pub fn client_claims<P: Into<ClaimPath>>(mut self, claims: impl IntoIterator<Item = P>) -> Self {
        self.client_claims = paths(claims);
        self
    }

    /// The claims that hold the scopes, each a space-separated string or an array of strings. The scopes
    /// of all of them count, in this order; where there are several claims, each once. Each element of an
    /// array is one scope: one with a space in it is none (RFC 6749 section 3.3). Any other type is invalid.
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// // Keycloak: what the client was granted, and the roles of the user in the realm.
    /// let profile = TokenProfile::jwt().scope_claims(["scope", "/realm_access/roles"]);
    /// # let _ = profile;
    /// ```
    pub fn scope_claims<P: Into<ClaimPath>>(mut self, claims: impl IntoIterator<Item = P>) -> Self {
        self.scope_claims = paths(claims);
        self
    }

    /// The claims that hold the roles that [`role`](crate::policy::role) and
    /// [`any_role`](crate::policy::any_role) require: each a space-separated string or an array of strings. The
    /// roles of all of them count; a claim of any other type has none. No claim in a profile of your own; `roles`
    /// in [`rfc9068`](Self::rfc9068) and [`jwt`](Self::jwt).
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// let profile = TokenProfile::rfc9068().role_claims(["/realm_access/roles", "roles"]);
    /// # let _ = profile;
    /// ```
    pub fn role_claims<P: Into<ClaimPath>>(mut self, claims: impl IntoIterator<Item = P>) -> Self {
        self.role_claims = paths(claims);
        self
    }

    /// Whether a role claim may also be an object, whose members are named after the roles, whatever they hold, as
    /// Zitadel has it: `{"clerk":{"1":"shop"}}`. `false` by default.
    pub fn roles_as_members(mut self, is: bool) -> Self {
        self.roles_as_members = is;
        self
    }

    /// Whether a scope claim may also be an object, whose members are the scopes: `{"realm":{"exp":…}}`. Each
    /// counts as long as the `exp` in it says, and for ever without one; one whose `exp` is no date never
    /// does. `false` by default.
    pub fn scopes_as_members(mut self, is: bool) -> Self {
        self.scopes_as_members = is;
        self
    }

    /// What scopes of the issuer are called here: `("Orders.Read", "orders:read")`. Those that are not
    /// named keep their names.
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// let profile = TokenProfile::jwt().rename_scopes([("Orders.Read", "orders:read")]);
    /// # let _ = profile;
    /// ```
    pub fn rename_scopes<F: Into<String>, T: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = (F, T)>,
    ) -> Self {
        let names: HashMap<String, String> =
            names.into_iter().map(|(from, to)| (from.into(), to.into())).collect();
        self.new_scopes.extend(names.values().cloned());
        self.map_scopes(move |_, scope| {
            Some(names.get(scope).map_or_else(|| scope.to_owned().into(), |name| name.clone().into()))
        })
    }

    /// Makes another scope of each that stands in a claim, or none: `map` is given the claim, as the
    /// profile names it, and the scope. What it gives that is empty or has a space is no scope. It runs
    /// once for each scope at verification, on text that is not verified yet: it must not trust it, nor
    /// take long.
    ///
    /// Called again, the next is given what the last one made, as with
    /// [`rename_scopes`](Self::rename_scopes).
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// // Roles apart from scopes, and no scope of OpenID Connect.
    /// let profile = TokenProfile::jwt().scope_claims(["scope", "roles"]).map_scopes(|claim, scope| {
    ///     match (claim, scope) {
    ///         ("roles", role) => Some(format!("role:{role}").into()),
    ///         (_, "openid" | "profile") => None,
    ///         (_, scope) => Some(scope.into()),
    ///     }
    /// });
    /// # let _ = profile;
    /// ```
    pub fn map_scopes<F>(mut self, map: F) -> Self
    where
        F: for<'a> Fn(&'a str, &'a str) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    {
        self.scope_names.push(move |claim, scope| map(claim, scope).map(Cow::into_owned));
        self
    }

    /// Whether `null` counts as absent: a claim of the payload, also one that a path leads to, and the
    /// header members `kid`, `typ` and `cty`. For issuers that write what they do not know as `null`.
    /// `false` by default: `null` is a wrong type.
    ///
    /// What must be there is then missing. It holds for the rules that
    /// [choose](crate::TrustedIssuer::access_tokens_where) the profile, too, and does not for `iss` (which
    /// chooses the issuer), nor for what stands in an array, nor for the header's `crit` and the like, which
    /// are refused in any form.
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// let profile = TokenProfile::jwt().null_is_absent(true);
    /// # let _ = profile;
    /// ```
    pub fn null_is_absent(mut self, is: bool) -> Self {
        self.null_is_absent = is;
        self
    }

    /// The claims that the profile names.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        let facts = self.subject_claims.iter().chain(&self.client_claims).chain(&self.scope_claims);
        self.rules
            .iter()
            .flat_map(|rule| rule.paths())
            .chain(facts)
            .chain(self.spends.as_ref().map(|(_, claim)| claim))
    }
}

fn paths<P: Into<ClaimPath>>(claims: impl IntoIterator<Item = P>) -> Vec<ClaimPath> {
    claims.into_iter().map(Into::into).collect()
}

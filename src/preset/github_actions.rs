//! GitHub Actions: the OIDC tokens of workflow runs.
//!
//! | checked | |
//! |---|---|
//! | `iss` | `https://token.actions.githubusercontent.com` |
//! | `aud` | this server, which the workflow must ask for: `core.getIDToken(audience)` |
//! | `repository_id`, `repository_owner_id` or `enterprise_id` | **one of your values**: `build()` refuses a profile without |
//! | `jti` | there, and used once |
//! | `exp`, `iat`, `nbf`, `sub` | as in every token |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - Every repository of GitHub gets tokens for any audience, yours included. What tells yours from others must be an
//!   identifier: names of repositories and owners are given up, and taken by others.
//! - All identifiers are **texts**: `"1296269"`.
//! - `repository_id` admits every workflow of the repository, those of pull requests included. Say which, with a rule or a
//!   requirement on `ref`, `environment`, `event_name` or `job_workflow_ref`: they are claims of a repository that is yours.
//! - The default audience is the URL of the owner, which tokens for others have, too. So name your own.
//! - `sub` may be set by the owner of the repository. Repositories made since 15 July 2026 have identifiers in it:
//!   `repo:octo-org@123456/octo-repo@456789:ref:refs/heads/main`.
//! - A run gets a new token whenever it asks, so each counting once costs it nothing; to take one several times, name the
//!   rules with [`reusable_token`].
//! - GitHub Enterprise Server is `https://{host}/_services/token`; a domain of your own with data residency,
//!   `https://token.actions.{subdomain}.ghe.com`: [`issuer`].
//!
//! **Not checked**: which branch, environment, event or workflow it was, unless you say so.
//!
//! Source: <https://docs.github.com/en/actions/reference/security/oidc>.

use crate::{
    policy::{Rule, claim},
    profile::TokenProfile,
};

/// The issuer of github.com.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The claims that are never given to another.
const IMMUTABLE: [&str; 3] = ["repository_id", "repository_owner_id", "enterprise_id"];

/// The tokens of workflow runs for which these rules hold, each used once.
pub fn token(rules: impl IntoIterator<Item = Rule>) -> TokenProfile {
    reusable_token(rules).single_use("jti")
}

/// The same, each as often as its lifetime allows.
pub fn reusable_token(rules: impl IntoIterator<Item = Rule>) -> TokenProfile {
    super::workload_token(rules, IMMUTABLE).rule(claim("jti").non_empty_string())
}

/// Workflow runs of these repositories, by their ids.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, policy::claim, preset::github_actions};
///
/// let deploy = github_actions::repositories(["1296269"])
///     .map_profile(|profile| profile.rule(claim("environment").equals("production")));
/// let api = ResourceServer::builder("https://deploy.example").issuer(deploy).build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn repositories<I: Into<Box<str>>>(ids: impl IntoIterator<Item = I>) -> crate::TrustedIssuer {
    issuer(ISSUER, [claim("repository_id").one_of(ids)])
}

/// Workflow runs of another installation of GitHub, or for other rules; one of them must name values of
/// `repository_id`, `repository_owner_id` or `enterprise_id`.
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn issuer(issuer: &str, rules: impl IntoIterator<Item = Rule>) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(issuer, token(rules))
}

//! GitLab CI/CD: the ID tokens of jobs.
//!
//! | checked | |
//! |---|---|
//! | `iss` | the address of the instance: `https://gitlab.com` |
//! | `aud` | this server, as `id_tokens` of the job names it |
//! | `project_id` or `namespace_id` | **one of your values**: `build()` refuses a profile without |
//! | `jti` | there, and used once |
//! | `exp`, `iat`, `nbf`, `sub` | as in every token |
//! | algorithm | RS256 |
//!
//! Quirks:
//!
//! - Every project of an instance gets tokens for any audience. Paths of projects and groups are given up, and taken by
//!   others; identifiers are not.
//! - Identifiers and booleans are **texts**: `"project_id": "46573356"`, `"ref_protected": "true"`:
//!   `claim("ref_protected").`[`is_true_or_text()`](crate::policy::ClaimRule::is_true_or_text).
//! - In the pipeline of a merge request from a fork, `project_id` and its like are those of the fork.
//! - `sub` may be set by the project. `user_id` is who started the job.
//! - A job has one token for its whole run. Where it calls more than once, take [`reusable_token`].
//!
//! **Not checked**: which branch, environment or pipeline it was, unless you say so.
//!
//! Source: <https://docs.gitlab.com/ci/secrets/id_token_authentication/>.

use crate::{
    policy::{Rule, claim},
    profile::TokenProfile,
};

/// The claims that are never given to another.
const IMMUTABLE: [&str; 2] = ["project_id", "namespace_id"];

/// The ID tokens of jobs for which these rules hold, each used once.
pub fn token(rules: impl IntoIterator<Item = Rule>) -> TokenProfile {
    reusable_token(rules).single_use("jti")
}

/// The same, each as often as its lifetime allows.
pub fn reusable_token(rules: impl IntoIterator<Item = Rule>) -> TokenProfile {
    super::workload_token(rules, IMMUTABLE).rule(claim("jti").non_empty_string())
}

/// Jobs of these projects of an instance, by their ids.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, policy::claim, preset::gitlab_ci};
///
/// let deploy = gitlab_ci::projects("https://gitlab.com", ["46573356"])
///     .map_profile(|profile| profile.rule(claim("ref_protected").is_true_or_text()));
/// let api = ResourceServer::builder("https://deploy.example").issuer(deploy).build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn projects<I: Into<Box<str>>>(instance: &str, ids: impl IntoIterator<Item = I>) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(instance, token([claim("project_id").one_of(ids)]))
}

//! Presets and profiles by name. A preset of one issuer is a row: its name, its arguments, and what it makes.
//!
//! - `providers`: those that people sign in to, or whose clients get tokens; `proxies`: those that pass on assertions
//!   of their own; `workloads`: those of programs.

mod providers;
mod proxies;
#[cfg(test)]
mod tests;
mod workloads;

use super::{
    schema::{Apply, Key, Kind::Object as Table, Object},
    tree::Node,
};
use crate::{
    TrustedIssuer,
    preset::{auth0, entra, keycloak, okta},
    profile::TokenProfile,
};

/// Makes the issuer of a preset of its arguments.
pub(super) type Make = fn(&Node) -> TrustedIssuer;

/// A preset: a key of the table `preset`, and what makes its issuer.
const fn preset(name: &'static str, arguments: &'static Object, make: Make, doc: &'static str) -> Key {
    Key { name, kind: Table(arguments), doc, required: false, apply: Apply::Preset(make) }
}

pub(super) static PRESETS: [Key; 29] = [
    providers::AUTH0,
    providers::AUTHENTIK,
    proxies::AWS_ALB,
    proxies::AWS_VERIFIED_ACCESS,
    providers::CLERK,
    proxies::CLOUDFLARE_ACCESS,
    providers::COGNITO,
    providers::ENTRA,
    providers::ENTRA_TENANTS,
    providers::FIREBASE,
    providers::FUSION_AUTH,
    workloads::GITHUB_ACTIONS,
    workloads::GITLAB_CI,
    proxies::GOOGLE_IAP,
    workloads::GOOGLE_SERVICE_ACCOUNTS,
    providers::GOOGLE_USERS,
    providers::KEYCLOAK,
    providers::KINDE,
    workloads::KUBERNETES,
    providers::OKTA,
    providers::ORY,
    providers::PING_ONE,
    proxies::POMERIUM,
    workloads::SPIFFE,
    providers::STYTCH,
    providers::SUPABASE,
    proxies::TELEPORT,
    providers::WORKOS,
    providers::ZITADEL,
];

fn text<'n>(table: &'n Node, name: &str) -> &'n str {
    table.text_of(name).unwrap_or_default()
}

/// The profile of access tokens of a name, and that of the ID tokens beside it, if it has one of its own.
type Profiles = (&'static str, fn() -> TokenProfile, Option<fn() -> TokenProfile>);

macro_rules! profiles {
    ($($name:literal: $access:expr, $id:expr;)*) => {
        static TABLE: &[Profiles] = &[$(($name, $access, $id)),*];

        /// The names of the profiles.
        pub(super) static PROFILES: &[&str] = &[$($name),*];
    };
}

profiles! {
    "rfc9068": TokenProfile::rfc9068, None;
    "jwt": TokenProfile::jwt, None;
    "auth0": auth0::access_token, Some(auth0::id_token);
    "entra_v1": entra::access_token_v1, Some(entra::id_token);
    "entra_v2": entra::access_token_v2, Some(entra::id_token);
    "keycloak": keycloak::access_token, Some(keycloak::id_token);
    "okta": okta::access_token, Some(okta::id_token);
}

/// The profiles of access and of ID tokens that go by this name.
pub(super) fn profiles(name: &str) -> Option<(TokenProfile, Option<TokenProfile>)> {
    let (_, access, id) = TABLE.iter().find(|(known, ..)| *known == name)?;
    Some((access(), id.map(|id| id())))
}

//! Presets and profiles by name. A preset of one issuer is a row: its name, its arguments, and what it makes.

use super::{
    schema::{
        Apply, Key,
        Kind::{self, List, Object as Table, Text, Word},
        Object, key, needed,
    },
    tree::Node,
};
use crate::{
    TrustedIssuer,
    preset::{auth0, cognito, entra, google, keycloak, okta},
    profile::TokenProfile,
};

/// Makes the issuer of a preset of its arguments.
pub(super) type Make = fn(&Node) -> TrustedIssuer;

/// A preset: a key of the table `preset`, and what makes its issuer.
const fn preset(name: &'static str, arguments: &'static Object, make: Make, doc: &'static str) -> Key {
    Key { name, kind: Table(arguments), doc, required: false, apply: Apply::Preset(make) }
}

pub(super) static PRESETS: [Key; 8] = [
    preset(
        "auth0",
        &Object {
            what: "a tenant of Auth0",
            keys: &[needed("domain", Text, "The domain, as in shop.eu.auth0.com")],
            rules: &[],
        },
        |table| auth0::tenant(text(table, "domain")),
        "A tenant of Auth0",
    ),
    preset(
        "cognito",
        &Object {
            what: "a user pool",
            keys: &[
                needed("region", Text, "The region, as in eu-central-1"),
                needed("user_pool", Text, "The id of the user pool"),
                needed("clients", List(&Text), "The app clients whose tokens are accepted"),
            ],
            rules: &[],
        },
        |table| {
            cognito::user_pool(text(table, "region"), text(table, "user_pool"), table.texts_of("clients"))
        },
        "A user pool of Amazon Cognito",
    ),
    preset(
        "entra",
        &Object {
            what: "a tenant of Entra ID",
            keys: &[
                needed("tenant", Text, "The GUID of the directory"),
                needed(
                    "version",
                    ENTRA_VERSION,
                    "The version of the access tokens that the API is registered for",
                ),
            ],
            rules: &[],
        },
        |table| match text(table, "version") {
            "v1" => entra::v1(text(table, "tenant")),
            _ => entra::v2(text(table, "tenant")),
        },
        "A tenant of Microsoft Entra ID",
    ),
    preset(
        "entra_tenants",
        &Object {
            what: "tenants of Entra ID",
            keys: &[needed(
                "version",
                ENTRA_VERSION,
                "The version of the access tokens that the API is registered for",
            )],
            rules: &[],
        },
        |table| match text(table, "version") {
            "v1" => entra::tenants_v1(),
            _ => entra::tenants_v2(),
        },
        "Several tenants of Microsoft Entra ID, which `tenants` of the issuer names",
    ),
    preset(
        "google_service_accounts",
        &Object {
            what: "service accounts of Google",
            keys: &[needed("accounts", List(&Text), "The addresses of the accounts")],
            rules: &[],
        },
        |table| google::service_accounts(table.texts_of("accounts")),
        "Service accounts of Google Cloud",
    ),
    preset(
        "google_users",
        &Object {
            what: "users of Google",
            keys: &[needed("clients", List(&Text), "The clients that the users sign in to")],
            rules: &[],
        },
        |table| google::users(table.texts_of("clients")),
        "Users of Google",
    ),
    preset(
        "keycloak",
        &Object {
            what: "a realm of Keycloak",
            keys: &[
                needed("server", Text, "The address of the server, as in https://keycloak.example"),
                needed("realm", Text, "The name of the realm"),
            ],
            rules: &[],
        },
        |table| keycloak::realm(text(table, "server"), text(table, "realm")),
        "A realm of Keycloak",
    ),
    preset(
        "okta",
        &Object {
            what: "an authorization server of Okta",
            keys: &[
                needed("domain", Text, "The domain of the organisation, as in shop.okta.com"),
                key("authorization_server", Text, "The id of the custom authorization server; default"),
            ],
            rules: &[],
        },
        |table| {
            okta::authorization_server(
                text(table, "domain"),
                table.text_of("authorization_server").unwrap_or("default"),
            )
        },
        "A custom authorization server of Okta",
    ),
];

const ENTRA_VERSION: Kind = Word(&["v1", "v2"]);

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

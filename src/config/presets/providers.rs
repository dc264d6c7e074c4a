//! Providers that people sign in to, or whose clients get tokens.

use super::{
    super::schema::{
        Key,
        Kind::{self, List, Text, Word},
        Object, key, needed,
    },
    preset, text,
};
use crate::preset::{
    auth0, authentik, clerk, cognito, entra, firebase, fusion_auth, google, keycloak, kinde, okta, ory,
    ping_one, stytch, supabase, workos, zitadel,
};

pub(super) const AUTH0: Key = preset(
    "auth0",
    &Object {
        what: "a tenant of Auth0",
        keys: &[needed("domain", Text, "The domain, as in shop.eu.auth0.com")],
        rules: &[],
    },
    |table| auth0::tenant(text(table, "domain")),
    "A tenant of Auth0",
);

pub(super) const AUTHENTIK: Key = preset(
    "authentik",
    &Object {
        what: "an application of authentik",
        keys: &[
            needed("host", Text, "The host of authentik, as in login.example"),
            needed("application", Text, "The slug of the application"),
            needed("client", Text, "The client ID of its provider, which is the audience of its tokens"),
        ],
        rules: &[],
    },
    |table| authentik::application(text(table, "host"), text(table, "application"), text(table, "client")),
    "An application of authentik",
);

pub(super) const CLERK: Key = preset(
    "clerk",
    &Object {
        what: "an instance of Clerk",
        keys: &[
            needed("frontend_api", Text, "The address of the Frontend API, as in https://clerk.shop.example"),
            needed("origins", List(&Text), "The origins of the pages whose sessions are accepted"),
        ],
        rules: &[],
    },
    |table| clerk::instance(text(table, "frontend_api"), table.texts_of("origins")),
    "The sessions of Clerk",
);

pub(super) const COGNITO: Key = preset(
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
    |table| cognito::user_pool(text(table, "region"), text(table, "user_pool"), table.texts_of("clients")),
    "A user pool of Amazon Cognito",
);

const ENTRA_VERSION: Kind = Word(&["v1", "v2"]);

pub(super) const ENTRA: Key = preset(
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
);

pub(super) const ENTRA_TENANTS: Key = preset(
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
);

pub(super) const FIREBASE: Key = preset(
    "firebase",
    &Object {
        what: "a project of Firebase",
        keys: &[needed("project", Text, "The id of the project")],
        rules: &[],
    },
    |table| firebase::project(text(table, "project")),
    "The users of a project of Firebase",
);

pub(super) const FUSION_AUTH: Key = preset(
    "fusion_auth",
    &Object {
        what: "a tenant of FusionAuth",
        keys: &[
            needed("issuer", Text, "The issuer that the tenant is set to"),
            needed("host", Text, "The host of the installation, as in fusionauth.example"),
            needed("applications", List(&Text), "The ids of the applications whose tokens are accepted"),
        ],
        rules: &[],
    },
    |table| fusion_auth::tenant(text(table, "issuer"), text(table, "host"), table.texts_of("applications")),
    "A tenant of FusionAuth",
);

pub(super) const GOOGLE_USERS: Key = preset(
    "google_users",
    &Object {
        what: "users of Google",
        keys: &[needed("clients", List(&Text), "The clients that the users sign in to")],
        rules: &[],
    },
    |table| google::users(table.texts_of("clients")),
    "Users of Google",
);

pub(super) const KEYCLOAK: Key = preset(
    "keycloak",
    &Object {
        what: "a realm of Keycloak",
        keys: &[
            needed("server", Text, "The address of the server, as in https://keycloak.example"),
            needed("realm", Text, "The name of the realm"),
            key("clients", List(&Text), "The clients whose roles count as roles, beside those of the realm"),
        ],
        rules: &[],
    },
    |table| {
        let issuer = keycloak::realm(text(table, "server"), text(table, "realm"));
        match table.get("clients") {
            Some(clients) => issuer.map_profile(keycloak::client_roles(clients.texts())),
            None => issuer,
        }
    },
    "A realm of Keycloak",
);

pub(super) const KINDE: Key = preset(
    "kinde",
    &Object {
        what: "a business of Kinde",
        keys: &[needed("domain", Text, "The address of the domain, as in https://shop.kinde.com")],
        rules: &[],
    },
    |table| kinde::business(text(table, "domain")),
    "A business of Kinde",
);

pub(super) const OKTA: Key = preset(
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
);

pub(super) const ORY: Key = preset(
    "ory",
    &Object {
        what: "an authorization server of Ory",
        keys: &[needed("issuer", Text, "The issuer, as Ory Hydra or the project is set to")],
        rules: &[],
    },
    |table| ory::hydra(text(table, "issuer")),
    "Ory Hydra, or a project of Ory Network",
);

pub(super) const PING_ONE: Key = preset(
    "ping_one",
    &Object {
        what: "an environment of PingOne",
        keys: &[
            needed("region", Text, "The region: com, eu, ca or asia"),
            needed("environment", Text, "The id of the environment"),
        ],
        rules: &[],
    },
    |table| ping_one::environment(text(table, "region"), text(table, "environment")),
    "An environment of PingOne",
);

pub(super) const STYTCH: Key = preset(
    "stytch",
    &Object {
        what: "a project of Stytch",
        keys: &[
            needed("environment", Word(&["api", "test"]), "Whether the project is live (api) or a test"),
            needed("project", Text, "The id of the project"),
        ],
        rules: &[],
    },
    |table| stytch::project(text(table, "environment"), text(table, "project")),
    "The sessions of a project of Stytch",
);

pub(super) const SUPABASE: Key = preset(
    "supabase",
    &Object {
        what: "a project of Supabase",
        keys: &[needed("project", Text, "The reference of the project")],
        rules: &[],
    },
    |table| supabase::project(text(table, "project")),
    "The users of a project of Supabase",
);

pub(super) const WORKOS: Key = preset(
    "workos",
    &Object {
        what: "a client of WorkOS",
        keys: &[needed("client", Text, "The client ID, as in client_01HBEQKA6K4QJAS93VPE39W1JT")],
        rules: &[],
    },
    |table| workos::client(text(table, "client")),
    "The sessions of a client of WorkOS",
);

pub(super) const ZITADEL: Key = preset(
    "zitadel",
    &Object {
        what: "an instance of Zitadel",
        keys: &[needed("instance", Text, "The address of the instance, as in https://login.example")],
        rules: &[],
    },
    |table| zitadel::instance(text(table, "instance")),
    "An instance of Zitadel",
);

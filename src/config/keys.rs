//! The keys of a whole configuration, in tables: what the reader takes, the environment can set, the schema describes
//! and the errors name. A setting that is missing is a row to add.

use std::time::Duration;

use super::{
    answers::{CHALLENGES, FORWARD, METADATA, REFUSAL_BODY},
    credentials::{CREDENTIALS, ID_TOKEN},
    dpop::DPOP,
    duration,
    fetching::HTTP,
    issuers::ISSUER,
    locations::{API_KEYS, LOCATION, LOCATIONS, TICKETS},
    mtls::MTLS,
    schema::{
        Apply::Server,
        Kind::{self, Bool, HeaderName, List, Map, Requirement, Scope, Secret, Text, Word},
        NameForm, Object, Rule, TEXTS, doing, key,
    },
    settings::{CACHE, LIMITS, REFRESH},
    systems::SYSTEM,
    tree::Node,
};
use crate::policy::Requirement as Required;

/// The whole configuration.
pub(super) static ROOT: Object = Object {
    what: "the configuration",
    keys: &[
        key("resource", Text, "The resource identifier of this API (RFC 8707), its default audience"),
        key("issuers", List(&Kind::Object(&ISSUER)), "The issuers whose tokens are accepted, one table each"),
        key(
            "system",
            Kind::Object(&SYSTEM),
            "A whole system of a vendor, which says of itself what resource, issuers, credentials and challenges say",
        ),
        doing(
            "audiences",
            TEXTS,
            Server(|server, node| node.texts().fold(server, crate::ResourceServerBuilder::audience)),
            "Further audiences, of every issuer that names none of its own",
        ),
        doing(
            "client_ids",
            TEXTS,
            Server(|server, node| node.texts().fold(server, crate::ResourceServerBuilder::client_id)),
            "The clients that ID tokens must be for, of every issuer that names none of its own",
        ),
        key("leeway", Kind::Duration, "How far clocks may disagree, for every issuer that does not say; 60s"),
        key("requirements", Kind::Object(&REQUIREMENTS), "What operations require"),
        doing(
            "scope_implies",
            Map(NameForm::Scope, &List(&Scope)),
            Server(|server, node| {
                let implied = |(scope, implied): &(String, Node)| {
                    (scope.clone(), implied.texts().map(str::to_owned).collect::<Vec<_>>())
                };
                node.entries()
                    .iter()
                    .map(implied)
                    .fold(server, |server, (scope, implied)| server.scope_implies(scope, implied))
            }),
            "The scopes that a scope implies",
        ),
        doing(
            "scopes_supported",
            List(&Scope),
            Server(|server, node| {
                // Each was checked by itself.
                let scopes = Required::scopes(&node.texts().collect::<Vec<_>>().join(" "));
                server.scopes_supported(scopes.unwrap_or_default())
            }),
            "Scopes that the metadata lists beside those that are required",
        ),
        key("optional", Bool, "Whether requests without credentials pass; bad ones never do"),
        key("expose_rejection", Bool, "Whether a refusal goes into the extensions of its response"),
        key(
            "forward",
            Kind::Object(&FORWARD),
            "Header fields that tell the inner service who makes a request",
        ),
        doing(
            "retain_tokens",
            Bool,
            Server(|server, node| server.retain_tokens(node.is_true())),
            "Whether an identity keeps its tokens",
        ),
        doing(
            "grpc_refusals",
            Bool,
            Server(|server, node| server.grpc_refusals(node.is_true())),
            "Whether requests that speak gRPC are refused in gRPC; true",
        ),
        doing(
            "select_issuer_by",
            HeaderName,
            Server(|server, node| match node.text().parse() {
                Ok(name) => server.select_issuer_by(name),
                Err(_) => server,
            }),
            "The header that names the issuer of a request, for tokens that do not",
        ),
        doing(
            "token_locations",
            List(&Kind::Object(&LOCATION)),
            LOCATIONS,
            "Where tokens are in a request, one table each; Authorization alone unless said",
        ),
        doing(
            "token_locations_agree",
            Bool,
            Server(|server, node| server.token_locations_agree(node.is_true())),
            "Whether every place must hold the token; false",
        ),
        doing(
            "trusted_origins",
            TEXTS,
            Server(|server, node| node.texts().fold(server, crate::ResourceServerBuilder::trusted_origin)),
            "Origins whose pages may send the cookie, too",
        ),
        doing(
            "remove_credentials",
            Bool,
            Server(|server, node| server.remove_credentials(node.is_true())),
            "Whether tokens are removed before the inner service gets a request; false",
        ),
        key("tickets", Kind::Object(&TICKETS), "The tickets that a place takes in place of a token"),
        key("api_keys", Kind::Object(&API_KEYS), "Static API keys that are accepted beside tokens"),
        key(
            "dpop",
            Kind::Object(&DPOP),
            "Tokens that are bound to a key of their sender (DPoP, RFC 9449); refused unless said",
        ),
        key(
            "mtls",
            Kind::Object(&MTLS),
            "Tokens that are bound to a certificate of their sender (RFC 8705); refused unless said",
        ),
        doing(
            "fapi2",
            Bool,
            Server(|server, node| server.fapi2(node.is_true())),
            "Whether the server is held to the FAPI 2.0 Security Profile; false",
        ),
        key("credentials", Kind::Object(&CREDENTIALS), "How the Authorization field is cut into tokens"),
        key("id_token", Kind::Object(&ID_TOKEN), "Where an ID token comes beside the access token"),
        key("challenges", Kind::Object(&CHALLENGES), "How requests are refused"),
        doing(
            "refusal_body",
            Word(&["json", "problem_details"]),
            REFUSAL_BODY,
            "The body of refusals; none unless said",
        ),
        key("public_address", Kind::Object(&PUBLIC_ADDRESS), "Where clients reach this API"),
        key("metadata", Kind::Object(&METADATA), "What the metadata document (RFC 9728) says besides"),
        key("cache", Kind::Object(&CACHE), "The cache of verified tokens"),
        key("limits", Kind::Object(&LIMITS), "Bounds on tokens"),
        key(
            "refresh",
            Kind::Object(&REFRESH),
            "How fetched keys are kept fresh, of every issuer that does not say",
        ),
        key("http", Kind::Object(&HTTP), "How keys are fetched, of every issuer that does not say"),
        key("nonces", Kind::Object(&NONCES), "The nonces that tokens spend"),
        #[cfg(feature = "redis")]
        key(
            "store",
            Kind::Object(&super::store::STORE),
            "The store that servers share of what counts once: proofs, nonces, tickets, tokens; memory unless said",
        ),
    ],
    rules: &[
        Rule::Unless("resource", "system"),
        Rule::Unless("issuers", "system"),
        Rule::AtMostOne(&["resource", "system"]),
        Rule::AtMostOne(&["credentials", "system"]),
        Rule::AtMostOne(&["id_token", "system"]),
        Rule::AtMostOne(&["challenges", "system"]),
    ],
};

pub(super) static REQUIREMENTS: Object = Object {
    what: "requirements",
    keys: &[
        doing(
            "always",
            Requirement,
            Server(|server, node| match node.text().parse() {
                Ok(required) => server.require(required),
                Err(_) => server,
            }),
            "What every request needs",
        ),
        key(
            "routes",
            Map(NameForm::Route, &Requirement),
            "What each operation needs, by method and pattern of paths",
        ),
        key("grpc", Map(NameForm::GrpcMethod, &Requirement), "What each gRPC method needs, by its path"),
        key("open", TEXTS, "Patterns of paths that need no credentials"),
        key("open_under", TEXTS, "Beginnings of paths that need no credentials"),
        key(
            "otherwise",
            Requirement,
            "What an operation needs that is not listed; everything that is listed",
        ),
    ],
    rules: &[],
};

static PUBLIC_ADDRESS: Object = Object {
    what: "a public address",
    keys: &[
        key("url", Text, "The address, with the prefix of paths that a proxy strips"),
        key("trusted_proxies", TEXTS, "Networks of the proxies that tell the address, as in 10.0.0.0/8"),
    ],
    rules: &[],
};

static NONCES: Object = Object {
    what: "nonces",
    keys: &[
        key("secret", Secret, "What several servers share; at least 32 random bytes"),
        key("secret_file", Text, "A file with the secret, without the line break at its end"),
        key("lifetime", Kind::Duration, "How long a nonce can be spent; 600s"),
    ],
    rules: &[Rule::One(&["secret", "secret_file"])],
};

/// The whole configuration, as what stands under a key.
pub(super) static WHOLE: Kind = Kind::Object(&ROOT);

/// A duration that was checked.
pub(super) fn duration_of(table: &Node, name: &str) -> Option<Duration> {
    duration::read(table.text_of(name)?).ok()
}

//! Every key there is, in tables: what the reader takes, the environment can set, the schema describes and
//! the errors name. A setting that is missing here is a row to add.

use std::time::Duration;

use super::{
    dpop::DPOP,
    duration,
    locations::{API_KEYS, LOCATION, LOCATIONS, TICKETS},
    presets::{PRESETS, PROFILES},
    schema::{
        Apply::{Client, Forward, Issuer, Metadata, Profile, Server},
        Kind::{self, Any, Bool, HeaderName, List, Map, Number, Requirement, Scope, Secret, Text, Word},
        NameForm, Object, Rule, doing, key, needed,
    },
    settings::{CACHE, LIMITS, REFRESH, TENANTS},
    tree::Node,
};
use crate::{
    http::IdTokenLocation,
    policy::Requirement as Required,
    profile::{KeySelection, TokenProfile},
};

const TEXTS: Kind = List(&Text);

/// The whole configuration.
pub(super) static ROOT: Object = Object {
    what: "the configuration",
    keys: &[
        needed("resource", Text, "The resource identifier of this API (RFC 8707), its default audience"),
        needed(
            "issuers",
            List(&Kind::Object(&ISSUER)),
            "The issuers whose tokens are accepted, one table each",
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
        key("id_token", Kind::Object(&ID_TOKEN), "Where an ID token comes beside the access token"),
        key("challenges", Kind::Object(&CHALLENGES), "How requests are refused"),
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
    ],
    rules: &[],
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

pub(super) static ISSUER: Object = Object {
    what: "an issuer",
    keys: &[
        key("issuer", Text, "The name of the issuer, exactly as in the `iss` of its tokens"),
        key("preset", Kind::Object(&PRESET), "A known provider, in place of the name and the profile"),
        key("profile", Word(PROFILES), "What its access tokens look like"),
        key("jwks_uri", Text, "Where its keys are; found by discovery unless said"),
        key("jwks_file", Text, "A file with its keys, a JWK Set; nothing is fetched"),
        key("keys", List(&Kind::Object(&KEY)), "Its keys; nothing is fetched"),
        key("also_keys", List(&Kind::Object(&KEY)), "Keys beside those that are fetched"),
        doing(
            "audiences",
            TEXTS,
            Issuer(|issuer, node| node.texts().fold(issuer, crate::TrustedIssuer::audience)),
            "Its audiences, in place of those of the server",
        ),
        doing(
            "client_ids",
            TEXTS,
            Issuer(|issuer, node| node.texts().fold(issuer, crate::TrustedIssuer::client_id)),
            "Its clients, in place of those of the server",
        ),
        doing(
            "also_known_as",
            TEXTS,
            Issuer(|issuer, node| node.texts().fold(issuer, crate::TrustedIssuer::also_known_as)),
            "Other names in the `iss` of its tokens",
        ),
        doing(
            "tokens_without_issuer",
            Bool,
            Issuer(|issuer, node| issuer.tokens_without_issuer(node.is_true())),
            "Whether access tokens without `iss` are its own",
        ),
        key("leeway", Kind::Duration, "How far its clock and this one may disagree; at most 600s"),
        key("tokens", Kind::Object(&TOKENS), "Where its access tokens differ from the profile"),
        key("tenants", Kind::Object(&TENANTS), "The tenants that {tenant} in its name stands for"),
        key("refresh", Kind::Object(&REFRESH), "How its keys are kept fresh"),
        key("http", Kind::Object(&HTTP), "How its keys are fetched"),
        doing(
            "allow_loopback_http",
            Bool,
            Issuer(|issuer, node| issuer.allow_loopback_http(node.is_true())),
            "Whether its addresses may be http:// on this machine; for development",
        ),
        key("dangerous", Kind::Object(&DANGEROUS), "Choices that most must not make"),
    ],
    rules: &[
        Rule::One(&["issuer", "preset"]),
        Rule::Needs("issuer", &["profile"]),
        Rule::AtMostOne(&["preset", "jwks_uri", "jwks_file", "keys"]),
    ],
};

static PRESET: Object = Object { what: "a preset", keys: &PRESETS, rules: &[Rule::OneOfAll] };

/// The names of all algorithms.
pub(super) static ALGORITHMS: [&str; 13] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256",
    "HS384", "HS512",
];

static KEY: Object = Object {
    what: "a key",
    keys: &[
        needed("algorithm", Word(&ALGORITHMS), "The algorithm that the key is for"),
        key("kid", Text, "Its name in the header of tokens"),
        key("pem", Text, "The public key or certificate in PEM"),
        key("pem_file", Text, "A file with the public key or certificate in PEM"),
        key("secret", Secret, "The secret of an HMAC"),
        key("secret_file", Text, "A file with the secret of an HMAC, without the line break at its end"),
    ],
    rules: &[Rule::One(&["pem", "pem_file", "secret", "secret_file"])],
};

pub(super) static TOKENS: Object = Object {
    what: "a change of a profile",
    keys: &[
        doing(
            "algorithms",
            List(&Word(&ALGORITHMS)),
            Profile(|profile, node| profile.algorithms(node.texts().filter_map(|name| name.parse().ok()))),
            "The algorithms that are accepted",
        ),
        doing(
            "require_types",
            TEXTS,
            Profile(|profile, node| profile.require_type(node.texts())),
            "What the header's `typ` must be",
        ),
        doing(
            "accept_types",
            TEXTS,
            Profile(|profile, node| profile.accept_types(node.texts())),
            "What the header's `typ` must be, if it is there",
        ),
        doing(
            "require_kid",
            Bool,
            Profile(|profile, node| profile.require_kid(node.is_true())),
            "Whether a token must name its key",
        ),
        doing(
            "select_key_by",
            Word(&["kid", "last_segment", "any"]),
            Profile(|profile, node| {
                profile.key_selection(match node.text() {
                    "last_segment" => KeySelection::LastSegment,
                    "any" => KeySelection::Any,
                    _ => KeySelection::Kid,
                })
            }),
            "How the key of a token is found",
        ),
        doing(
            "subject_claims",
            TEXTS,
            Profile(|profile, node| profile.subject_claims(node.texts())),
            "The claims that may name the subject; the first that is there counts",
        ),
        doing(
            "client_claims",
            TEXTS,
            Profile(|profile, node| profile.client_claims(node.texts())),
            "The claims that may name the client; the first that is there counts",
        ),
        doing(
            "scope_claims",
            TEXTS,
            Profile(|profile, node| profile.scope_claims(node.texts())),
            "The claims that hold the scopes, of all of them",
        ),
        doing(
            "scopes_as_members",
            Bool,
            Profile(|profile, node| profile.scopes_as_members(node.is_true())),
            "Whether a scope claim may be an object whose members are the scopes",
        ),
        doing(
            "rename_scopes",
            Map(NameForm::Any, &Scope),
            Profile(|profile, node| {
                profile.rename_scopes(node.entries().iter().map(|(from, to)| (from.as_str(), to.text())))
            }),
            "What scopes of the issuer are called here",
        ),
        doing(
            "role_claims",
            TEXTS,
            Profile(|profile, node| profile.role_claims(node.texts())),
            "The claims that hold the roles, of all of them",
        ),
        doing(
            "roles_as_members",
            Bool,
            Profile(|profile, node| profile.roles_as_members(node.is_true())),
            "Whether a role claim may be an object whose members are the roles",
        ),
        doing(
            "null_is_absent",
            Bool,
            Profile(|profile, node| profile.null_is_absent(node.is_true())),
            "Whether a claim that is null counts as absent",
        ),
        doing(
            "without_rules_on",
            TEXTS,
            Profile(|profile, node| node.texts().fold(profile, TokenProfile::without_rules_on)),
            "Claims whose rules are taken out",
        ),
        doing(
            "claims",
            Map(NameForm::Claim, &TEXTS),
            Profile(|profile, node| {
                node.entries().iter().fold(profile, |profile, (path, accepted)| {
                    profile.rule(crate::policy::claim(path.as_str()).one_of(accepted.texts()))
                })
            }),
            "Claims that must be there and be one of these texts",
        ),
    ],
    rules: &[Rule::AtMostOne(&["require_types", "accept_types"])],
};

pub(super) static DANGEROUS: Object = Object {
    what: "dangerous choices",
    keys: &[
        doing(
            "plain_http_to",
            TEXTS,
            Issuer(|issuer, node| {
                node.texts().fold(issuer, |issuer, host| issuer.dangerous().plain_http_to(host))
            }),
            "Hosts that keys may be fetched from over plain http",
        ),
        doing(
            "any_tenant",
            Bool,
            Issuer(|issuer, node| if node.is_true() { issuer.dangerous().any_tenant() } else { issuer }),
            "Whether every tenant of the provider is trusted",
        ),
        doing(
            "unbounded_lifetime",
            Bool,
            Profile(
                |profile, node| {
                    if node.is_true() { profile.dangerous().unbounded_lifetime() } else { profile }
                },
            ),
            "Whether tokens may be good for ever",
        ),
    ],
    rules: &[],
};

pub(super) static HTTP: Object = Object {
    what: "an HTTP client",
    keys: &[
        key("root_certificates_file", Text, "A PEM file of further authorities to trust"),
        doing(
            "platform_roots",
            Bool,
            Client(|client, node| client.platform_roots(node.is_true())),
            "Whether the authorities of the platform are trusted; true",
        ),
        key("proxy", Secret, "The URL of the proxy that keys are fetched through; it may hold a password"),
        key("proxy_file", Text, "A file with the URL of the proxy"),
        key(
            "bearer_token",
            Kind::Object(&BEARER_TOKEN),
            "A token to fetch keys with, read anew for each request",
        ),
    ],
    rules: &[Rule::AtMostOne(&["proxy", "proxy_file"])],
};

static BEARER_TOKEN: Object = Object {
    what: "a bearer token",
    keys: &[
        needed(
            "origin",
            Text,
            "The only origin that the token is sent to, as in https://kubernetes.default.svc",
        ),
        needed("file", Text, "The file that holds the token"),
    ],
    rules: &[],
};

pub(super) static ID_TOKEN: Object =
    Object {
        what: "the place of ID tokens",
        keys: &[
            doing(
                "after_access_token",
                Bool,
                Server(|server, node| {
                    if node.is_true() { server.id_token(IdTokenLocation::AfterAccessToken) } else { server }
                }),
                "Whether it follows the access token in the Authorization field",
            ),
            doing(
                "header",
                HeaderName,
                Server(|server, node| match node.text().parse() {
                    Ok(name) => server.id_token(IdTokenLocation::Header(name)),
                    Err(_) => server,
                }),
                "The header that holds it",
            ),
        ],
        rules: &[Rule::One(&["after_access_token", "header"])],
    };

pub(super) static CHALLENGES: Object = Object {
    what: "challenges",
    keys: &[
        doing(
            "realm",
            Text,
            Server(|server, node| server.realm(node.text())),
            "The realm of every challenge",
        ),
        key("no_credentials", Kind::Object(&CHALLENGE), "A request without credentials"),
        key("several_fields", Kind::Object(&CHALLENGE), "A request with several Authorization fields"),
        key("invalid_request", Kind::Object(&CHALLENGE), "A request whose credentials are malformed"),
        key("invalid_token", Kind::Object(&CHALLENGE), "A token that is not accepted"),
        key("insufficient_scope", Kind::Object(&CHALLENGE), "A token that does not meet what is required"),
        key(
            "insufficient_user_authentication",
            Kind::Object(&CHALLENGE),
            "A login that is not strong or fresh enough",
        ),
    ],
    rules: &[],
};

static CHALLENGE: Object = Object {
    what: "an answer",
    keys: &[
        needed("status", Number(400, 599), "The status of the response"),
        key("challenge", Bool, "Whether there is a challenge; true"),
        key("error", Text, "The error code"),
        key("described", Bool, "Whether the challenge describes the error; false"),
        key("scoped", Bool, "Whether it names the scopes and the metadata; false"),
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

pub(super) static METADATA: Object = Object {
    what: "metadata",
    keys: &[
        doing(
            "resource_name",
            Text,
            Metadata(|metadata, node| metadata.resource_name(node.text())),
            "The name of the API, for people",
        ),
        doing(
            "resource_documentation",
            Text,
            Metadata(|metadata, node| metadata.resource_documentation(node.text())),
            "A page for developers",
        ),
        doing(
            "resource_policy_uri",
            Text,
            Metadata(|metadata, node| metadata.resource_policy_uri(node.text())),
            "A page about how data may be used",
        ),
        doing(
            "resource_tos_uri",
            Text,
            Metadata(|metadata, node| metadata.resource_tos_uri(node.text())),
            "The terms of service",
        ),
        doing(
            "jwks_uri",
            Text,
            Metadata(|metadata, node| metadata.jwks_uri(node.text())),
            "Where the API's own public keys are",
        ),
        doing(
            "bearer_methods_supported",
            List(&Word(&["header", "body", "query"])),
            Metadata(|metadata, node| metadata.bearer_methods_supported(node.texts())),
            "Where tokens may be in a request",
        ),
        doing(
            "authorization_details_types_supported",
            TEXTS,
            Metadata(|metadata, node| metadata.authorization_details_types_supported(node.texts())),
            "The types of authorization details (RFC 9396) that the API understands",
        ),
        doing(
            "members",
            Map(NameForm::Any, &Any),
            Metadata(|metadata, node| {
                node.entries().iter().fold(metadata, |metadata, (name, value)| {
                    metadata.member(name.as_str(), serde_json::to_value(value).unwrap_or_default())
                })
            }),
            "Any other member of the document",
        ),
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

pub(super) static FORWARD: Object = Object {
    what: "forwarded header fields",
    keys: &[
        doing(
            "subject",
            HeaderName,
            Forward(|forward, node| forward.subject(node.text())),
            "The field with the subject",
        ),
        doing(
            "issuer",
            HeaderName,
            Forward(|forward, node| forward.issuer(node.text())),
            "The field with the issuer",
        ),
        doing(
            "client",
            HeaderName,
            Forward(|forward, node| forward.client(node.text())),
            "The field with the client",
        ),
        doing(
            "scopes",
            HeaderName,
            Forward(|forward, node| forward.scopes(node.text())),
            "The field with the scopes",
        ),
        doing(
            "claims",
            Map(NameForm::Claim, &HeaderName),
            Forward(|forward, node| {
                node.entries()
                    .iter()
                    .fold(forward, |forward, (path, name)| forward.claim(path.as_str(), name.text()))
            }),
            "The fields with claims of the token",
        ),
        doing(
            "id_claims",
            Map(NameForm::Claim, &HeaderName),
            Forward(|forward, node| {
                node.entries()
                    .iter()
                    .fold(forward, |forward, (path, name)| forward.id_claim(path.as_str(), name.text()))
            }),
            "The fields with claims of the ID token",
        ),
        doing(
            "keep_authorization",
            Bool,
            Forward(|forward, node| forward.keep_authorization(node.is_true())),
            "Whether the credentials are handed on, too; false",
        ),
    ],
    rules: &[],
};

/// The whole configuration, as what stands under a key.
pub(super) static WHOLE: Kind = Kind::Object(&ROOT);

/// A duration that was checked.
pub(super) fn duration_of(table: &Node, name: &str) -> Option<Duration> {
    duration::read(table.text_of(name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Algorithm;

    #[test]
    fn every_algorithm_can_be_named() {
        assert_eq!(ALGORITHMS, Algorithm::ALL.map(Algorithm::name));
    }
}

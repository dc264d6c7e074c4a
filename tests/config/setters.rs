//! Every setter of a builder has a key in the configuration, or a reason why it has none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;
use syn::{FnArg, ImplItem, Item, ReturnType, Type, Visibility};
use tower_resource_server::config::json_schema;

enum In {
    /// The key of the configuration.
    Key(&'static str),
    /// Why there is none.
    Code(&'static str),
}

use In::{Code, Key};

const CLOSURE: &str = "it is a function of the program";
const STORE: &str = "a store is a value of the program: build_with";
const OBJECT: &str = "it is a value of the program: build_with";

/// A type, its setter, and its key.
const ROWS: &[(&str, &str, In)] = &[
    ("ApiKey", "client", Key("api_keys.keys.client")),
    ("ApiKey", "deprecated", Key("api_keys.keys.deprecated")),
    ("ApiKey", "issuer", Key("api_keys.keys.issuer")),
    ("ApiKey", "not_after", Key("api_keys.keys.not_after")),
    ("ApiKey", "roles", Key("api_keys.keys.roles")),
    ("ApiKey", "scopes", Key("api_keys.keys.scopes")),
    ("ApiKeys", "key", Key("api_keys.keys")),
    ("ApiKeys", "not_after", Key("api_keys.not_after")),
    ("ApiKeys", "prefix", Key("api_keys.prefix")),
    ("AppId", "allow_loopback_http", Key("system.app_id.allow_loopback_http")),
    ("AppId", "audience", Key("system.app_id.audiences")),
    ("AppId", "build", Code("it is no setting")),
    ("AppId", "http_client", Key("http")),
    ("AppId", "into_builder", Code("it is no setting")),
    ("AppId", "keys", Key("system.app_id.jwks_file")),
    ("AppId", "leeway", Key("system.app_id.leeway")),
    ("AppId", "refresh", Key("refresh")),
    ("AppId", "require", Key("requirements.always")),
    ("AppId", "scope_status_403", Key("system.app_id.scope_status_403")),
    ("AuthLayer", "expose_rejection", Key("expose_rejection")),
    ("AuthLayer", "forward", Key("forward")),
    ("AuthLayer", "optional", Key("optional")),
    ("AuthLayer", "refusal_body", Code(CLOSURE)),
    ("AuthLayer", "reject_with", Key("refusal_body")),
    ("AuthLayer", "requirements", Key("requirements.routes")),
    ("AuthLayer", "requirements_by", Code(CLOSURE)),
    ("ChallengeRow", "challenge", Key("challenges.invalid_token.challenge")),
    ("ChallengeRow", "described", Key("challenges.invalid_token.described")),
    ("ChallengeRow", "error", Key("challenges.invalid_token.error")),
    ("ChallengeRow", "header", Code("a layer of the program adds what answers have besides")),
    ("ChallengeRow", "scoped", Key("challenges.invalid_token.scoped")),
    ("ChallengeTable", "further_scheme", Key("challenges.further_schemes")),
    ("ChallengeTable", "insufficient_scope", Key("challenges.insufficient_scope")),
    (
        "ChallengeTable",
        "insufficient_user_authentication",
        Key("challenges.insufficient_user_authentication"),
    ),
    ("ChallengeTable", "invalid_request", Key("challenges.invalid_request")),
    ("ChallengeTable", "invalid_token", Key("challenges.invalid_token")),
    ("ChallengeTable", "no_credentials", Key("challenges.no_credentials")),
    ("ChallengeTable", "order", Key("challenges.order")),
    ("ChallengeTable", "scheme", Key("challenges.scheme")),
    ("ChallengeTable", "several_fields", Key("challenges.several_fields")),
    ("DangerousIssuer", "any_tenant", Key("issuers.dangerous.any_tenant")),
    ("DangerousIssuer", "plain_http_to", Key("issuers.dangerous.plain_http_to")),
    ("DangerousProfile", "unbounded_lifetime", Key("issuers.dangerous.unbounded_lifetime")),
    ("Dpop", "algorithms", Key("dpop.algorithms")),
    ("Dpop", "leeway", Key("dpop.leeway")),
    ("Dpop", "nonces", Key("dpop.nonces")),
    ("Dpop", "store", Code(STORE)),
    ("Dpop", "window", Key("dpop.window")),
    ("DpopNonces", "also_accept", Key("dpop.nonces.previous_secret_file")),
    ("DpopNonces", "lifetime", Key("dpop.nonces.lifetime")),
    ("ForwardedIdentityBuilder", "build", Code("it is no setting")),
    ("ForwardedIdentityBuilder", "claim", Key("forward.claims")),
    ("ForwardedIdentityBuilder", "client", Key("forward.client")),
    ("ForwardedIdentityBuilder", "id_claim", Key("forward.id_claims")),
    ("ForwardedIdentityBuilder", "issuer", Key("forward.issuer")),
    ("ForwardedIdentityBuilder", "keep_authorization", Key("forward.keep_authorization")),
    ("ForwardedIdentityBuilder", "scopes", Key("forward.scopes")),
    ("ForwardedIdentityBuilder", "subject", Key("forward.subject")),
    ("Grammar", "exact_case", Key("credentials.exact_case")),
    ("Grammar", "parameter", Key("credentials.parameter")),
    ("Grammar", "refuse_other_schemes", Key("credentials.refuse_other_schemes")),
    ("Grammar", "spacing", Key("credentials.spacing")),
    ("MobileClientAccess", "allow_loopback_http", Key("system.mobile_client_access.allow_loopback_http")),
    ("MobileClientAccess", "build", Code("it is no setting")),
    ("MobileClientAccess", "http_client", Key("http")),
    ("MobileClientAccess", "into_builder", Code("it is no setting")),
    ("MobileClientAccess", "issuer_name", Key("system.mobile_client_access.issuer_name")),
    ("MobileClientAccess", "keys", Key("system.mobile_client_access.jwks_file")),
    ("MobileClientAccess", "leeway", Key("system.mobile_client_access.leeway")),
    ("MobileClientAccess", "legacy", Key("system.mobile_client_access.legacy")),
    ("MobileClientAccess", "refresh", Key("refresh")),
    ("MobileClientAccess", "server_url", Key("system.mobile_client_access.server_url")),
    ("Nonces", "lifetime", Key("nonces.lifetime")),
    ("Nonces", "store", Code(STORE)),
    ("PairRules", "shared_audience", Key("id_token.shared_audience")),
    ("PairRules", "subject_after", Key("id_token.subject_after")),
    ("PublicAddress", "otherwise", Key("public_address.url")),
    ("ReqwestClientBuilder", "bearer_token_file", Key("http.bearer_token.file")),
    ("ReqwestClientBuilder", "build", Code("it is no setting")),
    (
        "ReqwestClientBuilder",
        "default_header",
        Code("what is fixed and no token is for a client of the program"),
    ),
    ("ReqwestClientBuilder", "platform_roots", Key("http.platform_roots")),
    ("ReqwestClientBuilder", "proxy", Key("http.proxy_file")),
    ("ReqwestClientBuilder", "root_certificates", Key("http.root_certificates_file")),
    (
        "RequirementTable",
        "by_matched_path",
        Code("whether the router or the table finds a row is for the program to say"),
    ),
    (
        "RequirementTable",
        "by_path",
        Code("whether the router or the table finds a row is for the program to say"),
    ),
    ("RequirementTable", "grpc", Key("requirements.grpc")),
    ("RequirementTable", "grpc_methods", Code("descriptor sets are compiled into the program")),
    ("RequirementTable", "open", Key("requirements.open")),
    ("RequirementTable", "open_under", Key("requirements.open_under")),
    ("RequirementTable", "otherwise", Key("requirements.otherwise")),
    ("RequirementTable", "route", Key("requirements.routes")),
    (
        "ResourceMetadata",
        "authorization_details_types_supported",
        Key("metadata.authorization_details_types_supported"),
    ),
    ("ResourceMetadata", "bearer_methods_supported", Key("metadata.bearer_methods_supported")),
    ("ResourceMetadata", "jwks_uri", Key("metadata.jwks_uri")),
    ("ResourceMetadata", "member", Key("metadata.members")),
    ("ResourceMetadata", "resource_documentation", Key("metadata.resource_documentation")),
    ("ResourceMetadata", "resource_name", Key("metadata.resource_name")),
    ("ResourceMetadata", "resource_policy_uri", Key("metadata.resource_policy_uri")),
    ("ResourceMetadata", "resource_tos_uri", Key("metadata.resource_tos_uri")),
    ("ResourceMetadata", "signed_by", Code("a private key stays with the program")),
    ("ResourceServerBuilder", "api_keys", Key("api_keys")),
    ("ResourceServerBuilder", "audience", Key("audiences")),
    ("ResourceServerBuilder", "build", Code("it is no setting")),
    ("ResourceServerBuilder", "cache", Key("cache")),
    ("ResourceServerBuilder", "challenges", Key("challenges")),
    ("ResourceServerBuilder", "client_id", Key("client_ids")),
    ("ResourceServerBuilder", "clock", Code(OBJECT)),
    ("ResourceServerBuilder", "credential_verifier", Code(OBJECT)),
    ("ResourceServerBuilder", "credential_verifier_settings", Code("they are of a verifier of the program")),
    ("ResourceServerBuilder", "credentials", Key("credentials")),
    ("ResourceServerBuilder", "dpop", Key("dpop")),
    ("ResourceServerBuilder", "fapi2", Key("fapi2")),
    ("ResourceServerBuilder", "grpc_refusals", Key("grpc_refusals")),
    ("ResourceServerBuilder", "id_token", Key("id_token")),
    ("ResourceServerBuilder", "issuer", Key("issuers")),
    ("ResourceServerBuilder", "limits", Key("limits")),
    ("ResourceServerBuilder", "metadata", Key("metadata")),
    ("ResourceServerBuilder", "mtls", Key("mtls")),
    ("ResourceServerBuilder", "nonces", Key("nonces")),
    ("ResourceServerBuilder", "pair_rules", Key("id_token")),
    ("ResourceServerBuilder", "public_address", Key("public_address")),
    ("ResourceServerBuilder", "realm", Key("challenges.realm")),
    ("ResourceServerBuilder", "refusal_body", Code(CLOSURE)),
    ("ResourceServerBuilder", "reject_with", Key("refusal_body")),
    ("ResourceServerBuilder", "remove_credentials", Key("remove_credentials")),
    ("ResourceServerBuilder", "require", Key("requirements.always")),
    ("ResourceServerBuilder", "retain_tokens", Key("retain_tokens")),
    ("ResourceServerBuilder", "scope_implies", Key("scope_implies")),
    ("ResourceServerBuilder", "scopes_supported", Key("scopes_supported")),
    ("ResourceServerBuilder", "select_issuer_by", Key("select_issuer_by")),
    ("ResourceServerBuilder", "spent_tokens", Code(STORE)),
    ("ResourceServerBuilder", "tickets", Key("tickets")),
    ("ResourceServerBuilder", "token_location", Key("token_locations")),
    ("ResourceServerBuilder", "token_locations_agree", Key("token_locations_agree")),
    ("ResourceServerBuilder", "trusted_origin", Key("trusted_origins")),
    ("Sceyt", "application", Key("system.sceyt.applications")),
    ("Sceyt", "build", Code("it is no setting")),
    ("Sceyt", "enforce_lifetime", Key("system.sceyt.enforce_lifetime")),
    ("Sceyt", "into_builder", Code("it is no setting")),
    ("Sceyt", "leeway", Key("system.sceyt.leeway")),
    ("Sceyt", "require_aid", Key("system.sceyt.require_aid")),
    ("Tickets", "lifetime", Key("tickets.lifetime")),
    ("Tickets", "store", Code(STORE)),
    ("TokenProfile", "accept_padding", Key("issuers.tokens.accept_padding")),
    ("TokenProfile", "accept_types", Key("issuers.tokens.accept_types")),
    ("TokenProfile", "algorithms", Key("issuers.tokens.algorithms")),
    ("TokenProfile", "client_claims", Key("issuers.tokens.client_claims")),
    ("TokenProfile", "dangerous", Key("issuers.dangerous")),
    ("TokenProfile", "issuer_by_last_segment", Key("issuers.tokens.issuer_by_last_segment")),
    ("TokenProfile", "keep_header", Key("issuers.tokens.keep_header")),
    ("TokenProfile", "key_selection", Key("issuers.tokens.select_key_by")),
    ("TokenProfile", "leeway", Key("issuers.leeway")),
    ("TokenProfile", "map_scopes", Code(CLOSURE)),
    ("TokenProfile", "null_is_absent", Key("issuers.tokens.null_is_absent")),
    ("TokenProfile", "pass_over_empty_subjects", Key("issuers.tokens.pass_over_empty_subjects")),
    ("TokenProfile", "pin_one_of", Key("issuers.tokens.pin_one_of")),
    ("TokenProfile", "rename_scopes", Key("issuers.tokens.rename_scopes")),
    ("TokenProfile", "require_content_type", Key("issuers.tokens.require_content_type")),
    ("TokenProfile", "require_kid", Key("issuers.tokens.require_kid")),
    ("TokenProfile", "require_type", Key("issuers.tokens.require_types")),
    ("TokenProfile", "role_claims", Key("issuers.tokens.role_claims")),
    ("TokenProfile", "roles_as_members", Key("issuers.tokens.roles_as_members")),
    ("TokenProfile", "rule", Key("issuers.tokens.claims")),
    ("TokenProfile", "scope_claims", Key("issuers.tokens.scope_claims")),
    ("TokenProfile", "scopes_as_members", Key("issuers.tokens.scopes_as_members")),
    ("TokenProfile", "single_use", Key("issuers.tokens.single_use")),
    ("TokenProfile", "spends_nonce", Key("issuers.tokens.spends_nonce")),
    ("TokenProfile", "subject_claims", Key("issuers.tokens.subject_claims")),
    ("TokenProfile", "without_header_rules_on", Key("issuers.tokens.without_header_rules_on")),
    ("TokenProfile", "without_rules_on", Key("issuers.tokens.without_rules_on")),
    ("TrustedIssuer", "access_tokens_where", Key("issuers.kinds")),
    ("TrustedIssuer", "allow_loopback_http", Key("issuers.allow_loopback_http")),
    ("TrustedIssuer", "allow_tenants", Key("issuers.tenants.allow")),
    ("TrustedIssuer", "allow_tenants_if", Code(CLOSURE)),
    ("TrustedIssuer", "also_keys", Key("issuers.also_keys")),
    ("TrustedIssuer", "also_known_as", Key("issuers.also_known_as")),
    ("TrustedIssuer", "audience", Key("issuers.audiences")),
    ("TrustedIssuer", "client_id", Key("issuers.client_ids")),
    ("TrustedIssuer", "dangerous", Key("issuers.dangerous")),
    ("TrustedIssuer", "http_client", Key("issuers.http")),
    ("TrustedIssuer", "id_token_profile", Key("issuers.profile")),
    ("TrustedIssuer", "map_id_token_profile", Key("issuers.id_tokens")),
    ("TrustedIssuer", "map_profile", Key("issuers.tokens")),
    ("TrustedIssuer", "refresh", Key("issuers.refresh")),
    ("TrustedIssuer", "tenant_resolver", Code(CLOSURE)),
    ("TrustedIssuer", "tenant_settings", Key("issuers.tenants")),
    ("TrustedIssuer", "tokens_without_issuer", Key("issuers.tokens_without_issuer")),
];

/// A type and its setter.
type Setter = (String, String);

/// Every public method of the types of the rows that takes `self` by value, and whether it could not be unset: it
/// gives `Self`, and takes nothing else.
fn setters(folder: &Path, types: &BTreeSet<&str>, found: &mut BTreeMap<Setter, bool>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            setters(&path, types, found);
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
        for item in file.items {
            let Item::Impl(item) = item else { continue };
            let Type::Path(of) = &*item.self_ty else { continue };
            let name = of.path.segments.last().unwrap().ident.to_string();
            // What serde knows by the same name is another type: stores in `src/config`.
            if item.trait_.is_some() || !types.contains(&*name) {
                continue;
            }
            for method in item.items {
                let ImplItem::Fn(method) = method else { continue };
                let by_value =
                    matches!(method.sig.inputs.first(), Some(FnArg::Receiver(it)) if it.reference.is_none());
                if by_value && matches!(method.vis, Visibility::Public(_)) {
                    let gives_self = matches!(
                        &method.sig.output,
                        ReturnType::Type(_, it) if matches!(&**it, Type::Path(it) if it.path.is_ident("Self"))
                    );
                    let setter = (name.clone(), method.sig.ident.to_string());
                    found.insert(setter, gives_self && method.sig.inputs.len() == 1);
                }
            }
        }
    }
}

/// Whether the schema has a key; lists are as their items.
fn has(schema: &Value, path: &str) -> bool {
    let found = path.split('.').try_fold(schema, |schema, name| {
        let object = if schema["items"].is_object() { &schema["items"] } else { schema };
        object["properties"].get(name)
    });
    found.is_some()
}

#[test]
fn every_setter_has_a_key_or_a_reason() {
    let types: BTreeSet<&str> = ROWS.iter().map(|(name, ..)| *name).collect();
    let mut found = BTreeMap::new();
    setters(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &types, &mut found);
    let without_value: Vec<_> = found.iter().filter(|(_, without)| **without).collect();
    assert!(without_value.is_empty(), "setters that take no value: {without_value:?}");
    let found: BTreeSet<Setter> = found.into_keys().collect();
    let rows: BTreeSet<Setter> =
        ROWS.iter().map(|(name, setter, _)| ((*name).to_owned(), (*setter).to_owned())).collect();
    let (without, gone): (Vec<_>, Vec<_>) =
        (found.difference(&rows).collect(), rows.difference(&found).collect());
    assert!(without.is_empty(), "setters with neither a key nor a reason: {without:?}");
    assert!(gone.is_empty(), "rows of no setter: {gone:?}");
    let schema = json_schema();
    for (name, setter, place) in ROWS {
        match place {
            Key(path) => assert!(has(&schema, path), "{name}::{setter}: there is no key {path}"),
            Code(why) => assert!(why.len() > 10, "{name}::{setter}"),
        }
    }
}

/// The fields of settings that are structs of numbers, by their `Debug`.
#[test]
fn every_field_of_settings_has_a_key() {
    let schema = json_schema();
    for (table, shown) in [
        ("cache", format!("{:?}", tower_resource_server::CacheSettings::default())),
        ("limits", format!("{:?}", tower_resource_server::token::TokenLimits::default())),
        ("refresh", format!("{:?}", tower_resource_server::source::RefreshSettings::default())),
        ("issuers.tenants", format!("{:?}", tower_resource_server::source::TenantSettings::default())),
    ] {
        let (_, fields) = shown.split_once(" { ").unwrap();
        let names: Vec<&str> =
            fields.split(", ").filter_map(|field| Some(field.split_once(": ")?.0)).collect();
        assert!(names.len() >= 2, "{shown}");
        for name in names {
            assert!(has(&schema, &format!("{table}.{name}")), "{table}.{name} is no key");
        }
    }
}

//! The keys of an issuer, and the issuer that is made of them.

use super::{
    fetching::{Clients, HTTP},
    given::{self, KEY},
    keys::duration_of,
    presets::{self, PRESETS, PROFILES},
    problems::Found,
    schema::{
        Apply::{self, Issuer, Profile},
        Kind::{self, Bool, List, Map, Text, Word},
        NameForm, Object, Rule, TEXTS, Target as _, doing, key, needed,
    },
    settings::{self, REFRESH, TENANTS},
    tokens::TOKENS,
    tree::Node,
};
use crate::{TrustedIssuer, policy::claim, profile::MAX_LEEWAY, source::KidForm};

pub(super) static ISSUER: Object = Object {
    what: "an issuer",
    keys: &[
        key("issuer", Text, "The name of the issuer, exactly as in the `iss` of its tokens"),
        key("preset", Kind::Object(&PRESET), "A known provider, in place of the name and the profile"),
        key("profile", Word(PROFILES), "What its access tokens look like"),
        key("jwks_uri", Text, "Where its keys are; found by discovery unless said"),
        key("pem_per_kid", Kind::Object(&PEM_PER_KID), "Where its keys are, each under its name as a PEM"),
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
        key("id_tokens", Kind::Object(&TOKENS), "Where its ID tokens differ from those of the profile"),
        key(
            "kinds",
            List(&Kind::Object(&KIND)),
            "Access tokens that have a profile of their own, told apart by their claims; the first that fits counts",
        ),
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
        Rule::AtMostOne(&["preset", "jwks_uri", "pem_per_kid", "jwks_file", "keys"]),
        // The profile of a preset is what binds tokens to its arguments.
        Rule::AtMostOne(&["preset", "profile"]),
    ],
};

static PRESET: Object = Object { what: "a preset", keys: &PRESETS, rules: &[Rule::OneOfAll] };

static PEM_PER_KID: Object = Object {
    what: "keys under their names",
    keys: &[
        needed("url", Text, "The address of a key, with {kid} in its path"),
        needed(
            "kid",
            Word(&["uuid", "url_safe"]),
            "The form that a name must have: a UUID in small letters, or up to 128 of [A-Za-z0-9_-]",
        ),
    ],
    rules: &[],
};

static KIND: Object = Object {
    what: "a kind of access token",
    keys: &[
        needed("where", Map(NameForm::Claim, &TEXTS), "Claims that tell it from others, and their values"),
        needed("profile", Word(PROFILES), "What such tokens look like"),
        key("tokens", Kind::Object(&TOKENS), "Where they differ from the profile"),
    ],
    rules: &[],
};

static DANGEROUS: Object = Object {
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

/// One issuer; `None` where it has been said why there is none.
pub(super) fn issuer(
    root: &Node,
    table: &Node,
    clients: &mut Clients,
    found: &mut Found<'_>,
) -> Option<TrustedIssuer> {
    let own_or = |name: &str| table.get(name).or_else(|| root.get(name));
    let issuer = begin(table, found)?.applying(&ISSUER, table);
    let issuer = match duration_of(table, "leeway").or_else(|| duration_of(root, "leeway")) {
        Some(leeway) if leeway > MAX_LEEWAY => {
            let text =
                format!("a leeway above {} s hides an expiry; write at most 600s", MAX_LEEWAY.as_secs());
            if table.get("leeway").is_some() {
                found.add(table, "leeway", "leeway", &text);
            } else {
                found.outside(root, "leeway", "leeway", &text);
            }
            issuer
        }
        Some(leeway) => issuer
            .map_profile(|profile| profile.leeway(leeway))
            .map_id_token_profile(|profile| profile.leeway(leeway)),
        None => issuer,
    };
    let issuer = match table.get("tokens") {
        Some(tokens) => issuer.map_profile(|profile| profile.applying(&TOKENS, tokens)),
        None => issuer,
    };
    let issuer = match table.get("id_tokens") {
        Some(tokens) => issuer.map_id_token_profile(|profile| profile.applying(&TOKENS, tokens)),
        None => issuer,
    };
    let issuer = table.get("kinds").into_iter().flat_map(Node::items).fold(issuer, kind);
    let issuer = match table.get("dangerous") {
        Some(dangerous) => issuer
            .applying(&DANGEROUS, dangerous)
            .map_profile(|profile| profile.applying(&DANGEROUS, dangerous)),
        None => issuer,
    };
    let issuer = match own_or("refresh") {
        Some(refresh) => {
            // What the preset of the issuer says besides stays.
            let settings = settings::refresh(issuer.refresh_settings().clone(), refresh);
            issuer.refresh(settings)
        }
        None => issuer,
    };
    let issuer = match table.get("tenants") {
        Some(tenants) => {
            let issuer = issuer.tenant_settings(settings::tenants(Default::default(), tenants));
            match tenants.get("allow") {
                Some(names) => issuer.allow_tenants(names.texts()),
                None => issuer,
            }
        }
        None => issuer,
    };
    let issuer = match table.get("also_keys") {
        Some(list) => issuer.also_keys(found.within("also_keys", |found| given::keys(list, found))?),
        None => issuer,
    };
    if table.get("keys").or_else(|| table.get("jwks_file")).is_some() {
        return Some(issuer);
    }
    let client = match table.get("http") {
        Some(own) => found.within("http", |found| clients.of(own, found))?,
        None => clients.of_whole(root, found)?,
    };
    Some(issuer.shared_http_client(client))
}

/// The issuer with a kind of access token beside.
fn kind(issuer: TrustedIssuer, table: &Node) -> TrustedIssuer {
    let Some((profile, _)) = table.text_of("profile").and_then(presets::profiles) else { return issuer };
    let profile = match table.get("tokens") {
        Some(tokens) => profile.applying(&TOKENS, tokens),
        None => profile,
    };
    let rules = table.get("where").map_or(&[][..], Node::entries);
    let rules = rules.iter().map(|(path, values)| claim(path.as_str()).one_of(values.texts()));
    issuer.access_tokens_where(rules, profile)
}

/// An issuer with its name, its keys and its profiles.
fn begin(table: &Node, found: &mut Found<'_>) -> Option<TrustedIssuer> {
    if let Some((name, arguments)) = table.get("preset").and_then(|preset| preset.entries().first()) {
        let Some(Apply::Preset(make)) =
            presets::PRESETS.iter().find(|key| key.name == name).map(|key| &key.apply)
        else {
            return None;
        };
        return Some(make(arguments));
    }
    let (access, id) = table.text_of("profile").and_then(presets::profiles)?;
    let name = table.text_of("issuer")?.to_owned();
    let is_pattern = table.get("tenants").is_some()
        || table.get("dangerous").and_then(|table| table.get("any_tenant")).is_some_and(Node::is_true);
    let issuer = if let Some(list) = table.get("keys") {
        TrustedIssuer::with_keys(name, found.within("keys", |found| given::keys(list, found))?, access)
    } else if let Some(path) = table.text_of("jwks_file") {
        TrustedIssuer::with_keys(name, given::jwks(table, path, found)?, access)
    } else if let Some(url) = table.text_of("jwks_uri") {
        TrustedIssuer::with_jwks_uri(name, url, access)
    } else if let Some(keys) = table.get("pem_per_kid") {
        let form = match keys.text_of("kid") {
            Some("uuid") => KidForm::Uuid,
            _ => KidForm::UrlSafe,
        };
        TrustedIssuer::with_pem_per_kid(name, keys.text_of("url")?, form, access)
    } else if is_pattern {
        TrustedIssuer::tenants(name, access)
    } else {
        TrustedIssuer::discover(name, access)
    };
    Some(match id {
        Some(profile) => issuer.id_token_profile(profile),
        None => issuer,
    })
}

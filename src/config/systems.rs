//! The keys of whole systems of vendors: each says by itself who the server is, whom it trusts, where tokens are and what
//! answers look like.

use std::sync::Arc;

use super::{
    fetching::Clients,
    files,
    given::{self, KEY},
    keys::duration_of,
    problems::Found,
    schema::{
        Key,
        Kind::{self, Bool, List, Text},
        Object, Rule, TEXTS, key, needed,
    },
    settings,
    tree::Node,
};
use crate::{
    ResourceServerBuilder, TrustedIssuer,
    keys::KeySet,
    preset::{
        app_id::{self, AppId},
        layer,
        mobile_client_access::{self, MobileClientAccess},
        sceyt,
    },
};

/// One of them.
pub(super) static SYSTEM: Object = Object {
    what: "a system",
    keys: &[
        key("app_id", Kind::Object(&APP_ID), "IBM Cloud App ID"),
        key("layer", Kind::Object(&LAYER), "Layer's identity tokens"),
        key("mobile_client_access", Kind::Object(&MOBILE_CLIENT_ACCESS), "IBM Mobile Client Access"),
        key("sceyt", Kind::Object(&SCEYT), "The tokens of users of SCEYT"),
    ],
    rules: &[Rule::OneOfAll],
};

/// Keys of several systems.
const LEEWAY: Key =
    key("leeway", Kind::Duration, "How far clocks may disagree; not at all unless said, at most 600s");
const JWKS_FILE: Key = key("jwks_file", Text, "A file with its keys, a JWK Set; nothing is fetched");
const LOOPBACK: Key =
    key("allow_loopback_http", Bool, "Whether its address may be http:// on this machine; for development");

static APP_ID: Object = Object {
    what: "App ID",
    keys: &[
        needed(
            "server",
            Text,
            "The region, as in us-south, or the OAuth server URL of the tenant's credentials",
        ),
        needed("tenant", Text, "The tenantId of its credentials"),
        key(
            "audiences",
            TEXTS,
            "The clients or resources that tokens must be for; any of the tenant unless said",
        ),
        key(
            "scope_status_403",
            Bool,
            "Whether a scope that is missing is 403, and not the 401 of the SDK; false",
        ),
        LEEWAY,
        JWKS_FILE,
        LOOPBACK,
    ],
    rules: &[],
};

static MOBILE_CLIENT_ACCESS: Object = Object {
    what: "Mobile Client Access",
    keys: &[
        needed("tenant", Text, "The tenantId of its credentials"),
        needed("server_url", Text, "The serverUrl of its credentials, before /authorization/v1/apps/"),
        key(
            "issuer_name",
            Text,
            "The `iss` of its tokens, where it is not the server URL with /authorization/",
        ),
        key(
            "legacy",
            Bool,
            "Whether tokens may lack `exp` and `aud`, and ID tokens be of another client; false",
        ),
        LEEWAY,
        JWKS_FILE,
        LOOPBACK,
    ],
    rules: &[],
};

static LAYER: Object = Object {
    what: "Layer",
    keys: &[needed(
        "providers",
        List(&Kind::Object(&PROVIDER)),
        "The providers of identity tokens, one table each",
    )],
    rules: &[],
};

static PROVIDER: Object = Object {
    what: "a provider",
    keys: &[
        needed("id", Text, "Its identifier, as in layer:///providers/5a731a4c-63be-11e4-9124-aaa5020075f8"),
        needed("keys", List(&Kind::Object(&KEY)), "Its keys, each with the kid that its tokens name"),
    ],
    rules: &[],
};

static SCEYT: Object = Object {
    what: "SCEYT",
    keys: &[
        needed("applications", List(&Kind::Object(&APPLICATION)), "The applications, one table each"),
        key("require_aid", Bool, "Whether a token must name its application; false"),
        key("enforce_lifetime", Bool, "Whether tokens must live for 10 minutes at least; false"),
        key("max_lifetime", Kind::Duration, "How long they may live at most, where lifetimes are enforced"),
        LEEWAY,
    ],
    rules: &[Rule::Needs("max_lifetime", &["enforce_lifetime"])],
};

static APPLICATION: Object = Object {
    what: "an application",
    keys: &[
        needed("id", Text, "Its identifier, as in the console of SCEYT"),
        key("pem", Text, "Its public key in PEM"),
        key("pem_file", Text, "A file with its public key in PEM"),
    ],
    rules: &[Rule::One(&["pem", "pem_file"])],
};

/// The server of the system that a table names; `None` where it has been said what is wrong.
pub(super) fn begin(
    root: &Node,
    table: &Node,
    clients: &mut Clients,
    found: &mut Found<'_>,
) -> Option<ResourceServerBuilder> {
    let (name, settings) = table.entries().first()?;
    found.within(name, |found| match name.as_str() {
        "app_id" => app_id(root, settings, clients, found),
        "layer" => layer(settings, found),
        "mobile_client_access" => mobile_client_access(root, settings, clients, found),
        "sceyt" => sceyt(settings, found),
        _ => None,
    })
}

fn text<'n>(table: &'n Node, name: &str) -> &'n str {
    table.text_of(name).unwrap_or_default()
}

fn is(table: &Node, name: &str) -> bool {
    table.get(name).is_some_and(Node::is_true)
}

/// How a system is given keys, and how its server is made.
type Steps<S> = (fn(S, KeySet) -> S, fn(S) -> ResourceServerBuilder);

/// The server, whose keys are those of the file or are fetched as the whole configuration says.
fn with_keys<S>(
    system: S,
    (root, table): (&Node, &Node),
    (give, finish): Steps<S>,
    clients: &mut Clients,
    found: &mut Found<'_>,
) -> Option<ResourceServerBuilder> {
    if let Some(path) = table.text_of("jwks_file") {
        return Some(finish(give(system, given::jwks(table, path, found)?)));
    }
    let client = clients.of_whole(root, found)?;
    Some(finish(system).map_issuers(|issuer| {
        let settings =
            root.get("refresh").map(|table| settings::refresh(issuer.refresh_settings().clone(), table));
        let issuer = settings.into_iter().fold(issuer, TrustedIssuer::refresh);
        issuer.shared_http_client(Arc::clone(&client))
    }))
}

fn app_id(
    root: &Node,
    table: &Node,
    clients: &mut Clients,
    found: &mut Found<'_>,
) -> Option<ResourceServerBuilder> {
    let system = app_id::server(text(table, "server"), text(table, "tenant"))
        .scope_status_403(is(table, "scope_status_403"))
        .allow_loopback_http(is(table, "allow_loopback_http"))
        .leeway(duration_of(table, "leeway").unwrap_or_default());
    let system = table.texts_of("audiences").into_iter().fold(system, AppId::audience);
    with_keys(system, (root, table), (AppId::keys, AppId::into_builder), clients, found)
}

fn mobile_client_access(
    root: &Node,
    table: &Node,
    clients: &mut Clients,
    found: &mut Found<'_>,
) -> Option<ResourceServerBuilder> {
    let system = mobile_client_access::server(text(table, "tenant"))
        .server_url(text(table, "server_url"))
        .legacy(is(table, "legacy"))
        .allow_loopback_http(is(table, "allow_loopback_http"))
        .leeway(duration_of(table, "leeway").unwrap_or_default());
    let system = table.text_of("issuer_name").into_iter().fold(system, MobileClientAccess::issuer_name);
    let steps: Steps<_> = (MobileClientAccess::keys, MobileClientAccess::into_builder);
    with_keys(system, (root, table), steps, clients, found)
}

const UNNAMED: &str = "it is missing; write the identifier of the key, as in layer:///keys/1";

fn layer(table: &Node, found: &mut Found<'_>) -> Option<ResourceServerBuilder> {
    let (mut providers, before) = (Vec::new(), found.count());
    for (n, table) in table.get("providers").into_iter().flat_map(Node::items).enumerate() {
        let list = table.get("keys")?;
        let keys = found.within(&format!("providers[{n}].keys"), |found| {
            for (n, table) in list.items().iter().enumerate().filter(|(_, table)| table.get("kid").is_none())
            {
                found.within(&format!("[{n}]"), |found| found.add(table, "kid", "missing", UNNAMED));
            }
            given::keys(list, found)
        })?;
        let named = keys.iter().filter_map(|key| Some((key.kid()?.to_owned(), key.clone())));
        let provider = layer::Provider::new(text(table, "id"));
        providers.push(named.fold(provider, |provider, (kid, key)| provider.key(kid, key)));
    }
    let mut providers = providers.into_iter();
    let server = layer::server(providers.next()?);
    let server = providers.fold(server, |server, provider| server.issuer(provider.into()));
    (found.count() == before).then_some(server)
}

fn sceyt(table: &Node, found: &mut Found<'_>) -> Option<ResourceServerBuilder> {
    let (mut applications, before) = (Vec::new(), found.count());
    for (n, table) in table.get("applications").into_iter().flat_map(Node::items).enumerate() {
        found.within(&format!("applications[{n}]"), |found| applications.extend(application(table, found)));
    }
    let mut applications = applications.into_iter();
    let server = sceyt::server(applications.next()?)
        .require_aid(is(table, "require_aid"))
        .leeway(duration_of(table, "leeway").unwrap_or_default());
    let server = match is(table, "enforce_lifetime") {
        true => server.enforce_lifetime(duration_of(table, "max_lifetime")),
        false => server,
    };
    let server = applications.fold(server, sceyt::Sceyt::application);
    (found.count() == before).then(|| server.into_builder())
}

fn application(table: &Node, found: &mut Found<'_>) -> Option<sceyt::Application> {
    let read = files::secret(table, "pem")?;
    let pem = read.map_err(|(name, why)| found.add(table, &name, "file", &why)).ok()?;
    let name = if table.get("pem").is_some() { "pem" } else { "pem_file" };
    sceyt::Application::from_pem(text(table, "id"), &String::from_utf8_lossy(&pem))
        .map_err(|error| found.add(table, name, "key", &format!("it is no such key: {error}")))
        .ok()
}

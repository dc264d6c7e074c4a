//! From a configuration that was checked to a server.

use std::{sync::Arc, time::Duration};

use zeroize::Zeroizing;

use super::{
    Configured, dpop,
    files::{self, Unread},
    keys::{
        CHALLENGES, DANGEROUS, FORWARD, HTTP, ID_TOKEN, ISSUER, METADATA, REQUIREMENTS, ROOT, TOKENS,
        duration_of,
    },
    locations, presets,
    problems::Found,
    schema::{Apply, Target as _},
    settings,
    tree::Node,
};
use crate::{
    ResourceServer, ResourceServerBuilder, TrustedIssuer,
    error::ConfigError,
    http::{ChallengeRow, ChallengeTable, PublicAddress, ResourceMetadata},
    keys::KeySet,
    middleware::{ForwardedIdentity, RequirementTable},
    net::{HttpClient, ReqwestClient},
    policy::Requirement,
    profile::MAX_LEEWAY,
    store::{NonceSetupError, Nonces, Tickets},
};

/// Builds the server that `root` describes, with what `and` adds; problems are named below `path`.
pub(super) fn build(
    root: &Node,
    path: &str,
    clients: &mut Clients,
    previous: Option<&ResourceServer>,
    and: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
) -> Result<Configured, ConfigError> {
    let mut problems = Vec::new();
    let mut found = Found::at(&mut problems, path);
    let mut server = ResourceServer::builder(root.text_of("resource").unwrap_or_default());
    server = whole_server(server, root, &mut found);
    let mut issuers = Vec::new();
    for (n, table) in root.get("issuers").into_iter().flat_map(Node::items).enumerate() {
        let issuer = found.within(&format!("issuers[{n}]"), |found| issuer(root, table, clients, found));
        if let Some(issuer) = issuer {
            issuers.push((n, issuer.name().to_owned()));
            server = server.issuer(issuer);
        }
    }
    let requirements = requirements(root, &mut found);
    let forward = forward(root, &mut found);
    if issuers.is_empty() {
        // Why there is none has been said.
        return Err(ConfigError::from_problems(problems));
    }
    let server = match previous {
        Some(previous) => and(server).succeeding(previous),
        None => and(server),
    };
    match server.build() {
        Err(error) => {
            error.problems().iter().for_each(|problem| found.translate(root, &issuers, problem));
            Err(ConfigError::from_problems(problems))
        }
        Ok(server) => {
            let is = |name: &str| root.get(name).is_some_and(Node::is_true);
            let (optional, exposes) = (is("optional"), is("expose_rejection"));
            ConfigError::unless_empty(
                problems,
                Configured { server, requirements, optional, exposes, forward },
            )
        }
    }
}

/// The HTTP clients, one for each table that describes one. A reload hands them on, so that a source of keys
/// whose table did not change is the same.
#[derive(Clone, Default)]
pub(super) struct Clients {
    used: Vec<Known>,
    of_before: Vec<Known>,
}

#[derive(Clone)]
struct Known {
    table: Node,
    files: Files,
    client: Arc<dyn HttpClient>,
}

/// What the files hold that a table names.
#[derive(Clone, Default, PartialEq)]
struct Files {
    roots: Option<Zeroizing<Vec<u8>>>,
    proxy: Option<Zeroizing<Vec<u8>>>,
}

impl Clients {
    /// These, for the configuration that takes the place of theirs: those that it does not use are left out.
    pub(super) fn handed_on(&self) -> Self {
        Self { used: Vec::new(), of_before: self.used.clone() }
    }

    fn of(&mut self, table: &Node, found: &mut Found<'_>) -> Option<Arc<dyn HttpClient>> {
        let files = Files::read(table, found)?;
        let is_it = |known: &&Known| known.table == *table && known.files == files;
        if let Some(known) = self.used.iter().find(is_it) {
            return Some(Arc::clone(&known.client));
        }
        let client = match self.of_before.iter().find(is_it) {
            Some(known) => Arc::clone(&known.client),
            None => Arc::new(client(table, &files, found)?),
        };
        self.used.push(Known { table: table.clone(), files, client: Arc::clone(&client) });
        Some(client)
    }
}

impl Files {
    /// `None` where it has been said which cannot be read.
    fn read(table: &Node, found: &mut Found<'_>) -> Option<Self> {
        let before = found.count();
        let mut keep =
            |read: Result<_, Unread>| read.map_err(|(name, why)| found.add(table, &name, "file", &why)).ok();
        let roots = table
            .text_of("root_certificates_file")
            .map(|path| keep(files::read(path).map_err(|why| ("root_certificates_file".to_owned(), why))));
        let proxy = files::secret(table, "proxy").map(&mut keep);
        let files = Self { roots: roots.flatten(), proxy: proxy.flatten() };
        (found.count() == before).then_some(files)
    }
}

fn client(table: &Node, files: &Files, found: &mut Found<'_>) -> Option<ReqwestClient> {
    let mut client = ReqwestClient::builder().applying(&HTTP, table);
    if let Some(pem) = &files.roots {
        client = client.root_certificates(&**pem);
    }
    if let Some(url) = &files.proxy {
        client = client.proxy(String::from_utf8_lossy(url).trim());
    }
    if let Some(token) = table.get("bearer_token")
        && let (Some(origin), Some(file)) = (token.text_of("origin"), token.text_of("file"))
    {
        client = client.bearer_token_file(origin, file);
    }
    let problems = match client.build() {
        Ok(client) => return Some(client),
        Err(error) => error,
    };
    for problem in problems.problems() {
        let (name, why) = problem.text().split_once(": ").unwrap_or(("", problem.text()));
        let name = match name {
            "root_certificates" => "root_certificates_file",
            "bearer_token_file" => "bearer_token",
            "proxy" if table.get("proxy").is_none() => "proxy_file",
            name => name,
        };
        let name = if table.get(name).is_some() { name } else { "platform_roots" };
        found.add(
            table,
            name,
            "http_client",
            &why.replace("root_certificates(..)", "root_certificates_file"),
        );
    }
    None
}

/// The settings of the whole server, but its issuers.
fn whole_server(
    mut server: ResourceServerBuilder,
    root: &Node,
    found: &mut Found<'_>,
) -> ResourceServerBuilder {
    server = server.applying(&ROOT, root);
    if let Some(table) = root.get("requirements") {
        server = server.applying(&REQUIREMENTS, table);
    }
    if let Some(table) = root.get("id_token") {
        server = server.applying(&ID_TOKEN, table);
    }
    if let Some(table) = root.get("challenges") {
        server = server.applying(&CHALLENGES, table).challenges(challenges(table));
    }
    if let Some(table) = root.get("metadata") {
        server = server.metadata(ResourceMetadata::new().applying(&METADATA, table));
    }
    if let Some(table) = root.get("cache") {
        server = server.cache(settings::cache(Default::default(), table));
    }
    if let Some(table) = root.get("limits") {
        server = server.limits(settings::limits(Default::default(), table));
    }
    if let Some(table) = root.get("public_address") {
        server = server.public_address(match (table.get("trusted_proxies"), table.text_of("url")) {
            (None, url) => PublicAddress::fixed(url.unwrap_or_default()),
            (Some(proxies), None) => PublicAddress::from_trusted_proxies(proxies.texts()),
            (Some(proxies), Some(url)) => PublicAddress::from_trusted_proxies(proxies.texts()).otherwise(url),
        });
    }
    if let Some(table) = root.get("api_keys") {
        let keys = found.within("api_keys", |found| locations::api_keys(table, found));
        server = keys.into_iter().fold(server, ResourceServerBuilder::api_keys);
    }
    if let Some(table) = root.get("dpop") {
        let dpop = found.within("dpop", |found| dpop::dpop(table, found));
        server = dpop.into_iter().fold(server, ResourceServerBuilder::dpop);
    }
    if let Some(table) = root.get("tickets") {
        let tickets =
            found.within("tickets", |found| shared(table, Tickets::with_secret, Tickets::lifetime, found));
        server = tickets.into_iter().fold(server, ResourceServerBuilder::tickets);
    }
    if let Some(table) = root.get("nonces") {
        let nonces =
            found.within("nonces", |found| shared(table, Nonces::with_secret, Nonces::lifetime, found));
        server = nonces.into_iter().fold(server, ResourceServerBuilder::nonces);
    }
    server
}

/// What several servers share by a secret, and how long each of it is good.
fn shared<T>(
    table: &Node,
    make: fn(&[u8]) -> Result<T, NonceSetupError>,
    live: fn(T, Duration) -> T,
    found: &mut Found<'_>,
) -> Option<T> {
    let made = files::made_with_secret(table, "secret", make, found)?;
    Some(match duration_of(table, "lifetime") {
        Some(lifetime) => live(made, lifetime),
        None => made,
    })
}

type SetRow = fn(ChallengeTable, ChallengeRow) -> ChallengeTable;

/// The cases that have a row of their own.
const CASES: [(&str, SetRow); 6] = [
    ("no_credentials", ChallengeTable::no_credentials),
    ("several_fields", ChallengeTable::several_fields),
    ("invalid_request", ChallengeTable::invalid_request),
    ("invalid_token", ChallengeTable::invalid_token),
    ("insufficient_scope", ChallengeTable::insufficient_scope),
    ("insufficient_user_authentication", ChallengeTable::insufficient_user_authentication),
];

fn challenges(table: &Node) -> ChallengeTable {
    CASES.iter().fold(ChallengeTable::rfc6750(), |challenges, (name, set)| match table.get(name) {
        Some(row) => set(challenges, challenge(row)),
        None => challenges,
    })
}

fn challenge(table: &Node) -> ChallengeRow {
    let status = table.get("status").map_or(0, Node::number);
    // The table of keys has its bounds.
    let status = u16::try_from(status).ok().and_then(|status| http::StatusCode::from_u16(status).ok());
    let mut row = ChallengeRow::new(status.unwrap_or(http::StatusCode::UNAUTHORIZED));
    let is = |name: &str| table.get(name).is_some_and(Node::is_true);
    if let Some(error) = table.text_of("error") {
        row = row.error(error.to_owned());
    }
    if is("described") {
        row = row.described();
    }
    if is("scoped") {
        row = row.scoped();
    }
    match table.get("challenge") {
        Some(node) if !node.is_true() => row.without_challenge(),
        _ => row,
    }
}

/// One issuer; `None` where it has been said why there is none.
fn issuer(root: &Node, table: &Node, clients: &mut Clients, found: &mut Found<'_>) -> Option<TrustedIssuer> {
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
        Some(list) => issuer.also_keys(found.within("also_keys", |found| files::keys(list, found))?),
        None => issuer,
    };
    if table.get("keys").or_else(|| table.get("jwks_file")).is_some() {
        return Some(issuer);
    }
    let client = match (table.get("http"), root.get("http")) {
        (Some(own), _) => found.within("http", |found| clients.of(own, found))?,
        (None, Some(http)) => found.within_root("http", |found| clients.of(http, found))?,
        (None, None) => clients.of(&Node::default(), found)?,
    };
    Some(issuer.shared_http_client(client))
}

/// An issuer with its name, its keys and its profiles.
fn begin(table: &Node, found: &mut Found<'_>) -> Option<TrustedIssuer> {
    let named = table.text_of("profile").and_then(presets::profiles);
    if let Some((name, arguments)) = table.get("preset").and_then(|preset| preset.entries().first()) {
        let Some(Apply::Preset(make)) =
            presets::PRESETS.iter().find(|key| key.name == name).map(|key| &key.apply)
        else {
            return None;
        };
        let issuer = make(arguments);
        return Some(match named {
            Some((access, id)) => with_id(issuer.map_profile(|_| access), id),
            None => issuer,
        });
    }
    let (name, (access, id)) = (table.text_of("issuer")?.to_owned(), named?);
    let is_pattern = table.get("tenants").is_some()
        || table.get("dangerous").and_then(|table| table.get("any_tenant")).is_some_and(Node::is_true);
    let issuer = if let Some(list) = table.get("keys") {
        TrustedIssuer::with_keys(name, found.within("keys", |found| files::keys(list, found))?, access)
    } else if let Some(path) = table.text_of("jwks_file") {
        TrustedIssuer::with_keys(name, jwks(table, path, found)?, access)
    } else if let Some(url) = table.text_of("jwks_uri") {
        TrustedIssuer::with_jwks_uri(name, url, access)
    } else if is_pattern {
        TrustedIssuer::tenants(name, access)
    } else {
        TrustedIssuer::discover(name, access)
    };
    Some(with_id(issuer, id))
}

fn with_id(issuer: TrustedIssuer, id: Option<crate::profile::TokenProfile>) -> TrustedIssuer {
    match id {
        Some(profile) => issuer.id_token_profile(profile),
        None => issuer,
    }
}

fn jwks(table: &Node, path: &str, found: &mut Found<'_>) -> Option<KeySet> {
    let read = files::read(path).and_then(|json| {
        KeySet::from_jwks(&json).map_err(|error| format!("the file {path:?} is no JWK Set: {error}"))
    });
    read.map_err(|why| found.add(table, "jwks_file", "file", &why)).ok()
}

/// What single operations need, where something is said of one.
fn requirements(root: &Node, found: &mut Found<'_>) -> Option<RequirementTable> {
    let says = root.get("requirements")?;
    let listed = ["routes", "grpc", "open", "open_under", "otherwise"];
    if listed.iter().all(|name| says.get(name).is_none()) {
        return None;
    }
    let rows = |name: &str| says.get(name).map_or(&[][..], Node::entries);
    // Each text was checked.
    let of = |node: &Node| node.text().parse::<Requirement>().unwrap_or_else(|_| Requirement::never());
    let mut table = RequirementTable::new();
    for (operation, requirement) in rows("routes") {
        if let Some((method, pattern)) = operation.split_once(' ')
            && let Ok(method) = method.parse::<http::Method>()
        {
            table = table.route(method, pattern, of(requirement));
        }
    }
    for (path, requirement) in rows("grpc") {
        table = table.grpc(path.as_str(), of(requirement));
    }
    table = says.texts_of("open").into_iter().fold(table, RequirementTable::open);
    table = says.texts_of("open_under").into_iter().fold(table, RequirementTable::open_under);
    if let Some(otherwise) = says.get("otherwise") {
        table = table.otherwise(of(otherwise));
    }
    if let Err(error) = table.check_patterns() {
        found.within("requirements", |found| found.add(says, "routes", "pattern", &error.to_string()));
    }
    Some(table)
}

fn forward(root: &Node, found: &mut Found<'_>) -> Option<ForwardedIdentity> {
    let table = root.get("forward")?;
    let built = ForwardedIdentity::builder().applying(&FORWARD, table).build();
    built
        .map_err(|error| {
            for problem in error.problems() {
                let text = problem.text().split_once(": ").map_or(problem.text(), |(_, text)| text);
                found.add(root, "forward", "forward", text);
            }
        })
        .ok()
}

//! From a configuration that was checked to a server.

use std::{sync::Arc, time::Duration};

use super::{
    Configured,
    answers::{self, CHALLENGES, METADATA},
    credentials::{self, ID_TOKEN},
    dpop,
    fetching::Clients,
    files, issuers,
    keys::{REQUIREMENTS, ROOT, duration_of},
    locations, mtls,
    problems::Found,
    schema::Target as _,
    settings, store, systems,
    tree::Node,
};
use crate::{
    Dpop, ResourceServer, ResourceServerBuilder,
    error::{ConfigError, ConfigProblem},
    http::{PublicAddress, ResourceMetadata},
    middleware::RequirementTable,
    policy::Requirement,
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
    let begun = match root.get("system") {
        Some(system) => found.within("system", |found| systems::begin(root, system, clients, found)),
        None => Some(ResourceServer::builder(root.text_of("resource").unwrap_or_default())),
    };
    let Some(server) = begun else {
        return Err(ConfigError::from_problems(problems));
    };
    // Those of a system come first.
    let mut named: Vec<_> = server.issuers().iter().map(|issuer| (None, issuer.name().to_owned())).collect();
    let mut server = whole_server(server, root, &mut found);
    let mut is_whole = true;
    for (n, table) in root.get("issuers").into_iter().flat_map(Node::items).enumerate() {
        let issuer =
            found.within(&format!("issuers[{n}]"), |found| issuers::issuer(root, table, clients, found));
        match issuer {
            Some(issuer) => {
                named.push((Some(n), issuer.name().to_owned()));
                server = server.issuer(issuer);
            }
            None => is_whole = false,
        }
    }
    let requirements = requirements(root, &mut found);
    let forward = answers::forward(root, &mut found);
    let server = match previous {
        Some(previous) => and(server).succeeding(previous),
        None => and(server),
    };
    match server.build() {
        Err(error) => {
            // Why an issuer is not there has been said.
            let is_lack = |problem: &ConfigProblem| matches!(problem.code(), "no_issuer" | "no_client");
            let told = error.problems().iter().filter(|problem| is_whole || !is_lack(problem));
            told.for_each(|problem| found.translate(root, &named, problem));
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
    if let Some(table) = root.get("credentials") {
        server = server.credentials(credentials::grammar(table));
    }
    if let Some(table) = root.get("id_token") {
        let rules = found.within("id_token", |found| credentials::pairs(table, found));
        server = rules.into_iter().fold(server.applying(&ID_TOKEN, table), ResourceServerBuilder::pair_rules);
    }
    if let Some(table) = root.get("challenges") {
        server = server.applying(&CHALLENGES, table).challenges(answers::challenges(table));
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
    // What is spent is spent in one store, whatever it is.
    let store = store::store(root, found);
    if let Some(store) = &store {
        server = server.spent_tokens(Arc::clone(store));
    }
    if let Some(table) = root.get("dpop") {
        let fapi2 = root.get("fapi2").is_some_and(Node::is_true);
        let dpop = found.within("dpop", |found| dpop::dpop(table, fapi2, found));
        let dpop = dpop.map(|dpop| store.iter().cloned().fold(dpop, Dpop::store));
        server = dpop.into_iter().fold(server, ResourceServerBuilder::dpop);
    }
    if let Some(table) = root.get("mtls") {
        server = server.mtls(mtls::mtls(table));
    }
    if let Some(table) = root.get("tickets") {
        let tickets =
            found.within("tickets", |found| shared(table, Tickets::with_secret, Tickets::lifetime, found));
        let tickets = tickets.map(|tickets| store.iter().cloned().fold(tickets, Tickets::store));
        server = tickets.into_iter().fold(server, ResourceServerBuilder::tickets);
    }
    if let Some(table) = root.get("nonces") {
        let nonces =
            found.within("nonces", |found| shared(table, Nonces::with_secret, Nonces::lifetime, found));
        let nonces = nonces.map(|nonces| store.iter().cloned().fold(nonces, Nonces::store));
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

//! Problems that show when a server is built, under the keys of the configuration.

use super::{check::below, tree::Node};
use crate::error::{ConfigProblem, shown};

/// Collects problems of the keys below a path.
pub(super) struct Found<'p> {
    problems: &'p mut Vec<ConfigProblem>,
    /// Of the whole configuration.
    root: String,
    path: String,
}

impl<'p> Found<'p> {
    pub(super) fn at(problems: &'p mut Vec<ConfigProblem>, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { problems, root: path.clone(), path }
    }

    /// Adds a problem of the key `name` of a table.
    pub(super) fn add(&mut self, table: &Node, name: &str, code: &'static str, why: &str) {
        let path = below(&self.path, name);
        let key = table.get(name).and_then(|node| node.variable.as_deref()).unwrap_or(&path);
        self.problems.push(ConfigProblem::new(key, code, format!("{key}: {why}")));
    }

    /// Adds a problem of the key `name` of the whole configuration, once.
    pub(super) fn outside(&mut self, root: &Node, name: &str, code: &'static str, why: &str) {
        let path = below(&self.root, name);
        let key = root.get(name).and_then(|node| node.variable.as_deref()).unwrap_or(&path);
        let problem = ConfigProblem::new(key, code, format!("{key}: {why}"));
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// How many problems there are.
    pub(super) fn count(&self) -> usize {
        self.problems.len()
    }

    /// Does what is to be done below a key of the whole configuration. A problem that was added before is
    /// not added again.
    pub(super) fn within_root<T>(&mut self, name: &str, run: impl FnOnce(&mut Found<'_>) -> T) -> T {
        let (mut problems, path) = (Vec::new(), below(&self.root, name));
        let made = run(&mut Found { problems: &mut problems, root: self.root.clone(), path });
        for problem in problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        made
    }

    /// Does what is to be done below.
    pub(super) fn within<T>(&mut self, further: &str, run: impl FnOnce(&mut Found<'_>) -> T) -> T {
        let between = if further.starts_with('[') || self.path.is_empty() { "" } else { "." };
        let path = format!("{}{between}{further}", self.path);
        run(&mut Found { problems: self.problems, root: self.root.clone(), path })
    }

    /// Adds what a builder found, under the first of its keys that is there.
    pub(super) fn translate(
        &mut self,
        root: &Node,
        issuers: &[(Option<usize>, String)],
        problem: &ConfigProblem,
    ) {
        let (path, text) = match issuer_of(problem.path()).and_then(|(n, part)| Some((issuers.get(n)?, part)))
        {
            Some(((None, name), part)) => {
                let key = SHARED
                    .iter()
                    .find(|key| part.is_empty() && problem.code() == **key && root.get(key).is_some());
                (key.map_or("system", |key| key).to_owned(), unlabelled(problem.text(), name))
            }
            Some(((Some(number), name), part)) => {
                let rows = OF_ISSUERS.iter();
                let mut rows =
                    rows.filter(|row| row.0 == part && (row.1 == problem.code() || row.1.is_empty()));
                let keys = rows.next().map_or(&["issuer", "preset"][..], |row| row.2);
                let issuer = root.get("issuers").and_then(|issuers| issuers.items().get(*number));
                let base = format!("issuers[{number}]");
                let key = keys.iter().find(|key| issuer.is_some_and(|issuer| find(issuer, key).is_some()));
                let path = match (key, keys.first()) {
                    (Some(key), _) => format!("{base}.{key}"),
                    // What holds for every issuer that does not say.
                    (None, Some(key)) if root.get(key).is_some() => (*key).to_owned(),
                    (None, Some(key)) => format!("{base}.{key}"),
                    (None, None) => base,
                };
                (path, unlabelled(problem.text(), name))
            }
            None => {
                let text = problem.text();
                // A problem of no setting by itself keeps what it begins with.
                let cut = text.split_once(": ").filter(|_| !problem.path().is_empty());
                let text = cut.map_or(text, |(_, text)| text);
                let row = OF_SERVER
                    .iter()
                    .find(|row| row.0 == problem.path() && (row.1 == problem.code() || row.1.is_empty()));
                let path = row.map_or(problem.path(), |row| row.2);
                let of_key = path.strip_prefix("api_keys[").map(|rest| format!("api_keys.keys[{rest}"));
                (of_key.unwrap_or_else(|| path.to_owned()), text)
            }
        };
        let word = text.split(' ').next().unwrap_or_default();
        let inner = find(root, &path).and_then(|table| table.get(word));
        let path = if inner.is_some() { format!("{path}.{word}") } else { path };
        let variable = find(root, &path).and_then(|node| node.variable.as_deref());
        let path = if self.path.is_empty() { path } else { format!("{}.{path}", self.path) };
        let key = variable.unwrap_or(&path);
        let text = WORDS.iter().fold(text.to_owned(), |text, (code, words)| text.replace(code, words));
        let problem = ConfigProblem::new(key, problem.code(), format!("{key}: {text}"));
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// What stands at a path of keys and numbers.
fn find<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    path.split(['.', '[']).try_fold(node, |node, part| match part.strip_suffix(']') {
        Some(number) => node.items().get(number.parse::<usize>().ok()?),
        None => node.get(part),
    })
}

/// The number of the issuer that a builder's path begins with, and the part behind it.
fn issuer_of(path: &str) -> Option<(usize, &str)> {
    let (number, part) = path.strip_prefix("issuers[")?.split_once(']')?;
    Some((number.parse().ok()?, part.strip_prefix('.').unwrap_or(part)))
}

/// A text without the words that the builder calls an issuer by.
fn unlabelled<'t>(text: &'t str, name: &str) -> &'t str {
    let label = format!("issuer {}", shown(name));
    let rest = text.strip_prefix(&label).unwrap_or(text);
    let rest = rest.split_once(": ").map_or(rest, |(_, rest)| rest);
    rest.strip_prefix("refresh settings: ").or_else(|| rest.strip_prefix("tenant settings: ")).unwrap_or(rest)
}

/// Codes of problems of issuers that are keys of the whole configuration, too.
const SHARED: [&str; 1] = ["refresh"];

/// The part of an issuer in a builder's path, the code, and the keys that it may be about.
const OF_ISSUERS: [(&str, &str, &[&str]); 25] = [
    ("", "address", &["pem_per_kid", "jwks_uri", "issuer", "preset"]),
    ("", "pattern", &["issuer", "preset"]),
    ("", "tenant_settings", &["tenants"]),
    ("", "tenant_names", &["also_known_as", "tenants"]),
    ("", "no_tenants", &["tenants"]),
    ("", "no_pattern", &["tenants", "dangerous.any_tenant"]),
    ("", "unnamed_tenants", &["tokens_without_issuer"]),
    ("", "refresh", &["refresh"]),
    ("", "plain_http", &["dangerous.plain_http_to"]),
    ("", "hmac", &["tokens.algorithms"]),
    ("", "no_fitting_key", &["also_keys", "keys", "jwks_file"]),
    ("", "no_key", &["jwks_file", "keys"]),
    ("", "key_selection", &["tokens.select_key_by"]),
    ("", "unnamed_key", &["also_keys"]),
    ("", "keys_of_tenants", &["also_keys"]),
    ("", "two_unnamed", &["tokens_without_issuer"]),
    ("", "unnamed_and_selected", &["tokens_without_issuer"]),
    ("", "no_client", &["client_ids"]),
    ("", "invalid_setting", &["kinds"]),
    ("", "fapi2_algorithms", &["tokens.algorithms", "preset", "profile"]),
    ("", "fapi2_leeway", &["leeway"]),
    ("", "fapi2_lifetime", &["dangerous.unbounded_lifetime"]),
    ("", "fapi2_plain_http", &["dangerous.plain_http_to"]),
    ("profile", "", &["tokens", "profile", "preset"]),
    ("id_token_profile", "", &["profile", "preset"]),
];

/// The same for settings of the whole server.
const OF_SERVER: [(&str, &str, &str); 16] = [
    ("mtls", "no_proxy", "mtls.header"),
    ("fapi2", "bearer_tokens", "dpop.mode"),
    ("fapi2", "proof_algorithms", "dpop.algorithms"),
    ("fapi2", "proof_clock", "dpop.window"),
    ("app_id", "", "system.app_id"),
    ("enforce_lifetime", "", "system.sceyt.max_lifetime"),
    ("", "invalid_setting", "system"),
    ("dpop", "algorithms", "dpop.algorithms"),
    ("audience", "", "audiences"),
    ("client_id", "", "client_ids"),
    ("require", "", "requirements.always"),
    ("realm", "", "challenges.realm"),
    ("limits", "nesting", "limits.nesting"),
    ("limits", "keys_tried", "limits.keys_tried"),
    ("nonces", "", "nonces"),
    ("id_token", "", "id_token"),
];

/// What a builder advises, and the same in a configuration.
const WORDS: [(&str, &str); 31] = [
    ("with PublicAddress::from_trusted_proxies(..)", "with public_address.trusted_proxies"),
    ("use Dpop::fapi2(), or leave dpop out", "write required, or leave dpop out"),
    ("use Dpop::fapi2()", "leave dpop.window and dpop.leeway out"),
    ("say .require_aid(true)", "write require_aid = true"),
    ("set a .public_address(..)", "set public_address.url"),
    ("a parameter with .token_location(TokenLocation::ticket(..))", "a ticket in token_locations"),
    ("one with .token_location(TokenLocation::cookie(..))", "a cookie in token_locations"),
    ("another with .token_location(..)", "another in token_locations"),
    ("use IdTokenLocation::Header", "use id_token.header"),
    ("use TokenLocation::authorization", "use authorization"),
    ("use TokenLocation::cookie", "use cookie"),
    ("use TokenLocation::websocket", "use websocket"),
    (".tickets(..)", "tickets.secret_file"),
    ("use the setter of that name", "use the key of that name"),
    (".client_id(..)", "client_ids"),
    (".select_issuer_by(..)", "select_issuer_by"),
    (".allow_loopback_http(true)", "allow_loopback_http"),
    (".dangerous().plain_http_to(", "dangerous.plain_http_to ("),
    (".allow_tenants(..)", "tenants.allow"),
    (".dangerous().any_tenant()", "dangerous.any_tenant"),
    (
        "begin it with TrustedIssuer::tenants(..)",
        "write {tenant} where the name stands, or leave tenants out",
    ),
    (".also_keys(..)", "also_keys"),
    ("TokenProfile::algorithms", "tokens.algorithms"),
    ("VerifyingKey::kid", "kid"),
    ("use KeySelection::Kid", "write kid"),
    (r#"add claim("iss").is_issuer()"#, "leave iss out of without_rules_on"),
    (r#"add claim("aud").names_resource()"#, "leave aud out of without_rules_on"),
    (r#"add claim("exp").after_now(), which must be there"#, "leave exp out of without_rules_on"),
    (r#"add claim("exp").after_now()"#, "leave exp out of without_rules_on"),
    (".nonces(..)", "nonces.secret_file"),
    ("scope_implies: ", ""),
];

//! The keys of where tokens are, and of what is accepted beside them.

use super::{
    files,
    problems::Found,
    schema::{
        Apply::{self, ApiKey as OfKey, Server},
        Kind::{self, Bool, List, Number, Scope, Secret, Text},
        Object, Rule, Target as _, doing, key, needed,
    },
    tree::Node,
};
use crate::{ApiKey, ApiKeys, ResourceServerBuilder, http::TokenLocation, time::UnixTime};

/// One place of a request.
pub(super) static LOCATION: Object = Object {
    what: "a place of tokens",
    keys: &[
        key("authorization", Bool, "Whether it is the Authorization field"),
        key("header", Text, "The name of a header field that holds the token"),
        key("scheme", Text, "The scheme before the token, in Authorization or in the header"),
        key("cookie", Text, "The name of a cookie, which begins with __Host- at best"),
        key("websocket", Text, "What a WebSocket subprotocol begins with that holds the token"),
        key("websocket_base64url", Text, "The same, where the token is in base64url once more"),
        key("websocket_after", Text, "The WebSocket subprotocol that the token follows"),
        key("ticket", Text, "The parameter of the query that holds a ticket"),
        key(
            "dangerous_query",
            Text,
            "The parameter of the query that holds a token, which logs and histories keep",
        ),
    ],
    rules: &[
        Rule::One(&[
            "authorization",
            "header",
            "cookie",
            "websocket",
            "websocket_base64url",
            "websocket_after",
            "ticket",
            "dangerous_query",
        ]),
        Rule::Needs("scheme", &["authorization", "header"]),
    ],
};

/// Reads tokens in these places.
pub(super) const LOCATIONS: Apply = Server(|server, list| {
    list.items().iter().filter_map(location).fold(server, ResourceServerBuilder::token_location)
});

fn location(table: &Node) -> Option<TokenLocation> {
    let (name, node) = table.entries().iter().find(|(name, _)| name != "scheme")?;
    let (text, scheme) = (node.text(), table.text_of("scheme"));
    Some(match (name.as_str(), scheme) {
        ("authorization", None) if node.is_true() => TokenLocation::authorization(),
        ("authorization", Some(scheme)) if node.is_true() => TokenLocation::authorization_with_scheme(scheme),
        ("header", None) => TokenLocation::header(text),
        ("header", Some(scheme)) => TokenLocation::header_with_scheme(text, scheme),
        ("cookie", _) => TokenLocation::cookie(text),
        ("websocket", _) => TokenLocation::websocket(text),
        ("websocket_base64url", _) => TokenLocation::websocket_base64url(text),
        ("websocket_after", _) => TokenLocation::websocket_after(text),
        ("ticket", _) => TokenLocation::ticket(text),
        ("dangerous_query", _) => TokenLocation::dangerous().query(text),
        _ => return None,
    })
}

pub(super) static TICKETS: Object = Object {
    what: "tickets",
    keys: &[
        key("secret", Secret, "What several servers share; at least 32 random bytes"),
        key("secret_file", Text, "A file with the secret, without the line break at its end"),
        key("lifetime", Kind::Duration, "How long a ticket is good; 30s"),
    ],
    rules: &[Rule::One(&["secret", "secret_file"])],
};

/// The end of the year 9999, in seconds since 1970.
const LAST_DATE: u64 = 253_402_300_799;

pub(super) static API_KEYS: Object = Object {
    what: "API keys",
    keys: &[
        needed("keys", List(&Kind::Object(&API_KEY)), "The keys, one table each"),
        key("prefix", Text, "What every key begins with; a credential that does not is no key"),
        key("not_after", Number(0, LAST_DATE), "When all keys end, in seconds since 1970"),
    ],
    rules: &[],
};

static API_KEY: Object = Object {
    what: "an API key",
    keys: &[
        needed("name", Text, "What the key is called in logs and metrics"),
        needed("subject", Text, "Who the key stands for"),
        key("sha256", Text, "The SHA-256 of the key, in hexadecimal"),
        key("secret", Secret, "The key itself"),
        key("secret_file", Text, "A file with the key, without the line break at its end"),
        doing("issuer", Text, OfKey(|key, node| key.issuer(node.text())), "The issuer of the identity"),
        doing("client", Text, OfKey(|key, node| key.client(node.text())), "The client of the identity"),
        doing(
            "scopes",
            List(&Scope),
            OfKey(|key, node| key.scopes(node.texts().collect::<Vec<_>>().join(" "))),
            "The scopes of the identity",
        ),
        doing("roles", List(&Text), OfKey(|key, node| key.roles(node.texts())), "The roles of the identity"),
        doing(
            "not_after",
            Number(0, LAST_DATE),
            OfKey(|key, node| key.not_after(date(node))),
            "When the key ends, in seconds since 1970",
        ),
        doing(
            "deprecated",
            Bool,
            OfKey(|key, node| key.deprecated(node.is_true())),
            "Whether its use is logged, since it is to go; false",
        ),
    ],
    rules: &[Rule::One(&["sha256", "secret", "secret_file"])],
};

fn date(node: &Node) -> UnixTime {
    UnixTime::from_secs(node.number())
}

/// The keys of a table; `None` where it has been said which cannot be read.
pub(super) fn api_keys(table: &Node, found: &mut Found<'_>) -> Option<ApiKeys> {
    let before = found.count();
    let mut keys = ApiKeys::new();
    for (n, of_key) in table.get("keys").into_iter().flat_map(Node::items).enumerate() {
        let (name, subject) = (of_key.text_of("name")?, of_key.text_of("subject")?);
        let key = match (of_key.text_of("sha256"), files::secret(of_key, "secret")) {
            (Some(digest), _) => ApiKey::from_sha256(name, digest, subject),
            (None, Some(Ok(secret))) => ApiKey::from_secret(name, &String::from_utf8_lossy(&secret), subject),
            (None, Some(Err((name, why)))) => {
                found.within(&format!("keys[{n}]"), |found| found.add(of_key, &name, "file", &why));
                continue;
            }
            (None, None) => continue,
        };
        keys = keys.key(key.applying(&API_KEY, of_key));
    }
    if let Some(prefix) = table.text_of("prefix") {
        keys = keys.prefix(prefix);
    }
    if let Some(end) = table.get("not_after") {
        keys = keys.not_after(date(end));
    }
    (found.count() == before).then_some(keys)
}

//! The keys of how the credentials of a request are written.

use super::{
    problems::Found,
    schema::{
        Apply::Server,
        Kind::{Bool, HeaderName, Text, Word},
        Object, Rule, doing, key,
    },
    tree::Node,
};
use crate::{
    PairRules,
    http::{Grammar, IdTokenLocation, Spacing},
};

pub(super) static CREDENTIALS: Object = Object {
    what: "the form of credentials",
    keys: &[
        key("scheme", Text, "The scheme in place of Bearer"),
        key("exact_case", Bool, "Whether the scheme must be written in this case; false"),
        key(
            "spacing",
            Word(&["spaces", "whitespace", "single_space"]),
            "What stands between scheme and tokens; spaces unless said",
        ),
        key("parameter", Text, "The parameter that holds the token, as in Layer session-token=\"...\""),
        key(
            "refuse_other_schemes",
            Bool,
            "Whether credentials of another scheme are malformed, and not absent; false",
        ),
    ],
    rules: &[],
};

/// How the `Authorization` field is cut into tokens.
pub(super) fn grammar(table: &Node) -> Grammar {
    let is = |name: &str| table.get(name).is_some_and(Node::is_true);
    let grammar = table.text_of("scheme").map_or_else(Grammar::bearer, Grammar::scheme);
    let grammar = grammar
        .exact_case(is("exact_case"))
        .refuse_other_schemes(is("refuse_other_schemes"))
        .spacing(match table.text_of("spacing") {
            Some("whitespace") => Spacing::Whitespace,
            Some("single_space") => Spacing::SingleSpace,
            _ => Spacing::Spaces,
        });
    table.text_of("parameter").into_iter().fold(grammar, Grammar::parameter)
}

/// When the two tokens of a request belong together; `None` where it has been said what is wrong.
pub(super) fn pairs(table: &Node, found: &mut Found<'_>) -> Option<PairRules> {
    let mut rules = PairRules::openid();
    if let Some(text) = table.text_of("subject_after") {
        let mut letters = text.chars();
        let (Some(separator), None) = (letters.next(), letters.next()) else {
            let why = format!("{text:?} is not one character; write one, such as \":\"");
            found.add(table, "subject_after", "wrong_type", &why);
            return None;
        };
        rules = rules.subject_after(separator);
    }
    Some(rules.shared_audience(table.get("shared_audience").is_some_and(Node::is_true)))
}

pub(super) static ID_TOKEN: Object = Object {
    what: "the place of ID tokens",
    keys: &[
        doing(
            "after_access_token",
            Bool,
            Server(
                |server, node| {
                    if node.is_true() { server.id_token(IdTokenLocation::AfterAccessToken) } else { server }
                },
            ),
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
        key(
            "subject_after",
            Text,
            "The character between what its subject begins with and the subject of the access token; they are the same unless said",
        ),
        key(
            "shared_audience",
            Bool,
            "Whether both tokens must have an audience in common, and not the same client; false",
        ),
    ],
    rules: &[Rule::One(&["after_access_token", "header"])],
};

//! The keys of what answers say: challenges, the metadata document, and fields for the inner service.

use super::{
    problems::Found,
    schema::{
        Apply::{self, Forward, Metadata, Server},
        Kind::{self, Any, Bool, HeaderName, List, Map, Number, Text, Word},
        NameForm, Object, TEXTS, Target as _, doing, key, needed,
    },
    tree::Node,
};
use crate::{
    http::{ChallengeParameter, ChallengeRow, ChallengeTable, Json, ProblemDetails},
    middleware::ForwardedIdentity,
    preset::without_challenges,
};

/// What refusals have as their body.
pub(super) const REFUSAL_BODY: Apply = Server(|server, node| match node.text() {
    "json" => server.reject_with(Json),
    _ => server.reject_with(ProblemDetails),
});

/// The names of the parameters of challenges.
static PARAMETERS: [&str; 8] =
    ["error", "error_description", "acr_values", "max_age", "scope", "resource_metadata", "algs", "realm"];

fn parameter(name: &str) -> Option<ChallengeParameter> {
    Some(match name {
        "error" => ChallengeParameter::Error,
        "error_description" => ChallengeParameter::ErrorDescription,
        "acr_values" => ChallengeParameter::AcrValues,
        "max_age" => ChallengeParameter::MaxAge,
        "scope" => ChallengeParameter::Scope,
        "resource_metadata" => ChallengeParameter::ResourceMetadata,
        "algs" => ChallengeParameter::Algs,
        "realm" => ChallengeParameter::Realm,
        _ => return None,
    })
}

pub(super) static CHALLENGES: Object = Object {
    what: "challenges",
    keys: &[
        doing(
            "realm",
            Text,
            Server(|server, node| server.realm(node.text())),
            "The realm of every challenge",
        ),
        key(
            "offered",
            Bool,
            "Whether answers have challenges where no row says so; true, and false behind a proxy",
        ),
        key("scheme", Text, "The scheme of challenges in place of Bearer"),
        key("further_schemes", TEXTS, "Schemes that are offered beside, one challenge each"),
        key("order", List(&Word(&PARAMETERS)), "The parameters of a challenge that come first"),
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

pub(super) fn challenges(table: &Node) -> ChallengeTable {
    let mut challenges = match table.get("offered") {
        Some(node) if !node.is_true() => without_challenges(),
        _ => ChallengeTable::rfc6750(),
    };
    if let Some(scheme) = table.text_of("scheme") {
        challenges = challenges.scheme(scheme);
    }
    challenges =
        table.texts_of("further_schemes").into_iter().fold(challenges, ChallengeTable::further_scheme);
    if let Some(order) = table.get("order") {
        challenges = challenges.order(order.texts().filter_map(parameter));
    }
    CASES.iter().fold(challenges, |challenges, (name, set)| match table.get(name) {
        Some(row) => set(challenges, challenge(row)),
        None => challenges,
    })
}

fn challenge(table: &Node) -> ChallengeRow {
    let status = table.get("status").map_or(0, Node::number);
    // The table of keys has its bounds.
    let status = u16::try_from(status).ok().and_then(|status| http::StatusCode::from_u16(status).ok());
    let mut row = ChallengeRow::new(status.unwrap_or(http::StatusCode::UNAUTHORIZED));
    let is = |name: &str, otherwise: bool| table.get(name).map_or(otherwise, Node::is_true);
    if let Some(error) = table.text_of("error") {
        row = row.error(error.to_owned());
    }
    row.described(is("described", false)).scoped(is("scoped", false)).challenge(is("challenge", true))
}

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

/// The fields that a table names; `None` where there is none, or it has been said what is wrong.
pub(super) fn forward(root: &Node, found: &mut Found<'_>) -> Option<ForwardedIdentity> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_of_a_parameter_of_its_own() {
        let known: Vec<_> = PARAMETERS.into_iter().filter_map(parameter).collect();
        assert!(known.len() == PARAMETERS.len());
        let again = |n: usize| known.iter().take(n).any(|before| Some(before) == known.get(n));
        assert!(!(0..known.len()).any(again));
    }
}

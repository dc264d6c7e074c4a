//! The keys of how the tokens of an issuer differ from a profile.

use super::{
    duration,
    given::ALGORITHMS,
    schema::{
        Apply::Profile,
        Kind::{self, Bool, List, Map, Scope, Text, Word},
        NameForm, Object, Rule, TEXTS, doing,
    },
    tree::Node,
};
use crate::{
    policy::{Rule as RuleOnToken, claim, header},
    profile::{KeySelection, TokenProfile},
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
            "require_content_type",
            Text,
            Profile(|profile, node| profile.require_content_type(node.text())),
            "What the header's `cty` must be",
        ),
        doing(
            "accept_padding",
            Bool,
            Profile(|profile, node| profile.accept_padding(node.is_true())),
            "Whether the parts of a token may end in the padding of base64, as AWS writes them",
        ),
        doing(
            "keep_header",
            Bool,
            Profile(|profile, node| profile.keep_header(node.is_true())),
            "Whether the program may read the header of a token",
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
            "issuer_by_last_segment",
            Bool,
            Profile(|profile, node| profile.issuer_by_last_segment(node.is_true())),
            "Whether issuers are compared by what follows the last slash of their names",
        ),
        doing(
            "subject_claims",
            TEXTS,
            Profile(|profile, node| profile.subject_claims(node.texts())),
            "The claims that may name the subject; the first that is there counts",
        ),
        doing(
            "pass_over_empty_subjects",
            Bool,
            Profile(|profile, node| profile.pass_over_empty_subjects(node.is_true())),
            "Whether an empty one of them counts as absent",
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
            "without_header_rules_on",
            TEXTS,
            Profile(|profile, node| node.texts().fold(profile, TokenProfile::without_header_rules_on)),
            "Members of the header whose rules are taken out",
        ),
        doing(
            "claims",
            Map(NameForm::Claim, &TEXTS),
            Profile(|profile, node| {
                with_rules(profile, node, |path, accepted| claim(path).one_of(accepted.texts()))
            }),
            "Claims that must be there and be one of these texts",
        ),
        doing(
            "binding_claims",
            Map(NameForm::Claim, &TEXTS),
            Profile(|profile, node| {
                with_rules(profile, node, |path, accepted| claim(path).one_of(accepted.texts()).binds_token())
            }),
            "The same, which bind a token to this server where `aud` does not",
        ),
        doing(
            "claims_containing",
            Map(NameForm::Claim, &TEXTS),
            Profile(|profile, node| {
                with_rules(profile, node, |path, accepted| claim(path).contains_any(accepted.texts()))
            }),
            "Claims that must be there and be, or have in their array, one of these texts",
        ),
        doing(
            "max_token_age",
            Kind::Duration,
            Profile(|profile, node| {
                let age = duration::read(node.text());
                age.into_iter().fold(profile, |profile, age| profile.rule(claim("iat").within_last(age)))
            }),
            "How long ago a token may have been issued, whenever it ends",
        ),
        doing(
            "true_claims",
            TEXTS,
            Profile(|profile, node| {
                node.texts().fold(profile, |profile, path| profile.rule(claim(path).is_true_or_text()))
            }),
            "Claims that must be true, or the text \"true\"",
        ),
        doing(
            "header",
            Map(NameForm::Claim, &TEXTS),
            Profile(|profile, node| {
                with_rules(profile, node, |path, accepted| header(path).one_of(accepted.texts()))
            }),
            "Members of the header that must be there and be one of these texts",
        ),
        doing(
            "pin_one_of",
            TEXTS,
            Profile(|profile, node| profile.pin_one_of(node.texts())),
            "Claims of which one must be among `claims`, since others can pass to others",
        ),
        doing(
            "single_use",
            Text,
            Profile(|profile, node| profile.single_use(node.text())),
            "The claim with an identifier that counts once, `jti` as a rule",
        ),
        doing(
            "spends_nonce",
            Text,
            Profile(|profile, node| profile.spends_nonce(node.text())),
            "The claim with a nonce of this server that counts once",
        ),
    ],
    rules: &[
        Rule::AtMostOne(&["require_types", "accept_types"]),
        Rule::AtMostOne(&["single_use", "spends_nonce"]),
    ],
};

/// The profile with a rule for each claim or member of the header that a table names.
fn with_rules(profile: TokenProfile, table: &Node, rule: fn(&str, &Node) -> RuleOnToken) -> TokenProfile {
    table.entries().iter().fold(profile, |profile, (path, accepted)| profile.rule(rule(path, accepted)))
}

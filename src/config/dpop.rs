//! The keys of tokens that are bound to a key of their sender (DPoP, RFC 9449).

use std::time::Duration;

use super::{
    duration, files,
    given::ALGORITHMS,
    keys::duration_of,
    problems::Found,
    schema::{
        Apply::Dpop as Bound,
        Kind::{self, List, Secret, Text, Word},
        Object, Rule, Target as _, doing, key, needed,
    },
    tree::Node,
};
use crate::{
    Dpop,
    keys::{Algorithm, AlgorithmSet},
    store::DpopNonces,
};

pub(super) static DPOP: Object = Object {
    what: "bound tokens",
    keys: &[
        needed(
            "mode",
            Word(&["allowed", "required"]),
            "Whether bound tokens are taken beside bearer tokens (allowed), or alone (required)",
        ),
        doing(
            "algorithms",
            List(&Word(&ALGORITHMS)),
            Bound(|dpop, node| {
                let named = node.texts().filter_map(|name| name.parse::<Algorithm>().ok());
                dpop.algorithms(named.collect::<AlgorithmSet>())
            }),
            "The algorithms of proofs, of which ES256 is always one; ES256, PS256 and EdDSA unless said",
        ),
        doing(
            "window",
            Kind::Duration,
            Bound(|dpop, node| duration(node).into_iter().fold(dpop, Dpop::window)),
            "How far the `iat` of a proof may be off beyond the leeway; 60s, at most 1h",
        ),
        doing(
            "leeway",
            Kind::Duration,
            Bound(|dpop, node| duration(node).into_iter().fold(dpop, Dpop::leeway)),
            "How far the clocks of clients may be off; 60s, at most 600s",
        ),
        key("nonces", Kind::Object(&NONCES), "The nonces that each proof must have one of; none unless said"),
    ],
    rules: &[],
};

static NONCES: Object = Object {
    what: "nonces of proofs",
    keys: &[
        key("secret", Secret, "What several servers share; at least 32 random bytes, and random unless said"),
        key("secret_file", Text, "A file with the secret, without the line break at its end"),
        key("previous_secret", Secret, "The secret before, or the next one, whose nonces are accepted, too"),
        key("previous_secret_file", Text, "A file with that secret"),
        key("lifetime", Kind::Duration, "How long a nonce is accepted; 300s"),
    ],
    rules: &[
        Rule::AtMostOne(&["secret", "secret_file"]),
        Rule::AtMostOne(&["previous_secret", "previous_secret_file"]),
        Rule::Needs("previous_secret", &["secret", "secret_file"]),
        Rule::Needs("previous_secret_file", &["secret", "secret_file"]),
    ],
};

/// A duration that was checked.
fn duration(node: &Node) -> Option<Duration> {
    duration::read(node.text()).ok()
}

/// What a table says beside the profile, if it is that of FAPI 2.0; `None` where it has been said what is wrong
/// with its nonces.
pub(super) fn dpop(table: &Node, fapi2: bool, found: &mut Found<'_>) -> Option<Dpop> {
    let dpop = match table.text_of("mode") {
        Some("allowed") => Dpop::allowed(),
        _ if fapi2 => Dpop::fapi2(),
        _ => Dpop::required(),
    };
    let dpop = dpop.applying(&DPOP, table);
    match table.get("nonces") {
        Some(table) => Some(dpop.nonces(found.within("nonces", |found| nonces(table, found))?)),
        None => Some(dpop),
    }
}

fn nonces(table: &Node, found: &mut Found<'_>) -> Option<DpopNonces> {
    let nonces = match files::names_secret(table, "secret") {
        true => files::made_with_secret(table, "secret", DpopNonces::with_secret, found)?,
        false => DpopNonces::new()
            .map_err(|error| found.add(table, "secret", "secret", &error.to_string()))
            .ok()?,
    };
    let nonces = match files::names_secret(table, "previous_secret") {
        true => {
            files::made_with_secret(table, "previous_secret", |secret| nonces.also_accept(secret), found)?
        }
        false => nonces,
    };
    Some(duration_of(table, "lifetime").into_iter().fold(nonces, DpopNonces::lifetime))
}

//! What cannot work in a profile, whatever the tokens are.

use super::{MAX_LEEWAY, Once, TokenProfile};
use crate::{
    policy::{Rule, is_scope_token},
    token::ClaimPath,
};

impl TokenProfile {
    /// What cannot work whatever the tokens are; `whose` begins each sentence. `selected` is whether
    /// a header of the request names the issuer, which ties the token to it and to this server.
    pub(crate) fn problems(&self, whose: &str, selected: bool, problems: &mut Vec<String>) {
        if !selected && !self.rules.iter().any(Rule::binds_issuer) {
            problems.push(format!(
                "{whose}: no rule binds a token to its issuer; add claim(\"iss\").is_issuer()"
            ));
        }
        let bound = selected || self.spends(Once::Nonce) || self.bound_otherwise;
        if !bound && !self.rules.iter().any(Rule::binds_resource) {
            problems.push(format!(
                "{whose}: no rule binds a token to this server; add claim(\"aud\").names_resource()"
            ));
        }
        problems
            .extend(self.unreadable().chain(self.unpinned()).map(|problem| format!("{whose}: {problem}")));
        if self.endless && self.spends(Once::Id) {
            problems
                .push(format!("{whose}: tokens that count once must end; leave out unbounded_lifetime()"));
        }
        if !self.endless {
            problems.extend(self.endlessness().map(|problem| format!("{whose}: {problem}")));
        }
        if self.algorithms.is_empty() {
            problems.push(format!("{whose}: no algorithm is accepted; name at least one"));
        }
        if self.leeway > MAX_LEEWAY {
            problems.push(format!(
                "{whose}: a leeway of {} s; at most {} s make sense",
                self.leeway.as_secs(),
                MAX_LEEWAY.as_secs()
            ));
        }
    }

    /// Why a token that passes may be good for ever, if it may.
    fn endlessness(&self) -> Option<&'static str> {
        if !self.rules.iter().any(Rule::is_about_time) {
            return Some(r#"no rule is about time; add claim("exp").after_now()"#);
        }
        // A nonce that is spent lives for a time, and its token with it.
        let bounded = self.spends(Once::Nonce) || self.rules.iter().any(Rule::bounds_lifetime);
        (!bounded).then_some(
            r#"no rule bounds how long a token is good; add claim("exp").after_now(), which must be there"#,
        )
    }

    /// Why what an identity is made of could never be found.
    fn unreadable(&self) -> impl Iterator<Item = String> {
        let subject = self
            .subject_claims
            .is_empty()
            .then(|| r#"no claim names the subject; name one, as in subject_claims(["sub"])"#.to_owned());
        let scopes =
            self.new_scopes.iter().filter(move |name| !is_scope_token(name)).map(|name| {
                format!("{name:?} is no scope (RFC 6749 section 3.3), so none can be renamed to it")
            });
        subject
            .into_iter()
            .chain(self.paths().chain(&self.role_claims).filter_map(ClaimPath::problem))
            .chain(scopes)
    }
}

//! What cannot work in the settings of a server, one function per concern.

use super::{
    ResourceServerBuilder, TrustedIssuer, key_sources, problems::Problems, trusted_issuer::KeysFrom,
};
use crate::{
    error::{ConfigProblem, shown},
    keys::{AlgorithmSet, KeySet},
    policy::{Requirement, Rule, claim, is_scope_token},
    profile::{KeySelection, TokenProfile},
    token::{ClaimPath, TokenLimits},
};

impl ResourceServerBuilder {
    pub(super) fn check(&self, all: &mut Vec<ConfigProblem>) {
        all.extend(self.request.grammar.problem().map(of_text("credentials")));
        all.extend(self.challenges.problem().map(of_text("challenges")));
        self.check_locations(all);
        self.check_names(all);
        Problems::of(all, "metadata", "metadata").extend("invalid_setting", self.metadata.problems());
        self.check_required(all);
        self.check_dpop(all);
        self.check_mtls(all);
        self.check_fapi2(all);
        self.check_limits(all);
        self.check_opaque(all);
        Problems::of(all, "issuers", "issuer").refuse(
            self.issuers.is_empty(),
            "no_issuer",
            "none is trusted; add one with .issuer(..)",
        );
        for (n, issuer) in self.issuers.iter().enumerate() {
            let label = label(issuer);
            let mut problems = Problems::of(all, format!("issuers[{n}]"), label);
            self.check_issuer_names(n, issuer, &mut problems);
            self.check_profiles(issuer, &mut problems);
            self.check_nonces(issuer, &mut problems);
            key_sources::check(issuer, &mut problems);
            self.check_keys(issuer, &mut problems);
        }
    }

    /// The names of the server and of its clients.
    fn check_names(&self, all: &mut Vec<ConfigProblem>) {
        let any_empty = |mut names: std::slice::Iter<'_, Box<str>>| names.any(|name| name.is_empty());
        Problems::of(all, "resource", "resource").refuse(
            self.resource.is_empty(),
            "empty",
            "it is empty; name this server, as in the `aud` of its tokens",
        );
        Problems::of(all, "audience", "audience").refuse(
            any_empty(self.audiences.iter())
                || self.issuers.iter().any(|issuer| any_empty(issuer.audiences.iter())),
            "empty",
            "one is empty; leave it out",
        );
        Problems::of(all, "id_token", "id_token").refuse(
            self.lacks_client(),
            "no_client",
            "ID tokens are for one client; name it with .client_id(..)",
        );
        Problems::of(all, "client_id", "client_id").refuse(
            any_empty(self.client_ids.iter())
                || self.issuers.iter().any(|issuer| any_empty(issuer.client_ids.iter())),
            "empty",
            "one is empty; leave it out",
        );
    }

    /// What every request needs, and which scopes imply which.
    fn check_required(&self, all: &mut Vec<ConfigProblem>) {
        let paths = self.required.iter().flat_map(Requirement::claim_problems);
        Problems::of(all, "require", "require").extend("invalid_setting", paths);
        let mut scopes =
            self.scope_implications.iter().flat_map(|(scope, implied)| [scope].into_iter().chain(implied));
        let bad = scopes.find(|scope| !is_scope_token(scope));
        let bad = bad
            .map(|scope| format!("{scope:?} is no scope token (RFC 6749 section 3.3); write each by itself"));
        Problems::of(all, "scope_implies", "scope_implies").extend("invalid_setting", bad);
    }

    /// Whether ID tokens are taken, and it is not said for which client.
    fn lacks_client(&self) -> bool {
        self.request.id_token.is_some() && !self.names_client() && !self.pair.bind_audience()
    }

    fn check_limits(&self, all: &mut Vec<ConfigProblem>) {
        let mut problems = Problems::of(all, "limits", "limits");
        problems.refuse(
            self.limits.nesting > TokenLimits::MAX_NESTING,
            "nesting",
            "nesting is above 100, where the JSON parser ends; use 100 or less",
        );
        problems.refuse(
            self.limits.keys_tried == 0,
            "keys_tried",
            "keys_tried is 0, so that no token could be verified; use 1 or more",
        );
    }

    fn check_issuer_names(&self, n: usize, issuer: &TrustedIssuer, problems: &mut Problems<'_>) {
        problems.refuse(issuer.issuer.is_empty(), "empty", "its name is empty; use the `iss` of its tokens");
        let form = issuer.profile.compares_issuers();
        problems.refuse(
            issuer.names().any(|name| name.ends_with('/') && form.of(name).is_empty()),
            "no_last_segment",
            "nothing follows the last slash, by which it is known; name the segment",
        );
        let others = || self.issuers.iter().take(n).flat_map(|other| other.compared_names(form));
        problems.refuse(
            issuer.compared_names(form).any(|name| others().any(|other| name == other)),
            "twice",
            "it is there twice; merge both into one",
        );
        self.check_unnamed(n, issuer, problems);
    }

    /// A token that names no issuer must be of one issuer, whatever else it says.
    fn check_unnamed(&self, n: usize, issuer: &TrustedIssuer, problems: &mut Problems<'_>) {
        if !issuer.is_unnamed {
            return;
        }
        problems.refuse(
            self.issuers.iter().take(n).any(|other| other.is_unnamed),
            "two_unnamed",
            "tokens without iss are those of another issuer already; tell them apart with .select_issuer_by(..)",
        );
        problems.refuse(
            self.request.selector.is_some(),
            "unnamed_and_selected",
            "a header names the issuer of every token; leave out tokens_without_issuer, or select_issuer_by",
        );
        problems.refuse(
            issuer.is_pattern(),
            "unnamed_tenants",
            "a tenant is known by the iss of its tokens; trust the issuer of tokens without iss by its own name",
        );
    }

    /// The profiles of an issuer, and whether the clients that they compare with are named.
    fn check_profiles(&self, issuer: &TrustedIssuer, problems: &mut Problems<'_>) {
        let selected = self.request.selector.is_some();
        let mut of = |path: &str, label: &str, profile: &TokenProfile| {
            let mut problems = problems.part(path, label);
            let mut found = Vec::new();
            profile.problems(problems.label(), selected, &mut found);
            // Each begins with the words that the setting is called by.
            let begin = format!("{}: ", problems.label());
            problems.extend("profile", found.iter().map(|text| text.strip_prefix(&begin).unwrap_or(text)));
        };
        // A token that names no issuer is bound to the only one whose tokens do not.
        let bound = |profile: &TokenProfile| {
            let profile = profile.clone();
            if issuer.is_unnamed { profile.rule(claim("iss").is_issuer()) } else { profile }
        };
        of("profile", "", &bound(&issuer.profile));
        for (n, (_, profile)) in issuer.profiles_where.iter().enumerate() {
            of(&format!("access_tokens_where[{n}]"), ", access_tokens_where", &bound(profile));
        }
        let mut needs_client = issuer.access_profiles().any(|profile| profile.needs_client());
        if self.takes_id_tokens() {
            of("id_token_profile", ", ID tokens", &issuer.id_token_profile);
            // Where ID tokens lack a client altogether, that has been said.
            needs_client |= !self.lacks_client() && issuer.id_token_profile.needs_client();
        }
        problems.refuse(
            needs_client && self.client_ids.is_empty() && issuer.client_ids.is_empty(),
            "no_client",
            "its profile compares with the client; name it with .client_id(..)",
        );
        problems.refuse(
            issuer.profiles_where.iter().any(|(rules, _)| rules.is_empty()),
            "no_rules",
            "access_tokens_where without rules takes every token; give the issuer that profile",
        );
        problems.refuse(
            issuer.profiles_where.iter().any(|(rules, _)| rules.iter().any(Rule::is_about_header)),
            "header_rule",
            "access_tokens_where chooses by claims; put a rule on the header into the profile",
        );
        problems.refuse(
            issuer.profiles_where.iter().any(|(rules, _)| rules.iter().any(Rule::depends_on_moment)),
            "time_rule",
            "access_tokens_where chooses by what stays as it is; put a rule on time into the profile of the kind",
        );
        let choosing = issuer.profiles_where.iter().flat_map(|(rules, _)| rules).flat_map(Rule::paths);
        problems.extend("invalid_setting", choosing.filter_map(ClaimPath::problem));
        problems.refuse(
            issuer.is_pattern() && issuer.access_profiles().any(TokenProfile::finds_issuer_by_subject),
            "tenants_by_subject",
            "a tenant is known by the iss of its tokens; trust an issuer that sub names by its own name",
        );
        let forms = |profile: &TokenProfile| (profile.compares_issuers(), profile.selects_key_by());
        problems.refuse(
            issuer.access_profiles().any(|profile| forms(profile) != forms(&issuer.profile)),
            "different_names",
            "its profiles of access tokens compare issuers or select keys in different ways; let them agree",
        );
    }

    fn check_nonces(&self, issuer: &TrustedIssuer, problems: &mut Problems<'_>) {
        problems.refuse(
            self.request.id_token.is_some()
                && issuer.access_profiles().any(|profile| profile.counts_once())
                && issuer.id_token_profile.counts_once(),
            "two_nonces",
            "both tokens of a request would spend something, and one might be lost; let one of its profiles do it",
        );
    }

    fn check_keys(&self, issuer: &TrustedIssuer, problems: &mut Problems<'_>) {
        match &issuer.keys {
            KeysFrom::Given(keys) => {
                for profile in issuer.access_profiles() {
                    check_given(keys, profile.accepted_algorithms(), problems);
                }
            }
            KeysFrom::Fetched(_) => {
                problems.refuse(
                    issuer.profile.selects_key_by() == KeySelection::LastSegment,
                    "key_selection",
                    "keys from the network are found by their whole names; use KeySelection::Kid",
                );
                let id = Some(&issuer.id_token_profile).filter(|_| self.takes_id_tokens());
                let accepted = issuer.access_profiles().chain(id).map(TokenProfile::accepted_algorithms);
                key_sources::check_given(issuer, accepted, problems);
            }
        }
    }
}

/// A problem that is one text, of the setting with this path.
fn of_text<T: Into<String>>(path: &'static str) -> impl Fn(T) -> ConfigProblem {
    move |text| ConfigProblem::new(path, "invalid_setting", text)
}

/// Given keys can be judged at once.
fn check_given(keys: &KeySet, accepted: AlgorithmSet, problems: &mut Problems<'_>) {
    if keys.is_empty() {
        problems.add("no_key", "it has no key; give at least one");
    } else if keys.iter().all(|key| key.algorithms().intersection(accepted).is_empty()) {
        let text = format!(
            "none of its keys fits an accepted algorithm {accepted:?}; name theirs with TokenProfile::algorithms"
        );
        problems.add("no_fitting_key", text);
    }
}

/// The words that an issuer is called by.
pub(super) fn label(issuer: &TrustedIssuer) -> String {
    if issuer.issuer.is_empty() { "issuer".to_owned() } else { format!("issuer {}", shown(&issuer.issuer)) }
}

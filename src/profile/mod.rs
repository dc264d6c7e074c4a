//! What a token of one kind, from one issuer, must look like: tables, and no code of their own.
//!
//! A [`TokenProfile`] has rows for the header (`typ`, `cty`), rows for the claims
//! ([`policy`](crate::policy)), the algorithms it accepts, and the names of the claims that an
//! identity is read from. The crate's own profiles ([`rfc9068`](TokenProfile::rfc9068),
//! [`jwt`](TokenProfile::jwt), [`oidc_id_token`](TokenProfile::oidc_id_token)) are written in the
//! terms that a user has: see the example `own_profile`.

mod builtin;
mod compiled;
mod confirmation;
mod dangerous;
mod facts;
mod header_rules;
mod once;
mod pins;
mod problems;
mod scopes;
mod words;

use std::{sync::Arc, time::Duration};

pub(crate) use compiled::{CompiledProfile, Extracted, Fact, Text, Texts};
pub(crate) use confirmation::{Confirmation, ConfirmationMethods};
pub use dangerous::DangerousProfile;
pub(crate) use header_rules::HeaderRules;
pub(crate) use once::Once;
pub(crate) use scopes::Scopes;

use self::scopes::Renames;
use crate::{
    keys::{Algorithm, AlgorithmSet, KeySet},
    policy::{NameForm, Rule, last_segment},
    token::ClaimPath,
};

/// The leeway granted where a profile says nothing: clocks on the internet differ by seconds, and
/// 60 is what most verifiers grant.
pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);

/// The most leeway that can be configured: beyond ten minutes an expiry means nothing.
pub const MAX_LEEWAY: Duration = Duration::from_secs(600);

/// What the header member `typ` may be.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypeRule {
    /// Accepted values, without `application/`; empty when any is.
    pub(crate) accepted: Vec<Arc<str>>,
    pub(crate) required: bool,
}

/// How the key that must have signed a token is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySelection {
    /// By the header's `kid`, byte for byte (RFC 7515 section 4.1.4).
    #[default]
    Kid,
    /// By what follows the last slash of the `kid`, on both sides: `layer:///keys/1` and `1` are one.
    /// A token must name its key. Only for keys that the application holds.
    LastSegment,
    /// Whatever the `kid`: for issuers that publish one key and no names. As many are tried as
    /// [`TokenLimits::keys_tried`](crate::token::TokenLimits::keys_tried) says.
    Any,
}

impl KeySelection {
    /// The keys under the names that they are looked up by.
    pub(crate) fn rename(self, keys: KeySet) -> KeySet {
        match self {
            Self::LastSegment => keys.renamed(last_segment),
            Self::Kid | Self::Any => keys,
        }
    }

    /// The name that a key is looked up by, out of what it is called.
    pub(crate) fn name(self, name: &str) -> &str {
        match self {
            Self::LastSegment => last_segment(name),
            Self::Kid | Self::Any => name,
        }
    }
}

/// What a token of one kind must look like.
///
/// ```
/// use tower_resource_server::{keys::Algorithm, policy::claim, profile::TokenProfile};
///
/// let profile = TokenProfile::jwt()
///     .algorithms([Algorithm::ES256])
///     .rule(claim("tenant").equals("blue"));
/// # let _ = profile;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TokenProfile {
    typ: TypeRule,
    cty: Option<Arc<str>>,
    rules: Vec<Rule>,
    algorithms: AlgorithmSet,
    leeway: Duration,
    subject_claims: Vec<ClaimPath>,
    client_claims: Vec<ClaimPath>,
    scope_claims: Vec<ClaimPath>,
    role_claims: Vec<ClaimPath>,
    roles_as_members: bool,
    scopes_as_members: bool,
    scope_names: Renames,
    /// The names that scopes are given, to be checked.
    new_scopes: Vec<String>,
    /// The claims whose rules were taken out.
    unruled: Vec<ClaimPath>,
    null_is_absent: bool,
    key_selection: KeySelection,
    requires_kid: bool,
    issuer_names: NameForm,
    /// The claim whose value each token spends, and what it is.
    spends: Option<(Once, ClaimPath)>,
    passes_over_empty_subjects: bool,
    /// Of each of these, a rule must name values of one claim.
    pinned: Vec<Vec<ClaimPath>>,
    takes_padding: bool,
    keeps_header: bool,
    bound_otherwise: bool,
    endless: bool,
    takes_bound: ConfirmationMethods,
}

impl TokenProfile {
    /// A profile without any rule; [`rule`](Self::rule) adds them.
    ///
    /// A server refuses a profile with no rule that [binds the token to its
    /// issuer](crate::policy::ClaimRule::is_issuer) and [to the
    /// resource](crate::policy::ClaimRule::names_resource), and one whose tokens need never end: a rule
    /// such as `claim("exp").`[`after_now()`](crate::policy::ClaimRule::after_now) bounds them.
    pub fn empty() -> Self {
        Self {
            typ: TypeRule::default(),
            cty: None,
            rules: Vec::new(),
            algorithms: AlgorithmSet::ASYMMETRIC,
            leeway: DEFAULT_LEEWAY,
            subject_claims: vec!["sub".into()],
            client_claims: Vec::new(),
            scope_claims: Vec::new(),
            role_claims: Vec::new(),
            roles_as_members: false,
            scopes_as_members: false,
            scope_names: Renames::default(),
            new_scopes: Vec::new(),
            unruled: Vec::new(),
            null_is_absent: false,
            key_selection: KeySelection::default(),
            requires_kid: false,
            issuer_names: NameForm::default(),
            spends: None,
            passes_over_empty_subjects: false,
            pinned: Vec::new(),
            takes_padding: false,
            keeps_header: false,
            bound_otherwise: false,
            endless: false,
            takes_bound: ConfirmationMethods::default(),
        }
    }

    /// Accepts only tokens whose header `typ` is one of these (compared as RFC 7515 section 4.1.9
    /// has it), and refuses tokens without one.
    pub fn require_type<S: Into<Arc<str>>>(mut self, accepted: impl IntoIterator<Item = S>) -> Self {
        self.typ = TypeRule { accepted: accepted.into_iter().map(Into::into).collect(), required: true };
        self
    }

    /// Accepts tokens whose header `typ` is one of these, or absent.
    pub fn accept_types<S: Into<Arc<str>>>(mut self, accepted: impl IntoIterator<Item = S>) -> Self {
        self.typ = TypeRule { accepted: accepted.into_iter().map(Into::into).collect(), required: false };
        self
    }

    /// Accepts only tokens whose header `cty` is this one, byte for byte.
    pub fn require_content_type(mut self, accepted: impl Into<Arc<str>>) -> Self {
        self.cty = Some(accepted.into());
        self
    }

    /// Accepts these algorithms, as far as the issuer's keys allow them.
    ///
    /// The default is every asymmetric one: each key is bound to its own anyway.
    pub fn algorithms(mut self, accepted: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = accepted.into_iter().collect();
        self
    }

    /// How far this server's clock and the issuer's may disagree; 60 seconds by default, 10 minutes
    /// at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Adds a rule. Rules are judged in the order they were added, and all must hold.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.unruled.retain(|claim| !rule.is_about_claim(claim));
        self.rules.push(rule);
        self
    }

    /// Takes every rule on `claim` out again, to loosen a profile or to replace a rule.
    ///
    /// Unless a rule on the claim is added afterwards, its type is not enforced elsewhere either: where the
    /// client or the scopes are [read from it](Self::scope_claims), a value of a wrong type is passed over.
    /// A subject and a nonce that is spent must be what they are, whatever the rules.
    pub fn without_rules_on(mut self, claim: impl Into<ClaimPath>) -> Self {
        let claim = claim.into();
        self.rules.retain(|rule| !rule.is_about_claim(&claim));
        self.unruled.push(claim);
        self
    }

    /// Whether the three parts of a token may end in the padding of base64 (`=`), as AWS writes them: `false`,
    /// since RFC 7515 section 2 has none. The signature covers the padding of the first two parts as it was sent.
    /// Where a part has padding, it must be all of it.
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// let profile = TokenProfile::jwt().accept_padding(true);
    /// # let _ = profile;
    /// ```
    pub fn accept_padding(mut self, is: bool) -> Self {
        self.takes_padding = is;
        self
    }

    /// How the key that must have signed a token is found: by its `kid` unless told otherwise.
    pub fn key_selection(mut self, selection: KeySelection) -> Self {
        self.key_selection = selection;
        self
    }

    /// Whether tokens that name no key are refused: without it, one without `kid` is tried against
    /// [several](crate::token::TokenLimits::keys_tried).
    pub fn require_kid(mut self, is: bool) -> Self {
        self.requires_kid = is;
        self
    }

    /// Whether issuers are compared by what follows the last slash of their names: `layer:///providers/1` and
    /// `1` are one.
    pub fn issuer_by_last_segment(mut self, is: bool) -> Self {
        self.issuer_names = if is { NameForm::LastSegment } else { NameForm::Exact };
        self
    }

    /// Whether the header of each token is kept, for [`TokenClaims::header`](crate::TokenClaims::header).
    pub fn keep_header(mut self, is: bool) -> Self {
        self.keeps_header = is;
        self
    }

    /// Needs no rule that binds a token to this server: see the preset that offers it.
    pub(crate) const fn for_any_resource(mut self) -> Self {
        self.bound_otherwise = true;
        self
    }

    /// Takes tokens without an `iss`, too: the rule that binds them to their issuer holds where there is
    /// one.
    pub(crate) fn without_need_of_issuer(mut self) -> Self {
        let optional = |rule: Rule| {
            if rule.binds_issuer() && !rule.is_about_header() { rule.if_present() } else { rule }
        };
        self.rules = self.rules.into_iter().map(optional).collect();
        self
    }

    pub(crate) const fn takes_padding(&self) -> bool {
        self.takes_padding
    }

    /// Whether a server finds the issuer of its tokens by their `sub`.
    pub(crate) fn finds_issuer_by_subject(&self) -> bool {
        self.rules.iter().any(Rule::finds_issuer_by_subject)
    }

    /// Takes tokens that are bound to their sender, for a server that has it checked in these ways.
    pub(crate) fn taking_bound_tokens(mut self, methods: ConfirmationMethods) -> Self {
        self.takes_bound = methods;
        self
    }

    pub(crate) fn needs_client(&self) -> bool {
        self.rules.iter().any(Rule::needs_client)
    }

    /// Whether a token that passes is for this server or its client by its own audience.
    pub(crate) fn binds_audience(&self) -> bool {
        self.rules.iter().any(|rule| {
            matches!(rule.claim(), "aud" | "azp") && !rule.is_about_header() && rule.binds_resource()
        })
    }

    pub(crate) const fn compares_issuers(&self) -> NameForm {
        self.issuer_names
    }

    pub(crate) const fn selects_key_by(&self) -> KeySelection {
        self.key_selection
    }

    pub(crate) fn accepted_algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    pub(crate) const fn accepted_leeway(&self) -> Duration {
        self.leeway
    }

    /// Whether no rule need bound the lifetime of a token.
    pub(crate) const fn is_endless(&self) -> bool {
        self.endless
    }
}

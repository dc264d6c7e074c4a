//! The rules on members of the header.

use super::TokenProfile;
use crate::{
    policy::{CompiledRule, Policy, Rule},
    token::{ClaimNames, ClaimPath},
};

impl TokenProfile {
    /// Takes every rule on this member of the [header](crate::policy::header) out again.
    pub fn without_header_rules_on(mut self, member: impl Into<ClaimPath>) -> Self {
        let member = member.into();
        self.rules.retain(|rule| !rule.is_about_header() || *rule.path() != member);
        self
    }
}

/// Rules on the header, with the members that they ask about.
#[derive(Clone, Debug)]
pub(crate) struct HeaderRules {
    names: ClaimNames,
    policy: Policy,
}

impl HeaderRules {
    /// The rules that are about the header, if there are any.
    pub(super) fn of(rules: &[Rule]) -> Option<Box<Self>> {
        let mut names = ClaimNames::default();
        let rules: Vec<_> = rules.iter().filter(|rule| rule.is_about_header()).cloned().collect();
        let policy = Policy::new(&rules, &mut names);
        (!rules.is_empty()).then(|| Box::new(Self { names, policy }))
    }

    pub(crate) fn rules(&self) -> &[CompiledRule] {
        self.policy.rules()
    }

    /// The members that the rules ask about.
    pub(crate) const fn names(&self) -> &ClaimNames {
        &self.names
    }
}

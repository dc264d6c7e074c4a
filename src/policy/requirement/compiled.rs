//! A requirement made ready for the requests of one server.

use std::sync::Arc;

use super::{Facts, KnownLeaves, Leaf, Memo, Node, Requirement, Unmet, facts::is_within};

/// A leaf, and its number where the server has one for it.
#[derive(Clone, Debug)]
struct Ready {
    leaf: Leaf,
    number: Option<usize>,
}

/// A requirement made ready. A cheap clone.
#[derive(Clone, Debug)]
pub(crate) struct Compiled(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Whether any good token meets it.
    is_any_token: bool,
    requirement: Requirement,
    tree: Node<Ready>,
    looks_at_login: bool,
    admits_anonymous: bool,
    /// What a client without a good token should ask for.
    first_scopes: Option<Arc<str>>,
}

/// What a requirement is judged with, beside the facts of the token.
pub(crate) struct Judge<'a, P> {
    /// Where a verified token keeps what it meets.
    pub(crate) memo: Option<&'a Memo>,
    pub(crate) known: &'a KnownLeaves,
    /// Asks a predicate.
    pub(crate) predicate: P,
}

/// What judging a token came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Yes,
    No(Unmet),
    /// `auth_time` is looked at, and is no date.
    NoDate,
}

impl Compiled {
    /// Ready for the requests of a server that numbers leaves.
    pub(crate) fn new(requirement: Requirement, known: &KnownLeaves) -> Self {
        Self::with(requirement, |leaf| known.number(leaf))
    }

    /// Any good token.
    pub(crate) fn any_token() -> Self {
        Self::once(Requirement::any_token())
    }

    /// For one request: nothing is kept.
    pub(crate) fn once(requirement: Requirement) -> Self {
        Self::with(requirement, |_| None)
    }

    fn with(requirement: Requirement, number: impl Fn(&Leaf) -> Option<usize>) -> Self {
        let mut looks_at_login = false;
        let tree = requirement.node().map(&mut |leaf| {
            looks_at_login |= matches!(leaf, Leaf::MaxAge(_));
            let depends = matches!(leaf, Leaf::MaxAge(_) | Leaf::Predicate(..));
            Ready { leaf: leaf.clone(), number: if depends { None } else { number(leaf) } }
        });
        Self(Arc::new(Inner {
            is_any_token: matches!(tree, Node::AnyToken),
            tree,
            looks_at_login,
            admits_anonymous: requirement.node().admits_anonymous(),
            first_scopes: requirement.first_scopes(),
            requirement,
        }))
    }

    pub(crate) fn requirement(&self) -> &Requirement {
        &self.0.requirement
    }

    /// Whether a request without credentials meets it.
    pub(crate) fn admits_anonymous(&self) -> bool {
        self.0.admits_anonymous
    }

    /// Whether any good token meets it.
    #[inline]
    pub(crate) fn is_any_token(&self) -> bool {
        self.0.is_any_token
    }

    /// The scopes that a client without a good token should ask for.
    pub(crate) fn first_scopes(&self) -> Option<&str> {
        self.0.first_scopes.as_deref()
    }

    /// Whether a token with these facts meets it, and what it lacks if not.
    pub(crate) fn is_met_by(&self, facts: &Facts<'_>, judge: &Judge<'_, impl Fn(&Leaf) -> bool>) -> Met {
        let Judge { memo, known, predicate } = judge;
        let auth_time = match (self.0.looks_at_login, memo) {
            (false, _) => Ok(None),
            (true, Some(memo)) => memo.auth_time(known, facts),
            (true, None) => facts.auth_time(),
        };
        let Ok(auth_time) = auth_time else { return Met::NoDate };
        let is_met = |leaf: &Leaf| match leaf {
            Leaf::MaxAge(seconds) => is_within(auth_time, *seconds, facts.moment()),
            Leaf::Predicate(..) => predicate(leaf),
            leaf => leaf.is_met(facts),
        };
        let met = self.0.tree.is_met(&mut |Ready { leaf, number }| match (number, memo) {
            (Some(number), Some(memo)) => memo.is_met(*number, known, || leaf.is_met(facts)),
            _ => is_met(leaf),
        });
        if met { Met::Yes } else { Met::No(self.0.requirement.unmet(facts, is_met)) }
    }
}

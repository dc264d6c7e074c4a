//! Which answer a requirement gets that a good token does not meet.
//!
//! A requirement offers alternatives: `a and (b or c)` is met by `a` and `b`, or by `a` and `c`. The answer
//! tells the client what would help, in this order:
//!
//! 1. some alternative lacks scopes alone: 403, with every scope of it;
//! 2. some alternative lacks a login alone, stronger or fresher (RFC 9470): 401, with what it must be;
//! 3. some alternative lacks both, and nothing else: the same 401, with the scopes too;
//! 4. else 403, with no advice: roles, claims and the like are not a client's to ask for.
//!
//! Of several such alternatives it is the one with the fewest unmet leaves, as they are written, and of those
//! the first. The alternatives are never written out, since there may be very many: the fewest unmet leaves
//! of an `and` are the sum of those of its parts, and of an `or` the least.

use std::sync::Arc;

use super::{Facts, Leaf, Node, Requirement, leaf::Remedy};

/// What a good token lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// Scopes, which are named; or nothing that a client can ask for.
    Scopes(Option<Arc<str>>),
    /// A stronger or fresher login.
    Login(Arc<StepUp>),
}

/// The login that an operation needs (RFC 9470 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUp {
    acr_values: Option<Box<str>>,
    max_age: Option<u64>,
    scope: Option<Arc<str>>,
}

impl StepUp {
    /// The classes of authentication that would do, separated by spaces.
    #[must_use]
    pub fn acr_values(&self) -> Option<&str> {
        self.acr_values.as_deref()
    }

    /// How old the login may be, in seconds.
    #[must_use]
    pub fn max_age(&self) -> Option<u64> {
        self.max_age
    }

    /// The scopes that are needed besides, where the token lacks one of them.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }
}

/// One alternative: its leaves, and how many of them are not met.
#[derive(Default)]
struct Alternative<'a> {
    unmet: usize,
    leaves: Vec<&'a Leaf>,
}

/// The alternative with the fewest unmet leaves, of those that lack nothing but what `may_lack` says.
fn nearest<'a>(
    node: &'a Node<Leaf>,
    met: &impl Fn(&Leaf) -> bool,
    may_lack: &impl Fn(Remedy) -> bool,
) -> Option<Alternative<'a>> {
    match node {
        Node::AnyToken => Some(Alternative::default()),
        Node::Anonymous => None,
        Node::Leaf(leaf) => {
            let is_met = met(leaf);
            (is_met || may_lack(leaf.remedy()))
                .then(|| Alternative { unmet: usize::from(!is_met), leaves: vec![leaf] })
        }
        Node::All(nodes) => nodes.iter().try_fold(Alternative::default(), |mut whole, node| {
            let part = nearest(node, met, may_lack)?;
            whole.unmet += part.unmet;
            whole.leaves.extend(part.leaves);
            Some(whole)
        }),
        // The first of those with equally few.
        Node::Any(nodes) => {
            nodes.iter().filter_map(|node| nearest(node, met, may_lack)).min_by_key(|found| found.unmet)
        }
    }
}

impl Alternative<'_> {
    /// Its scopes, each once: of one that wants any of several those that are held, or the first.
    fn scope(&self, holds: impl Fn(&str) -> bool) -> Option<Arc<str>> {
        let mut named: Vec<&str> = Vec::new();
        for leaf in &self.leaves {
            let held: Vec<_> = match leaf {
                Leaf::AnyScope(scopes) => scopes.iter().filter(|scope| holds(scope)).collect(),
                _ => Vec::new(),
            };
            match leaf {
                Leaf::AnyScope(scopes) if held.is_empty() => named.extend(scopes.first().map(AsRef::as_ref)),
                Leaf::AnyScope(_) => named.extend(held.into_iter().map(AsRef::as_ref)),
                leaf => named.extend(leaf.scopes()),
            }
        }
        let mut once: Vec<&str> = Vec::with_capacity(named.len());
        for scope in named {
            if !once.contains(&scope) {
                once.push(scope);
            }
        }
        (!once.is_empty()).then(|| once.join(" ").into())
    }

    /// What its leaves say together about the login.
    fn step_up(&self, scope: Option<Arc<str>>) -> StepUp {
        let mut classes = self.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::Acr(classes) => Some(classes.iter().collect::<Vec<_>>()),
            _ => None,
        });
        let common = classes.next().map(|first| {
            classes
                .fold(first, |common, more| common.into_iter().filter(|class| more.contains(class)).collect())
        });
        let common = common.unwrap_or_default().into_iter().map(AsRef::as_ref).collect::<Vec<_>>();
        let ages = self.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::MaxAge(age) => Some(*age),
            _ => None,
        });
        StepUp {
            acr_values: (!common.is_empty()).then(|| common.join(" ").into()),
            max_age: ages.min(),
            scope,
        }
    }
}

impl Requirement {
    /// What a good token lacks that does not meet this, given which leaves it meets.
    pub(crate) fn unmet(&self, facts: &Facts<'_>, met: impl Fn(&Leaf) -> bool) -> Unmet {
        let find = |may_lack: fn(Remedy) -> bool| nearest(self.node(), &met, &may_lack);
        let scope = |found: &Alternative<'_>| found.scope(|scope| facts.has_scope(scope));
        if let Some(found) = find(|remedy| remedy == Remedy::Scopes) {
            return Unmet::Scopes(scope(&found));
        }
        if let Some(found) = find(|remedy| remedy == Remedy::Login) {
            return Unmet::Login(Arc::new(found.step_up(None)));
        }
        match find(|remedy| remedy != Remedy::Nothing) {
            Some(found) => Unmet::Login(Arc::new(found.step_up(scope(&found)))),
            None => Unmet::Scopes(None),
        }
    }

    /// The scopes that a client without a token, or with a bad one, should ask for: those of the alternative
    /// that scopes alone meet; else of one that needs a login besides; else of the nearest of all.
    pub(super) fn first_scopes(&self) -> Option<Arc<str>> {
        let find = |may_lack: fn(Remedy) -> bool| nearest(self.node(), &|_: &Leaf| false, &may_lack);
        find(|remedy| remedy == Remedy::Scopes)
            .or_else(|| {
                find(|remedy| remedy != Remedy::Nothing).filter(|found| found.scope(|_| false).is_some())
            })
            .or_else(|| find(|_| true))?
            .scope(|_| false)
    }
}

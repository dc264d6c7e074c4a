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
//! the first. One that no login can meet, since its classes exclude each other, is none. The alternatives are
//! never written out, since there may be very many: the fewest unmet leaves
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

/// One alternative: its leaves, how many of them are not met, and the classes of authentication that all of
/// them accept; none is said where no leaf names one.
#[derive(Clone, Default)]
struct Alternative<'a> {
    unmet: usize,
    leaves: Vec<&'a Leaf>,
    classes: Option<Vec<&'a str>>,
}

/// As many alternatives with different classes are kept apart, the nearest; requirements name a few.
const MAX_CLASSES: usize = 64;

/// Of the alternatives that lack nothing but what `may_lack` says, the one with the fewest unmet leaves for each
/// set of classes, in the order in which they are written.
fn nearest<'a, L: AsRef<Leaf>>(
    node: &'a Node<L>,
    met: &impl Fn(&L) -> bool,
    may_lack: &impl Fn(Remedy) -> bool,
) -> Vec<Alternative<'a>> {
    match node {
        Node::AnyToken => vec![Alternative::default()],
        Node::Anonymous => Vec::new(),
        Node::Leaf(leaf) => {
            let is_met = met(leaf);
            let leaf = leaf.as_ref();
            let classes = match leaf {
                Leaf::Acr(classes) => Some(classes.iter().map(AsRef::as_ref).collect()),
                _ => None,
            };
            let alternative = Alternative { unmet: usize::from(!is_met), leaves: vec![leaf], classes };
            if is_met || may_lack(leaf.remedy()) { vec![alternative] } else { Vec::new() }
        }
        Node::All(nodes) => nodes.iter().fold(vec![Alternative::default()], |whole, node| {
            let parts = nearest(node, met, may_lack);
            best(whole.iter().flat_map(|whole| parts.iter().map(|part| whole.and(part))))
        }),
        Node::Any(nodes) => best(nodes.iter().flat_map(|node| nearest(node, met, may_lack))),
    }
}

/// The first of those with the fewest unmet leaves, for each set of classes. One whose leaves accept no class
/// together cannot be met by any login.
fn best<'a>(all: impl Iterator<Item = Alternative<'a>>) -> Vec<Alternative<'a>> {
    let mut kept: Vec<Alternative<'a>> = Vec::new();
    for one in all.filter(|one| one.classes.as_ref().is_none_or(|classes| !classes.is_empty())) {
        match kept.iter().position(|known| known.classes == one.classes) {
            Some(place) if kept.get(place).is_some_and(|known| known.unmet <= one.unmet) => {}
            Some(place) => {
                kept.remove(place);
                kept.push(one);
            }
            None if kept.len() < MAX_CLASSES => kept.push(one),
            None => {
                // One that is nearer takes the place of the last of the farthest.
                let farthest = kept.iter().enumerate().max_by_key(|(_, known)| known.unmet);
                if let Some((place, _)) = farthest.filter(|(_, known)| known.unmet > one.unmet) {
                    kept.remove(place);
                    kept.push(one);
                }
            }
        }
    }
    kept
}

impl<'a> Alternative<'a> {
    /// This and another, as one.
    fn and(&self, other: &Self) -> Self {
        let classes = match (&self.classes, &other.classes) {
            (Some(these), Some(those)) => {
                Some(these.iter().copied().filter(|class| those.contains(class)).collect())
            }
            (these, those) => these.clone().or_else(|| those.clone()),
        };
        let leaves = self.leaves.iter().chain(&other.leaves).copied().collect();
        Self { unmet: self.unmet + other.unmet, leaves, classes }
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
        let ages = self.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::MaxAge(age) => Some(*age),
            _ => None,
        });
        StepUp {
            acr_values: self.classes.as_ref().map(|classes| classes.join(" ").into()),
            max_age: ages.min(),
            scope,
        }
    }
}

/// What a good token lacks that does not meet this, given which leaves it meets. A leaf is asked about several times.
pub(super) fn unmet<L: AsRef<Leaf>>(node: &Node<L>, facts: &Facts<'_>, met: impl Fn(&L) -> bool) -> Unmet {
    let find = |may_lack: fn(Remedy) -> bool| {
        nearest(node, &met, &may_lack).into_iter().min_by_key(|found| found.unmet)
    };
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

impl Requirement {
    /// The scopes that a client without a token, or with a bad one, should ask for: those of the alternative
    /// that scopes alone meet; else of one that needs a login besides; else of the nearest of all.
    pub(super) fn first_scopes(&self) -> Option<Arc<str>> {
        let find = |may_lack: fn(Remedy) -> bool| {
            let found = nearest(self.node(), &|_: &Leaf| false, &may_lack);
            found.into_iter().min_by_key(|found| found.unmet)
        };
        find(|remedy| remedy == Remedy::Scopes)
            .or_else(|| {
                find(|remedy| remedy != Remedy::Nothing).filter(|found| found.scope(|_| false).is_some())
            })
            .or_else(|| find(|_| true))?
            .scope(|_| false)
    }
}

//! A requirement made ready for the requests of one server.
//!
//! What a token says does not change, so whether it meets a leaf is found out once: the server numbers the
//! leaves of its requirements, and an identity keeps a bit for each ([`Memo`]). A hit then reads bits: no
//! JSON, no allocation. Only `max_age` depends on the moment, and a predicate on the request.
//!
//! A list of scopes, which most operations require, is compared with those of the token as they stand.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{
    Facts, Leaf, Node, Requirement, Unmet,
    facts::{NoDate, is_within},
};
use crate::{
    policy::{
        Moment,
        membership::{each_once, has_all},
    },
    time::UnixTime,
};

/// As many different leaves as the requirements of one server may have; those beyond are judged anew for each
/// request. Only requirements that are made by the request come so far.
const MAX_LEAVES: usize = 4096;

/// The leaves of a server's requirements, each once, by number.
#[derive(Debug, Default)]
pub(crate) struct KnownLeaves(Mutex<Vec<Leaf>>);

impl KnownLeaves {
    fn number(&self, leaf: &Leaf) -> Option<u32> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.iter().position(|one| one == leaf).or_else(|| {
            known.push(leaf.clone());
            known.len().checked_sub(1)
        });
        known.truncate(MAX_LEAVES);
        place.filter(|place| *place < MAX_LEAVES).and_then(|place| place.try_into().ok())
    }

    /// A bit for each leaf: whether a token with these facts meets it.
    fn judge(&self, facts: &Facts<'_>) -> (usize, Box<[u64]>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bits = vec![0; known.len().div_ceil(64)];
        for (n, leaf) in known.iter().enumerate() {
            if leaf.is_met(facts)
                && let Some(word) = bits.get_mut(n / 64)
            {
                *word |= 1 << (n % 64);
            }
        }
        (known.len(), bits.into())
    }
}

/// What a verified token meets, found out when it is first asked and kept with it.
#[derive(Debug, Default)]
pub(crate) struct Memo(OnceLock<Box<Known>>);

#[derive(Debug)]
struct Known {
    /// How many leaves there were.
    leaves: usize,
    met: Box<[u64]>,
    auth_time: Result<Option<UnixTime>, NoDate>,
    /// What is known beside, since the server has more leaves than then.
    more: Memo,
}

impl Memo {
    /// What is known about the first `leaves`, found out now by `judge` unless it was before.
    fn of(&self, leaves: usize, judge: impl Fn() -> Known) -> &Known {
        let mut memo = self;
        loop {
            let known = memo.0.get_or_init(|| Box::new(judge()));
            if known.leaves >= leaves {
                return known;
            }
            memo = &known.more;
        }
    }
}

impl Known {
    fn is_met(&self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, number % 64);
        self.met.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }
}

/// A leaf as requests see it.
#[derive(Clone, Debug)]
enum Ready {
    /// A bit of the memo.
    Known(u32),
    MaxAge(u64),
    /// By the leaf itself.
    Judged(Leaf),
}

/// A requirement made ready. A cheap clone.
#[derive(Clone, Debug)]
pub(crate) struct Compiled(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requirement: Requirement,
    kind: Kind,
    admits_anonymous: bool,
    /// What a client without a good token should ask for.
    first_scopes: Option<Arc<str>>,
}

#[derive(Debug)]
enum Kind {
    /// Any good token.
    Nothing,
    /// Each of these scopes, and nothing else.
    Scopes(Box<[Box<str>]>),
    /// `leaves` is how many the memo must know.
    Tree { tree: Node<Ready>, leaves: usize, looks_at_time: bool },
}

/// What a requirement is judged with, beside the facts of the token.
pub(crate) struct Judge<'a, M, P> {
    /// Where the token keeps what it meets.
    pub(crate) memo: Option<&'a Memo>,
    pub(crate) known: &'a KnownLeaves,
    pub(crate) moment: M,
    /// Asks a predicate.
    pub(crate) predicate: P,
}

/// What judging a token came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Yes,
    No,
    /// `auth_time` is looked at, and is no date.
    NoDate,
}

impl Compiled {
    /// Ready for the requests of a server that knows these leaves. `implied` is whether scopes imply others there.
    pub(crate) fn new(requirement: Requirement, known: &KnownLeaves, implied: bool) -> Self {
        Self::with(requirement, implied, |leaf| known.number(leaf))
    }

    /// Any good token.
    pub(crate) fn any_token() -> Self {
        Self::once(Requirement::any_token(), false)
    }

    /// For one request: nothing is kept.
    pub(crate) fn once(requirement: Requirement, implied: bool) -> Self {
        Self::with(requirement, implied, |_| None)
    }

    fn with(requirement: Requirement, implied: bool, number: impl Fn(&Leaf) -> Option<u32>) -> Self {
        let kind = match plain_scopes(requirement.node()).filter(|_| !implied) {
            Some(scopes) if scopes.is_empty() => Kind::Nothing,
            Some(scopes) => Kind::Scopes(scopes.into()),
            None => {
                let (mut leaves, mut looks_at_time) = (0, false);
                let tree = requirement.node().map(&mut |leaf| match leaf {
                    Leaf::MaxAge(seconds) => {
                        looks_at_time = true;
                        Ready::MaxAge(*seconds)
                    }
                    Leaf::Predicate(..) => Ready::Judged(leaf.clone()),
                    leaf => match number(leaf) {
                        Some(number) => {
                            leaves = leaves.max(number as usize + 1);
                            Ready::Known(number)
                        }
                        None => Ready::Judged(leaf.clone()),
                    },
                });
                Kind::Tree { tree, leaves, looks_at_time }
            }
        };
        let admits_anonymous = requirement.node().admits_anonymous();
        let first_scopes = requirement.first_scopes();
        Self(Arc::new(Inner { requirement, kind, admits_anonymous, first_scopes }))
    }

    pub(crate) fn requirement(&self) -> &Requirement {
        &self.0.requirement
    }

    /// Whether a request without credentials meets it.
    pub(crate) fn admits_anonymous(&self) -> bool {
        self.0.admits_anonymous
    }

    /// Whether any good token meets it.
    pub(crate) fn is_any_token(&self) -> bool {
        matches!(self.0.kind, Kind::Nothing)
    }

    /// The scopes that a client without a good token should ask for.
    pub(crate) fn first_scopes(&self) -> Option<&str> {
        self.0.first_scopes.as_deref()
    }

    /// What a token lacks that does not meet it, given which leaves it meets.
    pub(crate) fn unmet(
        &self,
        with_facts: impl Fn(&mut dyn FnMut(&Facts<'_>)),
        predicate: impl Fn(&Leaf) -> bool,
    ) -> Unmet {
        if let Kind::Scopes(_) = self.0.kind {
            return Unmet::Scopes(self.0.first_scopes.clone());
        }
        let mut unmet = Unmet::Scopes(None);
        with_facts(&mut |facts| {
            unmet = self.0.requirement.unmet(facts, |leaf| match leaf {
                Leaf::Predicate(..) => predicate(leaf),
                leaf => leaf.is_met(facts),
            });
        });
        unmet
    }

    /// Whether a token meets it: one with these scopes, and with the facts that `with_facts` gives.
    #[inline]
    pub(crate) fn is_met_by<'s>(
        &self,
        scopes: impl Iterator<Item = &'s str> + Clone,
        judge: Judge<'_, impl Fn() -> Moment, impl Fn(&Leaf) -> bool>,
        with_facts: impl Fn(&mut dyn FnMut(&Facts<'_>)),
    ) -> Met {
        match &self.0.kind {
            Kind::Nothing => Met::Yes,
            Kind::Scopes(needed) => is_granted(scopes, needed),
            Kind::Tree { tree, leaves, looks_at_time } => {
                is_tree_met(tree, (*leaves, *looks_at_time), &judge, &with_facts)
            }
        }
    }
}

// Apart from what every request runs through: many operations require nothing.
#[inline(never)]
fn is_granted<'s>(scopes: impl Iterator<Item = &'s str> + Clone, needed: &[Box<str>]) -> Met {
    if has_all(scopes, needed.iter().map(AsRef::as_ref)) { Met::Yes } else { Met::No }
}

#[inline(never)]
fn is_tree_met(
    tree: &Node<Ready>,
    (leaves, looks_at_time): (usize, bool),
    Judge { memo, known, moment, predicate }: &Judge<'_, impl Fn() -> Moment, impl Fn(&Leaf) -> bool>,
    with_facts: &impl Fn(&mut dyn FnMut(&Facts<'_>)),
) -> Met {
    let find_out = || {
        let (met, auth_time, more) = (Box::default(), Ok(None), Memo::default());
        let mut found = Known { leaves: usize::MAX, met, auth_time, more };
        with_facts(&mut |facts| {
            (found.leaves, found.met) = known.judge(facts);
            found.auth_time = facts.auth_time();
        });
        found
    };
    let fresh;
    let known = match memo {
        Some(memo) => memo.of(leaves, find_out),
        None => {
            fresh = find_out();
            &fresh
        }
    };
    let auth_time = match known.auth_time {
        Ok(at) => at,
        Err(NoDate) if looks_at_time => return Met::NoDate,
        Err(NoDate) => None,
    };
    let met = tree.is_met(&mut |leaf| match leaf {
        Ready::Known(number) => known.is_met(*number),
        Ready::MaxAge(seconds) => is_within(auth_time, *seconds, moment()),
        Ready::Judged(leaf @ Leaf::Predicate(..)) => predicate(leaf),
        Ready::Judged(leaf) => {
            let mut met = false;
            with_facts(&mut |facts| met = leaf.is_met(facts));
            met
        }
    });
    if met { Met::Yes } else { Met::No }
}

/// The scopes of a requirement of nothing else, each once.
fn plain_scopes(node: &Node<Leaf>) -> Option<Vec<Box<str>>> {
    let mut all: Vec<Box<str>> = Vec::new();
    let nodes = match node {
        Node::All(nodes) => nodes.as_slice(),
        node => std::slice::from_ref(node),
    };
    for node in nodes {
        match node {
            Node::AnyToken => {}
            Node::Leaf(Leaf::Scopes(scopes)) => all.extend(scopes.iter().cloned()),
            _ => return None,
        }
    }
    Some(each_once(all))
}

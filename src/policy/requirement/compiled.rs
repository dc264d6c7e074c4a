//! A requirement made ready for the requests of one server.

use std::sync::Arc;

use super::{
    Facts, KnownLeaves, Leaf, Memo, Node, Requirement, Unmet,
    facts::is_within,
    memo::{Answers, Together},
    nearest::unmet,
};

/// A leaf, its place in the requirement, and its number where the server has one for it.
#[derive(Clone, Debug)]
struct Ready {
    leaf: Leaf,
    place: usize,
    number: Option<usize>,
}

impl AsRef<Leaf> for Ready {
    fn as_ref(&self) -> &Leaf {
        &self.leaf
    }
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
    /// Alternatives that a token meets for as long as it is good, once it is known to.
    lasting: Box<[Together]>,
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
        let (mut looks_at_login, mut places) = (false, 0..);
        let tree = requirement.node().map(&mut |leaf| {
            looks_at_login |= matches!(leaf, Leaf::MaxAge(_));
            let depends = matches!(leaf, Leaf::MaxAge(_) | Leaf::Predicate(..));
            let place = places.next().unwrap_or_default();
            Ready { leaf: leaf.clone(), place, number: if depends { None } else { number(leaf) } }
        });
        // An `auth_time` that is no date is invalid, whatever else is met.
        let lasting = if looks_at_login { None } else { alternatives(&tree) };
        let lasting = lasting.unwrap_or_default();
        Self(Arc::new(Inner {
            is_any_token: matches!(tree, Node::AnyToken),
            lasting: lasting.iter().filter_map(|numbers| Together::new(numbers)).collect(),
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

    /// Whether it is known that the token of this memo, which is good, meets it.
    #[inline]
    pub(crate) fn is_known_to_be_met(&self, memo: &Memo) -> bool {
        self.0.is_any_token || memo.meets_one_of(&self.0.lasting)
    }

    /// The scopes that a client without a good token should ask for.
    pub(crate) fn first_scopes(&self) -> Option<&str> {
        self.0.first_scopes.as_deref()
    }

    /// Whether a token with these facts meets it, and what it lacks if not. Each leaf is judged at most once.
    pub(crate) fn is_met_by(&self, facts: &Facts<'_>, judge: &Judge<'_, impl Fn(&Leaf) -> bool>) -> Met {
        let Judge { memo, known, predicate } = judge;
        let auth_time = match (self.0.looks_at_login, memo) {
            (false, _) => Ok(None),
            (true, Some(memo)) => memo.auth_time(known, facts),
            (true, None) => facts.auth_time(),
        };
        let Ok(auth_time) = auth_time else { return Met::NoDate };
        let answers = Answers::default();
        let is_met = |Ready { leaf, place, number }: &Ready| match (leaf, number, memo) {
            (Leaf::MaxAge(seconds), ..) => is_within(auth_time, *seconds, facts.moment()),
            (Leaf::Predicate(..), ..) => answers.get(*place, || predicate(leaf)),
            (leaf, Some(number), Some(memo)) => memo.is_met(*number, known, || leaf.is_met(facts)),
            (leaf, ..) => answers.get(*place, || leaf.is_met(facts)),
        };
        if self.0.tree.is_met(&mut |leaf| is_met(leaf)) {
            return Met::Yes;
        }
        Met::No(unmet(&self.0.tree, facts, is_met))
    }
}

/// As many alternatives are looked at together; of more, each request looks at the tree.
const MAX_ALTERNATIVES: usize = 16;

/// The leaves of each alternative, by number, without those in which something depends on the moment or on the
/// request. `None` where there are too many.
fn alternatives(node: &Node<Ready>) -> Option<Vec<Vec<usize>>> {
    let found = match node {
        Node::AnyToken => vec![Vec::new()],
        Node::Anonymous => Vec::new(),
        Node::Leaf(Ready { number, .. }) => number.map(|number| vec![number]).into_iter().collect(),
        Node::Any(nodes) => {
            nodes.iter().map(alternatives).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()
        }
        Node::All(nodes) => nodes.iter().try_fold(vec![Vec::new()], |whole, node| {
            let parts = alternatives(node)?;
            let small = whole.len().saturating_mul(parts.len()) <= MAX_ALTERNATIVES;
            small.then(|| {
                let join = |some: &Vec<usize>| {
                    parts.iter().map(|more| [some.as_slice(), more].concat()).collect::<Vec<_>>()
                };
                whole.iter().flat_map(join).collect()
            })
        })?,
    };
    (found.len() <= MAX_ALTERNATIVES).then_some(found)
}

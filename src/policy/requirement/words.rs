//! A requirement in words, for the people who run the server: what it demands, what a token lacks, and what to
//! do about it.

use super::{Facts, Leaf, Node, Requirement, Unmet};

impl Requirement {
    /// Whether it is scopes, all of them, and nothing else.
    fn is_list_of_scopes(&self) -> bool {
        let is_scopes = |node: &Node<Leaf>| matches!(node, Node::Leaf(Leaf::Scopes(_)));
        match self.node() {
            Node::All(nodes) => nodes.iter().all(is_scopes),
            node => is_scopes(node),
        }
    }

    /// What must hold.
    pub(crate) fn in_words(&self) -> String {
        if self.is_list_of_scopes() {
            return format!("the scopes hold {}", self.named_scopes().collect::<Vec<_>>().join(" "));
        }
        format!("what is required holds: {self}")
    }

    /// Its leaves, each once, in the order in which they are written.
    pub(crate) fn leaves(&self) -> Vec<&Leaf> {
        let mut once = Vec::new();
        for leaf in self.node().leaves() {
            if !once.contains(&leaf) {
                once.push(leaf);
            }
        }
        once
    }

    /// What is wrong with the paths of claims that it names.
    pub(crate) fn claim_problems(&self) -> impl Iterator<Item = String> {
        self.node().leaves().into_iter().filter_map(|leaf| match leaf {
            Leaf::Claim(path, _) => path.problem(),
            _ => None,
        })
    }

    /// Which leaves of which alternative a token with these facts does not meet, and what it has there.
    pub(crate) fn unmet_in_words(&self, facts: &Facts<'_>) -> String {
        if self.is_list_of_scopes() {
            return "the token lacks a scope that every request needs".to_owned();
        }
        let alternatives = match self.node() {
            Node::Any(nodes) if !nodes.is_empty() => nodes.as_slice(),
            node => std::slice::from_ref(node),
        };
        let of = |node: &Node<Leaf>| {
            let mut unmet: Vec<_> = node.leaves();
            unmet.retain(|leaf| !leaf.is_met(facts));
            match unmet.as_slice() {
                [] => format!("{node} is not met by a token"),
                unmet => {
                    let each = unmet.iter().map(|leaf| format!("{leaf} is not met: {}", leaf.found(facts)));
                    each.collect::<Vec<_>>().join("; ")
                }
            }
        };
        match alternatives {
            [only] => of(only),
            several => {
                let each = several.iter().enumerate();
                let each = each.map(|(n, node)| format!("alternative {}: {}", n + 1, of(node)));
                each.collect::<Vec<_>>().join(" / ")
            }
        }
    }
}

impl Unmet {
    /// What would help.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Scopes(Some(scopes)) => format!("request the token with the scopes {scopes}"),
            Self::Scopes(None) => {
                "let the issuer give the subject or the client what is required; no scope would help"
                    .to_owned()
            }
            Self::Login(step_up) => {
                let classes = step_up.acr_values().map(|values| format!(" with acr_values {values:?}"));
                let age = step_up.max_age().map(|age| format!(" with max_age {age}"));
                let scopes = step_up.scope().map(|scopes| format!(" and the scopes {scopes}"));
                let parts = [classes, age, scopes].into_iter().flatten().collect::<Vec<_>>().join(",");
                format!("log the user in anew{parts}")
            }
        }
    }
}

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

    /// Which leaves of which alternative a token with these facts does not meet, and what it has there: what is met is
    /// not told. Of scopes, roles and the like what the token has is shown; of a claim that the application names
    /// it is not, since that may be a secret or about a person.
    pub(crate) fn unmet_in_words(&self, facts: &Facts<'_>) -> String {
        if self.is_list_of_scopes() {
            return "the token lacks a scope that every request needs".to_owned();
        }
        let unmet = match self.node() {
            Node::Any(nodes) => alternatives(nodes, facts),
            node => unmet_of(node, facts),
        };
        unmet.unwrap_or_else(|| format!("{self} is not met by a token"))
    }
}

/// What a token does not meet of this; `None` where it meets it.
fn unmet_of(node: &Node<Leaf>, facts: &Facts<'_>) -> Option<String> {
    match node {
        Node::AnyToken => None,
        Node::Leaf(leaf) if leaf.is_met(facts) => None,
        Node::Leaf(leaf) => Some(format!("{leaf} is not met: {}", leaf.found(facts))),
        Node::All(nodes) => {
            let unmet: Vec<_> = nodes.iter().filter_map(|node| unmet_of(node, facts)).collect();
            (!unmet.is_empty()).then(|| unmet.join("; "))
        }
        Node::Any(nodes) if !nodes.is_empty() => Some(format!("({})", alternatives(nodes, facts)?)),
        Node::Anonymous | Node::Any(_) => Some(format!("{node} is not met by a token")),
    }
}

/// What a token does not meet of each of these; `None` where it meets one of them, or there are none.
fn alternatives(nodes: &[Node<Leaf>], facts: &Facts<'_>) -> Option<String> {
    let each = nodes
        .iter()
        .enumerate()
        .map(|(n, node)| Some(format!("alternative {}: {}", n + 1, unmet_of(node, facts)?)));
    let each: Vec<_> = each.collect::<Option<_>>()?;
    (!each.is_empty()).then(|| each.join(" / "))
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

//! What is required and no credential of a server ever meets: a mistake of the application, which is told when the
//! requirement is made ready.

use super::Inner;
use crate::policy::{Leaf, Requirement};

impl Inner {
    /// Logs the leaves of a requirement that no credential ever meets here; each once, where it is `new`.
    pub(super) fn tell_never_met(&self, requirement: &Requirement, new: impl Fn(&Leaf) -> bool) {
        for leaf in requirement.leaves() {
            if let Some(because) = self.never_meets(leaf)
                && new(leaf)
            {
                tracing::warn!(requirement = %leaf, because, "what is required is never met");
            }
        }
    }

    /// Why no credential ever meets a leaf, if none does.
    fn never_meets(&self, leaf: &Leaf) -> Option<String> {
        match leaf {
            Leaf::Issuer(name) if !self.may_be_issuer(name) => {
                Some("no issuer that is trusted is configured by this name".to_owned())
            }
            Leaf::Claim(path, _) => path.problem(),
            Leaf::SenderConstrained if !self.asks_for_proof => {
                Some("bound tokens are refused; take them with .dpop(..) or .mtls(..)".to_owned())
            }
            _ => None,
        }
    }

    /// Whether an identity of this server may have this issuer.
    fn may_be_issuer(&self, name: &str) -> bool {
        self.issuers.by_name(name).is_some()
            || self.issuers.tenants_like(name).next().is_some()
            || self.opaque.as_ref().is_some_and(|opaque| opaque.may_name(name))
    }
}

//! What an operation demands of an identity that is already verified.

use std::{fmt, sync::Arc};

use super::membership::{each_once, has_all};

/// A text is not a list of scope tokens (RFC 6749 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope token is one or more of the characters %x21 / %x23-5B / %x5D-7E")]
#[non_exhaustive]
pub struct InvalidScope;

/// What an operation needs: every one of a set of scopes. A cheap clone.
///
/// One value serves both sides: it is enforced, and it is named in the challenge when it is not
/// met, so that the two cannot drift apart. The scopes are named in the order in which they were
/// required; two requirements of the same scopes are equal in any order.
///
/// ```
/// use tower_resource_server::policy::scope;
///
/// let needed = scope("orders:read").and(scope("orders:write"));
/// assert_eq!(needed.to_string(), "orders:read orders:write");
/// assert!(needed.is_met_by(["orders:write", "profile", "orders:read"].into_iter()));
/// assert!(!needed.is_met_by(["orders:read"].into_iter()));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Requirement {
    /// Each once; `None` instead of an empty list, so that "none" costs nothing.
    scopes: Option<Arc<[Box<str>]>>,
}

/// Requires every scope of a space-separated list.
///
/// # Panics
/// When `list` is not a list of scope tokens: it is a constant of the program. Use
/// [`Requirement::scopes`] for a text that comes from outside.
#[track_caller]
#[expect(clippy::panic, reason = "documented: for constants of the program")]
pub fn scope(list: &str) -> Requirement {
    match Requirement::scopes(list) {
        Ok(requirement) => requirement,
        Err(error) => panic!("{list:?}: {error}"),
    }
}

impl Requirement {
    /// Requires a verified identity and nothing more.
    pub fn none() -> Self {
        Self::default()
    }

    /// Requires every scope of a space-separated list (RFC 6749 section 3.3); none when it is empty.
    ///
    /// # Errors
    /// [`InvalidScope`] when a token has a character that the grammar does not allow.
    pub fn scopes(list: &str) -> Result<Self, InvalidScope> {
        let is_scope_byte = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let scopes: Vec<Box<str>> =
            list.split(' ').filter(|token| !token.is_empty()).map(Into::into).collect();
        if scopes.iter().all(|token| token.bytes().all(is_scope_byte)) {
            Ok(Self::of(scopes))
        } else {
            Err(InvalidScope)
        }
    }

    fn of(all: Vec<Box<str>>) -> Self {
        let scopes = each_once(all);
        Self { scopes: (!scopes.is_empty()).then(|| scopes.into()) }
    }

    /// Requires what both require; its own scopes are named first.
    pub fn and(self, other: Self) -> Self {
        match (&self.scopes, &other.scopes) {
            (_, None) => self,
            (None, _) => other,
            (Some(some), Some(more)) => Self::of(some.iter().chain(more.iter()).cloned().collect()),
        }
    }

    /// Whether `scopes` hold all that is required, in time linear in both.
    // Apart from what every request runs through: many operations require nothing.
    #[inline(never)]
    #[must_use]
    pub fn is_met_by<'a>(&self, scopes: impl Iterator<Item = &'a str> + Clone) -> bool {
        self.is_none() || has_all(scopes, self.iter())
    }

    /// Whether a verified identity is enough.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.scopes.is_none()
    }

    /// The same requirement with its scopes in alphabetical order.
    pub(crate) fn sorted(self) -> Self {
        let mut scopes: Vec<Box<str>> = self.iter().map(Into::into).collect();
        scopes.sort_unstable();
        Self::of(scopes)
    }

    /// The scopes, each once, in the order in which they were required.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.scopes.iter().flat_map(|scopes| scopes.iter()).map(AsRef::as_ref)
    }
}

/// The same scopes, in any order: RFC 6749 section 3.3 gives the order no meaning.
impl PartialEq for Requirement {
    fn eq(&self, other: &Self) -> bool {
        let (Some(these), Some(those)) = (&self.scopes, &other.scopes) else {
            return self.is_none() && other.is_none();
        };
        // Each has each of its scopes once.
        Arc::ptr_eq(these, those) || (these.len() == those.len() && has_all(other.iter(), self.iter()))
    }
}

impl Eq for Requirement {}

/// The scopes as one space-separated list, as in a challenge's `scope` (RFC 6750 section 3).
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scope_tokens_can_be_required() {
        for (list, expected) in [
            ("", Some("")),
            ("a", Some("a")),
            ("b a  b", Some("b a")),
            ("https://api.example/x.y", Some("https://api.example/x.y")),
            ("a\"b", None),
            ("a\\b", None),
            ("a\tb", None),
            ("ä", None),
            ("a\u{7f}", None),
        ] {
            assert_eq!(
                Requirement::scopes(list).ok().map(|r| r.to_string()).as_deref(),
                expected,
                "{list:?}"
            );
        }
    }

    #[test]
    fn three_hundred_required_scopes_among_2_100_granted_ones_are_found_in_one_go() {
        let names: Vec<_> = (0..2100).map(|n| format!("orders:{n}")).collect();
        let required = |from: usize| Requirement::scopes(&names[from..from + 300].join(" ")).unwrap();
        let looks = std::cell::Cell::new(0);
        let granted = names.iter().map(|name| {
            looks.set(looks.get() + 1);
            name.as_str()
        });
        for (name, requirement, met) in [
            ("all there", required(1800), true),
            ("one missing", required(1800).and(scope("orders:2100")), false),
        ] {
            looks.set(0);
            assert_eq!(requirement.is_met_by(granted.clone()), met, "{name}");
            assert!(looks.get() <= 2 * 2100, "{name}: {} looks", looks.get());
        }
        assert_eq!(required(0), required(0).sorted());
        assert_ne!(required(0), required(1));
    }

    #[test]
    fn scopes_are_named_as_required_and_compared_as_a_set() {
        let base = scope("base");
        for (name, requirement, named, same) in [
            ("of one list", scope("write read"), "write read", scope("read write")),
            (
                "the first of both come first",
                base.clone().and(scope("a base b")),
                "base a b",
                scope("b base a"),
            ),
            ("nothing to add", base.clone().and(Requirement::none()), "base", base.clone()),
            ("nothing but added", Requirement::none().and(base.clone()), "base", base.clone()),
            ("in alphabetical order", scope("c a b").sorted(), "a b c", scope("c b a")),
        ] {
            assert_eq!(requirement.to_string(), named, "{name}");
            assert_eq!(requirement, same, "{name}");
            assert_ne!(requirement, scope("other"), "{name}");
            assert_ne!(requirement, requirement.clone().and(scope("more")), "{name}");
        }
    }
}

//! What an operation demands of an identity that is already verified.

use std::{fmt, sync::Arc};

/// A text is not a list of scope tokens (RFC 6749 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope token is one or more of the characters %x21 / %x23-5B / %x5D-7E")]
#[non_exhaustive]
pub struct InvalidScope;

/// What an operation needs: every one of a set of scopes. A cheap clone.
///
/// One value serves both sides: it is enforced, and it is named in the challenge when it is not
/// met, so that the two cannot drift apart.
///
/// ```
/// use tower_resource_server::policy::scope;
///
/// let needed = scope("orders:read").and(scope("orders:write"));
/// assert_eq!(needed.to_string(), "orders:read orders:write");
/// assert!(needed.is_met_by(["orders:write", "profile", "orders:read"].into_iter()));
/// assert!(!needed.is_met_by(["orders:read"].into_iter()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Requirement {
    /// Sorted, each once; `None` instead of an empty list, so that "none" costs nothing.
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

    fn of(mut scopes: Vec<Box<str>>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self { scopes: (!scopes.is_empty()).then(|| scopes.into()) }
    }

    /// Requires what both require.
    pub fn and(self, other: Self) -> Self {
        match (&self.scopes, &other.scopes) {
            (_, None) => self,
            (None, _) => other,
            (Some(some), Some(more)) => Self::of(some.iter().chain(more.iter()).cloned().collect()),
        }
    }

    /// Whether `scopes` hold all that is required.
    #[must_use]
    pub fn is_met_by<'a>(&self, scopes: impl Iterator<Item = &'a str> + Clone) -> bool {
        self.iter().all(|needed| scopes.clone().any(|have| have == needed))
    }

    /// Whether a verified identity is enough.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.scopes.is_none()
    }

    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().flat_map(|scopes| scopes.iter()).map(AsRef::as_ref)
    }
}

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
            ("b a  b", Some("a b")),
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
}

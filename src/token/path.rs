//! How a claim is named, everywhere in this crate.

use std::{borrow::Cow, fmt, sync::Arc};

use serde_json::Value;

use crate::error::ClaimName;

/// The name of a claim: in rules, in profiles, and in [`Identity::claim`](crate::Identity::claim).
///
/// A text that begins with a slash is a JSON Pointer (RFC 6901), which leads to what is inside another
/// claim: `/realm_access/roles`, with `~1` for a slash and `~0` for a tilde in a name, and the place in
/// an array as a number, from 0 on. Any other text is one exact member name of the payload: dots and
/// slashes in it mean nothing. So `/sub` and `sub` are the same claim, and a namespaced claim such as
/// `https://shop.example/roles` is named as it is written.
///
/// A pointer with an escape that does not exist, such as `/a~2b`, names nothing: no claim of a token is
/// ever found by it, and [`build()`](crate::ResourceServerBuilder::build) refuses a profile with one.
///
/// ```
/// use tower_resource_server::{policy::claim, profile::TokenProfile, token::ClaimPath};
///
/// let profile = TokenProfile::rfc9068()
///     .rule(claim("/realm_access/roles").contains_any(["clerk"]))
///     .scope_claims(["scope", "/realm_access/roles"]);
/// # let _ = profile;
/// assert_eq!(ClaimPath::from("/sub"), ClaimPath::from("sub"));
/// assert_ne!(ClaimPath::from("/a/b"), ClaimPath::from("a.b"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimPath(Arc<str>);

impl ClaimPath {
    fn new(text: Arc<str>) -> Self {
        // A pointer to a member of the payload is the same as its name.
        let member = text.strip_prefix('/').filter(|segment| !segment.contains('/')).and_then(unescaped);
        match member {
            Some(name) if !name.starts_with('/') => Self(name.into()),
            _ => Self(text),
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as errors have it.
    pub(crate) fn name(&self) -> ClaimName {
        ClaimName(Arc::clone(&self.0))
    }

    /// The names that lead to the claim, from the payload on; one that is no name is left as it is.
    pub(super) fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let (member, pointer) = match self.0.strip_prefix('/') {
            Some(pointer) => (None, Some(pointer)),
            None => (Some(Cow::Borrowed(&*self.0)), None),
        };
        let inner = pointer.into_iter().flat_map(|pointer| pointer.split('/'));
        member.into_iter().chain(inner.map(|segment| unescaped(segment).unwrap_or(Cow::Borrowed(segment))))
    }

    /// Why no claim can be found by this path.
    pub(crate) fn problem(&self) -> Option<String> {
        let pointer = self.0.strip_prefix('/')?;
        let escapes = pointer.split('/').all(|segment| unescaped(segment).is_some());
        (!escapes).then(|| {
            format!(
                "{:?} is no JSON Pointer (RFC 6901), so no claim is ever found by it; write ~0 for a ~ \
                 in a name, and ~1 for a /",
                &*self.0
            )
        })
    }

    /// The value at this path (RFC 6901 section 4), without taking it out.
    pub(crate) fn look_up<'v>(&self, claims: &'v Value) -> Option<&'v Value> {
        if self.problem().is_some() {
            return None;
        }
        self.segments().try_fold(claims, |value, segment| match value {
            Value::Object(members) => members.get(&*segment),
            Value::Array(items) => items.get(array_index(&segment)?),
            _ => None,
        })
    }

    /// The value at this path (RFC 6901 section 4).
    pub(crate) fn find<'v>(&self, claims: &'v mut Value) -> Option<&'v mut Value> {
        if self.problem().is_some() {
            return None;
        }
        self.segments().try_fold(claims, |value, segment| match value {
            Value::Object(members) => members.get_mut(&*segment),
            Value::Array(items) => items.get_mut(array_index(&segment)?),
            _ => None,
        })
    }
}

/// A segment of a pointer as the name that it stands for; `None` when it has another escape than the two.
fn unescaped(segment: &str) -> Option<Cow<'_, str>> {
    let mut parts = segment.split('~');
    let first = parts.next().unwrap_or_default();
    if first.len() == segment.len() {
        return Some(Cow::Borrowed(segment));
    }
    let whole = parts.try_fold(first.to_owned(), |mut whole, part| {
        let (escaped, rest) = match part.as_bytes().first()? {
            b'0' => ('~', part.get(1..)?),
            b'1' => ('/', part.get(1..)?),
            _ => return None,
        };
        whole.push(escaped);
        whole.push_str(rest);
        Some(whole)
    })?;
    Some(Cow::Owned(whole))
}

/// The place in an array that a segment names: digits without a leading zero (RFC 6901 section 4).
pub(super) fn array_index(segment: &str) -> Option<usize> {
    let digits = segment.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (segment == "0" || !segment.starts_with('0'));
    canonical.then(|| segment.parse().ok()).flatten()
}

impl From<&str> for ClaimPath {
    fn from(text: &str) -> Self {
        Self::new(text.into())
    }
}

impl From<String> for ClaimPath {
    fn from(text: String) -> Self {
        Self::new(text.into())
    }
}

impl From<&String> for ClaimPath {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Arc<str>> for ClaimPath {
    fn from(text: Arc<str>) -> Self {
        Self::new(text)
    }
}

impl From<&Self> for ClaimPath {
    fn from(path: &Self) -> Self {
        path.clone()
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_with_a_slash_in_front_is_a_pointer_and_any_other_a_name() {
        for (text, segments, canonical) in [
            ("sub", &["sub"][..], "sub"),
            ("/sub", &["sub"], "sub"),
            ("", &[""], ""),
            ("/", &[""], ""),
            ("realm_access.roles", &["realm_access.roles"], "realm_access.roles"),
            ("https://shop.example/roles", &["https://shop.example/roles"], "https://shop.example/roles"),
            ("/https:~1~1shop.example~1roles", &["https://shop.example/roles"], "https://shop.example/roles"),
            ("a~2b", &["a~2b"], "a~2b"),
            ("/a~0b", &["a~b"], "a~b"),
            ("/~01", &["~1"], "~1"),
            ("/~1a", &["/a"], "/~1a"),
            ("/realm_access/roles", &["realm_access", "roles"], "/realm_access/roles"),
            ("/a~1b/c~0d/0", &["a/b", "c~d", "0"], "/a~1b/c~0d/0"),
            ("/a/", &["a", ""], "/a/"),
            ("//a", &["", "a"], "//a"),
        ] {
            let path = ClaimPath::from(text);
            assert_eq!(path.segments().collect::<Vec<_>>(), segments, "{text:?}");
            assert_eq!((path.as_str(), path.problem()), (canonical, None), "{text:?}");
        }
    }

    #[test]
    fn an_escape_that_does_not_exist_names_nothing() {
        for text in ["/a~2b", "/~", "/a/b~", "/~~0", "/a~/b", "/~0/~x"] {
            let path = ClaimPath::from(text);
            assert!(path.problem().is_some_and(|problem| problem.contains(text)), "{text:?}");
            assert_eq!(path.as_str(), text);
            assert_eq!(path.find(&mut json!({"a~2b": 1, "~": 1, "a": {"b~": 1}})), None, "{text:?}");
        }
    }

    #[test]
    fn values_are_found_as_rfc_6901_has_it() {
        // The example of section 5.
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6,
            " ": 7, "m~n": 8, "o": {"0": "zero", "-": "minus"}
        });
        for (path, expected) in [
            ("/foo", Some(json!(["bar", "baz"]))),
            ("/foo/0", Some(json!("bar"))),
            ("/foo/1", Some(json!("baz"))),
            ("/foo/2", None),
            ("/foo/01", None),
            ("/foo/+1", None),
            ("/foo/", None),
            ("/foo/-", None),
            ("/foo/0/0", None),
            ("/foo/99999999999999999999", None),
            ("/", Some(json!(0))),
            ("", Some(json!(0))),
            ("/a~1b", Some(json!(1))),
            ("a/b", Some(json!(1))),
            ("/c%d", Some(json!(2))),
            ("/e^f", Some(json!(3))),
            ("/g|h", Some(json!(4))),
            ("/i\\j", Some(json!(5))),
            ("/k\"l", Some(json!(6))),
            ("/ ", Some(json!(7))),
            ("/m~0n", Some(json!(8))),
            ("m~n", Some(json!(8))),
            ("/o/0", Some(json!("zero"))),
            ("/o/-", Some(json!("minus"))),
            ("o.0", None),
        ] {
            let found = ClaimPath::from(path).find(&mut document.clone()).map(Value::take);
            assert_eq!(found, expected, "{path:?}");
        }
    }
}

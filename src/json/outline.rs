//! Where the members of an object and the elements of an array stand in a text.
//!
//! For messages that are passed on as they came: a few members decide, and the rest, which may be large,
//! is neither kept nor copied. One pass of serde_json sees that the text is well formed; after it, a value
//! ends where its brackets and quotes say.
//!
//! Names that occur twice are refused among the members that decide, and so is a name that differs from one
//! of these in its case alone: a reader that takes the last of several, or compares names without regard
//! to case (as Go's `encoding/json` does) or beyond a null (as C does), would see another message.

use std::borrow::Cow;

use memchr::memchr2;
use serde::de::IgnoredAny;

const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A JSON value by its text, which is well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outline<'a>(&'a str);

/// Not an object, or one that two readers would read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclear;

impl<'a> Outline<'a> {
    /// `None` when the text is not exactly one value.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        Some(Self(text.trim_matches(WHITE_SPACE)))
    }

    /// The values of the members with these names, where they are.
    ///
    /// # Errors
    /// [`Unclear`] when the value is no object, or one of the names is there twice or in another case.
    pub(crate) fn pick<const N: usize>(self, names: [&str; N]) -> Result<[Option<Self>; N], Unclear> {
        let mut found = [None; N];
        for (name, value) in self.members().ok_or(Unclear)? {
            let name = name.text().ok_or(Unclear)?;
            let mut places = names.iter().zip(&mut found);
            let Some((wanted, place)) = places.find(|(wanted, _)| folded(&name).eq(folded(wanted))) else {
                continue;
            };
            if name != *wanted || place.replace(value).is_some() {
                return Err(Unclear);
            }
        }
        Ok(found)
    }

    /// The text of a string, escapes decoded; `None` of another value, and of half a surrogate pair.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if inner.contains('\\') {
            return serde_json::from_str(self.0).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(inner))
    }

    /// The elements of an array; `None` of another value.
    pub(crate) fn elements(self) -> Option<impl Iterator<Item = Self>> {
        let mut rest = self.0.strip_prefix('[')?;
        Some(std::iter::from_fn(move || next_value(&mut rest)))
    }

    /// The names and values of an object's members; `None` of another value.
    fn members(self) -> Option<impl Iterator<Item = (Self, Self)>> {
        let mut rest = self.0.strip_prefix('{')?;
        Some(std::iter::from_fn(move || Some((next_value(&mut rest)?, next_value(&mut rest)?))))
    }

    pub(crate) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    pub(crate) fn is_null(self) -> bool {
        self.0 == "null"
    }

    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }

    /// Where it begins in the text that it was found in.
    pub(crate) fn start_in(self, whole: &str) -> Option<usize> {
        (self.0.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)
    }
}

/// The next value of a container, and what is behind it; `None` at the container's end.
fn next_value<'a>(rest: &mut &'a str) -> Option<Outline<'a>> {
    let text = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', ':']);
    let (value, behind) = text.split_at_checked(length_of_value(text.as_bytes()))?;
    *rest = behind;
    Some(Outline(value)).filter(|value| !value.0.is_empty())
}

/// How long the value is that a well-formed text begins with; 0 at the end of its container.
fn length_of_value(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at += length_of_string(text.get(at..).unwrap_or_default()),
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' if depth > 0 => (at, depth) = (at + 1, depth - 1),
            b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// How long the string is that a text begins with, quotes included.
fn length_of_string(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found;
        if text.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

/// A name without regard to case, for names in ASCII: two characters outside it fold into it. It ends with a
/// null, as texts do in C.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().take_while(|c| *c != '\0').map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn members_are_found_once_and_by_their_exact_names() {
        let pick = |text| {
            let [method, params] = Outline::of(text).unwrap().pick(["method", "params"])?;
            Ok((method.map(Outline::as_str), params.map(Outline::as_str)))
        };
        for (name, text, expected) in [
            ("none", "{}", Ok((None, None))),
            ("one", r#"{"method":"a"}"#, Ok((Some(r#""a""#), None))),
            ("white space", " { \"method\" :\r\n\t1 , \"params\" : [ ] } ", Ok((Some("1"), Some("[ ]")))),
            ("deep", r#"{"params":{"method":["}",{"a":"\"]"}]}}"#, {
                Ok((None, Some(r#"{"method":["}",{"a":"\"]"}]}"#)))
            }),
            ("escapes in a name", r#"{"\u006dethod":true}"#, Ok((Some("true"), None))),
            ("others twice", r#"{"x":1,"x":2,"params":-1.5e3}"#, Ok((None, Some("-1.5e3")))),
            ("twice", r#"{"method":1,"method":2}"#, Err(Unclear)),
            ("twice, one with escapes", r#"{"method":1,"meth\u006fd":2}"#, Err(Unclear)),
            ("another case", r#"{"Method":1}"#, Err(Unclear)),
            ("both cases", r#"{"method":1,"METHOD":2}"#, Err(Unclear)),
            ("a long s", "{\"param\u{17f}\":1}", Err(Unclear)),
            ("a null behind a name", r#"{"method\u0000x":1}"#, Err(Unclear)),
            ("half a surrogate pair in a name", r#"{"\ud800":1}"#, Err(Unclear)),
            ("an array", r#"["method"]"#, Err(Unclear)),
            ("a string", r#""method""#, Err(Unclear)),
        ] {
            assert_eq!(pick(text), expected, "{name}");
        }
    }

    #[test]
    fn only_one_well_formed_value_has_an_outline() {
        for text in ["", " ", "{", "{}{}", "{,}", "[1,]", "{\"a\"}", "nul", "\u{feff}{}", "{\"a\":\"\n\"}"] {
            assert_eq!(Outline::of(text), None, "{text:?}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let text = "[\\PC\"\\\\\n{}\\[\\],:]{0,6}";
        let leaf =
            prop_oneof![Just(Value::Null), any::<i32>().prop_map(Into::into), text.prop_map(Into::into)];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(text, inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The same value, read through outlines down to the leaves.
    fn read(outline: Outline<'_>) -> Value {
        if let Some(elements) = outline.elements() {
            return elements.map(read).collect();
        }
        if let Some(members) = outline.members() {
            let pairs = members.map(|(name, value)| (name.text().unwrap().into_owned(), read(value)));
            return Value::Object(pairs.collect());
        }
        match outline.text() {
            Some(text) => text.into(),
            None => serde_json::from_str(outline.as_str()).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_serde_json_reads(value in json(), pretty: bool) {
            let text =
                if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert_eq!(read(Outline::of(&text).unwrap()), value);
        }
    }
}

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

/// What is between the values of a container.
const BETWEEN: [char; 6] = [' ', '\t', '\n', '\r', ',', ':'];

/// A JSON value by its text, which is well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outline<'a>(&'a str);

/// Not an object, or one that two readers would read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclear;

/// A member that was looked for: not there, there once, or not clear.
pub(crate) type Found<'a> = Result<Option<Outline<'a>>, Unclear>;

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
        let mut found = [Ok(None); N];
        for (name, value) in self.members().ok_or(Unclear)? {
            note(&name.text().ok_or(Unclear)?, value, names, &mut found);
        }
        all_of(found)
    }

    /// The same, and of the member `outer`, where that is an object, the members with the names of `inner`: in one
    /// scan, since it may be large. Which of these matter is decided later: each is unclear by itself.
    ///
    /// # Errors
    /// As [`pick`](Self::pick), for `names` alone.
    pub(crate) fn pick_two<const N: usize, const M: usize>(
        self,
        names: [&str; N],
        outer: &str,
        inner: [&str; M],
    ) -> Result<([Option<Self>; N], [Found<'a>; M]), Unclear> {
        let mut rest = self.0.strip_prefix('{').ok_or(Unclear)?;
        let (mut found, mut inside) = ([Ok(None); N], [Ok(None); M]);
        while let Some(name) = next_value(&mut rest) {
            let name = name.text().ok_or(Unclear)?;
            let value = if name == outer {
                next_object(&mut rest, |name, value| match name.text() {
                    Some(name) => note(&name, value, inner, &mut inside),
                    None => inside = [Err(Unclear); M],
                })
            } else {
                next_value(&mut rest)
            };
            note(&name, value.ok_or(Unclear)?, names, &mut found);
        }
        Ok((all_of(found)?, inside))
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

/// Notes a member if its name is one of those looked for. One in another case, or a second one, makes it unclear.
fn note<'a, const N: usize>(name: &str, value: Outline<'a>, names: [&str; N], found: &mut [Found<'a>; N]) {
    let mut places = names.iter().zip(found);
    if let Some((wanted, place)) = places.find(|(wanted, _)| folded(name).eq(folded(wanted))) {
        *place = if name == *wanted && *place == Ok(None) { Ok(Some(value)) } else { Err(Unclear) };
    }
}

fn all_of<const N: usize>(found: [Found<'_>; N]) -> Result<[Option<Outline<'_>>; N], Unclear> {
    let all = found.map(Result::unwrap_or_default);
    if found.iter().all(Result::is_ok) { Ok(all) } else { Err(Unclear) }
}

/// The next value of a container, and what is behind it; `None` at the container's end.
fn next_value<'a>(rest: &mut &'a str) -> Option<Outline<'a>> {
    let text = rest.trim_start_matches(BETWEEN);
    let (value, behind) = text.split_at_checked(length_of_value(text.as_bytes()))?;
    *rest = behind;
    Some(Outline(value)).filter(|value| !value.0.is_empty())
}

/// The same, and if it is an object, each of its members is told on the way.
fn next_object<'a>(
    rest: &mut &'a str,
    mut tell: impl FnMut(Outline<'a>, Outline<'a>),
) -> Option<Outline<'a>> {
    let text = rest.trim_start_matches(BETWEEN);
    let Some(mut inside) = text.strip_prefix('{') else { return next_value(rest) };
    while let Some(name) = next_value(&mut inside) {
        tell(name, next_value(&mut inside)?);
    }
    let length = text.len() - inside.strip_prefix('}')?.len();
    let (value, behind) = text.split_at_checked(length)?;
    *rest = behind;
    Some(Outline(value))
}

/// How long the value is that a well-formed text begins with; 0 at the end of its container.
fn length_of_value(text: &[u8]) -> usize {
    match text.first() {
        Some(b'"') => length_of_string(text),
        Some(b'{' | b'[') => length_of_container(text),
        _ => {
            let ends = |byte: &u8| matches!(byte, b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r');
            text.iter().position(ends).unwrap_or(text.len())
        }
    }
}

/// How long the object or array is that a text begins with.
fn length_of_container(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(rest) = text.get(at..) {
        let mut bytes = rest.iter().enumerate();
        match bytes.find(|(_, byte)| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']')) {
            Some((found, b'"')) => at += found + length_of_string(rest.get(found..).unwrap_or_default()),
            Some((found, b'{' | b'[')) => (at, depth) = (at + found + 1, depth + 1),
            Some((found, _)) if depth > 1 => (at, depth) = (at + found + 1, depth - 1),
            Some((found, _)) => return at + found + 1,
            None => break,
        }
    }
    text.len()
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
    fn members_of_two_objects_are_found_in_one_scan() {
        let pick = |text: &'static str| {
            let ([params, id], [name, uri]) =
                Outline::of(text).unwrap().pick_two(["params", "id"], "params", ["name", "uri"])?;
            let inner = [name, uri].map(|found| found.map(|found| found.map(Outline::as_str)));
            Ok((params.map(Outline::as_str), id.map(Outline::as_str), inner))
        };
        let both = |params, name, uri| Ok((Some(params), Some("1"), [name, uri]));
        for (name, text, expected) in [
            ("neither", r#"{"id":1}"#, Ok((None, Some("1"), [Ok(None), Ok(None)]))),
            ("empty", r#"{"params":{},"id":1}"#, both("{}", Ok(None), Ok(None))),
            ("white space", "{\"params\" :\t{ \"name\" : [ 2 ] } ,\n\"id\" : 1 }", {
                both("{ \"name\" : [ 2 ] }", Ok(Some("[ 2 ]")), Ok(None))
            }),
            ("deep", r#"{"id":1,"params":{"a":{"name":"}"},"uri":"\"}"}}"#, {
                both(r#"{"a":{"name":"}"},"uri":"\"}"}"#, Ok(None), Ok(Some(r#""\"}""#)))
            }),
            ("no object", r#"{"params":["name",{}],"id":1}"#, both(r#"["name",{}]"#, Ok(None), Ok(None))),
            ("escapes", r#"{"p\u0061rams":{"n\u0061me":2},"id":1}"#, {
                both(r#"{"n\u0061me":2}"#, Ok(Some("2")), Ok(None))
            }),
            ("an inner one twice", r#"{"params":{"name":2,"name":2,"uri":3},"id":1}"#, {
                both(r#"{"name":2,"name":2,"uri":3}"#, Err(Unclear), Ok(Some("3")))
            }),
            ("an inner one in another case", r#"{"params":{"Name":2},"id":1}"#, {
                both(r#"{"Name":2}"#, Err(Unclear), Ok(None))
            }),
            ("half a surrogate pair inside", r#"{"params":{"uri":3,"\ud800":1},"id":1}"#, {
                both(r#"{"uri":3,"\ud800":1}"#, Err(Unclear), Err(Unclear))
            }),
            ("an outer one twice", r#"{"params":{},"params":{}}"#, Err(Unclear)),
            ("an outer one in another case", r#"{"Params":{},"id":1}"#, Err(Unclear)),
            ("an array", "[]", Err(Unclear)),
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

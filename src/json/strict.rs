//! The strictness that JSON parsers leave to their callers: no member name twice in one object, at
//! any level (RFC 7519 section 4, RFC 8725 section 2.4), none of serde_json's private names, and a
//! bound on nesting.
//!
//! It rides on one pass of serde_json over the text. Errors travel through serde's error type,
//! which has no place for ours, so the cause is noted in [`Strict`] on the way out.

use std::{borrow::Cow, cell::Cell, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use smallvec::SmallVec;

use crate::error::Malformed;

/// From this many members on, an object's names are looked up by hash: a payload of thousands of
/// one-letter members must not cost their square.
const HASHED_FROM: usize = 24;

/// What the names begin with by which serde_json's own types know each other in the data model.
const PRIVATE: &str = "$serde_json::private::";

/// The one of them under which a parser hands over a number that is no `u64` or `i64`, as a map of one
/// member, its text, in programs where some crate turned on the feature `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// What a map turned out to be.
pub(crate) enum Map {
    /// A number, as its text.
    Number(String),
    Object,
}

/// The state of one strict pass.
pub(crate) struct Strict {
    nesting: u32,
    cause: Cell<Option<Malformed>>,
}

impl Strict {
    pub(crate) fn new(nesting: u32) -> Self {
        Self { nesting, cause: Cell::new(None) }
    }

    /// Runs one pass over `json`, which must hold one value and nothing after it.
    ///
    /// It is text already: from bytes, serde_json would validate the encoding of each string again.
    pub(crate) fn read<'de, V>(
        &self,
        json: &'de str,
        visitor: V,
        otherwise: Malformed,
    ) -> Result<V::Value, Malformed>
    where
        V: Visitor<'de>,
    {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        deserializer
            .deserialize_map(visitor)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|_| self.cause.get().unwrap_or(otherwise))
    }

    /// The level that the containers inside the document's own object are at.
    pub(crate) const FIRST_INNER_LEVEL: u32 = 2;

    pub(crate) fn fail<E: Error>(&self, cause: Malformed) -> E {
        self.cause.set(Some(cause));
        E::custom(cause)
    }

    fn check_level<E: Error>(&self, level: u32) -> Result<(), E> {
        if level > self.nesting { Err(self.fail(Malformed::TooDeep)) } else { Ok(()) }
    }

    /// The next member name of an object.
    pub(crate) fn next_name<'de, A: MapAccess<'de>>(
        &self,
        members: &mut A,
    ) -> Result<Option<Cow<'de, str>>, A::Error> {
        let name = members.next_key_seed(Name)?;
        self.check_name(name.as_deref())?;
        Ok(name)
    }

    fn check_name<E: Error>(&self, name: Option<&str>) -> Result<(), E> {
        match name {
            Some(name) if name.starts_with(PRIVATE) => Err(self.fail(Malformed::ReservedName)),
            _ => Ok(()),
        }
    }
}

/// The member names of one object so far.
#[derive(Default)]
pub(crate) struct Names<'de> {
    few: SmallVec<[Cow<'de, str>; HASHED_FROM]>,
    /// Made when there are many: most objects have few members.
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> Names<'de> {
    pub(crate) fn insert<E: Error>(&mut self, name: Cow<'de, str>, strict: &Strict) -> Result<(), E> {
        let fresh = if self.few.len() < HASHED_FROM {
            let fresh = !self.few.contains(&name);
            self.few.push(name);
            fresh
        } else {
            !self.few.contains(&name) && self.many.get_or_insert_default().insert(name)
        };
        if fresh { Ok(()) } else { Err(strict.fail(Malformed::DuplicateMember)) }
    }
}

/// A member name, borrowed from the text unless it has escapes.
pub(crate) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The text of a number, and no text that came from outside: serde_json makes a `String` of a number's
/// text, and lends every string of a document.
struct NumberText;

impl<'de> DeserializeSeed<'de> for NumberText {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_string(self)
    }
}

impl Visitor<'_> for NumberText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a number")
    }

    /// A string of the document: as good as any other value that is no number.
    fn visit_str<E: Error>(self, _: &str) -> Result<String, E> {
        Err(E::invalid_type(Unexpected::Other("a string"), &self))
    }

    fn visit_string<E>(self, text: String) -> Result<String, E> {
        Ok(text)
    }
}

/// Reads any value and checks it all the same; keeps nothing but whether it was a string.
#[derive(Clone, Copy)]
pub(crate) struct Skip<'s> {
    pub(crate) strict: &'s Strict,
    /// The level of the value, if it turns out to be a container.
    pub(crate) level: u32,
}

impl Skip<'_> {
    pub(crate) const fn inner(self) -> Self {
        Self { level: self.level + 1, ..self }
    }

    pub(crate) fn sequence<'de, A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.strict.check_level(self.level)?;
        while items.next_element_seed(self.inner())?.is_some() {}
        Ok(())
    }

    pub(crate) fn map<'de, A: MapAccess<'de>>(self, members: A) -> Result<Map, A::Error> {
        self.map_of(members, |_| (), |(), members, skip| members.next_value_seed(skip).map(drop))
    }

    /// The same; `each` reads the value of each member, with what `wanted` made of its name.
    pub(crate) fn map_of<'de, A: MapAccess<'de>, W>(
        self,
        mut members: A,
        wanted: impl Fn(&Cow<'de, str>) -> W,
        mut each: impl FnMut(W, &mut A, Self) -> Result<(), A::Error>,
    ) -> Result<Map, A::Error> {
        let mut next = members.next_key_seed(Name)?;
        if next.as_deref() == Some(NUMBER) {
            return self.number(members).map(Map::Number);
        }
        self.strict.check_name(next.as_deref())?;
        self.strict.check_level(self.level)?;
        let mut names = Names::default();
        while let Some(name) = next {
            let wanted = wanted(&name);
            names.insert(name, self.strict)?;
            each(wanted, &mut members, self.inner())?;
            next = self.strict.next_name(&mut members)?;
        }
        Ok(Map::Object)
    }

    /// A number that was handed over as a map; an object whose member has that name is none. Without
    /// `arbitrary_precision` the parser itself refuses numbers beyond the range of `f64`.
    fn number<'de, A: MapAccess<'de>>(self, mut members: A) -> Result<String, A::Error> {
        let text =
            members.next_value_seed(NumberText).map_err(|_| self.strict.fail(Malformed::ReservedName))?;
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(text),
            _ => Err(A::Error::custom("number out of range")),
        }
    }

    pub(crate) fn check_level<E: Error>(self) -> Result<(), E> {
        self.strict.check_level(self.level)
    }
}

impl<'de> DeserializeSeed<'de> for Skip<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<bool, A::Error> {
        self.sequence(items).map(|()| false)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<bool, A::Error> {
        self.map(members).map(|_| false)
    }
}

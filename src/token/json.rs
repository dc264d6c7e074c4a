//! The strictness that JSON parsers leave to their callers: no member name twice in one object, at
//! any level (RFC 7519 section 4, RFC 8725 section 2.4), and a bound on nesting.
//!
//! It rides on one pass of serde_json over the text. Errors travel through serde's error type,
//! which has no room for ours, so the cause is noted in [`Strict`] on the way out.

use std::{borrow::Cow, cell::Cell, collections::HashSet, fmt, sync::LazyLock};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

use crate::error::Malformed;

/// From this many members on, an object's names are looked up by hash: a payload of thousands of
/// one-letter members must not cost their square.
const HASHED_FROM: usize = 24;

/// The name under which serde_json hands over a number as a map of one member, its text, in programs
/// where some crate turned on the feature `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// Whether this is such a program. In any other, a member of that name is like all members.
static NUMBERS_ARE_MAPS: LazyLock<bool> = LazyLock::new(|| {
    // Only with that feature is a number the text that it was read from.
    serde_json::from_str::<serde_json::Number>("1.50").is_ok_and(|number| number.to_string() == "1.50")
});

/// What a map turned out to be.
pub(super) enum Map<'de> {
    /// A number, as its text.
    Number(Cow<'de, str>),
    Object,
}

/// The state of one strict pass.
pub(super) struct Strict {
    nesting: u32,
    cause: Cell<Option<Malformed>>,
}

impl Strict {
    pub(super) fn new(nesting: u32) -> Self {
        Self { nesting, cause: Cell::new(None) }
    }

    /// Runs one pass over `json`, which must hold one value and nothing after it.
    ///
    /// It is text already: from bytes, serde_json would validate the encoding of each string again.
    pub(super) fn read<'de, V>(
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
    pub(super) const FIRST_INNER_LEVEL: u32 = 2;

    pub(super) fn fail<E: Error>(&self, cause: Malformed) -> E {
        self.cause.set(Some(cause));
        E::custom(cause)
    }

    fn check_level<E: Error>(&self, level: u32) -> Result<(), E> {
        if level > self.nesting { Err(self.fail(Malformed::TooDeep)) } else { Ok(()) }
    }
}

/// The member names of one object so far.
#[derive(Default)]
pub(super) struct Names<'de> {
    few: SmallVec<[Cow<'de, str>; HASHED_FROM]>,
    /// Made when there are many: most objects have few members.
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> Names<'de> {
    pub(super) fn insert<E: Error>(&mut self, name: Cow<'de, str>, strict: &Strict) -> Result<(), E> {
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
pub(super) struct Name;

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

/// Reads any value and checks it all the same; keeps nothing but whether it was a string.
#[derive(Clone, Copy)]
pub(super) struct Skip<'s> {
    pub(super) strict: &'s Strict,
    /// The level of the value, if it turns out to be a container.
    pub(super) level: u32,
}

impl Skip<'_> {
    pub(super) const fn inner(self) -> Self {
        Self { level: self.level + 1, ..self }
    }

    pub(super) fn sequence<'de, A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.strict.check_level(self.level)?;
        while items.next_element_seed(self.inner())?.is_some() {}
        Ok(())
    }

    pub(super) fn map<'de, A: MapAccess<'de>>(self, members: A) -> Result<Map<'de>, A::Error> {
        self.map_of(members, |_| {})
    }

    /// The same; `each` is told for each member whether its value is a string.
    pub(super) fn map_of<'de, A: MapAccess<'de>>(
        self,
        mut members: A,
        mut each: impl FnMut(bool),
    ) -> Result<Map<'de>, A::Error> {
        let mut next = members.next_key_seed(Name)?;
        if *NUMBERS_ARE_MAPS && next.as_deref() == Some(NUMBER) {
            return members.next_value_seed(Name).map(Map::Number);
        }
        self.strict.check_level(self.level)?;
        let mut names = Names::default();
        while let Some(name) = next {
            names.insert(name, self.strict)?;
            each(members.next_value_seed(self.inner())?);
            next = members.next_key_seed(Name)?;
        }
        Ok(Map::Object)
    }

    pub(super) fn check_level<E: Error>(self) -> Result<(), E> {
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

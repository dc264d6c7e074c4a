//! The payload (RFC 7519 section 4): the claims that some rule asks about are kept, borrowed from the
//! text; the others are checked and passed over. `plain` reads it where it can, and this room's
//! strict pass where it cannot; it is the strict pass that refuses.
//!
//! Which claims are asked about is known when a server is built ([`ClaimNames`]): a rule finds its
//! claim by number. Nothing is allocated for a payload as they are usually sent.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

use super::{
    TokenLimits,
    names::{ClaimId, ClaimNames},
    plain,
};
use crate::{
    error::Malformed,
    json::{Map, Names, Skip, Strict},
    time::UnixTime,
};

/// The value of a claim, as a rule sees it.
///
/// Objects and mixed arrays are told apart but not kept: a rule on what is inside them runs after
/// verification, on the typed claims.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ClaimValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that is a whole number of 0..2⁶⁴.
    Integer(u64),
    /// Any other number: negative, or with a fraction or an exponent.
    Float(f64),
    /// A string.
    String(&'a str),
    /// An array of strings only; also the empty array.
    Strings(&'a [Cow<'a, str>]),
    /// An array with other things than strings in it.
    Array,
    /// An object whose members are all strings: how many there are. Also the empty object.
    StringMembers(usize),
    /// Any other object.
    Object,
}

impl<'a> ClaimValue<'a> {
    /// The string, if it is one.
    pub(crate) const fn as_str(self) -> Option<&'a str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The moment, if it is a `NumericDate` (RFC 7519 section 2): a finite number, not negative.
    pub(crate) fn as_numeric_date(self) -> Option<UnixTime> {
        match self {
            Self::Integer(secs) => Some(UnixTime::from_secs(secs)),
            Self::Float(secs) => UnixTime::from_secs_f64(secs),
            _ => None,
        }
    }

    /// The strings of a claim that is a string or an array of strings, such as `aud`; `None` for
    /// any other type.
    pub(crate) fn as_strings(self) -> Option<impl Iterator<Item = &'a str> + Clone> {
        let (one, several) = match self {
            Self::String(text) => (Some(text), &[][..]),
            Self::Strings(texts) => (None, texts),
            _ => return None,
        };
        Some(one.into_iter().chain(several.iter().map(|text| &**text)))
    }
}

/// The claims of one payload that have a number; not yet verified.
#[derive(Debug, PartialEq)]
pub(crate) struct Claims<'a> {
    /// By the numbers of their names.
    pub(super) kept: SmallVec<[Kept<'a>; INLINE]>,
    pub(super) strings: Strings<'a>,
}

/// As many as a server of one kind of issuer asks about.
const INLINE: usize = 20;

/// The strings of arrays, and those that had to be copied; of all claims, so that a payload with a
/// few of them costs no allocation.
pub(super) type Strings<'a> = SmallVec<[Cow<'a, str>; 4]>;

/// What is kept of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kept<'a> {
    Absent,
    Null,
    Bool(bool),
    Integer(u64),
    Float(f64),
    /// A string as it stands in the payload.
    Borrowed(&'a str),
    /// One of the [`Strings`].
    Copied(usize),
    /// Those from the first on, up to the second.
    Strings(usize, usize),
    Array,
    StringMembers(usize),
    Object,
}

impl<'a> Claims<'a> {
    /// No claims yet.
    #[inline]
    pub(crate) fn none(names: &ClaimNames) -> Self {
        let kept = match names.count() {
            few @ 0..=INLINE => SmallVec::from_buf_and_len([Kept::Absent; INLINE], few),
            many => SmallVec::from_elem(Kept::Absent, many),
        };
        Self { kept, strings: SmallVec::new() }
    }

    /// Reads the claims of a payload; once, into none.
    ///
    /// # Errors
    /// [`Malformed::Payload`], [`Malformed::DuplicateMember`], [`Malformed::ReservedName`] or
    /// [`Malformed::TooDeep`].
    pub(crate) fn read(
        &mut self,
        json: &'a str,
        names: &ClaimNames,
        limits: &TokenLimits,
    ) -> Result<(), Malformed> {
        if plain::read(json, names, limits, self).is_some() {
            return Ok(());
        }
        *self = Self::none(names);
        self.read_strictly(json, names, limits)
    }

    /// The pass that refuses; into claims that are empty.
    pub(super) fn read_strictly(
        &mut self,
        json: &'a str,
        names: &ClaimNames,
        limits: &TokenLimits,
    ) -> Result<(), Malformed> {
        let strict = Strict::new(limits.nesting);
        strict.read(json, ClaimsVisitor { strict: &strict, wanted: names, claims: self }, Malformed::Payload)
    }

    #[inline]
    pub(crate) fn get(&self, id: ClaimId) -> Option<ClaimValue<'_>> {
        Some(match *self.kept.get(id.0)? {
            Kept::Absent => return None,
            Kept::Null => ClaimValue::Null,
            Kept::Bool(is) => ClaimValue::Bool(is),
            Kept::Integer(number) => ClaimValue::Integer(number),
            Kept::Float(number) => ClaimValue::Float(number),
            Kept::Borrowed(text) => ClaimValue::String(text),
            Kept::Copied(at) => ClaimValue::String(self.strings.get(at)?),
            Kept::Strings(from, to) => ClaimValue::Strings(self.strings.get(from..to)?),
            Kept::Array => ClaimValue::Array,
            Kept::StringMembers(count) => ClaimValue::StringMembers(count),
            Kept::Object => ClaimValue::Object,
        })
    }
}

struct ClaimsVisitor<'s, 'c, 'de> {
    strict: &'s Strict,
    wanted: &'s ClaimNames,
    claims: &'c mut Claims<'de>,
}

impl<'de> Visitor<'de> for ClaimsVisitor<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Claims { kept, strings } = self.claims;
        let mut others = Names::default();
        let inner = Skip { strict: self.strict, level: Strict::FIRST_INNER_LEVEL };
        while let Some(name) = self.strict.next_name(&mut members)? {
            let wanted = self.wanted.marked(ClaimNames::mark(name.as_bytes()), name.as_bytes());
            match wanted.and_then(|id| kept.get_mut(id.0)) {
                Some(claim @ Kept::Absent) => {
                    *claim = members.next_value_seed(Value { skip: inner, strings })?;
                }
                Some(_) => return Err(self.strict.fail(Malformed::DuplicateMember)),
                None => {
                    others.insert(name, self.strict)?;
                    members.next_value_seed(inner)?;
                }
            }
        }
        Ok(())
    }
}

struct Value<'s, 'c, 'de> {
    skip: Skip<'s>,
    strings: &'c mut Strings<'de>,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, 'de> {
    type Value = Kept<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, 'de> {
    type Value = Kept<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Kept::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Kept::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Kept::Integer(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "a negative number is no date, whatever its last digits")]
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(value).map_or(Kept::Float(value as f64), Kept::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Kept::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Kept::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        self.strings.push(Cow::Owned(text.to_owned()));
        Ok(Kept::Copied(self.strings.len() - 1))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Self { skip, strings } = self;
        skip.check_level()?;
        let inner = skip.inner();
        let from = strings.len();
        while let Some(item) = items.next_element_seed(Value { skip: inner, strings: &mut *strings })? {
            match item {
                Kept::Borrowed(text) => strings.push(Cow::Borrowed(text)),
                // It was put there as the last one.
                Kept::Copied(_) => {}
                _ => {
                    strings.truncate(from);
                    while items.next_element_seed(inner)?.is_some() {}
                    return Ok(Kept::Array);
                }
            }
        }
        Ok(Kept::Strings(from, strings.len()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        let (mut count, mut strings) = (0, true);
        let map = self.skip.map_of(members, |is_string| {
            count += 1;
            strings &= is_string;
        })?;
        Ok(match map {
            Map::Number(text) => number(&text),
            Map::Object if strings => Kept::StringMembers(count),
            Map::Object => Kept::Object,
        })
    }
}

/// A number by its text, as [`Value`] would have been given it.
fn number(text: &str) -> Kept<'static> {
    match text.parse() {
        Ok(whole) => Kept::Integer(whole),
        // The strict pass saw that it is a number.
        Err(_) => Kept::Float(text.parse().unwrap_or(f64::NAN)),
    }
}

#[cfg(test)]
mod tests;

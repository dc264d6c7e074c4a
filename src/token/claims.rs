//! The payload (RFC 7519 section 4), read in one pass: the claims that some rule asks about are
//! kept, borrowed from the text; the others are checked and passed over.
//!
//! Which claims are asked about is known when a server is built: [`ClaimNames`] gives each name a
//! small number, and a rule finds its claim by number.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

use super::{
    TokenLimits,
    json::{Map, Name, Names, Skip, Strict},
};
use crate::{
    error::{Malformed, TokenError},
    time::UnixTime,
};

/// The value of a claim, as a rule sees it. Strings borrow from the payload where they can.
///
/// Objects and mixed arrays are told apart but not kept: a rule on what is inside them runs after
/// verification, on the typed claims.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClaimValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that is a whole number of 0..2⁶⁴.
    Integer(u64),
    /// Any other number: negative, or with a fraction or an exponent.
    Float(f64),
    /// A string.
    String(Cow<'a, str>),
    /// An array of strings only; also the empty array.
    Strings(Vec<Cow<'a, str>>),
    /// An array with other things than strings in it.
    Array,
    /// An object whose members are all strings: how many there are. Also the empty object.
    StringMembers(usize),
    /// Any other object.
    Object,
}

impl ClaimValue<'_> {
    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The moment, if it is a `NumericDate` (RFC 7519 section 2): a finite number, not negative.
    #[must_use]
    pub fn as_numeric_date(&self) -> Option<UnixTime> {
        match self {
            Self::Integer(secs) => Some(UnixTime::from_secs(*secs)),
            Self::Float(secs) => UnixTime::from_secs_f64(*secs),
            _ => None,
        }
    }

    /// The strings of a claim that is a string or an array of strings, such as `aud`; `None` for
    /// any other type.
    #[must_use]
    pub fn as_strings(&self) -> Option<&[Cow<'_, str>]> {
        match self {
            Self::String(text) => Some(std::slice::from_ref(text)),
            Self::Strings(texts) => Some(texts),
            _ => None,
        }
    }
}

/// The number of a claim name within its [`ClaimNames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimId(usize);

/// The claim names that the rules of a server ask about.
///
/// Each member of each payload is looked up here, so the names are kept by a hash that costs three
/// loads: most claim names have three letters, and differ in the first or the last.
#[derive(Clone, Debug)]
pub(crate) struct ClaimNames {
    buckets: [Vec<(Box<str>, ClaimId)>; BUCKETS],
    count: usize,
}

const BUCKETS: usize = 64;

impl Default for ClaimNames {
    fn default() -> Self {
        Self { buckets: [const { Vec::new() }; BUCKETS], count: 0 }
    }
}

impl ClaimNames {
    /// The number of `name`, given now if it has none yet.
    pub(crate) fn intern(&mut self, name: &str) -> ClaimId {
        self.position(name).unwrap_or_else(|| {
            let id = ClaimId(self.count);
            self.count += 1;
            if let Some(bucket) = self.buckets.get_mut(Self::bucket(name)) {
                bucket.push((name.into(), id));
            }
            id
        })
    }

    fn position(&self, name: &str) -> Option<ClaimId> {
        let bucket = self.buckets.get(Self::bucket(name))?;
        bucket.iter().find(|(known, _)| **known == *name).map(|(_, id)| *id)
    }

    fn bucket(name: &str) -> usize {
        let (first, last) = match name.as_bytes() {
            [] => (0, 0),
            [first, .., last] => (*first, *last),
            [only] => (*only, 0),
        };
        (name.len() + 5 * usize::from(first) + 11 * usize::from(last)) % BUCKETS
    }
}

/// The claims of one payload that have a number; not yet verified.
#[derive(Debug)]
pub(crate) struct Claims<'a>(SmallVec<[Option<ClaimValue<'a>>; 20]>);

impl<'a> Claims<'a> {
    pub(crate) fn parse(json: &'a str, names: &ClaimNames, limits: &TokenLimits) -> Result<Self, TokenError> {
        let strict = Strict::new(limits.nesting);
        Ok(strict.read(json, Reader { strict: &strict, wanted: names }, Malformed::Payload)?)
    }

    pub(crate) fn get(&self, id: ClaimId) -> Option<&ClaimValue<'a>> {
        self.0.get(id.0)?.as_ref()
    }
}

struct Reader<'s> {
    strict: &'s Strict,
    wanted: &'s ClaimNames,
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Claims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut claims: SmallVec<[Option<ClaimValue<'de>>; 20]> =
            SmallVec::from_elem(None, self.wanted.count);
        let mut others = Names::default();
        let inner = Skip { strict: self.strict, level: Strict::FIRST_INNER_LEVEL };
        while let Some(name) = members.next_key_seed(Name)? {
            match self.wanted.position(&name).and_then(|id| claims.get_mut(id.0)) {
                Some(slot) => {
                    if slot.is_some() {
                        return Err(self.strict.fail(Malformed::DuplicateMember));
                    }
                    *slot = Some(members.next_value_seed(Value(inner))?);
                }
                None => {
                    others.insert(name, self.strict)?;
                    members.next_value_seed(inner)?;
                }
            }
        }
        Ok(Claims(claims))
    }
}

#[derive(Clone, Copy)]
struct Value<'s>(Skip<'s>);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ClaimValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ClaimValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(ClaimValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(ClaimValue::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(ClaimValue::Integer(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "a negative number is no date, whatever its last digits")]
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(value).map_or(ClaimValue::Float(value as f64), ClaimValue::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(ClaimValue::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(ClaimValue::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(ClaimValue::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        self.0.check_level()?;
        let inner = self.0.inner();
        let mut texts = Vec::new();
        while let Some(item) = items.next_element_seed(Value(inner))? {
            match item {
                ClaimValue::String(text) => texts.push(text),
                _ => {
                    while items.next_element_seed(inner)?.is_some() {}
                    return Ok(ClaimValue::Array);
                }
            }
        }
        Ok(ClaimValue::Strings(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        let (mut count, mut strings) = (0, true);
        let map = self.0.map_of(members, Value(self.0.inner()), |value| {
            count += 1;
            strings &= matches!(value, ClaimValue::String(_));
        })?;
        Ok(match map {
            Map::Number(text) => number(&text),
            Map::Object if strings => ClaimValue::StringMembers(count),
            Map::Object => ClaimValue::Object,
        })
    }
}

/// A number by its text, as [`Value`] would have been given it.
fn number(text: &str) -> ClaimValue<'static> {
    match text.parse() {
        Ok(whole) => ClaimValue::Integer(whole),
        // Text that is no number after all is none that a date could be.
        Err(_) => ClaimValue::Float(text.parse().unwrap_or(f64::NAN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Option<ClaimValue<'_>>, TokenError> {
        let mut names = ClaimNames::default();
        let id = names.intern("x");
        let claims = Claims::parse(json, &names, &TokenLimits::default())?;
        Ok(claims.get(id).cloned())
    }

    #[test]
    fn values_keep_their_type() {
        for (json, expected) in [
            ("{}", None),
            (r#"{"x":null}"#, Some(ClaimValue::Null)),
            (r#"{"x":true}"#, Some(ClaimValue::Bool(true))),
            (r#"{"x":7}"#, Some(ClaimValue::Integer(7))),
            (r#"{"x":-7}"#, Some(ClaimValue::Float(-7.0))),
            (r#"{"x":7.5}"#, Some(ClaimValue::Float(7.5))),
            (r#"{"x":"a"}"#, Some(ClaimValue::String("a".into()))),
            (r#"{"x":"\u0061"}"#, Some(ClaimValue::String("a".into()))),
            (r#"{"\u0078":"a"}"#, Some(ClaimValue::String("a".into()))),
            (r#"{"x":[]}"#, Some(ClaimValue::Strings(vec![]))),
            (r#"{"x":["a","b"]}"#, Some(ClaimValue::Strings(vec!["a".into(), "b".into()]))),
            (r#"{"x":["a",1]}"#, Some(ClaimValue::Array)),
            (r#"{"x":[[]]}"#, Some(ClaimValue::Array)),
            (r#"{"x":{"y":1}}"#, Some(ClaimValue::Object)),
            (r#"{"x":{"y":"1","z":null}}"#, Some(ClaimValue::Object)),
            (r#"{"x":{"y":"1","z":"2"}}"#, Some(ClaimValue::StringMembers(2))),
            (r#"{"x":{}}"#, Some(ClaimValue::StringMembers(0))),
        ] {
            assert_eq!(parse(json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn promise_4_duplicates_arrays_and_garbage_are_refused() {
        use Malformed::{DuplicateMember, Payload};
        for (name, json, expected) in [
            ("array payload", r#"["a"]"#, Payload),
            ("string payload", r#""a""#, Payload),
            ("number payload", "5", Payload),
            ("null payload", "null", Payload),
            ("empty payload", "", Payload),
            ("trailing text", "{} x", Payload),
            ("number out of range", r#"{"x":1e400}"#, Payload),
            ("bare word", r#"{"x":NaN}"#, Payload),
            ("lone surrogate", r#"{"x":"\ud800"}"#, Payload),
            ("control character", "{\"x\":\"\u{1}\"}", Payload),
            ("wanted twice", r#"{"x":1,"x":1}"#, DuplicateMember),
            ("wanted twice, once null", r#"{"x":null,"x":1}"#, DuplicateMember),
            ("wanted twice, once escaped", r#"{"x":1,"\u0078":1}"#, DuplicateMember),
            ("other twice", r#"{"y":1,"y":2}"#, DuplicateMember),
            ("inner twice", r#"{"y":{"z":{"a":1,"a":1}}}"#, DuplicateMember),
            ("inside a wanted object", r#"{"x":{"a":1,"a":1}}"#, DuplicateMember),
            ("inside a wanted array", r#"{"x":["a",{"a":1,"a":1}]}"#, DuplicateMember),
        ] {
            assert_eq!(parse(json).unwrap_err(), expected.into(), "{name}");
        }
    }

    #[test]
    fn promise_5_nesting_is_capped_at_the_level() {
        let nested = |levels: usize, open: &str, close: &str| {
            format!(r#"{{"y":{}1{}}}"#, open.repeat(levels - 1), close.repeat(levels - 1))
        };
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            assert!(parse(&nested(32, open, close)).is_ok(), "{open}");
            for levels in [33, 100, 8_000] {
                let refused = parse(&nested(levels, open, close)).unwrap_err();
                assert_eq!(refused, Malformed::TooDeep.into(), "{open} {levels}");
            }
        }
        let wanted = format!(r#"{{"x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
        assert_eq!(parse(&wanted).unwrap_err(), Malformed::TooDeep.into());
    }

    #[test]
    fn many_members_are_told_apart() {
        let members: Vec<_> = (0..3_000).map(|n| format!(r#""m{n}":0"#)).collect();
        assert!(parse(&format!("{{{}}}", members.join(","))).is_ok());
        for again in [0, 23, 24, 2_999] {
            let refused = parse(&format!(r#"{{{},"m{again}":0}}"#, members.join(","))).unwrap_err();
            assert_eq!(refused, Malformed::DuplicateMember.into(), "{again}");
        }
    }

    #[test]
    fn numeric_dates_are_finite_and_not_negative() {
        for (value, expected) in [
            (ClaimValue::Integer(5), Some(5)),
            (ClaimValue::Float(5.9), Some(5)),
            (ClaimValue::Integer(u64::MAX), Some(u64::MAX)),
            (ClaimValue::Float(1e300), Some(u64::MAX)),
            (ClaimValue::Float(-1.0), None),
            (ClaimValue::String("5".into()), None),
            (ClaimValue::Null, None),
        ] {
            assert_eq!(value.as_numeric_date().map(UnixTime::as_secs), expected, "{value:?}");
        }
    }
}

//! The strict pass over a payload, which refuses what is no JSON object, and what `crate::json` says
//! beyond that.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{
    TokenLimits,
    claims::{Kept, Sink},
    names::{ClaimId, ClaimNames},
};
use crate::{
    error::Malformed,
    json::{Map, Names, Skip, Strict},
};

/// Reads `json` into claims that are empty.
pub(super) fn read<'de>(
    json: &'de str,
    limits: &TokenLimits,
    mut sink: Sink<'_, 'de>,
) -> Result<(), Malformed> {
    let strict = Strict::new(limits.nesting);
    strict.read(json, Reader { strict: &strict, sink: &mut sink }, Malformed::Payload)
}

struct Reader<'s, 'c, 'de> {
    strict: &'s Strict,
    sink: &'s mut Sink<'c, 'de>,
}

impl<'de> Visitor<'de> for Reader<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { strict, sink } = self;
        let mut others = Names::default();
        let inner = Skip { strict, level: Strict::FIRST_INNER_LEVEL };
        while let Some(name) = strict.next_name(&mut members)? {
            let wanted = sink.names.marked(ClaimNames::mark(name.as_bytes()), name.as_bytes());
            match wanted.and_then(|id| Some((id, sink.place(id)?))) {
                Some((id, claim)) if claim.get() == Kept::Absent => {
                    claim.set(members.next_value_seed(Value { skip: inner, claim: Some(id), sink })?);
                }
                Some(_) => return Err(strict.fail(Malformed::DuplicateMember)),
                None => {
                    others.insert(name, strict)?;
                    members.next_value_seed(inner)?;
                }
            }
        }
        Ok(())
    }
}

/// A value that is kept.
struct Value<'s, 'v, 'c, 'de> {
    skip: Skip<'s>,
    /// Which claim it is; `None` for an item of an array.
    claim: Option<ClaimId>,
    sink: &'v mut Sink<'c, 'de>,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_, 'de> {
    type Value = Kept<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, '_, 'de> {
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
        let strings = &mut *self.sink.strings;
        strings.push(Cow::Owned(text.to_owned()));
        Ok(Kept::Copied(strings.len() - 1))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Self { skip, claim, sink } = self;
        skip.check_level()?;
        let skip = skip.inner();
        let from = sink.strings.len();
        if let Some(outer) = claim.filter(|claim| sink.names.looks_inside(*claim)) {
            return items_inside(outer, items, skip, sink);
        }
        while let Some(item) = items.next_element_seed(Value { skip, claim: None, sink: &mut *sink })? {
            match item {
                Kept::Borrowed(text) => sink.strings.push(Cow::Borrowed(text)),
                // It was put there as the last one.
                Kept::Copied(_) => {}
                _ => {
                    sink.strings.truncate(from);
                    while items.next_element_seed(skip)?.is_some() {}
                    return Ok(Kept::Array);
                }
            }
        }
        Ok(Kept::Strings(from, sink.strings.len()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        let Self { skip, claim, sink } = self;
        let (mut count, mut strings) = (0, true);
        let each = &mut |is_string: bool| {
            count += 1;
            strings &= is_string;
        };
        let map = match claim.filter(|claim| sink.names.looks_inside(*claim)) {
            Some(outer) => members_inside(outer, members, skip, sink, each)?,
            None => skip.map_of(
                members,
                |_| (),
                |(), members, skip| members.next_value_seed(skip).map(&mut *each),
            )?,
        };
        Ok(match map {
            Map::Number(text) => number(&text),
            Map::Object if strings => Kept::StringMembers(count),
            Map::Object => Kept::Object,
        })
    }
}

/// The items of an array of which some are asked about.
fn items_inside<'de, A: SeqAccess<'de>>(
    outer: ClaimId,
    mut items: A,
    skip: Skip<'_>,
    sink: &mut Sink<'_, 'de>,
) -> Result<Kept<'de>, A::Error> {
    let (from, mut strings_only) = (sink.strings.len(), true);
    for index in 0.. {
        let claim = sink.names.item(outer, index);
        let before = sink.strings.len();
        let Some(item) = items.next_element_seed(Value { skip, claim, sink: &mut *sink })? else { break };
        match item {
            Kept::Borrowed(text) => sink.strings.push(Cow::Borrowed(text)),
            // It was put there as the last one.
            Kept::Copied(_) => {}
            _ => {
                strings_only = false;
                if claim.is_none() {
                    sink.strings.truncate(before);
                }
            }
        }
        if let Some(claim) = claim {
            sink.keep(claim, item);
        }
    }
    // The strings stay whatever else there is: items that are kept may be among them.
    Ok(if strings_only { Kept::Strings(from, sink.strings.len()) } else { Kept::Array })
}

/// The members of an object of which some are asked about; `each` is told whether one is a string.
fn members_inside<'de, A: MapAccess<'de>>(
    outer: ClaimId,
    members: A,
    skip: Skip<'_>,
    sink: &mut Sink<'_, 'de>,
    each: &mut impl FnMut(bool),
) -> Result<Map, A::Error> {
    let names = sink.names;
    skip.map_of(
        members,
        |name| Some((names.inner(outer, name.as_bytes())?, name.clone())),
        |wanted, members, skip| {
            let is_string = match wanted {
                None => members.next_value_seed(skip)?,
                Some((inner, name)) => {
                    sink.begin_member(outer, inner);
                    let value =
                        members.next_value_seed(Value { skip, claim: Some(inner), sink: &mut *sink })?;
                    sink.keep_member(outer, inner, name, value);
                    matches!(value, Kept::Borrowed(_) | Kept::Copied(_))
                }
            };
            each(is_string);
            Ok(())
        },
    )
}

/// A number by its text, as [`Value`] would have been given it.
fn number(text: &str) -> Kept<'static> {
    match text.parse() {
        Ok(whole) => Kept::Integer(whole),
        // The strict pass saw that it is a number.
        Err(_) => Kept::Float(text.parse().unwrap_or(f64::NAN)),
    }
}

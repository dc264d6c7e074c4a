//! Settings as a tree: what any serde format gives, and what is written back.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};
use zeroize::Zeroizing;

/// What is written in the place of a secret. It is refused where a secret is read.
pub(super) const PLACEHOLDER: &str = "(secret)";

/// A value, and the environment variable that it came from, if it did.
#[derive(Clone, Default)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) variable: Option<Arc<str>>,
}

#[derive(Clone, Default)]
pub(super) enum Value {
    #[default]
    Null,
    Bool(bool),
    Whole(u64),
    Negative(i64),
    Real(f64),
    Text(String),
    /// Known to be one from the table of keys on.
    Secret(Zeroizing<String>),
    List(Vec<Node>),
    /// In the order in which it is written; a name may be there twice until it is checked.
    Table(Vec<(String, Node)>),
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        Self { value, variable: None }
    }
}

impl Node {
    /// What a table has under this name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Value::Table(entries) = &self.value else { return None };
        entries.iter().find_map(|(known, node)| (known == name).then_some(node))
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a text or a secret; of anything else the empty one.
    pub(super) fn text(&self) -> &str {
        match &self.value {
            Value::Text(text) => text,
            Value::Secret(text) => text,
            _ => "",
        }
    }

    /// The texts of a list.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.items().iter().map(Self::text)
    }

    pub(super) const fn is_true(&self) -> bool {
        matches!(self.value, Value::Bool(true))
    }

    pub(super) const fn number(&self) -> u64 {
        match self.value {
            Value::Whole(number) => number,
            _ => 0,
        }
    }

    /// The text under a name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name).map(Self::text)
    }

    /// The texts of the list under a name; none where it is not there.
    pub(super) fn texts_of(&self, name: &str) -> Vec<&str> {
        self.get(name).into_iter().flat_map(Self::texts).collect()
    }
}

/// Where a value came from does not count.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// The order of a table does not count.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Whole(one), Self::Whole(other)) => one == other,
            (Self::Negative(one), Self::Negative(other)) => one == other,
            (Self::Real(one), Self::Real(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Secret(one), Self::Secret(other)) => one == other,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Table(one), Self::Table(entries)) => {
                let has = |(name, node): &(String, Node)| {
                    entries.iter().any(|(other, value)| other == name && value == node)
                };
                one.len() == entries.len() && one.iter().all(has)
            }
            _ => false,
        }
    }
}

/// Shows secrets as [`PLACEHOLDER`].
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => value.fmt(f),
            Value::Whole(value) => value.fmt(f),
            Value::Negative(value) => value.fmt(f),
            Value::Real(value) => value.fmt(f),
            Value::Text(value) => value.fmt(f),
            Value::Secret(_) => f.write_str(PLACEHOLDER),
            Value::List(items) => items.fmt(f),
            Value::Table(entries) => {
                f.debug_map().entries(entries.iter().map(|(name, node)| (name, node))).finish()
            }
        }
    }
}

/// Writes secrets as [`PLACEHOLDER`].
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Whole(value) => serializer.serialize_u64(*value),
            Value::Negative(value) => serializer.serialize_i64(*value),
            Value::Real(value) => serializer.serialize_f64(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::Secret(_) => serializer.serialize_str(PLACEHOLDER),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Value::Table(entries) => {
                let mut table = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(name, node)| table.serialize_entry(name, node))?;
                table.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self::from)
    }
}

/// Takes whatever there is: what is wrong with it is said later, all at once.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a self-describing format")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::Negative(value), Value::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = table.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Table(entries))
    }
}

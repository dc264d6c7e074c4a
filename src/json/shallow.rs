//! A value of a document that is read once and for a few members.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A value, as far as key sets, metadata and settings need it. What is inside other values is passed
/// over, whatever it is: so no feature of serde_json has a say in what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shallow {
    Null,
    Text(String),
    /// An array of strings only; also the empty array.
    Texts(Vec<String>),
    Integer(u64),
    /// Anything else.
    Other,
}

impl<'de> Deserialize<'de> for Shallow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShallowVisitor)
    }
}

struct ShallowVisitor;

impl<'de> Visitor<'de> for ShallowVisitor {
    type Value = Shallow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Shallow, E> {
        Ok(Shallow::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shallow, E> {
        Ok(Shallow::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shallow, E> {
        Ok(Shallow::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Shallow, E> {
        Ok(Shallow::Integer(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shallow, E> {
        Ok(Shallow::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Shallow, E> {
        Ok(Shallow::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shallow, A::Error> {
        let (mut texts, mut texts_only) = (Vec::new(), true);
        while let Some(item) = items.next_element()? {
            match item {
                Shallow::Text(text) => texts.push(text),
                _ => texts_only = false,
            }
        }
        Ok(if texts_only { Shallow::Texts(texts) } else { Shallow::Other })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Shallow, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Shallow::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_values_are_kept() {
        let texts = |texts: &[&str]| Shallow::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
        for (json, expected) in [
            ("null", Shallow::Null),
            (r#""a b""#, Shallow::Text("a b".into())),
            (r#""\u0061""#, Shallow::Text("a".into())),
            ("7", Shallow::Integer(7)),
            ("-7", Shallow::Other),
            ("7.5", Shallow::Other),
            ("99999999999999999999", Shallow::Other),
            ("true", Shallow::Other),
            ("[]", texts(&[])),
            (r#"["a","b"]"#, texts(&["a", "b"])),
            (r#"["a",null]"#, Shallow::Other),
            (r#"[["a"]]"#, Shallow::Other),
            ("{}", Shallow::Other),
            (r#"{"$serde_json::private::RawValue":"\"a\""}"#, Shallow::Other),
            (r#"{"$serde_json::private::Number":"7"}"#, Shallow::Other),
        ] {
            assert_eq!(serde_json::from_str::<Shallow>(json).unwrap(), expected, "{json}");
        }
    }
}

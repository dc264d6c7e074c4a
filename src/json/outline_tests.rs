use std::fmt;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngSeed, TestRunner},
};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
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
            Scan::new(text).pick_two(["params", "id"], "params", ["name", "uri"]).unwrap()?;
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

/// Texts of up to `length` characters of these.
fn texts_of(alphabet: &str, length: usize) -> Vec<String> {
    let (mut all, mut last) = (Vec::new(), vec![String::new()]);
    for _ in 0..length {
        last = last.iter().flat_map(|text| alphabet.chars().map(move |c| format!("{text}{c}"))).collect();
        all.extend_from_slice(&last);
    }
    all
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[test]
fn every_short_text_is_judged_as_serde_json_does() {
    for (alphabet, length) in [("{}[],:\"1 ", 6), ("-+.eE01", 6), ("\"\\u0aDn", 6), ("[]truefalsn", 4)] {
        for text in texts_of(alphabet, length) {
            assert_eq!(Outline::of(&text).is_some(), is_json(&text), "{text:?}");
        }
    }
    for word in ["true", "false", "null", "True", "nul", "nulls", "falsee", "NaN", "Infinity", "-", "0x1"] {
        assert_eq!(Outline::of(word).is_some(), is_json(word), "{word:?}");
    }
}

#[test]
fn a_string_ends_where_it_does_for_serde_json_wherever_its_characters_stand() {
    for c in (0..0x100).chain([0x20ac, 0x22_00, 0x5c00, 0x1_0000]).filter_map(char::from_u32) {
        for before in 0..18 {
            for after in ["", "a", "\"", "a\"", "aaaaaaaaaaaaaaaaa", "u0041aaaaaaaaaaaaaaaaa"] {
                let text = format!("[\"{}{c}{after}\"]", "a".repeat(before));
                assert_eq!(Outline::of(&text).is_some(), is_json(&text), "{text:?}");
            }
        }
    }
}

/// Values with the names that the tests look for among their members, also in another case.
fn json() -> impl Strategy<Value = Value> {
    let text = "[\\PC\"\\\\\n{}\\[\\],:]{0,24}";
    let names = ["params", "name", "uri", "id", "Params", "NAME", "u\0", "\u{17f}", ""];
    let name = prop_oneof![prop::sample::select(names.to_vec()).prop_map(str::to_owned), text];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        text.prop_map(Into::into)
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(name.clone(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What may become of a text on its way: a byte is replaced, or goes, a piece of it is there once more, or an
/// object has another member in front.
#[derive(Clone, Debug)]
enum Change {
    Byte(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Copy(prop::sample::Index, usize, prop::sample::Index),
    Member(prop::sample::Index, &'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let byte = prop_oneof![prop::sample::select(b"{}[]\",:\\ 019-.eutn\n\0\xc3".to_vec()), any::<u8>()];
    let member = prop::sample::select(vec!["params", "i\\u0064", "name", "ur\\u0069", "NAME", "uri\\u0000"]);
    prop_oneof![
        (at(), member).prop_map(|(at, name)| Change::Member(at, name)),
        (at(), byte).prop_map(|(at, byte)| Change::Byte(at, byte)),
        at().prop_map(Change::Cut),
        (at(), 1..12_usize, at()).prop_map(|(from, length, to)| Change::Copy(from, length, to)),
    ]
}

impl Change {
    fn make(&self, text: &mut Vec<u8>) {
        match self {
            _ if text.is_empty() => {}
            Self::Byte(at, byte) => *at.get_mut(text) = *byte,
            Self::Cut(at) => drop(text.remove(at.index(text.len()))),
            Self::Copy(from, length, to) => {
                let from = from.index(text.len());
                let piece = text[from..text.len().min(from + length)].to_vec();
                let to = to.index(text.len());
                text.splice(to..to, piece);
            }
            Self::Member(at, name) => {
                let braces: Vec<_> = (1..text.len()).filter(|at| text[at - 1] == b'{').collect();
                if !braces.is_empty() {
                    let at = *at.get(&braces);
                    text.splice(at..at, format!("\"{name}\":1,").into_bytes());
                }
            }
        }
    }
}

/// The members of an object as serde_json reads them: in their order, and each that occurs twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = members.next_entry()? {
                    all.push(member);
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl Members {
    /// What is to be found of a member, by a plain look at all of them.
    fn find(&self, name: &str) -> Result<Option<&Value>, Unclear> {
        let like: Vec<_> = self.0.iter().filter(|(other, _)| folded(other).eq(folded(name))).collect();
        match like[..] {
            [] => Ok(None),
            [(other, value)] if other == name => Ok(Some(value)),
            _ => Err(Unclear),
        }
    }
}

/// The same value, read through outlines down to the leaves.
fn read(outline: Outline<'_>) -> Value {
    if let Some(elements) = outline.elements() {
        return elements.map(read).collect();
    }
    if outline.is_object() {
        let mut members = serde_json::Map::new();
        Scan::new(outline.as_str()).object(|scan, name| {
            members.insert(name.text()?.into_owned(), read(scan.value()?));
            Some(())
        });
        return Value::Object(members);
    }
    match outline.text() {
        Some(text) => text.into(),
        None => value_of(outline),
    }
}

fn value_of(outline: Outline<'_>) -> Value {
    serde_json::from_str(outline.as_str()).unwrap()
}

/// Holds what is found in a text against what serde_json reads; whether it is JSON, and how many were unclear.
fn compare(text: &[u8]) -> (bool, usize) {
    const NAMES: [&str; 2] = ["params", "id"];
    const INNER: [&str; 2] = ["name", "uri"];
    let value = serde_json::from_slice::<Value>(text);
    let Ok(text) = str::from_utf8(text) else {
        assert!(value.is_err());
        return (false, 0);
    };
    let mut unclear = 0;
    let accepted = one_or_several(text, |scan| {
        let begin = scan.position();
        let picked = scan.pick_two(NAMES, "params", INNER)?;
        let text = scan.since(begin)?.trim_start();
        if !text.starts_with('{') {
            assert_eq!(picked.map(drop), Err(Unclear), "{text}");
            return Some(());
        }
        // What serde_json does not take is half a surrogate pair, or a number beyond the range of `f64`.
        let Ok(members) = serde_json::from_str::<Members>(text) else { return Some(()) };
        let expected = NAMES.map(|name| members.find(name));
        let Ok((found, inside)) = picked else {
            unclear += 1;
            assert!(expected.contains(&Err(Unclear)), "{text}");
            return Some(());
        };
        assert_eq!(
            found.map(|found| Ok(found.map(value_of))),
            expected.map(|found| found.map(|v| v.cloned()))
        );
        let params = found[0].and_then(|params| serde_json::from_str(params.as_str()).ok());
        let params = params.unwrap_or(Members(Vec::new()));
        let expected = INNER.map(|name| params.find(name).map(|value| value.cloned()));
        assert_eq!(inside.map(|found| found.map(|found| found.map(value_of))), expected, "{text}");
        unclear += inside.iter().filter(|found| found.is_err()).count();
        Some(())
    });
    assert_eq!(accepted.is_some(), is_json(text), "{text}");
    assert_eq!(Outline::of(text).is_some(), is_json(text), "{text}");
    if let (Some(outline), Ok(value)) = (Outline::of(text), value) {
        assert_eq!(read(outline), value, "{text}");
    }
    (accepted.is_some(), unclear)
}

#[test]
fn what_is_found_is_what_serde_json_reads_and_nothing_else_is_accepted() {
    let config = Config { rng_seed: RngSeed::Fixed(12), ..Config::default() };
    let mut runner = TestRunner::new(config);
    // Half of the messages are objects with the members that are looked for.
    let message = (json(), json(), json(), json()).prop_map(|(rest, name, uri, id)| {
        serde_json::json!({ "id": id, "params": { "name": name, "uri": uri, "x": rest } })
    });
    let strategy = (prop_oneof![json(), message], any::<bool>(), prop::collection::vec(change(), 0..4));
    let (mut accepted, mut refused, mut unclear) = (0, 0, 0);
    for _ in 0..1_500 {
        let (value, pretty, changes) = strategy.new_tree(&mut runner).unwrap().current();
        let mut text =
            if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        changes.iter().for_each(|change| change.make(&mut text));
        let (is_json, not_clear) = compare(&text);
        *if is_json { &mut accepted } else { &mut refused } += 1;
        unclear += not_clear;
    }
    let counts = [accepted, refused, unclear];
    assert!(accepted > 400 && refused > 400 && unclear > 20, "{counts:?}");
}

//! Whatever the quick walk accepts, the strict pass accepts, with the same claims.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    super::{ClaimPath, ClaimValue, Claims, strict},
    *,
};

/// What is asked about in these tests.
const PATHS: [&str; 12] = [
    "a",
    "iss",
    "aud",
    "é",
    "/a/a",
    "/a/iss/é",
    "/iss/0",
    "/iss/2/a",
    "/iss/1/1",
    "/é/s b",
    "/é/exp",
    "/é//0",
];

fn names() -> ClaimNames {
    let mut names = ClaimNames::default();
    for path in PATHS {
        names.intern(path);
    }
    for path in ["é", "/a/iss"] {
        let id = names.intern(path);
        names.intern_members(id);
    }
    names
}

/// Every path leads to what it leads to in serde_json's tree.
fn is_found_alike(text: &str, claims: &Claims<'_>) {
    let mut tree: serde_json::Value = serde_json::from_str(text).expect(text);
    let mut names = names();
    for path in PATHS {
        let found = claims.get(names.intern(path));
        let expected = ClaimPath::from(path).find(&mut tree).map(|value| value.take());
        let same = match (&found, &expected) {
            (None, None) => true,
            (Some(ClaimValue::Null), Some(value)) => value.is_null(),
            (Some(ClaimValue::Bool(is)), Some(value)) => value.as_bool() == Some(*is),
            (Some(ClaimValue::Integer(number)), Some(value)) => value.as_u64() == Some(*number),
            (Some(ClaimValue::String(text)), Some(value)) => value.as_str() == Some(text),
            (Some(ClaimValue::Strings(texts)), Some(serde_json::Value::Array(items))) => {
                items.iter().map(serde_json::Value::as_str).eq(texts.iter().map(|text| Some(&**text)))
            }
            (Some(ClaimValue::Array), Some(serde_json::Value::Array(items))) => {
                items.iter().any(|item| !item.is_string())
            }
            (Some(ClaimValue::StringMembers(count)), Some(serde_json::Value::Object(members))) => {
                members.len() == *count && members.values().all(serde_json::Value::is_string)
            }
            (Some(ClaimValue::Object), Some(serde_json::Value::Object(members))) => {
                !members.values().all(serde_json::Value::is_string)
            }
            _ => false,
        };
        assert!(same, "{path}: {found:?} {expected:?} in {text}");
        if let (Some(value), Some(place)) = (expected, ClaimPath::from(path).find(&mut tree)) {
            *place = value;
        }
    }
}

fn plain(text: &str) -> Option<Claims<'_>> {
    let names = names();
    let mut claims = Claims::none(&names);
    read(text, &TokenLimits::default(), claims.sink(&names)).map(|()| claims)
}

/// Whether the quick walk reads `text`; what it then says is compared.
fn agrees(text: &str) -> bool {
    let names = names();
    let mut strict = Claims::none(&names);
    let verdict = strict::read(text, &TokenLimits::default(), strict.sink(&names));
    let Some(claims) = plain(text) else { return false };
    assert_eq!((verdict, &strict), (Ok(()), &claims), "{text}");
    is_found_alike(text, &claims);
    true
}

#[test]
fn payloads_as_they_are_sent_are_plain() {
    for text in [
        "{}",
        " { } ",
        r#"{"iss":"https://login.example","aud":["a","b"],"exp":4000000000,"azp":"é","a":{"roles":["x",{}]}}"#,
        r#"{ "a" : [ ] , "b" : [ 1 , null , true , false , "é" , [ { } ] ] , "c" : 9999999999999999999 }"#,
        r#"{"a":null,"iss":true,"aud":[1,"a"],"é":0}"#,
        r#"{"a":{"x":"1","y":"2"},"iss":{},"aud":{"x":"1","y":2}}"#,
        r#"{"a":{"a":["x"],"iss":{"é":{"exp":7},"b":{"exp":8},"c":{}}},"iss":["x",["y","z"],{"a":1,"b":["c"]},["d"]]}"#,
        r#"{"é":{"s b":{"exp":["x"]},"exp":{"exp":null},"":["x",1],"x":{"exp":7,"y":[{}]}}}"#,
    ] {
        assert!(agrees(text), "{text}");
    }
}

#[test]
fn what_is_not_plain_is_left_to_the_strict_pass() {
    let many: Vec<_> = (0..=MEMBERS).map(|n| format!(r#""m{n}":0"#)).collect();
    let deep = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(agrees(&deep(32)));
    assert!(agrees(&format!("{{{}}}", many[1..].join(","))));
    for text in [
        &deep(33),
        &format!("{{{}}}", many.join(",")),
        "",
        "[]",
        r#""a""#,
        "{",
        "{}}",
        "{} {}",
        "\u{feff}{}",
        "{\n}",
        r#"{"a":"\n"}"#,
        "{\"a\":\"\n\"}",
        "{\"a\":\"\0\"}",
        r#"{"a\u0061":1}"#,
        r#"{"a":"}"#,
        r#"{"a}"#,
        r#"{a:1}"#,
        r#"{"a" 1}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        r#"{"a":1 "b":1}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":[,1]}"#,
        r#"{"a":[1 1]}"#,
        r#"{"a":[1}"#,
        r#"{"a":[1]]}"#,
        r#"{"a":-1}"#,
        r#"{"a":1.5}"#,
        r#"{"a":1e5}"#,
        r#"{"a":01}"#,
        r#"{"a":00}"#,
        r#"{"a":0x1}"#,
        r#"{"a":1a}"#,
        r#"{"a":10000000000000000000}"#,
        r#"{"a":nul}"#,
        r#"{"a":nulll}"#,
        r#"{"a":True}"#,
        r#"{"a":truefalse}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":null,"a":1}"#,
        r#"{"b":1,"b":1}"#,
        r#"{"b":{"c":1,"c":1}}"#,
        r#"{"b":[{"c":1,"d":1,"c":1}]}"#,
        r#"{"a":{"c":1,"c":1}}"#,
        r#"{"a":["x",{"c":1,"c":1}]}"#,
        r#"{"":1,"":1}"#,
        r#"{"$serde_json::private::RawValue":"{}"}"#,
        r#"{"a":{"$serde_json::private::RawValue":"{}"}}"#,
        r#"{"a":{"a":1,"a":1}}"#,
        r#"{"iss":[{"c":1,"c":1}]}"#,
        r#"{"é":{"x":{"exp":1,"exp":1}}}"#,
        r#"{"é":{"x":{"exp":1.5}}}"#,
        r#"{"iss":["x",[1,]]}"#,
        r#"{"b":[{"c":1,"$serde_json::private::Number":"1"}]}"#,
        r#"{"$":1}"#,
    ] {
        assert!(!agrees(text), "{text}");
    }
}

#[test]
fn a_name_is_found_among_others_of_the_same_mark() {
    let mut names = ClaimNames::default();
    // The mark sees no middle.
    let [a, b, c] = ["axb", "ayb", "azb"].map(|name| names.intern(name));
    let mut claims = Claims::none(&names);
    let limits = TokenLimits::default();
    read(r#"{"ayb":2,"axb":1,"awb":0}"#, &limits, claims.sink(&names)).unwrap();
    let [a, b, c] = [a, b, c].map(|id| claims.kept[id.0]);
    assert_eq!((a, b, c), (Kept::Integer(1), Kept::Integer(2), Kept::Absent));
    for twice in [r#"{"ayb":2,"axb":1,"ayb":0}"#, r#"{"awb":2,"avb":1,"awb":0}"#] {
        assert_eq!(read(twice, &limits, Claims::none(&names).sink(&names)), None, "{twice}");
    }
}

#[test]
fn all_short_texts_are_read_as_by_the_strict_pass() {
    const PIECES: [&str; 10] = ["{", "}", "[", "]", ",", ":", "\"a\"", "\"b", "0", " "];
    let mut read = 0;
    for n in 0..PIECES.len().pow(5) {
        let piece = |place: u32| PIECES[n / PIECES.len().pow(place) % PIECES.len()];
        let text: String = (0..5).map(piece).collect();
        read += usize::from(agrees(&text)) + usize::from(agrees(&format!("{{\"iss\":{text}")));
    }
    assert!(read > 50, "{read}");
}

/// The grammar that is plain, names apart.
fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        select(vec!["null", "true", "false", "0"]).prop_map(str::to_owned),
        (1..10_000_000_000_000_000_000_u64).prop_map(|number| number.to_string()),
        "\"[^$\"\\\\\u{0}-\u{1f}]{0,12}\"",
    ];
    scalar.prop_recursive(6, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            object(inner)
        ]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let blank = || select(vec!["", "", " ", "  "]);
    vec((value, blank(), blank()), 0..6).prop_map(|members| {
        let names = ["iss", "a", "exp", "é", "", "s b"];
        let member = |(name, (value, before, after)): (&str, _)| {
            format!(r#"{before}"{name}"{after}:{before}{value}{after}"#)
        };
        let members: Vec<_> = names.into_iter().zip(members).map(member).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn all_that_is_plain_is_read(text in object(value())) {
        assert!(agrees(&text), "{text}");
    }

    #[test]
    fn what_is_nearly_plain_is_read_as_by_the_strict_pass(
        text in object(value()),
        at in any::<prop::sample::Index>(),
        gone in 0..4_usize,
        new in prop_oneof![
            select(vec![
                "", "{", "}", "[", "]", ",", ":", "\"", "\\", "0", "-", ".", "e", "\n", "\t", " ", "\0",
                "\u{7f}", "\\u0061", "\\ud800", "\"iss\":1,", "\"sub\":[],", "\"a\":\"\",",
                "{\"$serde_json::private::RawValue\":\"[]\"}", "\"$serde_json::private::Number\":\"1\",",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ],
    ) {
        let chars: Vec<_> = text.chars().collect();
        let (before, after) = chars.split_at(at.index(chars.len()));
        let text: String = before.iter().copied().chain(new.chars()).chain(after.iter().skip(gone).copied()).collect();
        agrees(&text);
    }
}

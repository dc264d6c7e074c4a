//! The payload: every wrong type for every claim that matters, and objects that are not objects.

use serde_json::{Value, json};

use crate::{
    forge::{Forge, HEADER, MARK},
    site::{
        Case,
        Expected::{self, Admitted, BadToken, MissingScope},
        case,
    },
};

const INVALID: Expected = BadToken("a claim is not acceptable");
const UNTRUSTED: Expected = BadToken("the token's issuer is not trusted");
const AUDIENCE: Expected = BadToken("the token is for another audience");
const EXPIRED: Expected = BadToken("the token has expired");
const NOT_YET: Expected = BadToken("the token is not valid yet");
const FUTURE: Expected = BadToken("the token was issued in the future");
const TWICE: Expected = BadToken("a member name occurs twice in the token");
const RESERVED: Expected = BadToken("a member name in the token is reserved");
const PAYLOAD: Expected = BadToken("the token's payload is not a JSON object");

/// What becomes of a claim that has each of these types.
struct Row {
    claim: &'static str,
    /// What the claim is in a good token.
    good: fn(&Forge) -> Value,
    number: Expected,
    fraction: Expected,
    /// 2⁶⁴ − 1, and far beyond.
    huge: Expected,
    string: Expected,
    empty: Expected,
    /// The good value as the only one of an array.
    array: Expected,
    empty_array: Expected,
}

const ROWS: [Row; 9] = [
    Row {
        claim: "iss",
        good: |forge| forge.issuer.issuer().into(),
        string: UNTRUSTED,
        empty: UNTRUSTED,
        ..NAME
    },
    Row {
        claim: "aud",
        good: |forge| forge.issuer.audience().into(),
        string: AUDIENCE,
        empty: AUDIENCE,
        array: Admitted,
        empty_array: AUDIENCE,
        ..NAME
    },
    Row { claim: "sub", ..NAME },
    Row { claim: "client_id", ..NAME },
    Row { claim: "jti", ..NAME },
    Row {
        claim: "scope",
        good: |_| "read".into(),
        string: MissingScope,
        empty: MissingScope,
        array: Admitted,
        empty_array: MissingScope,
        ..NAME
    },
    Row { claim: "exp", number: EXPIRED, fraction: EXPIRED, ..TIME },
    Row { claim: "nbf", huge: NOT_YET, ..TIME },
    Row { claim: "iat", huge: FUTURE, ..TIME },
];

/// A claim that is a non-empty string, any will do.
const NAME: Row = Row {
    claim: "",
    good: |_| MARK.into(),
    number: INVALID,
    fraction: INVALID,
    huge: INVALID,
    string: Admitted,
    empty: INVALID,
    array: INVALID,
    empty_array: INVALID,
};

/// A claim that is a moment.
const TIME: Row = Row {
    claim: "",
    good: |forge| forge.issuer.now().as_secs().into(),
    number: Admitted,
    fraction: Admitted,
    huge: Admitted,
    string: INVALID,
    empty: INVALID,
    array: INVALID,
    empty_array: INVALID,
};

pub fn types(forge: &Forge) -> Vec<Case> {
    let mut cases = Vec::new();
    for row in ROWS {
        let good = (row.good)(forge);
        for (kind, value, expected) in [
            ("null", Value::Null, INVALID),
            ("true", json!(true), INVALID),
            ("false", json!(false), INVALID),
            ("a small number", json!(42), row.number),
            ("zero", json!(0), row.number),
            ("a negative number", json!(-1), INVALID),
            ("the most negative number", json!(i64::MIN), INVALID),
            ("a fraction", json!(42.5), row.fraction),
            ("a negative fraction", json!(-0.5), INVALID),
            ("a huge number", json!(u64::MAX), row.huge),
            ("a number beyond integers", json!(1e300), row.huge),
            ("a string", json!(MARK), row.string),
            ("an empty string", json!(""), row.empty),
            ("a number in a string", json!("1700000600"), row.string),
            ("an array", json!([good]), row.array),
            ("an empty array", json!([]), row.empty_array),
            ("an array with a number", json!([good, 42]), INVALID),
            ("an array with null", json!([good, null]), INVALID),
            ("a nested array", json!([[good]]), INVALID),
            ("an object", json!({ "value": good }), INVALID),
            ("an empty object", json!({}), INVALID),
        ] {
            let name = format!("{} is {kind}", row.claim);
            cases.push(case(name, forge.with(row.claim, value), expected));
        }
    }
    cases
}

pub fn members(forge: &Forge) -> Vec<Case> {
    let open = forge.open_claims();
    let also = |members: &str| forge.raw(HEADER, format!("{open},{members}}}"));
    let payload = |payload: &[u8]| forge.raw(HEADER, payload);
    let mut cases: Vec<Case> = [
        ("one more", also(r#""x":1"#), Admitted),
        ("an unknown member twice", also(r#""x":1,"x":1"#), TWICE),
        ("an empty name twice", also(r#""":1,"":1"#), TWICE),
        ("twice, once escaped", also(r#""x":1,"\u0078":2"#), TWICE),
        ("sub twice, once escaped", also(r#""\u0073ub":"zz-mark-zz""#), TWICE),
        ("twice in an object", also(r#""x":{"y":1,"y":1}"#), TWICE),
        ("twice, deep down", also(r#""x":[[{"y":[{"z":1,"z":2}]}]]"#), TWICE),
        ("twice behind an array's end", also(r#""x":[],"y":{},"x":{}"#), TWICE),
        ("a name in two cases", also(r#""x":1,"X":1"#), Admitted),
        ("iss in another case", also(r#""ISS":"https://zz-mark-zz.test""#), Admitted),
        ("the same name at two levels", also(r#""x":{"x":{"x":1}}"#), Admitted),
        ("a prototype", also(r#""__proto__":{"sub":"zz-mark-zz"}"#), Admitted),
        ("a number out of range", also(r#""x":1e999"#), PAYLOAD),
        ("an integer of 400 digits", also(&format!(r#""x":{}"#, "9".repeat(400))), PAYLOAD),
        ("NaN", also(r#""x":NaN"#), PAYLOAD),
        ("infinity", also(r#""x":-Infinity"#), PAYLOAD),
        ("a leading zero", also(r#""x":01"#), PAYLOAD),
        ("hexadecimal", also(r#""x":0x10"#), PAYLOAD),
        ("single quotes", also("'x':1"), PAYLOAD),
        ("no quotes", also("x:1"), PAYLOAD),
        ("a comment", also("/* x */ \"x\":1"), PAYLOAD),
        ("a trailing comma", also(r#""x":1,"#), PAYLOAD),
        ("half a surrogate pair", also(r#""x":"\ud800""#), PAYLOAD),
        ("a control character", also("\"x\":\"\u{1}\""), PAYLOAD),
        ("a line feed in a string", also("\"x\":\"\n\""), PAYLOAD),
        ("white space around", payload(format!(" \r\n\t{open}}} \n").as_bytes()), Admitted),
        ("an object behind", payload(format!("{open}}}{{}}").as_bytes()), PAYLOAD),
        ("a word behind", payload(format!("{open}}} zz-mark-zz").as_bytes()), PAYLOAD),
        ("NUL behind", payload(format!("{open}}}\0").as_bytes()), PAYLOAD),
        ("a byte order mark", payload(format!("\u{feff}{open}}}").as_bytes()), PAYLOAD),
        ("not closed", payload(open.as_bytes()), PAYLOAD),
        ("UTF-16", payload(&utf16(&format!("{open}}}"))), PAYLOAD),
        ("overlong UTF-8", payload(&[open.as_bytes(), b",\"x\":\"\xC0\xAF\"}"].concat()), PAYLOAD),
        ("a surrogate in UTF-8", payload(&[open.as_bytes(), b",\"x\":\"\xED\xA0\x80\"}"].concat()), PAYLOAD),
        ("bytes", payload(&[0xFF; 64]), PAYLOAD),
    ]
    .into_iter()
    .map(|(name, token, expected)| case(name, token, expected))
    .collect();
    for claim in ["iss", "aud", "exp", "sub", "client_id", "iat", "jti", "scope"] {
        // Even the same value: which of the two counts cannot be known.
        let value = serde_json::from_str::<Value>(&format!("{open}}}")).unwrap()[claim].clone();
        let name = format!("{claim} twice");
        cases.push(case(name, also(&format!("{claim:?}:{value}")), TWICE));
    }
    for (name, json) in [
        ("an array of claims", format!("[{open}}}]")),
        ("a string", format!("{MARK:?}")),
        ("a number", "42".to_owned()),
        ("true", "true".to_owned()),
        ("null", "null".to_owned()),
        ("white space", " ".to_owned()),
    ] {
        cases.push(case(format!("payload is {name}"), payload(json.as_bytes()), PAYLOAD));
    }
    cases.push(case("payload is an empty object", payload(b"{}"), BadToken("a required claim is missing")));
    cases
}

/// Names by which serde_json's own types know each other: an object that begins with one is read as
/// something else by a part of the program.
pub fn private_names(forge: &Forge) -> Vec<Case> {
    let also = |members: &str| forge.raw(HEADER, format!("{},{members}}}", forge.open_claims()));
    let raw = |text: &str| format!(r#"{{"$serde_json::private::RawValue":{text:?}}}"#);
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    [
        ("not JSON in a raw value", also(&format!(r#""user_metadata":{}"#, raw("not json"))), RESERVED),
        ("a member twice in it", also(&format!(r#""x":{}"#, raw(r#"{"a":1,"a":2}"#))), RESERVED),
        ("1 200 levels in it", also(&format!(r#""x":{}"#, raw(&deep(1_200)))), RESERVED),
        ("escaped", also(&format!(r#""x":{}"#, raw("1").replace('$', "\\u0024"))), RESERVED),
        ("beside the claims", also(r#""$serde_json::private::RawValue":"{}""#), RESERVED),
        ("a number", also(r#""x":{"$serde_json::private::Number":"zz-mark-zz"}"#), RESERVED),
        ("in an array", also(&format!(r#""x":[[{}]]"#, raw("1"))), RESERVED),
        ("one of another version", also(r#""x":{"$serde_json::private::zz-mark-zz":1}"#), RESERVED),
        ("as a value", also(r#""x":["$serde_json::private::RawValue"]"#), Admitted),
        ("another name with a dollar", also(r#""x":{"$ref":"zz-mark-zz"}"#), Admitted),
    ]
    .into_iter()
    .map(|(name, token, expected)| case(name, token, expected))
    .collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

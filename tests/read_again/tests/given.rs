//! Inputs by name: those by which a user with a say over one member of a token could show one thing to
//! the rules and another to the application, and their siblings.

use read_again::{
    PRIVATE,
    site::{API, Facts, ISSUER, SUBJECT, Site},
};
use serde_json::{Value, json};

const RESERVED: &str = "a member name in the token is reserved";
const TWICE: &str = "a member name occurs twice in the token";
const TOO_DEEP: &str = "the token is nested too deeply";
const NOT_JSON: &str = "the token's payload is not a JSON object";
const INVALID: &str = "a claim is not acceptable";

/// A good payload with these members, with and without a line feed behind it, which is no part of it.
fn payloads(members: &str) -> [String; 2] {
    let payload =
        format!(r#"{{"iss":"{ISSUER}","aud":"{API}","sub":"{SUBJECT}","exp":4000000000,{members}}}"#);
    [format!("{payload}\n"), payload]
}

/// The test is about programs with these features, so they had better be there.
#[test]
fn the_program_has_the_features_that_it_is_to_have() {
    let raw = serde_json::from_str::<Value>(r#"{"$serde_json::private::RawValue":"[1]"}"#).unwrap();
    assert_eq!(raw == json!([1]), cfg!(feature = "raw_value"), "{raw}");
    let number = serde_json::from_str::<Value>(r#"{"$serde_json::private::Number":"1"}"#).unwrap();
    assert_eq!(number == json!(1), cfg!(feature = "arbitrary_precision"), "{number}");
    let exact = serde_json::from_str::<Value>("1.50").unwrap().to_string();
    assert_eq!(exact == "1.50", cfg!(feature = "arbitrary_precision"), "{exact}");
}

#[test]
fn promise_5_no_member_name_hides_what_an_application_reads() {
    let site = Site::new(Site::profile());
    let raw = |json: &str| format!(r#"{{"{PRIVATE}RawValue":{json:?}}}"#);
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (name, members) in [
        ("every claim answers None", format!(r#""user_metadata":{},"banned":true"#, raw("not json"))),
        ("a member twice", format!(r#""user_metadata":{}"#, raw(r#"{"a":1,"a":2}"#))),
        (
            "40 arrays as at most 2 texts",
            format!(r#""metadata":{}"#, raw(&format!("[{}[]]", "[],".repeat(39)))),
        ),
        ("a scope that is a member", format!(r#""scope":{}"#, raw(r#"{"admin":{}}"#))),
        ("1 200 levels in a text", format!(r#""x":{}"#, raw(&deep(1_200)))),
        ("33 levels in a text", format!(r#""x":{}"#, raw(&deep(33)))),
        ("the first character escaped", format!(r#""x":{}"#, raw("1").replace('$', "\\u0024"))),
        ("a middle character escaped", format!(r#""x":{}"#, raw("1").replace(":R", "\\u003aR"))),
        ("of the payload itself", format!(r#""{PRIVATE}RawValue":"{{}}""#)),
        ("behind another member", format!(r#""x":{{"a":1,"{PRIVATE}RawValue":"[]"}}"#)),
        ("in an array in an object", format!(r#""x":[0,{{"y":[{}]}}]"#, raw("{}"))),
        ("a number", format!(r#""x":{{"{PRIVATE}Number":"5"}}"#)),
        ("a number that is judged", format!(r#""metadata":{{"{PRIVATE}Number":"5"}}"#)),
        ("a number that is none", format!(r#""x":{{"{PRIVATE}Number":"five"}}"#)),
        ("a number as a number", format!(r#""x":{{"{PRIVATE}Number":5}}"#)),
        ("a number, escaped", r#""x":{"\u0024serde_json::private::Number":"5"}"#.to_owned()),
        ("a number, its text escaped", format!(r#""x":{{"{PRIVATE}Number":"\u0035"}}"#)),
        ("a number and more", format!(r#""x":{{"{PRIVATE}Number":"5","y":1}}"#)),
        ("a number in a scope", format!(r#""scope":{{"admin":{{"exp":{{"{PRIVATE}Number":"4e9"}}}}}}"#)),
        ("a number for a client", format!(r#""client_id":{{"{PRIVATE}Number":"5"}}"#)),
        ("a name of a version to come", format!(r#""x":{{"{PRIVATE}":null}}"#)),
    ] {
        for payload in payloads(&members) {
            assert_eq!(site.verify(payload.as_bytes()).err().as_deref(), Some(RESERVED), "{name}: {payload}");
        }
    }
}

#[test]
fn promise_5_what_is_not_refused_is_read_as_it_is_written() {
    let site = Site::new(Site::profile());
    let good = |value: Value| Ok(value);
    for (name, members, expected) in [
        (
            "the name as a value",
            r#""x":["$serde_json::private::RawValue"]"#,
            good(json!(["$serde_json::private::RawValue"])),
        ),
        (
            "the name with a blank before it",
            r#""x":{" $serde_json::private::Number":"5"}"#,
            good(json!({" $serde_json::private::Number": "5"})),
        ),
        (
            "the name less a colon",
            r#""x":{"$serde_json::private:":"5"}"#,
            good(json!({"$serde_json::private:": "5"})),
        ),
        ("other names with a dollar", r#""x":{"$ref":"a","$":1}"#, good(json!({"$ref": "a", "$": 1}))),
        (
            "names of other crates",
            r#""x":{"$__toml_private_datetime":"1979"}"#,
            good(json!({"$__toml_private_datetime": "1979"})),
        ),
        ("two texts in metadata", r#""x":0,"metadata":{"a":"1","b":"2"}"#, good(json!(0))),
        ("three texts in metadata", r#""metadata":{"a":"1","b":"2","c":"3"}"#, Err(INVALID)),
        ("arrays in metadata", r#""metadata":[[],[]]"#, Err(INVALID)),
        ("twice", r#""x":{"a":1,"a":2}"#, Err(TWICE)),
        ("twice, once escaped", r#""x":{"a":1,"\u0061":2}"#, Err(TWICE)),
        ("31 levels inside", &format!(r#""x":{}{}"#, "[".repeat(31), "]".repeat(31)), good(nested(31))),
        ("32 levels inside", &format!(r#""x":{}{}"#, "[".repeat(32), "]".repeat(32)), Err(TOO_DEEP)),
        ("1 200 levels inside", &format!(r#""x":{}{}"#, "[".repeat(1_200), "]".repeat(1_200)), Err(TOO_DEEP)),
        (
            "31 levels and a number",
            &format!(r#""x":{}1.5{}"#, "[".repeat(31), "]".repeat(31)),
            good(nested_of(31, json!(1.5))),
        ),
    ] {
        for payload in payloads(members) {
            let verified = site.verify(payload.as_bytes());
            let read = verified.as_ref().map(|identity| identity.claim("x").expect("a claim x"));
            assert_eq!(
                read.map_err(String::as_str),
                expected.as_ref().cloned().map_err(|why| *why),
                "{name}: {payload}"
            );
        }
    }
}

fn nested(levels: usize) -> Value {
    nested_of(levels - 1, json!([]))
}

fn nested_of(levels: usize, inner: Value) -> Value {
    (0..levels).fold(inner, |inner, _| Value::Array(vec![inner]))
}

/// A number is judged by its value, and in the same way by both passes and in all programs.
#[test]
fn promise_4_numbers_mean_the_same_in_all_programs() {
    let site = Site::new(Site::profile());
    for (number, as_date, as_anything) in [
        ("4000000000", None, None),
        ("4e9", None, None),
        ("4E+9", None, None),
        ("4000000000.0", None, None),
        ("18446744073709551615", None, None),
        ("18446744073709551616", None, None),
        ("99999999999999999999999", None, None),
        ("1e308", None, None),
        ("-0", Some("the token has expired"), None),
        ("0e99999999999999999999", Some("the token has expired"), None),
        ("1e-400", Some("the token has expired"), None),
        ("1.5", Some("the token has expired"), None),
        ("-4000000000", Some(INVALID), None),
        ("-1e-3", Some(INVALID), None),
        ("1e400", Some(NOT_JSON), Some(NOT_JSON)),
        ("-1e400", Some(NOT_JSON), Some(NOT_JSON)),
        ("1e99999999999999999999", Some(NOT_JSON), Some(NOT_JSON)),
        (&"9".repeat(400), Some(NOT_JSON), Some(NOT_JSON)),
        ("04000000000", Some(NOT_JSON), Some(NOT_JSON)),
        ("+4000000000", Some(NOT_JSON), Some(NOT_JSON)),
        ("4000000000.", Some(NOT_JSON), Some(NOT_JSON)),
        ("4e", Some(NOT_JSON), Some(NOT_JSON)),
        ("--4", Some(NOT_JSON), Some(NOT_JSON)),
        ("NaN", Some(NOT_JSON), Some(NOT_JSON)),
    ] {
        let date = format!(r#"{{"iss":"{ISSUER}","aud":"{API}","sub":"{SUBJECT}","exp":{number}}}"#);
        for payload in [format!("{date}\n"), date] {
            assert_eq!(site.verify(payload.as_bytes()).err().as_deref(), as_date, "a date of {number}");
        }
        for payload in payloads(&format!(r#""x":[{number}],"y":{{"z":{number}}}"#)) {
            let verified = site.verify(payload.as_bytes());
            assert_eq!(verified.as_ref().err().map(String::as_str), as_anything, "{number}");
            if let Ok(identity) = verified {
                let read = identity.claim("/y/z").expect("a number");
                assert!(read.is_number() && identity.claim("/x/0") == Some(read), "{number}");
            }
        }
    }
}

/// What is read of scopes is what they are in the claims, in each of the forms that they have.
#[test]
fn promise_5_scopes_are_read_as_they_are_written() {
    let site = Site::new(Site::profile());
    for (scope, expected) in [
        (r#""read admin""#, "admin read"),
        (r#"["read","admin"]"#, "admin read"),
        (r#"["read admin"]"#, ""),
        (r#"["orders:read admin","read"]"#, "read"),
        (r#"["orders:read\u0020admin"]"#, ""),
        (r#"["", " ", "admin "]"#, ""),
        (r#"{"admin":{},"read admin":{},"read":"x"}"#, "admin"),
        (r#"{"admin":{"exp":4e9},"read":{"exp":1},"write":{"exp":"4e9"}}"#, "admin"),
        ("[]", ""),
        (r#""""#, ""),
    ] {
        for payload in payloads(&format!(r#""scope":{scope}"#)) {
            let identity = site.verify(payload.as_bytes()).expect(scope);
            assert_eq!(Facts::of(&identity).scopes.join(" "), expected, "{scope}");
            assert!(!identity.has_scope("read admin"), "{scope}");
        }
    }
}

#[test]
fn promise_5_a_header_that_is_kept_is_read_as_it_was_judged() {
    let site = Site::new(Site::profile());
    let [payload, _] = payloads(r#""x":1"#);
    for (name, header, expected) in [
        ("a number", r#"{"alg":"HS256","ver":4}"#, Ok(json!(4))),
        ("an object", r#"{"alg":"HS256","ver":{"$ref":[1.5]}}"#, Ok(json!({"$ref": [1.5]}))),
        ("a raw value", r#"{"alg":"HS256","ver":{"$serde_json::private::RawValue":"4"}}"#, Err(RESERVED)),
        (
            "a raw value, escaped",
            r#"{"alg":"HS256","ver":{"\u0024serde_json::private::RawValue":"4"}}"#,
            Err(RESERVED),
        ),
        (
            "a raw value of it all",
            r#"{"$serde_json::private::RawValue":"{}","alg":"HS256","ver":1}"#,
            Err(RESERVED),
        ),
        ("a number in a map", r#"{"alg":"HS256","ver":{"$serde_json::private::Number":"4"}}"#, Err(RESERVED)),
        ("a number for alg", r#"{"alg":{"$serde_json::private::Number":"4"},"ver":1}"#, Err(RESERVED)),
        ("a huge number", r#"{"alg":"HS256","ver":1e400}"#, Err("the token's header is not well-formed")),
        ("a member twice", r#"{"alg":"HS256","ver":{"a":1,"a":1}}"#, Err(TWICE)),
    ] {
        let verified = site.verify_under(header, payload.as_bytes());
        let read = verified.map(|identity| identity.access_token().and_then(|token| token.header("ver")));
        assert_eq!(read, expected.map(Some).map_err(str::to_owned), "{name}");
    }
}

use super::*;

/// Claims of which the first is `x`.
fn parse(json: &str) -> Result<Claims<'_>, Malformed> {
    let mut names = ClaimNames::default();
    names.intern("x");
    let mut claims = Claims::none(&names);
    claims.read(json, &names, &TokenLimits::default()).map(|()| claims)
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
        (r#"{"x":"a"}"#, Some(ClaimValue::String("a"))),
        (r#"{"x":"\u0061"}"#, Some(ClaimValue::String("a"))),
        (r#"{"\u0078":"a"}"#, Some(ClaimValue::String("a"))),
        (r#"{"x":[]}"#, Some(ClaimValue::Strings(&[]))),
        (r#"{"x":["a","b"]}"#, Some(ClaimValue::Strings(&["a".into(), "b".into()]))),
        (r#"{"x":["a","\u0062"]}"#, Some(ClaimValue::Strings(&["a".into(), "b".into()]))),
        (r#"{"x":["a",1]}"#, Some(ClaimValue::Array)),
        (r#"{"x":["\u0061",["b"]]}"#, Some(ClaimValue::Array)),
        (r#"{"x":[[]]}"#, Some(ClaimValue::Array)),
        (r#"{"x":{"y":1}}"#, Some(ClaimValue::Object)),
        (r#"{"x":{"y":"1","z":null}}"#, Some(ClaimValue::Object)),
        (r#"{"x":{"y":"1","z":"2"}}"#, Some(ClaimValue::StringMembers(2))),
        (r#"{"x":{}}"#, Some(ClaimValue::StringMembers(0))),
    ] {
        assert_eq!(parse(json).unwrap().get(ClaimId(0)), expected, "{json}");
    }
}

#[test]
fn claims_inside_others_are_found_in_the_same_pass() {
    use ClaimValue::{Array, Integer, Null, Object, String, StringMembers, Strings};
    for (name, path, json, expected) in [
        ("a member", "/x/y", r#"{"x":{"y":"a","z":1}}"#, Some(String("a"))),
        ("the last member", "/x/y", r#"{"x":{"z":[{"y":1}],"y":"a"}}"#, Some(String("a"))),
        ("with an escape", "/x/y", r#"{"\u0078":{"\u0079":"\u0061"}}"#, Some(String("a"))),
        ("a number", "/x/y", r#"{"x":{"y":7}}"#, Some(Integer(7))),
        ("null", "/x/y", r#"{"x":{"y":null}}"#, Some(Null)),
        ("an array", "/x/y", r#"{"x":{"y":["a","b"]}}"#, Some(Strings(&["a".into(), "b".into()]))),
        (
            "an array beside others",
            "/x/y",
            r#"{"w":["c"],"x":{"w":["d"],"y":["a"]}}"#,
            Some(Strings(&["a".into()])),
        ),
        ("a mixed array", "/x/y", r#"{"x":{"y":["a",1]}}"#, Some(Array)),
        ("an object", "/x/y", r#"{"x":{"y":{"z":1}}}"#, Some(Object)),
        ("deep", "/x/y/z/0", r#"{"x":{"y":{"z":["a","b"]}}}"#, Some(String("a"))),
        ("the outer one as well", "x", r#"{"x":{"y":"a","z":"b"}}"#, Some(StringMembers(2))),
        ("the outer array as well", "x", r#"{"x":["a","b"]}"#, Some(Strings(&["a".into(), "b".into()]))),
        ("the outer array with other things", "x", r#"{"x":["a",{"y":"b"},"c"]}"#, Some(Array)),
        ("an item", "/x/1", r#"{"x":["a","b"]}"#, Some(String("b"))),
        ("an item with an escape", "/x/1", r#"{"x":["a","\u0062"]}"#, Some(String("b"))),
        (
            "an item after other things",
            "/x/1",
            r#"{"x":[["c"],["a","b"]]}"#,
            Some(Strings(&["a".into(), "b".into()])),
        ),
        ("no such item", "/x/1", r#"{"x":["a"]}"#, None),
        ("an item by another number", "/x/01", r#"{"x":["a","b"]}"#, None),
        ("no item", "/x/-", r#"{"x":["a"]}"#, None),
        ("a member with the name of an item", "/x/1", r#"{"x":{"1":"a"}}"#, Some(String("a"))),
        ("not there", "/x/y", r#"{"x":{"z":{"y":1}},"y":1}"#, None),
        ("inside a string", "/x/y", r#"{"x":"y"}"#, None),
        ("as a name", "/x/y", r#"{"x/y":1,"/x/y":1,"x.y":1}"#, None),
        ("a name with a slash", "/x~1y", r#"{"x/y":7,"x":{"y":1}}"#, Some(Integer(7))),
        ("a name with a tilde and a slash inside", "/x/~0~1", r#"{"x":{"~/":7}}"#, Some(Integer(7))),
        ("the empty name inside", "/x/", r#"{"x":{"":7}}"#, Some(Integer(7))),
    ] {
        // A line feed behind it keeps the quick walk out.
        for json in [json.to_owned(), format!("{json}\n")] {
            let mut names = ClaimNames::default();
            // Others inside, and around.
            for path in ["/x/y/z/0", "/x/1/0", "/x/y", "w"] {
                names.intern(path);
            }
            let id = names.intern(path);
            assert_eq!(names.intern(path), id, "{name}");
            let mut claims = Claims::none(&names);
            claims.read(&json, &names, &TokenLimits::default()).unwrap();
            assert_eq!(claims.get(id), expected, "{name}");
        }
    }
}

#[test]
fn promise_4_what_is_inside_a_claim_is_judged_whether_it_is_asked_about_or_not() {
    use Malformed::{DuplicateMember, ReservedName, TooDeep};
    let deep = format!(r#"{{"x":{{"y":{}{}}}}}"#, "[".repeat(31), "]".repeat(31));
    for (name, json, expected) in [
        ("asked about twice", r#"{"x":{"y":1,"y":1}}"#, DuplicateMember),
        ("asked about twice, once escaped", r#"{"x":{"y":1,"\u0079":1}}"#, DuplicateMember),
        ("another twice", r#"{"x":{"y":1,"z":1,"z":1}}"#, DuplicateMember),
        ("inside what is asked about", r#"{"x":{"y":{"z":1,"z":1}}}"#, DuplicateMember),
        ("in an item", r#"{"x":[{"z":1,"z":1}]}"#, DuplicateMember),
        ("a private name", r#"{"x":{"$serde_json::private::Number":"1"}}"#, ReservedName),
        ("a private name inside", r#"{"x":{"y":{"$serde_json::private::RawValue":"1"}}}"#, ReservedName),
        ("too deep", &deep, TooDeep),
    ] {
        let mut names = ClaimNames::default();
        for path in ["/x/y", "/x/0"] {
            names.intern(path);
        }
        let refused = Claims::none(&names).read(json, &names, &TokenLimits::default());
        assert_eq!(refused, Err(expected), "{name}");
    }
}

#[test]
fn null_is_a_value_unless_it_counts_as_absent() {
    let mut names = ClaimNames::default();
    let ids = ["a", "/b/c", "d"].map(|path| names.intern(path));
    let json = r#"{"a":null,"b":{"c":null},"d":[null]}"#;
    let mut claims = Claims::none(&names);
    claims.read(json, &names, &TokenLimits::default()).unwrap();
    for (is_absent, null) in [(false, Some(ClaimValue::Null)), (true, None), (false, Some(ClaimValue::Null))]
    {
        claims.null_is_absent(is_absent);
        assert_eq!(ids.map(|id| claims.get(id)), [null, null, Some(ClaimValue::Array)]);
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
        assert_eq!(parse(json).unwrap_err(), expected, "{name}");
    }
}

/// An object with such a name is read in another way by a part of the program, and which part hangs
/// on the features of serde_json.
#[test]
fn promise_5_the_private_names_of_serde_json_are_refused() {
    use Malformed::ReservedName;
    for (name, json, expected) in [
        ("a raw value", r#"{"y":{"$serde_json::private::RawValue":"not json"}}"#, Some(ReservedName)),
        ("a number", r#"{"y":{"$serde_json::private::Number":"1"}}"#, Some(ReservedName)),
        ("a number that is none", r#"{"y":{"$serde_json::private::Number":"x"}}"#, Some(ReservedName)),
        ("a number as a number", r#"{"y":{"$serde_json::private::Number":1}}"#, Some(ReservedName)),
        ("one of another version", r#"{"y":{"$serde_json::private::":[]}}"#, Some(ReservedName)),
        ("of the payload itself", r#"{"$serde_json::private::RawValue":"{}"}"#, Some(ReservedName)),
        ("as the second member", r#"{"y":{"a":1,"$serde_json::private::Number":"1"}}"#, Some(ReservedName)),
        ("the first escaped", r#"{"y":{"\u0024serde_json::private::RawValue":"1"}}"#, Some(ReservedName)),
        ("all but escaped", r#"{"y":{"$\u0073erde_json::private::Number":"1"}}"#, Some(ReservedName)),
        ("in a wanted object", r#"{"x":{"$serde_json::private::RawValue":"{}"}}"#, Some(ReservedName)),
        ("in a wanted array", r#"{"x":["a",{"$serde_json::private::Number":"1"}]}"#, Some(ReservedName)),
        ("in the first of an array", r#"{"y":[{"$serde_json::private::Number":"1"}]}"#, Some(ReservedName)),
        ("too deep, and first", r#"{"y":[[[{"$serde_json::private::Number":"1"}]]]}"#, Some(ReservedName)),
        ("a value", r#"{"y":"$serde_json::private::RawValue"}"#, None),
        ("a shorter name", r#"{"y":{"$serde_json::private:":"1"}}"#, None),
        ("a name around it", r#"{"y":{" $serde_json::private::RawValue":"1"}}"#, None),
        ("another case", r#"{"y":{"$Serde_json::private::RawValue":"1"}}"#, None),
        ("a dollar", r#"{"$":{"$ref":"1"},"$schema":"x"}"#, None),
    ] {
        // A line feed behind it keeps the quick walk out.
        for json in [json.to_owned(), format!("{json}\n")] {
            assert_eq!(parse(&json).err(), expected, "{name}");
        }
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
            assert_eq!(refused, Malformed::TooDeep, "{open} {levels}");
        }
    }
    let wanted = format!(r#"{{"x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
    assert_eq!(parse(&wanted).unwrap_err(), Malformed::TooDeep);
}

#[test]
fn many_members_are_told_apart() {
    let members: Vec<_> = (0..3_000).map(|n| format!(r#""m{n}":0"#)).collect();
    assert!(parse(&format!("{{{}}}", members.join(","))).is_ok());
    for again in [0, 23, 24, 2_999] {
        let refused = parse(&format!(r#"{{{},"m{again}":0}}"#, members.join(","))).unwrap_err();
        assert_eq!(refused, Malformed::DuplicateMember, "{again}");
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
        (ClaimValue::String("5"), None),
        (ClaimValue::Null, None),
    ] {
        assert_eq!(value.as_numeric_date().map(UnixTime::as_secs), expected, "{value:?}");
    }
}

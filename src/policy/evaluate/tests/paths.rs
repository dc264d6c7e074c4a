//! Claims that are null, and claims inside others.

use super::*;

#[test]
fn null_is_not_there_where_it_counts_as_absent() {
    let lenient = Case { null_is_absent: true, ..Case::default() };
    let nonce = Expected { nonce: Some("n"), ..Expected::default() };
    let nonce = Case { null_is_absent: true, ..Case::expecting(nonce) };
    let c = || claim("c").equals("a");
    for (name, case, rule, json, expected) in [
        ("required", &lenient, c(), r#"{"c":null}"#, MISSING),
        ("required to be there", &lenient, claim("c").present(), r#"{"c":null}"#, MISSING),
        ("if present", &lenient, c().if_present(), r#"{"c":null}"#, GOOD),
        ("not to be there", &lenient, claim("c").absent(), r#"{"c":null}"#, GOOD),
        ("a date, if present", &lenient, claim("c").not_before().if_present(), r#"{"c":null}"#, GOOD),
        ("if several, and the other is null", &lenient, c().if_several("d"), r#"{"d":null}"#, GOOD),
        ("if several", &lenient, c().if_several("d"), r#"{"c":null,"d":["x","y"]}"#, MISSING),
        ("a nonce that is expected", &nonce, claim("c").is_expected_nonce(), r#"{"c":null}"#, MISSING),
        ("inside another claim", &lenient, claim("/c/d").present(), r#"{"c":{"d":null}}"#, MISSING),
        ("around one", &lenient, claim("/c/d").absent(), r#"{"c":null}"#, GOOD),
        (
            "a lifetime that begins with null",
            &lenient,
            claim("c").ends_lifetime(Duration::from_secs(7), None),
            r#"{"c":7,"iat":null,"nbf":0}"#,
            GOOD,
        ),
        ("in an array", &lenient, claim("c").strings(), r#"{"c":[null]}"#, INVALID),
        ("in an object", &lenient, claim("c").string_members_up_to(9), r#"{"c":{"d":null}}"#, INVALID),
        ("zero", &lenient, c().if_present(), r#"{"c":0}"#, INVALID),
        ("an empty text", &lenient, c().if_present(), r#"{"c":""}"#, INVALID),
    ] {
        assert_eq!(case.verdict(&rule, json), expected, "{name}");
    }
}

#[test]
fn a_claim_inside_another_is_judged_like_any_other() {
    let case = Case::default();
    let roles = || claim("/realm_access/roles").contains_any(["clerk"]);
    for (name, rule, json, expected) in [
        ("there", roles(), r#"{"realm_access":{"roles":["boss","clerk"]}}"#, GOOD),
        ("there with an escape", roles(), r#"{"realm_access":{"rol\u0065s":["cl\u0065rk"]}}"#, GOOD),
        ("another value", roles(), r#"{"realm_access":{"roles":["clerks"]}}"#, INVALID),
        ("another type", roles(), r#"{"realm_access":{"roles":{"clerk":true}}}"#, INVALID),
        ("not there", roles(), r#"{"realm_access":{}}"#, MISSING),
        ("not there, if present", roles().if_present(), r#"{"realm_access":{}}"#, GOOD),
        ("inside no object", roles(), r#"{"realm_access":"roles"}"#, MISSING),
        (
            "as one name",
            roles(),
            r#"{"realm_access/roles":["clerk"],"realm_access.roles":["clerk"]}"#,
            MISSING,
        ),
        ("deeper", roles(), r#"{"x":{"realm_access":{"roles":["clerk"]}}}"#, MISSING),
        ("forbidden", claim("/a/b").absent(), r#"{"a":{"b":1}}"#, "foreign_claim"),
        ("a date", claim("/a/exp").after_now(), r#"{"a":{"exp":990}}"#, "expired"),
        ("a date to come", claim("/a/exp").after_now(), r#"{"a":{"exp":991}}"#, GOOD),
        ("an item", claim("/a/1").equals("x"), r#"{"a":["y","x"]}"#, GOOD),
        ("another item", claim("/a/1").equals("x"), r#"{"a":["x","y"]}"#, INVALID),
        ("no item", claim("/a/1").equals("x"), r#"{"a":["x"]}"#, MISSING),
        ("several inside", claim("b").present().if_several("/a/c"), r#"{"a":{"c":["x","y"]}}"#, MISSING),
        ("one inside", claim("b").present().if_several("/a/c"), r#"{"a":{"c":["x"]}}"#, GOOD),
    ] {
        assert_eq!(case.verdict(&rule, json), expected, "{name}");
    }
}

//! Each check at its boundary and one step to either side, each presence rule, and every type.

mod openid;
mod paths;
mod time;

use std::collections::BTreeSet;

use super::*;
use crate::{policy::claim, token::TokenLimits};

const NOW: u64 = 1_000;
const LEEWAY: u64 = 10;
const ISSUER: &str = "https://idp.test";

fn binding() -> Binding {
    Binding {
        issuer: ISSUER.into(),
        aliases: ["https://alias.test".into()].into(),
        names: NameForm::Exact,
        audiences: ["https://api.test".into(), "api".into()].into(),
        client_ids: ["web".into()].into(),
    }
}

/// The circumstances of a verdict, as most rows have them.
struct Case {
    binding: Binding,
    expected: Expected<'static>,
    algorithm: Algorithm,
    now: UnixTime,
    null_is_absent: bool,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            binding: binding(),
            expected: Expected::default(),
            algorithm: Algorithm::RS256,
            now: UnixTime::from_secs(NOW),
            null_is_absent: false,
        }
    }
}

impl Case {
    fn expecting(expected: Expected<'static>) -> Self {
        Self { expected, ..Self::default() }
    }

    fn window(&self, rules: &[Rule], json: &str) -> Result<Window, TokenError> {
        let mut names = ClaimNames::default();
        let policy = Policy::new(rules, &mut names);
        let mut claims = Claims::none(&names);
        claims.read(json, &names, &TokenLimits::default()).expect(json);
        claims.null_is_absent(self.null_is_absent);
        let moment = Moment { now: self.now, leeway: Duration::from_secs(LEEWAY) };
        let context = RuleContext {
            moment,
            binding: &self.binding,
            expected: self.expected,
            algorithm: Some(self.algorithm),
        };
        let mut window = Window::ALWAYS;
        policy
            .rules()
            .iter()
            .try_for_each(|rule| rule.evaluate(&claims, &context, &mut window))
            .map(|()| window)
    }

    /// `good`, or the code of the error.
    fn verdict(&self, rule: &Rule, json: &str) -> &'static str {
        match self.window(std::slice::from_ref(rule), json) {
            Ok(_) => "good",
            Err(error) => {
                assert!(error.claim().is_none_or(|name| name == rule.claim()), "{error:?}");
                error.code()
            }
        }
    }
}

const GOOD: &str = "good";
const INVALID: &str = "invalid_claim";
const MISSING: &str = "missing_claim";

/// A name for each check: a new one does not compile until it has a row below.
fn name(check: &Check) -> &'static str {
    match check {
        Check::Present => "present",
        Check::Absent => "absent",
        Check::IsTrue => "is_true",
        Check::IsTrueOrText => "is_true_or_text",
        Check::IsBelowIssuer => "is_below_issuer",
        Check::NonEmptyString => "non_empty_string",
        Check::StringOrStrings => "string_or_strings",
        Check::Strings => "strings",
        Check::StringUpTo(_) => "string_up_to",
        Check::StringMembersUpTo(_) => "string_members_up_to",
        Check::WholeNumber => "whole_number",
        Check::NumericDate => "numeric_date",
        Check::Lifetime { .. } => "ends_lifetime",
        Check::AfterNow => "after_now",
        Check::Begun => "not_before",
        Check::WithinLast(_) => "within_last",
        Check::Equals(_) => "equals",
        Check::OneOf(_) => "one_of",
        Check::NoneOf(_) => "none_of",
        Check::ContainsAny(_) => "contains_any",
        Check::ContainsAll(_) => "contains_all",
        Check::IsIssuer => "is_issuer",
        Check::NamesResource => "names_resource",
        Check::NamesClient => "names_client",
        Check::IsClient => "is_client",
        Check::IsExpectedNonce => "is_expected_nonce",
        Check::HashesAccessToken => "hashes_access_token",
        Check::WithinMaxAge => "within_max_age",
    }
}

const CHECKS: usize = 28;

/// A value of each type that JSON has, and of each that a rule tells apart.
const VALUES: [&str; 17] = [
    "null",
    "true",
    "false",
    "0",
    "7",
    "-7",
    "7.5",
    "1e3",
    r#""""#,
    r#""a""#,
    "[]",
    r#"["a"]"#,
    r#"["a","b"]"#,
    r#"["a",1]"#,
    "{}",
    r#"{"a":"b"}"#,
    r#"{"a":1}"#,
];
const DATES: &[&str] = &["0", "7", "7.5", "1e3"];
const TEXTS: &[&str] = &[r#""""#, r#""a""#];
const LISTS: &[&str] = &[r#""""#, r#""a""#, "[]", r#"["a"]"#, r#"["a","b"]"#];

/// A rule of each check; the values that pass it; and those that are of the type that it is about
/// and fail it, with the code of that. Every other value is of a wrong type.
fn types() -> Vec<(Rule, &'static [&'static str], &'static [&'static str], &'static str)> {
    let c = || claim("c");
    let long = Duration::from_secs(100_000);
    vec![
        (c().present(), &VALUES, &[], ""),
        (c().absent(), &[], &VALUES[1..], "foreign_claim"),
        (c().is_true(), &["true"], &["false"], INVALID),
        (c().is_true_or_text(), &["true"], &["false"], INVALID),
        (c().non_empty_string(), &[r#""a""#], &[r#""""#], INVALID),
        (c().string_or_strings(), LISTS, &[], ""),
        (c().strings(), &["[]", r#"["a"]"#, r#"["a","b"]"#], &[], ""),
        (c().string_up_to(0), &[r#""""#], &[r#""a""#], INVALID),
        (c().string_members_up_to(0), &["{}"], &[r#"{"a":"b"}"#], INVALID),
        (c().whole_number(), &["0", "7"], &[], ""),
        (c().numeric_date(), DATES, &[], ""),
        (c().ends_lifetime(Duration::ZERO, None), DATES, &[], ""),
        (c().after_now(), &["1e3"], &["0", "7", "7.5"], "expired"),
        (c().not_before(), DATES, &[], ""),
        (c().not_in_future(), DATES, &[], ""),
        (c().within_last(long), DATES, &[], ""),
        (c().equals("a"), &[r#""a""#], &[r#""""#], INVALID),
        (c().one_of(["a", "z"]), &[r#""a""#], &[r#""""#], INVALID),
        (c().one_of(["a"]).binds_token(), &[r#""a""#], &[r#""""#], "wrong_audience"),
        (c().none_of(["a"]), &[r#""""#], &[r#""a""#], "foreign_claim"),
        (c().contains_any(["a", "z"]), &[r#""a""#, r#"["a"]"#, r#"["a","b"]"#], &[r#""""#, "[]"], INVALID),
        (c().contains_all(["a", "b"]), &[r#"["a","b"]"#], &[r#""""#, r#""a""#, "[]", r#"["a"]"#], INVALID),
        (c().is_issuer(), &[], TEXTS, "untrusted_issuer"),
        (c().is_below_issuer(), &[], TEXTS, "untrusted_issuer"),
        (c().names_resource(), &[], LISTS, "wrong_audience"),
        (c().names_client(), &[], LISTS, "wrong_audience"),
        (c().is_client(), &[], TEXTS, "wrong_audience"),
        (c().is_expected_nonce(), TEXTS, &[], ""),
        (c().hashes_access_token(), TEXTS, &[], ""),
        (c().within_max_age(), DATES, &[], ""),
    ]
}

#[test]
fn a_value_of_another_type_is_invalid_whatever_the_check() {
    let mut seen = BTreeSet::new();
    for (rule, good, faulty, code) in types() {
        seen.insert(name(&rule.check));
        for value in VALUES {
            let expected = match (good.contains(&value), faulty.contains(&value)) {
                (true, _) => GOOD,
                (_, true) => code,
                _ => INVALID,
            };
            for rule in [rule.clone(), rule.clone().if_present(), rule.clone().if_several("d")] {
                let verdict = Case::default().verdict(&rule, &format!(r#"{{"c":{value}}}"#));
                assert_eq!(verdict, expected, "{rule}: {value}");
            }
        }
    }
    assert_eq!(seen.len(), CHECKS, "{seen:?}");
}

#[test]
fn a_text_passes_byte_for_byte() {
    let c = || claim("c");
    let long_name = format!("{ISSUER}/");
    for (name, rule, value, expected) in [
        ("0 characters of 3", c().string_up_to(3), r#""""#, GOOD),
        ("3 of 3", c().string_up_to(3), r#""abc""#, GOOD),
        ("4 of 3", c().string_up_to(3), r#""abcd""#, INVALID),
        ("3 of 3 in 6 bytes", c().string_up_to(3), r#""äöü""#, GOOD),
        ("4 of 3 in 8 bytes", c().string_up_to(3), r#""äöüß""#, INVALID),
        ("3 of 3, one escaped", c().string_up_to(3), r#""ab\u0063""#, GOOD),
        ("1 member of 2", c().string_members_up_to(2), r#"{"a":""}"#, GOOD),
        ("2 members of 2", c().string_members_up_to(2), r#"{"a":"","b":""}"#, GOOD),
        ("3 members of 2", c().string_members_up_to(2), r#"{"a":"","b":"","c":""}"#, INVALID),
        ("2 members of 2, one a number", c().string_members_up_to(2), r#"{"a":"","b":1}"#, INVALID),
        ("the text", c().equals("blue"), r#""blue""#, GOOD),
        ("the text with an escape", c().equals("blue"), r#""bl\u0075e""#, GOOD),
        ("less of it", c().equals("blue"), r#""blu""#, INVALID),
        ("more of it", c().equals("blue"), r#""blue ""#, INVALID),
        ("in capitals", c().equals("blue"), r#""BLUE""#, INVALID),
        ("in an array", c().equals("blue"), r#"["blue"]"#, INVALID),
        ("the first of two", c().one_of(["a", "b"]), r#""a""#, GOOD),
        ("the second of two", c().one_of(["a", "b"]), r#""b""#, GOOD),
        ("none of two", c().one_of(["a", "b"]), r#""c""#, INVALID),
        ("both in one", c().one_of(["a", "b"]), r#""a b""#, INVALID),
        ("one of none", c().one_of(Vec::<&str>::new()), r#""a""#, INVALID),
        ("none of one", c().none_of(["a"]), r#""b""#, GOOD),
        ("the one that is refused", c().none_of(["a"]), r#""a""#, "foreign_claim"),
        ("nearly the one that is refused", c().none_of(["a"]), r#""A""#, GOOD),
        ("none of none", c().none_of(Vec::<&str>::new()), r#""a""#, GOOD),
        ("any: the text", c().contains_any(["a", "b"]), r#""b""#, GOOD),
        ("any: the last of an array", c().contains_any(["a", "b"]), r#"["x","y","b"]"#, GOOD),
        ("any: none of an array", c().contains_any(["a", "b"]), r#"["x","y","ab"]"#, INVALID),
        ("any: a list in one text", c().contains_any(["a", "b"]), r#""a b""#, INVALID),
        ("any of none", c().contains_any(Vec::<&str>::new()), r#"["a"]"#, INVALID),
        ("all: both and more", c().contains_all(["a", "b"]), r#"["b","x","a"]"#, GOOD),
        ("all: one of two", c().contains_all(["a", "b"]), r#"["b","x"]"#, INVALID),
        ("all: one of two, twice", c().contains_all(["a", "b"]), r#"["a","a"]"#, INVALID),
        ("all: the one text", c().contains_all(["a"]), r#""a""#, GOOD),
        ("all: a list in one text", c().contains_all(["a", "b"]), r#""a b""#, INVALID),
        ("all of none", c().contains_all(Vec::<&str>::new()), "[]", GOOD),
        ("true as a text", c().is_true_or_text(), r#""true""#, GOOD),
        ("true as a text, for a boolean", c().is_true(), r#""true""#, INVALID),
        ("false as a text", c().is_true_or_text(), r#""false""#, INVALID),
        ("true in capitals", c().is_true_or_text(), r#""True""#, INVALID),
        ("true with a space", c().is_true_or_text(), r#""true ""#, INVALID),
        ("below the issuer", c().is_below_issuer(), &format!("\"{ISSUER}/orders\""), GOOD),
        ("below its other name", c().is_below_issuer(), r#""https://alias.test/orders""#, GOOD),
        ("the issuer itself", c().is_below_issuer(), &format!("{ISSUER:?}"), "untrusted_issuer"),
        ("nothing below it", c().is_below_issuer(), &format!("\"{ISSUER}/\""), "untrusted_issuer"),
        ("segments of every letter", c().is_below_issuer(), &format!("\"{ISSUER}/a/B-1_2.3/...\""), GOOD),
        ("an empty segment", c().is_below_issuer(), &format!("\"{ISSUER}//a\""), "untrusted_issuer"),
        ("a slash at the end", c().is_below_issuer(), &format!("\"{ISSUER}/a/\""), "untrusted_issuer"),
        ("a way up", c().is_below_issuer(), &format!("\"{ISSUER}/a/../b\""), "untrusted_issuer"),
        ("a dot", c().is_below_issuer(), &format!("\"{ISSUER}/./b\""), "untrusted_issuer"),
        ("an escape", c().is_below_issuer(), &format!("\"{ISSUER}/%61\""), "untrusted_issuer"),
        ("a query", c().is_below_issuer(), &format!("\"{ISSUER}/a?b\""), "untrusted_issuer"),
        ("another alphabet", c().is_below_issuer(), &format!("\"{ISSUER}/ä\""), "untrusted_issuer"),
        ("a longer name", c().is_below_issuer(), &format!("\"{ISSUER}.evil/orders\""), "untrusted_issuer"),
        ("the issuer", c().is_issuer(), &format!("{ISSUER:?}"), GOOD),
        ("its other name", c().is_issuer(), r#""https://alias.test""#, GOOD),
        ("with a slash", c().is_issuer(), &format!("{long_name:?}"), "untrusted_issuer"),
        ("in capitals", c().is_issuer(), r#""https://IDP.test""#, "untrusted_issuer"),
        ("less of it", c().is_issuer(), r#""https://idp.tes""#, "untrusted_issuer"),
        ("the issuer in an array", c().is_issuer(), &format!("[{ISSUER:?}]"), INVALID),
        ("this server", c().names_resource(), r#""https://api.test""#, GOOD),
        ("its second audience", c().names_resource(), r#""api""#, GOOD),
        ("this server among others", c().names_resource(), r#"["x","api"]"#, GOOD),
        ("others", c().names_resource(), r#"["x","y"]"#, "wrong_audience"),
        ("with a slash", c().names_resource(), r#""https://api.test/""#, "wrong_audience"),
        ("the client as the resource", c().names_resource(), r#""web""#, "wrong_audience"),
        ("the client", c().names_client(), r#""web""#, GOOD),
        ("the client among others", c().names_client(), r#"["x","web"]"#, GOOD),
        ("the resource as the client", c().names_client(), r#""api""#, "wrong_audience"),
        ("nearly the client", c().names_client(), r#"["webs","we"]"#, "wrong_audience"),
        ("it is the client", c().is_client(), r#""web""#, GOOD),
        ("it is another", c().is_client(), r#""web2""#, "wrong_audience"),
        ("it is the client in an array", c().is_client(), r#"["web"]"#, INVALID),
    ] {
        assert_eq!(Case::default().verdict(&rule, &format!(r#"{{"c":{value}}}"#)), expected, "{name}");
    }
}

#[test]
fn without_a_client_no_token_is_for_one() {
    let case = Case { binding: Binding { client_ids: [].into(), ..binding() }, ..Case::default() };
    for rule in [claim("c").names_client(), claim("c").is_client()] {
        for value in [r#""web""#, r#""""#] {
            assert_eq!(
                case.verdict(&rule, &format!(r#"{{"c":{value}}}"#)),
                "wrong_audience",
                "{rule}: {value}"
            );
        }
    }
}

#[test]
fn names_may_be_compared_by_their_last_segment() {
    let named = |issuer: &str| Binding { issuer: issuer.into(), names: NameForm::LastSegment, ..binding() };
    for (name, issuer, iss, expected) in [
        ("both whole", "layer:///providers/1", "layer:///providers/1", GOOD),
        ("one whole", "layer:///providers/1", "1", GOOD),
        ("the other whole", "1", "layer:///providers/1", GOOD),
        ("another path", "layer:///providers/1", "x/1", GOOD),
        ("another segment", "layer:///providers/1", "layer:///providers/2", "untrusted_issuer"),
        ("less of it", "layer:///providers/11", "1", "untrusted_issuer"),
        ("nothing behind the slash", "layer:///providers/1", "layer:///providers/1/", "untrusted_issuer"),
    ] {
        let case = Case { binding: named(issuer), ..Case::default() };
        assert_eq!(
            case.verdict(&claim("iss").is_issuer(), &format!(r#"{{"iss":{iss:?}}}"#)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn whole_numbers_are_written_without_fraction_and_exponent() {
    for (value, expected) in [
        ("0", GOOD),
        ("18446744073709551615", GOOD),
        ("18446744073709551616", INVALID),
        ("-1", INVALID),
        ("1.0", INVALID),
        ("1e0", INVALID),
        (r#""1""#, INVALID),
    ] {
        let verdict = Case::default().verdict(&claim("c").whole_number(), &format!(r#"{{"c":{value}}}"#));
        assert_eq!(verdict, expected, "{value}");
    }
}

#[test]
fn a_claim_is_there_when_it_has_to_be() {
    let c = || claim("c").equals("a");
    let max_age = Case::expecting(Expected { max_age: Some(Duration::ZERO), ..Expected::default() });
    let nonce = Case::expecting(Expected { nonce: Some("n"), ..Expected::default() });
    let plain = Case::default();
    for (name, case, rule, json, expected) in [
        ("required, there", &plain, c(), r#"{"c":"a"}"#, GOOD),
        ("required, not there", &plain, c(), "{}", MISSING),
        ("required, null", &plain, c(), r#"{"c":null}"#, INVALID),
        ("required, under another name", &plain, c(), r#"{"C":"a","c ":"a"}"#, MISSING),
        ("required, inside another claim", &plain, c(), r#"{"d":{"c":"a"}}"#, MISSING),
        ("required, its name escaped", &plain, c(), r#"{"\u0063":"a"}"#, GOOD),
        ("required to be there, null", &plain, claim("c").present(), r#"{"c":null}"#, GOOD),
        ("required to be there, not there", &plain, claim("c").present(), "{}", MISSING),
        ("if present, not there", &plain, c().if_present(), "{}", GOOD),
        ("if present, there", &plain, c().if_present(), r#"{"c":"a"}"#, GOOD),
        ("if present, wrong", &plain, c().if_present(), r#"{"c":"b"}"#, INVALID),
        ("if present, null", &plain, c().if_present(), r#"{"c":null}"#, INVALID),
        ("not to be there, not there", &plain, claim("c").absent(), "{}", GOOD),
        ("not to be there, null", &plain, claim("c").absent(), r#"{"c":null}"#, INVALID),
        ("if several, and there is no other", &plain, c().if_several("d"), "{}", GOOD),
        ("if several, and there are none", &plain, c().if_several("d"), r#"{"d":[]}"#, GOOD),
        ("if several, and there is one", &plain, c().if_several("d"), r#"{"d":["x"]}"#, GOOD),
        ("if several, and it is a text", &plain, c().if_several("d"), r#"{"d":"x y"}"#, GOOD),
        ("if several, and there are two", &plain, c().if_several("d"), r#"{"d":["x","y"]}"#, MISSING),
        ("if several, and there are three", &plain, c().if_several("d"), r#"{"d":["x","y","z"]}"#, MISSING),
        ("if several, there", &plain, c().if_several("d"), r#"{"c":"a","d":["x","y"]}"#, GOOD),
        ("if several, wrong", &plain, c().if_several("d"), r#"{"c":"b","d":["x","y"]}"#, INVALID),
        ("if several, wrong beside one", &plain, c().if_several("d"), r#"{"c":"b","d":"x"}"#, INVALID),
        ("a nonce is expected", &nonce, claim("c").is_expected_nonce(), "{}", MISSING),
        ("something else is expected", &max_age, claim("c").is_expected_nonce(), "{}", GOOD),
        ("an age is expected", &max_age, claim("c").within_max_age(), "{}", MISSING),
        ("something else than an age is expected", &nonce, claim("c").within_max_age(), "{}", GOOD),
    ] {
        assert_eq!(case.verdict(&rule, json), expected, "{name}");
    }
}

#[test]
fn all_rules_must_hold_and_the_first_that_fails_is_told() {
    let rules = [
        claim("exp").after_now(),
        claim("nbf").not_before().if_present(),
        claim("a").is_true(),
        claim("b").is_true().if_present(),
    ];
    let case = Case::default();
    for (name, json, expected) in [
        ("all hold", r#"{"exp":1100,"nbf":900,"a":true,"b":true}"#, Ok((890, 1110))),
        ("one does not apply", r#"{"exp":1100,"a":true}"#, Ok((0, 1110))),
        ("the last fails", r#"{"exp":1100,"a":true,"b":false}"#, Err(("invalid_claim", Some("b")))),
        ("two fail", r#"{"exp":1100,"a":0,"b":false}"#, Err(("invalid_claim", Some("a")))),
        ("the first and others fail", r#"{"exp":900,"b":0}"#, Err(("expired", None))),
        ("everything is missing", "{}", Err(("missing_claim", Some("exp")))),
    ] {
        let window = case.window(&rules, json);
        let found = match &window {
            Ok(window) => Ok((window.from.as_secs(), window.until.as_secs())),
            Err(error) => Err((error.code(), error.claim())),
        };
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(case.window(&[], "{}"), Ok(Window::ALWAYS), "without rules");
    let timeless = [claim("a").is_true(), claim("d").numeric_date(), claim("n").is_expected_nonce()];
    assert_eq!(case.window(&timeless, r#"{"a":true,"d":5}"#), Ok(Window::ALWAYS), "without rules on time");
}

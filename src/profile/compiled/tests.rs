//! What an identity is made of, from claims of every form.

mod header;

use std::time::Duration;

use super::*;
use crate::{
    policy::{Expected, NameForm, RuleContext},
    token::TokenLimits,
    verify::{Failure, FirstFailure, check_claims, extract},
};

const NOW: UnixTime = UnixTime::from_secs(1_000);

fn compile(profile: &TokenProfile, names: &mut ClaimNames) -> CompiledProfile {
    let binding = Binding {
        issuer: "https://idp.test".into(),
        aliases: [].into(),
        names: NameForm::Exact,
        audiences: ["https://api.test".into()].into(),
        client_ids: [].into(),
    };
    CompiledProfile::new(profile, binding, names)
}

/// What was taken out of a payload, as text.
#[derive(Debug, Default, PartialEq)]
struct Taken {
    subject: String,
    client: Option<String>,
    audiences: Vec<String>,
    scopes: Vec<String>,
    nonce: Option<String>,
    expires: Option<u64>,
    /// When a scope ends that ends before the token.
    until: Option<u64>,
}

fn refused(failure: Failure) -> TokenError {
    match failure {
        Failure::Refused(error) => error,
        other => panic!("{other:?}"),
    }
}

/// What is taken out, or the code of the error with the claim that it is about.
fn take(profile: &TokenProfile, json: &str) -> Result<Taken, String> {
    let mut names = ClaimNames::default();
    let profile = compile(profile, &mut names);
    let mut claims = Claims::none(&names);
    claims.read(json, &names, &TokenLimits::default()).expect(json);
    claims.null_is_absent(profile.null_is_absent);
    let mut window = Window::ALWAYS;
    let extracted = extract(&profile, &claims, json, NOW, &mut window, &mut FirstFailure);
    let extracted = extracted
        .map(Option::unwrap)
        .map_err(refused)
        .map_err(|error| format!("{} {}", error.code(), error.claim().unwrap_or_default()))?;
    let text = |text: &Text| text.get(json).to_owned();
    Ok(Taken {
        subject: text(&extracted.subject),
        client: extracted.client_id.as_ref().map(text),
        audiences: extracted.audiences.iter().map(text).collect(),
        scopes: extracted.scopes.iter(json).map(str::to_owned).collect(),
        nonce: extracted.spends.as_ref().map(|(_, nonce)| text(nonce)),
        expires: extracted.expires_at.map(UnixTime::as_secs),
        until: (window != Window::ALWAYS).then(|| window.until.as_secs()),
    })
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn the_subject_is_a_string_that_is_not_empty() {
    let sub = TokenProfile::empty();
    let uid = TokenProfile::empty().subject_claims(["uid"]);
    let two = TokenProfile::empty().subject_claims(["sub", "client_id"]);
    let inner = TokenProfile::empty().subject_claims(["/user/id"]);
    let unruled = TokenProfile::rfc9068().without_rules_on("sub");
    let lenient = two.clone().null_is_absent(true);
    let empty = TokenProfile::jwt().subject_claims(["sub", "common_name"]).pass_over_empty_subjects(true);
    for (name, profile, json, expected) in [
        ("an empty one is passed over", &empty, r#"{"sub":"","common_name":"ci"}"#, Ok("ci")),
        ("one with an escape is not empty", &empty, r#"{"sub":"\u0061","common_name":"ci"}"#, Ok("a")),
        ("an absent one is passed over, too", &empty, r#"{"common_name":"ci"}"#, Ok("ci")),
        ("one that is not empty counts", &empty, r#"{"sub":"alice","common_name":"ci"}"#, Ok("alice")),
        ("both are empty", &empty, r#"{"sub":"","common_name":""}"#, Err("missing_claim sub")),
        ("a wrong type is not empty", &empty, r#"{"sub":0,"common_name":"ci"}"#, Err("invalid_claim sub")),
        ("null is not empty", &empty, r#"{"sub":null,"common_name":"ci"}"#, Err("invalid_claim sub")),
        ("a string", &sub, r#"{"sub":"alice"}"#, Ok("alice")),
        ("one character", &sub, r#"{"sub":"a"}"#, Ok("a")),
        ("a space", &sub, r#"{"sub":" "}"#, Ok(" ")),
        ("with escapes", &sub, r#"{"sub":"al\u0069ce \"x\""}"#, Ok(r#"alice "x""#)),
        ("with letters of many bytes", &sub, r#"{"sub":"алиса"}"#, Ok("алиса")),
        ("empty", &sub, r#"{"sub":""}"#, Err("invalid_claim sub")),
        ("null", &sub, r#"{"sub":null}"#, Err("invalid_claim sub")),
        ("a number", &sub, r#"{"sub":7}"#, Err("invalid_claim sub")),
        ("true", &sub, r#"{"sub":true}"#, Err("invalid_claim sub")),
        ("an array", &sub, r#"{"sub":["alice"]}"#, Err("invalid_claim sub")),
        ("an object", &sub, r#"{"sub":{"a":"b"}}"#, Err("invalid_claim sub")),
        ("not there", &sub, "{}", Err("missing_claim sub")),
        ("under another name", &sub, r#"{"Sub":"alice","uid":"alice"}"#, Err("missing_claim sub")),
        ("another claim", &uid, r#"{"uid":"alice","sub":7}"#, Ok("alice")),
        ("another claim, not there", &uid, r#"{"sub":"alice"}"#, Err("missing_claim uid")),
        ("another claim, empty", &uid, r#"{"uid":"","sub":"alice"}"#, Err("invalid_claim uid")),
        ("the first of two", &two, r#"{"client_id":"billing","sub":"alice"}"#, Ok("alice")),
        ("the second of two", &two, r#"{"client_id":"billing"}"#, Ok("billing")),
        ("the first of two is wrong", &two, r#"{"sub":7,"client_id":"billing"}"#, Err("invalid_claim sub")),
        ("the first of two is empty", &two, r#"{"sub":"","client_id":"billing"}"#, Err("invalid_claim sub")),
        ("the first of two is null", &two, r#"{"sub":null,"client_id":"billing"}"#, Err("invalid_claim sub")),
        ("the second of two is wrong", &two, r#"{"client_id":["billing"]}"#, Err("invalid_claim client_id")),
        ("the second of two is wrong and not needed", &two, r#"{"sub":"alice","client_id":7}"#, Ok("alice")),
        ("neither of two", &two, "{}", Err("missing_claim sub")),
        ("inside another claim", &inner, r#"{"user":{"id":"alice"}}"#, Ok("alice")),
        ("inside another claim, an escape", &inner, r#"{"us\u0065r":{"\u0069d":"al\u0069ce"}}"#, Ok("alice")),
        ("inside another claim, a number", &inner, r#"{"user":{"id":7}}"#, Err("invalid_claim /user/id")),
        ("inside another claim, not there", &inner, r#"{"user":{}}"#, Err("missing_claim /user/id")),
        ("inside a claim that is no object", &inner, r#"{"user":"id"}"#, Err("missing_claim /user/id")),
        ("as one name", &inner, r#"{"/user/id":"alice","user/id":"bob"}"#, Err("missing_claim /user/id")),
        ("a rule that was taken out", &unruled, r#"{"sub":7}"#, Err("invalid_claim sub")),
        ("null that is absent", &lenient, r#"{"sub":null,"client_id":"billing"}"#, Ok("billing")),
        (
            "null that is absent, of both",
            &lenient,
            r#"{"sub":null,"client_id":null}"#,
            Err("missing_claim sub"),
        ),
    ] {
        let subject = take(profile, json).map(|taken| taken.subject);
        assert_eq!(subject, expected.map(str::to_owned).map_err(str::to_owned), "{name}");
    }
}

#[test]
fn the_client_is_the_first_that_is_there() {
    let two = TokenProfile::empty().client_claims(["client_id", "azp"]);
    let unruled = two.clone().without_rules_on("client_id");
    let ruled = unruled.clone().rule(claim("client_id").present());
    let lenient = two.clone().null_is_absent(true);
    let none = TokenProfile::empty();
    for (name, profile, members, expected) in [
        ("the first", &two, r#""client_id":"web""#, Ok(Some("web"))),
        ("the second", &two, r#""azp":"web""#, Ok(Some("web"))),
        ("the first of both", &two, r#""azp":"app","client_id":"web""#, Ok(Some("web"))),
        ("neither", &two, r#""cid":"web""#, Ok(None)),
        ("null is a value", &two, r#""client_id":null,"azp":"app""#, Err("invalid_claim client_id")),
        ("a number is no client", &two, r#""client_id":7,"azp":"app""#, Err("invalid_claim client_id")),
        ("an array is no client", &two, r#""azp":["app"]"#, Err("invalid_claim azp")),
        ("the first goes before a wrong second", &two, r#""client_id":"web","azp":7"#, Ok(Some("web"))),
        ("a wrong type whose rule was taken out", &unruled, r#""client_id":7"#, Ok(None)),
        ("the same beside another", &unruled, r#""client_id":7,"azp":"app""#, Ok(Some("app"))),
        ("another of a wrong type", &unruled, r#""azp":7"#, Err("invalid_claim azp")),
        ("a wrong type whose rule was put back", &ruled, r#""client_id":7"#, Err("invalid_claim client_id")),
        ("null that is absent", &lenient, r#""client_id":null,"azp":"app""#, Ok(Some("app"))),
        ("null that is absent, of both", &lenient, r#""client_id":null,"azp":null"#, Ok(None)),
        ("a number is not absent", &lenient, r#""client_id":0"#, Err("invalid_claim client_id")),
        ("a profile without clients", &none, r#""client_id":7,"azp":"app""#, Ok(None)),
    ] {
        let client = take(profile, &format!(r#"{{"sub":"alice",{members}}}"#)).map(|taken| taken.client);
        let expected = expected.map(|client| client.map(str::to_owned)).map_err(str::to_owned);
        assert_eq!(client, expected, "{name}");
    }
}

#[test]
fn scopes_are_a_list_or_an_array_of_every_claim_that_is_there() {
    let two = TokenProfile::empty().scope_claims(["scope", "scp"]);
    let roles = TokenProfile::empty().scope_claims(["scope", "/realm_access/roles"]);
    let first = TokenProfile::empty().scope_claims(["/scopes/0"]);
    let dotted = TokenProfile::empty().scope_claims(["realm_access.roles"]);
    let unruled = TokenProfile::empty().without_rules_on("scope").scope_claims(["scope", "scp"]);
    let lenient = two.clone().null_is_absent(true);
    let renamed = two.clone().rename_scopes([("Orders.Read", "orders:read"), ("b", "a")]);
    let mapped = two.clone().map_scopes(|claim, scope| match (claim, scope) {
        (_, "secret") => None,
        (_, "two") => Some("one two".into()),
        (_, "nothing") => Some("".into()),
        ("scp", scope) => Some(format!("role:{scope}").into()),
        (_, scope) => Some(scope.into()),
    });
    let both = mapped.clone().rename_scopes([("role:a", "clerk")]);
    let none = TokenProfile::empty();
    for (name, profile, members, expected) in [
        ("one", &two, r#""scope":"a""#, Ok(&["a"][..])),
        ("two", &two, r#""scope":"a b""#, Ok(&["a", "b"])),
        ("more spaces", &two, r#""scope":" a  b ""#, Ok(&["a", "b"])),
        ("other white space is none", &two, r#""scope":"a\tb""#, Ok(&["a\tb"])),
        ("with escapes", &two, r#""scope":"\u0061 b""#, Ok(&["a", "b"])),
        ("empty", &two, r#""scope":"""#, Ok(&[])),
        ("an array", &two, r#""scp":["a","b"]"#, Ok(&["a", "b"])),
        ("an array with escapes", &two, r#""scp":["\u0061","b"]"#, Ok(&["a", "b"])),
        ("an empty array", &two, r#""scp":[]"#, Ok(&[])),
        ("neither", &two, r#""permissions":["a"]"#, Ok(&[])),
        ("both, in the order of the profile", &two, r#""scp":["b"],"scope":"a""#, Ok(&["a", "b"])),
        ("both, the first empty", &two, r#""scp":["b"],"scope":"""#, Ok(&["b"])),
        ("both, each once", &two, r#""scp":["b","a","c"],"scope":"a b a""#, Ok(&["a", "b", "c"])),
        ("each once, one with an escape", &two, r#""scp":["\u0061"],"scope":"a b""#, Ok(&["a", "b"])),
        ("the second of a wrong type", &two, r#""scope":"a","scp":7"#, Err("invalid_claim scp")),
        (
            "inside another claim",
            &roles,
            r#""realm_access":{"roles":["b","a"]},"scope":"a""#,
            Ok(&["a", "b"]),
        ),
        ("inside, alone", &roles, r#""realm_access":{"x":[1],"roles":["b"]}"#, Ok(&["b"])),
        (
            "inside, a number",
            &roles,
            r#""realm_access":{"roles":7}"#,
            Err("invalid_claim /realm_access/roles"),
        ),
        (
            "inside, null",
            &roles,
            r#""realm_access":{"roles":null}"#,
            Err("invalid_claim /realm_access/roles"),
        ),
        ("inside something else", &roles, r#""realm_access":["roles"]"#, Ok(&[])),
        ("an item of an array", &first, r#""scopes":["a b","c"]"#, Ok(&["a", "b"])),
        ("an array in an array", &first, r#""scopes":[["a","b"],7]"#, Ok(&["a", "b"])),
        ("a member that is called so", &first, r#""scopes":{"0":"a","1":"b"}"#, Ok(&["a"])),
        ("no item", &first, r#""scopes":[]"#, Ok(&[])),
        ("a dot is part of a name", &dotted, r#""realm_access":{"roles":["b"]}"#, Ok(&[])),
        ("a name with a dot", &dotted, r#""realm_access.roles":["b"]"#, Ok(&["b"])),
        ("a wrong type whose rule was taken out", &unruled, r#""scope":7,"scp":["b"]"#, Ok(&["b"])),
        ("null whose rule was taken out", &unruled, r#""scope":null"#, Ok(&[])),
        ("an object whose rule was taken out", &unruled, r#""scope":{"a":{}}"#, Ok(&[])),
        ("a good one whose rule was taken out", &unruled, r#""scope":"a""#, Ok(&["a"])),
        ("another of a wrong type", &unruled, r#""scp":7"#, Err("invalid_claim scp")),
        ("null that is absent", &lenient, r#""scope":null,"scp":["b"]"#, Ok(&["b"])),
        ("null in an array is not absent", &lenient, r#""scp":["b",null]"#, Err("invalid_claim scp")),
        ("a number is not absent", &lenient, r#""scope":0"#, Err("invalid_claim scope")),
        ("renamed", &renamed, r#""scope":"Orders.Read Orders.Write""#, Ok(&["orders:read", "Orders.Write"])),
        ("renamed to one that is there", &renamed, r#""scope":"b c a""#, Ok(&["a", "c"])),
        (
            "renamed in whole",
            &renamed,
            r#""scope":"Orders.Reader orders.read""#,
            Ok(&["Orders.Reader", "orders.read"]),
        ),
        ("by the claim", &mapped, r#""scope":"a","scp":["a"]"#, Ok(&["a", "role:a"])),
        ("taken out, or made no scope", &mapped, r#""scope":"two secret nothing b""#, Ok(&["b"])),
        ("made another twice", &both, r#""scope":"a role:a","scp":["a","b"]"#, Ok(&["a", "clerk", "role:b"])),
        ("null", &two, r#""scope":null,"scp":["b"]"#, Err("invalid_claim scope")),
        ("a number", &two, r#""scope":7"#, Err("invalid_claim scope")),
        ("an array with a number", &two, r#""scp":["a",7]"#, Err("invalid_claim scp")),
        ("an array in an array", &two, r#""scp":[["a"]]"#, Err("invalid_claim scp")),
        ("an object", &two, r#""scope":{"a":{}}"#, Err("invalid_claim scope")),
        ("an object of strings", &two, r#""scope":{"a":"b"}"#, Err("invalid_claim scope")),
        ("an empty object", &two, r#""scope":{}"#, Err("invalid_claim scope")),
        ("a profile without scopes", &none, r#""scope":7"#, Ok(&[])),
    ] {
        let scopes = take(profile, &format!(r#"{{"sub":"alice",{members}}}"#)).map(|taken| taken.scopes);
        assert_eq!(scopes, expected.map(texts).map_err(str::to_owned), "{name}");
    }
}

#[test]
fn scopes_may_be_members_that_end_by_themselves() {
    let leeway = Duration::from_secs(10);
    let members =
        TokenProfile::empty().scope_claims(["scope", "/x/y"]).scopes_as_members(true).leeway(leeway);
    for (name, scope, expected) in [
        ("two without an end", r#"{"a":{},"b":{}}"#, Ok((&["a", "b"][..], None))),
        ("one with an end ahead", r#"{"a":{"exp":1001},"b":{}}"#, Ok((&["a", "b"], Some(1011)))),
        ("the earlier end counts", r#"{"a":{"exp":1009},"b":{"exp":1001}}"#, Ok((&["a", "b"], Some(1011)))),
        ("one that ended within the leeway", r#"{"a":{"exp":991}}"#, Ok((&["a"], Some(1001)))),
        ("one that ended with it", r#"{"a":{"exp":990},"b":{}}"#, Ok((&["b"], None))),
        ("members of another type", r#"{"a":"b"}"#, Ok((&[], None))),
        ("no member", "{}", Ok((&[], None))),
        ("a list as ever", r#""a b""#, Ok((&["a", "b"], None))),
        ("an array as ever", r#"["a"]"#, Ok((&["a"], None))),
        (
            "inside another claim, too",
            r#"{"a":{}},"x":{"y":{"b":{"exp":1001},"a":{}}}"#,
            Ok((&["a", "b"], Some(1011))),
        ),
        ("a number", "7", Err("invalid_claim scope")),
        ("null", "null", Err("invalid_claim scope")),
    ] {
        let taken = take(&members, &format!(r#"{{"sub":"alice","scope":{scope}}}"#));
        let found = taken.map(|taken| (taken.scopes, taken.until));
        let expected = expected.map(|(scopes, until)| (texts(scopes), until)).map_err(str::to_owned);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn audiences_and_the_end_are_taken_as_far_as_they_are_there() {
    for (name, members, audiences, expires) in [
        ("neither", r#""x":1"#, &[][..], None),
        ("one audience", r#""aud":"a b""#, &["a b"], None),
        ("several", r#""aud":["a","b"]"#, &["a", "b"], None),
        ("none in an array", r#""aud":[]"#, &[], None),
        ("one with an escape", r#""aud":["\u0061"]"#, &["a"], None),
        ("an audience of a wrong type is the rule's", r#""aud":7"#, &[], None),
        ("one of several of a wrong type", r#""aud":["a",7]"#, &[], None),
        ("an end", r#""exp":1100"#, &[], Some(1100)),
        ("an end with a fraction", r#""exp":1100.9"#, &[], Some(1100)),
        ("an end beyond all dates", r#""exp":1e300"#, &[], Some(u64::MAX)),
        ("an end of a wrong type is the rule's", r#""exp":"1100""#, &[], None),
        ("an end before the epoch", r#""exp":-1"#, &[], None),
    ] {
        let taken = take(&TokenProfile::empty(), &format!(r#"{{"sub":"alice",{members}}}"#));
        let expected =
            Taken { subject: "alice".into(), audiences: texts(audiences), expires, ..Taken::default() };
        assert_eq!(taken, Ok(expected), "{name}");
    }
}

#[test]
fn a_nonce_that_is_spent_is_there() {
    let spends = TokenProfile::empty().spends_nonce("nce");
    for (name, profile, members, expected) in [
        ("a nonce", &spends, r#""nce":"n""#, Ok(Some("n".to_owned()))),
        ("empty", &spends, r#""nce":"""#, Err("invalid_claim nce".to_owned())),
        ("null", &spends, r#""nce":null"#, Err("invalid_claim nce".to_owned())),
        ("an array", &spends, r#""nce":["n"]"#, Err("invalid_claim nce".to_owned())),
        ("a number", &spends, r#""nce":7"#, Err("invalid_claim nce".to_owned())),
        ("not there", &spends, r#""nonce":"n""#, Err("missing_claim nce".to_owned())),
        ("a profile that spends none", &TokenProfile::empty(), r#""nce":7"#, Ok(None)),
    ] {
        let taken = take(profile, &format!(r#"{{"sub":"alice",{members}}}"#));
        assert_eq!(taken.map(|taken| taken.nonce), expected, "{name}");
    }
}

#[test]
fn promise_8_a_confirmation_is_refused_last_and_of_any_type() {
    let profile = TokenProfile::empty().rule(claim("exp").after_now());
    let mut names = ClaimNames::default();
    let profile = compile(&profile, &mut names);
    for (json, expected) in [
        (r#"{"exp":1100}"#, Ok(())),
        (r#"{"exp":1100,"cnf":{"jkt":"x"}}"#, Err(TokenError::SenderConstrained)),
        (r#"{"exp":1100,"cnf":{}}"#, Err(TokenError::SenderConstrained)),
        (r#"{"exp":1100,"cnf":null}"#, Err(TokenError::SenderConstrained)),
        (r#"{"exp":1100,"cnf":"x"}"#, Err(TokenError::SenderConstrained)),
        (r#"{"exp":900,"cnf":{"jkt":"x"}}"#, Err(TokenError::Expired)),
    ] {
        let mut claims = Claims::none(&names);
        claims.read(json, &names, &TokenLimits::default()).unwrap();
        let context = RuleContext {
            moment: Moment { now: NOW, leeway: profile.leeway },
            binding: &profile.binding,
            expected: Expected::default(),
            algorithm: Some(Algorithm::RS256),
        };
        let verdict = check_claims(&profile, &claims, &context, &mut { Window::ALWAYS }, &mut FirstFailure);
        assert_eq!(verdict.map_err(refused), expected, "{json}");
    }
}

#[test]
fn a_text_stands_in_the_payload_or_is_a_copy() {
    let payload = r#"{"sub":"alice","aud":"\u0061"}"#;
    let alice = payload.find("alice").unwrap();
    let span = Text::of(&payload[alice..alice + 5], payload);
    assert!(matches!(span, Text::Span { .. }));
    assert_eq!(span.get(payload), "alice");
    for (name, text) in [("elsewhere", "alice".to_owned()), ("empty", String::new())] {
        assert_eq!(Text::of(&text, payload).get(payload), text, "{name}");
    }
    let end = Text::of(&payload[payload.len()..], payload);
    assert_eq!(end.get(payload), "", "at the very end");
}

//! What an identity is made of, from claims of every form; and the header.

use std::time::Duration;

use super::*;
use crate::{
    keys::VerifyingKey,
    policy::{Expected, NameForm, RuleContext},
    token::TokenLimits,
    verify::{Failure, FirstFailure, check_claims, check_header, extract},
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
        scopes: scope_names(&extracted.scopes, json).map(str::to_owned).collect(),
        nonce: extracted.nonce.as_ref().map(text),
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
    let uid = TokenProfile::empty().subject_claim("uid");
    for (name, profile, json, expected) in [
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
    ] {
        let subject = take(profile, json).map(|taken| taken.subject);
        assert_eq!(subject, expected.map(str::to_owned).map_err(str::to_owned), "{name}");
    }
}

#[test]
fn the_client_is_the_first_that_is_there() {
    let two = TokenProfile::empty().client_claims(["client_id", "azp"]);
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
        ("a profile without clients", &none, r#""client_id":7,"azp":"app""#, Ok(None)),
    ] {
        let client = take(profile, &format!(r#"{{"sub":"alice",{members}}}"#)).map(|taken| taken.client);
        let expected = expected.map(|client| client.map(str::to_owned)).map_err(str::to_owned);
        assert_eq!(client, expected, "{name}");
    }
}

#[test]
fn scopes_are_a_list_or_an_array_of_the_first_claim_that_is_there() {
    let two = TokenProfile::empty().scope_claims(["scope", "scp"]);
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
        ("the first of both", &two, r#""scp":["b"],"scope":"a""#, Ok(&["a"])),
        ("the first of both, empty", &two, r#""scp":["b"],"scope":"""#, Ok(&[])),
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
    let members = TokenProfile::empty().scope_claims(["scope"]).scopes_as_members(true).leeway(leeway);
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
fn the_header_passes_by_its_rows_in_their_order() {
    let base = || TokenProfile::empty().algorithms([Algorithm::RS256, Algorithm::EdDSA]);
    let required = || base().require_type(["at+jwt"]);
    let optional = || base().accept_types(["JWT", "at+jwt"]);
    let any_type: [&str; 0] = [];
    for (name, profile, header, expected) in [
        ("an algorithm", base(), r#"{"alg":"RS256"}"#, Ok(Algorithm::RS256)),
        ("its other name", base(), r#"{"alg":"Ed25519"}"#, Ok(Algorithm::EdDSA)),
        ("another", base(), r#"{"alg":"RS384"}"#, Err(TokenError::AlgorithmNotAllowed)),
        ("in small letters", base(), r#"{"alg":"rs256"}"#, Err(TokenError::AlgorithmNotAllowed)),
        ("none", base(), r#"{"alg":"none"}"#, Err(TokenError::AlgorithmNotAllowed)),
        ("any type", base(), r#"{"alg":"RS256","typ":"x"}"#, Ok(Algorithm::RS256)),
        ("the type", required(), r#"{"alg":"RS256","typ":"at+jwt"}"#, Ok(Algorithm::RS256)),
        ("its long form", required(), r#"{"alg":"RS256","typ":"application/at+jwt"}"#, Ok(Algorithm::RS256)),
        ("in capitals", required(), r#"{"alg":"RS256","typ":"AT+JWT"}"#, Ok(Algorithm::RS256)),
        ("another type", required(), r#"{"alg":"RS256","typ":"JWT"}"#, Err(TokenError::WrongType)),
        ("nearly the type", required(), r#"{"alg":"RS256","typ":"at+jw"}"#, Err(TokenError::WrongType)),
        ("no type", required(), r#"{"alg":"RS256"}"#, Err(TokenError::WrongType)),
        ("no type needed", optional(), r#"{"alg":"RS256"}"#, Ok(Algorithm::RS256)),
        ("the second type", optional(), r#"{"alg":"RS256","typ":"at+jwt"}"#, Ok(Algorithm::RS256)),
        ("neither type", optional(), r#"{"alg":"RS256","typ":"ID"}"#, Err(TokenError::WrongType)),
        ("some type", base().require_type(any_type), r#"{"alg":"RS256","typ":"x"}"#, Ok(Algorithm::RS256)),
        ("not even some", base().require_type(any_type), r#"{"alg":"RS256"}"#, Err(TokenError::WrongType)),
        (
            "the content",
            base().require_content_type("a;v=1"),
            r#"{"alg":"RS256","cty":"a;v=1"}"#,
            Ok(Algorithm::RS256),
        ),
        (
            "other content",
            base().require_content_type("a;v=1"),
            r#"{"alg":"RS256","cty":"a;v=2"}"#,
            Err(TokenError::WrongType),
        ),
        (
            "content in capitals",
            base().require_content_type("a"),
            r#"{"alg":"RS256","cty":"A"}"#,
            Err(TokenError::WrongType),
        ),
        ("no content", base().require_content_type("a"), r#"{"alg":"RS256"}"#, Err(TokenError::WrongType)),
        ("a name of a key", base().require_kid(true), r#"{"alg":"RS256","kid":"1"}"#, Ok(Algorithm::RS256)),
        ("an empty name", base().require_kid(true), r#"{"alg":"RS256","kid":""}"#, Ok(Algorithm::RS256)),
        ("no name", base().require_kid(true), r#"{"alg":"RS256"}"#, Err(TokenError::UnknownKey)),
        (
            "the algorithm is told before the type",
            required().require_kid(true),
            r#"{"alg":"none","typ":"JWT"}"#,
            Err(TokenError::AlgorithmNotAllowed),
        ),
        (
            "the type is told before the key",
            required().require_kid(true),
            r#"{"alg":"RS256","typ":"JWT"}"#,
            Err(TokenError::WrongType),
        ),
    ] {
        let profile = compile(&profile, &mut ClaimNames::default());
        let header = JoseHeader::parse(header.as_bytes(), &TokenLimits::default()).unwrap();
        let algorithm = check_header(&profile, &header, &mut FirstFailure);
        assert_eq!(algorithm.map(Option::unwrap).map_err(refused), expected, "{name}");
    }
}

#[test]
fn a_key_is_named_as_the_profile_selects_it() {
    for (selection, kid, expected) in [
        (KeySelection::Kid, Some("layer:///keys/1"), Some("layer:///keys/1")),
        (KeySelection::Kid, None, None),
        (KeySelection::LastSegment, Some("layer:///keys/1"), Some("1")),
        (KeySelection::LastSegment, Some("1"), Some("1")),
        (KeySelection::LastSegment, Some("keys/"), Some("")),
        (KeySelection::LastSegment, None, None),
        (KeySelection::Any, Some("1"), None),
        (KeySelection::Any, None, None),
    ] {
        let profile = TokenProfile::empty().key_selection(selection);
        let profile = compile(&profile, &mut ClaimNames::default());
        assert_eq!(profile.key_name(kid), expected, "{selection:?} {kid:?}");
    }
}

#[test]
fn keys_fit_when_one_is_for_an_accepted_algorithm() {
    let ed25519 = || VerifyingKey::from_ed25519_bytes(&[7; 32]).unwrap();
    for (name, algorithms, keys, expected) in [
        ("one of one", AlgorithmSet::from([Algorithm::EdDSA]), vec![ed25519()], true),
        ("one of several", AlgorithmSet::ASYMMETRIC, vec![ed25519()], true),
        ("none of one", AlgorithmSet::from([Algorithm::RS256]), vec![ed25519()], false),
        ("none of none", AlgorithmSet::ASYMMETRIC, vec![], false),
    ] {
        let profile = compile(&TokenProfile::empty().algorithms(algorithms), &mut ClaimNames::default());
        assert_eq!(profile.accepts_one_of(&KeySet::from_keys(keys)), expected, "{name}");
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

//! Properties of everything that reads a token, with inputs made at random.
//!
//! All of it goes through the public face: a [`ResourceServer`] with fixed keys.
#![cfg(feature = "test-util")]

use std::{collections::HashSet, sync::LazyLock};

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;
use tower_resource_server::{
    Identity, ResourceServer, TrustedIssuer,
    error::{Malformed, TokenError},
    http::Reason,
    keys::{AlgorithmSet, KeySet, verify_jws},
    profile::TokenProfile,
    test_util::TestIssuer,
    token::TokenLimits,
};

const HEADER: &str = r#"{"alg":"ES256","kid":"key-1"}"#;
/// As deep as a payload may nest, itself included.
const NESTING: usize = 32;

struct Fixture {
    issuer: TestIssuer,
    keys: KeySet,
    server: ResourceServer,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let issuer = TestIssuer::new();
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).expect("keys");
    let server = ResourceServer::builder(issuer.audience())
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys.clone(), TokenProfile::jwt()))
        .clock(issuer.clock().clone())
        .build()
        .expect("a server");
    Fixture { issuer, keys, server }
});

/// The verdict on a token; keys that the application holds are never waited for.
fn verify(token: &str) -> Result<Identity, TokenError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(FIXTURE.server.verify_access_token(token)).map_err(|rejection| {
        match rejection.reason() {
            Reason::InvalidToken { error, .. } => error.clone(),
            other => panic!("no verdict on the token: {other:?}"),
        }
    })
}

fn sign(header: &str, payload: &[u8]) -> String {
    FIXTURE.issuer.sign_raw(header, payload)
}

/// What a payload of this text is, by a checker of another make: serde_json's tree for the grammar,
/// and a walk over the characters for what the tree no longer shows.
fn naive(text: &str) -> Result<(), Malformed> {
    let value: Value = serde_json::from_str(text).map_err(|_| Malformed::Payload)?;
    if !value.is_object() {
        return Err(Malformed::Payload);
    }
    let (depth, duplicate, reserved) = walk(text);
    // Which of several faults is named depends on which comes first.
    match (depth > NESTING, duplicate, reserved) {
        (false, false, false) => Ok(()),
        (false, false, true) => Err(Malformed::ReservedName),
        (false, true, _) => Err(Malformed::DuplicateMember),
        (true, ..) => Err(Malformed::TooDeep),
    }
}

/// The greatest depth of well-formed JSON, whether some object has a name twice, and whether one has a
/// private name of the parser.
fn walk(text: &str) -> (usize, bool, bool) {
    let (mut open, mut deepest) = (Vec::<HashSet<String>>::new(), 0);
    let (mut duplicate, mut reserved) = (false, false);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let mut next = first.len_utf8();
        match first {
            '{' | '[' => {
                open.push(HashSet::new());
                deepest = deepest.max(open.len());
            }
            '}' | ']' => drop(open.pop()),
            '"' => {
                let mut escaped = false;
                let inner = rest[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                next = inner.expect("a closing quote") + 2;
                // A string is a name if a colon follows it.
                if rest[next..].trim_start().starts_with(':') {
                    let name: String = serde_json::from_str(&rest[..next]).expect("a string");
                    reserved |= name.starts_with("$serde_json::private::");
                    duplicate |= !open.last_mut().expect("inside an object").insert(name);
                }
            }
            _ => {}
        }
        rest = &rest[next..];
    }
    (deepest, duplicate, reserved)
}

/// JSON text, mostly well-formed; names from so few that they meet, spelled in two ways.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        select(vec![
            "null",
            "true",
            "0",
            "-0",
            "1.5e3",
            "1e999",
            "-7",
            "01",
            "nul",
            "\"\\ud800\"",
            "\"\u{1}\""
        ])
        .prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
        ".{0,8}".prop_map(|text| serde_json::json!(text).to_string()),
    ];
    scalar.prop_recursive(6, 48, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            members(inner.clone()),
            (inner, 1..40_usize).prop_map(|(inner, levels)| format!(
                "{}{inner}{}",
                "[".repeat(levels),
                "]".repeat(levels)
            )),
        ]
    })
}

fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name =
        select(vec!["a", "\\u0061", "b", "c", "d", "e", "f", "iss", "exp", "$serde_json::private::Number"]);
    let blank = select(vec!["", " ", "\n\t"]);
    vec((name, blank, value), 0..6).prop_map(|members| {
        let members: Vec<_> =
            members.iter().map(|(name, blank, value)| format!("\"{name}\"{blank}:{blank}{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_or_passes(token in any::<String>()) {
        prop_assert!(verify(&token).is_err());
    }

    #[test]
    fn no_text_of_token_characters_panics_or_passes(token in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}") {
        prop_assert!(verify(&token).is_err());
    }

    #[test]
    fn no_bytes_panic_the_signature_layer(token in vec(any::<u8>(), 0..200)) {
        prop_assert!(
            verify_jws(token, &FIXTURE.keys, AlgorithmSet::ASYMMETRIC, &TokenLimits::default()).is_err()
        );
    }

    #[test]
    fn no_signed_bytes_panic(header in any::<String>(), payload in vec(any::<u8>(), 0..200)) {
        prop_assert!(verify(&sign(&header, &payload)).is_err());
        prop_assert!(verify(&sign(HEADER, &payload)).is_err());
    }

    /// The header's JSON is as strict as the payload's, and members without a meaning change nothing.
    #[test]
    fn other_header_members_change_nothing(value in json()) {
        let header = format!(r#"{{"alg":"ES256","kid":"key-1","other":{value}}}"#);
        let verdict = verify(&sign(&header, &claims(&FIXTURE.issuer, "")));
        prop_assert_eq!(verdict.is_ok(), naive(&header).is_ok(), "{}", header);
    }

    #[test]
    fn no_header_panics_or_repeats_a_member(header in members(json()), name in select(vec!["alg", "kid", "typ"])) {
        let payload = claims(&FIXTURE.issuer, "");
        prop_assert!(verify(&sign(&header, &payload)).is_err());
        let twice = format!(r#"{{"alg":"ES256","kid":"key-1","typ":"JWT","{name}":"x"}}"#);
        prop_assert_eq!(verify(&sign(&twice, &payload)).err(), Some(Malformed::DuplicateMember.into()));
    }

    /// One changed character makes another token, and no other token is good.
    #[test]
    fn a_changed_token_is_refused(at in any::<prop::sample::Index>(), other in any::<char>()) {
        let good = sign(HEADER, &claims(&FIXTURE.issuer, ""));
        prop_assert!(verify(&good).is_ok());
        let mut changed: Vec<char> = good.chars().collect();
        let at = at.index(changed.len());
        changed[at] = other;
        let changed: String = changed.into_iter().collect();
        prop_assert_eq!(verify(&changed).is_ok(), changed == good);
    }

    /// The strict walk takes what serde_json takes, without duplicates and within the depth.
    #[test]
    fn json_is_taken_or_refused_as_by_an_independent_checker(text in prop_oneof![members(json()), json()]) {
        let verdict = verify(&sign(HEADER, text.as_bytes()));
        let ours = match &verdict {
            Err(TokenError::Malformed(malformed)) => Err(*malformed),
            _ => Ok(()),
        };
        match (ours, naive(&text)) {
            // serde_json has a bound of its own, and the first of two faults is the one that counts.
            (Err(Malformed::TooDeep | Malformed::DuplicateMember | Malformed::ReservedName), Err(_)) => {}
            (ours, naive) => prop_assert_eq!(ours, naive, "{}", text),
        }
    }

    /// Whatever else a good token carries, it stays good if its JSON is, and only then.
    #[test]
    fn other_claims_change_nothing(value in json()) {
        let payload = claims(&FIXTURE.issuer, &format!(",\"other\":{value}"));
        let text = std::str::from_utf8(&payload).expect("text");
        prop_assert_eq!(verify(&sign(HEADER, &payload)).is_ok(), naive(text).is_ok(), "{}", text);
    }
}

/// The claims of a good token, with `more` behind them.
fn claims(issuer: &TestIssuer, more: &str) -> Vec<u8> {
    let exp = issuer.now().as_secs() + 300;
    let (iss, aud) = (issuer.issuer(), issuer.audience());
    format!(r#"{{"iss":"{iss}","aud":"{aud}","sub":"alice","exp":{exp}{more}}}"#).into_bytes()
}

#[test]
fn the_independent_checker_knows_its_faults() {
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    for (text, expected) in [
        (r#"{}"#, Ok(())),
        (r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#, Ok(())),
        (r#"{"a":"{\"a\":1,\"a\":1}"}"#, Ok(())),
        (r#"{"a":1,"a":1}"#, Err(Malformed::DuplicateMember)),
        (r#"{"a":1,"\u0061" : 1}"#, Err(Malformed::DuplicateMember)),
        (r#"{"x":[{"a":1,"b":"\\","a":1}]}"#, Err(Malformed::DuplicateMember)),
        (&deep(31), Ok(())),
        (r#"{"a":[{"\u0024serde_json::private::x":1}]}"#, Err(Malformed::ReservedName)),
        (&deep(32), Err(Malformed::TooDeep)),
        ("[]", Err(Malformed::Payload)),
        (r#"{"a":01}"#, Err(Malformed::Payload)),
    ] {
        assert_eq!(naive(text), expected, "{text}");
    }
}

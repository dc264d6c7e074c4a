//! An explanation says what verification says, always.

use std::sync::LazyLock;

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use tower_resource_server::{
    explain::{Outcome, Verdict},
    test_util::{Defect, TestIssuer},
};

use crate::site::{Site, run, sites};

struct Fixture {
    issuer: TestIssuer,
    stranger: TestIssuer,
    sites: Vec<Site>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let issuer = TestIssuer::new();
    Fixture { sites: sites(&issuer), stranger: TestIssuer::new(), issuer }
});

#[test]
fn they_agree_on_every_defect_under_every_profile() {
    let Fixture { issuer, sites, .. } = &*FIXTURE;
    let access = issuer.access_token("alice").scope("read write");
    let id = issuer.id_token("alice").claim("nonce", "n");
    let (mut good, mut bad) = (0, 0);
    for site in sites {
        let defective = |good| Defect::ALL.iter().map(move |defect| issuer.broken_from(good, *defect));
        let tokens = [access.mint().unwrap(), id.mint().unwrap()].into_iter();
        for token in tokens.chain(defective(&access)).chain(defective(&id)) {
            match site.both(&token).unwrap().is_valid() {
                true => good += 1,
                false => bad += 1,
            }
        }
    }
    assert!(good > 5 && bad > 500, "{good} good and {bad} bad tokens");
}

#[test]
fn a_verdict_of_the_cache_is_explained_like_any_other() {
    let Fixture { issuer, sites, .. } = &*FIXTURE;
    let token = issuer.access_token("alice").scope("read write").mint().unwrap();
    for site in &sites[..3] {
        let server = &site.server;
        run(async {
            assert!(server.explain(&token).await.is_valid(), "{}", site.name);
            assert!(server.try_verify_cached(&token).is_none(), "{}: it fills no cache", site.name);
            server.verify_access_token(&token).await.unwrap();
            assert!(server.try_verify_cached(&token).is_some(), "{}", site.name);
            assert!(server.explain(&token).await.is_valid(), "{}", site.name);
        });
    }
}

/// Values of every type, with those that some rule likes.
fn value() -> impl Strategy<Value = Value> {
    let now = FIXTURE.issuer.now().as_secs();
    select(vec![
        json!(null),
        json!(true),
        json!(""),
        json!("x"),
        json!("a"),
        json!("n"),
        json!("ID"),
        json!("read write"),
        json!(TestIssuer::ISSUER),
        json!(TestIssuer::AUDIENCE),
        json!(TestIssuer::CLIENT_ID),
        json!([]),
        json!(["r"]),
        json!([TestIssuer::AUDIENCE]),
        json!([TestIssuer::CLIENT_ID, "other"]),
        json!([TestIssuer::AUDIENCE, 5]),
        json!({"a": 1}),
        json!(-1),
        json!(1.5),
        json!(now - 7200),
        json!(now - 61),
        json!(now - 60),
        json!(now - 59),
        json!(now),
        json!(now + 1),
        json!(now + 60),
        json!(now + 61),
        json!(now + 7200),
        json!(u64::MAX),
    ])
}

fn changes(names: Vec<&'static str>) -> impl Strategy<Value = Vec<(&'static str, Option<Value>)>> {
    vec((select(names), proptest::option::of(value())), 0..4)
}

fn changed(mut members: Map<String, Value>, changes: Vec<(&'static str, Option<Value>)>) -> String {
    for (name, value) in changes {
        match value {
            Some(value) => drop(members.insert(name.into(), value)),
            None => drop(members.remove(name)),
        }
    }
    Value::Object(members).to_string()
}

fn base(kind: usize) -> (Map<String, Value>, Map<String, Value>) {
    let now = FIXTURE.issuer.now().as_secs();
    let (typ, aud) = match kind {
        0 => ("at+jwt", json!(TestIssuer::AUDIENCE)),
        1 => ("JWT", json!(TestIssuer::CLIENT_ID)),
        _ => ("at+jwt", json!([TestIssuer::AUDIENCE])),
    };
    let mut header = json!({ "alg": "ES256", "kid": "key-1", "typ": typ });
    let mut claims = json!({
        "iss": TestIssuer::ISSUER, "aud": aud, "sub": "alice", "prn": "alice", "client_id": "client-1",
        "iat": now, "exp": now + 300, "jti": "1", "scope": "read write",
    });
    match kind {
        1 => claims["auth_time"] = json!(now),
        2 => {
            header["cty"] = json!("example;v=1");
            header["kid"] = json!("layer:///keys/key-1");
        }
        _ => {}
    }
    let object = |value: Value| value.as_object().cloned().unwrap();
    (object(header), object(claims))
}

/// What happens to a token after it was written.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Signed,
    SignedByAStranger,
    Cut(usize),
    Replaced(usize, char),
    LongSignature,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Signed),
        1 => Just(Fate::SignedByAStranger),
        1 => (0..600_usize).prop_map(Fate::Cut),
        2 => (0..600_usize, select(vec!['A', 'b', '.', '=', ' ', '+', 'ä'])).prop_map(|(at, c)| Fate::Replaced(at, c)),
        1 => Just(Fate::LongSignature),
    ]
}

fn token(header: &str, claims: &str, fate: Fate) -> String {
    let Fixture { issuer, stranger, .. } = &*FIXTURE;
    let good = issuer.sign_raw(header, claims.as_bytes());
    match fate {
        Fate::Signed => good,
        Fate::SignedByAStranger => stranger.sign_raw(header, claims.as_bytes()),
        Fate::Cut(at) => good.chars().take(at).collect(),
        Fate::Replaced(at, by) => {
            good.chars().enumerate().map(|(n, c)| if n == at { by } else { c }).collect()
        }
        Fate::LongSignature => format!("{good}{}", "AAAA".repeat(400)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn they_agree_on_whatever_a_token_says(
        kind in 0..3_usize,
        header in changes(vec!["alg", "kid", "typ", "cty", "crit", "b64", "jwk"]),
        claims in changes(vec![
            "iss", "aud", "sub", "prn", "exp", "iat", "nbf", "client_id", "azp", "scope", "scp", "jti", "nonce",
            "at_hash", "auth_time", "cnf", "tenant", "roles", "token_use", "typ", "other",
        ]),
        fate in fate(),
    ) {
        let (good_header, good_claims) = base(kind);
        let token = token(&changed(good_header, header), &changed(good_claims, claims), fate);
        for site in &FIXTURE.sites {
            let explanation = site.both(&token);
            prop_assert!(explanation.is_ok(), "{}", explanation.unwrap_err());
        }
    }

    #[test]
    fn they_agree_on_any_text(token in any::<String>()) {
        for site in &FIXTURE.sites {
            let explanation = site.both(&token);
            prop_assert!(explanation.is_ok(), "{}", explanation.unwrap_err());
        }
    }
}

/// Were the generated tokens all bad for the first reason, agreement would mean little.
#[test]
fn the_generated_tokens_are_of_all_sorts() {
    let (mut valid, mut codes, mut several) = (0, std::collections::BTreeSet::new(), 0);
    for kind in 0..3 {
        let (header, claims) = base(kind);
        let (header, claims) = (Value::Object(header).to_string(), Value::Object(claims).to_string());
        let late = claims.replace("\"exp\":", "\"exp\":1,\"was\":");
        let late_and_lost = late.replace("\"aud\":", "\"aud\":\"x\",\"for\":");
        let tokens = [Fate::Signed, Fate::SignedByAStranger, Fate::LongSignature, Fate::Cut(9)]
            .map(|fate| token(&header, &claims, fate))
            .into_iter()
            .chain([&late, &late_and_lost].map(|claims| token(&header, claims, Fate::Signed)));
        for token in tokens {
            for site in &FIXTURE.sites {
                let explanation = site.both(&token).unwrap();
                valid += usize::from(explanation.outcome() == Outcome::Valid);
                codes.extend(explanation.error().map(|error| error.code()));
                several += usize::from(explanation.failed().count() > 1);
                assert_eq!(
                    explanation.is_valid(),
                    explanation
                        .findings()
                        .iter()
                        .all(|f| matches!(f.verdict(), Verdict::Passed | Verdict::NotApplicable))
                );
            }
        }
    }
    assert!(valid >= 6, "{valid} valid");
    assert!(several >= 10, "{several} with more than one thing wrong");
    for code in
        ["malformed", "wrong_type", "invalid_signature", "untrusted_issuer", "wrong_audience", "expired"]
    {
        assert!(codes.contains(code), "{code} is not among {codes:?}");
    }
}

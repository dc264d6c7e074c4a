//! An explanation says what verification says, always.

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use tower_resource_server::{
    explain::{Outcome, Verdict},
    issuer::{SigningKey, TokenBuilder},
    keys::Algorithm,
    store::Nonces,
    test_util::{Defect, TestIssuer},
};

use crate::site::{APP_ID, MCA, Site, TENANT, rsa_issuer, run, sites, vendors};

struct Fixture {
    issuer: TestIssuer,
    other_key: SigningKey,
    nonces: Nonces,
    sites: Vec<Site>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let (issuer, nonces) = (rsa_issuer(), Nonces::new().unwrap());
    let sites = sites(&issuer).into_iter().chain(vendors(&issuer, &nonces)).collect();
    let other_key = include_str!("../../src/issuer/testdata/p256-pkcs8.pem");
    let other_key = SigningKey::from_pem(Algorithm::ES256, other_key).unwrap();
    Fixture { issuer, other_key, nonces, sites }
});

/// A good token of each kind, with what the kinds have in common.
fn good() -> Vec<TokenBuilder> {
    let issuer = &FIXTURE.issuer;
    let access = || issuer.access_token("alice");
    let mca = access().typ("JWT").claim("iss", MCA).claim("aud", TENANT).claim("prn", "web");
    vec![
        access().scope("read write"),
        issuer.id_token("alice").claim("nonce", "n"),
        mca.claim("imf.scope", json!({})),
        access()
            .typ("JWT")
            .claim("iss", APP_ID)
            .claim("aud", json!(["web"]))
            .claim("tenant", TENANT)
            .scope("openid appid_default"),
        access()
            .typ("JWT")
            .header("cty", "layer-eit;v=1")
            .claim("iss", "1")
            .claim("prn", "alice")
            .claim("nce", FIXTURE.nonces.issue(issuer.now()).unwrap()),
        access().typ("JWT").claim("aid", "app"),
    ]
}

#[test]
fn they_agree_on_every_defect_under_every_profile() {
    let Fixture { issuer, sites, .. } = &*FIXTURE;
    let (mut valid, mut invalid) = (BTreeSet::new(), 0);
    for good in good() {
        let defective = Defect::ALL.iter().map(|defect| issuer.broken_from(&good, *defect));
        let tokens: Vec<_> = defective.chain([good.mint().unwrap()]).collect();
        for (site, token) in sites.iter().flat_map(|site| tokens.iter().map(move |token| (site, token))) {
            match site.both(token).unwrap().is_valid() {
                true => drop(valid.insert(site.name)),
                false => invalid += 1,
            }
        }
    }
    assert!(invalid > 3_000, "{invalid} invalid");
    let none = [
        "a profile of one's own",
        "by header, another",
        "by header, without it",
        "oidc id token, expected",
        "no ID tokens",
        "mobile client access, an ID token alone",
        "sceyt, another application",
    ];
    for site in sites {
        assert_eq!(valid.contains(site.name), !none.contains(&site.name), "{}", site.name);
    }
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
        json!({"a": "1"}),
        json!({"a": {"exp": now}}),
        json!({}),
        json!(TENANT),
        json!([TENANT, "web"]),
        json!("openid appid_default"),
        json!("app"),
        json!("layer:///providers/1"),
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

/// How many kinds of token there are.
const KINDS: usize = 7;

/// A token that some server accepts.
fn base(kind: usize) -> (Map<String, Value>, Map<String, Value>) {
    let now = FIXTURE.issuer.now().as_secs();
    let mut header = json!({ "alg": "RS256", "kid": "key-1", "typ": "JWT" });
    let mut claims = json!({ "sub": "alice", "iat": now, "exp": now + 3600 });
    let (more_header, more_claims) = match kind {
        0 => (
            json!({ "typ": "at+jwt" }),
            json!({
                "iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "client_id": "web", "jti": "1",
                "scope": "read write",
            }),
        ),
        1 => (
            json!({}),
            json!({ "iss": TestIssuer::ISSUER, "aud": TestIssuer::CLIENT_ID, "auth_time": now, "nonce": "n" }),
        ),
        2 => (
            json!({ "typ": "at+jwt", "cty": "example;v=1", "kid": "layer:///keys/key-1" }),
            json!({ "iss": TestIssuer::ISSUER, "aud": [TestIssuer::AUDIENCE], "prn": "alice" }),
        ),
        3 => (
            json!({ "jpk": {} }),
            json!({ "iss": MCA, "aud": TENANT, "prn": "web", "imf.scope": { "r": { "exp": now + 1 } } }),
        ),
        4 => (
            json!({ "typ": "JOSE", "ver": 4 }),
            json!({ "iss": APP_ID, "aud": ["web"], "tenant": TENANT, "scope": "openid appid_default" }),
        ),
        5 => (
            json!({ "cty": "layer-eit;v=1", "kid": "layer:///keys/key-1" }),
            json!({ "iss": "1", "prn": "alice", "nce": FIXTURE.nonces.issue(FIXTURE.issuer.now()).unwrap() }),
        ),
        _ => (json!({}), json!({ "nbf": now, "aid": "app" })),
    };
    let merged = |members: &mut Value, more: Value| {
        let members = members.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        members.clone()
    };
    (merged(&mut header, more_header), merged(&mut claims, more_claims))
}

/// What happens to a token after it was written.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Signed,
    SignedByAnotherKey,
    Cut(usize),
    Replaced(usize, char),
    LongSignature,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Signed),
        1 => Just(Fate::SignedByAnotherKey),
        1 => (0..600_usize).prop_map(Fate::Cut),
        2 => (0..600_usize, select(vec!['A', 'b', '.', '=', ' ', '+', 'ä'])).prop_map(|(at, c)| Fate::Replaced(at, c)),
        1 => Just(Fate::LongSignature),
    ]
}

fn token(header: &str, claims: &str, fate: Fate) -> String {
    let Fixture { issuer, other_key, .. } = &*FIXTURE;
    let good = issuer.sign_raw(header, claims.as_bytes());
    match fate {
        Fate::Signed => good,
        Fate::SignedByAnotherKey => other_key.sign_raw(header, claims.as_bytes()).unwrap(),
        Fate::Cut(at) => good.chars().take(at).collect(),
        Fate::Replaced(at, by) => {
            good.chars().enumerate().map(|(n, c)| if n == at { by } else { c }).collect()
        }
        Fate::LongSignature => format!("{good}{}", "AAAA".repeat(400)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn they_agree_on_whatever_a_token_says(
        kind in 0..KINDS,
        header in changes(vec!["alg", "kid", "typ", "cty", "crit", "b64", "jwk"]),
        claims in changes(vec![
            "iss", "aud", "sub", "prn", "exp", "iat", "nbf", "client_id", "azp", "scope", "scp", "jti", "nonce",
            "at_hash", "auth_time", "cnf", "tenant", "roles", "token_use", "typ", "other", "aid", "nce", "imf.scope",
            "imf.user", "metadata", "display_name",
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
    let (mut valid, mut codes, mut several) = (0, BTreeSet::new(), 0);
    for kind in 0..KINDS {
        let (header, claims) = base(kind);
        let (header, claims) = (Value::Object(header).to_string(), Value::Object(claims).to_string());
        let late = claims.replace("\"exp\":", "\"exp\":1,\"was\":");
        let late_and_lost = late.replace("\"aud\":", "\"aud\":\"x\",\"for\":");
        let tokens = [Fate::Signed, Fate::SignedByAnotherKey, Fate::LongSignature, Fate::Cut(9)]
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
    assert!(valid >= 12, "{valid} valid");
    assert!(several >= 10, "{several} with more than one thing wrong");
    for code in
        ["malformed", "wrong_type", "invalid_signature", "untrusted_issuer", "wrong_audience", "expired"]
    {
        assert!(codes.contains(code), "{code} is not among {codes:?}");
    }
}

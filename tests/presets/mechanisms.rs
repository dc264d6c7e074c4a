//! What presets are made of, as an application uses it.

use std::time::Duration;

use serde_json::{Value, json};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    error::TokenError,
    explain::Stage,
    keys::KeySet,
    policy::{claim, header},
    profile::TokenProfile,
    store::{Life, MemorySpentStore, SpendError, Spending, SpentStore},
    test_util::TestIssuer,
    time::UnixTime,
};

use crate::NOW;

const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1";

fn keys(issuer: &TestIssuer) -> KeySet {
    KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap()
}

fn server(issuer: &TestIssuer, profile: TokenProfile) -> ResourceServer {
    let trusted = TrustedIssuer::with_keys(TestIssuer::ISSUER, keys(issuer), profile);
    ResourceServer::builder(TestIssuer::AUDIENCE)
        .issuer(trusted)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

fn claims(patch: &Value) -> Value {
    let claims = json!({
        "iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "sub": "alice", "exp": NOW + 60
    });
    crate::patched(&claims, patch)
}

/// A token with more in its header.
fn token(issuer: &TestIssuer, more: &Value, claims: &Value) -> String {
    let header = crate::patched(&json!({"alg": "ES256", "kid": "key-1"}), more);
    issuer.sign_raw(&header.to_string(), claims.to_string().as_bytes())
}

async fn code(api: &ResourceServer, token: &str) -> Option<&'static str> {
    api.verify_access_token(token).await.err().map(|refused| refused.reason().code())
}

#[tokio::test]
async fn members_of_the_header_have_rules_as_claims_have() {
    let issuer = TestIssuer::new();
    let profile = TokenProfile::jwt()
        .without_rules_on("aud")
        .rule(header("signer").one_of([ARN]).binds_token())
        .rule(header("exp").after_now())
        .rule(header("/a/b").equals("c").if_present());
    let api = server(&issuer, profile.clone());
    let good = json!({"signer": ARN, "exp": NOW + 30});
    for (name, patch, expected) in [
        ("good", json!({}), None),
        ("another signer", json!({"signer": format!("{ARN}1")}), Some("wrong_audience")),
        ("no signer", json!({"signer": null}), Some("missing_claim")),
        ("several signers", json!({"signer": [ARN]}), Some("invalid_claim")),
        ("expired in the header", json!({"exp": NOW - 60}), Some("expired")),
        ("just not expired", json!({"exp": NOW - 59}), None),
        ("no date", json!({"exp": "soon"}), Some("invalid_claim")),
        ("inside another member", json!({"a": {"b": "c"}}), None),
        ("inside another member, another", json!({"a": {"b": "d"}}), Some("invalid_claim")),
    ] {
        let more = crate::patched(&good, &patch);
        // Twice: the second time the header was seen before.
        for _ in 0..2 {
            let token = token(&issuer, &more, &claims(&json!({"jti": name})));
            assert_eq!(code(&api, &token).await, expected, "{name}");
        }
    }
    // A claim is no member of the header.
    let claim_alone = token(&issuer, &json!({"exp": NOW + 30}), &claims(&json!({"signer": ARN})));
    assert_eq!(code(&api, &claim_alone).await, Some("missing_claim"));

    // A cached token ends with the date in its header.
    let header = token(&issuer, &good, &claims(&json!({"exp": NOW + 600})));
    assert_eq!(code(&api, &header).await, None);
    issuer.clock().advance(Duration::from_secs(90));
    assert_eq!(code(&api, &header).await, Some("expired"));

    let explained = api.explain(&header).await;
    let row = explained.findings.iter().find(|row| row.rule.starts_with("header exp")).unwrap();
    assert_eq!((row.stage, &*row.rule), (Stage::Claims, "header exp is after now"));
    assert_eq!(explained.error(), Some(&TokenError::Expired));

    let without = server(&issuer, profile.without_header_rules_on("exp"));
    assert_eq!(code(&without, &header).await, None);
}

#[tokio::test]
async fn padding_is_taken_where_the_profile_says_so_and_is_signed() {
    let issuer = TestIssuer::new();
    let (padded, strict) = (TokenProfile::jwt().accept_padding(true), TokenProfile::jwt());
    // The header has 30 bytes and more of spaces, so that each length of padding occurs.
    for spaces in 0..3 {
        let header = format!(r#"{{"alg":"ES256","kid":"key-1"}}{}"#, " ".repeat(spaces));
        let good = issuer.sign_raw(&header, claims(&json!({})).to_string().as_bytes());
        let api = server(&issuer, padded.clone());
        assert_eq!(code(&api, &good).await, None, "without padding, {spaces}");
        let pad = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
        let parts: Vec<_> = good.split('.').map(pad).collect();
        let unsigned = parts.join(".");
        if unsigned.split('.').take(2).any(|part| part.ends_with('=')) {
            assert_eq!(code(&api, &unsigned).await, Some("invalid_signature"), "added later, {spaces}");
        }
        let signed = crate::sign_padded(&issuer, &header, claims(&json!({})).to_string().as_bytes());
        assert!(signed.contains('='));
        assert_eq!(code(&api, &signed).await, None, "signed with it, {spaces}");
        assert_eq!(code(&server(&issuer, strict.clone()), &signed).await, Some("malformed"), "{spaces}");
    }

    // Beside an issuer that pads, another that does not is as strict as ever.
    let other = TestIssuer::new();
    let issuers = [("https://pads.test", padded), (TestIssuer::ISSUER, strict)];
    let mut api = ResourceServer::builder(TestIssuer::AUDIENCE).clock(other.clock().clone());
    for (name, profile) in issuers {
        api = api.issuer(TrustedIssuer::with_keys(name, keys(&other), profile));
    }
    let api = api.build().unwrap();
    for (iss, expected) in [("https://pads.test", None), (TestIssuer::ISSUER, Some("malformed"))] {
        let claims = claims(&json!({"iss": iss, "pad": "xx"})).to_string();
        let signed = crate::sign_padded(&other, r#"{"alg":"ES256","kid":"key-1"}"#, claims.as_bytes());
        assert_eq!(code(&api, &signed).await, expected, "{iss}");
    }
}

#[tokio::test]
async fn a_token_that_counts_once_counts_once() {
    let issuer = TestIssuer::new();
    let api = server(&issuer, TokenProfile::jwt().single_use("jti"));
    let with = |jti: Value, more: Value| {
        token(&issuer, &json!({}), &crate::patched(&claims(&more), &json!({"jti": jti})))
    };
    let used = Some("already_used");
    let first = with(json!("1"), json!({}));
    // The last character of such a signature is one of four.
    let other = if first.ends_with('A') { 'Q' } else { 'A' };
    let broken = format!("{}{other}", &first[..first.len() - 1]);
    let explained = api.explain(&first).await;
    assert!(explained.is_valid(), "{explained}");
    assert_eq!(code(&api, &first).await, None, "looking at it spent nothing");
    for (name, token, expected) in [
        ("again", first.clone(), used),
        ("another token with its name", with(json!("1"), json!({"sub": "bob"})), used),
        ("another name", with(json!("2"), json!({})), None),
        ("no name", with(Value::Null, json!({})), Some("missing_claim")),
        ("an empty name", with(json!(""), json!({})), Some("invalid_claim")),
        ("a number", with(json!(3), json!({})), Some("invalid_claim")),
        ("one that is not good", with(json!("4"), json!({"aud": "other"})), Some("wrong_audience")),
        ("its name was not spent", with(json!("4"), json!({})), None),
        ("a bad signature", broken, Some("invalid_signature")),
    ] {
        assert_eq!(code(&api, &token).await, expected, "{name}");
    }
    let explained = api.explain(&first).await;
    assert_eq!(explained.error(), Some(&TokenError::AlreadyUsed));
    // When it is forgotten, the token has ended.
    issuer.clock().advance(Duration::from_secs(120));
    assert_eq!(code(&api, &first).await, Some("expired"));
}

#[tokio::test]
async fn names_of_two_issuers_are_apart_and_servers_may_share_a_store() {
    let (one, other) = (TestIssuer::new(), TestIssuer::builder().issuer("https://other.test").build());
    let store = std::sync::Arc::new(MemorySpentStore::default());
    let build = || {
        let mut api = ResourceServer::builder(TestIssuer::AUDIENCE).clock(one.clock().clone());
        for issuer in [&one, &other] {
            let profile = TokenProfile::rfc9068().single_use("jti");
            api = api.issuer(TrustedIssuer::with_keys(issuer.issuer(), keys(issuer), profile));
        }
        api.spent_tokens(store.clone()).build().unwrap()
    };
    let (first, second) = (build(), build());
    let [a, b] = [&one, &other].map(|issuer| issuer.access_token("alice").claim("jti", "1").mint().unwrap());
    assert_eq!((code(&first, &a).await, code(&first, &b).await), (None, None));
    assert_eq!(
        (code(&second, &a).await, code(&second, &b).await),
        (Some("already_used"), Some("already_used"))
    );
    assert_eq!(store.len(), 2);
}

/// A store that answers later, and then so.
struct Slow(Result<(), SpendError>);

impl SpentStore for Slow {
    fn spend(&self, _: &[u8], _: Life, _: UnixTime) -> Spending {
        let result = self.0;
        Spending::Wait(Box::pin(async move {
            tokio::task::yield_now().await;
            result
        }))
    }
}

#[tokio::test]
async fn a_store_may_answer_later_and_one_that_cannot_refuses() {
    let issuer = TestIssuer::new();
    for (answer, expected) in [
        (Ok(()), None),
        (Err(SpendError::AlreadySpent), Some("already_used")),
        (Err(SpendError::Full), Some("spent_store_unavailable")),
        (Err(SpendError::Unavailable), Some("spent_store_unavailable")),
    ] {
        let profile = TokenProfile::rfc9068().single_use("jti");
        let trusted = TrustedIssuer::with_keys(TestIssuer::ISSUER, keys(&issuer), profile);
        let api = ResourceServer::builder(TestIssuer::AUDIENCE).issuer(trusted);
        let api = api.clock(issuer.clock().clone()).spent_tokens(Slow(answer)).build().unwrap();
        let token = issuer.access_token("alice").mint().unwrap();
        assert_eq!(code(&api, &token).await, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn the_subject_finds_the_issuer_where_a_profile_says_so() {
    let (shop, bank, plain) = (TestIssuer::new(), TestIssuer::new(), TestIssuer::new());
    let below = || {
        TokenProfile::empty()
            .rule(claim("sub").is_below_issuer())
            .rule(claim("aud").names_resource())
            .rule(claim("exp").after_now())
    };
    let api = ResourceServer::builder(TestIssuer::AUDIENCE)
        .issuer(TrustedIssuer::with_keys("spiffe://shop.test", keys(&shop), below()))
        .issuer(TrustedIssuer::with_keys("spiffe://bank.test", keys(&bank), below()))
        .issuer(TrustedIssuer::with_keys(TestIssuer::ISSUER, keys(&plain), TokenProfile::jwt()))
        .clock(shop.clock().clone())
        .build()
        .unwrap();
    let none = json!({"iss": null});
    for (name, signer, patch, expected) in [
        (
            "of the shop",
            &shop,
            json!({"iss": null, "sub": "spiffe://shop.test/orders"}),
            Ok("spiffe://shop.test"),
        ),
        (
            "of the bank",
            &bank,
            json!({"iss": null, "sub": "spiffe://bank.test/a/b"}),
            Ok("spiffe://bank.test"),
        ),
        ("whatever the iss", &shop, json!({"sub": "spiffe://shop.test/orders"}), Ok("spiffe://shop.test")),
        ("of neither", &plain, json!({}), Ok(TestIssuer::ISSUER)),
        (
            "the bank's keys",
            &bank,
            json!({"iss": null, "sub": "spiffe://shop.test/a"}),
            Err("invalid_signature"),
        ),
        ("another's keys", &plain, json!({"sub": "spiffe://shop.test/orders"}), Err("invalid_signature")),
        (
            "another trust domain",
            &shop,
            json!({"iss": null, "sub": "spiffe://evil.test/a"}),
            Err("missing_claim"),
        ),
        (
            "a longer one",
            &shop,
            json!({"iss": null, "sub": "spiffe://shop.test.evil/a"}),
            Err("missing_claim"),
        ),
        ("no path", &shop, json!({"iss": null, "sub": "spiffe://shop.test/"}), Err("missing_claim")),
        ("the issuer by name", &shop, json!({"iss": "spiffe://shop.test"}), Err("untrusted_issuer")),
        ("no names at all", &shop, none, Err("missing_claim")),
    ] {
        let token = token(signer, &json!({}), &claims(&patch));
        let verdict = api.verify_access_token(&token).await;
        let verdict = verdict.as_ref().map(|who| who.issuer()).map_err(|refused| refused.reason().code());
        assert_eq!(verdict, expected, "{name}");
    }
}

#[test]
fn what_cannot_work_is_refused_with_what_to_write() {
    let issuer = TestIssuer::new();
    let pinned = || TokenProfile::jwt().pin_one_of(["repository_id", "repository_owner_id"]);
    let unpinned = "no rule names values of one of repository_id, repository_owner_id, and other claims can pass to others; add claim(\"repository_id\").one_of([..])";
    for (name, profile, expected) in [
        ("nothing pinned", pinned(), Some(unpinned)),
        ("a mutable claim", pinned().rule(claim("repository").equals("shop/orders")), Some(unpinned)),
        ("presence", pinned().rule(claim("repository_id").non_empty_string()), Some(unpinned)),
        ("all but one", pinned().rule(claim("repository_id").none_of(["1"])), Some(unpinned)),
        ("if present", pinned().rule(claim("repository_id").equals("1").if_present()), Some(unpinned)),
        ("in the header", pinned().rule(header("repository_id").equals("1")), Some(unpinned)),
        ("a value", pinned().rule(claim("repository_id").equals("1")), None),
        ("some values of the other", pinned().rule(claim("repository_owner_id").one_of(["1", "2"])), None),
        (
            "an endless token that counts once",
            TokenProfile::jwt().single_use("jti").dangerous().unbounded_lifetime(),
            Some("tokens that count once must end; leave out unbounded_lifetime()"),
        ),
        (
            "a header that binds",
            TokenProfile::jwt().without_rules_on("aud").rule(header("signer").equals(ARN).binds_token()),
            None,
        ),
        (
            "a header that does not",
            TokenProfile::jwt().without_rules_on("aud").rule(header("signer").non_empty_string()),
            Some("no rule binds a token to this server; add claim(\"aud\").names_resource()"),
        ),
    ] {
        let trusted = TrustedIssuer::with_keys(TestIssuer::ISSUER, keys(&issuer), profile);
        let built = ResourceServer::builder(TestIssuer::AUDIENCE).issuer(trusted).build();
        let problem = built.err().map(|error| error.problems()[0].to_string());
        let expected = expected.map(|text| format!("issuer \"{}\": {text}", TestIssuer::ISSUER));
        assert_eq!(problem, expected, "{name}");
    }
    let chosen = TrustedIssuer::with_keys(TestIssuer::ISSUER, keys(&issuer), TokenProfile::jwt())
        .access_tokens_where([header("kind").equals("a")], TokenProfile::jwt());
    let refused = ResourceServer::builder(TestIssuer::AUDIENCE).issuer(chosen).build().unwrap_err();
    assert!(refused.to_string().contains("put a rule on the header into the profile"), "{refused}");
}

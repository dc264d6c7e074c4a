//! Explanations of keys agree with verification, name the key, and count nothing.

use tower_resource_server::{
    Explanation,
    explain::{Outcome, Verdict},
    policy::scope,
};

use crate::site::{BILLING, BILLING_HASH, ENDING, OLD, SECRETS, Site, builder, end, keys};

/// The rows, as verdict, stage and rule.
fn rows(explanation: &Explanation) -> Vec<String> {
    let verdict = |verdict| match verdict {
        Verdict::Passed => "ok",
        Verdict::Failed => "FAILED",
        _ => "?",
    };
    let row = |finding: &tower_resource_server::explain::Finding| {
        let shown = finding.shown.as_ref().map(|shown| format!(": {shown}")).unwrap_or_default();
        format!("{} {} {}{shown}", verdict(finding.verdict), finding.stage, finding.rule)
    };
    explanation.findings.iter().map(row).collect()
}

#[tokio::test]
async fn an_explanation_names_the_key() {
    let site = Site::new();
    let form = "ok form it has not the form of a JWT";
    let key = |name: &str| format!("ok key it is an API key of this server: {name:?}");
    let explain = async |credential: &str| site.api.explain(credential).await;
    assert_eq!(rows(&explain(BILLING).await), [form, &key("billing-2026")]);
    let deprecated = explain(OLD).await;
    assert_eq!(rows(&deprecated), [form, &key("old")]);
    assert!(deprecated.to_string().contains("its holder should have a token by now"), "{deprecated}");
    let ending = "claims the time of the API key is not over";
    assert_eq!(rows(&explain(ENDING).await), [form, &key("ending"), &format!("ok {ending}")]);
    site.issuer.clock().advance(end(&site.issuer).since(site.issuer.now()));
    assert_eq!(rows(&explain(ENDING).await), [form, &key("ending"), &format!("FAILED {ending}")]);
    let unknown = explain("shop_AAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!(rows(&unknown), [form, "FAILED key it is an API key of this server"]);
    let text = unknown.to_string();
    assert!(text.starts_with("The credential is invalid: a signed token has exactly three parts."), "{text}");
    assert!(text.contains("send a token, or an API key"), "{text}");
    let json = serde_json::to_value(&unknown).unwrap();
    assert_eq!((&json["token"], &json["code"]), (&"other".into(), &"unknown_credential".into()));
    let uses: u64 = site.api.api_keys().iter().map(|key| key.uses).sum();
    assert_eq!(uses, 0, "an explanation is no use of a key");
    for token in ["a.b.c", "eyJhbGciOiJFUzI1NiJ9.e30"] {
        let text = explain(token).await.to_string();
        assert!(text.starts_with("The access token is invalid"), "{token}: {text}");
    }
}

#[tokio::test]
async fn explanations_agree_with_verification() {
    let issuer = Site::new().issuer;
    let servers = [
        builder(&issuer).api_keys(keys(&issuer)),
        builder(&issuer).api_keys(keys(&issuer).prefix("shop_")),
        builder(&issuer).api_keys(keys(&issuer)).require(scope("read")),
        builder(&issuer).api_keys(keys(&issuer)).require(scope("admin").or(scope("write"))),
        builder(&issuer),
    ]
    .map(|builder| builder.build().unwrap());
    let token = issuer.access_token("alice").scope("read").mint().unwrap();
    let more = [token.as_str(), "", "x", "a.b", "a.b.c", "a:b", "eyJ.a", BILLING_HASH];
    let (mut good, mut bad) = (0, 0);
    for api in &servers {
        for credential in SECRETS.into_iter().chain(more) {
            let explanation = api.explain(credential).await;
            let verified = api.verify_access_token(credential).await;
            let reason = verified.as_ref().err().map(|refused| refused.reason().clone());
            assert_eq!(explanation.reason, reason, "{credential}");
            let failed = explanation.failed().count();
            match explanation.outcome() {
                Outcome::Valid => (good, _) = (good + 1, assert_eq!(failed, 0, "{credential}")),
                _ => (bad, _) = (bad + 1, assert!(failed > 0, "{credential}: {explanation}")),
            }
            let texts = [explanation.to_string(), serde_json::to_string(&explanation).unwrap()];
            let secret = SECRETS.iter().find(|secret| texts.iter().any(|text| text.contains(&secret[5..])));
            assert_eq!(secret, None, "{explanation}");
        }
    }
    assert!(good > 10 && bad > 20, "{good} good, {bad} bad");
}

//! What is logged of keys: that a deprecated one is used, once; refusals with their reason; never a secret (promise 10).

use axum::{Router, routing};

use crate::{
    log::Log,
    site::{BILLING, BILLING_HASH, OLD, SECRETS, Site, keys},
    support::{ask, get},
};

#[tokio::test]
async fn promise_10_logs_name_a_deprecated_key_once_and_never_a_secret() {
    let near = &OLD[..OLD.len() - 1];
    // While there is one subscriber, an event that another thread logs as the first is off for all: so each thread has
    // one, and what was logged before is looked at anew.
    tracing::subscriber::set_global_default(Log::default()).unwrap();
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    tracing::callsite::rebuild_interest_cache();
    let site = Site::new();
    let app = Router::new().route("/", routing::get(|| async {})).layer(site.api.layer());
    for credential in [BILLING, OLD, OLD, near, "shop_AAAAAAAAAAAAAAAAAAAAAA"] {
        ask(&app, get("/", Some(credential))).await;
    }
    let text = log.text();
    assert_eq!(text.matches("a deprecated API key is in use").count(), 1, "{text}");
    assert!(text.contains("name=\"old\"") && text.contains("unknown_credential"), "{text}");
    log.clear();
    site.api.replace_api_keys(keys(&site.issuer)).unwrap();
    ask(&app, get("/", Some(OLD))).await;
    assert_eq!(log.text().matches("a deprecated API key is in use").count(), 1, "once for each set");
    let who = site.api.verify_now(BILLING).unwrap();
    let refused = site.api.verify_now(near).unwrap_err();
    let texts = [text, log.text(), format!("{who:?}"), format!("{refused:?} {refused}")];
    for secret in SECRETS.iter().map(|secret| &secret[5..secret.len() - 1]).chain([BILLING_HASH]) {
        assert!(texts.iter().all(|text| !text.contains(secret)), "{texts:?}");
    }
}

//! A key that its issuer exchanged and that has the same `kid` as before.

use tower_resource_server::{
    issuer::SigningKey, keys::Algorithm, profile::TokenProfile, source::RefreshSettings,
};

use crate::{Provider, Site, fetched, key, secs};

/// A server that has fetched these keys a minute ago.
async fn loaded(provider: &Provider, keys: &[&SigningKey], refetch: bool) -> Site {
    provider.publish(keys);
    let settings = RefreshSettings::default().refetch_on_bad_signature(refetch);
    let site = Site::new([fetched(provider, TokenProfile::rfc9068()).refresh(settings)]);
    site.api.ready().await.unwrap();
    site.pass(secs(60));
    site
}

#[tokio::test]
async fn a_key_exchanged_under_the_same_kid_is_noticed_by_opt_in() {
    let (es256, eddsa, es384) = (Algorithm::ES256, Algorithm::EdDSA, Algorithm::ES384);
    for (name, old, new, others) in [
        ("the only key", key(es256, "a"), key(es256, "a"), vec![]),
        ("one of two", key(eddsa, "a"), key(eddsa, "a"), vec![key(es256, "b")]),
        ("of a long name", key(es384, &"a".repeat(256)), key(es384, &"a".repeat(256)), vec![key(es384, "b")]),
    ] {
        for (opt_in, before, fetches) in [(true, Ok(()), 2), (false, Err("invalid_signature"), 1)] {
            let provider = Provider::default();
            let with = |key| others.iter().chain([key]).collect::<Vec<_>>();
            let site = loaded(&provider, &with(&old), opt_in).await;
            let remembered = site.token(&old);
            assert_eq!(site.ask(&remembered).await, Ok(()), "{name}");
            provider.publish(&with(&new));
            assert_eq!(site.signed_by(&new).await, before, "{name}, {opt_in}");
            assert_eq!(provider.fetches(), fetches, "{name}, {opt_in}");
            for other in &others {
                assert_eq!(site.signed_by(other).await, Ok(()), "{name}, {opt_in}: the key beside it");
            }
            // What the old key signed is over when the exchange is noticed, remembered or not.
            let expected = if opt_in { Err("invalid_signature") } else { Ok(()) };
            assert_eq!(site.ask(&remembered).await, expected, "{name}, {opt_in}: remembered");
            assert_eq!(site.signed_by(&old).await, expected, "{name}, {opt_in}: new");
        }
    }
}

/// An exchange for a key of another algorithm is noticed without the opt-in: the key at hand is not one
/// that the token can be checked with.
#[tokio::test]
async fn a_key_exchanged_for_one_of_another_algorithm_is_noticed_in_any_case() {
    for (name, new) in [("EdDSA", Algorithm::EdDSA), ("ES384", Algorithm::ES384)] {
        let (provider, old, new) = (Provider::default(), key(Algorithm::ES256, "a"), key(new, "a"));
        let site = loaded(&provider, &[&old], false).await;
        provider.publish(&[&new]);
        assert_eq!(site.signed_by(&new).await, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn promise_11_ten_thousand_bad_signatures_cause_a_fetch_a_minute_and_cost_unknown_keys_nothing() {
    for (name, opt_in) in [("opted in", true), ("not opted in", false)] {
        let provider = Provider::default();
        let (good, forger) = (key(Algorithm::EdDSA, "a"), key(Algorithm::EdDSA, "a"));
        let site = loaded(&provider, &[&good], opt_in).await;
        let forged = site.token(&forger);
        // Three minutes and twenty seconds, in which no refresh is due.
        for _ in 0..10_000 {
            assert_eq!(site.ask(&forged).await, Err("invalid_signature"), "{name}");
            site.pass(std::time::Duration::from_millis(20));
        }
        let (caused, allowed) = (provider.fetches() - 1, if opt_in { 4 } else { 0 });
        assert_eq!(caused, allowed, "{name}");
        assert_eq!(site.api.health()[0].keys.budget, 5, "{name}: nothing of the other budget");
        let new = key(Algorithm::EdDSA, "b");
        provider.publish(&[&good, &new]);
        assert_eq!(site.signed_by(&new).await, Ok(()), "{name}: an unknown key is looked up all the same");
        assert_eq!(site.signed_by(&good).await, Ok(()), "{name}");
    }
}

#[tokio::test]
async fn an_explanation_waits_for_the_exchange_as_a_request_does() {
    for (name, published, expected) in
        [("exchanged", true, None), ("forged", false, Some("invalid_signature"))]
    {
        let provider = Provider::default();
        let (old, new) = (key(Algorithm::ES256, "a"), key(Algorithm::ES256, "a"));
        let site = loaded(&provider, &[&old], true).await;
        if published {
            provider.publish(&[&new]);
        }
        let explanation = site.api.explain(&site.token(&new)).await;
        assert_eq!(
            explanation.reason.as_ref().map(|reason| reason.code()),
            expected,
            "{name}: {explanation}"
        );
        assert_eq!(provider.fetches(), 2, "{name}");
    }
}

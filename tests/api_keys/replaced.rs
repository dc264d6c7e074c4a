//! A new set of keys is put in the place of the old one.

use std::{sync::Arc, thread};

use tower_resource_server::{ApiKey, ApiKeys, ReplaceApiKeysError};

use crate::site::{BILLING, BILLING_NEXT, OLD, Site, builder, keys};

#[test]
fn keys_are_added_withdrawn_and_exchanged_at_once() {
    let site = Site::new();
    let good = |secret: &str| site.api.verify_now(secret).is_ok();
    assert!(good(BILLING) && good(OLD));
    let exchanged = ApiKeys::new().key(ApiKey::from_secret("billing-2026", BILLING_NEXT, "billing"));
    site.api.replace_api_keys(exchanged).unwrap();
    assert!(!good(BILLING) && good(BILLING_NEXT) && !good(OLD));
    let who = site.api.verify_now(BILLING_NEXT).unwrap();
    assert_eq!(who.scopes().count(), 0, "what the new set says");
    let uses: Vec<_> = site.api.api_keys().iter().map(|key| (key.name.to_string(), key.uses)).collect();
    assert_eq!(uses, [("billing-2026".to_owned(), 3)], "uses are counted by name");

    let bad = ApiKeys::new().key(ApiKey::from_secret("a", "short", "who"));
    let error = site.api.replace_api_keys(bad).unwrap_err();
    assert!(matches!(&error, ReplaceApiKeysError::Invalid(error) if error.problems().len() == 1), "{error}");
    assert!(good(BILLING_NEXT), "a bad set changes nothing");

    site.api.replace_api_keys(ApiKeys::new()).unwrap();
    assert!(!good(BILLING_NEXT) && site.api.api_keys().is_empty());
    site.api.replace_api_keys(keys(&site.issuer)).unwrap();
    assert!(good(BILLING));
}

#[test]
fn a_server_without_keys_gets_none() {
    let site = Site::new();
    let bare = builder(&site.issuer).build().unwrap();
    assert_eq!(bare.replace_api_keys(keys(&site.issuer)), Err(ReplaceApiKeysError::NoApiKeys));
    assert!(bare.verify_now(BILLING).is_err());
}

#[test]
fn a_request_sees_one_set_or_the_other() {
    let site = Arc::new(Site::new());
    let of = |subject: &str| {
        ApiKeys::new().key(ApiKey::from_secret("key", BILLING, subject).scopes(format!("of:{subject}")))
    };
    site.api.replace_api_keys(of("a")).unwrap();
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let site = Arc::clone(&site);
            thread::spawn(move || {
                for _ in 0..2_000 {
                    let who = site.api.verify_now(BILLING).unwrap();
                    assert!(who.has_scope(&format!("of:{}", who.subject())), "{:?}", who.subject());
                }
            })
        })
        .collect();
    for n in 0..200 {
        site.api.replace_api_keys(of(if n % 2 == 0 { "b" } else { "a" })).unwrap();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!(site.api.api_keys()[0].uses, 4_000, "no use is lost");
}

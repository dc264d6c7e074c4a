//! Who still uses which key: the list, the health document, and what neither shows.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_resource_server::{ApiKeyState, ResourceServer};

use crate::site::{BILLING, BILLING_HASH, ENDING, OLD, SECRETS, Site, builder, end};

async fn document(api: &ResourceServer) -> (String, Value) {
    let service = api.health_service::<Bytes>();
    let response = service.oneshot(Request::get("/").body(()).unwrap()).await.unwrap();
    let text = String::from_utf8(response.into_body().to_vec()).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

#[tokio::test]
async fn the_health_document_names_the_keys_and_shows_no_secret() {
    let site = Site::new();
    for (secret, times) in [(BILLING, 3), (OLD, 2), (ENDING, 1)] {
        (0..times).for_each(|_| drop(site.api.verify_now(secret).unwrap()));
    }
    assert!(site.api.verify_now("shop_AAAAAAAAAAAAAAAAAAAAAA").is_err());
    let ends = end(&site.issuer);
    site.issuer.clock().advance(ends.since(site.issuer.now()));
    assert!(site.api.verify_now(ENDING).is_err(), "it has ended, and that is no use of it");
    let (text, value) = document(&site.api).await;
    let expected = json!([
        { "name": "billing-2026", "state": "active", "uses": 3 },
        { "name": "billing-2027", "state": "active", "uses": 0 },
        { "name": "old", "state": "deprecated", "uses": 2 },
        { "name": "ending", "state": "ended", "not_after": ends.as_secs(), "uses": 1 },
        { "name": "with a dot", "state": "active", "uses": 0 },
    ]);
    assert_eq!((&value["api_keys"], &value["status"]), (&expected, &json!("ok")));
    let listed = site.api.api_keys();
    let states: Vec<_> = listed.iter().map(|key| key.state).collect();
    use ApiKeyState::{Active, Deprecated, Ended};
    assert_eq!(states, [Active, Active, Deprecated, Ended, Active]);
    let texts =
        [text, format!("{listed:?}"), format!("{:?}", site.api), format!("{:?}", builder(&site.issuer))];
    for secret in SECRETS.iter().map(|secret| &secret[5..]).chain([BILLING_HASH]) {
        assert!(texts.iter().all(|text| !text.contains(secret)), "{texts:?}");
    }
    let (text, _) = document(&builder(&site.issuer).build().unwrap()).await;
    assert!(!text.contains("api_keys"), "{text}");
}

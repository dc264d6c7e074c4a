//! What is an API key and what is not, through a layer: the identity, or the answer.

use axum::{Router, routing};
use http::{Request, header::AUTHORIZATION};
use tower_resource_server::{Credential, Identity, http::IdTokenLocation, test_util::Defect};

use crate::{
    site::{BILLING, BILLING_NEXT, ENDING, OLD, Site, WITH_DOT, builder, end, keys},
    support::{Answer, ask, get},
};

async fn send(site: &Site, field: &str) -> Answer {
    let tell = async |who: Identity| format!("{} of {} by {}", who.subject(), who.issuer(), who.credential());
    let app = Router::new().route("/", routing::get(tell)).layer(site.api.layer());
    let mut request = get("/", None);
    request.headers_mut().insert(AUTHORIZATION, field.parse().unwrap());
    ask(&app, request).await
}

#[tokio::test]
async fn who_has_a_key_is_known_by_it() {
    let site = Site::new();
    for (name, secret, expected) in [
        ("by its hash", BILLING, r#"billing of https://api.test by API key "billing-2026""#),
        ("its successor", BILLING_NEXT, r#"billing of https://api.test by API key "billing-2027""#),
        ("deprecated", OLD, r#"reports of https://api.test by API key "old""#),
        ("not ended", ENDING, r#"reports of https://api.test by API key "ending""#),
        ("of an issuer, with a dot", WITH_DOT, r#"reports of https://issuer.test by API key "with a dot""#),
    ] {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let answer = send(&site, &format!("{scheme} {secret}")).await;
            assert_eq!((answer.status().as_u16(), &*answer.body), (200, expected), "{name}");
        }
    }
    let token = site.issuer.access_token("alice").mint().unwrap();
    let answer = send(&site, &format!("Bearer {token}")).await;
    assert_eq!(answer.body, "alice of https://issuer.test by token");
}

/// What the answer to a credential that is none must be, on this server and on one without API keys.
#[tokio::test]
async fn what_is_no_key_is_answered_as_on_a_server_without_keys() {
    let site = Site::new();
    let bare = Site { api: builder(&site.issuer).build().unwrap(), issuer: Site::new().issuer };
    let (start, last) = BILLING.split_at(BILLING.len() - 1);
    let token = site.issuer.access_token("alice").mint().unwrap();
    let [header, payload, signature] = *token.split('.').collect::<Vec<_>>() else { panic!("{token}") };
    let invalid = 401;
    let malformed = 400;
    for (name, credential, status) in [
        ("made up", "shop_AAAAAAAAAAAAAAAAAAAAAA".to_owned(), invalid),
        ("the last character missing", start.to_owned(), invalid),
        ("one more", format!("{BILLING}x"), invalid),
        ("one twice", format!("{BILLING}{last}"), invalid),
        ("padded", format!("{BILLING}="), invalid),
        ("in another case", BILLING.to_uppercase(), invalid),
        ("without its prefix", BILLING.replace("shop_", ""), invalid),
        ("two of them", format!("{BILLING}{OLD}"), invalid),
        ("two of them as parts", format!("{BILLING}.{OLD}"), invalid),
        ("a name", "old".to_owned(), invalid),
        ("a hash", crate::site::BILLING_HASH.to_owned(), invalid),
        ("a character", "x".to_owned(), invalid),
        ("512 bytes", "x".repeat(512), invalid),
        ("513 bytes", "x".repeat(513), invalid),
        ("16 KiB", "x".repeat(16 * 1024), invalid),
        ("beyond 16 KiB", "x".repeat(16 * 1024 + 1), invalid),
        ("a key as a JWT", format!("{BILLING}.{BILLING}.{BILLING}"), invalid),
        ("a key as the payload", format!("{header}.{BILLING}.{signature}"), invalid),
        ("a key as the signature", format!("{header}.{payload}.{BILLING}"), invalid),
        ("a key as a JWE", format!("{BILLING}.a.b.c.d"), invalid),
        ("a key behind a dot", format!(".{BILLING}"), invalid),
        ("a key before a dot", format!("{BILLING}."), invalid),
        ("a token without its signature", format!("{header}.{payload}"), invalid),
        ("a token with a part too many", format!("{token}.{BILLING}"), invalid),
        ("dots", "...".to_owned(), invalid),
        ("expired", site.issuer.broken(Defect::Expired), invalid),
        ("forged", site.issuer.broken(Defect::TamperedSignature), invalid),
        ("empty", String::new(), malformed),
        ("spaces alone", "  ".to_owned(), malformed),
        ("a space behind it", format!("{BILLING} "), malformed),
        ("two fields in one", format!("{BILLING}, Bearer {OLD}"), malformed),
        ("a token behind it", format!("{BILLING} {token}"), malformed),
        ("in quotes", format!("\"{BILLING}\""), malformed),
        ("a character that no token has", format!("{start}:{last}"), malformed),
        ("not ASCII", format!("{start}ü"), malformed),
        ("padding inside", format!("{start}={last}"), malformed),
    ] {
        let field = format!("Bearer {credential}");
        let (answer, without) = (send(&site, &field).await, send(&bare, &field).await);
        assert_eq!(answer.status(), status, "{name}: {}", answer.body);
        assert_eq!(answer.response.headers(), without.response.headers(), "{name}");
        assert_eq!((answer.status(), &answer.body), (without.status(), &without.body), "{name}");
    }
    let answer = send(&site, &format!("Basic {BILLING}")).await;
    let metadata = r#"Bearer resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
    assert_eq!((answer.status().as_u16(), answer.challenge()), (401, Some(metadata)), "another scheme");
}

#[tokio::test]
async fn a_key_ends_at_its_moment_and_not_before() {
    let site = Site::new();
    let (ending, other) = (format!("Bearer {ENDING}"), format!("Bearer {BILLING}"));
    site.issuer
        .clock()
        .advance(end(&site.issuer).since(site.issuer.now()) - std::time::Duration::from_secs(1));
    assert_eq!(send(&site, &ending).await.status(), 200, "a second before");
    site.issuer.clock().advance(std::time::Duration::from_secs(1));
    let answer = send(&site, &ending).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.challenge().unwrap().contains("the token has expired"), "{:?}", answer.challenge());
    assert_eq!(send(&site, &other).await.status(), 200, "another key");

    let issuer = site.issuer;
    let all = keys(&issuer).not_after(issuer.now());
    let site = Site { api: builder(&issuer).api_keys(all).build().unwrap(), issuer };
    assert_eq!(send(&site, &other).await.status(), 401, "when all keys end");
}

#[tokio::test]
async fn what_does_not_begin_with_the_prefix_is_not_looked_up() {
    let issuer = Site::new().issuer;
    let with = |prefix: &str| Site {
        api: builder(&issuer).api_keys(keys(&issuer).prefix(prefix)).build().unwrap(),
        issuer: Site::new().issuer,
    };
    for (prefix, status) in [("shop_", 200), ("shop_4", 200), ("shop-", 401), ("Shop_", 401), ("shop_9", 401)]
    {
        let answer = send(&with(prefix), &format!("Bearer {BILLING}")).await;
        assert_eq!(answer.status(), status, "{prefix}");
    }
}

#[tokio::test]
async fn a_key_beside_an_id_token_is_refused() {
    let issuer = Site::new().issuer;
    let id = issuer.id_token("alice").mint().unwrap();
    let field = IdTokenLocation::Header("x-id-token".parse().unwrap());
    for (name, location, second) in
        [("behind it", IdTokenLocation::AfterAccessToken, None), ("in a field of its own", field, Some(&id))]
    {
        let api = builder(&issuer)
            .id_token(location)
            .client_id(issuer.client_id())
            .api_keys(keys(&issuer))
            .build()
            .unwrap();
        let value =
            if second.is_some() { format!("Bearer {BILLING}") } else { format!("Bearer {BILLING} {id}") };
        let mut request = Request::get("/").header(AUTHORIZATION, value).body(()).unwrap();
        if let Some(id) = second {
            request.headers_mut().insert("x-id-token", id.parse().unwrap());
        }
        let refused = api.authenticate(&request).await.unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.reason().code()), (401, "malformed"), "{name}");
        let alone = Request::get("/").header(AUTHORIZATION, format!("Bearer {BILLING}")).body(()).unwrap();
        assert!(api.authenticate(&alone).await.is_ok(), "{name}");
    }
}

#[test]
fn an_identity_of_a_key_has_what_the_configuration_says_and_no_claims() {
    let site = Site::new();
    let who = site.api.verify_now(BILLING).unwrap();
    assert_eq!(who.credential(), Credential::ApiKey("billing-2026"));
    assert_eq!(
        (who.subject(), who.issuer(), who.client_id()),
        ("billing", "https://api.test", Some("billing-client"))
    );
    assert_eq!(who.scopes().collect::<Vec<_>>(), ["read", "write"]);
    assert_eq!((who.roles(), who.audiences().count(), who.actor()), (vec!["clerk".to_owned()], 0, None));
    assert_eq!((who.expires_at(), who.valid_until()), (None, None));
    for claim in ["sub", "iss", "roles", "scope", "client_id", "/roles/0"] {
        assert_eq!(who.claim(claim), None, "{claim}");
    }
    assert!(who.claims::<std::collections::BTreeMap<String, String>>().unwrap().is_empty());
    assert!(who.access_token().is_none() && who.id_token().is_none() && who.raw_access_token().is_none());

    let ending = site.api.verify_now(ENDING).unwrap();
    assert_eq!(
        (ending.expires_at(), ending.valid_until()),
        (Some(end(&site.issuer)), Some(end(&site.issuer)))
    );

    let retained = builder(&site.issuer).retain_tokens(true).api_keys(keys(&site.issuer)).build().unwrap();
    assert_eq!(
        retained.verify_now(BILLING).unwrap().raw_access_token(),
        None,
        "a key is no token to pass on"
    );
}

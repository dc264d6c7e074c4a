//! The table of the preset, row by row.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tower_resource_server::{
    ResourceServer,
    keys::{Algorithm, VerifyingKey},
    policy::claim,
    preset,
    preset::layer::{self, Provider},
};

use crate::{KEY, NOW, OTHER_RSA, PROVIDER, RSA, Service, provider, public, sign};

#[tokio::test]
async fn a_token_of_the_guide_is_good() {
    let who = Service::new().judge(json!({}), json!({})).await.unwrap();
    assert_eq!((who.subject(), who.issuer()), ("frodo", PROVIDER));
}

#[tokio::test]
async fn header_rows() {
    let service = Service::new();
    let good: Result<(), &str> = Ok(());
    for (name, patch, expected) in [
        ("typ JWT, as later guides say", json!({"typ": "JWT"}), good),
        ("typ in lower case", json!({"typ": "jws"}), good),
        ("typ absent", json!({"typ": null}), good),
        ("typ of an access token", json!({"typ": "at+jwt"}), Err("wrong_type")),
        ("typ a number", json!({"typ": 1}), Err("malformed")),
        ("cty absent", json!({"cty": null}), Err("wrong_type")),
        ("cty of another version", json!({"cty": "layer-eit;v=2"}), Err("wrong_type")),
        ("cty without version", json!({"cty": "layer-eit"}), Err("wrong_type")),
        ("cty JWT: a nested token", json!({"cty": "JWT"}), Err("unsupported_extension")),
        ("cty in upper case", json!({"cty": "LAYER-EIT;V=1"}), Err("wrong_type")),
        ("cty with a space", json!({"cty": "layer-eit; v=1"}), Err("wrong_type")),
        ("kid bare", json!({"kid": "69fdd5aa-6478-11e4-97f1-1ded000000e6"}), good),
        ("kid under another path", json!({"kid": "layer:///key/69fdd5aa-6478-11e4-97f1-1ded000000e6"}), good),
        ("kid with two slashes", json!({"kid": "layer://keys/69fdd5aa-6478-11e4-97f1-1ded000000e6"}), good),
        ("kid in upper case", json!({"kid": "69FDD5AA-6478-11E4-97F1-1DED000000E6"}), Err("unknown_key")),
        ("kid of no key", json!({"kid": "layer:///keys/boom"}), Err("unknown_key")),
        ("kid absent", json!({"kid": null}), Err("unknown_key")),
        ("kid empty", json!({"kid": ""}), Err("unknown_key")),
        ("kid that ends with a slash", json!({"kid": format!("{KEY}/")}), Err("unknown_key")),
        ("kid a number", json!({"kid": 7}), Err("malformed")),
        ("alg none", json!({"alg": "none"}), Err("algorithm_not_allowed")),
        ("alg HS256", json!({"alg": "HS256"}), Err("algorithm_not_allowed")),
        ("alg RS512", json!({"alg": "RS512"}), Err("algorithm_not_allowed")),
        ("alg PS256", json!({"alg": "PS256"}), Err("algorithm_not_allowed")),
        ("crit", json!({"crit": ["exp"]}), Err("unsupported_extension")),
        ("jwk of the sender's own", json!({"jwk": OTHER_RSA.public_jwk()}), good),
    ] {
        let verdict = service.judge(patch, json!({})).await.map(drop);
        assert_eq!(verdict, expected, "{name}");
    }
}

#[tokio::test]
async fn claim_rows() {
    let service = Service::new();
    let good: Result<(), &str> = Ok(());
    let (missing, invalid, expired) = (Err("missing_claim"), Err("invalid_claim"), Err("expired"));
    let untrusted = Err("untrusted_issuer");
    let pairs = |count: usize| -> Value {
        (0..count).map(|n| (format!("k{n}"), Value::from("v"))).collect::<serde_json::Map<_, _>>().into()
    };
    for (name, patch, expected) in [
        ("iss bare", json!({"iss": "5a731a4c-63be-11e4-9124-aaa5020075f8"}), good),
        (
            "iss with two slashes",
            json!({"iss": "layer://providers/5a731a4c-63be-11e4-9124-aaa5020075f8"}),
            good,
        ),
        (
            "iss of another",
            json!({"iss": "layer:///providers/00000000-63be-11e4-9124-aaa5020075f8"}),
            untrusted,
        ),
        ("iss in upper case", json!({"iss": "5A731A4C-63BE-11E4-9124-AAA5020075F8"}), untrusted),
        ("iss empty", json!({"iss": ""}), untrusted),
        ("iss a slash", json!({"iss": "/"}), untrusted),
        ("iss absent", json!({"iss": null}), missing),
        ("iss an array", json!({"iss": [PROVIDER]}), invalid),
        ("prn absent", json!({"prn": null}), missing),
        ("sub in place of prn", json!({"prn": null, "sub": "frodo"}), missing),
        ("prn empty", json!({"prn": ""}), invalid),
        ("prn a number", json!({"prn": 7}), invalid),
        ("exp absent", json!({"exp": null}), missing),
        ("exp the next second", json!({"exp": NOW + 1}), good),
        ("exp now: no leeway", json!({"exp": NOW}), expired),
        ("exp past", json!({"exp": NOW - 1}), expired),
        ("exp in two weeks", json!({"exp": NOW + 14 * 86_400}), good),
        ("exp a string", json!({"exp": (NOW + 300).to_string()}), invalid),
        ("exp RFC 3339", json!({"exp": "2026-11-14T22:18:20Z"}), invalid),
        ("exp with a fraction", json!({"exp": 1_700_000_300.5}), invalid),
        ("exp negative", json!({"exp": -1}), invalid),
        ("iat absent", json!({"iat": null}), good),
        ("iat hours ahead, after exp", json!({"iat": NOW + 7_200}), good),
        ("iat a string", json!({"iat": NOW.to_string()}), invalid),
        ("iat with a fraction", json!({"iat": 1_699_999_999.5}), invalid),
        ("nce absent", json!({"nce": null}), missing),
        ("nce empty", json!({"nce": ""}), invalid),
        ("nce an array", json!({"nce": ["a"]}), invalid),
        ("nce that was never issued", json!({"nce": "a nonce"}), Err("stale_nonce")),
        ("display_name of 128", json!({"display_name": "ä".repeat(128)}), good),
        ("display_name of 129", json!({"display_name": "ä".repeat(129)}), invalid),
        ("first_name of 129", json!({"first_name": "a".repeat(129)}), invalid),
        ("last_name of 129", json!({"last_name": "a".repeat(129)}), invalid),
        ("first_name a number", json!({"first_name": 1}), invalid),
        ("avatar_url of 1024", json!({"avatar_url": "a".repeat(1024)}), good),
        ("avatar_url of 1025", json!({"avatar_url": "a".repeat(1025)}), invalid),
        ("metadata of 16", json!({"metadata": pairs(16)}), good),
        ("metadata of 17", json!({"metadata": pairs(17)}), invalid),
        ("metadata empty", json!({"metadata": {}}), good),
        ("metadata with a number", json!({"metadata": {"a": 1}}), invalid),
        ("metadata an array", json!({"metadata": ["a"]}), invalid),
        (
            "metadata of 40 arrays in a raw value",
            json!({"metadata": {"$serde_json::private::RawValue": json!(vec![json!([]); 40]).to_string()}}),
            Err("malformed"),
        ),
        (
            "metadata in a number",
            json!({"metadata": {"$serde_json::private::Number": "1"}}),
            Err("malformed"),
        ),
        ("bound to a sender", json!({"cnf": {"jkt": "a"}}), Err("sender_constrained")),
    ] {
        let verdict = service.judge(json!({}), patch).await.map(drop);
        assert_eq!(verdict, expected, "{name}");
    }
}

/// A kid belongs to one provider: the key of another signs nothing for this one.
#[tokio::test]
async fn the_pair_of_key_and_provider_is_checked() {
    const OTHER: &str = "layer:///providers/other";
    let other = Provider::new(OTHER).key("layer:///keys/other", public(&OTHER_RSA));
    let service = Service::of(preset::layer::server(provider()).issuer(other.into()));
    let judge = async |key, kid: &str, iss: &str| {
        let token = sign(key, &json!({"kid": kid}), &json!({"iss": iss}), &service.nonce());
        service.verify(&token).await.map(|who| who.issuer().to_owned())
    };
    assert_eq!(judge(&RSA, KEY, PROVIDER).await, Ok(PROVIDER.to_owned()));
    assert_eq!(judge(&OTHER_RSA, "other", "other").await, Ok(OTHER.to_owned()));
    assert_eq!(judge(&RSA, KEY, OTHER).await, Err("unknown_key"));
    assert_eq!(judge(&OTHER_RSA, "other", PROVIDER).await, Err("unknown_key"));
    assert_eq!(judge(&OTHER_RSA, KEY, PROVIDER).await, Err("invalid_signature"));
}

#[tokio::test]
async fn what_the_token_says_of_its_user_is_a_type() {
    let fields = json!({
        "first_name": "Frodo", "last_name": "Baggins", "display_name": "Frodo the Dodo",
        "avatar_url": "https://example.com/frodo.png", "metadata": {"race": "hobbit"},
    });
    let who = Service::new().judge(json!({}), fields).await.unwrap();
    let user: layer::User = who.context().unwrap();
    assert_eq!(user.user_id, "frodo");
    assert_eq!(user.first_name.as_deref(), Some("Frodo"));
    assert_eq!(user.last_name.as_deref(), Some("Baggins"));
    assert_eq!(user.display_name.as_deref(), Some("Frodo the Dodo"));
    assert_eq!(user.avatar_url.as_deref(), Some("https://example.com/frodo.png"));
    assert_eq!(user.metadata, BTreeMap::from([("race".to_owned(), "hobbit".to_owned())]));

    assert_eq!(format!("{user:?}"), "User { .. }");

    let who = Service::new().judge(json!({}), json!({})).await.unwrap();
    let user: layer::User = who.context().unwrap();
    assert_eq!((user.display_name, user.metadata.len()), (None, 0));
}

#[tokio::test]
async fn iat_is_compared_with_the_clock_on_demand() {
    let strict = layer::identity_token().without_rules_on("iat").rule(claim("iat").not_in_future());
    let issuer = tower_resource_server::TrustedIssuer::from(provider()).map_profile(|_| strict);
    let service = Service::of(ResourceServer::builder("service").issuer(issuer));
    assert!(service.judge(json!({}), json!({})).await.is_ok());
    let ahead = service.judge(json!({}), json!({"iat": NOW + 1})).await;
    assert_eq!(ahead.map(drop), Err("issued_in_future"));
}

#[test]
fn providers_that_cannot_work_are_refused() {
    let es256 = || {
        let key = tower_resource_server::issuer::SigningKey::generate(Algorithm::ES256).unwrap();
        VerifyingKey::from_pem(&key.public_key_pem().unwrap(), Algorithm::ES256).unwrap()
    };
    let bare = PROVIDER.rsplit('/').next().unwrap();
    for (name, builder, expected) in [
        ("no key", preset::layer::server(Provider::new(PROVIDER)), "it has no key"),
        (
            "a key for another algorithm",
            preset::layer::server(Provider::new(PROVIDER).key(KEY, es256())),
            "none of its keys fits",
        ),
        (
            "an identifier of nothing",
            preset::layer::server(Provider::new("layer:///providers/").key(KEY, public(&RSA))),
            "nothing follows the last slash",
        ),
        (
            "one provider under two forms of its name",
            preset::layer::server(provider())
                .issuer(Provider::new(bare).key("other", public(&OTHER_RSA)).into()),
            "it is there twice",
        ),
    ] {
        let error = builder.build().expect_err(name);
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}

/// The vendor's own sample: two forms that the guide does not show, and no `prn`. Its key was never
/// published, so that only its parsing can be tried.
#[tokio::test]
async fn the_vendors_sample_fails_for_what_it_lacks() {
    let header = json!({
        "typ": "JWS", "alg": "RS256", "cty": "layer-eit;v=1", "kid": "69fdd5aa-6478-11e4-97f1-1ded000000e6",
    });
    let claims = json!({
        "iss": "5a731a4c-63be-11e4-9124-aaa5020075f8", "iat": 1_415_151_117, "exp": 1_415_161_117,
        "nce": "nG+XvEoG7t0WHFkf3tBiVtGczAlMp+==",
    });
    let service = Service::new();
    let sample = RSA.sign_raw(&header.to_string(), claims.to_string().as_bytes()).unwrap();
    assert_eq!(service.verify(&sample).await.map(drop), Err("missing_claim"));
}

//! A row for each thing that can be wrong with a proof, and for what only looks wrong: the examples of RFC 9449,
//! what other resource servers got wrong, and what the checks of oauth4webapi and of the Model Context
//! Protocol (SEP-1932) ask for.

use serde_json::{Value, json};
use tower_resource_server::{
    Dpop,
    issuer::SigningKey,
    keys::Algorithm,
    test_util::{DpopKey, DpopProof},
};

use crate::{Site, URL, hit_and_miss, with_fields};

/// The refusal of a proof for this reason.
fn refused(code: &str) -> String {
    match code {
        "" => "200".to_owned(),
        "wrong_key" => "401 DPoP invalid_token proof_wrong_key".to_owned(),
        code => format!("401 DPoP invalid_dpop_proof proof_{code}"),
    }
}

fn secs(at: i64, site: &Site) -> u64 {
    site.issuer.now().as_secs().checked_add_signed(at).unwrap()
}

/// The claims of RFC 9449 section 4.2, one step off.
pub(crate) fn claims(site: &Site) -> Vec<(&'static str, DpopProof, &'static str)> {
    let proof = || site.proof();
    let at = |offset: i64| proof().claim("iat", secs(offset, site));
    let htu = |url: &str| proof().claim("htu", url);
    let htm = |method: &str| proof().claim("htm", method);
    vec![
        ("a good proof", proof(), ""),
        ("no jti", proof().without("jti"), "invalid_id"),
        ("jti empty", proof().claim("jti", ""), "invalid_id"),
        ("jti a number", proof().claim("jti", 1), "invalid_id"),
        ("jti an array", proof().claim("jti", json!(["a"])), "invalid_id"),
        ("jti of 256 bytes", proof().claim("jti", "j".repeat(256)), ""),
        ("jti of 257 bytes", proof().claim("jti", "j".repeat(257)), "invalid_id"),
        ("jti of 16 KiB", proof().claim("jti", "j".repeat(16_384)), "too_large"),
        ("no htm", proof().without("htm"), "wrong_method"),
        ("htm in lower case", htm("get"), "wrong_method"),
        ("htm of another method", htm("POST"), "wrong_method"),
        ("htm that begins alike", htm("GETX"), "wrong_method"),
        ("htm empty", htm(""), "wrong_method"),
        ("htm null", proof().claim("htm", Value::Null), "wrong_method"),
        ("no htu", proof().without("htu"), "wrong_url"),
        ("htu with a query", htu("https://api.test/orders?a=b"), ""),
        ("htu with a fragment", htu("https://api.test/orders#a"), ""),
        ("htu: host in upper case", htu("https://API.TEST/orders"), ""),
        ("htu: scheme in upper case", htu("HTTPS://api.test/orders"), ""),
        ("htu: default port", htu("https://api.test:443/orders"), ""),
        ("htu: empty port", htu("https://api.test:/orders"), ""),
        ("htu: escapes that none needs", htu("https://api.test/%6Frders"), ""),
        ("htu: escapes in lower case", htu("https://api.test/%6frders"), ""),
        ("htu: dot segments", htu("https://api.test/a/../orders"), ""),
        ("htu: a slash at the end", htu("https://api.test/orders/"), "wrong_url"),
        ("htu: another path", htu("https://api.test/order"), "wrong_url"),
        ("htu: the path in another case", htu("https://api.test/Orders"), "wrong_url"),
        ("htu: a path below", htu("https://api.test/orders/1"), "wrong_url"),
        ("htu: the root", htu("https://api.test/"), "wrong_url"),
        ("htu: the path alone", htu("/orders"), "wrong_url"),
        ("htu: the origin alone", htu("https://api.test"), "wrong_url"),
        ("htu: http", htu("http://api.test/orders"), "wrong_url"),
        ("htu: another port", htu("https://api.test:8443/orders"), "wrong_url"),
        ("htu: another host", htu("https://evil.test/orders"), "wrong_url"),
        ("htu: a host that begins alike", htu("https://api.test.evil/orders"), "wrong_url"),
        ("htu: user information", htu("https://api.test@evil.test/orders"), "wrong_url"),
        ("htu: an escaped slash", htu("https://api.test/%2Forders"), "wrong_url"),
        ("htu: two slashes", htu("https://api.test//orders"), "wrong_url"),
        ("htu: a backslash", htu("https://api.test\\orders"), "wrong_url"),
        ("htu: white space", htu("https://api.test/orders "), "wrong_url"),
        ("htu empty", htu(""), "wrong_url"),
        ("htu an array", proof().claim("htu", json!([URL])), "wrong_url"),
        ("htu null", proof().claim("htu", Value::Null), "wrong_url"),
        ("no iat", proof().without("iat"), "outside_window"),
        ("iat a text", proof().claim("iat", "now"), "outside_window"),
        ("iat a boolean", proof().claim("iat", true), "outside_window"),
        ("iat negative", proof().claim("iat", -1), "outside_window"),
        ("iat with a fraction", proof().claim("iat", 1_700_000_000.25), ""),
        ("iat in milliseconds", proof().claim("iat", secs(0, site) * 1000), "outside_window"),
        ("iat at the end of window and leeway", at(-120), ""),
        ("iat a second older", at(-121), "outside_window"),
        ("iat as far ahead", at(120), ""),
        ("iat a second further ahead", at(121), "outside_window"),
        ("iat five minutes ago", at(-300), "outside_window"),
        ("iat a week ago", at(-604_800), "outside_window"),
        ("iat of an old proof with an exp to come", at(-300).claim("exp", secs(600, site)), "outside_window"),
        ("exp over", proof().claim("exp", secs(-60, site)), "outside_window"),
        ("exp within the leeway", proof().claim("exp", secs(-59, site)), ""),
        ("exp to come", proof().claim("exp", secs(10, site)), ""),
        ("nbf to come", proof().claim("nbf", secs(61, site)), "outside_window"),
        ("nbf within the leeway", proof().claim("nbf", secs(60, site)), ""),
        ("no ath", proof().without("ath"), "wrong_token_hash"),
        ("ath of another token", proof().claim("ath", ath_of("another")), "wrong_token_hash"),
        ("ath of the token and its scheme", proof().claim("ath", ath_of(&format!("DPoP {}", site.token))), {
            "wrong_token_hash"
        }),
        ("ath the token itself", proof().claim("ath", &*site.token), "wrong_token_hash"),
        ("ath with padding", proof().claim("ath", format!("{}=", ath_of(&site.token))), "wrong_token_hash"),
        ("ath null", proof().claim("ath", Value::Null), "wrong_token_hash"),
        ("a nonce that is not asked for", proof().claim("nonce", "n"), ""),
        (
            "claims that mean nothing here",
            proof().claim("iss", "web").claim("sub", 7).claim("x", json!({})),
            "",
        ),
    ]
}

fn ath_of(token: &str) -> String {
    use base64_simd::URL_SAFE_NO_PAD;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode_to_string(hash)
}

/// The header of RFC 9449 section 4.2, one step off.
pub(crate) fn headers(site: &Site) -> Vec<(&'static str, DpopProof, &'static str)> {
    let proof = || site.proof();
    let other = DpopKey::new();
    let public = |key: &DpopKey| key.signing_key().public_jwk().unwrap();
    let jwk = |name: &str, value: Value| {
        let mut jwk = public(&site.key);
        jwk[name] = value;
        proof().header("jwk", jwk)
    };
    let of_other = other.proof("GET", URL, &site.token, site.issuer.now());
    vec![
        ("no typ", proof().without_header("typ"), "wrong_type"),
        ("typ JWT", proof().header("typ", "JWT"), "wrong_type"),
        ("typ of an access token", proof().header("typ", "at+jwt"), "wrong_type"),
        ("typ in another case", proof().header("typ", "DPOP+JWT"), ""),
        ("typ as a media type", proof().header("typ", "application/dpop+jwt"), ""),
        ("typ a number", proof().header("typ", 7), "malformed"),
        ("no alg", proof().without_header("alg"), "malformed"),
        ("alg none", proof().header("alg", "none"), "algorithm_not_allowed"),
        ("alg NONE", proof().header("alg", "NONE"), "algorithm_not_allowed"),
        ("alg HS256", proof().header("alg", "HS256"), "algorithm_not_allowed"),
        ("alg in lower case", proof().header("alg", "es256"), "algorithm_not_allowed"),
        ("alg that the server does not take", proof().header("alg", "RS256"), "algorithm_not_allowed"),
        ("alg of another kind of key", proof().header("alg", "PS256"), "unusable_key"),
        ("no jwk", proof().without_header("jwk"), "no_key"),
        ("kid alone", proof().without_header("jwk").header("kid", "key-1"), "no_key"),
        ("jku alone", proof().without_header("jwk").header("jku", "https://evil.test/jwks"), "no_key"),
        ("x5u alone", proof().without_header("jwk").header("x5u", "https://evil.test/x5u"), "no_key"),
        ("x5c alone", proof().without_header("jwk").header("x5c", json!(["MIIB"])), "no_key"),
        ("kid beside jwk", proof().header("kid", "key-1"), ""),
        ("jku beside jwk", proof().header("jku", "https://evil.test/jwks"), "no_key"),
        ("jwk null", proof().header("jwk", Value::Null), "no_key"),
        ("jwk a text", proof().header("jwk", public(&site.key).to_string()), "unusable_key"),
        ("jwk with a private member", jwk("d", json!("AQAB")), "unusable_key"),
        ("jwk with a private member of RSA", jwk("dp", json!("AQAB")), "unusable_key"),
        ("jwk symmetric", proof().header("jwk", json!({"kty": "oct", "k": "AQAB"})), "unusable_key"),
        ("jwk for encryption", jwk("use", json!("enc")), "unusable_key"),
        ("jwk off its curve", jwk("y", json!("AQAB")), "unusable_key"),
        ("jwk of a curve that is none", jwk("crv", json!("P-257")), "unusable_key"),
        ("jwk with its optional members", proof().header("jwk", public(&site.key)), ""),
        ("jwk of another key", proof().header("jwk", public(&other)), "invalid_signature"),
        ("signed by another key", proof().signed_with(&other), "invalid_signature"),
        ("of another key", of_other, "wrong_key"),
        ("crit", proof().header("crit", json!(["b64"])), "unsupported_extension"),
        ("b64", proof().header("b64", false), "unsupported_extension"),
        ("compressed", proof().header("zip", "DEF"), "unsupported_extension"),
        ("encrypted", proof().header("enc", "A128GCM"), "unsupported_extension"),
        ("nested", proof().header("cty", "JWT"), "unsupported_extension"),
        ("a header of 5 KiB", proof().header("x", "x".repeat(5_000)), "too_large"),
    ]
}

#[tokio::test]
async fn promise_8_each_proof_is_told_what_is_wrong_with_it_on_hits_and_misses_alike() {
    let [hit, miss] = hit_and_miss(Dpop::allowed()).await;
    let rows: Vec<_> = claims(&hit).into_iter().chain(headers(&hit)).collect();
    assert!(rows.len() >= 107, "{} rows", rows.len());
    for (name, proof, code) in rows {
        for (site, which) in [(&hit, "hit"), (&miss, "miss")] {
            assert_eq!(site.told_of(&proof).await, refused(code), "{name}, {which}");
        }
    }
}

#[tokio::test]
async fn promise_8_each_form_of_the_field_is_told_what_is_wrong_with_it() {
    let [hit, miss] = hit_and_miss(Dpop::required()).await;
    let good = hit.proof().sign();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let token = format!("DPoP {}", hit.token);
    let raw = |payload: &str| {
        let mut jwk = hit.key.signing_key().public_jwk().unwrap();
        jwk.as_object_mut().unwrap().remove("kid");
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}).to_string();
        hit.key.signing_key().sign_raw(&header, payload.as_bytes()).unwrap()
    };
    for (name, proof, code) in [
        ("empty", String::new(), "malformed"),
        ("no JWT", "proof".into(), "malformed"),
        ("two parts", signed.into(), "malformed"),
        ("four parts", format!("{good}.e30"), "malformed"),
        ("no signature", format!("{signed}."), "invalid_signature"),
        ("a forged signature", format!("{signed}.{}", "A".repeat(86)), "invalid_signature"),
        ("a part of the signature", format!("{signed}.{}", &signature[..80]), "invalid_signature"),
        ("padded", format!("{good}=="), "malformed"),
        ("two joined by a comma", format!("{good}, {good}"), "malformed"),
        ("two joined by a comma alone", format!("{good},{good}"), "malformed"),
        ("quoted", format!("\"{good}\""), "malformed"),
        ("with a scheme", format!("DPoP {good}"), "malformed"),
        ("the access token", hit.token.clone(), "wrong_type"),
        ("JSON serialization", json!({"payload": "e30"}).to_string(), "malformed"),
        ("a claim twice", raw(r#"{"jti":"a","jti":"b"}"#), "malformed"),
        ("no object", raw("[]"), "malformed"),
        ("no JSON", raw("jti"), "malformed"),
        ("something behind the claims", raw("{} {}"), "malformed"),
        ("too deep", raw(&format!("{{\"x\":{}{}}}", "[".repeat(40), "]".repeat(40))), "malformed"),
        ("no claims", raw("{}"), "invalid_id"),
        ("17 KiB", "a".repeat(17 * 1024), "too_large"),
    ] {
        for site in [&hit, &miss] {
            let request = with_fields(&[("authorization", &token), ("dpop", &proof)]);
            assert_eq!(site.told(request).await, refused(code), "{name}");
        }
    }
}

#[tokio::test]
async fn algorithms_are_those_that_are_named_and_es256_always() {
    let pem = include_str!("../../src/issuer/testdata/rsa2048-pkcs8.pem");
    let rsa = |algorithm| DpopKey::of(SigningKey::from_pem(pem, algorithm).unwrap());
    let key = |algorithm| DpopKey::of(SigningKey::generate(algorithm).unwrap());
    let default = Dpop::allowed;
    let rs256 = || Dpop::allowed().algorithms([Algorithm::RS256]);
    for (name, dpop, key, algs, expected) in [
        ("ES256", default(), key(Algorithm::ES256), "PS256 ES256 EdDSA Ed25519", ""),
        ("Ed25519", default(), key(Algorithm::EdDSA), "PS256 ES256 EdDSA Ed25519", ""),
        ("PS256", default(), rsa(Algorithm::PS256), "PS256 ES256 EdDSA Ed25519", ""),
        ("RS256", default(), rsa(Algorithm::RS256), "PS256 ES256 EdDSA Ed25519", "algorithm_not_allowed"),
        ("ES384", default(), key(Algorithm::ES384), "PS256 ES256 EdDSA Ed25519", "algorithm_not_allowed"),
        ("RS256, named", rs256(), rsa(Algorithm::RS256), "RS256 ES256", ""),
        ("ES256, not named", rs256(), key(Algorithm::ES256), "RS256 ES256", ""),
        ("Ed25519, not named", rs256(), key(Algorithm::EdDSA), "RS256 ES256", "algorithm_not_allowed"),
    ] {
        let site = Site::of(Default::default(), key, |server| server.dpop(dpop));
        let answer = site.ask(crate::with_proof(&site.proof())).await;
        assert_eq!(crate::told(&answer), refused(expected), "{name}");
        let anonymous = site.ask(with_fields(&[])).await;
        let challenges = anonymous.response.headers().get_all("www-authenticate");
        let named = format!("algs=\"{algs}\"");
        assert!(challenges.iter().any(|challenge| challenge.to_str().unwrap().contains(&named)), "{name}");
    }
}

//! Wycheproof's JSON Web Signature, JSON Web Key and JSON Web Crypto vectors, through
//! [`verify_jws`].
//!
//! Each vector is judged as its file says, except those in `wycheproof/exceptions.json`, each with
//! the reason why this crate departs. An exception that no vector needs any more fails as well. Where a
//! vector's secret is refused as such, the vector is sealed with another first.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use tower_resource_server::{
    keys::{Algorithm, AlgorithmSet, KeyError, KeySet, VerifyingKey, WeakSecret, verify_jws},
    token::TokenLimits,
};
use wycheproof_ng_kdf_jose::json_web::{TestGroup, TestName, TestSet};

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accepted,
    Refused,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    id: usize,
    comment: String,
    expected: Verdict,
    actual: Verdict,
    reason: String,
}

type Exceptions = BTreeMap<String, Vec<Exception>>;

/// The keys of a group, as an application would come by them: a document with a public or private
/// key goes through `from_jwks`, which takes no secret; of secrets alone, the application makes
/// keys itself, each for the one algorithm that its `alg` names.
fn keys(group: &TestGroup) -> Result<KeySet, String> {
    let document = group.public_key.as_ref().or(group.private_key.as_ref()).expect("a key");
    let entries = match document.get("keys") {
        Some(keys) => keys.as_array().expect("an array").as_slice(),
        None => std::slice::from_ref(document),
    };
    if !entries.iter().all(|jwk| jwk["kty"] == "oct") {
        return KeySet::from_jwks(document.to_string().as_bytes()).map_err(|why| why.to_string());
    }
    entries.iter().map(secret).collect::<Result<Vec<_>, _>>().map(KeySet::from_keys)
}

fn secret(jwk: &Value) -> Result<VerifyingKey, String> {
    let text = |name: &str| jwk[name].as_str().expect("a string");
    let algorithm: Algorithm = text("alg").parse().map_err(|_| format!("not for HMAC: {}", text("alg")))?;
    let secret = URL_SAFE_NO_PAD.decode_to_vec(text("k")).map_err(|_| "k is not base64url".to_owned())?;
    let secret = if secret == ZEROS { SECRET.to_vec() } else { secret };
    let key = VerifyingKey::from_hmac_secret(&secret, algorithm).map_err(|why| why.to_string())?;
    Ok(key.with_kid(text("kid")))
}

/// The secret of some vectors, which is refused as what it is.
const ZEROS: [u8; 32] = [0; 32];
/// What these vectors are sealed with in its place.
const SECRET: &[u8; 32] = b"a secret of thirty-two bytes, or";

#[test]
fn promise_2_the_secret_of_zeros_is_refused() {
    let refused = VerifyingKey::from_hmac_secret(&ZEROS, Algorithm::HS256).map(drop);
    assert_eq!(refused, Err(KeyError::WeakSecret(WeakSecret::Repeats)));
}

/// The same token with the MAC of another secret, where its MAC is that of zeros over what is sealed,
/// padding aside.
fn resealed(token: String) -> String {
    let mac = |secret: &[u8], input: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes()).as_ref().to_vec()
    };
    let Some((input, seal)) = token.rsplit_once('.') else { return token };
    let bare = seal.trim_end_matches('=');
    if URL_SAFE_NO_PAD.decode_to_vec(bare).ok() != Some(mac(&ZEROS, &input.replace('=', ""))) {
        return token;
    }
    format!("{input}.{}{}", URL_SAFE_NO_PAD.encode_to_string(mac(SECRET, input)), &seal[bare.len()..])
}

fn every_algorithm() -> AlgorithmSet {
    Algorithm::ALL.into_iter().collect()
}

/// What comes of one vector, with the reason of a refusal.
fn judge(group: &TestGroup, jws: &Value) -> (Verdict, String) {
    // A token arrives as text: the JSON serialization as the text of its object.
    let token = resealed(jws.as_str().map_or_else(|| jws.to_string(), str::to_owned));
    let verdict = keys(group).and_then(|keys| {
        verify_jws(token, &keys, every_algorithm(), &TokenLimits::default()).map_err(|why| why.to_string())
    });
    match verdict {
        Ok(_) => (Verdict::Accepted, String::new()),
        Err(why) => (Verdict::Refused, why),
    }
}

/// Runs one file; returns what is wrong, and counts the verdicts.
fn run(name: TestName, file: &str, exceptions: &[Exception], counts: &mut [usize; 2]) -> Vec<String> {
    let set = TestSet::load(name).expect("the vectors parse");
    let mut wrong = Vec::new();
    let mut used = Vec::new();
    for group in &set.test_groups {
        for test in &group.tests {
            let Some(jws) = &test.jws else { continue };
            let expected = if test.result.must_fail() { Verdict::Refused } else { Verdict::Accepted };
            let (actual, why) = judge(group, jws);
            counts[actual as usize] += 1;
            let about = format!("{file} {} {} ({})", test.tc_id, test.comment, group.group_comment);
            match exceptions.iter().find(|exception| exception.id == test.tc_id) {
                None if actual == expected => {}
                None => wrong.push(format!("{about}: {actual:?}, expected {expected:?} {why}")),
                Some(exception) => {
                    used.push(exception.id);
                    if actual == expected {
                        wrong.push(format!("{about}: passes; take its exception out"));
                    } else if (exception.expected, exception.actual, exception.comment.as_str())
                        != (expected, actual, test.comment.as_str())
                    {
                        wrong.push(format!("{about}: the exception is about another vector"));
                    }
                }
            }
        }
    }
    for exception in exceptions {
        let times = used.iter().filter(|id| **id == exception.id).count();
        if times != 1 {
            wrong.push(format!("{file} {}: the exception is used {times} times", exception.id));
        }
        if exception.reason.len() < 20 {
            wrong.push(format!("{file} {}: an exception needs a reason", exception.id));
        }
    }
    wrong
}

#[test]
fn every_vector_is_judged_as_wycheproof_says() {
    let exceptions: Exceptions =
        serde_json::from_str(include_str!("wycheproof/exceptions.json")).expect("well-formed exceptions");
    let files = [
        ("json_web_signature", TestName::JsonWebSignature),
        ("json_web_key", TestName::JsonWebKey),
        ("json_web_crypto", TestName::JsonWebCrypto),
    ];
    let mut wrong = Vec::new();
    for name in exceptions.keys() {
        if !files.iter().any(|(file, _)| file == name) {
            wrong.push(format!("{name}: exceptions for no file"));
        }
    }
    let mut counts = [0; 2];
    for (file, name) in files {
        let exceptions = exceptions.get(file).map_or(&[][..], Vec::as_slice);
        wrong.extend(run(name, file, exceptions, &mut counts));
    }
    assert!(wrong.is_empty(), "{} departures:\n{}", wrong.len(), wrong.join("\n"));
    // Keeps a change of the vectors' shape from turning this test into one of nothing.
    let [accepted, refused] = counts;
    assert!(accepted >= 40 && refused >= 350, "{accepted} accepted, {refused} refused");
}

/// One vector of the signature file.
fn vector(id: usize) -> (TestGroup, Value) {
    let set = TestSet::load(TestName::JsonWebSignature).expect("the vectors parse");
    let mut groups = set.test_groups.into_iter();
    let group = groups.find(|group| group.tests.iter().any(|test| test.tc_id == id)).expect("a group");
    let jws = group.tests.iter().find(|test| test.tc_id == id).and_then(|test| test.jws.clone());
    (group, jws.expect("a JWS"))
}

#[test]
fn rfc_7520_vectors_are_good_once_their_keys_are_named_right() {
    for (id, algorithm) in [(346, "PS384"), (347, "ES512"), (350, "PS384"), (351, "ES512")] {
        let (mut group, jws) = vector(id);
        group.public_key.as_mut().expect("a public key")["alg"] = json!(algorithm);
        assert_eq!(judge(&group, &jws), (Verdict::Accepted, String::new()), "{id}");
    }
}

#[test]
fn the_padding_vectors_are_a_valid_one_without_padding() {
    let (group, valid) = vector(357);
    let valid = valid.as_str().expect("a compact JWS");
    for id in [367, 370] {
        assert_eq!(vector(id).1, json!(valid), "{id}");
    }
    let (signing_input, signature) = valid.rsplit_once('.').expect("three parts");
    for padded in [
        format!("{valid}="),
        format!("{valid}=="),
        format!("{signing_input}=.{signature}"),
        format!("{signing_input}==.{signature}"),
    ] {
        assert_eq!(judge(&group, &json!(padded)).0, Verdict::Refused, "{padded}");
    }
}

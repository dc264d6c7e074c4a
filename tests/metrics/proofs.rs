//! A row for every reason against a DPoP proof, whose token is good in each.

use serde_json::json;
use tower_resource_server::{
    Dpop,
    policy::Requirement,
    store::{DpopNonces, SpendError},
    test_util::{DpopKey, DpopProof, TestIssuer},
};

use crate::reasons::{Case, Row, Store, bound};

const URL: &str = "https://api.test/";

/// A request with these proofs.
fn proven(issuer: &TestIssuer, dpop: Dpop, proofs: impl FnOnce(DpopProof) -> Vec<String>) -> Case {
    assert_eq!(issuer.audience(), "https://api.test");
    let key = DpopKey::new();
    let token = issuer.access_token("alice").bound_to_key(key.thumbprint()).mint().unwrap();
    let proofs = proofs(key.proof("GET", URL, &token, issuer.now()));
    Case {
        server: bound(issuer, dpop),
        required: Requirement::any_token(),
        authorization: Some(format!("DPoP {token}")),
        target: "/",
        fields: proofs.into_iter().map(|proof| ("dpop", proof)).collect(),
    }
}

/// A request with a proof that was changed before it was signed.
fn changed(issuer: &TestIssuer, change: fn(DpopProof) -> DpopProof) -> Case {
    proven(issuer, Dpop::allowed(), |proof| vec![change(proof).sign()])
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        ("proof_missing", true, |issuer| proven(issuer, Dpop::allowed(), |_| Vec::new())),
        ("proof_several", true, |issuer| {
            proven(issuer, Dpop::allowed(), |proof| vec![proof.sign(), proof.sign()])
        }),
        ("proof_too_large", true, |issuer| changed(issuer, |proof| proof.header("x", "x".repeat(5_000)))),
        ("proof_malformed", true, |issuer| proven(issuer, Dpop::allowed(), |_| vec!["proof".into()])),
        ("proof_wrong_type", true, |issuer| changed(issuer, |proof| proof.header("typ", "JWT"))),
        ("proof_algorithm_not_allowed", true, |issuer| changed(issuer, |proof| proof.header("alg", "none"))),
        ("proof_unsupported_extension", true, |issuer| {
            changed(issuer, |proof| proof.header("crit", json!(["b64"])))
        }),
        ("proof_no_key", true, |issuer| changed(issuer, |proof| proof.without_header("jwk"))),
        ("proof_unusable_key", true, |issuer| changed(issuer, |proof| proof.header("jwk", "none"))),
        ("proof_invalid_signature", true, |issuer| {
            changed(issuer, |proof| proof.signed_with(&DpopKey::new()))
        }),
        ("proof_invalid_id", true, |issuer| changed(issuer, |proof| proof.claim("jti", ""))),
        ("proof_wrong_method", true, |issuer| changed(issuer, |proof| proof.claim("htm", "POST"))),
        ("proof_wrong_url", true, |issuer| {
            changed(issuer, |proof| proof.claim("htu", "https://api.test/other"))
        }),
        ("proof_outside_window", true, |issuer| changed(issuer, |proof| proof.claim("iat", 7))),
        ("proof_wrong_token_hash", true, |issuer| changed(issuer, |proof| proof.claim("ath", "none"))),
        ("proof_nonce_wanted", true, |issuer| {
            let dpop = Dpop::allowed().nonces(DpopNonces::new().unwrap());
            proven(issuer, dpop, |proof| vec![proof.sign()])
        }),
        ("proof_wrong_key", true, |issuer| {
            proven(issuer, Dpop::allowed(), |proof| {
                let key = DpopKey::new();
                let jwk = key.signing_key().public_jwk().unwrap();
                vec![proof.header("jwk", jwk).signed_with(&key).sign()]
            })
        }),
        ("proof_replayed", true, |issuer| {
            let dpop = Dpop::allowed().store(Store(Err(SpendError::AlreadySpent)));
            proven(issuer, dpop, |proof| vec![proof.sign()])
        }),
    ]
}

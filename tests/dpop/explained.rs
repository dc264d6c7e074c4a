//! Explanations of whole requests say what authentication says, and change nothing.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use tower_resource_server::{
    Authentication, Dpop,
    explain::{Explanation, Outcome, Stage, Verdict},
    http::Reason,
    policy::scope,
    store::{DpopNonces, MemorySpentStore},
};

use crate::{Site, proofs, requests, support::get, with_proof};

/// Explains a request, twice, and then authenticates it: all three say the same.
async fn agreed(site: &Site, name: &str, request: Request<Body>) -> Explanation {
    let head = request.into_parts().0;
    let explained = site.api.explain_request(&head).await;
    let again = site.api.explain_request(&head).await;
    let code = |explained: &Explanation| explained.reason.as_ref().map(Reason::code);
    assert_eq!(code(&again), code(&explained), "{name}: it was explained before");
    let expected = match site.api.authenticate(&head).await {
        Ok(Authentication::Anonymous) => Some(Reason::NoCredentials.code().to_owned()),
        Ok(_) => None,
        Err(refused) => Some(refused.reason().code().to_owned()),
    };
    assert_eq!(code(&explained), expected.as_deref(), "{name}: {explained}");
    assert_eq!(explained.is_valid(), expected.is_none(), "{name}");
    match (explained.failed().count(), expected.as_deref()) {
        // Of credentials that cannot be read there may be nothing to say.
        (_, Some("no_credentials" | "invalid_request")) => {}
        (failed, expected) => assert_eq!(failed > 0, expected.is_some(), "{name}: {explained}"),
    }
    let token =
        head.headers.get("dpop").and_then(|proof| proof.to_str().ok()).filter(|proof| proof.len() > 40);
    assert!(token.is_none_or(|proof| !format!("{explained}{explained:?}").contains(proof)), "{name}");
    explained
}

#[tokio::test]
async fn promise_8_an_explanation_of_a_request_agrees_with_its_verdict() {
    for dpop in [Dpop::allowed(), Dpop::required()] {
        let site = Site::new(dpop);
        for (name, proof, code) in proofs::claims(&site).into_iter().chain(proofs::headers(&site)) {
            let explained = agreed(&site, name, with_proof(&proof)).await;
            let of_proof = explained.findings.iter().filter(|row| row.stage == Stage::Proof);
            let verdicts: Vec<_> = of_proof.map(|row| row.verdict).collect();
            let expected = if code.is_empty() { Verdict::Passed } else { Verdict::Failed };
            assert_eq!(verdicts, [expected], "{name}: {explained}");
            if code.is_empty() {
                let used = agreed(&site, name, with_proof(&proof)).await;
                assert_eq!(used.reason.as_ref().map(Reason::code), Some("proof_replayed"), "{name}, again");
            }
        }
        for (name, request, ..) in requests::rows(&site) {
            drop(agreed(&site, name, request).await);
        }
    }
}

#[tokio::test]
async fn an_explanation_says_what_would_make_a_proof_good() {
    let site = Site::with(|server| {
        server.dpop(Dpop::required().nonces(DpopNonces::new().unwrap())).require(scope("payments"))
    });
    let explained = agreed(&site, "no nonce", with_proof(&site.proof())).await;
    let failed: Vec<_> = explained.failed().map(|row| (row.stage, row.advice.as_deref())).collect();
    let advice = Some("take the nonce of DPoP-Nonce into the proof, and come again");
    assert_eq!(failed[0], (Stage::Proof, advice), "{explained}");
    assert_eq!(failed[1].0, Stage::Scope, "what else is wrong, too: {explained}");
    let none = agreed(&site, "nothing", get("/orders", None)).await;
    assert!(none.findings.is_empty() && none.outcome() == Outcome::Invalid, "{none}");
}

#[tokio::test]
async fn a_full_store_leaves_a_proof_unchecked() {
    let store = Arc::new(MemorySpentStore::new(10).share(1));
    let site = Site::new(Dpop::required().store(Arc::clone(&store)));
    assert_eq!(site.told_of(&site.proof()).await, "200");
    let head = with_proof(&site.proof()).into_parts().0;
    let explained = site.api.explain_request(&head).await;
    assert_eq!(explained.outcome(), Outcome::Unchecked, "{explained}");
    let row = explained.findings.iter().find(|row| row.stage == Stage::Proof).unwrap();
    assert_eq!(row.verdict, Verdict::Unchecked);
    assert_eq!(store.len(), 1);
}

//! Nonces that tokens spend: an explanation looks, and spends nothing.

use tower_resource_server::{
    Explanation, ResourceServer,
    error::TokenError,
    explain::{Outcome, Stage, Verdict},
    http::Reason,
    keys::VerifyingKey,
    preset::layer::Provider,
    store::{MemorySpentStore, Nonces},
    test_util::TestIssuer,
};

use crate::site::{keys, rsa_issuer, run};

/// A server with space for one spent nonce.
fn server(issuer: &TestIssuer) -> (ResourceServer, Nonces) {
    let key: VerifyingKey = keys(issuer).iter().next().unwrap().clone();
    let nonces = Nonces::new().unwrap().store(MemorySpentStore::new(1));
    let provider = Provider::new("layer:///providers/1").key("layer:///keys/key-1", key);
    let server =
        ResourceServer::layer_provider(provider).nonces(nonces.clone()).clock(issuer.clock().clone());
    (server.build().unwrap(), nonces)
}

fn token(issuer: &TestIssuer, nonce: &str) -> String {
    let token = issuer.access_token("alice").typ("JWT").header("cty", "layer-eit;v=1").claim("iss", "1");
    token.claim("prn", "alice").claim("nce", nonce).mint().unwrap()
}

fn nonce_verdict(explanation: &Explanation) -> Verdict {
    let finding = explanation.findings().iter().find(|finding| finding.stage() == Stage::Nonce);
    finding.unwrap().verdict()
}

#[test]
fn a_nonce_is_looked_at_and_not_spent() {
    let issuer = rsa_issuer();
    let (server, nonces) = server(&issuer);
    let [first, second] = [(); 2].map(|()| token(&issuer, &nonces.issue(issuer.now()).unwrap()));

    for _ in 0..10 {
        let explanation = run(server.explain(&first));
        assert!(explanation.is_valid(), "{explanation}");
        assert_eq!(nonce_verdict(&explanation), Verdict::Passed);
    }
    assert!(run(server.verify_access_token(&first)).is_ok(), "none of them spent it");

    let spent = run(server.explain(&first));
    assert_eq!((spent.error(), nonce_verdict(&spent)), (Some(&TokenError::StaleNonce), Verdict::Failed));

    // There is space for one.
    let explanation = run(server.explain(&second));
    assert_eq!(explanation.outcome(), Outcome::Unchecked, "{explanation}");
    assert_eq!(nonce_verdict(&explanation), Verdict::Unchecked);
    let refused = run(server.verify_access_token(&second)).unwrap_err();
    assert_eq!(*refused.reason(), Reason::SpentStoreUnavailable);
    assert_eq!(explanation.reason().as_ref(), Some(refused.reason()));
}

#[test]
fn a_nonce_of_nobody_is_told_beside_everything_else() {
    let issuer = rsa_issuer();
    let (server, nonces) = server(&issuer);
    for (name, token, nonce) in [
        ("another's", token(&issuer, &Nonces::new().unwrap().issue(issuer.now()).unwrap()), Verdict::Failed),
        ("none at all", token(&issuer, ""), Verdict::Unchecked),
        (
            "good, in a bad token",
            token(&TestIssuer::new(), &nonces.issue(issuer.now()).unwrap()),
            Verdict::Passed,
        ),
    ] {
        let explanation = run(server.explain(&token));
        assert_eq!(explanation.outcome(), Outcome::Invalid, "{name}");
        assert_eq!(nonce_verdict(&explanation), nonce, "{name}: {explanation}");
    }
}

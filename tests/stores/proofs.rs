//! Proofs of clients (RFC 9449), spent in a store that loses what it held.

use axum::{Router, routing::any};
use http::{Method, Request};
use tower_resource_server::{
    Dpop, Identity, ResourceServer,
    store::{DpopNonces, RefuseAll},
    test_util::{DpopKey, TestIssuer},
    time::{Clock as _, SystemClock},
};

use crate::{
    settled,
    support::{Answer, ask, request},
    until,
};

const URL: &str = "https://api.test/orders";

struct Site {
    app: Router,
    key: DpopKey,
    token: String,
}

impl Site {
    fn new(dpop: Dpop) -> Self {
        let (issuer, key) = (TestIssuer::new(), DpopKey::new());
        issuer.clock().set_unix(SystemClock.unix());
        let api =
            ResourceServer::builder(issuer.audience()).issuer(issuer.trusted()).dpop(dpop).build().unwrap();
        let who = |who: Identity| async move { who.subject().to_owned() };
        let app = Router::new().route("/orders", any(who)).layer(api.layer());
        let token = issuer.access_token("alice").bound_to_key(key.thumbprint()).mint().unwrap();
        Self { app, key, token }
    }

    /// A request whose proof is of the moment in so many seconds, with a nonce.
    fn request(&self, seconds: u64, nonce: Option<&str>) -> Request<axum::body::Body> {
        let at = SystemClock.unix().saturating_add(std::time::Duration::from_secs(seconds));
        let mut proof = self.key.proof("GET", URL, &self.token, at);
        if let Some(nonce) = nonce {
            proof = proof.nonce(nonce);
        }
        let mut request = request(Method::GET, "/orders", None);
        proof.send(request.headers_mut());
        request
    }

    async fn ask(&self, seconds: u64, nonce: Option<&str>) -> Answer {
        ask(&self.app, self.request(seconds, nonce)).await
    }
}

#[tokio::test]
async fn after_a_loss_proofs_are_refused_with_503_until_they_are_newer() {
    let (fake, store) = settled(|settings| settings).await;
    let site = Site::new(Dpop::required().store(store.clone()));
    assert_eq!(site.ask(4, None).await.status(), 200);
    let began = store.health().began;
    fake.state().empty();
    until(|| async { store.health().began > began }).await;
    let refused = site.ask(3, None).await;
    assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (503, Some("1")));
    fake.advance(8);
    assert_eq!(site.ask(3, None).await.status(), 503, "made before the loss");
    assert_eq!(site.ask(12, None).await.status(), 200, "made afterwards");
}

#[tokio::test]
async fn after_a_loss_a_client_is_told_to_take_another_nonce() {
    let (fake, store) = settled(|settings| settings).await;
    let nonces = DpopNonces::new().unwrap();
    let in_seconds = |seconds| SystemClock.unix().saturating_add(std::time::Duration::from_secs(seconds));
    let site = Site::new(Dpop::required().store(store.clone()).nonces(nonces.clone()));
    let before = nonces.issue(in_seconds(4)).unwrap();
    assert_eq!(site.ask(0, Some(&before)).await.status(), 200, "its nonce says how old a proof is");
    let began = store.health().began;
    fake.state().empty();
    until(|| async { store.health().began > began }).await;
    fake.advance(8);
    let refused = site.ask(60, Some(&before)).await;
    let challenge = refused.header("www-authenticate").unwrap();
    assert_eq!(refused.status(), 401);
    assert!(challenge.starts_with("DPoP") && challenge.contains(r#"error="use_dpop_nonce""#), "{challenge}");
    assert!(refused.header("dpop-nonce").is_some_and(|nonce| nonce != before));
    let next = nonces.issue(in_seconds(12)).unwrap();
    assert_eq!(site.ask(0, Some(&next)).await.status(), 200);
}

#[tokio::test]
async fn a_store_that_refuses_all_takes_no_proof() {
    let site = Site::new(Dpop::allowed().store(RefuseAll));
    let refused = site.ask(0, None).await;
    assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (503, Some("1")));
}

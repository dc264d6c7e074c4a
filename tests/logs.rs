//! What refusals leave in the logs: a fixed reason, and nothing of the request (promise 10).

#![cfg(feature = "test-util")]

#[path = "support/log.rs"]
mod log;

use http::{Request, Response, header::AUTHORIZATION};
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::test_util::{Defect, TestIssuer};

use log::Log;

#[tokio::test]
async fn promise_10_logs_carry_a_reason_and_nothing_of_the_token() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let issuer = TestIssuer::new();
    let handler = service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new(())));
    let service = issuer.server().layer().layer(handler);

    for defect in Defect::ALL.iter().copied() {
        let token = issuer.broken(defect);
        let Ok(request) = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}")).body(()) else {
            continue;
        };
        log.clear();
        let response = service.clone().oneshot(request).await.unwrap();
        let text = log.text();
        if response.status().is_success() {
            continue;
        }
        assert!(text.contains("reason="), "{}: {text:?}", defect.name());
        for part in token.split('.').filter(|part| part.len() > 3) {
            assert!(!text.contains(part), "{}: {text:?}", defect.name());
        }
        // Nor what the parts say: TestIssuer's subject is in every payload.
        assert!(!text.contains("alice") && !text.contains("issuer.test"), "{}: {text:?}", defect.name());
    }
}

//! What refusals leave in the logs: a fixed reason, and nothing of the request (promise 10).

#![cfg(feature = "test-util")]

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
};

use http::{Request, Response, header::AUTHORIZATION};
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::test_util::{Defect, TestIssuer};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Writes every event down, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

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
        log.0.lock().unwrap().clear();
        let response = service.clone().oneshot(request).await.unwrap();
        let text = log.0.lock().unwrap().clone();
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

//! Names of tenants can be written by anyone: they stay out of the logs (promise 10).

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{PATTERN, Stage, at_most};

/// Writes the crate's own events down.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_resource_server")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn promise_10_events_name_the_pattern_and_no_tenant() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let stage = Stage::new(at_most(200), |issuer| issuer.dangerous().any_tenant());
    stage.cloud.open("t-real", &stage.keys);
    assert!(stage.verify(&stage.token("t-real")).await.is_ok());
    assert!(stage.verify(&stage.token("t-made-up")).await.is_err());
    stage.cloud.down(true);
    stage.keys.clock().advance(Duration::from_secs(600));
    assert!(stage.api.refresh_now().await.is_err());
    let text = log.0.lock().unwrap().clone();
    for (event, times) in [("keys have changed", 1), ("a key refresh failed", 2), (PATTERN, 4)] {
        assert!(text.matches(event).count() >= times, "{event} is not {times} times in {text}");
    }
    assert!(!text.contains("t-real") && !text.contains("t-made-up"), "{text}");
}

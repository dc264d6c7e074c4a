//! What good traffic notices: of keys that change, and of a flood of unknown keys, beside a flood of
//! the same rate that meets a service which only says 401.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use axum::{Router, body::Body};
use tokio::{net::TcpListener, runtime::Builder};
use tower_resource_server::{
    issuer::{SigningKey, TokenIssuer},
    keys::Algorithm,
};

use crate::{
    AnyError,
    child::Child,
    flood::Flood,
    http1,
    open::{self, Tally},
    row::{Row, Unit},
    server::{Keys, Setup},
    throughput::median,
    tokens,
};

/// Good requests a second.
const GOOD: u32 = 2_000;
/// How often keys change and are fetched while they do: some thousand times as often as in life.
const CHANGE: Duration = Duration::from_millis(100);

/// How often, how long, how much.
struct Plan {
    rounds: usize,
    time: Duration,
    /// Requests a second of the flood, and how many of them must have come through.
    flood: u64,
    least: f64,
    hot: usize,
}

impl Plan {
    const fn new(smoke: bool) -> Self {
        if smoke {
            Self { rounds: 1, time: Duration::from_millis(500), flood: 2_000, least: 0.1, hot: 20 }
        } else {
            Self { rounds: 5, time: Duration::from_secs(4), flood: 12_500, least: 0.9, hot: 1000 }
        }
    }
}

#[derive(Clone, Copy)]
enum Phase {
    Idle,
    Refresh,
    Control,
    Flood,
}

const PHASES: [(Phase, &str); 4] = [
    (Phase::Idle, "idle"),
    (Phase::Refresh, "keys change"),
    (Phase::Control, "control flood"),
    (Phase::Flood, "flood of unknown keys"),
];

const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

/// An issuer on loopback, and the server that trusts it.
struct Site {
    issuer: TokenIssuer,
    server: Child,
}

impl Site {
    fn start() -> Result<Self, AnyError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let issuer = tokens::issuer(format!("http://{}", listener.local_addr()?))?;
        let provider = Router::new().fallback_service(issuer.service::<Body>());
        thread::spawn(move || runtime.block_on(async { axum::serve(listener, provider).await }));
        let server = Child::start(&Setup { keys: Keys::Issuer(issuer.issuer().to_owned()), threads: 2 })?;
        Ok(Self { issuer, server })
    }

    /// Publishes another key in place of the last one like it, and lets the server fetch them, again
    /// and again; the key that signs stays.
    fn change_keys(&self, stop: &AtomicBool) -> Result<u32, AnyError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{}/refresh", self.server.address);
        let mut last: Option<String> = None;
        let mut changes = 0;
        while !stop.load(Ordering::Relaxed) {
            let kid = format!("spare-{}", self.issuer.fetches().jwks);
            self.issuer.publish(SigningKey::generate(Algorithm::ES256)?.with_kid(&*kid))?;
            if let Some(last) = last.replace(kid) {
                self.issuer.retire(&*last)?;
            }
            runtime.block_on(async { client.get(&url).send().await?.error_for_status() })?;
            changes += 1;
            thread::sleep(CHANGE);
        }
        if let Some(last) = last {
            self.issuer.retire(&*last)?;
        }
        Ok(changes)
    }
}

pub(crate) fn measure(smoke: bool) -> Result<Vec<Row>, AnyError> {
    let plan = Plan::new(smoke);
    let site = Site::start()?;
    let tokens = tokens::mint(&site.issuer, plan.hot)?;
    let requests = http1::requests(&site.server.address, "/guarded", &tokens);
    // Connections are made and code is warm before anything is measured.
    let warm_up = open::drive(&site.server.address, &requests, GOOD, plan.time);
    if warm_up.failed > 0 {
        return Err("good requests failed before anything was wrong".into());
    }
    let mut percentiles = [const { [const { Vec::new() }; 3] }; 4];
    let mut failed = [0; 4];
    for _ in 0..plan.rounds {
        for (at, (phase, _)) in PHASES.into_iter().enumerate() {
            let tally = run(&site, phase, &requests, &tokens, &plan)?;
            for (samples, (_, share)) in percentiles[at].iter_mut().zip(PERCENTILES) {
                samples.push(tally.percentile(share).as_secs_f64() * 1e6);
            }
            failed[at] += tally.failed;
        }
    }
    let mut rows = Vec::new();
    let medians = percentiles.each_ref().map(|samples| samples.each_ref().map(|samples| median(samples)));
    for ((_, phase), values) in PHASES.into_iter().zip(medians) {
        for ((percentile, _), value) in PERCENTILES.into_iter().zip(values) {
            let row = Row::new(format!("{phase}: {percentile}"), value, Unit::Microseconds);
            rows.push(row.with("phase", phase).with("percentile", percentile));
        }
    }
    let [idle, refresh, control, flooded] = medians.map(|values| values[1]);
    rows.push(Row::new("p99 while keys change, of idle", refresh / idle, Unit::Ratio).at_most(1.5, 1.1));
    rows.push(Row::new("p99 in the flood, of control", flooded / control, Unit::Ratio).at_most(1.5, 1.1));
    let failed: u64 = failed.iter().sum();
    rows.push(Row::new("good requests that failed", failed as f64, Unit::Count).at_most(0.0, 0.0));
    Ok(rows)
}

fn run(
    site: &Site,
    phase: Phase,
    requests: &[Vec<u8>],
    tokens: &[String],
    plan: &Plan,
) -> Result<Tally, AnyError> {
    let good = || open::drive(&site.server.address, requests, GOOD, plan.time);
    let flooded = |path: &str| {
        let flood = Flood::start(&site.server.address, path, plan.flood, tokens.first().ok_or("no token")?)?;
        let tally = good();
        flood.stop();
        // What is still under way is not to be the next phase's.
        thread::sleep(plan.time / 4);
        flooded_enough(&flood, plan).map(|()| tally)
    };
    match phase {
        Phase::Idle => Ok(good()),
        Phase::Control => flooded("/refused"),
        Phase::Flood => flooded("/guarded"),
        Phase::Refresh => {
            let stop = AtomicBool::new(false);
            thread::scope(|scope| {
                let changing = scope.spawn(|| site.change_keys(&stop));
                let tally = good();
                stop.store(true, Ordering::Relaxed);
                let changes = changing.join().map_err(|_| "a thread failed")??;
                if changes < 2 { Err("the keys did not change".into()) } else { Ok(tally) }
            })
        }
    }
}

/// A flood that did not happen would prove nothing.
fn flooded_enough(flood: &Flood, plan: &Plan) -> Result<(), AnyError> {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (sent, refused) = (count(&flood.sent), count(&flood.refused) + count(&flood.unavailable));
    let wanted = plan.flood as f64 * plan.time.as_secs_f64();
    if (sent.min(refused) as f64) < wanted * plan.least || count(&flood.other) > 0 {
        return Err(format!(
            "of a flood of {wanted} requests {sent} were sent, {refused} refused, {} answered otherwise",
            count(&flood.other)
        )
        .into());
    }
    Ok(())
}

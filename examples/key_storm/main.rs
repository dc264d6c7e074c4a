//! A flood of unknown keys, rotations and an outage against an API over loopback, and what a client
//! with good tokens notices of it. Prints a row for each phase, and ends with exit code 1 when a
//! phase breaks its bound.
//!
//! ```text
//! cargo run --release --example key_storm --features issuer              # three minutes
//! cargo run --example key_storm --features issuer -- --smoke             # some seconds
//! ```
#![allow(clippy::indexing_slicing, clippy::cast_precision_loss, reason = "a program for people to watch")]

mod flood;
mod good;
mod report;
mod site;

use std::{error::Error, process::ExitCode, sync::atomic::Ordering, time::Duration};

use clap::Parser;
use tokio::time::sleep;
use tower_resource_server::{
    source::{RefreshSettings, SourceState},
    time::{Clock, SystemClock},
};

use crate::{
    flood::Flood,
    good::Tallies,
    report::{Bounds, Report, Row},
    site::Site,
};

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

/// Storms an API with tokens of unknown keys while its issuer rotates keys and fails.
#[derive(Debug, Parser)]
#[command(name = "key_storm")]
struct Cli {
    /// Everything in a twelfth of the time, at a low rate; latencies are not judged
    #[arg(long)]
    smoke: bool,

    /// How many tokens of unknown keys are sent a second
    #[arg(long, value_name = "N")]
    flood_rate: Option<u64>,

    /// How many good tokens are sent a second
    #[arg(long, value_name = "N", default_value_t = 400)]
    good_rate: u32,
}

/// What the provider does during a phase.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Provider {
    IsWell,
    /// A key is published one refresh interval before it signs.
    RotatesAhead,
    /// A new key signs as soon as it is published, and the old one is withdrawn.
    RotatesAbruptly,
    /// It accepts connections and never answers.
    Hangs,
}

/// What the flood goes against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Against {
    Nothing,
    /// A server that does the same work and then always answers 401: its keys are configured.
    Control,
    Api,
}

/// Name, seconds, provider, flood.
const PHASES: [(&str, u32, Provider, Against); 9] = [
    ("idle", 6, Provider::IsWell, Against::Nothing),
    ("control: the flood elsewhere", 18, Provider::IsWell, Against::Control),
    ("rotation, published ahead", 20, Provider::RotatesAhead, Against::Nothing),
    ("rotation, abrupt", 10, Provider::RotatesAbruptly, Against::Nothing),
    ("flood", 25, Provider::IsWell, Against::Api),
    ("flood, rotation published ahead", 28, Provider::RotatesAhead, Against::Api),
    ("flood, abrupt rotation", 28, Provider::RotatesAbruptly, Against::Api),
    ("outage", 22, Provider::Hangs, Against::Nothing),
    ("recovery", 20, Provider::IsWell, Against::Nothing),
];

/// The numbers that a phase is held to.
struct Plan {
    settings: RefreshSettings,
    /// All durations are divided by it.
    hurry: u32,
    flood_rate: u64,
    good_rate: u32,
    judge_latency: bool,
}

impl Plan {
    fn new(cli: &Cli) -> Self {
        let hurry = if cli.smoke { 12 } else { 1 };
        let mut settings = RefreshSettings::default();
        // Refreshed more often than by default, so that it happens in the time that this takes. All
        // else is as it comes, or hurried with the rest.
        settings.default_freshness = Duration::from_secs(15) / hurry;
        settings.min_freshness = settings.default_freshness;
        settings.max_freshness = settings.default_freshness;
        for knob in [
            &mut settings.unknown_key_interval,
            &mut settings.evidence_window,
            &mut settings.fetch_timeout,
            &mut settings.min_backoff,
            &mut settings.max_backoff,
        ] {
            *knob /= hurry;
        }
        let flood_rate = cli.flood_rate.unwrap_or(if cli.smoke { 500 } else { 12_500 });
        Self {
            settings,
            hurry,
            flood_rate,
            good_rate: cli.good_rate.clamp(1, 5000),
            judge_latency: !cli.smoke,
        }
    }

    /// Fetches that the schedule makes of itself in `time`: one for each four fifths of an interval,
    /// and in an outage those that its back-off allows.
    fn scheduled(&self, time: Duration, provider: Provider) -> u64 {
        let retries = if provider == Provider::Hangs { 5 } else { 0 };
        2 + div_ceil(time, self.settings.max_freshness.mul_f64(0.8)) + retries
    }

    /// The formula: what unknown keys may cause in `time`.
    fn caused(&self, time: Duration) -> u64 {
        u64::from(self.settings.unknown_key_burst) + div_ceil(time, self.settings.unknown_key_interval)
    }
}

fn div_ceil(time: Duration, by: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(by.as_nanos().max(1))).unwrap_or(u64::MAX)
}

fn main() -> Result<ExitCode, AnyError> {
    let plan = Plan::new(&Cli::parse());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let holds = runtime.block_on(storm(&plan))?;
    runtime.shutdown_background();
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn storm(plan: &Plan) -> Result<bool, AnyError> {
    let site = Site::start(plan.settings.clone()).await?;
    let tallies = good::start(site.issuer.clone(), format!("http://{}/api", site.address), plan.good_rate)?;
    // Connections are made and code is warm before anything is measured.
    sleep(Duration::from_secs(1)).await;
    let mut report = Report::default();
    for (name, seconds, provider, against) in PHASES {
        let time = Duration::from_secs(seconds.into()) / plan.hurry;
        let row = phase(&site, &tallies, plan, name, time, provider, against).await?;
        report.add(row);
    }
    Ok(report.conclude())
}

async fn phase(
    site: &Site,
    tallies: &Tallies,
    plan: &Plan,
    name: &'static str,
    time: Duration,
    provider: Provider,
    against: Against,
) -> Result<Row, AnyError> {
    let before = site.health().ok_or("there is an issuer")?;
    tallies.take();
    let flood = match against {
        Against::Nothing => None,
        _ => {
            let path = if against == Against::Api { "/api" } else { "/control" };
            let good = site.issuer.access_token("mallory").client_id("bad").mint()?;
            Some(Flood::start(&site.address, path, plan.flood_rate, &good)?)
        }
    };
    let begin = SystemClock.monotonic();
    site.set_down(provider == Provider::Hangs);
    match provider {
        Provider::IsWell | Provider::Hangs => {}
        Provider::RotatesAhead => {
            let kid = site.publish()?;
            sleep(plan.settings.max_freshness).await;
            site.switch_to(&kid)?;
        }
        Provider::RotatesAbruptly => {
            sleep(time / 10).await;
            let kid = site.publish()?;
            site.switch_to(&kid)?;
        }
    }
    sleep((begin + time).saturating_sub(SystemClock.monotonic())).await;
    let tally = tallies.take();
    if let Some(flood) = &flood {
        flood.stop();
    }
    let after = site.health().ok_or("there is an issuer")?;

    let floods_and_rotates = against == Against::Api && provider == Provider::RotatesAbruptly;
    let refusal = if floods_and_rotates {
        // Until the budget has a token again, and a second for the fetch that it buys.
        plan.settings.unknown_key_interval + Duration::from_secs(1)
    } else {
        Duration::ZERO
    };
    let caused = if against == Against::Api { plan.caused(time) } else { 0 };
    let bounds = Bounds {
        fetches: plan.scheduled(time, provider) + (after.generation - before.generation) + caused,
        refusal,
        times_control: (plan.judge_latency && against == Against::Api).then_some(1.5),
        state: if provider == Provider::Hangs { SourceState::Stale } else { SourceState::Fresh },
    };
    let count = |read: fn(&Flood) -> u64| flood.as_deref().map_or(0, read);
    Ok(Row {
        name,
        time,
        fetches: after.fetches - before.fetches,
        state: if after.state == SourceState::Refreshing { SourceState::Fresh } else { after.state },
        tally,
        flood: count(|flood| flood.sent.load(Ordering::Relaxed)),
        refused: count(|flood| flood.refused.load(Ordering::Relaxed)),
        unavailable: count(|flood| flood.unavailable.load(Ordering::Relaxed)),
        other: count(|flood| flood.other.load(Ordering::Relaxed)),
        bounds,
    })
}

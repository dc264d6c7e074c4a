use super::*;
use crate::time::UnixTime;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Both clocks, where they go on together.
fn both(monotonic: Duration) -> Clocks {
    Clocks { monotonic, unix: UnixTime::from_secs(1_700_000_000).saturating_add(monotonic) }
}

const MIDDLE: f64 = 0.5;
/// With the default freshness of 300 s and jitter in the middle, a refresh starts after 90 % of it.
const REFRESH_AFTER: u64 = 270;

fn new() -> Schedule {
    Schedule::new(RefreshSettings::default())
}

/// A schedule whose first fetch started and succeeded at `at`.
fn fresh(at: Duration) -> Schedule {
    let mut schedule = new();
    assert_eq!(schedule.step(both(at)), NextStep::Fetch(FetchReason::Due));
    schedule.succeeded(at, Success::default(), MIDDLE);
    schedule
}

#[track_caller]
fn wait_that_requests(verdict: ScheduleAnswer, reason: Option<FetchReason>) -> Duration {
    match verdict {
        ScheduleAnswer::Wait { until, request } if request == reason => until,
        other => panic!("{other:?} instead of a wait that requests {reason:?}"),
    }
}

/// Spends the whole budget of unknown keys, each fetch finding nothing.
fn spend_budget(schedule: &mut Schedule, at: Duration) {
    for _ in 0..schedule.budget_left(at) {
        schedule.request(FetchReason::UnknownKey, at);
        assert_eq!(schedule.step(both(at)), NextStep::Fetch(FetchReason::UnknownKey));
        schedule.succeeded(at, Success::default(), MIDDLE);
    }
    assert_eq!(schedule.budget_left(at), 0);
}

#[test]
fn the_states_of_a_life() {
    let mut schedule = new();
    assert_eq!(schedule.state(both(secs(0))), SourceState::Empty);
    schedule.step(both(secs(0)));
    assert_eq!(schedule.state(both(secs(0))), SourceState::Loading);
    schedule.failed(secs(0), None, MIDDLE);
    assert_eq!(schedule.state(both(secs(0))), SourceState::Empty);

    assert_eq!(schedule.step(both(secs(1))), NextStep::Fetch(FetchReason::Due));
    schedule.succeeded(secs(2), Success::default(), MIDDLE);
    assert_eq!(schedule.state(both(secs(2))), SourceState::Fresh);
    assert_eq!(schedule.step(both(secs(2))), NextStep::SleepUntil(secs(1 + REFRESH_AFTER)));
    assert_eq!(schedule.step(both(secs(1 + REFRESH_AFTER))), NextStep::Fetch(FetchReason::Due));
    assert_eq!(schedule.state(both(secs(1 + REFRESH_AFTER))), SourceState::Refreshing);
    schedule.failed(secs(276), None, MIDDLE);

    let bound = secs(1 + 6 * 3600);
    for (name, now, expected) in [
        ("just fresh", secs(300), SourceState::Fresh),
        ("freshness over", secs(301), SourceState::Stale),
        ("just under the stale-if-error limit", bound - Duration::from_nanos(1), SourceState::Stale),
        ("the stale-if-error limit", bound, SourceState::Dead),
        ("later", secs(1_000_000), SourceState::Dead),
    ] {
        assert_eq!(schedule.state(both(now)), expected, "{name}");
    }
    assert_eq!(schedule.step(both(bound)), NextStep::Fetch(FetchReason::Due));
    schedule.succeeded(bound, Success::default(), MIDDLE);
    assert_eq!(schedule.state(both(bound)), SourceState::Fresh);
}

#[test]
fn freshness_is_clamped_and_refreshed_ahead_of_expiry() {
    for (name, freshness, jitter, expected) in [
        ("none stated", None, 0.5, 270),
        ("the earliest", None, 1.0, 240),
        ("the latest", None, 0.0, 300),
        ("stated", Some(600), 0.5, 540),
        ("too short", Some(0), 0.5, 54),
        ("too long", Some(86_400), 0.5, 810),
        ("jitter out of range", None, 7.0, 240),
        ("jitter below range", None, -7.0, 300),
    ] {
        let mut schedule = new();
        schedule.step(both(secs(100)));
        let success = Success { freshness: freshness.map(secs), found_new_key: true };
        schedule.succeeded(secs(100), success, jitter);
        let NextStep::SleepUntil(until) = schedule.step(both(secs(100))) else { panic!("{name}") };
        assert_eq!(until.as_secs_f64().round(), f64::from(100 + expected), "{name}");
    }
}

#[test]
fn a_slow_fetch_ages_from_its_start() {
    let mut schedule = new();
    schedule.step(both(secs(10)));
    schedule.succeeded(secs(15), Success::default(), MIDDLE);
    assert_eq!(schedule.good_since(), Some(both(secs(10))));
    assert_eq!(schedule.good_until(), both(secs(10 + 6 * 3600)));
    assert_eq!(schedule.step(both(secs(15))), NextStep::SleepUntil(secs(10 + REFRESH_AFTER)));
}

#[test]
fn failures_back_off_from_one_second_doubling_to_sixty() {
    let mut schedule = new();
    let mut now = secs(0);
    for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert_eq!(schedule.step(both(now)), NextStep::Fetch(FetchReason::Due));
        schedule.failed(now, None, MIDDLE);
        assert_eq!(schedule.step(both(now)), NextStep::SleepUntil(now + secs(expected)));
        now += secs(expected);
    }
    schedule.step(both(now));
    schedule.succeeded(now, Success::default(), MIDDLE);
    assert_eq!(schedule.failures(), 0);
    now += secs(REFRESH_AFTER);
    schedule.step(both(now));
    schedule.failed(now, None, MIDDLE);
    assert_eq!(schedule.step(both(now)), NextStep::SleepUntil(now + secs(1)), "a success starts over");
}

#[test]
fn back_off_varies_and_heeds_retry_after_within_its_cap() {
    for (name, retry_after, jitter, expected) in [
        ("low", None, 0.0, 900),
        ("high", None, 1.0, 1100),
        ("longer than the back-off", Some(30), 0.5, 30_000),
        ("shorter", Some(0), 0.5, 1000),
        ("beyond the cap", Some(86_400), 0.5, 60_000),
    ] {
        let mut schedule = new();
        schedule.step(both(secs(0)));
        schedule.failed(secs(0), retry_after.map(secs), jitter);
        assert_eq!(schedule.due().as_millis(), expected, "{name}");
    }
}

#[test]
fn any_number_of_failures_stays_within_the_cap() {
    let mut schedule = new();
    let mut now = secs(0);
    for _ in 0..200 {
        schedule.step(both(now));
        schedule.failed(now, None, 1.0);
        assert!(schedule.due() - now <= secs(66));
        now = schedule.due();
    }
}

#[test]
fn refusing_takes_evidence() {
    let mut schedule = fresh(secs(100));
    for (name, arrived, now, expected) in [
        ("arrived before the fetch", 99, 100, ScheduleAnswer::Lacks),
        ("arrived as it started", 100, 100, ScheduleAnswer::Lacks),
        (
            "arrived after it started",
            101,
            101,
            ScheduleAnswer::Wait { until: secs(102), request: Some(FetchReason::UnknownKey) },
        ),
        ("at its deadline", 101, 102, ScheduleAnswer::Unavailable { retry_after: secs(1) }),
        ("before the fetch, asked late", 99, 105, ScheduleAnswer::Lacks),
    ] {
        assert_eq!(schedule.judge(Wanted::UnknownKey, secs(arrived), both(secs(now))), expected, "{name}");
    }
    // A fetch that was under way when the request arrived is waited for, but is no evidence.
    schedule.request(FetchReason::UnknownKey, secs(101));
    schedule.step(both(secs(101)));
    assert_eq!(
        wait_that_requests(schedule.judge(Wanted::UnknownKey, secs(102), both(secs(102))), None),
        secs(103)
    );
    schedule.succeeded(secs(102), Success::default(), MIDDLE);
    assert_eq!(schedule.judge(Wanted::UnknownKey, secs(101), both(secs(102))), ScheduleAnswer::Lacks);
    wait_that_requests(
        schedule.judge(Wanted::UnknownKey, secs(102), both(secs(102))),
        Some(FetchReason::UnknownKey),
    );
}

#[test]
fn many_requests_share_one_fetch() {
    let mut schedule = fresh(secs(100));
    wait_that_requests(
        schedule.judge(Wanted::UnknownKey, secs(150), both(secs(150))),
        Some(FetchReason::UnknownKey),
    );
    schedule.request(FetchReason::UnknownKey, secs(150));
    for _ in 0..1000 {
        wait_that_requests(schedule.judge(Wanted::UnknownKey, secs(150), both(secs(150))), None);
    }
    assert_eq!(schedule.budget_left(secs(150)), 4);
    assert_eq!(schedule.step(both(secs(150))), NextStep::Fetch(FetchReason::UnknownKey));
    assert_eq!(schedule.fetches(), 2);
}

#[test]
fn without_budget_only_a_recent_fetch_is_evidence() {
    let mut schedule = fresh(secs(100));
    spend_budget(&mut schedule, secs(200));
    assert_eq!(schedule.judge(Wanted::UnknownKey, secs(205), both(secs(205))), ScheduleAnswer::Lacks);
    // A token is earned just as the evidence ends, so make the budget slower than the evidence.
    let settings = RefreshSettings { unknown_key_interval: secs(60), ..RefreshSettings::default() };
    let mut schedule = Schedule::new(settings);
    schedule.step(both(secs(100)));
    schedule.succeeded(secs(100), Success::default(), MIDDLE);
    spend_budget(&mut schedule, secs(200));
    assert_eq!(schedule.judge(Wanted::UnknownKey, secs(210), both(secs(210))), ScheduleAnswer::Lacks);
    assert_eq!(
        schedule.judge(Wanted::UnknownKey, secs(211), both(secs(211))),
        ScheduleAnswer::Unavailable { retry_after: secs(49) }
    );
}

#[test]
fn a_failing_source_answers_unavailable_until_its_back_off_is_over() {
    let mut schedule = fresh(secs(100));
    schedule.request(FetchReason::UnknownKey, secs(150));
    schedule.step(both(secs(150)));
    schedule.failed(secs(151), Some(secs(20)), MIDDLE);
    assert_eq!(
        schedule.judge(Wanted::UnknownKey, secs(150), both(secs(150) + secs(1))),
        ScheduleAnswer::Unavailable { retry_after: secs(20) },
        "the one that waited"
    );
    assert_eq!(
        schedule.judge(Wanted::UnknownKey, secs(160), both(secs(160))),
        ScheduleAnswer::Unavailable { retry_after: secs(11) }
    );
    wait_that_requests(
        schedule.judge(Wanted::UnknownKey, secs(171), both(secs(171))),
        Some(FetchReason::UnknownKey),
    );
    assert_eq!(schedule.state(both(secs(171))), SourceState::Fresh, "the old keys are still served");
}

#[test]
fn a_cold_source_is_waited_for_and_costs_no_budget() {
    let mut schedule = new();
    assert_eq!(
        wait_that_requests(
            schedule.judge(Wanted::UnknownKey, secs(5), both(secs(5))),
            Some(FetchReason::Due)
        ),
        secs(7)
    );
    schedule.request(FetchReason::Due, secs(5));
    assert_eq!(schedule.step(both(secs(5))), NextStep::Fetch(FetchReason::Due));
    assert_eq!(schedule.budget_left(secs(5)), 5);
    wait_that_requests(schedule.judge(Wanted::UnknownKey, secs(6), both(secs(6))), None);
    assert_eq!(
        schedule.judge(Wanted::UnknownKey, secs(5), both(secs(7))),
        ScheduleAnswer::Unavailable { retry_after: secs(1) }
    );
    schedule.failed(secs(7), None, MIDDLE);
    assert_eq!(
        schedule.judge(Wanted::UnknownKey, secs(7), both(secs(7) + Duration::from_millis(500))),
        ScheduleAnswer::Unavailable { retry_after: secs(1) },
        "never less than a second"
    );
    wait_that_requests(schedule.judge(Wanted::UnknownKey, secs(8), both(secs(8))), Some(FetchReason::Due));
}

#[test]
fn past_the_stale_if_error_limit_old_evidence_counts_for_nothing() {
    let schedule = fresh(secs(100));
    let dead = secs(100 + 6 * 3600);
    let just_alive = dead - Duration::from_nanos(1);
    assert_eq!(schedule.judge(Wanted::UnknownKey, secs(100), both(just_alive)), ScheduleAnswer::Lacks);
    assert_eq!(
        schedule.judge(Wanted::UnknownKey, secs(100), both(dead)),
        ScheduleAnswer::Unavailable { retry_after: secs(1) }
    );
    assert!(matches!(
        schedule.judge(Wanted::UnknownKey, dead, both(dead)),
        ScheduleAnswer::Wait { request: Some(FetchReason::Due), .. }
    ));
}

#[test]
fn the_stale_if_error_limit_is_reached_by_the_clock_that_says_more() {
    let unix = |seconds: u64| both(secs(seconds)).unix;
    let at = |monotonic: u64, wall: u64| Clocks { monotonic: secs(monotonic), unix: unix(wall) };
    let bound = 100 + 6 * 3600;
    for (name, now, expected) in [
        ("both before it", at(200, 200), SourceState::Fresh),
        ("suspended for less", at(200, bound - 1), SourceState::Fresh),
        ("suspended for as long", at(200, bound), SourceState::Dead),
        ("suspended for a year", at(200, 31_536_000), SourceState::Dead),
        ("the wall clock set back", at(bound - 1, 0), SourceState::Stale),
        ("the wall clock set back, and as long", at(bound, 0), SourceState::Dead),
    ] {
        let mut schedule = fresh(secs(100));
        assert_eq!(schedule.state(now), expected, "{name}");
        let dead = expected == SourceState::Dead;
        let told = schedule.judge(Wanted::UnknownKey, secs(100), now);
        assert_eq!(told == ScheduleAnswer::Lacks, !dead, "{name}: old evidence counts for nothing");
        // What is dead is fetched, and again after the back-off, however fresh monotonic time has it.
        assert_eq!(
            schedule.step(now) == NextStep::Fetch(FetchReason::Due),
            dead || now.monotonic > secs(370),
            "{name}"
        );
        schedule.failed(now.monotonic, None, MIDDLE);
        if dead {
            assert_eq!(schedule.step(now), NextStep::SleepUntil(now.monotonic + secs(1)), "{name}");
        }
    }
}

#[test]
fn a_refresh_that_finds_a_new_key_returns_its_token_and_no_other_does() {
    for (name, reason, found_new_key, left) in [
        ("with a new key", FetchReason::UnknownKey, true, 5),
        ("without one", FetchReason::UnknownKey, false, 4),
        ("asked for by the application", FetchReason::Asked, true, 5),
        ("due", FetchReason::Due, false, 5),
    ] {
        let mut schedule = fresh(secs(100));
        schedule.request(reason, secs(150));
        schedule.step(both(secs(150)));
        schedule.succeeded(secs(150), Success { freshness: None, found_new_key }, MIDDLE);
        assert_eq!(schedule.budget_left(secs(150)), left, "{name}");
    }
}

#[test]
fn the_scheduled_refresh_needs_no_budget() {
    let mut schedule = fresh(secs(100));
    spend_budget(&mut schedule, secs(200));
    let due = schedule.due();
    assert_eq!(schedule.step(both(due)), NextStep::Fetch(FetchReason::Due));
}

#[test]
fn the_application_may_ask_during_a_back_off_and_during_a_fetch() {
    let mut schedule = new();
    schedule.step(both(secs(0)));
    schedule.request(FetchReason::Asked, secs(0));
    schedule.failed(secs(0), None, MIDDLE);
    assert_eq!(schedule.step(both(secs(0))), NextStep::Fetch(FetchReason::Asked));
    assert_eq!((schedule.fetches(), schedule.completed()), (2, 1));
}

#[test]
fn a_fetch_lost_with_its_runtime_is_made_again_and_is_no_failure() {
    let mut schedule = fresh(secs(100));
    schedule.request(FetchReason::UnknownKey, secs(150));
    schedule.step(both(secs(150)));
    schedule.abandoned();
    wait_that_requests(schedule.judge(Wanted::UnknownKey, secs(150), both(secs(150))), None);
    assert_eq!(schedule.step(both(secs(150))), NextStep::Fetch(FetchReason::UnknownKey));
    assert_eq!((schedule.failures(), schedule.budget_left(secs(150))), (0, 4));
}

/// The bound of the design, against requests for unknown keys every tenth of a second.
#[test]
fn a_flood_causes_no_more_fetches_than_the_formula() {
    for (name, span, slow) in [("fast answers", 600_u64, 0_u64), ("slow answers", 600, 7), ("short", 5, 1)] {
        let mut schedule = fresh(secs(0));
        let (mut due, mut asked, mut landing) = (0, 0, None);
        for tick in 0..span * 10 {
            let now = secs(1000) + Duration::from_millis(tick * 100);
            if landing == Some(tick) {
                schedule.succeeded(now, Success::default(), MIDDLE);
            }
            if let ScheduleAnswer::Wait { request: Some(reason), .. } =
                schedule.judge(Wanted::UnknownKey, now, both(now))
            {
                schedule.request(reason, now);
            }
            match schedule.step(both(now)) {
                NextStep::Fetch(FetchReason::Due) => due += 1,
                NextStep::Fetch(_) => asked += 1,
                NextStep::SleepUntil(_) => continue,
            }
            landing = Some(tick + slow + 1);
        }
        assert!(asked > 0 && asked <= 5 + span.div_ceil(10), "{name}: {asked} fetches for unknown keys");
        assert!(due <= 1 + span / 240, "{name}: {due} scheduled fetches");
    }
}

/// With keys since 100 s, of an issuer that exchanges them under the same name.
fn exchanging() -> Schedule {
    let mut schedule = Schedule::new(RefreshSettings::default().refetch_on_bad_signature(true));
    schedule.step(both(secs(100)));
    schedule.succeeded(secs(100), Success::default(), MIDDLE);
    schedule
}

#[test]
fn a_bad_signature_asks_for_one_fetch_a_minute() {
    let asks = |schedule: &Schedule, arrived| {
        schedule.judge(Wanted::ExchangedKey, secs(arrived), both(secs(arrived)))
    };
    let fetch = |until| ScheduleAnswer::Wait { until: secs(until), request: Some(FetchReason::BadSignature) };
    assert_eq!(asks(&fresh(secs(100)), 150), ScheduleAnswer::Lacks, "not opted in");
    let mut schedule = exchanging();
    assert_eq!(asks(&schedule, 100), ScheduleAnswer::Lacks, "as new as the keys");
    assert_eq!(asks(&schedule, 150), fetch(151));
    schedule.request(FetchReason::BadSignature, secs(150));
    assert_eq!(asks(&schedule, 150), ScheduleAnswer::Wait { until: secs(151), request: None });
    assert_eq!(schedule.step(both(secs(150))), NextStep::Fetch(FetchReason::BadSignature));
    schedule.succeeded(secs(150), Success { freshness: None, found_new_key: true }, MIDDLE);
    for (name, arrived, expected) in [
        ("the one that asked", 150, ScheduleAnswer::Lacks),
        ("a second later", 151, ScheduleAnswer::Lacks),
        ("just before the minute is over", 209, ScheduleAnswer::Lacks),
        ("after the minute", 210, fetch(211)),
    ] {
        assert_eq!(asks(&schedule, arrived), expected, "{name}");
        assert_eq!(schedule.budget_left(secs(arrived)), 5, "{name}");
    }
    let late = schedule.judge(Wanted::ExchangedKey, secs(210), both(secs(211)));
    assert_eq!(late, ScheduleAnswer::Lacks, "at the end of its wait");
    schedule.request(FetchReason::BadSignature, secs(210));
    schedule.step(both(secs(210)));
    schedule.failed(secs(210), Some(secs(60)), MIDDLE);
    assert_eq!(asks(&schedule, 269), ScheduleAnswer::Lacks, "in the back-off");
    assert_eq!(asks(&schedule, 270), fetch(271));
    assert_eq!(asks(&schedule, 150 + 6 * 3600), ScheduleAnswer::Lacks, "with dead keys");
}

//! Dates, lifetimes, and the window in which they hold.

use super::*;

/// The clock stands at 1000, and clocks may differ by 10.
#[test]
fn dates_count_up_to_their_last_moment() {
    let c = || claim("c");
    let minute = Duration::from_secs(60);
    let max_age = Case::expecting(Expected { max_age: Some(minute), ..Expected::default() });
    let plain = Case::default();
    for (name, case, rule, value, expected) in [
        ("ends ahead", &plain, c().after_now(), "1001", GOOD),
        ("ended within the leeway", &plain, c().after_now(), "991", GOOD),
        ("a fraction within it", &plain, c().after_now(), "990.000001", GOOD),
        ("ended with the leeway", &plain, c().after_now(), "990", "expired"),
        ("ended before it", &plain, c().after_now(), "989", "expired"),
        ("ended at the epoch", &plain, c().after_now(), "0", "expired"),
        ("never ends", &plain, c().after_now(), "18446744073709551615", GOOD),
        ("ends beyond all dates", &plain, c().after_now(), "1e300", GOOD),
        ("before the epoch", &plain, c().after_now(), "-1", INVALID),
        ("begun", &plain, c().not_before(), "1000", GOOD),
        ("begins with the leeway", &plain, c().not_before(), "1010", GOOD),
        ("begins a fraction after it", &plain, c().not_before(), "1010.000001", "not_yet_valid"),
        ("begins after it", &plain, c().not_before(), "1011", "not_yet_valid"),
        ("never begins", &plain, c().not_before(), "1e300", "not_yet_valid"),
        ("issued within the leeway", &plain, c().not_in_future(), "1010", GOOD),
        ("issued after it", &plain, c().not_in_future(), "1011", "issued_in_future"),
        ("just within the age", &plain, c().within_last(minute), "930", GOOD),
        ("a fraction too old", &plain, c().within_last(minute), "929.999999", "expired"),
        ("too old", &plain, c().within_last(minute), "929", "expired"),
        ("just not in the future", &plain, c().within_last(minute), "1010", GOOD),
        ("in the future", &plain, c().within_last(minute), "1011", "expired"),
        ("no age at all", &plain, c().within_last(Duration::ZERO), "990", GOOD),
        ("older than no age at all", &plain, c().within_last(Duration::ZERO), "989", "expired"),
        ("logged in just within the age", &max_age, c().within_max_age(), "930", GOOD),
        ("logged in before", &max_age, c().within_max_age(), "929", "authentication_too_old"),
        ("logged in just not in the future", &max_age, c().within_max_age(), "1010", GOOD),
        ("logged in in the future", &max_age, c().within_max_age(), "1011", "authentication_too_old"),
        ("logged in at any time", &plain, c().within_max_age(), "0", GOOD),
        ("logged in at no date", &plain, c().within_max_age(), r#""930""#, INVALID),
        ("any date", &plain, c().numeric_date(), "0", GOOD),
        ("any date with a fraction", &plain, c().numeric_date(), "0.5", GOOD),
        ("no date", &plain, c().numeric_date(), "-0.5", INVALID),
    ] {
        assert_eq!(case.verdict(&rule, &format!(r#"{{"c":{value}}}"#)), expected, "{name}");
    }
}

#[test]
fn a_lifetime_is_from_the_first_date_that_it_may_begin_with() {
    let between = claim("exp").ends_lifetime(Duration::from_secs(60), Some(Duration::from_secs(120)));
    let at_least = claim("exp").ends_lifetime(Duration::from_secs(60), None);
    let any = claim("exp").ends_lifetime(Duration::ZERO, Some(Duration::from_secs(120)));
    const OUT: &str = "lifetime_out_of_bounds";
    for (name, rule, json, expected) in [
        ("shorter", &between, r#"{"iat":100,"exp":159}"#, OUT),
        ("shorter by a fraction", &between, r#"{"iat":100.000001,"exp":160}"#, OUT),
        ("the shortest", &between, r#"{"iat":100,"exp":160}"#, GOOD),
        ("the longest", &between, r#"{"iat":100,"exp":220}"#, GOOD),
        ("longer by a fraction", &between, r#"{"iat":100,"exp":220.000001}"#, OUT),
        ("longer", &between, r#"{"iat":100,"exp":221}"#, OUT),
        ("backwards", &between, r#"{"iat":220,"exp":100}"#, OUT),
        ("without an upper bound", &at_least, r#"{"iat":100,"exp":18446744073709551615}"#, GOOD),
        ("without an upper bound, shorter", &at_least, r#"{"iat":100,"exp":159}"#, OUT),
        ("from nbf", &between, r#"{"nbf":100,"exp":160}"#, GOOD),
        ("from nbf, shorter", &between, r#"{"nbf":100,"exp":159}"#, OUT),
        ("iat goes before nbf", &between, r#"{"nbf":100,"iat":150,"exp":160}"#, OUT),
        ("iat goes before nbf, the other way", &between, r#"{"nbf":150,"iat":100,"exp":160}"#, GOOD),
        ("from nowhere", &between, r#"{"exp":160}"#, OUT),
        ("from nowhere, where none is needed", &any, r#"{"exp":160}"#, GOOD),
        ("from no date", &between, r#"{"iat":"100","exp":160}"#, INVALID),
        ("from null", &between, r#"{"iat":null,"nbf":100,"exp":160}"#, INVALID),
        ("from iat, whatever nbf is", &between, r#"{"iat":100,"nbf":"soon","exp":160}"#, GOOD),
        ("to no date", &between, r#"{"iat":100,"exp":"160"}"#, INVALID),
        ("to nowhere", &between, r#"{"iat":100}"#, MISSING),
    ] {
        assert_eq!(Case::default().verdict(rule, json), expected, "{name}");
    }
}

/// A cached verdict is judged again by its window alone, so the window ends where the rule does.
#[test]
fn promise_6_the_window_is_where_the_verdict_changes() {
    const STEP: Duration = Duration::from_nanos(1);
    let c = || claim("c");
    let minute = Duration::from_secs(60);
    let expected = Expected { max_age: Some(minute), ..Expected::default() };
    let case = |now| Case { now, ..Case::expecting(expected) };
    let at = UnixTime::from_secs;
    for (name, rule, value, from, until) in [
        ("exp", c().after_now(), "1000", 0, Some((1010, 0))),
        ("nbf", c().not_before(), "1000", 990, None),
        ("iat", c().not_in_future(), "1000.5", 990, None),
        ("an age", c().within_last(minute), "1000", 990, Some((1070, 1))),
        ("a login's age", c().within_max_age(), "1000", 990, Some((1070, 1))),
        ("a date near the epoch", c().not_before(), "5", 0, None),
    ] {
        let json = format!(r#"{{"c":{value}}}"#);
        let rules = std::slice::from_ref(&rule);
        let window = case(at(1000)).window(rules, &json).unwrap();
        assert_eq!(window.from.as_secs(), from, "{name}");
        assert!(case(window.from).window(rules, &json).is_ok(), "{name}: it begins");
        if window.from > at(0) {
            let before = window.from.saturating_sub(STEP);
            assert!(case(before).window(rules, &json).is_err(), "{name}: before it begins");
        }
        match until {
            Some((secs, nanos)) => {
                assert_eq!(window.until, UnixTime::from_duration(Duration::new(secs, nanos)), "{name}");
                let last = window.until.saturating_sub(STEP);
                assert_eq!(case(last).window(rules, &json), Ok(window), "{name}: its last moment");
                assert!(case(window.until).window(rules, &json).is_err(), "{name}: its end");
            }
            None => assert_eq!(window.until, Window::ALWAYS.until, "{name}"),
        }
    }
}

//! Scopes that are the members of an object, each with an end of its own.

use serde_json::Value;

use super::compiled::{Text, Texts};
use crate::{
    json,
    policy::{Moment, Window},
    time::UnixTime,
};

/// The scopes in force among the members of `claim`, in a payload that the strict pass accepted: those whose value is an object, unless an `exp`
/// in it has come. Narrows `window` to the time when none of them has.
///
/// A name with a space in it is no scope (RFC 6749 section 3.3), and must not count as several.
pub(super) fn in_force(payload: &str, claim: &str, moment: Moment, window: &mut Window) -> Option<Texts> {
    let claims: Value = json::read_again(payload).ok()?;
    let members = claims.get(claim)?.as_object()?;
    let mut scopes = Texts::new();
    for (name, value) in members {
        let Some(properties) = value.as_object().filter(|_| !name.contains(' ')) else { continue };
        match properties.get("exp").map(date) {
            Some(Some(exp)) if moment.now < exp.saturating_add(moment.leeway) => {
                window.narrow(UnixTime::from_secs(0), exp.saturating_add(moment.leeway));
            }
            Some(_) => continue,
            None => {}
        }
        scopes.push(Text::Owned(name.as_str().into()));
    }
    Some(scopes)
}

fn date(value: &Value) -> Option<UnixTime> {
    match value.as_u64() {
        Some(secs) => Some(UnixTime::from_secs(secs)),
        None => UnixTime::from_secs_f64(value.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_scope_counts_until_its_own_end() {
        const NOW: u64 = 1000;
        for (name, object, leeway, expected, until) in [
            ("none", "{}", 0, "", None),
            ("no end", r#"{"b":{},"a":{"mandatory":true}}"#, 0, "a b", None),
            ("just not ended", r#"{"a":{"exp":1001}}"#, 0, "a", Some(1001)),
            ("ends now", r#"{"a":{"exp":1000}}"#, 0, "", None),
            ("within the leeway", r#"{"a":{"exp":995}}"#, 6, "a", Some(1001)),
            (
                "the first end counts",
                r#"{"a":{"exp":1009},"b":{"exp":1005},"c":{"exp":7}}"#,
                0,
                "a b",
                Some(1005),
            ),
            ("a fraction", r#"{"a":{"exp":1000.5}}"#, 0, "a", Some(1000)),
            ("no date", r#"{"a":{"exp":"1001"},"b":{"exp":null},"c":{"exp":-1}}"#, 0, "", None),
            ("no object", r#"{"a":true,"b":null,"c":[],"d":1}"#, 0, "", None),
            ("a space", r#"{"a b":{},"c":{}}"#, 0, "c", None),
        ] {
            let payload = format!(r#"{{"s":{object}}}"#);
            let moment = Moment { now: UnixTime::from_secs(NOW), leeway: Duration::from_secs(leeway) };
            let mut window = Window::ALWAYS;
            let scopes = in_force(&payload, "s", moment, &mut window).unwrap();
            let texts: Vec<_> = scopes.iter().map(|text| text.get(&payload)).collect();
            assert_eq!(texts.join(" "), expected, "{name}");
            let ends = (window != Window::ALWAYS).then(|| window.until.as_secs());
            assert_eq!(ends, until, "{name}");
        }
        let moment = Moment { now: UnixTime::from_secs(NOW), leeway: Duration::ZERO };
        assert!(in_force(r#"{"s":[]}"#, "s", moment, &mut Window::ALWAYS.clone()).is_none());
    }
}

//! Durations as they are written: a whole number and a unit.

use std::time::Duration;

/// What is written where a duration is wanted.
pub(super) const FORM: &str = r#"a duration such as "500ms", "30s", "5m", "6h" or "1d""#;

/// Reads `500ms`, `30s`, `5m`, `6h` or `1d`.
///
/// # Errors
/// What is wrong with the text, without the text.
pub(super) fn read(text: &str) -> Result<Duration, String> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" if !digits.is_empty() => return Err(format!(r#"has no unit; write "{digits}s""#)),
        _ => return Err(format!("is not {FORM}")),
    };
    if digits.is_empty() {
        return Err(format!("is not {FORM}"));
    }
    let number: u64 = digits.parse().map_err(|_| too_long())?;
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(too_long)
}

fn too_long() -> String {
    "is longer than can be counted; write a shorter duration".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("0s", Ok(Duration::ZERO)),
            ("500ms", Ok(Duration::from_millis(500))),
            ("30s", Ok(Duration::from_secs(30))),
            ("5m", Ok(Duration::from_secs(300))),
            ("6h", Ok(Duration::from_secs(21_600))),
            ("1d", Ok(Duration::from_secs(86_400))),
            ("30", Err(r#"has no unit; write "30s""#)),
            ("", Err("is not a duration")),
            ("s", Err("is not a duration")),
            ("-5s", Err("is not a duration")),
            ("5 m", Err("is not a duration")),
            ("1m30s", Err("is not a duration")),
            ("1.5h", Err("is not a duration")),
            ("5M", Err("is not a duration")),
            ("99999999999999999999s", Err("is longer than can be counted")),
            ("999999999999999999d", Err("is longer than can be counted")),
        ] {
            match (read(text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text:?}"),
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{text:?}: {found}"),
                (found, expected) => panic!("{text:?}: {found:?}, not {expected:?}"),
            }
        }
    }
}

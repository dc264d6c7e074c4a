//! Whether a path can be what a row of a requirement table says.

/// A pattern that no path can be compared with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is no pattern of paths, or is in the way of another: {problem}")]
pub struct PatternError {
    pattern: Box<str>,
    problem: String,
}

impl PatternError {
    pub(super) fn new(pattern: &str, problem: impl Into<String>) -> Self {
        Self { pattern: pattern.into(), problem: problem.into() }
    }
}

/// Why no path can be what a row says; what stands in braces is a name.
pub(super) fn no_path(text: &str) -> Option<&'static str> {
    if !text.starts_with('/') {
        return Some("a path begins with a slash");
    }
    let mut is_name = false;
    text.chars().find_map(|character| {
        match character {
            '{' => is_name = true,
            '}' => is_name = false,
            _ => {}
        }
        match character {
            _ if is_name => None,
            '?' => Some("a query is no part of a path"),
            '#' => Some("a fragment is no part of a request"),
            _ if character.is_whitespace() || character.is_control() => {
                Some("no path has white space or a control character in it; write %20 for a space")
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use http::Method;

    use crate::{middleware::RequirementTable, policy::scope};

    #[test]
    fn a_pattern_that_no_path_can_be_compared_with_is_named() {
        for (pattern, good) in [
            ("/a", true),
            ("/a/{b}", true),
            ("/a/{*b}", true),
            ("/{*b}/c", false),
            ("/{b", false),
            ("/{}", false),
            ("/", true),
            ("/caf%C3%A9/a;b=c", true),
            ("/{what?}/a", true),
            ("/x?q", false),
            ("/{id}?q={q}", false),
            ("/a#b", false),
            ("/a b", false),
            ("/a\tb", false),
            ("/a\u{a0}b", false),
            ("/a\u{7f}", false),
            ("a", false),
            ("", false),
            ("*", false),
            ("https://api.example/a", false),
        ] {
            let table = RequirementTable::new().route(Method::GET, pattern, scope("a"));
            let result = table.check_patterns().map_err(|error| error.to_string());
            assert_eq!(result.is_ok(), good, "{pattern}: {result:?}");
            if let Err(text) = result {
                assert!(text.contains(&format!("{pattern:?}")), "{text}");
            }
        }
    }

    #[test]
    fn rows_of_every_kind_are_compared() {
        let table = RequirementTable::new;
        for (name, table, problem) in [
            ("gRPC", table().grpc("a.B/C", scope("a")), "a path begins with a slash"),
            ("open", table().open("/health?full"), "a query is no part of a path"),
            ("a prefix", table().open_under("public/"), "a path begins with a slash"),
            ("a good row before", table().open("/a").open("/b#c"), "a fragment is no part of a request"),
        ] {
            let error = table.check_patterns().unwrap_err().to_string();
            assert!(error.ends_with(problem), "{name}: {error}");
        }
    }
}

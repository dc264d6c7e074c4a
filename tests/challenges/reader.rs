//! A reader of challenges by the grammar (RFC 9110 section 11.6.1), and by nothing else.

/// A challenge: its scheme and parameters, in the order in which they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub scheme: String,
    pub parameters: Vec<(String, String)>,
}

/// All challenges of a field, or of several that were joined by commas; `None` for what is none.
pub fn read(field: &str) -> Option<Vec<Challenge>> {
    let mut rest = field;
    let mut challenges: Vec<Challenge> = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(challenges);
        }
        let name = token(&mut rest)?;
        if rest.starts_with('=') {
            rest = &rest[1..];
            let value = if rest.starts_with('"') { quoted(&mut rest)? } else { token(&mut rest)? };
            challenges.last_mut()?.parameters.push((name, value));
            if !(rest.is_empty() || rest.starts_with(',')) {
                return None;
            }
        } else {
            if !(rest.is_empty() || rest.starts_with([' ', ','])) {
                return None;
            }
            challenges.push(Challenge { scheme: name, parameters: Vec::new() });
        }
    }
}

/// RFC 9110 section 5.6.2.
fn token(rest: &mut &str) -> Option<String> {
    let is_tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = rest.find(|c| !is_tchar(c)).unwrap_or(rest.len());
    let (token, behind) = rest.split_at(end);
    *rest = behind;
    (!token.is_empty()).then(|| token.to_owned())
}

/// RFC 9110 section 5.6.4.
fn quoted(rest: &mut &str) -> Option<String> {
    let mut characters = rest.strip_prefix('"')?.chars();
    let mut value = String::new();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
    *rest = characters.as_str();
    Some(value)
}

#[test]
fn the_reader_goes_by_the_grammar() {
    let one = |scheme: &str, parameters: &[(&str, &str)]| Challenge {
        scheme: scheme.to_owned(),
        parameters: parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    };
    for (field, expected) in [
        ("Bearer", Some(vec![one("Bearer", &[])])),
        (r#"A b="c\"\\d, e=f", g=h"#, Some(vec![one("A", &[("b", r#"c"\d, e=f"#), ("g", "h")])])),
        ("A, B c=d, E", Some(vec![one("A", &[]), one("B", &[("c", "d")]), one("E", &[])])),
        (r#"A b="c"#, None),
        (r#"A b="c"d"#, None),
        ("b=c", None),
        ("A\"", None),
        ("A b=", None),
    ] {
        assert_eq!(read(field), expected, "{field}");
    }
}

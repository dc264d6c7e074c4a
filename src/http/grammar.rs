//! How the value of an `Authorization` field is cut into tokens: the grammar of a scheme, as data.
//!
//! | | the default | others |
//! |---|---|---|
//! | scheme | `Bearer`, in any case | any name; in exactly this case |
//! | between the parts | one or more spaces (RFC 9110 section 11.4) | any white space; exactly one space |
//! | the token | stands by itself (`token68`) | in a quoted parameter: `Layer session-token="…"` |
//! | another scheme | no credentials | malformed ones |

/// What stands between the scheme and the tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spacing {
    /// One or more spaces, and none at the end.
    #[default]
    Spaces,
    /// Any run of spaces and tabs, also in front and at the end.
    Whitespace,
    /// Exactly one space.
    SingleSpace,
}

/// How the value of an `Authorization` field is cut into tokens.
///
/// ```
/// use tower_resource_server::http::{Grammar, Spacing};
///
/// let session = Grammar::scheme("Layer").parameter("session-token");
/// let lenient = Grammar::bearer().spacing(Spacing::Whitespace);
/// # let _ = (session, lenient);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Grammar {
    scheme: Box<str>,
    exact_case: bool,
    spacing: Spacing,
    parameter: Option<Box<str>>,
    refuses_others: bool,
}

/// What an `Authorization` field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut<'a> {
    /// Nothing, or the credentials of another scheme.
    Nothing,
    Tokens {
        first: &'a [u8],
        second: Option<&'a [u8]>,
    },
    Malformed,
}

impl Default for Grammar {
    fn default() -> Self {
        Self::bearer()
    }
}

impl Grammar {
    /// `Bearer <token>` (RFC 6750 section 2.1).
    pub fn bearer() -> Self {
        Self::scheme("Bearer")
    }

    /// The token of another scheme (RFC 9110 section 11.4). `build()` refuses a name that is no token.
    pub fn scheme(name: impl Into<Box<str>>) -> Self {
        Self {
            scheme: name.into(),
            exact_case: false,
            spacing: Spacing::default(),
            parameter: None,
            refuses_others: false,
        }
    }

    /// Takes the scheme in no other case than this, against RFC 9110 section 11.1, where clients
    /// are used to a server that does so.
    pub fn exact_case(mut self, exact: bool) -> Self {
        self.exact_case = exact;
        self
    }

    /// What stands between the scheme and the tokens.
    pub fn spacing(mut self, spacing: Spacing) -> Self {
        self.spacing = spacing;
        self
    }

    /// The token is the value of this parameter, in double or single quotes.
    pub fn parameter(mut self, name: impl Into<Box<str>>) -> Self {
        self.parameter = Some(name.into());
        self
    }

    /// Takes credentials of another scheme for malformed ones instead of none.
    pub fn refuse_other_schemes(mut self, refuse: bool) -> Self {
        self.refuses_others = refuse;
        self
    }

    /// The names that are no tokens (RFC 9110 section 5.6.2).
    pub(crate) fn problem(&self) -> Option<String> {
        [Some(&self.scheme), self.parameter.as_ref()]
            .into_iter()
            .flatten()
            .find(|name| !is_token(name))
            .map(|name| format!("credentials: {name:?} cannot name a scheme or a parameter; use a token"))
    }

    /// Cuts a value; a second token is looked for only when `pairs` may come.
    #[inline]
    pub(super) fn cut<'a>(&self, value: &'a [u8], pairs: bool) -> Cut<'a> {
        match self.spacing {
            Spacing::Spaces => self.cut_at_spaces(value, pairs),
            Spacing::Whitespace => self.cut_into_parts(Parts { rest: Some(value), runs: true }, pairs),
            Spacing::SingleSpace => self.cut_into_parts(Parts { rest: Some(value), runs: false }, pairs),
        }
    }

    fn cut_into_parts<'a>(&self, mut parts: Parts<'a>, pairs: bool) -> Cut<'a> {
        let is_empty = parts.rest == Some(&[]);
        match parts.next() {
            None => return Cut::Nothing,
            Some([]) if is_empty => return Cut::Nothing,
            Some(scheme) if self.is_scheme(scheme) => {}
            Some(_) => return self.other_scheme(),
        }
        match (parts.next(), parts.next(), parts.next()) {
            (Some(first), None, _) => self.token(first, None),
            (Some(first), second @ Some(_), None) if pairs => self.token(first, second),
            _ => Cut::Malformed,
        }
    }

    #[inline]
    fn cut_at_spaces<'a>(&self, value: &'a [u8], pairs: bool) -> Cut<'a> {
        let Some((head, rest)) = value.split_at_checked(self.scheme.len()) else {
            return if value.is_empty() { Cut::Nothing } else { self.other_scheme() };
        };
        // A scheme ends where its name does. A space is what follows it; another character is either
        // part of another, longer name, or a grammar that this scheme does not have.
        let tokens = match rest {
            _ if !self.is_scheme(head) => return self.other_scheme(),
            [b' ', ..] => after_spaces(rest),
            [] | [b'\t' | b',' | b'=' | b'"', ..] => return Cut::Malformed,
            _ => return self.other_scheme(),
        };
        // Where one token is taken, a space is a character like any other that no token has.
        match if pairs { memchr::memchr(b' ', tokens) } else { None } {
            Some(space) => {
                let (first, rest) = tokens.split_at(space);
                self.token(first, Some(after_spaces(rest)))
            }
            None => self.token(tokens, None),
        }
    }

    /// An empty token is none, and must not look like its absence to anyone further on.
    #[inline]
    fn token<'a>(&self, first: &'a [u8], second: Option<&'a [u8]>) -> Cut<'a> {
        let first = match &self.parameter {
            None => Some(first),
            Some(name) => quoted(first, name),
        };
        match first {
            Some(first) if !first.is_empty() && second.is_none_or(|second| !second.is_empty()) => {
                Cut::Tokens { first, second }
            }
            _ => Cut::Malformed,
        }
    }

    fn is_scheme(&self, name: &[u8]) -> bool {
        let scheme = self.scheme.as_bytes();
        // Nearly every client writes it as the registry does, and equal bytes are compared at once.
        name == scheme || (!self.exact_case && name.eq_ignore_ascii_case(scheme))
    }

    const fn other_scheme<'a>(&self) -> Cut<'a> {
        if self.refuses_others { Cut::Malformed } else { Cut::Nothing }
    }
}

/// The parts of a value between single spaces, or between runs of white space. They are found by a
/// search for what separates them: looking at each byte would cost more than a cached token does.
struct Parts<'a> {
    rest: Option<&'a [u8]>,
    runs: bool,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let rest = self.rest?;
            let end = if self.runs { memchr::memchr2(b' ', b'\t', rest) } else { memchr::memchr(b' ', rest) };
            let (part, rest) = match end {
                Some(end) => (rest.get(..end)?, rest.get(end + 1..)),
                None => (rest, None),
            };
            self.rest = rest;
            if !(self.runs && part.is_empty()) {
                return Some(part);
            }
        }
    }
}

/// The value of the one parameter `name="…"` or `name='…'`.
fn quoted<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(name.len())?;
    if !head.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    match rest {
        [b'=', b'"', value @ .., b'"'] | [b'=', b'\'', value @ .., b'\''] => Some(value),
        _ => None,
    }
}

/// Spaces only: a tab is white space to many, and no part of RFC 9110's grammar.
fn after_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_grammar_cuts_as_its_row_says() {
        let plain = Grammar::bearer();
        let lenient =
            Grammar::bearer().exact_case(true).spacing(Spacing::Whitespace).refuse_other_schemes(true);
        let single = Grammar::bearer().exact_case(true).spacing(Spacing::SingleSpace);
        let alone = single.clone().refuse_other_schemes(true);
        let session = Grammar::scheme("Layer").parameter("session-token");
        for (name, grammar, value, pairs, expected) in [
            ("plain", &plain, "bEARER a", false, "a"),
            ("plain, spaces", &plain, "Bearer   a", false, "a"),
            ("plain, pair", &plain, "Bearer a  b", true, "a|b"),
            ("plain, another scheme", &plain, "Basic a", false, "nothing"),
            ("plain, a longer scheme", &plain, "BearerX a", false, "nothing"),
            ("plain, nothing", &plain, "", false, "nothing"),
            ("plain, short", &plain, "a", false, "nothing"),
            ("plain, scheme alone", &plain, "Bearer", false, "malformed"),
            ("plain, tab", &plain, "Bearer\ta", false, "malformed"),
            ("plain, pair ends", &plain, "Bearer a ", true, "malformed"),
            ("lenient", &lenient, "Bearer a", true, "a"),
            ("lenient, tabs", &lenient, " \tBearer \t a\tb ", true, "a|b"),
            ("lenient, end", &lenient, "Bearer a \t", true, "a"),
            ("lenient, no pairs", &lenient, "Bearer a b", false, "malformed"),
            ("lenient, three", &lenient, "Bearer a b c", true, "malformed"),
            ("lenient, case", &lenient, "bearer a", true, "malformed"),
            ("lenient, another scheme", &lenient, "Basic a", true, "malformed"),
            ("lenient, scheme alone", &lenient, "Bearer", true, "malformed"),
            ("lenient, nothing", &lenient, "", true, "nothing"),
            ("lenient, blanks", &lenient, " \t", true, "nothing"),
            ("single", &single, "Bearer a b", true, "a|b"),
            ("single, two spaces", &single, "Bearer  a", true, "malformed"),
            ("single, end", &single, "Bearer a ", true, "malformed"),
            ("single, tab is a character", &single, "Bearer\ta", true, "nothing"),
            ("single, nothing", &single, "", true, "nothing"),
            ("single, case", &single, "bearer a", true, "nothing"),
            ("single, three", &single, "Bearer a b c", true, "malformed"),
            ("single, no pairs", &single, "Bearer a b", false, "malformed"),
            ("single alone, a space in front", &alone, " Bearer a", true, "malformed"),
            ("single alone, another scheme", &alone, "Basic a", true, "malformed"),
            ("single alone, nothing", &alone, "", true, "nothing"),
            ("session", &session, r#"Layer session-token="a""#, false, "a"),
            ("session, single quotes", &session, "layer Session-Token='a'", false, "a"),
            ("session, mixed quotes", &session, r#"Layer session-token="a'"#, false, "malformed"),
            ("session, no quotes", &session, "Layer session-token=a", false, "malformed"),
            ("session, one quote", &session, r#"Layer session-token=""#, false, "malformed"),
            ("session, empty", &session, r#"Layer session-token="""#, false, "malformed"),
            ("session, another parameter", &session, r#"Layer token="a""#, false, "malformed"),
            ("session, token alone", &session, "Layer a", false, "malformed"),
            ("session, bearer", &session, "Bearer a", false, "nothing"),
        ] {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let cut = match grammar.cut(value.as_bytes(), pairs) {
                Cut::Nothing => "nothing".to_owned(),
                Cut::Malformed => "malformed".to_owned(),
                Cut::Tokens { first, second: None } => text(first),
                Cut::Tokens { first, second: Some(second) } => format!("{}|{}", text(first), text(second)),
            };
            assert_eq!(cut, expected, "{name}");
        }
    }

    #[test]
    fn names_are_tokens() {
        assert_eq!(Grammar::scheme("X-1").parameter("a_b").problem(), None);
        for bad in [Grammar::scheme(""), Grammar::scheme("a b"), Grammar::bearer().parameter("a\"")] {
            assert!(bad.problem().is_some(), "{bad:?}");
        }
    }
}

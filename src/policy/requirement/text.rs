//! The text form of a requirement, for flags, files and logs: read, with the place of each error.

use std::str::FromStr;

use super::{Leaf, RequiredDetails, Requirement, is_scope_token, leaf::ClaimTest};
use crate::{policy::searched_parameter, token::ClaimPath};

/// As deep as parentheses may nest.
const MAX_DEPTH: usize = 64;

/// A text is no requirement: what is wrong with it, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {what}", .at + 1)]
pub struct RequirementError {
    at: usize,
    what: Box<str>,
}

impl RequirementError {
    /// Where the mistake is: the number of characters before it.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// What is wrong there.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.what
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let requirement = reader.alternatives()?;
        reader.skip_space();
        match reader.rest() {
            "" => Ok(requirement),
            rest if rest.starts_with(')') => reader.fail("there is no `(` before this `)`"),
            _ => reader.fail("`and` or `or` is expected here"),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, RequirementError>;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fail<T>(&self, what: impl Into<Box<str>>) -> Read<T> {
        self.fail_at(self.at, what)
    }

    fn fail_at<T>(&self, byte: usize, what: impl Into<Box<str>>) -> Read<T> {
        let at = self.text.get(..byte).unwrap_or_default().chars().count();
        Err(RequirementError { at, what: what.into() })
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The next word, without taking it: what is before white space, a parenthesis or a quote.
    fn word(&mut self) -> &'a str {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'));
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    }

    /// Takes `expected`, if it is the next word.
    fn takes_word(&mut self, expected: &str) -> bool {
        let is_next = self.word() == expected;
        self.at += if is_next { expected.len() } else { 0 };
        is_next
    }

    fn takes(&mut self, sign: char) -> bool {
        self.skip_space();
        let is_next = self.rest().starts_with(sign);
        self.at += if is_next { sign.len_utf8() } else { 0 };
        is_next
    }

    fn alternatives(&mut self) -> Read<Requirement> {
        let mut whole = self.conjunction()?;
        while self.takes_word("or") {
            whole = whole.or(self.conjunction()?);
        }
        Ok(whole)
    }

    fn conjunction(&mut self) -> Read<Requirement> {
        let mut whole = self.one()?;
        while self.takes_word("and") {
            whole = whole.and(self.one()?);
        }
        Ok(whole)
    }

    fn one(&mut self) -> Read<Requirement> {
        self.skip_space();
        let begin = self.at;
        if self.takes('(') {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return self.fail_at(begin, format!("parentheses nest at most {MAX_DEPTH} deep"));
            }
            let inner = self.alternatives()?;
            self.depth -= 1;
            return if self.takes(')') { Ok(inner) } else { self.fail("a `)` is missing here") };
        }
        let word = self.word();
        self.at += word.len();
        match word {
            "any_token" => return Ok(Requirement::any_token()),
            "anonymous" => return Ok(Requirement::anonymous()),
            "never" => return Ok(Requirement::never()),
            "sender_constrained" => return Ok(Leaf::SenderConstrained.into()),
            "" => return self.fail("a requirement is expected here, such as `scope(orders:read)`"),
            "and" | "or" => return self.fail_at(begin, format!("a requirement is expected before `{word}`")),
            "predicate" => {
                return self
                    .fail_at(begin, "a predicate is a function of the application, and has no text form");
            }
            name if !NAMES.contains(&name) => {
                let names = NAMES.join(", ");
                let text =
                    format!("`{name}` is no requirement; those are {names}, any_token, anonymous and never");
                return self.fail_at(begin, text);
            }
            _ => {}
        }
        if !self.takes('(') {
            return self.fail(format!("a `(` is expected after `{word}`"));
        }
        let leaf = self.leaf(word)?;
        if self.takes(')') { Ok(leaf.into()) } else { self.fail("a `)` is missing here") }
    }

    /// What is between the parentheses of a leaf.
    fn leaf(&mut self, name: &str) -> Read<Leaf> {
        self.skip_space();
        let begin = self.at;
        Ok(match name {
            "scope" => Leaf::Scopes(self.scope_tokens("scope")?),
            "any_scope" => Leaf::AnyScope(self.scope_tokens("scope")?),
            "role" => Leaf::Roles(self.values()?),
            "any_role" => Leaf::AnyRole(self.values()?),
            "claim" => self.claim()?,
            "acr" => Leaf::Acr(self.scope_tokens("class of acr_values")?),
            "amr" => Leaf::Amr(self.values()?),
            "max_age" => {
                let (_, seconds) = self.only_value()?;
                let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
                match seconds.parse().ok().filter(|_| digits) {
                    Some(seconds) => Leaf::MaxAge(seconds),
                    None => return self.fail_at(begin, "a number of seconds is expected here"),
                }
            }
            "client" => Leaf::Client(self.values()?),
            "issuer" => Leaf::Issuer(self.only_value()?.1),
            "audience" => Leaf::Audience(self.only_value()?.1),
            "authorization_details" => Leaf::Details(self.details()?),
            // `actor`
            _ => {
                let subjects = self.values_as_written()?;
                match subjects.iter().find(|(_, quoted, subject)| !quoted && &**subject == "none") {
                    None => Leaf::Actor(subjects.into_iter().map(|(.., subject)| subject).collect()),
                    Some(_) if subjects.len() == 1 => Leaf::NotDelegated,
                    Some((at, ..)) => return self.fail_at(*at, "`none` is no actor beside others"),
                }
            }
        })
    }

    /// `PATH = "text"`, `PATH in "a" "b"`, `PATH contains "a"`, `PATH is true`.
    fn claim(&mut self) -> Read<Leaf> {
        let begin = self.at;
        let path = if self.rest().starts_with('"') {
            self.quoted()?
        } else {
            let rest = self.rest();
            let path = rest.split(char::is_whitespace).next().unwrap_or_default();
            self.at += path.len();
            path.into()
        };
        if path.is_empty() && self.at == begin {
            return self.fail("the name of a claim, or a JSON Pointer, is expected here");
        }
        let path = ClaimPath::from(&*path);
        if let Some(problem) = path.problem() {
            return self.fail_at(begin, problem);
        }
        self.skip_space();
        let test = if self.takes('=') {
            ClaimTest::Equals(self.quoted()?)
        } else if self.takes_word("in") {
            ClaimTest::OneOf(self.quoted_list()?)
        } else if self.takes_word("contains") {
            ClaimTest::ContainsAny([self.quoted()?].into())
        } else if self.takes_word("contains_any") {
            ClaimTest::ContainsAny(self.quoted_list()?)
        } else if self.takes_word("contains_all") {
            ClaimTest::all_of(self.quoted_list()?)
        } else if self.takes_word("is") {
            if !self.takes_word("true") {
                return self.fail("`true` is expected after `is`");
            }
            ClaimTest::IsTrue
        } else {
            return self
                .fail("`=`, `in`, `contains`, `contains_any`, `contains_all` or `is true` is expected here");
        };
        Ok(Leaf::Claim(path, test))
    }

    /// `TYPE action "a" location "b"`.
    fn details(&mut self) -> Read<RequiredDetails> {
        let Some((_, kind)) = self.value()? else { return self.fail("a type is expected here") };
        let mut details = RequiredDetails::new(kind);
        loop {
            if self.takes_word("action") {
                details = details.action(self.quoted()?);
            } else if self.takes_word("location") {
                details = details.location(self.quoted()?);
            } else {
                return Ok(details);
            }
        }
    }

    fn quoted_list(&mut self) -> Read<Box<[Box<str>]>> {
        let mut texts = vec![self.quoted()?];
        loop {
            self.skip_space();
            if !self.rest().starts_with('"') {
                return Ok(texts.into());
            }
            texts.push(self.quoted()?);
        }
    }

    fn quoted(&mut self) -> Read<Box<str>> {
        self.skip_space();
        let begin = self.at;
        if !self.takes('"') {
            return self.fail("a text in quotes is expected here");
        }
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((n, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += n + 1;
                    return Ok(text.into());
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    _ => return self.fail_at(self.at + n, r#"`\` stands before `"` or `\` only"#),
                },
                character => text.push(character),
            }
        }
        self.fail_at(begin, "the text that begins here has no end")
    }

    /// One value, and whether it is in quotes; `None` before a `)` or the end.
    fn value(&mut self) -> Read<Option<(bool, Box<str>)>> {
        let word = self.word();
        if self.rest().starts_with('"') {
            return self.quoted().map(|text| Some((true, text)));
        }
        self.at += word.len();
        Ok((!word.is_empty()).then(|| (false, word.into())))
    }

    /// Values, each with its place and whether it is in quotes.
    fn values_as_written(&mut self) -> Read<Vec<(usize, bool, Box<str>)>> {
        let mut values = Vec::new();
        self.skip_space();
        let mut at = self.at;
        while let Some((quoted, value)) = self.value()? {
            values.push((at, quoted, value));
            self.skip_space();
            at = self.at;
        }
        if values.is_empty() { self.fail("a value is expected here") } else { Ok(values) }
    }

    fn values(&mut self) -> Read<Box<[Box<str>]>> {
        Ok(self.values_as_written()?.into_iter().map(|(.., value)| value).collect())
    }

    fn only_value(&mut self) -> Read<(bool, Box<str>)> {
        match self.value()? {
            Some(value) => Ok(value),
            None => self.fail("a value is expected here"),
        }
    }

    fn scope_tokens(&mut self, what: &str) -> Read<Box<[Box<str>]>> {
        let scopes = self.values_as_written()?;
        for (at, _, scope) in &scopes {
            if let Some(name) = searched_parameter(scope) {
                let text = format!("a {what} cannot hold `{name}`: clients search a challenge for it");
                return self.fail_at(*at, text);
            }
            if !is_scope_token(scope) {
                let text = format!("a {what} is one or more of the characters %x21 / %x23-5B / %x5D-7E");
                return self.fail_at(*at, text);
            }
        }
        Ok(scopes.into_iter().map(|(.., scope)| scope).collect())
    }
}

/// What stands before a `(`.
const NAMES: [&str; 13] = [
    "scope",
    "any_scope",
    "role",
    "any_role",
    "claim",
    "acr",
    "amr",
    "max_age",
    "client",
    "issuer",
    "audience",
    "actor",
    "authorization_details",
];

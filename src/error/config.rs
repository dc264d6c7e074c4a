//! What is wrong with a configuration.

use std::fmt;

/// Everything that is wrong with a configuration, found at once when it is built.
///
/// ```
/// use tower_resource_server::ResourceServer;
///
/// let error = ResourceServer::builder("https://api.example").build().unwrap_err();
/// let problem = &error.problems()[0];
/// assert_eq!((problem.path(), problem.code()), ("issuers", "no_issuer"));
/// assert_eq!(problem.to_string(), "issuer: none is trusted; add one with .issuer(..)");
/// assert_eq!(problem.instead(), Some("add one with .issuer(..)"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

/// One thing that cannot work in a configuration. Its `Display` says what, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    path: String,
    code: &'static str,
    text: String,
}

impl ConfigError {
    /// `Ok(value)` when there are no problems.
    pub(crate) fn unless_empty<T>(problems: Vec<impl Into<ConfigProblem>>, value: T) -> Result<T, Self> {
        if problems.is_empty() { Ok(value) } else { Err(Self::from_problems(problems)) }
    }

    /// What was found, where nothing can be built without it.
    pub(crate) fn from_problems(problems: Vec<impl Into<ConfigProblem>>) -> Self {
        Self { problems: problems.into_iter().map(Into::into).collect() }
    }

    /// The problems, in the order they were found; never empty.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "; " })?;
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl ConfigProblem {
    /// `text` is what is wrong, a semicolon, and what to write instead.
    pub(crate) fn new(path: impl Into<String>, code: &'static str, text: impl Into<String>) -> Self {
        Self { path: path.into(), code, text: text.into() }
    }

    /// Which setting: `issuers[1].profile`. Issuers are counted from 0, in the order in which they were
    /// given.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong, as a word for programs: `no_issuer`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong, and what to write instead.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What to write instead.
    #[must_use]
    pub fn instead(&self) -> Option<&str> {
        self.text.rsplit_once("; ").map(|(_, instead)| instead)
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A problem of one setting by itself: what stands before the first colon is its path.
impl From<String> for ConfigProblem {
    fn from(text: String) -> Self {
        let path = text.split_once(": ").map_or("", |(path, _)| path);
        let path = if path.contains(' ') { String::new() } else { path.to_owned() };
        Self::new(path, "invalid_setting", text)
    }
}

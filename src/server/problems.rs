//! What cannot work in a configuration, as it is found.

use crate::error::ConfigProblem;

/// Collects problems of one setting, under its path and the words that it is called by.
pub(super) struct Problems<'a> {
    all: &'a mut Vec<ConfigProblem>,
    path: String,
    label: String,
}

impl<'a> Problems<'a> {
    pub(super) fn of(
        all: &'a mut Vec<ConfigProblem>,
        path: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self { all, path: path.into(), label: label.into() }
    }

    /// The words that the setting is called by.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// A part of the setting.
    pub(super) fn part(&mut self, path: &str, label: &str) -> Problems<'_> {
        let (path, label) = (format!("{}.{path}", self.path), format!("{}{label}", self.label));
        Problems { all: self.all, path, label }
    }

    /// `text` is what is wrong, a semicolon, and what to write instead.
    pub(super) fn add(&mut self, code: &'static str, text: impl AsRef<str>) {
        let text = format!("{}: {}", self.label, text.as_ref());
        self.all.push(ConfigProblem::new(self.path.as_str(), code, text));
    }

    pub(super) fn refuse(&mut self, holds: bool, code: &'static str, text: &str) {
        if holds {
            self.add(code, text);
        }
    }

    pub(super) fn extend<T: AsRef<str>>(&mut self, code: &'static str, texts: impl IntoIterator<Item = T>) {
        for text in texts {
            self.add(code, text);
        }
    }

    /// The value, where there is one.
    pub(super) fn keep<T>(&mut self, code: &'static str, result: Result<T, String>) -> Option<T> {
        result.map_err(|text| self.add(code, text)).ok()
    }
}

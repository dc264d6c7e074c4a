//! What the parties say to each other, step by step.

use std::sync::{Arc, Mutex, PoisonError};

/// Notes each message; clones share the notes.
#[derive(Clone, Default)]
pub(crate) struct Transcript {
    steps: Arc<Mutex<Vec<String>>>,
    printed: bool,
}

impl Transcript {
    /// Also prints what it notes.
    pub(crate) fn printed() -> Self {
        Self { printed: true, ..Self::default() }
    }

    pub(crate) fn title(&self, title: &str) {
        self.note(format!("\n{title}\n"));
    }

    /// One message from one party to another.
    pub(crate) fn say(&self, from: &str, to: &str, what: impl AsRef<str>) {
        self.note(format!("  {from:>21} → {to:<21}  {}", what.as_ref()));
    }

    /// What was noted so far.
    #[allow(dead_code, reason = "for the test that shares this file")]
    pub(crate) fn steps(&self) -> Vec<String> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, step: String) {
        if self.printed {
            println!("{step}");
        }
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }
}

/// The end of a token or an id: enough to tell two apart, and of no use to who reads along.
pub(crate) fn shortened(token: &str) -> String {
    let end: String = token.chars().skip(token.chars().count().saturating_sub(6)).collect();
    format!("…{end}")
}

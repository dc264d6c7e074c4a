//! The operations that no row of a requirement table lists, each told once.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use http::Method;

use super::ResourceServer;

/// As many are remembered; an application has no more routes that were forgotten than it has routes.
const MAX_OPERATIONS: usize = 1024;

/// Operations, as `METHOD PATTERN`.
#[derive(Debug, Default)]
pub(super) struct Unlisted(Mutex<BTreeSet<String>>);

impl ResourceServer {
    /// The operations that were asked for and that no row of a
    /// [`RequirementTable`](crate::middleware::RequirementTable) of this server lists, each as its method and
    /// the pattern of its route: they get the strictest requirement. Each is also logged once, and stands in the
    /// health document. Only routes that axum matched are told, since a path is a text of the request.
    #[must_use]
    pub fn unlisted_operations(&self) -> Vec<String> {
        let seen = self.0.unlisted.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().cloned().collect()
    }

    pub(crate) fn note_unlisted(&self, method: &Method, pattern: &str) {
        let mut seen = self.0.unlisted.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A method of its own is a text of the request.
        let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let method = if known.contains(method) { method.as_str() } else { "*" };
        let operation = format!("{method} {pattern}");
        if seen.len() < MAX_OPERATIONS && !seen.contains(&operation) {
            tracing::warn!(operation, "no row of the requirement table lists this operation");
            seen.insert(operation);
        }
    }
}

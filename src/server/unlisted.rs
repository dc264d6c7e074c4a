//! The operations that no row of a requirement table lists, each told once.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use http::Method;

use super::ResourceServer;

/// As many are remembered; an application has no more routes that were forgotten than it has routes.
const MAX_OPERATIONS: usize = 1024;

/// What an operation is told by. Any other method is a text of the request.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Operations, by their patterns.
#[derive(Debug, Default)]
pub(super) struct Unlisted(RwLock<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// The methods of each pattern, a bit for each of [`METHODS`] and one for all others.
    methods: BTreeMap<Box<str>, u8>,
    count: usize,
}

/// The place of a method, and what it is called.
fn method_of(method: &Method) -> (usize, &str) {
    let place = METHODS.iter().position(|known| known == method);
    place.map_or((METHODS.len(), "*"), |place| (place, method.as_str()))
}

impl Seen {
    /// Whether there is nothing to tell of an operation.
    fn is_told(&self, place: usize, pattern: &str) -> bool {
        let is_known = self.methods.get(pattern).is_some_and(|methods| methods >> place & 1 == 1);
        is_known || self.count >= MAX_OPERATIONS
    }

    fn note(&mut self, place: usize, pattern: &str) {
        *self.methods.entry(pattern.into()).or_default() |= 1 << place;
        self.count += 1;
    }

    fn operations(&self) -> Vec<String> {
        let names: Vec<_> = METHODS.iter().map(Method::as_str).chain(["*"]).collect();
        let mut all = Vec::new();
        for (pattern, methods) in &self.methods {
            let seen = names.iter().enumerate().filter(|(place, _)| methods >> place & 1 == 1);
            all.extend(seen.map(|(_, name)| format!("{name} {pattern}")));
        }
        all.sort();
        all
    }
}

impl ResourceServer {
    /// The operations that were asked for and that no row of a
    /// [`RequirementTable`](crate::middleware::RequirementTable) of this server lists, each as its method and
    /// the pattern of its route: they get the strictest requirement. Each is also logged once, and stands in the
    /// health document. Only routes that axum matched are told, and gRPC methods that the table
    /// [knows](crate::middleware::RequirementTable::grpc_methods): any other path is a text of the request.
    #[must_use]
    pub fn unlisted_operations(&self) -> Vec<String> {
        self.0.unlisted.0.read().unwrap_or_else(PoisonError::into_inner).operations()
    }

    /// Notes such an operation. One that was told costs a look, and keeps no other request waiting.
    pub(crate) fn note_unlisted(&self, method: &Method, pattern: &str) {
        let (place, name) = method_of(method);
        let Unlisted(seen) = &self.0.unlisted;
        if seen.read().unwrap_or_else(PoisonError::into_inner).is_told(place, pattern) {
            return;
        }
        let mut seen = seen.write().unwrap_or_else(PoisonError::into_inner);
        if !seen.is_told(place, pattern) {
            tracing::warn!(
                operation = format_args!("{name} {pattern}"),
                "no row of the requirement table lists this operation"
            );
            seen.note(place, pattern);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_told_once_and_so_many_at_most() {
        let mut seen = Seen::default();
        for (method, pattern, told) in [
            (Method::GET, "/a", false),
            (Method::GET, "/a", true),
            (Method::POST, "/a", false),
            (Method::OPTIONS, "/a", false),
            (Method::TRACE, "/a", true),
            (Method::GET, "/b", false),
        ] {
            let (place, _) = method_of(&method);
            assert_eq!(seen.is_told(place, pattern), told, "{method} {pattern}");
            if !told {
                seen.note(place, pattern);
            }
        }
        assert_eq!(seen.operations(), ["* /a", "GET /a", "GET /b", "POST /a"]);
        for n in seen.count..MAX_OPERATIONS {
            assert!(!seen.is_told(0, &n.to_string()));
            seen.note(0, &n.to_string());
        }
        assert!(seen.is_told(0, "/one/more"));
        assert_eq!(seen.operations().len(), MAX_OPERATIONS);
    }
}

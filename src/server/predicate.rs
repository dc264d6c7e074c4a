//! A requirement that the application judges itself.

use std::sync::Arc;

use crate::{
    http::RequestHead,
    identity::Identity,
    policy::{Leaf, Requirement},
};

/// What the application says of an identity and a request.
pub(super) type Holds = dyn Fn(&Identity, &RequestHead<'_>) -> bool + Send + Sync;

impl Requirement {
    /// Requires that a function of the application says yes. It is asked about a verified identity, for each
    /// request anew. Beside other demands it can only refuse, and it never makes a bad token good; in an `or` it is
    /// an alternative as any other. `name` is what logs and
    /// explanations call it.
    ///
    /// Where there is no request to look at, as in
    /// [`verify_access_token`](crate::ResourceServer::verify_access_token) and in
    /// [`explain`](crate::ResourceServer::explain), it is not met.
    ///
    /// ```
    /// use tower_resource_server::policy::{Requirement, scope};
    ///
    /// let own = Requirement::predicate("own folder", |who, request| {
    ///     request.uri.path().strip_prefix("/home/").is_some_and(|folder| folder == who.subject())
    /// });
    /// let needed = scope("files").and(own);
    /// # let _ = needed;
    /// ```
    pub fn predicate(
        name: impl Into<Box<str>>,
        holds: impl Fn(&Identity, &RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let holds: Box<Holds> = Box::new(holds);
        Leaf::Predicate(name.into(), Arc::new(holds)).into()
    }
}

/// The function of a predicate.
pub(super) fn of(leaf: &Leaf) -> Option<&Holds> {
    match leaf {
        Leaf::Predicate(_, holds) => holds.downcast_ref::<Box<Holds>>().map(|holds| &**holds),
        _ => None,
    }
}

//! Operations that are types, and what each of them requires on one server.

use std::{any::TypeId, collections::HashMap};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;

use super::ResourceServer;
use crate::policy::{Compiled, Operation, Requirement};

/// The requirement of each operation that was asked about, ready; as many as the program has types.
#[derive(Debug, Default)]
pub(super) struct Operations(ArcSwap<HashMap<TypeId, Compiled, RandomState>>);

impl ResourceServer {
    /// Makes the requirement of an operation ready now instead of with its first request, so that the metadata
    /// document lists its scopes from the start: no router tells which operations its handlers
    /// [name](crate::policy::Operation).
    ///
    /// ```
    /// # use tower_resource_server::{ResourceServer, operations, policy::scope};
    /// operations! {
    ///     ReadOrders = scope("orders:read");
    ///     WriteOrders = scope("orders:write");
    /// }
    /// # fn app(api: &ResourceServer) {
    /// api.declare::<ReadOrders>().declare::<WriteOrders>();
    /// # }
    /// ```
    pub fn declare<O: Operation>(&self) -> &Self {
        self.operation::<O>();
        self
    }

    /// What an operation requires, with what the server requires of every request.
    pub(crate) fn operation<O: Operation>(&self) -> Compiled {
        let known = self.0.operations.0.load().get(&TypeId::of::<O>()).cloned();
        known.unwrap_or_else(|| self.make_ready(TypeId::of::<O>(), O::requirement))
    }

    #[cold]
    fn make_ready(&self, operation: TypeId, requirement: fn() -> Requirement) -> Compiled {
        let required = self.ready_for(self.requires(Some(requirement())));
        self.0.operations.0.rcu(|known| {
            let mut more = HashMap::clone(known);
            more.insert(operation, required.clone());
            more
        });
        required
    }
}

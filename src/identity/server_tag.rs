//! Which server an identity is of.

use std::{
    any::Any,
    sync::{Arc, OnceLock, Weak},
};

/// Which server verified an identity; another server's guard does not take it (promise 12).
///
/// Compared by address: two servers with the same configuration are still two.
#[derive(Clone, Debug)]
pub(crate) struct ServerTag(Arc<Tag>);

#[derive(Debug)]
struct Tag {
    resource: Arc<str>,
    /// The server itself, as long as it is there.
    server: OnceLock<Weak<dyn Any + Send + Sync>>,
}

impl ServerTag {
    pub(crate) fn new(resource: String) -> Self {
        Self(Arc::new(Tag { resource: resource.into(), server: OnceLock::new() }))
    }

    /// The resource identifier of the server.
    pub(crate) fn resource(&self) -> &Arc<str> {
        &self.0.resource
    }

    /// Says which server it is.
    pub(crate) fn belongs_to(&self, server: Weak<dyn Any + Send + Sync>) {
        // It is said once, when the server is built.
        let _ = self.0.server.set(server);
    }

    pub(crate) fn server(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.0.server.get()?.upgrade()
    }
}

impl PartialEq for ServerTag {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

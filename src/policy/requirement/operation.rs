//! An operation as a type, for handlers that say in their signature what they require.

use super::Requirement;

/// An operation that is known by its type: what a handler names in its signature, with
/// [`Allowed`](crate::axum::Allowed).
///
/// A requirement is asked for once for each server, and must be the same each time. A pair of operations requires
/// what both do. [`operations!`](crate::operations) writes types of this kind.
///
/// ```
/// use tower_resource_server::policy::{Operation, Requirement, role, scope};
///
/// struct CancelOrder;
///
/// impl Operation for CancelOrder {
///     fn requirement() -> Requirement {
///         scope("orders:write").or(role("clerk"))
///     }
/// }
/// ```
pub trait Operation: 'static {
    /// What it requires.
    fn requirement() -> Requirement;
}

impl<A: Operation, B: Operation> Operation for (A, B) {
    fn requirement() -> Requirement {
        A::requirement().and(B::requirement())
    }
}

/// Declares [operations](crate::policy::Operation), each with what it requires.
///
/// ```
/// use tower_resource_server::{operations, policy::{Operation, role, scope}};
///
/// operations! {
///     /// Reads orders.
///     pub ReadOrders = scope("orders:read");
///     CancelOrder = scope("orders:write").or(role("clerk"));
/// }
/// assert_eq!(ReadOrders::requirement().to_string(), "scope(orders:read)");
/// assert_eq!(<(ReadOrders, CancelOrder)>::requirement().to_string(),
///     "scope(orders:read) and (scope(orders:write) or role(clerk))");
/// ```
#[macro_export]
macro_rules! operations {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident = $requirement:expr;)*) => {
        $(
            $(#[$attribute])*
            #[derive(Clone, Copy, Debug)]
            $visibility struct $name;

            impl $crate::policy::Operation for $name {
                fn requirement() -> $crate::policy::Requirement {
                    $requirement
                }
            }
        )*
    };
}

//! The Tower middleware: one service for the whole-router layer and for the guard of one route.
//!
//! - `layer`: [`AuthLayer`] and its settings; [`ResourceServer::layer`] and
//!   [`ResourceServer::guard`] make one.
//! - `requirements`: which requirement an operation has: fixed, or by route or gRPC method.
//! - `gate`: the decision on one request, without a service around it.
//! - `service`: [`AuthService`], which takes the decision to the inner service.
//! - `future`: what comes out of a call, named and unboxed.
//!
//! ## Readiness
//!
//! A service that said it is ready may have set a permit aside for the next call (`tower`'s
//! `concurrency_limit` does). So an admitted request is handed to the very service that was polled,
//! a refused one gives it back by dropping it for a fresh clone, and one that waits for keys does
//! the same and polls a clone again when it is admitted: no unauthenticated request holds inner
//! capacity.

mod future;
mod gate;
mod layer;
mod refusals;
mod requirements;
mod service;

pub use self::{
    future::ResponseFuture,
    layer::AuthLayer,
    requirements::{RequirementTable, Requirements},
    service::AuthService,
};
#[cfg(doc)]
use crate::server::ResourceServer;

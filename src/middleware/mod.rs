//! The Tower middleware: one service for the whole-router layer and for the guard of one route.
//!
//! - `layer`: [`AuthLayer`] and its settings; [`ResourceServer::layer`] and
//!   [`ResourceServer::guard`] make one.
//! - `requirements`: which requirement an operation has; `table`: by route or gRPC method; `pattern`:
//!   what no path can be.
//! - `grpc_methods`: the rows of a table against the methods that gRPC services have.
//! - `gate`: the decision on one request, without a service around it.
//! - `service`: [`AuthService`], which takes the decision to the inner service.
//! - `future`: what comes out of a call, named and unboxed.
//! - `refusals`: refusals that were written before.
//! - `form_tokens`: [`FormTokens`], the layer that reads the tokens of forms; `whole_body`: a body that is read whole.
//! - `forward`: [`ForwardedIdentity`]: the identity as header fields for what is behind.
//!
//! ## What a request costs
//!
//! Instructions of one request through the whole layer, over a service that does nothing, by
//! `cargo bench --bench instructions` and callgrind's call tree; BENCHMARKS.md has the times.
//!
//! | step of a hit | instructions | why it is there |
//! |---|---|---|
//! | read the header, mark it sensitive | 290 | one look at the map; marked, so that no one logs it |
//! | the wall clock | 85 | every time bound is judged again |
//! | look the token up | 480 | a third of it compares every byte of the token |
//! | the key still counts | 45 | one number against the one that was seen |
//! | the scopes | 40 | nothing, where none are required |
//! | the extension | 750, half of it to drop it | three allocations, all that a hit makes |
//!
//! The monotonic clock is read only for keys that can be too old, and the request is taken apart
//! only where a function of its head says what it needs: otherwise it stays in place.
//!
//! A miss costs some 14 000 beside the signature: the payload's base64 1 600, its claims 6 000, the
//! rules and what an identity is made of 2 200, the signature's base64 and the key 600; the rest is
//! what a hit has too, and moves.
//! A refusal costs 1 000 without a header, 2 100 for garbage, and 5 500 for a key that is known not
//! to exist, since then nothing of the payload is looked at. More than half of the first is the response's
//! header map. What is moved counts for more than its instructions: a value that was just written in
//! small pieces is read in large ones only after a stall, so refusals are found where their reason
//! stands, and challenges are texts without a reference count.
//!
//! ## Readiness
//!
//! A service that said it is ready may have set a permit aside for the next call (`tower`'s
//! `concurrency_limit` does). So an admitted request is handed to the very service that was polled,
//! a refused one gives it back by dropping it for a fresh clone, and one that waits for keys does
//! the same and polls a clone again when it is admitted: no unauthenticated request holds inner
//! capacity.

mod form_tokens;
mod forward;
mod future;
mod gate;
#[cfg(feature = "tonic")]
mod grpc_methods;
mod layer;
mod pattern;
mod refusals;
mod requirements;
mod rows;
mod service;
mod table;
mod whole_body;

#[cfg(feature = "tonic")]
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
pub use self::grpc_methods::{DescriptorError, GrpcMethods, GrpcRowsError};
#[cfg(feature = "mcp")]
pub(crate) use self::whole_body::{BodyFault, Gathered};
pub use self::{
    form_tokens::{FormTokenFuture, FormTokenService, FormTokens},
    forward::{ForwardedIdentity, ForwardedIdentityBuilder},
    future::ResponseFuture,
    layer::AuthLayer,
    pattern::PatternError,
    requirements::Requirements,
    service::{AuthService, InnerService},
    table::RequirementTable,
    whole_body::ReadableBody,
};
#[cfg(doc)]
use crate::server::ResourceServer;

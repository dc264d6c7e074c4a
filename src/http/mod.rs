//! The words of HTTP: where tokens come from, and how a refusal is said.
//!
//! - `credentials`: which headers carry tokens, in what grammar (RFC 6750 section 2.1).
//! - `rejection`: why a request is refused ([`Rejection`], [`Reason`]), and what status that is.
//! - `challenge`: the `WWW-Authenticate` header of each reason (RFC 6750 section 3).
//! - `reject`: the seam for response bodies ([`Reject`]): [`Empty`], [`Json`], or your own.
//! - `grpc`: the same refusals for gRPC, chosen by the request's content type.
//! - `metadata`: the protected resource metadata document (RFC 9728).
//!
//! `rejection` and `challenge` are the one place where a reason becomes a status and a header; a
//! reason that is not in their tables cannot be sent.

mod challenge;
mod credentials;
mod grpc;
mod metadata;
mod reject;
mod rejection;

pub(crate) use challenge::Challenger;
pub(crate) use credentials::{Credentials, RequestProfile};
pub use credentials::{IdTokenLocation, RequestError, TokenKind};
pub(crate) use metadata::Metadata;
pub use metadata::MetadataService;
pub use reject::{Empty, Json, Reject};
pub use rejection::{Reason, Rejection};

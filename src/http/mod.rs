//! The words of HTTP: where tokens come from, and how a refusal is said.
//!
//! - `credentials`: which headers carry tokens; `grammar`: how the `Authorization` field is cut into
//!   them (RFC 6750 section 2.1, and other schemes).
//! - `rejection`: why a request is refused ([`Rejection`], [`Reason`]); `lasting`: challenges that
//!   are sent often.
//! - `table`: what each reason is in HTTP ([`ChallengeTable`]); `challenge`: the `WWW-Authenticate`
//!   header that its row asks for (RFC 6750 section 3).
//! - `reject`: the seam for responses ([`Reject`]): [`Empty`], [`Json`], or your own; [`WithReason`]
//!   around any of them leaves the reason for outer layers.
//! - `grpc`: the same refusals for gRPC, chosen by the request's content type and version.
//! - `metadata`: the protected resource metadata document (RFC 9728); `document`: how such are served.
//!
//! `table` and `challenge` are the one place where a reason becomes a status and a header; a reason
//! without a row cannot be sent.

mod challenge;
mod credentials;
mod document;
mod grammar;
mod grpc;
mod lasting;
mod metadata;
mod reject;
mod rejection;
mod table;

pub(crate) use challenge::Challenger;
pub(crate) use credentials::{Credentials, RequestProfile};
pub use credentials::{IdTokenLocation, RequestError};
pub(crate) use document::document;
pub use grammar::{Grammar, Spacing};
pub(crate) use metadata::Metadata;
pub use metadata::MetadataService;
pub use reject::{Empty, Json, Reject, WithReason};
pub use rejection::{Reason, Rejection};
pub use table::{ChallengeRow, ChallengeTable};

pub use crate::token::TokenKind;

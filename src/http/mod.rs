//! The words of HTTP: where tokens come from, and how a refusal is said.
//!
//! - `token_location`: where tokens may be ([`TokenLocation`]); `locations`: the token of a request; `lone_field`:
//!   the same at one look, where one field is all that there is; `cookie`, `subprotocol`, `query`, `form`: those that
//!   are a part of something; `parameter`: what queries and forms are made of; `removal`: what the inner service does not get; `same_origin`: which pages may send cookies.
//! - `credentials`: which headers carry tokens; `grammar`: how the `Authorization` field is cut into
//!   them (RFC 6750 section 2.1, and other schemes).
//! - `dpop`: tokens under the scheme `DPoP`, and the field of their proof (RFC 9449 section 7.1).
//! - `client_certificate`: the certificate of a client, as its connection or a proxy tells it
//!   ([`CertificateHeader`]); `xfcc`: as Envoy writes it.
//! - `reason`: why a request is refused ([`Reason`]), and the row of each reason.
//! - `table`: what each case is in HTTP ([`ChallengeTable`]); `challenge`: the `WWW-Authenticate`
//!   fields that its row asks for (RFC 6750 section 3); `lasting`: challenges that are sent often.
//! - `rejection`: a refusal as data ([`Rejection`]): status, headers, code, phrase, gRPC status.
//! - `reject`: the body of a refusal ([`Reject`]): [`Empty`], [`Json`], [`ProblemDetails`] (`problem`),
//!   [`LoginRedirect`], a closure, or your own; `server_reject`: what the server says of it once ([`AsServer`]); `late`: a refusal that
//!   a handler asks for.
//! - `grpc`: the same refusals for gRPC, chosen by the request's content type and version.
//! - `metadata`: the protected resource metadata document (RFC 9728); `resource_metadata`: what only the
//!   application knows of it; `scopes_supported`: what its routes require; `well_known`: where it is;
//!   `document`: how such are served.
//! - `plain`: whether a path can be read in one way only.
//! - `public_address`: the address that clients know ([`PublicAddress`]); `forwarded`: what proxies tell about
//!   it; `network`: which proxies are trusted.
//!
//! `reason` and `table` are the one place where a reason becomes a status and a header; a reason
//! without a row cannot be sent.

mod challenge;
mod client_certificate;
mod cookie;
mod credentials;
mod document;
mod dpop;
pub(crate) mod form;
mod forwarded;
mod grammar;
mod grpc;
mod head;
mod html;
mod lasting;
#[cfg(any(feature = "axum", feature = "tonic"))]
mod late;
mod locations;
mod login_redirect;
mod lone_field;
mod metadata;
mod network;
mod parameter;
mod plain;
mod problem;
mod public_address;
mod query;
mod reason;
mod reject;
mod rejection;
mod removal;
mod resource_metadata;
mod same_origin;
mod scopes_supported;
mod server_reject;
mod subprotocol;
mod table;
mod token_location;
mod well_known;
mod xfcc;

pub(crate) use challenge::{Challenger, DpopChallenges};
pub use client_certificate::{CertificateHeader, PeerCertificate};
#[cfg(feature = "mcp")]
pub(crate) use credentials::single as single_field;
pub(crate) use credentials::{Credentials, RequestProfile, is_token68};
pub use credentials::{IdTokenLocation, RequestError};
pub(crate) use document::{Audience, document};
pub(crate) use dpop::DpopScheme;
pub(crate) use grammar::is_token;
pub use grammar::{Grammar, Spacing};
pub use head::RequestHead;
pub use html::Html;
#[cfg(any(feature = "axum", feature = "tonic"))]
pub(crate) use late::{LateRefusal, Refuse};
pub(crate) use locations::{FoundIn, Locations};
pub use login_redirect::{InvalidLoginPage, LoginRedirect};
pub(crate) use lone_field::Look;
pub use metadata::MetadataService;
pub(crate) use metadata::{BoundTokens, DpopMembers, Metadata};
pub use plain::is_plain_path;
pub use problem::ProblemDetails;
pub(crate) use public_address::{KnownAddress, path_of_target, resource_at};
pub use public_address::{PeerAddress, PublicAddress};
pub use reason::Reason;
pub use reject::{BodyOf, Empty, FromRefusal, Json, RefusalBody, RefusalHead, Reject};
pub(crate) use reject::{reject, reject_in_bytes};
pub(crate) use rejection::Manner;
pub use rejection::Rejection;
pub use resource_metadata::ResourceMetadata;
pub(crate) use same_origin::TrustedOrigins;
pub(crate) use scopes_supported::ScopesSupported;
pub(crate) use server_reject::SharedReject;
pub use server_reject::{AsServer, ServerBody};
pub use table::{ChallengeParameter, ChallengeRow, ChallengeTable};
pub use token_location::{DangerousLocations, TokenLocation};
pub(crate) use token_location::{Place, Subprotocol};
pub(crate) use well_known::WellKnown;

pub use crate::token::TokenKind;

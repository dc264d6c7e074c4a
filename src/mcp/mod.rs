//! A guard for servers of the Model Context Protocol: who may call which tool, get which prompt, and read
//! which resource.
//!
//! It stands in front of any service that speaks streamable HTTP, of the specifications of 2025-11-25 and
//! 2026-07-28: [`ResourceServer::mcp_guard`] makes one from [`McpRequirements`].
//!
//! # What happens to a request
//!
//! | step | what is wrong | answer |
//! |---|---|---|
//! | `Origin`: absent, or allowed | a page of another site (DNS rebinding) | 403 |
//! | the token, as any [guard](ResourceServer::guard) does | | 401, 400, 503 |
//! | `Mcp-Session-Id`: absent, or handed out to this principal | of another principal, or made up | 404 |
//! | the method: `POST`, or `GET` or `DELETE` without a body | another; a body | 405; 400 |
//! | `Content-Type`: JSON in UTF-8, not compressed | another | 415 |
//! | the body, within a bound | larger | 413 |
//! | one message, or a batch of them, that all readers read alike | no JSON, no message | 400 |
//! | `Mcp-Method` and `Mcp-Name`, where they are there: equal to the body | they disagree | 400 |
//! | what the tool, prompt, resource and method require | not met | 403 and a challenge |
//!
//! Those without a challenge have a message of JSON-RPC for a body, without an id. What passes goes on
//! byte for byte, with an [`Identity`](crate::Identity) in its extensions. An answer to `tools/list`,
//! `prompts/list`, `resources/list` or `resources/templates/list` loses what the principal may not use,
//! whether it is JSON or a stream of events, and nothing else. One that cannot be read is not passed on: 502, or
//! the end of the stream. So that it can be read, the server is not told which compression the client takes: put a
//! layer that compresses outside.
//!
//! Bodies of requests are of a type that is made from [`Bytes`](bytes::Bytes), such as axum's, since what was read
//! goes on in one piece.
//!
//! # Why it is decided so
//!
//! - **The body decides, never a header.** A server compares `Mcp-Name` with the body only where the client
//!   claims a version that has this header. A guard that trusts the header is passed by a client that claims an
//!   older one. Here both must agree whatever version is claimed.
//! - **A message that can be read in two ways is refused**, not judged by the strictest requirement: a member
//!   that decides and is there twice, or in another case too, an object that is an array, a request that is an
//!   answer, too. No client sends one. Members that decide nothing, such as `arguments`, may be anything.
//! - **A batch needs what all its messages need**, and is refused as a whole.
//! - **Sessions are bound without a memory**: a session id goes to the client with an HMAC over it, the resource
//!   server, the issuer, the subject and the client of the token, and comes back to the server without it.
//!   Nothing has to be kept or to expire, and a restart ends sessions, as it does in most servers. A stream is
//!   resumed (`Last-Event-ID`) only in a session, since event ids alone are bound to no one.
//!
//! # What it does not check
//!
//! - The rest of the protocol: versions, whether headers that a version demands are there, ids, arguments. That is
//!   the server's.
//! - What a tool does. The identity is in the request's extensions for the tool to go by.
//! - Whether a stream outlives its token, and how long a client takes to send its body: put a timeout around.
//! - Messages about resources in a stream (`notifications/resources/updated`): subscribing was checked.
//! - Tasks (`tasks/get` and others), whose ids are the server's: give them rows by
//!   [`method`](McpRequirements::method), or they need the strictest.
//! - Sessions of the transport of 2024-11-05 (HTTP with SSE), whose ids are in the address.
//! - Names that the server compares in a looser way than byte by byte, where
//!   [`otherwise`](McpRequirements::otherwise) is looser than the row of such a name.

mod answer;
mod body;
mod events;
mod fault;
mod future;
mod guard;
mod headers;
mod listing;
mod message;
mod origin;
mod policy;
mod requirements;
mod rules;
mod service;
mod sessions;
mod uri;

pub use self::{
    body::{AnswerBody, McpBody},
    guard::{McpGuard, McpRefusal},
    requirements::McpRequirements,
    service::{McpFuture, McpService},
    sessions::SessionSecretError,
};
#[cfg(doc)]
use crate::server::ResourceServer;

//! What is wrong with a request that has nothing to do with what its token allows.

use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};

use crate::middleware::BodyFault;

/// Why a request is refused, or an answer is not passed on. The answer is that of JSON-RPC, without an id:
/// what could not be read has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    ForeignOrigin,
    MethodNotAllowed,
    NotJsonType,
    TooLarge,
    BodyBroken,
    UnexpectedBody,
    NotJson,
    EmptyBatch,
    BatchTooLarge,
    UnclearMessage,
    NoMethod,
    PositionalParams,
    NotNamed,
    HeaderMismatch,
    UnknownSession,
    UnreadableAnswer,
}

impl From<BodyFault> for Fault {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::Broken => Self::BodyBroken,
        }
    }
}

impl Fault {
    /// The status, the code of JSON-RPC, and the message.
    const fn row(self) -> (StatusCode, i32, &'static str) {
        const PARSE_ERROR: i32 = -32700;
        const INVALID_REQUEST: i32 = -32600;
        const INVALID_PARAMS: i32 = -32602;
        const INTERNAL_ERROR: i32 = -32603;
        /// Of the specification of 2026-07-28.
        const HEADER_MISMATCH: i32 = -32020;
        /// What the specification's own SDKs say.
        const SERVER_ERROR: i32 = -32000;
        const NO_SESSION: i32 = -32001;

        let bad = StatusCode::BAD_REQUEST;
        match self {
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, SERVER_ERROR, "the origin is not allowed"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, SERVER_ERROR, "use POST, GET or DELETE")
            }
            Self::NotJsonType => {
                let message = "the content type must be application/json, in UTF-8 and not encoded";
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, SERVER_ERROR, message)
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, "the message is too large"),
            Self::BodyBroken => (bad, INVALID_REQUEST, "the body ended early"),
            Self::UnexpectedBody => (bad, INVALID_REQUEST, "only a POST has a body"),
            Self::NotJson => (bad, PARSE_ERROR, "the body is not JSON in UTF-8"),
            Self::EmptyBatch => (bad, INVALID_REQUEST, "the batch is empty"),
            Self::BatchTooLarge => (bad, INVALID_REQUEST, "the batch has too many messages"),
            Self::UnclearMessage => {
                (bad, INVALID_REQUEST, "a message is no object, or can be read in more than one way")
            }
            Self::NoMethod => (bad, INVALID_REQUEST, "a message has no method"),
            Self::PositionalParams => (bad, INVALID_PARAMS, "params must be an object"),
            Self::NotNamed => (bad, INVALID_PARAMS, "params do not name what the method is about"),
            Self::HeaderMismatch => {
                (bad, HEADER_MISMATCH, "Mcp-Method or Mcp-Name does not agree with the body")
            }
            Self::UnknownSession => (StatusCode::NOT_FOUND, NO_SESSION, "the session is not known"),
            Self::UnreadableAnswer => {
                (StatusCode::BAD_GATEWAY, INTERNAL_ERROR, "the answer of the server cannot be read")
            }
        }
    }

    /// The answer as a message of JSON-RPC. Its id is left out, not null, which the schema of 2026-07-28 forbids.
    pub(super) fn message(self) -> String {
        let (_, code, message) = self.row();
        format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"{message}"}}}}"#)
    }

    pub(super) fn response(self) -> Response<String> {
        let (status, code, message) = self.row();
        tracing::debug!(status = status.as_u16(), code, message, "MCP request refused");
        let mut response = Response::new(self.message());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self == Self::MethodNotAllowed {
            headers.insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
        }
        response
    }
}

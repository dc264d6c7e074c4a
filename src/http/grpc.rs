//! Refusals for gRPC: trailers-only answers, whatever features are on.
//!
//! Which protocol a request speaks is told by its content type (gRPC over HTTP/2, "Requests"), so
//! the one layer serves a port that carries both.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};

use super::{Reason, Rejection};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_RETRY_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// A dialect of gRPC, by the content type that it answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flavour(&'static str);

impl Flavour {
    /// gRPC is always a POST; anything else that calls itself gRPC gets an answer of HTTP, since a
    /// refusal in the headers of a 200 is one to gRPC clients only.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        if *method != Method::POST {
            return None;
        }
        let value = headers.get(CONTENT_TYPE)?.as_bytes();
        // The longest first: each is a prefix of the one before.
        ["application/grpc-web-text", "application/grpc-web", "application/grpc"].into_iter().find_map(
            |name| {
                let (head, rest) = value.split_at_checked(name.len())?;
                let ends = matches!(rest, [] | [b'+' | b';' | b' ', ..]);
                (ends && head.eq_ignore_ascii_case(name.as_bytes())).then_some(Self(name))
            },
        )
    }

    pub(super) fn refuse(self, why: &Rejection, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.0));
        headers.insert(GRPC_STATUS, HeaderValue::from_static(status(why.reason())));
        if let Ok(message) = HeaderValue::from_str(&message(why.reason())) {
            headers.insert(GRPC_MESSAGE, message);
        }
        if let Some(wait) = why.retry_after() {
            let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            headers.insert(GRPC_RETRY_PUSHBACK, HeaderValue::from(milliseconds));
        }
    }
}

/// The gRPC column of the challenge table.
const fn status(reason: &Reason) -> &'static str {
    match reason {
        Reason::NoCredentials | Reason::InvalidRequest(_) | Reason::InvalidToken { .. } => "16", // UNAUTHENTICATED
        Reason::InsufficientScope { .. } => "7", // PERMISSION_DENIED
        Reason::KeysUnavailable | Reason::SpentStoreUnavailable => "14", // UNAVAILABLE
        Reason::ForeignIdentity { .. } => "13",  // INTERNAL
    }
}

/// `grpc-message` is percent-encoded outside printable ASCII (gRPC over HTTP/2, "Responses"). The
/// phrases are printable but for the configured names in one of them.
fn message(reason: &Reason) -> String {
    reason.to_string().chars().filter(|c| matches!(c, ' '..='~') && *c != '%').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_tells_the_dialect() {
        for (content_type, expected) in [
            ("application/grpc", Some("application/grpc")),
            ("application/grpc+proto", Some("application/grpc")),
            ("application/grpc;x=y", Some("application/grpc")),
            ("Application/gRPC", Some("application/grpc")),
            ("application/grpc-web", Some("application/grpc-web")),
            ("application/grpc-web+proto", Some("application/grpc-web")),
            ("application/grpc-web-text+proto", Some("application/grpc-web-text")),
            ("application/grpcx", None),
            ("application/json", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            assert_eq!(Flavour::of(&Method::POST, &headers), expected.map(Flavour), "{content_type}");
            assert_eq!(Flavour::of(&Method::GET, &headers), None, "{content_type}");
        }
        assert_eq!(Flavour::of(&Method::POST, &HeaderMap::new()), None);
    }
}

//! Refusals for gRPC: trailers-only answers, whatever features are on.
//!
//! Which protocol a request speaks is told by its content type (gRPC over HTTP/2, "Requests"), so
//! the one layer serves a port that carries both. Such an answer has the status 200, and is a refusal
//! only to a client that reads `grpc-status`. gRPC needs HTTP/2 or later, so a request of HTTP/1.x
//! with its content type is not one of gRPC; gRPC-Web goes over any version.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header::CONTENT_TYPE};

use super::{Reason, Rejection, RequestHead, reason::GrpcStatus};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_RETRY_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// A dialect of gRPC, by the content type that it answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flavour(&'static str);

impl Flavour {
    /// gRPC is always a POST; anything else that calls itself gRPC gets an answer of HTTP, since a
    /// refusal in the headers of a 200 is one to gRPC clients only.
    #[inline]
    pub(super) fn of(request: RequestHead<'_>) -> Option<Self> {
        if *request.method == Method::POST { Self::of_post(request) } else { None }
    }

    fn of_post(request: RequestHead<'_>) -> Option<Self> {
        let value = request.headers.get(CONTENT_TYPE)?.as_bytes();
        // The longest first: each is a prefix of the one before.
        let dialects = [
            ("application/grpc-web-text", Version::HTTP_09),
            ("application/grpc-web", Version::HTTP_09),
            ("application/grpc", Version::HTTP_2),
        ];
        dialects.into_iter().find_map(|(name, at_least)| {
            let (head, rest) = value.split_at_checked(name.len())?;
            let ends = matches!(rest, [] | [b'+' | b';' | b' ', ..]);
            let named = ends && head.eq_ignore_ascii_case(name.as_bytes());
            (named && request.version >= at_least).then_some(Self(name))
        })
    }

    pub(super) fn refuse(self, why: &Rejection, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.0));
        headers.insert(GRPC_STATUS, HeaderValue::from_static(number(why.reason().row().grpc)));
        if let Ok(message) = HeaderValue::from_str(&message(why.reason())) {
            headers.insert(GRPC_MESSAGE, message);
        }
        if let Some(wait) = why.retry_after() {
            let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            headers.insert(GRPC_RETRY_PUSHBACK, HeaderValue::from(milliseconds));
        }
    }
}

/// As it is written into a header.
const fn number(status: GrpcStatus) -> &'static str {
    match status {
        GrpcStatus::PermissionDenied => "7",
        GrpcStatus::Internal => "13",
        GrpcStatus::Unavailable => "14",
        GrpcStatus::Unauthenticated => "16",
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
    fn a_status_is_written_as_its_number() {
        use GrpcStatus::{Internal, PermissionDenied, Unauthenticated, Unavailable};
        for status in [PermissionDenied, Internal, Unavailable, Unauthenticated] {
            assert_eq!(number(status), (status as i32).to_string());
        }
    }

    #[test]
    fn the_content_type_and_the_version_tell_the_dialect() {
        let of = |method: Method, version, content_type: Option<&'static str>| {
            let (mut request, ()) = http::Request::new(()).into_parts();
            (request.method, request.version) = (method, version);
            let value = content_type.map(HeaderValue::from_static);
            request.headers = HeaderMap::from_iter(value.map(|value| (CONTENT_TYPE, value)));
            Flavour::of((&request).into())
        };
        let versions =
            [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];
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
            for version in versions {
                let may = expected != Some("application/grpc") || version >= Version::HTTP_2;
                let expected = expected.filter(|_| may).map(Flavour);
                let got = of(Method::POST, version, Some(content_type));
                assert_eq!(got, expected, "{content_type}, {version:?}");
                assert_eq!(of(Method::GET, version, Some(content_type)), None, "{content_type}");
            }
        }
        assert_eq!(of(Method::POST, Version::HTTP_2, None), None);
    }
}

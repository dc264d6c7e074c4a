//! Refusals as problem details (RFC 9457).

use http::HeaderValue;
use serde::Serialize;

use super::{RefusalBody, Reject, Rejection, RequestHead};

/// Refusals with a body of `application/problem+json` (RFC 9457):
/// `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"the token has expired","code":"expired"}`,
/// and `request_id` where the request has the field `X-Request-Id`.
///
/// `title` is the name of the status, `detail` the fixed phrase of the reason and `code` its
/// [code](super::Reason::code). A request id that is longer than 128 bytes, or has anything but visible ASCII in
/// it, is left out.
///
/// ```
/// # fn app(api: &tower_resource_server::ResourceServer) {
/// use tower_resource_server::http::ProblemDetails;
///
/// let layer = api.layer().reject_with(ProblemDetails);
/// # let _ = layer;
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemDetails;

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// As much as a request id may have.
const MAX_ID: usize = 128;

impl Reject for ProblemDetails {
    type Body = RefusalBody;

    fn body(&self, why: &Rejection, request: RequestHead<'_>) -> RefusalBody {
        let id = request.headers.get("x-request-id").map(HeaderValue::as_bytes);
        let id = id.filter(|id| id.len() <= MAX_ID && id.iter().all(u8::is_ascii_graphic));
        let problem = Problem {
            r#type: "about:blank",
            title: why.status().canonical_reason().unwrap_or("Refused"),
            status: why.status().as_u16(),
            detail: &why.reason().to_string(),
            code: why.reason().code(),
            request_id: id.and_then(|id| std::str::from_utf8(id).ok()),
        };
        RefusalBody::json(&problem).of_type(HeaderValue::from_static("application/problem+json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Challenger, Reason};

    #[test]
    fn a_refusal_is_a_problem_and_names_the_request_that_has_an_id() {
        let why = Challenger::default().refuse(Reason::NoCredentials, None, None);
        let begin = r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"authentication is required","code":"no_credentials""#;
        for (id, end) in [
            (None, "}"),
            (Some("7f-3"), r#","request_id":"7f-3"}"#),
            (Some("a b"), "}"),
            (Some("é"), "}"),
            (Some(&*"x".repeat(128)), &*format!(r#","request_id":"{}"}}"#, "x".repeat(128))),
            (Some(&*"x".repeat(129)), "}"),
        ] {
            let mut request = http::Request::new(());
            if let Some(id) = id {
                request.headers_mut().insert("x-request-id", HeaderValue::from_bytes(id.as_bytes()).unwrap());
            }
            let body = ProblemDetails.body(&why, (&request).into());
            let expected = format!("{begin}{end}");
            let media_type = HeaderValue::from_static("application/problem+json");
            assert_eq!(body, RefusalBody::new(media_type, expected), "{id:?}");
        }
    }
}

//! What becomes of the server's answer: its session is bound, and its lists are filtered.

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body::Body;
use http_body_util::{BodyExt, Limited};

use super::{
    body::{McpBody, View},
    fault::Fault,
    headers::is_plain,
};

/// What an answer may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Nothing that is filtered.
    Anything,
    /// The answer to a request for a list.
    List,
    /// A stream, in which such an answer may be sent again.
    Stream,
}

/// Filters an answer that may hold a list. One that cannot be read is not passed on.
pub(super) async fn filtered<T>(
    response: Response<T>,
    expected: Expected,
    view: View,
    limit: usize,
) -> Response<McpBody<T>>
where
    T: Body<Data = Bytes>,
    T::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let essence = essence(response.headers().get(CONTENT_TYPE));
    let is_error = !response.status().is_success();
    let (mut head, body) = response.into_parts();
    let passed = |head, body| Response::from_parts(head, McpBody::passed(body));
    if body.is_end_stream() {
        return passed(head, body);
    }
    match essence {
        Some("application/json" | "text/event-stream") if !is_plain(&head.headers) => unreadable(),
        Some("text/event-stream") => {
            head.headers.remove(CONTENT_LENGTH);
            Response::from_parts(head, McpBody::events(body, view, limit))
        }
        Some("application/json") => {
            let Ok(whole) = Limited::new(body, limit).collect().await else { return unreadable() };
            let whole = whole.to_bytes();
            let Some(filtered) = str::from_utf8(&whole).ok().and_then(|text| view.of(text)) else {
                return unreadable();
            };
            let whole = match filtered {
                std::borrow::Cow::Borrowed(_) => whole,
                std::borrow::Cow::Owned(filtered) => filtered.into(),
            };
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
            Response::from_parts(head, whole.into())
        }
        // A text about what is wrong, or a page: no list.
        _ if is_error || expected == Expected::Stream => passed(head, body),
        _ => unreadable(),
    }
}

/// The media type, without its parameters.
fn essence(content_type: Option<&HeaderValue>) -> Option<&'static str> {
    let essence = content_type?.to_str().ok()?.split(';').next()?.trim();
    ["application/json", "text/event-stream"].into_iter().find(|known| essence.eq_ignore_ascii_case(known))
}

fn unreadable<T>() -> Response<McpBody<T>> {
    tracing::warn!("an answer of the MCP server cannot be filtered and is not passed on");
    Fault::UnreadableAnswer.response().map(|message| Bytes::from(message).into())
}

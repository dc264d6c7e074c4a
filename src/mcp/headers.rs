//! What the header fields of a request say, and whether they agree with its body.

use std::borrow::Cow;

use base64_simd::STANDARD;
use http::{
    HeaderMap, HeaderName,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
};

use super::{fault::Fault, message::Messages};
use crate::http::single_field;

pub(super) static SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
static METHOD: HeaderName = HeaderName::from_static("mcp-method");
static NAME: HeaderName = HeaderName::from_static("mcp-name");

/// The only value of a field, if it is there: visible ASCII, spaces and tabs.
///
/// # Errors
/// `otherwise` when there are several, or other characters.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    otherwise: Fault,
) -> Result<Option<&'a str>, Fault> {
    let value = single_field(headers, name).map_err(|()| otherwise)?;
    value.map(|value| value.to_str().map_err(|_| otherwise)).transpose()
}

/// Whether the body is what it will be read as: JSON, in UTF-8, and not compressed. With another charset or
/// coding, the server behind might read something else.
pub(super) fn check_content(headers: &HeaderMap) -> Result<(), Fault> {
    let content_type = single(headers, &CONTENT_TYPE, Fault::NotJsonType)?.ok_or(Fault::NotJsonType)?;
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let in_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if is_json && in_utf8 && is_plain(headers) { Ok(()) } else { Err(Fault::NotJsonType) }
}

/// Whether a body is not compressed.
pub(super) fn is_plain(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Asks for an answer that can be read.
pub(super) fn ask_for_plain(headers: &mut HeaderMap) {
    headers.remove(ACCEPT_ENCODING);
}

/// Whether `Mcp-Method` and `Mcp-Name`, where they are there, say what the body says: of every message,
/// whatever version of the protocol the client claims.
pub(super) fn check_agreement(headers: &HeaderMap, messages: &Messages<'_>) -> Result<(), Fault> {
    let method = single(headers, &METHOD, Fault::HeaderMismatch)?;
    let name = single(headers, &NAME, Fault::HeaderMismatch)?.map(decode).transpose()?;
    if method.is_none() && name.is_none() {
        return Ok(());
    }
    let mut agree = !messages.answers;
    for operation in &messages.operations {
        agree &= method.is_none_or(|method| method == operation.method);
        if let Some(name) = &name {
            agree &= operation.is_named(name)?;
        }
    }
    if agree { Ok(()) } else { Err(Fault::HeaderMismatch) }
}

/// A name as it is, or in Base64 between `=?base64?` and `?=`.
fn decode(value: &str) -> Result<Cow<'_, str>, Fault> {
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(Cow::Borrowed(value));
    };
    let bytes = STANDARD.decode_to_vec(encoded).map_err(|_| Fault::HeaderMismatch)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Fault::HeaderMismatch)
}

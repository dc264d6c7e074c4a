//! The parameter of a form that holds a token (RFC 6750 section 2.2), between the layer that reads the body and the
//! server that takes tokens from heads.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{
    Extensions, HeaderMap, HeaderValue, Method, Request,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    request::Parts,
};

use super::{RequestError, RequestHead, credentials::single, parameter, parameter::ParameterFault};

/// What forms have in the parameters of tokens, by their names, in the extensions of a request: no one outside of this
/// crate can put it there, or see it.
#[derive(Clone, Default)]
struct FormTokens(Vec<(Arc<str>, Token)>);

type Token = Result<Box<[u8]>, RequestError>;

/// The token that a form has in this parameter.
pub(super) fn find<'a>(head: RequestHead<'a>, parameter: &str) -> Result<Option<&'a [u8]>, RequestError> {
    let Some(FormTokens(all)) = head.extensions.get() else { return Ok(None) };
    match all.iter().find(|(name, _)| &**name == parameter) {
        None => Ok(None),
        Some((_, Ok(token))) => Ok(Some(token)),
        Some((_, Err(error))) => Err(*error),
    }
}

/// Forgets the token of this parameter.
pub(super) fn forget(extensions: &mut Extensions, parameter: &str) {
    if let Some(FormTokens(all)) = extensions.get_mut() {
        all.retain(|(name, _)| &**name != parameter);
    }
}

fn note(extensions: &mut Extensions, parameter: &Arc<str>, token: Token) {
    let FormTokens(all) = extensions.get_or_insert_default();
    all.push((Arc::clone(parameter), token));
}

/// Takes the parameter out of a form, and leaves what it held in the extensions of the request.
pub(crate) fn take<B: From<Bytes>>(mut head: Parts, form: Bytes, parameter: &Arc<str>) -> Request<B> {
    let token = match parameter::find(&form, parameter) {
        Ok(None) => return Request::from_parts(head, form.into()),
        Ok(Some(value)) => decoded(value).ok_or(RequestError::MalformedFormParameter),
        Err(ParameterFault::Several) => Err(RequestError::SeveralFormParameters),
        Err(ParameterFault::Empty) => Err(RequestError::MalformedFormParameter),
    };
    note(&mut head.extensions, parameter, token.map(|token| token.into_owned().into()));
    of_length(head, parameter::without(&form, parameter).map_or(form, Bytes::from))
}

/// Leaves word of a form that could not be read, or not to its end; nothing of it goes on.
pub(crate) fn unreadable<B: From<Bytes>>(mut head: Parts, parameter: &Arc<str>) -> Request<B> {
    note(&mut head.extensions, parameter, Err(RequestError::UnreadableForm));
    of_length(head, Bytes::new())
}

/// A request with another body than it came with.
fn of_length<B: From<Bytes>>(mut head: Parts, body: Bytes) -> Request<B> {
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Request::from_parts(head, body.into())
}

/// A value without its escapes; `None` where one is none, and for a space, which no token has.
fn decoded(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !value.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(value));
    }
    let (mut rest, mut decoded) = (value, Vec::with_capacity(value.len()));
    loop {
        rest = match rest {
            [b'%', high, low, behind @ ..] => {
                decoded.push(parameter::escaped(*high, *low)?);
                behind
            }
            [b'%' | b'+', ..] => return None,
            [byte, behind @ ..] => {
                decoded.push(*byte);
                behind
            }
            [] => return Some(Cow::Owned(decoded)),
        };
    }
}

/// Whether a request may bring a token in a form: its body is one, in plain text, and its method is one for bodies.
pub(crate) fn is_form(head: RequestHead<'_>) -> bool {
    let has_body = matches!(*head.method, Method::POST | Method::PUT | Method::PATCH);
    has_body && is_urlencoded(head.headers) && !head.headers.contains_key(CONTENT_ENCODING)
}

fn is_urlencoded(headers: &HeaderMap) -> bool {
    let Ok(Some(value)) = single(headers, &CONTENT_TYPE) else { return false };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

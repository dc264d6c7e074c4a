//! The parameter of a form that holds a token (RFC 6750 section 2.2), between the layer that reads the body and the
//! server that takes tokens from heads.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
};

use super::{RequestError, RequestHead, credentials::single, parameter, parameter::ParameterFault};

/// What the form of a request has in the parameter of the token, in its extensions: no one outside of this crate can
/// put it there, or see it.
#[derive(Clone)]
pub(crate) struct FormToken(Result<Box<[u8]>, RequestError>);

impl FormToken {
    /// That of a form of which nothing is known, since it could not be read, or not to its end.
    pub(crate) const fn unreadable() -> Self {
        Self(Err(RequestError::UnreadableForm))
    }

    pub(super) fn find(head: RequestHead<'_>) -> Result<Option<&[u8]>, RequestError> {
        match head.extensions.get() {
            None => Ok(None),
            Some(Self(Ok(token))) => Ok(Some(token)),
            Some(Self(Err(error))) => Err(*error),
        }
    }

    /// Takes the parameter out of a form, and leaves what it held in the extensions of the request.
    pub(crate) fn take<B: From<Bytes>>(request: Request<Bytes>, name: &str) -> Request<B> {
        let (mut head, form) = request.into_parts();
        let token = parameter::find(&form, name).map_err(|fault| match fault {
            ParameterFault::Several => RequestError::SeveralFormParameters,
            ParameterFault::Empty => RequestError::MalformedFormParameter,
        });
        if let Some(token) = token.transpose() {
            head.extensions.insert(Self(token.map(Into::into)));
        }
        let form = match parameter::without(&form, name) {
            None => form,
            Some(left) => {
                // One piece now, whatever it came in.
                head.headers.remove(TRANSFER_ENCODING);
                head.headers.insert(CONTENT_LENGTH, HeaderValue::from(left.len()));
                left.into()
            }
        };
        Request::from_parts(head, form.into())
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

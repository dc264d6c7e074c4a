//! One cookie of a request (RFC 6265 section 4.2.1).
//!
//! The value of the field is cut at every semicolon, also within quotes: the grammar has none there. Names are
//! compared byte by byte. White space around a name and a value is no part of them, so that what a laxer
//! parser behind this one takes for the same name counts as the same here.

use bytes::Bytes;
use http::{HeaderValue, Version, header::COOKIE};

use super::{RequestError, RequestHead};

/// The most bytes of cookies that are looked at: what common servers take of one field. A browser sends at
/// most 4 096 of one cookie (RFC 6265 section 6.1).
const MAX_COOKIES: usize = 8 * 1024;

/// The value of the only cookie of this name.
///
/// # Errors
/// Several of the name, one without a value, more cookies than are looked at, and several fields in a version
/// of HTTP whose clients must send one (RFC 6265 section 5.4; HTTP/2 may split it, RFC 9113 section 8.2.3).
pub(super) fn find<'a>(head: RequestHead<'a>, name: &str) -> Result<Option<&'a [u8]>, RequestError> {
    let (mut found, mut left) = (None, MAX_COOKIES);
    for (n, field) in head.headers.get_all(COOKIE).iter().enumerate() {
        if n > 0 && head.version < Version::HTTP_2 {
            return Err(RequestError::SeveralCookieFields);
        }
        left = left.checked_sub(field.len()).ok_or(RequestError::TooManyCookies)?;
        note(field, name.as_bytes(), &mut found)?;
    }
    value_in(found)
}

/// The same in the only field.
#[inline]
pub(super) fn find_in<'a>(field: &'a HeaderValue, name: &str) -> Result<Option<&'a [u8]>, RequestError> {
    if field.len() > MAX_COOKIES {
        return Err(RequestError::TooManyCookies);
    }
    let mut found = None;
    note(field, name.as_bytes(), &mut found)?;
    value_in(found)
}

/// Notes the cookie of this name.
#[inline]
fn note<'a>(field: &'a HeaderValue, name: &[u8], found: &mut Option<&'a [u8]>) -> Result<(), RequestError> {
    let mut rest = field.as_bytes();
    // What is as short as the name has no cookie of it.
    while rest.len() > name.len() {
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let (pair, behind) = rest.split_at(end);
        if let Some(value) = value_of(pair, name)
            && found.replace(value).is_some()
        {
            return Err(RequestError::SeveralCookies);
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    Ok(())
}

/// What is in a cookie that was found: one that is empty is none that was left out.
#[inline]
fn value_in(found: Option<&[u8]>) -> Result<Option<&[u8]>, RequestError> {
    match found.map(unquoted) {
        Some([]) => Err(RequestError::MalformedCookie),
        value => Ok(value),
    }
}

/// The value of a pair, if it has this name.
#[inline]
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // One space is what clients write between two of them, and most other names differ in their first byte.
    let mut pair = pair.strip_prefix(b" ").unwrap_or(pair);
    if pair.first() != name.first() {
        if !pair.first()?.is_ascii_whitespace() {
            return None;
        }
        pair = pair.trim_ascii_start();
    }
    let value = pair.strip_prefix(name)?;
    let value = value.strip_prefix(b"=").or_else(|| value.trim_ascii_start().strip_prefix(b"="));
    value.map(<[u8]>::trim_ascii)
}

/// A value in double quotes is the one within.
const fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// A field without the cookies of a name; `None` where no other is left.
pub(super) fn without(field: &HeaderValue, name: &str) -> Option<HeaderValue> {
    let pairs = field.as_bytes().split(|byte| *byte == b';');
    if !pairs.clone().any(|pair| value_of(pair, name.as_bytes()).is_some()) {
        return Some(field.clone());
    }
    let others = pairs.filter(|pair| value_of(pair, name.as_bytes()).is_none());
    let others = others.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty());
    let joined = others.collect::<Vec<_>>().join(b"; ".as_slice());
    let mut left =
        HeaderValue::from_maybe_shared(Bytes::from(joined)).ok().filter(|left| !left.is_empty())?;
    left.set_sensitive(field.is_sensitive());
    Some(left)
}

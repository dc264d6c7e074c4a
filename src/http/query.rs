//! One parameter of the query of a request.
//!
//! Names are compared as they are read by what stands behind this server: with escapes resolved. A value is
//! compared with nothing and must need no escape, as no token does.

use http::Uri;

use super::RequestError;

/// The value of the only parameter of this name.
///
/// # Errors
/// Several of the name, and one without a value.
pub(super) fn find<'a>(uri: &'a Uri, name: &str) -> Result<Option<&'a [u8]>, RequestError> {
    let mut found = None;
    for pair in uri.query().unwrap_or_default().split('&') {
        let (written, value) = pair.split_once('=').unwrap_or((pair, ""));
        if is_named(written, name) && found.replace(value.as_bytes()).is_some() {
            return Err(RequestError::SeveralParameters);
        }
    }
    match found {
        Some([]) => Err(RequestError::MalformedParameter),
        value => Ok(value),
    }
}

/// Whether a name is this one, however it is written: with escapes (RFC 3986 section 2.1), or without.
fn is_named(written: &str, name: &str) -> bool {
    let mut rest = written.as_bytes();
    let decoded = std::iter::from_fn(|| {
        let (byte, behind) = match rest {
            [b'%', high, low, behind @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, behind),
                _ => (b'%', rest.get(1..)?),
            },
            [byte, behind @ ..] => (*byte, behind),
            [] => return None,
        };
        rest = behind;
        Some(byte)
    });
    decoded.eq(name.bytes())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The same target without the parameters of a name; `None` where it has none.
pub(super) fn without(uri: &Uri, name: &str) -> Option<Uri> {
    let query = uri.query()?;
    let is_other = |pair: &&str| !is_named(pair.split_once('=').map_or(*pair, |(name, _)| name), name);
    let left: Vec<_> = query.split('&').filter(is_other).collect();
    if left.len() == query.split('&').count() {
        return None;
    }
    let path = uri.path();
    let target = if left.is_empty() { path.to_owned() } else { format!("{path}?{}", left.join("&")) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

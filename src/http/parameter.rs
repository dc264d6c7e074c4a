//! One parameter among others: of a query, or of a form (`application/x-www-form-urlencoded`).
//!
//! Names are compared as they are read by what stands behind this server: with escapes resolved. Values are as they were
//! written.

/// Why a parameter has no value to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParameterFault {
    Several,
    Empty,
}

/// The value of the only parameter of this name.
///
/// # Errors
/// Several of the name, and one without a value.
pub(super) fn find<'a>(pairs: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, ParameterFault> {
    let mut found = None;
    for pair in split(pairs) {
        let (written, value) = name_and_value(pair);
        if is_named(written, name) && found.replace(value).is_some() {
            return Err(ParameterFault::Several);
        }
    }
    match found {
        Some([]) => Err(ParameterFault::Empty),
        value => Ok(value),
    }
}

/// The same pairs without those of a name; `None` where there is none.
pub(super) fn without(pairs: &[u8], name: &str) -> Option<Vec<u8>> {
    let is_other = |pair: &[u8]| !is_named(name_and_value(pair).0, name);
    if split(pairs).all(is_other) {
        return None;
    }
    let mut left = Vec::with_capacity(pairs.len());
    for (number, pair) in split(pairs).filter(|pair| is_other(pair)).enumerate() {
        if number > 0 {
            left.push(b'&');
        }
        left.extend_from_slice(pair);
    }
    Some(left)
}

fn split(pairs: &[u8]) -> impl Iterator<Item = &[u8]> {
    pairs.split(|byte| *byte == b'&')
}

fn name_and_value(pair: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'=', pair).unwrap_or(pair.len());
    let (name, behind) = pair.split_at(end);
    (name, behind.get(1..).unwrap_or_default())
}

/// Whether a name is this one, however it is written: with escapes (RFC 3986 section 2.1), or without.
fn is_named(written: &[u8], name: &str) -> bool {
    let mut rest = written;
    let decoded = std::iter::from_fn(|| {
        let (byte, behind) = match rest {
            [b'%', high, low, behind @ ..] => match escaped(*high, *low) {
                Some(byte) => (byte, behind),
                None => (b'%', rest.get(1..)?),
            },
            [byte, behind @ ..] => (*byte, behind),
            [] => return None,
        };
        rest = behind;
        Some(byte)
    });
    decoded.eq(name.bytes())
}

/// The byte behind the digits of an escape.
pub(super) fn escaped(high: u8, low: u8) -> Option<u8> {
    Some(hex(high)? << 4 | hex(low)?)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

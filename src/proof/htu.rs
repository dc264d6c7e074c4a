//! Whether two http(s) URLs are the same, without query and fragment (RFC 9449 section 4.3).
//!
//! They are when their normal forms are: by syntax (RFC 3986 section 6.2.2: case, escapes of characters that
//! need none, dot segments) and by scheme (section 6.2.3: the default port, the empty path). A slash at the
//! end counts.

use std::net::Ipv6Addr;

/// Whether `htu` is `url`, which has neither query nor fragment.
pub(super) fn is_same(htu: &str, url: &str) -> bool {
    let end = htu.find(['?', '#']).unwrap_or(htu.len());
    let htu = htu.get(..end).unwrap_or(htu);
    // Nearly every client writes it as the server does; what is one text is one URL.
    htu == url || Normal::of(htu).is_some_and(|htu| Normal::of(url).is_some_and(|url| htu == url))
}

/// The normal form of a URL.
#[derive(Debug, PartialEq, Eq)]
struct Normal {
    is_tls: bool,
    host: Host,
    port: u16,
    path: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(Ipv6Addr),
}

impl Normal {
    /// `None` of what is no http(s) URL by the grammar of RFC 3986, and of user information.
    fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_tls = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (address, behind) = bracketed.split_once(']')?;
                let port = if behind.is_empty() { "" } else { behind.strip_prefix(':')? };
                (Host::Address(address.parse().ok()?), port)
            }
            None => {
                let (name, port) = authority.split_once(':').unwrap_or((authority, ""));
                let name = Some(name).filter(|name| !name.is_empty())?;
                (Host::Name(normal(name, is_in_name)?.to_ascii_lowercase()), port)
            }
        };
        let host = match host {
            // The hexadecimal digits of escapes are in upper case wherever they stand.
            Host::Name(name) if name.contains('%') => Host::Name(normal(&name, is_in_name)?),
            host => host,
        };
        let path = without_dot_segments(&normal(path, is_in_path)?);
        Some(Self { is_tls, host, port: number(port, is_tls)?, path })
    }
}

/// A port as it is written without zeros in front; none is the default of the scheme.
fn number(port: &str, is_tls: bool) -> Option<u16> {
    if port.is_empty() {
        return Some(if is_tls { 443 } else { 80 });
    }
    let is_plain = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    Some(port).filter(|_| is_plain)?.parse().ok()
}

/// A text in which escapes stand for characters that need them, in upper case; `None` where another
/// character stands by itself than `is_allowed`, or an escape is incomplete.
fn normal(text: &str, is_allowed: fn(u8) -> bool) -> Option<String> {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'%' {
            normal.push(char::from(Some(*first).filter(|byte| is_allowed(*byte))?));
            continue;
        }
        let ([high, low], behind) = rest.split_first_chunk()?;
        rest = behind;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
        if is_unreserved(byte) {
            normal.push(char::from(byte));
        } else {
            normal.extend(['%', char::from(*high), char::from(*low)].map(|c| c.to_ascii_uppercase()));
        }
    }
    Some(normal)
}

/// RFC 3986 section 5.2.4, of a path that is empty or begins with a slash.
fn without_dot_segments(path: &str) -> String {
    let mut kept = Vec::new();
    let mut ends_in_dots = true;
    for segment in path.split('/').skip(1) {
        ends_in_dots = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if ends_in_dots {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The characters of a host name (RFC 3986 section 3.2.2).
const fn is_in_name(byte: u8) -> bool {
    is_unreserved(byte) || is_sub_delimiter(byte)
}

/// The characters of a path (RFC 3986 section 3.3).
const fn is_in_path(byte: u8) -> bool {
    is_unreserved(byte) || is_sub_delimiter(byte) || matches!(byte, b':' | b'@' | b'/')
}

/// RFC 3986 section 2.2.
const fn is_sub_delimiter(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
}

#[cfg(test)]
#[path = "htu_tests.rs"]
mod tests;

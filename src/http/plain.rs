//! Whether a path can be read in one way only.
//!
//! A requirement table sees the path as the client sent it; a proxy or a back end may remove dot segments, merge
//! slashes, decode, or cut parameters off before it routes. Where the two could come to different routes, the
//! row of the one must not open the other.

/// Whether each segment of a path stands for itself (RFC 3986 section 6.2.2): none is empty, `.` or `..`, none
/// has a parameter (`;`), and no character is encoded that need not be, or that separates segments.
///
/// A path that is not plain may be another one to a proxy or a back end: `/public/../admin`, `/public/%2e%2e/admin`.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    let Some(path) = path.strip_prefix('/') else { return false };
    path.is_empty() || path.strip_suffix('/').unwrap_or(path).split('/').all(is_plain_segment)
}

fn is_plain_segment(segment: &str) -> bool {
    let mut pieces = segment.split('%');
    let unencoded = pieces.next().unwrap_or_default();
    !matches!(segment, "" | "." | "..")
        && unencoded.bytes().all(is_plain_byte)
        && pieces.all(|piece| match (piece.get(..2), piece.get(2..)) {
            (Some(digits), Some(rest)) => {
                u8::from_str_radix(digits, 16).is_ok_and(must_be_encoded) && rest.bytes().all(is_plain_byte)
            }
            _ => false,
        })
}

fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

/// Control characters included: no back end should see them.
fn must_be_encoded(byte: u8) -> bool {
    !is_plain_byte(byte) && !byte.is_ascii_control() && !matches!(byte, b'/' | b'\\' | b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_two_readings_is_not_plain() {
        for (path, plain) in [
            ("/", true),
            ("/orders", true),
            ("/orders/", true),
            ("/orders/7", true),
            ("/orders/a.b-c_d~e", true),
            ("/@me/a:b,c=d", true),
            ("/caf%C3%A9", true),
            ("/a%20b", true),
            ("/100%25", true),
            ("", false),
            ("*", false),
            ("orders", false),
            ("//", false),
            ("//orders", false),
            ("/orders//7", false),
            ("/orders//", false),
            ("/.", false),
            ("/..", false),
            ("/a/../b", false),
            ("/a/./b", false),
            ("/a/..", false),
            ("/a/...", true),
            ("/a/%2e%2e/b", false),
            ("/a/.%2E/b", false),
            ("/a%2fb", false),
            ("/a%2Fb", false),
            ("/a%5cb", false),
            ("/a\\b", false),
            ("/a;b=c/d", false),
            ("/a%3Bb", false),
            ("/%6frders", false),
            ("/a%00", false),
            ("/a%0a", false),
            ("/a%", false),
            ("/a%2", false),
            ("/a%zz", false),
            ("/a%+1", false),
            ("/a%é", false),
            ("/é", false),
        ] {
            assert_eq!(is_plain_path(path), plain, "{path}");
        }
    }
}

//! Whether a URI is in its normal form, as far as that decides what its path is.

/// Whether normalization (RFC 3986 section 6.2.2) leaves the text alone: no dot segment, no empty segment
/// behind the authority, no backslash, white space or character beyond ASCII, which URL parsers read as something
/// else, no fragment, which is no part of what is asked for, and no
/// escape of a character that needs none, of a separator, or of another escape.
pub(super) fn is_normal(uri: &str) -> bool {
    let path = uri.find("://").map_or(uri, |at| uri.get(at + 3..).unwrap_or_default());
    let mut segments = path.split('/').skip(1).peekable();
    let mut plain = true;
    while let Some(segment) = segments.next() {
        let (name, _) = segment.split_once(['?', '#', ';']).unwrap_or((segment, ""));
        let is_last = segments.peek().is_none();
        plain &= !matches!(name, "." | "..") && (is_last || !segment.is_empty());
    }
    plain
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\#".contains(&byte))
        && uri.split('%').skip(1).all(is_needed_escape)
}

/// Whether a text begins with two digits of an escape that must stay one.
fn is_needed_escape(text: &str) -> bool {
    let Some(digits) = text.get(..2) else { return false };
    let in_capitals = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    let byte = u8::from_str_radix(digits, 16).ok().filter(|_| in_capitals);
    byte.is_some_and(|byte| {
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !unreserved && !b"/\\%".contains(&byte) && byte >= b' '
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_normalization_would_change_is_not_normal() {
        for (uri, expected) in [
            ("file:///pub/a.txt", true),
            ("file:///pub/", true),
            ("file:///pub/...", true),
            ("https://a.example/b/c?d=../e", true),
            ("urn:isbn:0451450523", true),
            ("orders://42/items", true),
            ("file:///pub/a%20b%C3%A4", true),
            ("file:///{+path}", true),
            ("file:///pub/..", false),
            ("file:///pub/../a", false),
            ("file:///pub/a#b", false),
            ("file:///pub/ä", false),
            ("file:///pub/..;/a", false),
            ("file:///pub/..?x", false),
            ("file:///pub/./a", false),
            ("file:///pub//a", false),
            ("file:///pub/..\\a", false),
            ("file:///pub/%2E%2E/a", false),
            ("file:///pub/%2e./a", false),
            ("file:///pub/%252e", false),
            ("file:///pub%2Fa", false),
            ("file:///pub/%61", false),
            ("file:///pub/%c3%a4", false),
            ("file:///pub/%0A", false),
            ("file:///pub/.\t./a", false),
            ("file:///pub/%", false),
            ("file:///pub/%zz", false),
            ("file:///pub/%+1", false),
        ] {
            assert_eq!(is_normal(uri), expected, "{uri}");
        }
    }
}

//! The one reader of PEM ([RFC 7468]).
//!
//! The RFC has a strict grammar for those who write PEM, and asks those who read it to take more.
//! Here the lines may have any length and any white space in and around them, down to a text of one
//! line: between the two boundaries only the letters of base64 count. Text before the first block
//! and whatever follows it is not read.
//!
//! It is written by hand because the crates at hand either read by the strict grammar
//! (`pem-rfc7468`), or take what precedes a blank line for headers (`pem`).
//!
//! [RFC 7468]: https://www.rfc-editor.org/rfc/rfc7468

use base64_simd::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// Why a text is not the PEM that is wanted; each message says what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// There is no text.
    #[error("the PEM text is empty; was the file or variable read?")]
    Empty,
    /// There is no boundary `-----BEGIN …-----`.
    #[error("not PEM: it has no line -----BEGIN ...-----; give the whole block with both of its lines")]
    NoBegin,
    /// There is no boundary `-----END …-----` after the data.
    #[error("the PEM is cut short: it has no line -----END ...-----; give the whole block")]
    NoEnd,
    /// The labels of the two boundaries differ.
    #[error("the lines BEGIN and END of the PEM name different things; give one block unchanged")]
    Labels,
    /// The line breaks are written as a backslash and a letter, as in JSON or in a shell variable.
    #[error("the line breaks of the PEM are written as \\n; put real line breaks there, or spaces")]
    EscapedLineBreaks,
    /// There is something else than base64 between the boundaries.
    #[error("what stands between the lines BEGIN and END of the PEM is not base64")]
    Base64,
    /// A private key, encrypted or not, where a public key belongs.
    #[error("the PEM holds a private key; give the public key, and keep the private one where it signs")]
    PrivateKey,
    /// Neither a public key nor a certificate, but for example a certificate request.
    #[error(
        "the PEM holds neither a public key nor a certificate; its label must be PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE"
    )]
    NoPublicKey,
}

/// One block: what its boundaries say that it is, and its data, not decoded yet.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    data: &'a str,
}

impl<'a> Block<'a> {
    /// The first block of a text.
    pub(crate) fn first_of(text: &'a str) -> Result<Self, PemError> {
        const BOUNDARY: &str = "-----";
        if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() {
            return Err(PemError::Empty);
        }
        let (_, begun) = text.split_once("-----BEGIN ").ok_or(PemError::NoBegin)?;
        let (label, rest) = begun.split_once(BOUNDARY).ok_or(PemError::NoBegin)?;
        if label.contains(['\n', '\r', '\\']) {
            return Err(PemError::NoBegin);
        }
        let (data, rest) = rest.split_once(BOUNDARY).ok_or(PemError::NoEnd)?;
        let end = rest.strip_prefix("END ").and_then(|end| Some(end.split_once(BOUNDARY)?.0));
        match end.ok_or(PemError::NoEnd)? {
            end if end == label => Ok(Self { label, data }),
            _ => Err(PemError::Labels),
        }
    }

    /// Its data, wiped when it is dropped: a private key may be among them, also where a public one was
    /// asked for.
    pub(crate) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        if self.data.contains(['\\']) {
            return Err(PemError::EscapedLineBreaks);
        }
        // Made long enough at once: a buffer that grew would leave its beginnings behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.data.len()));
        bytes.extend(self.data.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
        let letters = bytes.len() - padding;
        bytes.truncate(letters);
        let length = STANDARD_NO_PAD.decode_inplace(&mut bytes).map_err(|_| PemError::Base64)?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The base64 of `hello, world: PEM!`.
    const DATA: &str = "aGVsbG8sIHdvcmxkOiBQRU0h";

    fn read(text: &str) -> Result<(&str, Vec<u8>), PemError> {
        let block = Block::first_of(text)?;
        Ok((block.label, block.decode()?.to_vec()))
    }

    #[test]
    fn only_the_letters_between_the_boundaries_count() {
        let (a, b) = DATA.split_at(10);
        for (name, text) in [
            ("as it is written", format!("-----BEGIN X-----\n{DATA}\n-----END X-----\n")),
            ("CRLF", format!("-----BEGIN X-----\r\n{a}\r\n{b}\r\n-----END X-----\r\n")),
            ("old Mac line breaks", format!("-----BEGIN X-----\r{a}\r{b}\r-----END X-----\r")),
            ("no line break at the end", format!("-----BEGIN X-----\n{DATA}\n-----END X-----")),
            ("lines of odd lengths", format!("-----BEGIN X-----\n{a}\n{b}\n-----END X-----")),
            ("blank lines", format!("\n\n-----BEGIN X-----\n\n{a}\n\n{b}\n\n-----END X-----\n\n")),
            ("trailing spaces", format!("-----BEGIN X-----  \n{a}  \n{b}\t\n-----END X-----  \n")),
            ("indented", format!("  -----BEGIN X-----\n  {a}\n\t{b}\n  -----END X-----\n")),
            ("one line with spaces", format!("-----BEGIN X----- {a} {b} -----END X-----")),
            ("one line without", format!("-----BEGIN X-----{DATA}-----END X-----")),
            ("a byte order mark", format!("\u{feff}-----BEGIN X-----\n{DATA}\n-----END X-----\n")),
            ("text before it", format!("subject=CN = a\n-----BEGIN X-----\n{DATA}\n-----END X-----\n")),
            ("in quotes", format!("\"-----BEGIN X-----\n{DATA}\n-----END X-----\"")),
            (
                "another block after it",
                format!("-----BEGIN X-----\n{DATA}\n-----END X-----\n-----BEGIN Y-----\n*\n-----END Y-----"),
            ),
        ] {
            assert_eq!(read(&text), Ok(("X", b"hello, world: PEM!".to_vec())), "{name}");
        }
    }

    #[test]
    fn padding_may_be_there_or_not() {
        for (data, expected) in [("aGk=", "hi"), ("aGk", "hi"), ("aA==", "h"), ("aA", "h"), ("", "")] {
            let text = format!("-----BEGIN X-----\n{data}\n-----END X-----");
            assert_eq!(read(&text), Ok(("X", expected.as_bytes().to_vec())), "{data}");
        }
    }

    #[test]
    fn each_mistake_is_told_apart() {
        for (name, text, expected) in [
            ("nothing", "", PemError::Empty),
            ("blanks", " \r\n\u{feff}", PemError::Empty),
            ("a path", "/etc/key.pem", PemError::NoBegin),
            ("the data alone", DATA, PemError::NoBegin),
            ("too few dashes", "----BEGIN X----\naGk=\n----END X----", PemError::NoBegin),
            ("a boundary that is not closed", "-----BEGIN X\naGk=\n-----END X-----", PemError::NoBegin),
            ("only the first line", "-----BEGIN X-----", PemError::NoEnd),
            ("no last line", "-----BEGIN X-----\naGk=\n", PemError::NoEnd),
            ("half of the last line", "-----BEGIN X-----\naGk=\n-----END X", PemError::NoEnd),
            (
                "the next block in place of the last line",
                "-----BEGIN X-----\naGk=\n-----BEGIN X-----\naGk=\n-----END X-----",
                PemError::NoEnd,
            ),
            ("another label at the end", "-----BEGIN X-----\naGk=\n-----END Y-----", PemError::Labels),
            (
                "line breaks as in JSON",
                r"-----BEGIN X-----\naGk=\n-----END X-----\n",
                PemError::EscapedLineBreaks,
            ),
            (
                "line breaks as in JSON on Windows",
                r"-----BEGIN X-----\r\naGk=\r\n-----END X-----",
                PemError::EscapedLineBreaks,
            ),
            ("other letters", "-----BEGIN X-----\naG*=\n-----END X-----", PemError::Base64),
            ("base64url", "-----BEGIN X-----\na_-_\n-----END X-----", PemError::Base64),
            ("padding in the middle", "-----BEGIN X-----\naGk=aGk=\n-----END X-----", PemError::Base64),
            ("one letter too many", "-----BEGIN X-----\naGkaG\n-----END X-----", PemError::Base64),
            ("stray bits", "-----BEGIN X-----\naGl=\n-----END X-----", PemError::Base64),
            ("headers", "-----BEGIN X-----\nProc-Type: 4\n\naGk=\n-----END X-----", PemError::Base64),
        ] {
            assert_eq!(read(text).map(drop), Err(expected), "{name}");
        }
    }
}

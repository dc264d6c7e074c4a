//! The JOSE headers that an issuer's keys have signed, already parsed.
//!
//! Every token that one key signs has the same header, byte for byte, so what a second token costs
//! here is a comparison. An entry says what a text says, and nothing about whose word it is: the
//! key is still looked up, and the signature still checked. Only headers of good signatures are
//! kept, so that only the issuer can fill the places.

use std::{fmt, sync::OnceLock};

use crate::token::JoseHeader;

/// More than the headers of all keys of any issuer seen; beyond it headers are parsed each time.
const PLACES: usize = 64;

/// Headers by their raw segment; filled once, never emptied: it goes with its key set.
pub(crate) struct HeaderMemo(Box<[OnceLock<Entry>]>);

struct Entry {
    segment: Box<[u8]>,
    header: JoseHeader<'static>,
}

impl HeaderMemo {
    /// The header that this segment holds, if it was seen under a good signature.
    pub(crate) fn get(&self, segment: &[u8]) -> Option<&JoseHeader<'static>> {
        let filled = self.0.iter().map_while(OnceLock::get);
        filled.filter(|entry| *entry.segment == *segment).map(|entry| &entry.header).next()
    }

    /// Keeps a header whose signature was good.
    pub(crate) fn keep(&self, segment: &[u8], header: &JoseHeader<'_>) {
        let mut entry = Entry { segment: segment.into(), header: header.to_owned() };
        for place in &self.0 {
            // Another thread may be faster; then the next place, unless it was the same header.
            match place.set(entry) {
                Ok(()) => return,
                Err(back) if place.get().is_some_and(|taken| taken.segment == back.segment) => return,
                Err(back) => entry = back,
            }
        }
    }
}

impl Default for HeaderMemo {
    fn default() -> Self {
        Self((0..PLACES).map(|_| OnceLock::new()).collect())
    }
}

/// A copy of a key set begins with an empty memo.
impl Clone for HeaderMemo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for HeaderMemo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderMemo")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::TokenLimits;

    #[test]
    fn headers_are_kept_once_by_their_exact_segment_and_within_bounds() {
        let memo = HeaderMemo::default();
        let limits = TokenLimits::default();
        for n in 0..PLACES + 10 {
            let json = format!(r#"{{"alg":"RS256","kid":"{n}"}}"#);
            let header = JoseHeader::parse(json.as_bytes(), &limits).unwrap();
            for _ in 0..2 {
                memo.keep(format!("segment {n}").as_bytes(), &header);
            }
        }
        for (segment, kid) in [
            ("segment 0", Some("0")),
            ("segment 63", Some("63")),
            ("segment 64", None),
            ("segment", None),
            ("", None),
        ] {
            let found = memo.get(segment.as_bytes()).and_then(|header| header.kid.as_deref());
            assert_eq!(found, kid, "{segment}");
        }
    }
}

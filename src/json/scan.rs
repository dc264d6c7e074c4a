//! A cursor over JSON text, with which `grammar` reads all of RFC 8259.
//!
//! The plain part of a payload has a reader of its own in `token`, which reads less and is some 400 instructions
//! faster for each token.

/// Reads a text from its beginning. Each function that reads returns `None` for what is not there.
#[derive(Clone)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    /// The next byte to read.
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// What was read since a position.
    #[inline(always)]
    pub(crate) fn since(&self, begin: usize) -> Option<&'a str> {
        self.text.get(begin..self.at)
    }

    #[inline(always)]
    pub(crate) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over the byte that was seen last.
    #[inline(always)]
    pub(crate) const fn pass(&mut self) {
        self.at += 1;
    }

    /// The next byte that is no white space; `None` at the end.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.pass(),
                other => return Some(other),
            }
        }
    }

    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.pass();
        Some(byte)
    }

    #[inline(always)]
    pub(crate) fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// The rest of `true`, `false` or `null`.
    #[inline(always)]
    pub(crate) fn word(&mut self, rest: &str) -> Option<()> {
        let end = self.at + rest.len();
        let same = self.text.as_bytes().get(self.at..end)? == rest.as_bytes();
        self.at = end;
        same.then_some(())
    }

    /// Only white space is left.
    #[inline(always)]
    pub(crate) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Goes to the next byte of which `is` holds, eight bytes at a time: `marks` sets the high bit of the
    /// first such byte among them, and none before it. Most strings here are short: what `memchr` spends on
    /// getting ready for long texts would double the cost of each.
    #[inline(always)]
    pub(crate) fn find(&mut self, is: impl Fn(u8) -> bool, marks: impl Fn(u64) -> u64) -> Option<()> {
        let mut rest = self.text.as_bytes().get(self.at..)?;
        while let Some((chunk, behind)) = rest.split_first_chunk() {
            let found = marks(u64::from_le_bytes(*chunk)) & HIGH_BITS;
            if found != 0 {
                self.at = self.text.len() - rest.len() + found.trailing_zeros() as usize / 8;
                return Some(());
            }
            rest = behind;
        }
        self.at = self.text.len() - rest.len() + rest.iter().position(|byte| is(*byte))?;
        Some(())
    }
}

const HIGH_BITS: u64 = every(0x80);

/// Eight times the same byte.
pub(crate) const fn every(byte: u8) -> u64 {
    u64::MAX / 255 * byte as u64
}

/// Marks the bytes below `bound`, which is at most 0x80, by their high bits. A bit above the lowest may be set
/// for another byte, to which a borrow came.
#[inline(always)]
pub(crate) const fn below(bound: u8, bytes: u64) -> u64 {
    bytes.wrapping_sub(every(bound)) & !bytes
}

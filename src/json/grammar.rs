//! All of JSON (RFC 8259), read where it stands: nothing is made of a value but where it begins and ends.
//!
//! A text is refused for what is not in the grammar, and for nothing else: names may occur twice, numbers may be
//! of any size, values may nest without end. What of it matters, [`Outline`] says.

use smallvec::SmallVec;

use super::{
    outline::Outline,
    scan::{Scan, below, every},
};

impl<'a> Scan<'a> {
    /// Reads one value.
    pub(crate) fn value(&mut self) -> Option<Outline<'a>> {
        self.peek()?;
        let begin = self.position();
        // On a cursor of its own, which the compiler keeps in registers.
        let mut scan = self.clone();
        scan.skip()?;
        *self = scan;
        self.since(begin).map(Outline::new)
    }

    /// Reads one value. Of an object, `member` is given each name and has to read its value.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Outline<'a>) -> Option<()>,
    ) -> Option<Outline<'a>> {
        if self.peek()? != b'{' {
            return self.value();
        }
        let begin = self.position();
        self.pass();
        self.list(b'}', |scan| {
            let name = scan.name()?;
            member(scan, name)
        })?;
        self.since(begin).map(Outline::new)
    }

    /// Reads what follows an opening bracket or brace; `each` reads what is between commas.
    pub(super) fn list(&mut self, close: u8, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.is_empty(close)? {
            return Some(());
        }
        loop {
            each(self)?;
            match self.next()? {
                b',' => {}
                other => return (other == close).then_some(()),
            }
        }
    }

    /// Whether a container that was opened is closed at once.
    #[inline(always)]
    fn is_empty(&mut self, close: u8) -> Option<bool> {
        let empty = self.peek()? == close;
        if empty {
            self.pass();
        }
        Some(empty)
    }

    /// Reads the name of a member, and the colon.
    #[inline(always)]
    fn name(&mut self) -> Option<Outline<'a>> {
        self.expect(b'"')?;
        let begin = self.position() - 1;
        self.string()?;
        let name = self.since(begin)?;
        self.expect(b':')?;
        Some(Outline::new(name))
    }

    /// Passes over one value. What is open is kept in a list: a client chooses how deep values nest.
    #[inline(always)]
    fn skip(&mut self) -> Option<()> {
        let mut outer = SmallVec::<[u8; 32]>::new();
        // What closes the innermost container; 0 where there is none.
        let mut close = 0;
        loop {
            let opened = match self.next()? {
                b'{' => b'}',
                b'[' => b']',
                first => {
                    self.scalar(first)?;
                    0
                }
            };
            let mut ended = opened == 0 || self.is_empty(opened)?;
            if !ended {
                outer.push(close);
                close = opened;
            }
            while ended {
                if close == 0 {
                    return Some(());
                }
                ended = match self.next()? {
                    b',' => false,
                    other if other == close => {
                        close = outer.pop()?;
                        true
                    }
                    _ => return None,
                };
            }
            if close == b'}' {
                self.expect(b'"')?;
                self.string()?;
                self.expect(b':')?;
            }
        }
    }

    /// Passes over what follows the first byte of a value that is no container.
    #[inline(always)]
    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b't' => self.word("rue"),
            b'f' => self.word("alse"),
            b'n' => self.word("ull"),
            first => self.number(first),
        }
    }

    /// Passes over what follows an opening quote.
    #[inline(always)]
    fn string(&mut self) -> Option<()> {
        let ends = |byte| matches!(byte, b'"' | b'\\' | 0..b' ');
        // With the quote in the place of the space, what ends is all that is below one bound, and the backslash.
        let marks = |bytes| below(b' ' + 1, bytes ^ every(b'"' ^ b' ')) | below(1, bytes ^ every(b'\\'));
        loop {
            self.find(ends, marks)?;
            match self.byte()? {
                b'"' => {
                    self.pass();
                    return Some(());
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    /// Passes over an escape. Half a surrogate pair is in the grammar (RFC 8259 section 8.2).
    #[inline(always)]
    fn escape(&mut self) -> Option<()> {
        self.pass();
        let kind = self.byte()?;
        self.pass();
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
            b'u' => {
                for _ in 0..4 {
                    self.byte().filter(u8::is_ascii_hexdigit)?;
                    self.pass();
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Passes over what follows the first byte of a number.
    #[inline(always)]
    fn number(&mut self, first: u8) -> Option<()> {
        let mut first = first;
        if first == b'-' {
            first = self.byte()?;
            self.pass();
        }
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.byte() == Some(b'.') {
            self.pass();
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.pass();
            if let Some(b'+' | b'-') = self.byte() {
                self.pass();
            }
            self.some_digits()?;
        }
        Some(())
    }

    #[inline(always)]
    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.byte() {
            self.pass();
        }
    }

    #[inline(always)]
    fn some_digits(&mut self) -> Option<()> {
        let begin = self.position();
        self.digits();
        (self.position() > begin).then_some(())
    }
}

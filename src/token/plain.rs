//! The plain part of JSON, read in one quick walk: it is all that most payloads are made of.
//!
//! What JSON is, serde_json decides, under the strictness of `crate::json`. This reader knows a part of it:
//! objects, arrays, strings without escapes, whole numbers of up to 19 digits, `true`, `false`,
//! `null`, and spaces. It never refuses. On anything else (a `\`, a `.`, a line feed, a `$`, which the
//! private names of serde_json begin with), on too much (depth, members), and on every fault (a
//! duplicate, a missing comma) it gives up, and the strict pass reads the text from its beginning. So a
//! fault here could only be to accept, and what is accepted is small enough to be seen at a glance; tests
//! hold it against the strict pass.
//!
//! What it saves is most of what a payload costs: a visitor and a result for each member, and a
//! scan that has to look for escapes and control characters, which here are looked for once, in
//! the whole text, many bytes at a time.

use std::{borrow::Cow, ops::Range};

use smallvec::SmallVec;

use super::{
    TokenLimits,
    claims::{Kept, Sink},
    names::{ClaimId, ClaimNames},
};
use crate::json::Strict;

/// The most members of one object that have no number; beyond it the strict pass has a hash table.
const MEMBERS: usize = 24;

/// Reads `text` into claims that are empty; on `None` they are to be emptied again.
pub(super) fn read<'a>(text: &'a str, limits: &TokenLimits, sink: Sink<'_, 'a>) -> Option<()> {
    // Without a branch for each byte, so that the compiler can take many at once.
    if text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'\\') | (byte == b'$')) {
        return None;
    }
    let mut plain = Plain { text, at: 0, nesting: limits.nesting.min(TokenLimits::MAX_NESTING), sink };
    let mut others = Members::default();
    plain.expect(b'{')?;
    plain.members(|plain, name| {
        let mark = ClaimNames::mark(name);
        let wanted = plain.sink.names.marked(mark, name);
        match wanted.and_then(|id| Some((id, plain.sink.place(id)?))) {
            Some((id, claim)) if matches!(claim.get(), Kept::Absent) => {
                claim.set(plain.value(Strict::FIRST_INNER_LEVEL, Some(id))?);
            }
            Some(_) => return None,
            None => {
                others.insert(mark, name)?;
                plain.skip(Strict::FIRST_INNER_LEVEL)?;
            }
        }
        Some(())
    })?;
    match plain.peek() {
        Some(_) => None,
        None => Some(()),
    }
}

struct Plain<'c, 'a> {
    /// Has neither control characters, nor a backslash, nor `$`.
    text: &'a str,
    /// The next byte to read.
    at: usize,
    nesting: u32,
    sink: Sink<'c, 'a>,
}

impl<'a> Plain<'_, 'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no space; `None` at the end.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' => self.at += 1,
                other => return Some(other),
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// Where the string is that follows the opening quote. No quote is escaped here, so the first
    /// one ends it.
    #[inline(always)]
    fn string(&mut self) -> Option<Range<usize>> {
        let begin = self.at;
        let end = begin + quote(self.text.as_bytes().get(begin..)?)?;
        self.at = end + 1;
        Some(begin..end)
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        let range = self.string()?;
        self.text.get(range)
    }

    /// What follows the first digit. A fraction or an exponent is left for the caller to meet.
    #[inline(always)]
    fn number(&mut self, first: u8) -> Option<u64> {
        let digit = |byte: u8| u64::from(byte & 0xF);
        let (mut number, begin) = (digit(first), self.at);
        while let Some(byte @ b'0'..=b'9') = self.byte() {
            number = number.wrapping_mul(10).wrapping_add(digit(byte));
            self.at += 1;
        }
        // Nothing follows a zero in front, and 19 digits always fit.
        let more = self.at - begin;
        (more == 0 || (first != b'0' && more < 19)).then_some(number)
    }

    /// The rest of `true`, `false` or `null`.
    fn word(&mut self, rest: &str) -> Option<()> {
        let end = self.at + rest.len();
        let same = self.text.as_bytes().get(self.at..end)? == rest.as_bytes();
        self.at = end;
        same.then_some(())
    }

    /// What follows the opening brace; `value` reads the value of the member that it is given.
    fn members(&mut self, mut value: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.expect(b'"')?;
            let name = self.string()?;
            let name = self.text.as_bytes().get(name)?;
            self.expect(b':')?;
            value(self, name)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// What follows the opening bracket; `item` reads one.
    fn items(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            item(self)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// A value that is kept. `level` is its own, if it is a container; `claim` is `None` for an item of
    /// an array.
    #[inline(always)]
    fn value(&mut self, level: u32, claim: Option<ClaimId>) -> Option<Kept<'a>> {
        Some(match self.next()? {
            b'"' => Kept::Borrowed(self.text()?),
            first @ b'0'..=b'9' => Kept::Integer(self.number(first)?),
            b't' => {
                self.word("rue")?;
                Kept::Bool(true)
            }
            b'f' => {
                self.word("alse")?;
                Kept::Bool(false)
            }
            b'n' => {
                self.word("ull")?;
                Kept::Null
            }
            open @ (b'[' | b'{') => return self.container(open, level, claim),
            _ => return None,
        })
    }

    /// A value inside a container.
    #[inline(never)]
    fn inner_value(&mut self, level: u32, claim: Option<ClaimId>) -> Option<Kept<'a>> {
        self.value(level, claim)
    }

    /// What follows an opening bracket or brace.
    #[inline(never)]
    fn container(&mut self, open: u8, level: u32, claim: Option<ClaimId>) -> Option<Kept<'a>> {
        match (open, claim.filter(|claim| self.sink.names.looks_inside(*claim))) {
            (b'[', Some(outer)) => self.items_inside(level, outer),
            (b'[', None) => self.array(level),
            (_, Some(outer)) => self.members_inside(level, outer),
            (_, None) => {
                let (mut count, mut strings) = (0, true);
                self.object(level, |is_string| {
                    count += 1;
                    strings &= is_string;
                })?;
                Some(if strings { Kept::StringMembers(count) } else { Kept::Object })
            }
        }
    }

    fn array(&mut self, level: u32) -> Option<Kept<'a>> {
        self.check_level(level)?;
        let (from, mut strings_only) = (self.sink.strings.len(), true);
        self.items(|plain| {
            if plain.peek()? == b'"' {
                plain.at += 1;
                let text = plain.text()?;
                plain.sink.strings.push(Cow::Borrowed(text));
            } else {
                strings_only = false;
                plain.skip(level + 1)?;
            }
            Some(())
        })?;
        if strings_only {
            return Some(Kept::Strings(from, self.sink.strings.len()));
        }
        self.sink.strings.truncate(from);
        Some(Kept::Array)
    }

    /// What follows the opening bracket of an array of which some items are asked about.
    #[inline(never)]
    fn items_inside(&mut self, level: u32, outer: ClaimId) -> Option<Kept<'a>> {
        self.check_level(level)?;
        let (from, mut strings_only, mut index) = (self.sink.strings.len(), true, 0);
        self.items(|plain| {
            let claim = plain.sink.names.item(outer, index);
            index += 1;
            let is_string = plain.peek()? == b'"';
            strings_only &= is_string;
            if claim.is_none() && !is_string {
                return plain.skip(level + 1);
            }
            let item = plain.inner_value(level + 1, claim)?;
            if let Kept::Borrowed(text) = item {
                plain.sink.strings.push(Cow::Borrowed(text));
            }
            if let Some(claim) = claim {
                plain.sink.keep(claim, item);
            }
            Some(())
        })?;
        // The strings stay whatever else there is: items that are kept may be among them.
        Some(if strings_only { Kept::Strings(from, self.sink.strings.len()) } else { Kept::Array })
    }

    /// What follows the opening brace of an object of which some members are asked about.
    #[inline(never)]
    fn members_inside(&mut self, level: u32, outer: ClaimId) -> Option<Kept<'a>> {
        self.check_level(level)?;
        let (mut members, mut count, mut strings_only) = (Members::default(), 0, true);
        self.members(|plain, name| {
            members.insert(ClaimNames::mark(name), name)?;
            count += 1;
            strings_only &= plain.peek()? == b'"';
            let Some(inner) = plain.sink.names.inner(outer, name) else { return plain.skip(level + 1) };
            plain.sink.begin_member(outer, inner);
            let value = plain.inner_value(level + 1, Some(inner))?;
            plain.sink.keep_member(outer, inner, Cow::Borrowed(str::from_utf8(name).ok()?), value);
            Some(())
        })?;
        Some(if strings_only { Kept::StringMembers(count) } else { Kept::Object })
    }

    /// A value that is not kept: mostly a string.
    #[inline]
    fn skip(&mut self, level: u32) -> Option<()> {
        match self.next()? {
            b'"' => self.string().map(drop),
            other => self.skip_other(other, level),
        }
    }

    #[inline(never)]
    fn skip_other(&mut self, first: u8, level: u32) -> Option<()> {
        match first {
            first @ b'0'..=b'9' => self.number(first).map(drop),
            b't' => self.word("rue"),
            b'f' => self.word("alse"),
            b'n' => self.word("ull"),
            b'[' => {
                self.check_level(level)?;
                self.items(|plain| plain.skip(level + 1))
            }
            b'{' => self.object(level, |_| {}),
            _ => None,
        }
    }

    /// `each` is told for each member whether its value is a string.
    fn object(&mut self, level: u32, mut each: impl FnMut(bool)) -> Option<()> {
        self.check_level(level)?;
        let mut members = Members::default();
        self.members(|plain, name| {
            members.insert(ClaimNames::mark(name), name)?;
            each(plain.peek()? == b'"');
            plain.skip(level + 1)
        })
    }

    fn check_level(&self, level: u32) -> Option<()> {
        (level <= self.nesting).then_some(())
    }
}

/// Where the first quote is, eight bytes at a time. Most strings here are short: what `memchr` spends on
/// getting ready for long texts would double the cost of each.
#[inline(always)]
fn quote(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let mut rest = text;
    while let Some((chunk, behind)) = rest.split_first_chunk() {
        let difference = u64::from_le_bytes(*chunk) ^ (ONES * b'"' as u64);
        // The lowest high bit that is set is that of the first byte without a difference.
        let found = difference.wrapping_sub(ONES) & !difference & (ONES << 7);
        if found != 0 {
            return Some(text.len() - rest.len() + found.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    Some(text.len() - rest.len() + rest.iter().position(|byte| *byte == b'"')?)
}

/// The member names of one object so far.
#[derive(Default)]
struct Members<'a> {
    names: SmallVec<[&'a [u8]; MEMBERS]>,
    /// A bit for the mark of each: a name whose bit is not there is not there.
    marks: u64,
}

impl<'a> Members<'a> {
    /// `None` for a name that is there already, and when there are too many.
    #[inline(always)]
    fn insert(&mut self, mark: u8, name: &'a [u8]) -> Option<()> {
        let bit = 1 << (mark & 63);
        let known = self.marks & bit != 0 && self.names.contains(&name);
        if known || self.names.len() == MEMBERS {
            return None;
        }
        self.marks |= bit;
        self.names.push(name);
        Some(())
    }
}

#[cfg(test)]
mod tests;

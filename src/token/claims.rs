//! The payload (RFC 7519 section 4): the claims that some rule asks about are kept, borrowed from the
//! text; the others are checked and passed over. `plain` reads it where it can, and `strict`
//! where it cannot; it is the strict pass that refuses.
//!
//! Which claims are asked about is known when a server is built ([`ClaimNames`]): a rule finds its
//! claim by number. Those inside other claims are found in the same pass. Nothing is allocated for a
//! payload as they are usually sent.

use std::{borrow::Cow, cell::Cell};

use smallvec::SmallVec;

use super::{
    TokenLimits,
    names::{ClaimId, ClaimNames},
    plain, strict,
};
use crate::{error::Malformed, time::UnixTime};

/// The value of a claim, as a rule sees it.
///
/// Objects and mixed arrays are told apart but not kept; what a rule asks about inside them has a
/// number of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ClaimValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that is a whole number of 0..2⁶⁴.
    Integer(u64),
    /// Any other number: negative, or with a fraction or an exponent.
    Float(f64),
    /// A string.
    String(&'a str),
    /// An array of strings only; also the empty array.
    Strings(&'a [Cow<'a, str>]),
    /// An array with other things than strings in it.
    Array,
    /// An object whose members are all strings: how many there are. Also the empty object.
    StringMembers(usize),
    /// Any other object.
    Object,
}

impl<'a> ClaimValue<'a> {
    /// The string, if it is one.
    pub(crate) const fn as_str(self) -> Option<&'a str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The moment, if it is a `NumericDate` (RFC 7519 section 2): a finite number, not negative.
    pub(crate) fn as_numeric_date(self) -> Option<UnixTime> {
        match self {
            Self::Integer(secs) => Some(UnixTime::from_secs(secs)),
            Self::Float(secs) => UnixTime::from_secs_f64(secs),
            _ => None,
        }
    }

    /// The strings of a claim that is a string or an array of strings, such as `aud`; `None` for
    /// any other type.
    pub(crate) fn as_strings(self) -> Option<impl Iterator<Item = &'a str> + Clone> {
        let (one, several) = match self {
            Self::String(text) => (Some(text), &[][..]),
            Self::Strings(texts) => (None, texts),
            _ => return None,
        };
        Some(one.into_iter().chain(several.iter().map(|text| &**text)))
    }
}

/// The claims of one payload that have a number; not yet verified.
#[derive(Debug, PartialEq)]
pub(crate) struct Claims<'a> {
    /// By the numbers of their names.
    pub(super) kept: SmallVec<[Kept<'a>; INLINE]>,
    strings: Strings<'a>,
    members: Vec<Member<'a>>,
    null_is_absent: bool,
}

/// A member of an object whose members are asked about; only those that are objects themselves.
#[derive(Debug, PartialEq)]
pub(crate) struct Member<'a> {
    /// The object.
    of: ClaimId,
    pub(crate) name: Cow<'a, str>,
    /// When it ends by the `exp` inside; `None` without one. A member whose `exp` is no date is not kept.
    pub(crate) ends: Option<UnixTime>,
}

/// As many as a server of one kind of issuer asks about.
const INLINE: usize = 20;

/// The strings of arrays, and those that had to be copied; of all claims, so that a payload with a
/// few of them costs no allocation.
type Strings<'a> = SmallVec<[Cow<'a, str>; 4]>;

/// What is kept of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kept<'a> {
    Absent,
    Null,
    Bool(bool),
    Integer(u64),
    Float(f64),
    /// A string as it stands in the payload.
    Borrowed(&'a str),
    /// One of the [`Strings`].
    Copied(usize),
    /// Those from the first on, up to the second.
    Strings(usize, usize),
    Array,
    StringMembers(usize),
    Object,
}

impl<'a> Claims<'a> {
    /// No claims yet.
    #[inline]
    pub(crate) fn none(names: &ClaimNames) -> Self {
        let kept = match names.count() {
            few @ 0..=INLINE => SmallVec::from_buf_and_len([Kept::Absent; INLINE], few),
            many => SmallVec::from_elem(Kept::Absent, many),
        };
        Self { kept, strings: SmallVec::new(), members: Vec::new(), null_is_absent: false }
    }

    /// Reads the claims of a payload; once, into none.
    ///
    /// # Errors
    /// [`Malformed::Payload`], [`Malformed::DuplicateMember`], [`Malformed::ReservedName`] or
    /// [`Malformed::TooDeep`].
    pub(crate) fn read(
        &mut self,
        json: &'a str,
        names: &ClaimNames,
        limits: &TokenLimits,
    ) -> Result<(), Malformed> {
        if plain::read(json, limits, self.sink(names)).is_some() {
            return Ok(());
        }
        *self = Self::none(names);
        strict::read(json, limits, self.sink(names))
    }

    /// Where one pass puts what it finds.
    pub(super) fn sink<'c>(&'c mut self, names: &'c ClaimNames) -> Sink<'c, 'a> {
        let kept = Cell::from_mut(self.kept.as_mut_slice()).as_slice_of_cells();
        Sink { names, kept, strings: &mut self.strings, members: &mut self.members }
    }

    /// Whether a claim that is `null` counts as absent, as the profile of the issuer has it.
    pub(crate) fn null_is_absent(&mut self, is: bool) {
        self.null_is_absent = is;
    }

    /// The members of an object whose members are [asked about](ClaimNames::intern_members), in their
    /// order.
    pub(crate) fn members(&self, id: ClaimId) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().filter(move |member| member.of == id)
    }

    /// The string of a claim: as it stands in the text, or a copy where it stands there with escapes.
    pub(super) fn text(&self, id: ClaimId) -> Option<Cow<'a, str>> {
        match *self.kept.get(id.0)? {
            Kept::Borrowed(text) => Some(Cow::Borrowed(text)),
            Kept::Copied(at) => self.strings.get(at).cloned(),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn get(&self, id: ClaimId) -> Option<ClaimValue<'_>> {
        Some(match *self.kept.get(id.0)? {
            Kept::Absent => return None,
            Kept::Null if self.null_is_absent => return None,
            Kept::Null => ClaimValue::Null,
            Kept::Bool(is) => ClaimValue::Bool(is),
            Kept::Integer(number) => ClaimValue::Integer(number),
            Kept::Float(number) => ClaimValue::Float(number),
            Kept::Borrowed(text) => ClaimValue::String(text),
            Kept::Copied(at) => ClaimValue::String(self.strings.get(at)?),
            Kept::Strings(from, to) => ClaimValue::Strings(self.strings.get(from..to)?),
            Kept::Array => ClaimValue::Array,
            Kept::StringMembers(count) => ClaimValue::StringMembers(count),
            Kept::Object => ClaimValue::Object,
        })
    }
}

/// Where a pass over a payload puts what it finds.
pub(super) struct Sink<'c, 'a> {
    pub(super) names: &'c ClaimNames,
    kept: &'c [Cell<Kept<'a>>],
    pub(super) strings: &'c mut Strings<'a>,
    members: &'c mut Vec<Member<'a>>,
}

impl<'c, 'a> Sink<'c, 'a> {
    /// The place of a claim.
    #[inline]
    pub(super) fn place(&self, claim: ClaimId) -> Option<&'c Cell<Kept<'a>>> {
        self.kept.get(claim.0)
    }

    /// Before the value of the claim `inner` is read, which is a member of the object `outer`: one claim
    /// may stand for several members, and what was kept inside the last is no part of this one.
    pub(super) fn begin_member(&self, outer: ClaimId, inner: ClaimId) {
        if let Some(end) = self.end_of_member(outer, inner) {
            end.set(Kept::Absent);
        }
    }

    /// Keeps the claim `inner`, which is the member `name` of the object `outer`.
    pub(super) fn keep_member(
        &mut self,
        outer: ClaimId,
        inner: ClaimId,
        name: Cow<'a, str>,
        value: Kept<'a>,
    ) {
        self.keep(inner, value);
        let Some(end) = self.end_of_member(outer, inner).map(Cell::get) else { return };
        let date = match end {
            Kept::Integer(secs) => ClaimValue::Integer(secs).as_numeric_date(),
            Kept::Float(secs) => ClaimValue::Float(secs).as_numeric_date(),
            _ => None,
        };
        let is_object = matches!(value, Kept::Object | Kept::StringMembers(_));
        if is_object && (end == Kept::Absent || date.is_some()) {
            self.members.push(Member { of: outer, name, ends: date });
        }
    }

    pub(super) fn keep(&self, claim: ClaimId, value: Kept<'a>) {
        if let Some(place) = self.place(claim) {
            place.set(value);
        }
    }

    fn end_of_member(&self, outer: ClaimId, inner: ClaimId) -> Option<&'c Cell<Kept<'a>>> {
        self.place(self.names.end_of_member(outer, inner)?)
    }
}

#[cfg(test)]
mod tests;

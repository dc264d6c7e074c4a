//! The names of the claims that are asked about, as small numbers.

use std::mem;

use super::path::{ClaimPath, array_index};

/// The number of a claim within its [`ClaimNames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimId(pub(super) usize);

/// The names of the claims that the profiles of a server ask about, also of those inside others.
///
/// Each member of each payload is looked up here, so a name is found by a mark that costs three
/// loads: most claim names have three letters, and differ in the first or the last. What is inside a
/// claim is looked at only where [`looks_inside`](Self::looks_inside) says so.
#[derive(Clone, Debug)]
pub(crate) struct ClaimNames {
    names: Vec<Known>,
    /// The newest name of each mark, by its number.
    newest: Box<[usize; MARKS]>,
}

#[derive(Clone, Debug)]
struct Known {
    name: Box<str>,
    /// The place in an array that the name stands for, if it stands for one.
    index: Option<usize>,
    /// The next older name of the same mark; of a claim inside another, the next older one in there.
    older: usize,
    /// The newest claim inside this one.
    newest_inner: usize,
    /// The claim that stands for each member of this one, where its members are asked about.
    member: Option<ClaimId>,
}

const MARKS: usize = 256;

/// The number of no name.
const NONE: usize = usize::MAX;

/// The member in which a member says when it ends.
const END: &str = "exp";

impl Default for ClaimNames {
    fn default() -> Self {
        Self { names: Vec::new(), newest: Box::new([NONE; MARKS]) }
    }
}

impl ClaimNames {
    /// The number of the claim at `path`, given now if it has none yet.
    pub(crate) fn intern(&mut self, path: impl Into<ClaimPath>) -> ClaimId {
        let path = path.into();
        let mut segments = path.segments();
        let first = segments.next().unwrap_or_default();
        let outermost = self.intern_member(&first);
        segments.fold(outermost, |outer, name| self.intern_inner(outer, &name))
    }

    /// Asks for the members of the claim, and when each of them ends.
    pub(crate) fn intern_members(&mut self, claim: ClaimId) {
        if self.member(claim).is_some() {
            return;
        }
        let member = self.add("", NONE);
        self.intern_inner(member, END);
        let mut inner = self.names.get(claim.0).map_or(NONE, |known| known.newest_inner);
        if let Some(known) = self.names.get_mut(claim.0) {
            known.member = Some(member);
        }
        while let Some(known) = self.names.get(inner) {
            let older = known.older;
            self.intern_inner(ClaimId(inner), END);
            inner = older;
        }
    }

    fn intern_member(&mut self, name: &str) -> ClaimId {
        let mark = Self::mark(name.as_bytes());
        self.marked(mark, name.as_bytes()).unwrap_or_else(|| {
            let id = self.names.len();
            let mut older = NONE;
            if let Some(newest) = self.newest.get_mut(usize::from(mark)) {
                older = mem::replace(newest, id);
            }
            self.add(name, older)
        })
    }

    fn intern_inner(&mut self, outer: ClaimId, name: &str) -> ClaimId {
        let newest = self.names.get(outer.0).map_or(NONE, |known| known.newest_inner);
        self.among(newest, name.as_bytes()).unwrap_or_else(|| {
            let inner = self.add(name, newest);
            if let Some(outer) = self.names.get_mut(outer.0) {
                outer.newest_inner = inner.0;
            }
            if self.member(outer).is_some() {
                self.intern_inner(inner, END);
            }
            inner
        })
    }

    fn add(&mut self, name: &str, older: usize) -> ClaimId {
        self.names.push(Known {
            name: name.into(),
            index: array_index(name),
            older,
            newest_inner: NONE,
            member: None,
        });
        ClaimId(self.names.len() - 1)
    }

    /// How many names there are; their numbers are below it.
    pub(super) const fn count(&self) -> usize {
        self.names.len()
    }

    /// The number of `name`, whose mark is `mark`.
    #[inline]
    pub(super) fn marked(&self, mark: u8, name: &[u8]) -> Option<ClaimId> {
        self.among(*self.newest.get(usize::from(mark))?, name)
    }

    /// The number of `name` among the names from `newest` on.
    #[inline]
    fn among(&self, newest: usize, name: &[u8]) -> Option<ClaimId> {
        let mut id = newest;
        while let Some(known) = self.names.get(id) {
            if known.name.as_bytes() == name {
                return Some(ClaimId(id));
            }
            id = known.older;
        }
        None
    }

    /// Whether something inside the claim is asked about.
    #[inline]
    pub(super) fn looks_inside(&self, claim: ClaimId) -> bool {
        let inside = |known: &Known| known.newest_inner != NONE || known.member.is_some();
        self.names.get(claim.0).is_some_and(inside)
    }

    /// The claim that is the member `name` of the claim `outer`.
    pub(super) fn inner(&self, outer: ClaimId, name: &[u8]) -> Option<ClaimId> {
        let outer = self.names.get(outer.0)?;
        self.among(outer.newest_inner, name).or(outer.member)
    }

    /// The claim that is the item at `index` of the claim `outer`.
    pub(super) fn item(&self, outer: ClaimId, index: usize) -> Option<ClaimId> {
        let mut id = self.names.get(outer.0)?.newest_inner;
        while let Some(known) = self.names.get(id) {
            if known.index == Some(index) {
                return Some(ClaimId(id));
            }
            id = known.older;
        }
        None
    }

    /// Where a member of the claim `outer`, which is the claim `inner`, says when it ends; if the
    /// members of `outer` are asked about.
    pub(super) fn end_of_member(&self, outer: ClaimId, inner: ClaimId) -> Option<ClaimId> {
        self.member(outer)?;
        self.among(self.names.get(inner.0)?.newest_inner, END.as_bytes())
    }

    fn member(&self, claim: ClaimId) -> Option<ClaimId> {
        self.names.get(claim.0)?.member
    }

    /// What tells most names apart at a glance.
    #[inline]
    pub(super) fn mark(name: &[u8]) -> u8 {
        let (first, last) = match name {
            [] => (0, 0),
            [first, .., last] => (*first, *last),
            [only] => (*only, 0),
        };
        (name.len() as u8).wrapping_add(first.wrapping_mul(5)).wrapping_add(last.wrapping_mul(11))
    }
}

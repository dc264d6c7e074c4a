//! The names of the claims that somebody asks about, as small numbers.

use std::mem;

/// The number of a claim name within its [`ClaimNames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimId(pub(super) usize);

/// The claim names that the rules of a server ask about.
///
/// Each member of each payload is looked up here, so a name is found by a mark that costs three
/// loads: most claim names have three letters, and differ in the first or the last.
#[derive(Clone, Debug)]
pub(crate) struct ClaimNames {
    names: Vec<Known>,
    /// The newest name of each mark, by its number.
    newest: Box<[usize; MARKS]>,
}

#[derive(Clone, Debug)]
struct Known {
    name: Box<str>,
    /// The next older name of the same mark.
    older: usize,
}

const MARKS: usize = 256;

/// The number of no name.
const NONE: usize = usize::MAX;

impl Default for ClaimNames {
    fn default() -> Self {
        Self { names: Vec::new(), newest: Box::new([NONE; MARKS]) }
    }
}

impl ClaimNames {
    /// The number of `name`, given now if it has none yet.
    pub(crate) fn intern(&mut self, name: &str) -> ClaimId {
        let mark = Self::mark(name.as_bytes());
        self.marked(mark, name.as_bytes()).unwrap_or_else(|| {
            let id = self.names.len();
            let mut older = NONE;
            if let Some(newest) = self.newest.get_mut(usize::from(mark)) {
                older = mem::replace(newest, id);
            }
            self.names.push(Known { name: name.into(), older });
            ClaimId(id)
        })
    }

    /// How many names there are; their numbers are below it.
    pub(super) const fn count(&self) -> usize {
        self.names.len()
    }

    /// The number of `name`, whose mark is `mark`.
    #[inline]
    pub(super) fn marked(&self, mark: u8, name: &[u8]) -> Option<ClaimId> {
        let mut id = *self.newest.get(usize::from(mark))?;
        while let Some(known) = self.names.get(id) {
            if known.name.as_bytes() == name {
                return Some(ClaimId(id));
            }
            id = known.older;
        }
        None
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

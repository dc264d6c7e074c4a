//! Which leaves a verified token meets: found out when it is first asked, and kept with the token.
//!
//! What a token says does not change, so neither does whether it meets a leaf. The server numbers the leaves of
//! its requirements; for each a token keeps two bits: whether it was asked, and what came out. A hit then reads
//! bits: no JSON, no allocation. Only `max_age` depends on the moment, and a predicate on the request.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Facts, Leaf, facts::NoDate};
use crate::time::UnixTime;

/// As many different leaves as the requirements of one server may have; those beyond are judged anew for each
/// request. Only an application that makes layers and guards for each request comes so far.
const MAX_LEAVES: usize = 4096;

/// The leaves of a server's requirements, each once, by number.
#[derive(Debug, Default)]
pub(crate) struct KnownLeaves(Mutex<Vec<Leaf>>);

impl KnownLeaves {
    /// The number of a leaf, unless there are too many.
    pub(super) fn number(&self, leaf: &Leaf) -> Option<usize> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.iter().position(|one| one == leaf) {
            return Some(number);
        }
        (known.len() < MAX_LEAVES).then(|| {
            known.push(leaf.clone());
            known.len() - 1
        })
    }

    /// Whether a leaf would get the next number.
    pub(crate) fn is_new(&self, leaf: &Leaf) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.len() < MAX_LEAVES && !known.contains(leaf)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What one token meets.
#[derive(Debug, Default)]
pub(crate) struct Memo(OnceLock<Box<Known>>);

#[derive(Debug)]
struct Known {
    /// Two bits for each leaf that there was when they were made.
    answers: Box<[AtomicU64]>,
    auth_time: OnceLock<Result<Option<UnixTime>, NoDate>>,
    /// For leaves that the server got since then.
    more: Memo,
}

/// Leaves that one word has the answers for.
const IN_A_WORD: usize = 32;

impl Known {
    fn new(leaves: usize) -> Self {
        let words = leaves.div_ceil(IN_A_WORD).max(1);
        Self {
            answers: (0..words).map(|_| AtomicU64::new(0)).collect(),
            auth_time: OnceLock::new(),
            more: Memo::default(),
        }
    }
}

/// Leaves that are answered by one word, together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Together {
    word: usize,
    mask: u64,
}

impl Together {
    /// These leaves; `None` where one word does not have them all.
    pub(super) fn new(numbers: &[usize]) -> Option<Self> {
        let word = numbers.first()? / IN_A_WORD;
        let mask = |number: &usize| 0b11 << (number % IN_A_WORD * 2);
        let in_word = numbers.iter().all(|number| number / IN_A_WORD == word);
        in_word.then(|| Self { word, mask: numbers.iter().map(mask).fold(0, |all, bits| all | bits) })
    }
}

impl Memo {
    /// Whether it is known that the token meets all leaves of one of these.
    #[inline]
    pub(super) fn meets_one_of(&self, alternatives: &[Together]) -> bool {
        let mut memo = self;
        while let Some(known) = memo.0.get() {
            let has = |word: usize, mask| {
                known.answers.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & mask == mask)
            };
            if alternatives.iter().any(|together| has(together.word, together.mask)) {
                return true;
            }
            memo = &known.more;
        }
        false
    }

    #[inline]
    fn first(&self, known: &KnownLeaves) -> &Known {
        self.0.get_or_init(|| Box::new(Known::new(known.len())))
    }

    /// Whether the token meets the leaf of this number, which `judge` says once.
    #[inline]
    pub(super) fn is_met(&self, number: usize, known: &KnownLeaves, judge: impl FnOnce() -> bool) -> bool {
        let mut answers = self.first(known);
        let word = loop {
            match answers.answers.get(number / IN_A_WORD) {
                Some(word) => break word,
                None => answers = answers.more.first(known),
            }
        };
        let place = number % IN_A_WORD * 2;
        match word.load(Ordering::Relaxed) >> place & 0b11 {
            0b11 => true,
            0b01 => false,
            _ => {
                // Another thread may find it out at the same time, and finds the same.
                let met = judge();
                word.fetch_or((1 | u64::from(met) << 1) << place, Ordering::Relaxed);
                met
            }
        }
    }

    /// When the user logged in.
    pub(super) fn auth_time(
        &self,
        known: &KnownLeaves,
        facts: &Facts<'_>,
    ) -> Result<Option<UnixTime>, NoDate> {
        *self.first(known).auth_time.get_or_init(|| facts.auth_time())
    }
}

/// What came out of leaves, by their places, while one request is judged: those that no token keeps. An application's
/// predicate is then asked once.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Two bits for each of the first, as in a word of [`Memo`].
    first: Cell<u64>,
    more: OnceCell<Box<RefCell<BTreeMap<usize, bool>>>>,
}

impl Answers {
    /// Whether the leaf at this place is met, which `judge` says once.
    #[inline]
    pub(super) fn get(&self, place: usize, judge: impl FnOnce() -> bool) -> bool {
        if place >= IN_A_WORD {
            let more = self.more.get_or_init(Box::default);
            let known = more.borrow().get(&place).copied();
            return known.unwrap_or_else(|| {
                let met = judge();
                more.borrow_mut().insert(place, met);
                met
            });
        }
        match self.first.get() >> (place * 2) & 0b11 {
            0b11 => true,
            0b01 => false,
            _ => {
                let met = judge();
                self.first.set(self.first.get() | (1 | u64::from(met) << 1) << (place * 2));
                met
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_judged_once_also_one_that_came_later() {
        let known = KnownLeaves::default();
        let leaf = |n: u64| Leaf::MaxAge(n);
        assert!(known.is_new(&leaf(0)));
        let memo = Memo::default();
        let ask = |number: usize, met: bool| {
            let mut asked = 0;
            let answer = memo.is_met(number, &known, || {
                asked += 1;
                met
            });
            (answer, asked)
        };
        assert_eq!(
            (known.number(&leaf(0)), known.number(&leaf(1)), known.number(&leaf(0))),
            (Some(0), Some(1), Some(0))
        );
        assert_eq!((ask(0, true), ask(0, false)), ((true, 1), (true, 0)));
        assert_eq!((ask(1, false), ask(1, true)), ((false, 1), (false, 0)));
        for n in 2..200 {
            assert_eq!(known.number(&leaf(n)), Some(n as usize));
        }
        for number in [31, 32, 63, 64, 150, 199] {
            assert_eq!(
                (ask(number, number % 2 == 1), ask(number, true)),
                ((number % 2 == 1, 1), (number % 2 == 1, 0))
            );
        }
        assert_eq!(ask(0, false), (true, 0));
        for (numbers, met) in [
            (&[0][..], true),
            (&[0, 31], true),
            (&[0, 1], false),
            (&[0, 2], false),
            (&[63], true),
            (&[199], true),
            (&[150], false),
        ] {
            let together: Vec<_> = Together::new(numbers).into_iter().collect();
            assert_eq!((together.len(), memo.meets_one_of(&together)), (1, met), "{numbers:?}");
        }
        assert!(Together::new(&[31, 32]).is_none() && Together::new(&[]).is_none());
    }

    #[test]
    fn there_are_so_many_numbers_and_no_more() {
        let known = KnownLeaves::default();
        for n in 0..MAX_LEAVES {
            assert_eq!(known.number(&Leaf::MaxAge(n as u64)), Some(n));
        }
        assert_eq!(known.number(&Leaf::NotDelegated), None);
        assert!(!known.is_new(&Leaf::NotDelegated), "it gets none");
        assert_eq!(known.number(&Leaf::MaxAge(7)), Some(7));
    }
}

//! Whether what one list names is in another: in time linear in both, also where an attacker chose one.
//!
//! A token may list thousands of scopes or audiences, and a configuration hundreds: each with each
//! took 15 ms of a request.

use std::{
    cell::{Cell, OnceCell},
    collections::HashSet,
};

use foldhash::fast::RandomState;

/// Up to so many in one of the lists, comparing each with each is faster than hashing.
const FEW: usize = 8;

/// Whether every one of `needed` is in `have`.
pub(crate) fn has_all<'a, 'b>(
    have: impl Iterator<Item = &'a str> + Clone,
    needed: impl Iterator<Item = &'b str> + Clone,
) -> bool {
    if is_short(&have) || is_short(&needed) {
        return { needed }.all(|need| have.clone().any(|have| have == need));
    }
    let have: HashSet<&str, RandomState> = have.collect();
    { needed }.all(|need| have.contains(need))
}

/// Whether one of `wanted` is in `have`.
pub(crate) fn has_any<'a, 'b>(
    have: impl Iterator<Item = &'a str> + Clone,
    wanted: impl Iterator<Item = &'b str> + Clone,
) -> bool {
    if is_short(&have) || is_short(&wanted) {
        return { wanted }.any(|want| have.clone().any(|have| have == want));
    }
    let have: HashSet<&str, RandomState> = have.collect();
    { wanted }.any(|want| have.contains(want))
}

fn is_short<'a>(list: &(impl Iterator<Item = &'a str> + Clone)) -> bool {
    list.clone().nth(FEW).is_none()
}

/// Texts in which others are looked for, one after another. A look compares with each; when so many looked into
/// a long list, it is hashed: so all looks together take time linear in the texts and in the looks.
#[derive(Debug, Default)]
pub(crate) struct Texts<'a> {
    list: Vec<&'a str>,
    looks: Cell<usize>,
    set: OnceCell<HashSet<&'a str, RandomState>>,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(list: Vec<&'a str>) -> Self {
        count(list.len());
        Self { list, ..Self::default() }
    }

    /// The texts, as they came.
    pub(crate) fn list(&self) -> &[&'a str] {
        &self.list
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        if self.list.len() > FEW {
            let looks = self.looks.get();
            if looks >= FEW {
                count(1);
                return self.set.get_or_init(|| self.list.iter().copied().collect()).contains(text);
            }
            self.looks.set(looks + 1);
        }
        count(self.list.len());
        self.list.contains(&text)
    }

    /// Whether every one of `needed` is here.
    pub(crate) fn has_all(&self, needed: &[Box<str>]) -> bool {
        needed.iter().all(|text| self.has(text))
    }

    /// Whether one of `wanted` is here.
    pub(crate) fn has_any(&self, wanted: &[Box<str>]) -> bool {
        wanted.iter().any(|text| self.has(text))
    }
}

/// Counts how many texts were looked at, in tests.
#[cfg(not(test))]
const fn count(_: usize) {}

#[cfg(test)]
use looks::count;

#[cfg(test)]
pub(crate) mod looks {
    use std::cell::Cell;

    thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count(texts: usize) {
        LOOKS.set(LOOKS.get() + texts);
    }

    /// How many texts [`Texts`](super::Texts) looked at in this thread since this was last asked.
    pub(crate) fn take() -> usize {
        LOOKS.take()
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, ops::Range};

    use super::*;

    /// The texts of these numbers, each look at one counted.
    fn counted<'a>(texts: &'a [String], looks: &'a Cell<usize>) -> impl Iterator<Item = &'a str> + Clone {
        let look = move |text: &'a String| {
            looks.set(looks.get() + 1);
            text.as_str()
        };
        texts.iter().map(look)
    }

    #[test]
    fn lists_are_compared_in_time_linear_in_both() {
        let names = |range: Range<usize>| -> Vec<_> { range.map(|n| format!("scope:{n}")).collect() };
        for (name, have, wanted, all, any) in [
            ("300 of 2 100, the last", 0..2100, 1800..2100, true, true),
            ("all but one", 0..2100, 1801..2101, false, true),
            ("none", 0..2100, 5000..5300, false, false),
            ("300 have, 2 100 are wanted", 0..300, 299..2399, false, true),
            ("one of 2 100", 0..2100, 2099..2100, true, true),
            ("8 of 2 100", 0..2100, 2092..2100, true, true),
            ("9 of 2 100", 0..2100, 2091..2100, true, true),
            ("2 100 of one", 7..8, 0..2100, false, true),
            ("nothing wanted", 0..2100, 0..0, true, false),
            ("nothing there", 0..0, 0..300, false, false),
            ("nothing at all", 0..0, 0..0, true, false),
        ] {
            let (have, wanted) = (names(have), names(wanted));
            let most = 2 * FEW * (have.len() + wanted.len() + 1);
            let looks = Cell::new(0);
            assert_eq!(has_all(counted(&have, &looks), counted(&wanted, &looks)), all, "{name}");
            assert!(looks.get() <= most, "{name}: {} looks for all", looks.get());
            looks.set(0);
            assert_eq!(has_any(counted(&have, &looks), counted(&wanted, &looks)), any, "{name}");
            assert!(looks.get() <= most, "{name}: {} looks for any", looks.get());
        }
    }

    #[test]
    fn looks_one_after_another_take_time_linear_in_the_texts_and_the_looks() {
        let names =
            |range: Range<usize>| -> Vec<Box<str>> { range.map(|n| format!("role:{n}").into()).collect() };
        for (name, have, wanted, found) in [
            ("300 of 2 100, none", 0..2100, 5000..5300, 0),
            ("300 of 2 100, all", 0..2100, 1800..2100, 300),
            ("2 100 of 300", 0..300, 299..2399, 1),
            ("2 100 of 8", 0..8, 7..2107, 1),
            ("2 100 of none", 0..0, 0..2100, 0),
            ("8 of 2 100", 0..2100, 2092..2100, 8),
        ] {
            let (have, wanted) = (names(have), names(wanted));
            let texts = Texts::new(have.iter().map(AsRef::as_ref).collect());
            looks::take();
            assert_eq!(wanted.iter().filter(|text| texts.has(text)).count(), found, "{name}");
            let looks = looks::take();
            assert!(looks <= FEW * (have.len() + wanted.len()), "{name}: {looks} looks");
            assert_eq!(texts.has_all(&wanted), found == wanted.len(), "{name}");
            assert_eq!(texts.has_any(&wanted), found > 0, "{name}");
        }
    }
}

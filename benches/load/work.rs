//! Requests that several connections take from, in turn.

use std::{cell::Cell, rc::Rc, time::Duration};

use tower_resource_server::time::{Clock, SystemClock};

pub(crate) struct Work<T> {
    requests: Rc<[T]>,
    taken: Cell<usize>,
    /// Each request once, then it is over.
    once: bool,
    begin: Duration,
    until: Duration,
}

impl<T> Work<T> {
    /// For so long, or until each request was taken `once`.
    pub(crate) fn new(requests: &Rc<[T]>, once: bool, time: Duration) -> Rc<Self> {
        let begin = SystemClock.monotonic();
        let until = begin.saturating_add(time);
        Rc::new(Self { requests: Rc::clone(requests), taken: Cell::new(0), once, begin, until })
    }

    pub(crate) fn next(&self) -> Option<&T> {
        let number = self.taken.get();
        if (self.once && number == self.requests.len()) || SystemClock.monotonic() > self.until {
            return None;
        }
        self.taken.set(number + 1);
        self.requests.get(number % self.requests.len())
    }

    /// How many there were, and how long it took until now.
    pub(crate) fn done(&self) -> (u64, Duration) {
        (self.taken.get() as u64, SystemClock.monotonic() - self.begin)
    }
}

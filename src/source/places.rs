//! Bounded waiting: a request that waits for keys holds a place.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A bounded number of places; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct WaiterPlaces(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    taken: AtomicUsize,
    capacity: usize,
}

impl WaiterPlaces {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Arc::new(Counter { taken: AtomicUsize::new(0), capacity }))
    }

    /// A place, unless all are taken.
    pub(super) fn take(&self) -> Option<Place> {
        let next = |taken: usize| (taken < self.0.capacity).then_some(taken + 1);
        self.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        Some(Place(Arc::clone(&self.0)))
    }

    pub(super) fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }
}

/// One place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Counter>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_its_places_and_each_comes_back() {
        let places = WaiterPlaces::new(2);
        let (a, b) = (places.take(), places.clone().take());
        assert!(a.is_some() && b.is_some() && places.take().is_none());
        drop(a);
        assert_eq!((places.taken(), places.take().is_some()), (1, true));
    }
}

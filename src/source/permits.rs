//! Bounded waiting: a request that waits for keys holds a permit.
//!
//! Anyone can name an issuer in a token, so no issuer's permits may be had by naming others. The
//! permits of a server are divided by the kind of issuer: configured ones, tenants whose keys have
//! verified a token, and candidates, which have verified nothing and get few. Of each kind half is
//! divided equally among the issuers that there can be, at least one permit for each, and the other
//! half is for those who need more.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::settings::{MAX_WAITERS_OF_CANDIDATES, MAX_WAITERS_PER_SERVER};
use crate::verify::Wanted;

/// Of an issuer's own permits, one in so many is for bad signatures: anyone can make them, so they
/// must leave the others to requests whose key is unknown.
const SHARE_OF_BAD_SIGNATURES: usize = 8;

/// How many permits are taken.
#[derive(Debug, Default)]
struct Counter(AtomicUsize);

impl Counter {
    /// Counts one more, unless `capacity` are taken.
    fn take(self: &Arc<Self>, capacity: usize) -> Option<Taken> {
        let next = |taken: usize| (taken < capacity).then_some(taken + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        Some(Taken(Arc::clone(self)))
    }

    fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Taken(Arc<Counter>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The permits of the issuers of one kind; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct PermitPool {
    /// How many are each issuer's own.
    reserved: usize,
    /// How many the issuers share beyond those.
    capacity: usize,
    shared: Arc<Counter>,
}

impl PermitPool {
    /// So many permits for so many issuers.
    pub(super) fn new(permits: usize, issuers: usize) -> Self {
        let issuers = issuers.max(1);
        let reserved = (permits / 2 / issuers).max(1);
        let capacity = permits.saturating_sub(reserved.saturating_mul(issuers));
        Self { reserved, capacity, shared: Arc::default() }
    }
}

/// How many issuers of each kind a server can have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IssuerCounts {
    pub(crate) configured: usize,
    pub(crate) tenants: usize,
    pub(crate) candidates: usize,
}

/// The permits of one server.
#[derive(Clone, Debug)]
pub(crate) struct WaiterPools {
    pub(super) configured: PermitPool,
    pub(super) tenants: PermitPool,
    pub(super) candidates: PermitPool,
}

impl WaiterPools {
    /// Divides [`MAX_WAITERS_PER_SERVER`] among the kinds of issuers that a server has.
    pub(crate) fn new(issuers: IssuerCounts) -> Self {
        let tenants = match issuers {
            IssuerCounts { tenants: 0, .. } => 0,
            IssuerCounts { configured: 0, .. } => MAX_WAITERS_PER_SERVER,
            _ => MAX_WAITERS_PER_SERVER / 2,
        };
        let candidates = MAX_WAITERS_OF_CANDIDATES.min(tenants);
        Self {
            configured: PermitPool::new(MAX_WAITERS_PER_SERVER - tenants, issuers.configured),
            tenants: PermitPool::new(tenants - candidates, issuers.tenants),
            candidates: PermitPool::new(candidates, issuers.candidates),
        }
    }
}

/// The requests that wait on one issuer.
#[derive(Debug)]
pub(super) struct Waiters {
    most: usize,
    /// With permits of its own.
    own: Arc<Counter>,
    /// With permits that are shared.
    others: Arc<Counter>,
    /// Of those with permits of its own, the ones with a bad signature.
    bad_signatures: Arc<Counter>,
}

impl Waiters {
    pub(super) fn new(most: usize) -> Self {
        Self { most, own: Arc::default(), others: Arc::default(), bad_signatures: Arc::default() }
    }

    /// A permit for a request that wants this, unless all that the issuer may have for it are taken.
    pub(super) fn take(&self, pool: &PermitPool, wanted: Wanted) -> Option<Permit> {
        let reserved = pool.reserved.min(self.most);
        if wanted == Wanted::ExchangedKey {
            let share = self.bad_signatures.take(reserved.div_ceil(SHARE_OF_BAD_SIGNATURES))?;
            return Some(Permit { _of_issuer: self.own.take(reserved)?, _of_share: Some(share) });
        }
        if let Some(own) = self.own.take(reserved) {
            return Some(Permit { _of_issuer: own, _of_share: None });
        }
        let other = self.others.take(self.most - reserved)?;
        let shared = pool.shared.take(pool.capacity)?;
        Some(Permit { _of_issuer: other, _of_share: Some(shared) })
    }

    pub(super) fn held(&self) -> usize {
        self.own.taken() + self.others.taken()
    }
}

/// One permit; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    _of_issuer: Taken,
    /// What is shared with other issuers, or with other requests of this one.
    _of_share: Option<Taken>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many as can be had.
    fn all(waiters: &Waiters, pool: &PermitPool) -> Vec<Permit> {
        std::iter::from_fn(|| waiters.take(pool, Wanted::UnknownKey)).collect()
    }

    #[test]
    fn an_issuer_holds_its_own_permits_and_the_shared_ones_up_to_its_bound() {
        for (name, most, permits, issuers, expected) in [
            ("its bound", 3, 100, 1, 3),
            ("its own and the shared ones", 100, 8, 4, 1 + 4),
            ("the only one has all", 100, 7, 1, 7),
            ("more issuers than permits", 100, 7, 9, 1),
            ("a bound of nothing", 0, 8, 1, 0),
        ] {
            let (pool, waiters) = (PermitPool::new(permits, issuers), Waiters::new(most));
            let held = all(&waiters, &pool);
            assert_eq!((held.len(), waiters.held()), (expected, expected), "{name}");
            drop(held);
            assert_eq!((waiters.held(), pool.shared.taken()), (0, 0), "{name}");
        }
    }

    #[test]
    fn bad_signatures_hold_an_eighth_of_what_is_the_issuers_own() {
        for (name, most, permits, issuers, expected) in [
            ("the only issuer", 1024, 4096, 1, 128),
            ("one of many", 1024, 4096, 32, 8),
            ("fewer permits than eight", 1024, 8, 1, 1),
            ("one permit", 1024, 7, 9, 1),
            ("a bound of nothing", 0, 8, 1, 0),
        ] {
            let (pool, waiters) = (PermitPool::new(permits, issuers), Waiters::new(most));
            let held: Vec<_> =
                std::iter::from_fn(|| waiters.take(&pool, Wanted::ExchangedKey)).take(5_000).collect();
            assert_eq!((held.len(), waiters.held()), (expected, expected), "{name}");
            assert_eq!(pool.shared.taken(), 0, "{name}: nothing that other issuers may need");
            let others = all(&waiters, &pool).len();
            assert!(others + held.len() >= most.min(permits / issuers), "{name}: {others} are left");
            drop(held);
            assert_eq!(waiters.held(), 0, "{name}");
        }
    }

    #[test]
    fn each_issuer_has_its_own_permits_when_the_others_hold_all_they_can() {
        for (issuers, own) in [(2, 512), (5, 204), (32, 32), (200, 5), (5_000, 1)] {
            let pool = PermitPool::new(2048, issuers);
            // One after the other, each takes what it can.
            let sources: Vec<_> = (0..issuers).map(|_| Waiters::new(2048)).collect();
            let held: Vec<_> = sources.iter().flat_map(|source| all(source, &pool)).collect();
            assert_eq!(held.len(), issuers.max(2048), "{issuers} issuers");
            assert_eq!(sources.iter().map(Waiters::held).min(), Some(own), "{issuers} issuers");
        }
    }

    #[test]
    fn a_server_divides_its_permits_among_the_kinds_of_issuers_that_it_has() {
        for (configured, tenants, candidates, expected) in [
            (1, 0, 0, [4096, 1, 1]),
            (5, 0, 0, [4096, 1, 1]),
            (0, 200, 32, [1, 3840, 256]),
            (1, 200, 32, [2048, 1792, 256]),
            (5, 400, 64, [2048, 1792, 256]),
        ] {
            let pools = WaiterPools::new(IssuerCounts { configured, tenants, candidates });
            let kinds =
                [(pools.configured, configured), (pools.tenants, tenants), (pools.candidates, candidates)];
            let permits = kinds.map(|(pool, issuers)| pool.capacity + pool.reserved * issuers.max(1));
            assert_eq!(permits, expected, "{configured} {tenants} {candidates}");
        }
    }
}

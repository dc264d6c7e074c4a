use std::{
    collections::HashSet,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use proptest::prelude::*;

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

fn at(secs: u64) -> UnixTime {
    NOW.saturating_add(Duration::from_secs(secs))
}

#[test]
fn promise_13_an_id_counts_once_and_until_its_end() {
    let store = MemorySpentStore::new(3);
    let spent = Err(SpendError::AlreadySpent);
    for (name, id, until, now, expected) in [
        ("the first", "a", 10, 0, Ok(())),
        ("again", "a", 10, 0, spent),
        ("again with a later end", "a", 99, 0, spent),
        ("another", "b", 5, 0, Ok(())),
        ("ended already", "c", 1, 1, spent),
        ("at the last moment", "c", 3, 2, Ok(())),
        ("no space, whatever the id", "d", 100, 2, Err(SpendError::Full)),
        ("one that is held is known all the same", "b", 5, 2, spent),
        ("space as soon as one ends", "d", 100, 3, Ok(())),
        ("and no more than that", "e", 100, 3, Err(SpendError::Full)),
        ("the end of b makes space", "e", 100, 5, Ok(())),
    ] {
        assert_eq!(store.spend(id.as_bytes(), at(until), at(now)), expected, "{name}");
    }
    assert_eq!(store.len(), 3);
}

#[test]
fn promise_13_an_end_within_a_second_revives_nothing() {
    let store = MemorySpentStore::new(1);
    let spent = Err(SpendError::AlreadySpent);
    for (name, id, until, now, expected) in [
        ("the first", "a", 10_500, 0, Ok(())),
        ("again", "a", 10_500, 10_499, spent),
        ("ended, and held until the second is over", "b", 20_000, 10_999, Err(SpendError::Full)),
        ("then there is space", "b", 20_000, 11_000, Ok(())),
        ("the clock is set back", "a", 10_500, 10_000, spent),
        ("it might be a", "c", 11_000, 10_000, spent),
    ] {
        let at = |millis| NOW.saturating_add(Duration::from_millis(millis));
        assert_eq!(store.spend(id.as_bytes(), at(until), at(now)), expected, "{name}");
    }
}

#[test]
fn promise_13_a_full_store_refuses_and_forgets_nothing() {
    let store = MemorySpentStore::new(100);
    for id in 0..100_u32 {
        store.spend(&id.to_be_bytes(), at(600), NOW).unwrap();
    }
    for id in 100..10_000_u32 {
        assert_eq!(store.spend(&id.to_be_bytes(), at(600), NOW), Err(SpendError::Full));
    }
    for id in 0..100_u32 {
        assert_eq!(store.spend(&id.to_be_bytes(), at(600), at(599)), Err(SpendError::AlreadySpent));
    }
    assert_eq!(MemorySpentStore::new(0).spend(b"a", at(1), NOW), Err(SpendError::Full));
}

#[test]
fn promise_13_a_clock_set_back_revives_nothing() {
    let store = MemorySpentStore::default();
    store.spend(b"a", at(600), NOW).unwrap();
    store.spend(b"b", at(1_200), at(600)).unwrap();
    assert_eq!(store.len(), 1, "a has ended and is cleared away");
    assert_eq!(store.spend(b"a", at(600), at(300)), Err(SpendError::AlreadySpent));
    assert_eq!(store.spend(b"c", at(600), at(300)), Err(SpendError::AlreadySpent), "it might be a");
    assert_eq!(store.spend(b"d", at(601), at(300)), Ok(()));
}

#[test]
fn a_clock_gone_astray_for_a_moment_refuses_nothing_afterwards() {
    let store = MemorySpentStore::default();
    store.spend(b"a", at(600), NOW).unwrap();
    let year = 365 * 86_400;
    store.spend(b"b", at(year + 600), at(year)).unwrap();
    assert_eq!(store.spend(b"c", at(601), at(1)), Ok(()));
}

#[test]
fn ended_ids_are_cleared_away_a_few_at_a_time_and_all_in_the_end() {
    let store = MemorySpentStore::default();
    for id in 0..1_000_u32 {
        store.spend(&id.to_be_bytes(), at(u64::from(id % 50) + 1), NOW).unwrap();
    }
    let mut last = store.len();
    for id in 0..20_u32 {
        store.spend(&[9, 9, 9, 9, id as u8], at(10_000), at(5_000)).unwrap();
        assert!(last + 1 - store.len() <= CLEARED_PER_CALL);
        last = store.len();
    }
    assert_eq!(last, 20);
}

#[test]
fn promise_13_of_a_thousand_at_once_one_spends_the_id() {
    let store = MemorySpentStore::default();
    let (spent, threads) = (AtomicUsize::new(0), 50);
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                for _ in 0..1_000 / threads {
                    if store.spend(b"one", at(600), NOW).is_ok() {
                        spent.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!((spent.into_inner(), store.len()), (1, 1));
}

#[test]
fn debug_shows_no_id() {
    let store = MemorySpentStore::new(7);
    store.spend(b"secret", at(1), NOW).unwrap();
    assert_eq!(format!("{store:?}"), "MemorySpentStore { max: 7, len: 1 }");
}

proptest! {
    /// Against a set that forgets nothing: whatever the clock does, no id counts twice, and an id is
    /// refused only for a reason.
    #[test]
    fn promise_13_no_history_spends_an_id_twice(
        steps in prop::collection::vec((0_u64..40, -5_i64..12), 1..300),
        max in 1_usize..12,
    ) {
        let store = MemorySpentStore::new(max);
        let end_of = |id: u64| at(id * 5);
        let mut spent: HashSet<u64> = HashSet::new();
        let mut now = 0_u64;
        for (id, step) in steps {
            now = now.saturating_add_signed(step);
            let (until, refused) = (end_of(id), spent.contains(&id));
            match store.spend(&id.to_be_bytes(), until, at(now)) {
                Ok(()) => prop_assert!(!refused && until > at(now) && spent.insert(id)),
                Err(SpendError::Full) => prop_assert!(store.len() == max),
                Err(_) => {
                    let forgotten = || spent.iter().any(|other| until <= end_of(*other));
                    prop_assert!(refused || until <= at(now) || forgotten());
                }
            }
            prop_assert!(store.len() <= max);
        }
    }
}

//! Counts allocations, and the bytes that they hold.
//!
//! Only while it is asked for: the account of a request costs as much as a step of a hit, and belongs to
//! no row that is timed.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
};

/// An allocator that is watched.
pub(crate) struct Counting<A = System>(pub(crate) A);

static WATCHED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
    static HELD: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the allocator as it came.
#[expect(unsafe_code, reason = "a global allocator cannot be written without")]
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        account(1, layout.size(), 0);
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        account(0, 0, layout.size());
        unsafe { self.0.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        account(1, size, layout.size());
        unsafe { self.0.realloc(pointer, layout, size) }
    }
}

#[inline]
fn account(times: u32, taken: usize, given: usize) {
    if WATCHED.load(Ordering::Relaxed) {
        COUNT.set(COUNT.get() + times);
        HELD.set(HELD.get().wrapping_add(taken).wrapping_sub(given));
    }
}

/// How often `work` allocates on this thread, in Rust: C libraries have an allocator of their own.
pub(crate) fn count(work: impl FnOnce()) -> u32 {
    let watched = WATCHED.swap(true, Ordering::Relaxed);
    let before = COUNT.get();
    work();
    WATCHED.store(watched, Ordering::Relaxed);
    COUNT.get() - before
}

/// What `make` makes, and how many bytes it holds, in Rust and on this thread.
#[allow(dead_code, reason = "one bench asks")]
pub(crate) fn bytes_of<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let watched = WATCHED.swap(true, Ordering::Relaxed);
    let before = HELD.get();
    let made = make();
    WATCHED.store(watched, Ordering::Relaxed);
    (made, HELD.get().wrapping_sub(before))
}

/// Keeps the account from now on, for [`held`].
#[allow(dead_code, reason = "one bench asks")]
pub(crate) fn watch() {
    WATCHED.store(true, Ordering::Relaxed);
}

/// How many bytes this thread has asked for and not given back since [`watch`], in Rust. What one
/// thread allocates and another frees counts against the other: only differences on one thread mean
/// something.
#[allow(dead_code, reason = "one bench asks")]
pub(crate) fn held() -> usize {
    HELD.get()
}

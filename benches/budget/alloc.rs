//! Counts allocations, and the bytes that they hold.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

pub(crate) struct Counting;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
    static HELD: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator as it came.
#[expect(unsafe_code, reason = "a global allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        HELD.set(HELD.get().wrapping_add(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        HELD.set(HELD.get().wrapping_add(size).wrapping_sub(layout.size()));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How often `work` allocates on this thread, in Rust: C libraries have an allocator of their own.
pub(crate) fn count(work: impl FnOnce()) -> u32 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// How many bytes this thread has asked for and not given back, in Rust. What one thread allocates
/// and another frees counts against the other: only differences on one thread mean something.
#[allow(dead_code, reason = "one bench asks")]
pub(crate) fn held() -> usize {
    HELD.get()
}

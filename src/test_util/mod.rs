//! Tools for tests: of this crate, and of applications that are built on it.

mod clock;

pub use clock::ManualClock;

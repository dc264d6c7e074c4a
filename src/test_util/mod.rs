//! Tools for tests: of this crate, and of applications that are built on it.
//!
//! [`TestIssuer`] mints good tokens and tokens that are broken in one named way ([`Defect`]);
//! [`DpopKey`] makes the proofs of a client;
//! [`ManualClock`] is the time they are minted at, and moves only when a test moves it. Nothing
//! here opens a socket, sleeps or reads the time of day.

mod bridge;
mod clock;
mod defect;
mod dpop_key;
mod test_issuer;

pub use bridge::{inject, insert_identity};
pub use clock::ManualClock;
pub use defect::Defect;
pub use dpop_key::{DpopKey, DpopProof};
pub use test_issuer::{TestIssuer, TestIssuerBuilder};

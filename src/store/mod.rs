//! What a server remembers between requests: ids that were spent, so that nothing counts twice.
//!
//! - `nonces`: [`Nonces`], handed out to anyone and remembered nowhere until they are spent;
//!   `dpop_nonces`: [`DpopNonces`], remembered nowhere at all; `seal`: what both are made of.
//! - `envelope`: texts that hold something, for states of logins.
//! - `tickets`: [`Tickets`], tokens that are sealed for one request.
//! - `spent`: the seam, [`SpentStore`]; `memory`: the one in this process, [`MemorySpentStore`]; `refuse`:
//!   [`RefuseAll`], which takes nothing; `redis`: the one that several instances share (feature `redis`).
//! - `fingerprint`: what is kept of an id of any length.
//! - `spent_tokens`: tokens that count once, by the identifiers of their issuers.
//!
//! Two rules make the module safe against anyone who may ask for a nonce without proving anything:
//!
//! - **An issued nonce costs no memory.** It carries its own time of issue and a MAC, so that it is
//!   known again by computing, not by looking it up. Only a nonce that was *spent*, which takes a
//!   token that passed every other check, is stored, until its time is over.
//! - **A store that is full refuses.** It never makes space by forgetting an id that is still alive:
//!   that id could be spent again. (So it is no cache. The caches on offer evict by size, quietly
//!   and at a moment of their own choosing; bounded by time alone they grow without end.)

mod dpop_nonces;
#[cfg(feature = "identity-provider")]
mod envelope;
mod fingerprint;
mod memory;
mod nonces;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub mod redis;
mod refuse;
mod seal;
mod spent;
mod spent_tokens;
mod tickets;

pub use dpop_nonces::{DEFAULT_DPOP_NONCE_LIFETIME, DpopNonces};
pub(crate) use dpop_nonces::{JudgedNonce, NonceAge};
#[cfg(feature = "identity-provider")]
pub(crate) use envelope::Envelope;
pub(crate) use fingerprint::{Fingerprint, Fingerprints};
pub use memory::{DEFAULT_MAX_SPENT, DEFAULT_SHARE, MemorySpentStore};
pub use nonces::{DEFAULT_NONCE_LIFETIME, NonceError, NonceSetupError, Nonces};
pub use refuse::RefuseAll;
pub use spent::{Life, SpendError, Spending, SpentStore};
pub(crate) use spent::{remembers, succeed};
pub(crate) use spent_tokens::SpentTokens;
pub use tickets::{DEFAULT_TICKET_LIFETIME, MAX_TICKET_LIFETIME, TicketError, Tickets};

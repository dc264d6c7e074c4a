//! Keys: from a JWK, PEM, DER or raw components to a [`VerifyingKey`] that is parsed once, and
//! immutable [`KeySet`]s of them.
//!
//! - [`algorithm`](Algorithm): the signature algorithms, and sets of them.
//! - `error`: why bytes are not a key; `curve`: the curves of ECDSA keys.
//! - `verifying_key`: one public key (or configured secret) with the algorithms it may be used for.
//! - `pem`: the reader of PEM; `encoded`: public keys in DER, certificates included.
//! - `hash`: hashes as texts, thumbprints (RFC 7638) and `at_hash`.
//! - `legacy`: RSA keys too short for today, for those who must.
//! - `secret`: what must not be a shared secret.
//! - `jwk`: what a JWK must be before it becomes a key; the rules of hygiene live here.
//! - `header_memo`: headers already parsed, kept beside the keys that sign under them.
//! - `snapshot`: the key set of one moment, with the number of its generation.
//! - `key_set`: keys by name, and which are eligible for a token; `jwks`: reading a set entry by entry.
//! - `jws`: the signature of a token under a key set, by itself as [`verify_jws`].
//!
//! Three decisions shape the module:
//!
//! - **A key carries its algorithms.** The token's header only selects among what the
//!   configuration *and* the key allow; a key object cannot be used under another family.
//! - **Parsing happens when the key arrives**, not when a token does: rebuilding an RSA key costs
//!   2 µs of a 15 µs verification.
//! - **Nothing goes through jsonwebtoken.** Its `decode` and `crypto::verify` read the wall clock,
//!   and panic when any two crates of a program enable both of its back ends; its model of a JWK
//!   judges members that have no bearing on a verification. Signatures are checked by aws-lc-rs on
//!   the parsed key.

mod algorithm;
mod curve;
mod encoded;
mod error;
mod hash;
mod header_memo;
mod jwk;
mod jwks;
mod jws;
mod key_set;
mod legacy;
mod pem;
pub(crate) mod secret;
mod snapshot;
mod verifying_key;

pub use algorithm::{Algorithm, AlgorithmSet, UnknownAlgorithm};
pub use error::KeyError;
pub(crate) use hash::Sha256Text;
#[cfg(any(test, feature = "issuer"))]
pub(crate) use hash::thumbprint;
pub(crate) use jwk::embedded_key;
pub(crate) use jwks::distinct;
#[cfg(feature = "remote")]
pub(crate) use jwks::reasons;
pub use jwks::{JwksError, MAX_KEYS};
pub use jws::verify_jws;
pub(crate) use jws::verify_signature;
pub use key_set::KeySet;
pub(crate) use pem::Block as PemBlock;
pub use pem::PemError;
pub use secret::WeakSecret;
pub(crate) use snapshot::{Snapshot, SnapshotRef};
pub use verifying_key::{SignatureValid, VerifyingKey};

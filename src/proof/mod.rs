//! Proof of possession: that the sender of a token holds the key that the token is bound to.
//!
//! - `dpop`: one DPoP proof (RFC 9449), judged as a pure function of its bytes, the request, the token and
//!   the moment; `htu`: whether two URLs are the same; `holder`: what one proof shows for all that follow.
//! - `certificate`: the certificate of a client in mutual TLS ([`ClientCertificate`], RFC 8705).
//! - `error`: why a proof is not accepted ([`ProofError`]); `advice`: what to do about it.
//!
//! Nothing here is spent: a good proof comes with its id and the end of its time, and whether
//! that id was used before is asked last, when everything else about the request was found good.

mod advice;
mod certificate;
mod dpop;
mod error;
mod holder;
mod htu;

pub use certificate::ClientCertificate;
pub(crate) use certificate::{CertificateFault, verify_certificate};
pub(crate) use dpop::{Asked, Proof, ProofRules, verify_proof};
pub use error::ProofError;
pub(crate) use holder::Holder;

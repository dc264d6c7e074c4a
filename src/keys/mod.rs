//! Keys: from a JWK, PEM, DER or raw components to a [`VerifyingKey`] that is parsed once, and
//! [`KeySet`]s of them.

mod algorithm;

pub use algorithm::{Algorithm, AlgorithmSet, UnknownAlgorithm};

//! What is judged of a payload is what an application reads of it, whatever features of serde_json the
//! program has.
//!
//! - [`site`]: a server, tokens with any payload, and what an identity says.
//! - [`tree`]: a payload as a tree that can hold what no `Value` can, such as a name twice, and its text.
//! - [`random`]: payloads by a seed.
//!
//! The tests: `given` has inputs by name, `generated` a million of them, `documents` what is not a token.

pub mod random;
pub mod site;
pub mod tree;

/// What serde_json's own types know each other by: a name that begins so is no ordinary one.
pub const PRIVATE: &str = "$serde_json::private::";

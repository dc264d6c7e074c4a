//! The same tokens through `jsonwebtoken::decode` and through tower-resource-server.
//!
//! - [`cases`]: a good token, and what can be done to one.
//! - [`judges`]: both verifiers, set up alike.
//! - [`reviewed`]: every difference between them that is known, with its reason.

pub mod cases;
pub mod judges;
pub mod reviewed;

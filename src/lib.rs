//! Turns any Tower HTTP service into an OAuth 2 / OpenID Connect resource server.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(dead_code, unused_imports)] // until the rooms above call the rooms below

pub mod error;
pub mod keys;
pub mod source;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
pub mod time;
pub mod token;

//! Turns any Tower HTTP service into an OAuth 2 / OpenID Connect resource server.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod keys;
pub mod time;

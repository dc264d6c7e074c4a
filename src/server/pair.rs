//! Whether an access token and an ID token of one request belong together (promise 7).
//!
//! Each was verified by itself. Without these rules my access token and somebody else's ID token,
//! leaked or borrowed, would make me that somebody.

use crate::{error::TokenError, verify::VerifiedToken};

/// The tokens come from one issuer, speak of one subject, and the ID token is for the client that
/// the access token was issued to. `at_hash` was compared with the ID token's own rules.
pub(super) fn check(access: &VerifiedToken, id: &VerifiedToken) -> Result<(), TokenError> {
    let same_client = match (access.client_id(), id.client_id()) {
        // `azp` names the one client that the ID token was issued to; `aud` may name more.
        (Some(client), Some(authorized)) => client == authorized,
        (Some(client), None) => id.audiences().any(|audience| audience == client),
        // The access token does not say; the ID token is for our configured client all the same.
        (None, _) => true,
    };
    if access.issuer == id.issuer && access.subject() == id.subject() && same_client {
        Ok(())
    } else {
        Err(TokenError::PairMismatch)
    }
}

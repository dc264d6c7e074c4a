//! Tokens that were used, each by the identifier that its issuer gave it.

use std::sync::Arc;

use aws_lc_rs::digest;

use super::{SpendError, Spending, SpentStore};
use crate::time::UnixTime;

/// What the digest covers first, so that what else is in the store is none of these.
const CONTEXT: &[u8] = b"tower-resource-server token 1\0";

/// The tokens that were used of those that count once.
#[derive(Clone)]
pub(crate) struct SpentTokens(Arc<dyn SpentStore>);

impl SpentTokens {
    pub(crate) const fn new(store: Arc<dyn SpentStore>) -> Self {
        Self(store)
    }

    /// Spends the identifier of a token of this issuer, which is good until then.
    pub(crate) fn spend(&self, issuer: &str, id: &str, until: UnixTime, now: UnixTime) -> Spending {
        self.0.spend(digest_of(issuer, id).as_ref(), until, now)
    }

    /// What [`spend`](Self::spend) would say at this moment; nothing is spent.
    ///
    /// # Errors
    /// As [`SpentStore::peek`].
    pub(crate) fn peek(
        &self,
        issuer: &str,
        id: &str,
        until: UnixTime,
        now: UnixTime,
    ) -> Result<(), SpendError> {
        self.0.peek(digest_of(issuer, id).as_ref(), until, now)
    }
}

/// One length for all, and no two issuers alike.
fn digest_of(issuer: &str, id: &str) -> digest::Digest {
    let mut digest = digest::Context::new(&digest::SHA256);
    digest.update(CONTEXT);
    digest.update(&issuer.len().to_le_bytes());
    digest.update(issuer.as_bytes());
    digest.update(id.as_bytes());
    digest.finish()
}

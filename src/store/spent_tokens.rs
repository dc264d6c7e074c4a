//! Tokens that were used, each by the identifier that its issuer gave it.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest;

use super::{Life, SpendError, Spending, SpentStore, succeed};
use crate::{policy::Window, time::UnixTime};

/// What the digest covers first, so that what else is in the store is none of these.
const CONTEXT: &[u8] = b"tower-resource-server token 1\0";

/// How long before its end a token was issued that does not say when.
const ASSUMED_LIFETIME: Duration = Duration::from_secs(3600);

/// The tokens that were used of those that count once.
#[derive(Clone)]
pub(crate) struct SpentTokens(Arc<dyn SpentStore>);

impl SpentTokens {
    pub(crate) const fn new(store: Arc<dyn SpentStore>) -> Self {
        Self(store)
    }

    /// The same, spent where those of another were, if neither store is shared: what was spent stays spent.
    pub(crate) fn succeeding(mut self, previous: &Self) -> Self {
        succeed(&mut self.0, &previous.0);
        self
    }

    /// Spends the identifier of a token of this issuer, which is good in this window.
    pub(crate) fn spend(&self, issuer: &str, id: &str, window: Window, now: UnixTime) -> Spending {
        self.0.spend(digest_of(issuer, id).as_ref(), life_of(window), now)
    }

    /// What [`spend`](Self::spend) would say at this moment; nothing is spent.
    ///
    /// # Errors
    /// As [`SpentStore::peek`].
    pub(crate) fn peek(
        &self,
        issuer: &str,
        id: &str,
        window: Window,
        now: UnixTime,
    ) -> Result<(), SpendError> {
        self.0.peek(digest_of(issuer, id).as_ref(), life_of(window), now)
    }
}

/// A token is not used before its window begins; one whose window has no beginning does not say when it was issued.
fn life_of(window: Window) -> Life {
    let issued = match window.from == UnixTime::default() {
        true => window.until.saturating_sub(ASSUMED_LIFETIME),
        false => window.from,
    };
    Life { issued, until: window.until }
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

//! Refusals that were written before.
//!
//! Anyone can cause a refusal, so it should cost little. Where an operation always needs the same,
//! the answer to one reason is always the same text: it is written once and shared from then on. A
//! reason names configured claims at most and nothing of a request, so there are few of them.

use std::sync::OnceLock;

use crate::{http::Rejection, server::Denial};

/// More than the reasons that one configuration gives; beyond it refusals are written each time.
const PLACES: usize = 32;

/// Refusals by their reason; filled once, never emptied.
#[derive(Debug)]
pub(super) struct Refusals {
    /// That of requests without credentials, which are the most.
    uninvited: OnceLock<Rejection>,
    others: [OnceLock<Rejection>; PLACES],
}

impl Refusals {
    pub(super) const fn new() -> Self {
        Self { uninvited: OnceLock::new(), others: [const { OnceLock::new() }; PLACES] }
    }

    /// The refusal of requests without credentials.
    #[inline]
    pub(super) fn uninvited(&self, write: impl FnOnce() -> Rejection) -> &Rejection {
        self.uninvited.get_or_init(|| write().lasting())
    }

    /// The refusal for `denial` that was written before.
    #[inline]
    pub(super) fn find(&self, denial: &Denial) -> Option<&Rejection> {
        if denial.retry_after.is_some() {
            return None;
        }
        self.others.iter().map_while(OnceLock::get).find(|known| *known.reason() == denial.reason)
    }

    /// Keeps a refusal for the next time, if fewer than [`PLACES`] are kept. One that says when to come again is
    /// another each time.
    pub(super) fn keep(&self, written: Rejection) -> Rejection {
        if written.retry_after().is_some() {
            return written;
        }
        match self.others.iter().find(|place| place.get().is_none()) {
            Some(place) => {
                let written = written.lasting();
                // Another thread may be faster: the place is then another reason's, or the same.
                let _ = place.set(written.clone());
                written
            }
            None => written,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use super::*;
    use crate::{
        error::{ClaimName, TokenError},
        http::{ChallengeRow, Manner, Reason, TokenKind},
    };

    #[test]
    fn each_reason_is_written_once_and_within_bounds() {
        let refusals = Refusals::new();
        let written = Cell::new(0);
        let get = |reason: Reason, retry_after: Option<Duration>| {
            let denial = Denial { reason: reason.clone(), retry_after };
            let rejection = refusals.find(&denial).cloned().unwrap_or_else(|| {
                written.set(written.get() + 1);
                let row = ChallengeRow::new(http::StatusCode::OK);
                let challenges = Default::default();
                let manner = Manner::default();
                refusals.keep(Rejection::new(denial.reason, row, challenges, denial.retry_after, manner))
            });
            assert_eq!((rejection.reason(), rejection.retry_after()), (&reason, retry_after));
            written.get()
        };
        let missing = |claim: usize| Reason::InvalidToken {
            token: TokenKind::Access,
            error: TokenError::MissingClaim(ClaimName(claim.to_string().into())),
        };
        for (name, reason, retry_after, expected) in [
            ("the first", Reason::NoCredentials, None, 1),
            ("again", Reason::NoCredentials, None, 1),
            ("another", missing(0), None, 2),
            ("another claim", missing(1), None, 3),
            ("another claim again", missing(1), None, 3),
            ("for a time", Reason::KeysUnavailable, Some(Duration::from_secs(1)), 4),
            ("for a time, again", Reason::KeysUnavailable, Some(Duration::from_secs(1)), 5),
        ] {
            assert_eq!(get(reason, retry_after), expected, "{name}");
        }
        for claim in 2..PLACES {
            get(missing(claim), None);
        }
        let full = get(missing(PLACES), None);
        assert_eq!(get(missing(PLACES), None), full + 1, "beyond the places each is written anew");
    }
}

//! No store: nothing that counts once is taken.

use super::{Life, SpendError, Spending, SpentStore};
use crate::time::UnixTime;

/// A [`SpentStore`] that takes nothing: every request that would spend something is answered with 503. For an
/// instance that must not decide this, and in place of a store while there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefuseAll;

impl SpentStore for RefuseAll {
    fn spend(&self, _: &[u8], _: Life, _: UnixTime) -> Spending {
        Spending::Done(Err(SpendError::Unavailable))
    }

    fn peek(&self, _: &[u8], _: Life, _: UnixTime) -> Result<(), SpendError> {
        Err(SpendError::Unavailable)
    }
}

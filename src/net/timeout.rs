//! The first of two futures.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// Waits for the first of two futures and drops the other: `Some` of `work`'s result, or `None`
/// when `limit` came first. When both are ready, `work` counts.
pub(crate) async fn before<T>(limit: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let mut limit = pin!(limit);
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(result) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(result));
        }
        limit.as_mut().poll(cx).map(|()| None)
    })
    .await
}

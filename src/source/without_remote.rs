//! What stands for fetched keys in a program without the feature `remote`. No value of these types
//! can be made, so that nothing is left of them, and the modules that use a key source are written
//! once.

use std::{
    convert::Infallible,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{Health, KeyAnswer, NoRuntime, RefreshError};
use crate::{
    keys::{SnapshotRef, VerifyingKey},
    time::Clocks,
    verify::Wanted,
};

/// The keys of an issuer that publishes them.
pub(crate) enum RemoteKeys {}

impl RemoteKeys {
    pub(crate) fn snapshot(&self, _: Clocks) -> Option<SnapshotRef> {
        match *self {}
    }

    pub(crate) fn peek(&self, _: Clocks) -> Option<SnapshotRef> {
        match *self {}
    }

    pub(crate) fn is_current(&self, _: u64, _: &Arc<VerifyingKey>, _: Clocks) -> bool {
        match *self {}
    }

    pub(crate) fn is_known_to_lack(&self, _: u64, _: Clocks) -> bool {
        match *self {}
    }

    pub(crate) fn exchanges_keys(&self) -> bool {
        match *self {}
    }

    pub(crate) fn need_key(&self, _: Duration, _: Option<u64>, _: Wanted) -> KeyAnswer<KeyWait> {
        match *self {}
    }

    pub(crate) fn start(&self) -> Result<(), NoRuntime> {
        match *self {}
    }

    pub(crate) async fn ready(&self) -> Result<(), NoRuntime> {
        match *self {}
    }

    pub(crate) async fn refresh_now(&self) -> Result<(), RefreshError> {
        match *self {}
    }

    pub(super) fn is_like(&self, _: &Self) -> bool {
        match *self {}
    }

    pub(crate) fn revoke_key(&self, _: &str) -> bool {
        match *self {}
    }

    pub(crate) fn health(&self) -> Health {
        match *self {}
    }
}

/// The keys of an issuer that publishes each under its name.
pub(crate) enum KeysByKid {}

impl KeysByKid {
    pub(super) fn is_like(&self, _: &Self) -> bool {
        match *self {}
    }

    pub(crate) fn snapshot(&self, _: Clocks) -> SnapshotRef {
        match *self {}
    }

    pub(crate) fn peek(&self) -> SnapshotRef {
        match *self {}
    }

    pub(crate) fn is_current(&self, _: u64, _: &Arc<VerifyingKey>, _: Clocks) -> bool {
        match *self {}
    }

    pub(crate) fn need_key(&self, _: Duration, _: Option<u64>, _: Option<&str>) -> KeyAnswer<KeyWait> {
        match *self {}
    }

    pub(crate) fn verified(&self, _: &VerifyingKey) {
        match *self {}
    }

    pub(crate) async fn refresh_now(&self) -> Result<(), RefreshError> {
        match *self {}
    }

    pub(crate) fn revoke_key(&self, _: &str) -> bool {
        match *self {}
    }

    pub(crate) fn health(&self) -> Health {
        match *self {}
    }
}

/// A wait for keys.
pub(crate) enum KeyWait {}

impl Future for KeyWait {
    type Output = KeyAnswer;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<KeyAnswer> {
        match *self {}
    }
}

/// One issuer of a pattern.
pub(crate) struct Tenant<T> {
    pub(crate) id: usize,
    pub(crate) issuer: Arc<str>,
    pub(crate) keys: Arc<RemoteKeys>,
    pub(crate) own: T,
}

impl<T> Tenant<T> {
    pub(crate) fn works(&self) -> bool {
        match *self.keys {}
    }

    pub(crate) fn touch(&self, _: Duration) {
        match *self.keys {}
    }
}

/// The issuers of a pattern.
pub(crate) struct Tenants<T> {
    never: Infallible,
    of: PhantomData<T>,
}

impl<T> Tenants<T> {
    pub(crate) fn succeed(&self, _: &Self) {
        match self.never {}
    }

    pub(crate) fn fits(&self, _: &str) -> bool {
        match self.never {}
    }

    pub(crate) fn trusts(&self, _: &str) -> bool {
        match self.never {}
    }

    pub(crate) fn own(&self, _: &Arc<str>) -> T {
        match self.never {}
    }

    pub(crate) fn by_issuer(&self, _: &str) -> Option<Arc<Tenant<T>>> {
        match self.never {}
    }

    pub(crate) fn by_id(&self, _: usize) -> Option<Arc<Tenant<T>>> {
        match self.never {}
    }

    pub(crate) fn working(&self) -> Vec<Arc<Tenant<T>>> {
        match self.never {}
    }

    pub(crate) fn admit(&self, _: &Arc<str>, _: T, _: Duration) -> Result<Arc<Tenant<T>>, Duration> {
        match self.never {}
    }

    pub(crate) fn promote(&self, _: &Arc<Tenant<T>>, _: Duration) {
        match self.never {}
    }

    pub(crate) fn revoke_key(&self, _: &str, _: &str) -> bool {
        match self.never {}
    }
}

//! What authentication waits for, and how it goes on.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;

use super::{
    Denial,
    opaque::{Answer, VerifierWait},
};
#[cfg(doc)]
use crate::ResourceServer;
use crate::{
    error::TokenError,
    http::{Reason, TokenKind},
    identity::Identity,
    source::{KeyAnswer, KeyWait},
    verify::Wanted,
};

/// Where the authentication of a request stands.
pub(crate) enum Step<T = Option<Identity>> {
    /// Decided: an identity, or none because there were no credentials.
    Done(Result<T, Denial>),
    /// The keys to decide with are being fetched, or a verifier was asked.
    /// Boxed, as it is rare, and large to be moved by all others.
    Wait(Box<Pending>),
    /// The application's verifier is to be [asked](ResourceServer::ask_verifier), which the whole head is needed for.
    AskVerifier,
}

pin_project! {
    /// A wait for keys or for a verifier. Dropping it cancels nothing that others share.
    #[project = PendingProjection]
    pub(crate) enum Pending {
        Keys { #[pin] wait: KeyWait, progress: Option<Progress> },
        Verifier { wait: VerifierWait },
    }
}

/// A request on its way through the rounds.
pub(crate) struct Progress {
    /// When the request arrived: what counts as evidence against its key depends on it.
    pub(super) arrived: Duration,
    pub(super) rounds: u8,
    pub(super) waits_for: TokenKind,
    /// What is wrong with that token if there are no newer keys.
    pub(super) lacking: TokenError,
}

/// Keys that a verification needs.
pub(super) struct Need {
    pub(super) source: usize,
    /// The generation of the keys that were tried.
    pub(super) seen: Option<u64>,
    pub(super) wanted: Wanted,
    /// The name of the key, where each is fetched by its name.
    pub(super) kid: Option<Box<str>>,
}

/// A wait that is over.
pub(crate) enum Resumed {
    Keys { progress: Progress, outcome: KeyAnswer },
    Verifier(Answer),
}

impl Pending {
    /// What is said where it is not waited for.
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::Keys { .. } => Reason::KeysUnavailable,
            Self::Verifier { .. } => Reason::VerifierUnavailable,
        }
    }
}

impl Future for Pending {
    type Output = Resumed;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Resumed> {
        match self.project() {
            PendingProjection::Keys { wait, progress } => {
                let outcome = ready!(wait.poll(cx));
                match progress.take() {
                    Some(progress) => Poll::Ready(Resumed::Keys { progress, outcome }),
                    // Polled again after completion, against the contract of futures.
                    None => Poll::Pending,
                }
            }
            PendingProjection::Verifier { wait } => Pin::new(wait).poll(cx).map(Resumed::Verifier),
        }
    }
}

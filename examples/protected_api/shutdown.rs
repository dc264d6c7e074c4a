//! The signals that end a server: SIGINT (Ctrl-C) and SIGTERM.

use std::{io, time::Duration};

use tokio::sync::watch;

/// How long requests that are under way may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Turns true with the first signal.
pub(crate) struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Listens for signals from now on.
    pub(crate) fn new() -> io::Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let signal = signals()?;
        tokio::spawn(async move {
            signal.await;
            // Fails when nothing waits any more.
            let _ = sender.send(true);
        });
        Ok(Self(receiver))
    }

    /// Completes with the signal.
    pub(crate) fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut receiver = self.0.clone();
        async move {
            if receiver.wait_for(|stopping| *stopping).await.is_err() {
                // No signal can come any more: the runtime is ending.
                std::future::pending().await
            }
        }
    }

    /// Completes when the time to end gracefully is over.
    pub(crate) async fn overdue(&self) {
        self.begun().await;
        tokio::time::sleep(GRACE).await;
    }
}

#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signals() -> io::Result<impl Future<Output = ()> + Send> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

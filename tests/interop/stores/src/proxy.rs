//! A proxy between the instances and a server, which delays what passes, and cuts it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};

pub struct Proxy {
    pub port: u16,
    delay: Arc<AtomicU64>,
    cuts: watch::Sender<u32>,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("an address").port();
        let proxy = Self { port: own, delay: Arc::default(), cuts: watch::Sender::new(0) };
        let (delay, cuts) = (Arc::clone(&proxy.delay), proxy.cuts.subscribe());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                // What it passes on at once is not to wait for acknowledgements.
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, Arc::clone(&delay), cuts.clone()));
                tokio::spawn(pass(from_server, to_client, Arc::clone(&delay), cuts.clone()));
            }
        });
        proxy
    }

    /// Delays what comes from now on, each way.
    pub fn delay(&self, by: Duration) {
        self.delay.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    delay: Arc<AtomicU64>,
    mut cuts: watch::Receiver<u32>,
) {
    cuts.mark_unchanged();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            _ = cuts.changed() => return,
        };
        let Ok(length @ 1..) = read else { return };
        sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

//! The flood: tokens that look good and name keys that never were, at a fixed rate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use base64_simd::URL_SAFE_NO_PAD;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Builder,
    time::{MissedTickBehavior, interval},
};

use crate::AnyError;

/// How many connections the flood comes over.
const CONNECTIONS: u64 = 64;
/// How often each of them sends.
const TICK: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(crate) struct Flood {
    stopped: AtomicBool,
    pub(crate) sent: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) unavailable: AtomicU64,
    pub(crate) other: AtomicU64,
}

/// What is sent: `head` and `tail` around a token header with a random `kid`.
struct Request {
    head: String,
    tail: String,
}

impl Flood {
    /// Sends `rate` requests a second to `path` until it is stopped. `good` is a token that the API
    /// takes: all but its header and its signature stays as it is.
    pub(crate) fn start(address: &str, path: &str, rate: u64, good: &str) -> Result<Arc<Self>, AnyError> {
        let rest = good.split_once('.').map(|(_, rest)| rest).ok_or("a token has three parts")?;
        let request = Arc::new(Request {
            head: format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer "),
            tail: format!(".{rest}\r\n\r\n"),
        });
        let flood = Arc::new(Self::default());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (address, running) = (address.to_owned(), Arc::clone(&flood));
        std::thread::spawn(move || {
            runtime.block_on(async {
                let connections = (0..CONNECTIONS).map(|number| {
                    let (flood, request) = (Arc::clone(&running), Arc::clone(&request));
                    let address = address.clone();
                    tokio::spawn(async move { flood.over_one(&address, &request, number, rate).await })
                });
                for connection in connections.collect::<Vec<_>>() {
                    // A connection that ends early shows in the numbers.
                    let _ = connection.await;
                }
            });
        });
        Ok(flood)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    async fn over_one(
        self: Arc<Self>,
        address: &str,
        request: &Request,
        number: u64,
        rate: u64,
    ) -> std::io::Result<()> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (answers, requests) = stream.into_split();
        let reader = tokio::spawn(Arc::clone(&self).read(answers));
        let result = self.write(requests, request, number, rate).await;
        let _ = reader.await;
        result
    }

    async fn write(
        &self,
        mut to: OwnedWriteHalf,
        request: &Request,
        number: u64,
        rate: u64,
    ) -> std::io::Result<()> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (mut batch, mut owed) = (Vec::new(), 0.0);
        // 200 of them are more than any client sends in a tick.
        let per_tick = (rate as f64 * TICK.as_secs_f64() / CONNECTIONS as f64).min(200.0);
        while !self.stopped.load(Ordering::Relaxed) {
            ticks.tick().await;
            owed += per_tick;
            batch.clear();
            while owed >= 1.0 {
                owed -= 1.0;
                random = mix(random);
                let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{random:016x}"}}"#);
                batch.extend_from_slice(request.head.as_bytes());
                batch.extend_from_slice(URL_SAFE_NO_PAD.encode_to_string(header).as_bytes());
                batch.extend_from_slice(request.tail.as_bytes());
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            to.write_all(&batch).await?;
        }
        Ok(())
    }

    /// Counts the answers: refusals have no body, so each ends with its head.
    async fn read(self: Arc<Self>, mut from: OwnedReadHalf) -> std::io::Result<()> {
        let mut held = Vec::new();
        while from.read_buf(&mut held).await? > 0 {
            let mut done = 0;
            while let Some(length) = memchr::memmem::find(&held[done..], b"\r\n\r\n") {
                let counter = match held.get(done + 9..done + 12) {
                    Some(b"401") => &self.refused,
                    Some(b"503") => &self.unavailable,
                    _ => &self.other,
                };
                counter.fetch_add(1, Ordering::Relaxed);
                done += length + 4;
            }
            held.drain(..done);
        }
        Ok(())
    }
}

/// Sebastiano Vigna's splitmix64: random enough for names of keys.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

//! Good traffic at a fixed rate, whether the last request was answered or not.

use std::{
    io,
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use tower_resource_server::time::{Clock, SystemClock};

use crate::http1::is_served;

/// Each of them asks at an equal share of the rate.
const CONNECTIONS: u32 = 8;

/// What became of the requests.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) failed: u64,
}

impl Tally {
    /// The latency that this share of the requests does not exceed.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = (sorted.len() as f64 * share) as usize;
        sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(Duration::MAX)
    }
}

/// Sends `requests` in turn for `time`, `rate` of them a second.
pub(crate) fn drive(address: &str, requests: &[Vec<u8>], rate: u32, time: Duration) -> Tally {
    let interval = Duration::from_secs(1) * CONNECTIONS / rate;
    let begin = SystemClock.monotonic();
    thread::scope(|scope| {
        let one = |number: u32| {
            let first = begin + interval * number / CONNECTIONS;
            let requests = requests.iter().cycle().skip(number as usize).step_by(CONNECTIONS as usize);
            scope.spawn(move || over_one(address, requests, first, interval, begin + time))
        };
        let connections: Vec<_> = (0..CONNECTIONS).map(one).collect();
        let mut all = Tally::default();
        for connection in connections {
            let tally = connection.join().unwrap_or(Tally { failed: 1, ..Tally::default() });
            all.latencies.extend(tally.latencies);
            all.failed += tally.failed;
        }
        all
    })
}

/// A request is due at fixed moments. One that had to wait for the answer before it is late from the
/// moment that it was due; one that had only to wait for this thread to wake begins when it does.
fn over_one<'a>(
    address: &str,
    requests: impl Iterator<Item = &'a Vec<u8>>,
    first: Duration,
    interval: Duration,
    end: Duration,
) -> Tally {
    let mut tally = Tally::default();
    let mut stream = None;
    let mut due = first;
    for request in requests {
        if due >= end {
            break;
        }
        let now = SystemClock.monotonic();
        let begin = if now < due {
            thread::sleep(due - now);
            SystemClock.monotonic()
        } else {
            due
        };
        match ask(&mut stream, address, request) {
            Ok(()) => tally.latencies.push(SystemClock.monotonic() - begin),
            Err(_) => {
                tally.failed += 1;
                stream = None;
            }
        }
        due += interval;
    }
    tally
}

fn ask(stream: &mut Option<TcpStream>, address: &str, request: &[u8]) -> io::Result<()> {
    let stream = match stream {
        Some(stream) => stream,
        None => {
            let connected = TcpStream::connect(address)?;
            connected.set_nodelay(true)?;
            connected.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.insert(connected)
        }
    };
    stream.write_all(request)?;
    let (mut response, mut filled) = ([0; 1024], 0);
    loop {
        let free = response.get_mut(filled..).unwrap_or_default();
        match stream.read(free)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => filled += more,
        }
        if is_served(response.get(..filled).unwrap_or_default())? {
            return Ok(());
        }
    }
}

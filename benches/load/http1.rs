//! A client of one thread that keeps connections busy, one request at a time on each.

use std::{io, rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::LocalSet,
};

use crate::work::Work;

const CONNECTIONS: usize = 32;

/// What a request looks like, ready to send.
pub(crate) fn requests(address: &str, path: &str, tokens: &[String]) -> Rc<[Vec<u8>]> {
    let request =
        |token| format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");
    tokens.iter().map(|token| request(token).into_bytes()).collect()
}

/// Whether a whole response is there. The service's only answer is a 200 that ends with `served`.
pub(crate) fn is_served(response: &[u8]) -> io::Result<bool> {
    if response.len() >= 12 && !response.starts_with(b"HTTP/1.1 200") {
        return Err(io::Error::other(String::from_utf8_lossy(response).into_owned()));
    }
    Ok(response.ends_with(b"\r\n\r\nserved"))
}

pub(crate) struct Client(Vec<TcpStream>);

impl Client {
    pub(crate) async fn connect(address: &str) -> io::Result<Self> {
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        Ok(Self(streams))
    }

    /// Sends requests in turn for this long, or each of them `once`; how many there were, and how
    /// long it took.
    pub(crate) async fn drive(
        &mut self,
        requests: &Rc<[Vec<u8>]>,
        once: bool,
        time: Duration,
    ) -> io::Result<(u64, Duration)> {
        let work = Work::new(requests, once, time);
        let local = LocalSet::new();
        let tasks: Vec<_> =
            self.0.drain(..).map(|stream| local.spawn_local(converse(stream, Rc::clone(&work)))).collect();
        local.await;
        for task in tasks {
            self.0.push(task.await.map_err(io::Error::other)??);
        }
        Ok(work.done())
    }
}

async fn converse(mut stream: TcpStream, work: Rc<Work<Vec<u8>>>) -> io::Result<TcpStream> {
    let mut response = Vec::with_capacity(1024);
    while let Some(request) = work.next() {
        stream.write_all(request).await?;
        response.clear();
        while !is_served(&response)? {
            if stream.read_buf(&mut response).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
    Ok(stream)
}

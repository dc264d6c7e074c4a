//! An identity provider made of a raw socket: it can misbehave in ways that no HTTP server would.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// What is sent for one path.
#[derive(Clone)]
pub enum Answer {
    /// These bytes, and the connection closes.
    Bytes(Vec<u8>),
    /// 200 with this document.
    Document(String),
    /// Nothing, and the connection stays open.
    Silence,
    /// These bytes one by one, with a pause after each.
    Drip(Vec<u8>),
    /// A head, and then this piece again and again, ten gigabytes in all.
    Flood(&'static str, Vec<u8>),
    /// With an entity tag: 304 to a client that knows it.
    Tagged(&'static str, String),
    /// Each in its turn.
    Turns(Vec<Answer>),
}

impl Answer {
    /// A status line, with headers, without a body.
    pub fn status(status: &str) -> Self {
        Self::Bytes(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into())
    }
}

#[derive(Default)]
struct State {
    answers: Mutex<HashMap<String, Answer>>,
    log: Mutex<Vec<String>>,
    written: AtomicU64,
    turn: AtomicUsize,
}

pub struct Provider {
    pub address: String,
    state: Arc<State>,
    task: AbortHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // Whatever goes wrong on a connection is the point of the exercise.
                tokio::spawn(async move { state.serve(stream).await.unwrap_or_default() });
            }
        });
        Self { address, state, task: task.abort_handle() }
    }

    pub fn set(&self, path: &str, answer: Answer) {
        self.state.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub fn set_all(&self, answer: &Answer) {
        for known in self.state.answers.lock().unwrap().values_mut() {
            *known = answer.clone();
        }
    }

    pub fn requests(&self) -> usize {
        self.state.log.lock().unwrap().len()
    }

    pub fn requests_of(&self, path: &str) -> usize {
        self.state.log.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }

    /// How many bytes were taken off our hands.
    pub fn written(&self) -> u64 {
        self.state.written.load(Ordering::Relaxed)
    }
}

impl State {
    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await?);
            // Somebody begins with TLS, as plain http servers see it.
            if request == [0x16] {
                return self.write(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = self.answers.lock().unwrap().get(&path).cloned();
        self.log.lock().unwrap().push(path);
        let mut answer = answer.unwrap_or_else(|| Answer::status("404 Not Found"));
        if let Answer::Turns(turns) = &answer {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % turns.len();
            answer = turns[turn].clone();
        }
        match answer {
            Answer::Bytes(bytes) => self.write(&mut stream, &bytes).await,
            Answer::Document(body) => self.write(&mut stream, ok("", &body).as_bytes()).await,
            Answer::Tagged(tag, _) if request.to_lowercase().contains(&format!("if-none-match: {tag}")) => {
                self.write(&mut stream, b"HTTP/1.1 304 Not Modified\r\n\r\n").await
            }
            Answer::Tagged(tag, body) => {
                self.write(&mut stream, ok(&format!("ETag: {tag}\r\n"), &body).as_bytes()).await
            }
            Answer::Silence => {
                // Until the other side hangs up.
                stream.read_u8().await.map(drop)
            }
            Answer::Drip(bytes) => {
                for byte in bytes {
                    self.write(&mut stream, &[byte]).await?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok(())
            }
            Answer::Flood(head, piece) => {
                self.write(&mut stream, head.as_bytes()).await?;
                let mut left = 10_u64 << 30;
                while left > 0 {
                    self.write(&mut stream, &piece).await?;
                    left = left.saturating_sub(piece.len() as u64);
                }
                Ok(())
            }
            Answer::Turns(_) => Ok(()),
        }
    }

    async fn write(&self, stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        stream.write_all(bytes).await?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// A 200 with further header lines.
pub fn ok(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

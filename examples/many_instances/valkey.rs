//! A Valkey or Redis of this example, which can be let fail.

use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::sleep,
};

pub(crate) struct Valkey {
    program: PathBuf,
    port: u16,
    url: String,
    process: Child,
}

impl Valkey {
    pub(crate) async fn start(program: PathBuf) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port();
        let process = run(&program, port)?;
        let valkey = Self { program, port, url: format!("redis://127.0.0.1:{port}"), process };
        valkey.until_up().await?;
        Ok(valkey)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Throws out all that it holds.
    pub(crate) async fn empty(&self) -> io::Result<()> {
        self.command("FLUSHALL").await
    }

    pub(crate) async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }

    /// Starts it again, with nothing in it.
    pub(crate) async fn restart(&mut self) -> io::Result<()> {
        self.process = run(&self.program, self.port)?;
        self.until_up().await
    }

    async fn until_up(&self) -> io::Result<()> {
        for _ in 0..100 {
            if self.command("PING").await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Sends a command, and waits for the answer.
    async fn command(&self, command: &str) -> io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer).await?;
        if answer.starts_with(b"+") && length > 0 { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
    }
}

/// Nothing is written to a disk: an id is worth keeping for minutes.
fn run(program: &Path, port: u16) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()
}

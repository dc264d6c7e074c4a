//! A server process of Redis or Valkey, and what can be done to it.

use std::{
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

/// Which of the two, and its program.
pub struct Kind {
    pub name: &'static str,
    pub program: PathBuf,
}

/// A process, and the folder that it runs in.
pub struct Server {
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    pub port: u16,
    process: Child,
}

/// A port that is free now, and whose cluster port is.
pub fn free_port() -> u16 {
    loop {
        let bound = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = bound.local_addr().expect("an address").port();
        if port < 50_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

impl Server {
    /// Starts one on a free port with these arguments beside those that every one of them has.
    pub async fn start(kind: &Kind, arguments: &[&str]) -> Self {
        Self::start_on(kind, free_port(), arguments).await
    }

    pub async fn start_on(kind: &Kind, port: u16, arguments: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("stores-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let own = ["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1", "--daemonize", "no"];
        let arguments: Vec<_> = own.iter().chain(arguments).map(|text| (*text).to_owned()).collect();
        let process = spawn(&kind.program, &arguments, &folder);
        let server = Self { program: kind.program.clone(), arguments, folder, port, process };
        server.wait_until_up().await;
        server
    }

    /// A sentinel that watches a primary on this port.
    pub async fn start_sentinel(kind: &Kind, primary: u16) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("stores-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("sentinel.conf");
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor ids 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds ids 1000\nsentinel failover-timeout ids 3000\n"
        );
        std::fs::write(&file, settings).expect("a file");
        let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        let process = spawn(&kind.program, &arguments, &folder);
        let server = Self { program: kind.program.clone(), arguments, folder, port, process };
        server.wait_until_up().await;
        server
    }

    async fn wait_until_up(&self) {
        for _ in 0..200 {
            if self.ask(&["PING"]).await.is_ok_and(|answer| answer.contains("PONG")) {
                return;
            }
            sleep(Duration::from_millis(25)).await;
        }
        panic!("the server on port {} does not come up", self.port);
    }

    /// Sends a command, and reads the first line of the answer, or all of a bulk string.
    pub async fn ask(&self, command: &[&str]) -> io::Result<String> {
        let asked = async {
            let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await?);
            let mut text = format!("*{}\r\n", command.len());
            command.iter().for_each(|part| text.push_str(&format!("${}\r\n{part}\r\n", part.len())));
            stream.write_all(text.as_bytes()).await?;
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            if let Some(length) = line.strip_prefix('$').and_then(|length| length.trim_end().parse().ok()) {
                let mut bytes = vec![0; length];
                stream.read_exact(&mut bytes).await?;
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            Ok(line)
        };
        timeout(Duration::from_secs(1), asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    pub async fn kill(&mut self) {
        self.process.kill().await.expect("a process to kill");
    }

    /// Starts it again as it was started at first, with nothing in it.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.program, &self.arguments, &self.folder);
        self.wait_until_up().await;
    }

    pub async fn signal(&self, signal: &str) {
        let id = self.process.id().expect("a process that runs").to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {id}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(program: &Path, arguments: &[String], folder: &Path) -> Child {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("the server starts")
}

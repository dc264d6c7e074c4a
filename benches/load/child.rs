//! The server as a process of its own: this program again, with its setup on stdin.

use std::{
    fs, io,
    io::{BufRead, BufReader, Write},
    process::{self, Command, Stdio},
    thread,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

/// A server that ends with this value.
pub(crate) struct Child {
    process: process::Child,
    /// HOST:PORT.
    pub(crate) address: String,
}

impl Child {
    /// Starts this program as `serve`, and waits until it listens.
    pub(crate) fn start(setup: &impl Serialize) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = serde_json::to_vec(setup)?;
        line.push(b'\n');
        process.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(&line)?;
        let mut address = String::new();
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        BufReader::new(output).read_line(&mut address)?;
        let address = address.trim().to_owned();
        let child = Self { process, address };
        if child.address.is_empty() { Err(io::Error::other("the server did not start")) } else { Ok(child) }
    }

    /// The CPU time that the server has had until now, in the kernel too.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let schedstat = fs::read_to_string(task?.path().join("schedstat"))?;
            let on_cpu = schedstat.split_whitespace().next().and_then(|text| text.parse().ok());
            nanoseconds += on_cpu.unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Its end of stdin is what it waits for.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// In the server: what to serve. The process ends when the other side is gone.
pub(crate) fn setup<T: DeserializeOwned>() -> io::Result<T> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let setup = serde_json::from_str(&line)?;
    thread::spawn(|| {
        let mut rest = String::new();
        let _ = io::stdin().read_line(&mut rest);
        process::exit(0);
    });
    Ok(setup)
}

/// In the server: where it listens.
pub(crate) fn announce(address: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{address}")?;
    out.flush()
}

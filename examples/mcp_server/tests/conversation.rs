//! The example, run as its users do.
#![allow(clippy::unwrap_used, clippy::panic)] // also in the helpers of tests

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

fn example() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mcp_server"))
}

#[test]
fn the_conversation_ends_by_itself_and_goes_as_it_must() {
    let output = example().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let statuses: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("< ")?.split(' ').next()?.parse::<u16>().ok())
        .collect();
    assert_eq!(statuses, [401, 200, 202, 200, 200, 403, 400, 404, 200, 202, 200], "{text}");
    for (name, part) in [
        (
            "what to ask for, and where a token is to be had",
            "www-authenticate: Bearer scope=\"orders:read\", resource_metadata=\"http://127.0.0.1:",
        ),
        ("every scope of the tool", "error=\"insufficient_scope\", scope=\"orders:read orders:write\""),
        ("the identity reaches the tool", "the orders of alice: 7 and 8"),
        ("headers that contradict the body", "\"code\":-32020"),
    ] {
        assert!(text.contains(part), "{name}: {text}");
    }
    assert!(!text.contains("Forget every order"), "a tool that the token may not call is listed: {text}");
}

/// A running server; ends with the test, whatever becomes of it.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_server_prints_lines_for_curl_before_it_listens() {
    let child = example().args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut server = Server(child);
    let lines = BufReader::new(server.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let (mut printed, mut address) = (Vec::new(), None);
    for line in lines {
        if let Some(url) = line.strip_prefix("listening on ") {
            address = Some(url.to_owned());
            break;
        }
        printed.push(line);
    }
    let address = address.unwrap();
    let curl: Vec<_> = printed.iter().filter(|line| line.starts_with("curl -i ")).collect();
    assert_eq!(curl.len(), 5, "{printed:?}");
    assert!(curl.iter().all(|line| line.contains(&format!("curl -i {address} "))), "{curl:?}");
    assert!(printed.iter().any(|line| line.starts_with("writer=ey")), "{printed:?}");
}

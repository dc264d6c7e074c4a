//! The command line: `mcp_server serve`, and without arguments a conversation that ends by itself.

mod demo;
mod orders;
#[path = "../../protected_api/shutdown.rs"]
mod shutdown;
mod site;

use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

use self::{shutdown::Shutdown, site::Site};

type AnyError = Box<dyn Error + Send + Sync>;

/// An MCP server whose tools take scopes, with an issuer in the same process.
///
/// Without a command it makes a few calls, shows what comes back, and ends.
#[derive(Debug, Parser)]
#[command(name = "mcp_server")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until a signal comes, and print lines for curl
    Serve {
        /// Where to listen, as ADDRESS:PORT; port 0 takes a free one
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Some(Command::Serve { listen }) => serve(listen).await,
        None => demo::run().await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(listen: SocketAddr) -> Result<(), AnyError> {
    let listener =
        TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let site = Site::new(listener.local_addr()?)?;
    let shutdown = Shutdown::new()?;
    print_curl_lines(&site)?;
    say(&format!("\nlistening on {}", site.url))?;
    let server = axum::serve(listener, site.app).with_graceful_shutdown(shutdown.begun());
    tokio::select! {
        result = server.into_future() => result?,
        () = shutdown.overdue() => {}
    }
    Ok(())
}

/// Calls in the version 2026-07-28, which needs no session.
fn print_curl_lines(site: &Site) -> Result<(), AnyError> {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"curl","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
    say(&format!("reader={}", site.token("alice", "orders:read")?))?;
    say(&format!("writer={}", site.token("alice", "orders:read orders:write")?))?;
    for (what, token, method, name) in [
        ("401, and where to get a token", "", "tools/list", None),
        ("the tools that the reader may call", "reader", "tools/list", None),
        ("a call that the reader may make", "reader", "tools/call", Some("list_orders")),
        ("403, and the scopes that it takes", "reader", "tools/call", Some("cancel_order")),
        ("the same call by the writer", "writer", "tools/call", Some("cancel_order")),
    ] {
        let authorization =
            if token.is_empty() { String::new() } else { format!(" -H \"Authorization: Bearer ${token}\"") };
        let name_header = name.map(|name| format!(" -H 'Mcp-Name: {name}'")).unwrap_or_default();
        let name =
            name.map(|name| format!(r#""name":"{name}","arguments":{{"order":7}},"#)).unwrap_or_default();
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{name}{meta}}}}}"#);
        say(&format!(
            "\n# {what}\ncurl -i {}{authorization} -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: {method}'{name_header} -d '{body}'",
            site.url
        ))?;
    }
    Ok(())
}

/// One line on stdout, at once, also into a pipe.
fn say(line: &str) -> Result<(), AnyError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

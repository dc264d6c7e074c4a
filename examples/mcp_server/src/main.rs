//! The command line: `mcp_server serve`, and without arguments a conversation that ends by itself.

mod demo;
mod issuer;
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

use self::{
    shutdown::Shutdown,
    site::{Issuer, Site},
};

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

        /// The origin by which clients know this server, where a proxy is in front
        #[arg(long, value_name = "ORIGIN")]
        public_url: Option<String>,

        /// Trust this issuer, and none of this process
        ///
        /// Its keys are found through its discovery document. Its tokens must have this server as audience:
        /// the origin, and `/mcp`.
        #[arg(long, value_name = "URL", conflicts_with = "client_secret")]
        issuer: Option<String>,

        /// Give tokens to the client `demo` that knows this secret, by the grant `client_credentials`
        #[arg(long, value_name = "SECRET")]
        client_secret: Option<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Some(Command::Serve { listen, public_url, issuer, client_secret }) => {
            let issuer = match issuer {
                Some(url) => Issuer::Remote { url },
                None => Issuer::Embedded { client_secret },
            };
            serve(listen, public_url, issuer).await
        }
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

async fn serve(listen: SocketAddr, public_url: Option<String>, issuer: Issuer) -> Result<(), AnyError> {
    let listener =
        TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let own = format!("http://{}", listener.local_addr()?);
    let site = Site::new(public_url.as_ref().unwrap_or(&own), issuer)?;
    let shutdown = Shutdown::new()?;
    if site.has_tokens() {
        print_curl_lines(&site)?;
    }
    say(&format!("\nlistening on {own}/mcp"))?;
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

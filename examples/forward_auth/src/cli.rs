//! The command line.

use std::net::SocketAddr;

use clap::Parser;

use crate::policy::Row;

/// What the demonstration and the check go by.
const ROWS: [&str; 4] = [
    "GET /api/orders = scope(orders:read)",
    "GET /api/orders/{id} = scope(orders:read)",
    "POST /api/orders = scope(orders:write)",
    "GET /api/public/{*rest} = anonymous or any_token",
];

/// A server that nginx, Traefik and Envoy ask whether a request may pass.
///
/// Only the proxies may reach it: it believes what they say of the original request.
///
/// It answers 200 with header fields about the identity, or 401 or 403 with a challenge, on the paths /nginx
/// (X-Original-Method and X-Original-URI), /traefik (X-Forwarded-Method and X-Forwarded-Uri), /envoy/ with the
/// original path behind, and in gRPC as envoy.service.auth.v3.Authorization.
#[derive(Debug, Parser)]
#[command(name = "forward_auth")]
pub(crate) struct Cli {
    /// Where to listen, as HOST:PORT; port 0 takes a free one
    ///
    /// The line `listening on http://ADDR` says which one it is.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// The resource identifier: the address that clients use, and the audience of their tokens
    #[arg(long, value_name = "URL", default_value = "https://shop.example/api")]
    pub(crate) resource: String,

    /// Trust this issuer of RFC 9068 access tokens; without this one is embedded
    #[arg(long, value_name = "URL", conflicts_with = "check")]
    pub(crate) issuer: Option<String>,

    /// What an operation requires: 'METHOD PATTERN = REQUIREMENT'; repeatable
    ///
    /// PATTERN is a path as clients write it; {id} is one segment, {*rest} the rest. What has no row needs what
    /// all rows say.
    #[arg(long = "row", value_name = "ROW", conflicts_with = "check")]
    rows: Vec<Row>,

    /// Ask everything once, print what is answered, and end
    #[arg(long)]
    pub(crate) check: bool,
}

impl Cli {
    /// The rows of the command line, or else those of the demonstration.
    pub(crate) fn rows(&self) -> Result<Vec<Row>, String> {
        if self.rows.is_empty() { default_rows() } else { Ok(self.rows.clone()) }
    }
}

pub(crate) fn default_rows() -> Result<Vec<Row>, String> {
    ROWS.iter().map(|row| row.parse()).collect()
}

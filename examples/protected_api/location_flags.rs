//! Where tokens are, beside `Authorization`.

use clap::Args;
use tower_resource_server::{ResourceServerBuilder, http::TokenLocation};

/// A WebSocket prefix that begins so has the token in base64url behind it, as that of Kubernetes does.
const ENCODED: &str = "base64url.";

#[derive(Args, Debug)]
pub(crate) struct LocationFlags {
    /// A place where a token may be, beside Authorization: header:NAME, cookie:NAME or websocket:PREFIX;
    /// repeatable
    ///
    /// A header holds nothing but the token. A cookie is taken with GET, HEAD and OPTIONS from every page, and
    /// otherwise from pages of the same origin. A WebSocket subprotocol is PREFIX and the token, in base64url
    /// where PREFIX begins with `base64url.`; another must be offered beside it. A request with tokens in two
    /// places is refused.
    #[arg(long = "token-location", value_name = "KIND:NAME", requires = "trusted", value_parser = location)]
    locations: Vec<TokenLocation>,
}

impl LocationFlags {
    /// A server that looks there.
    pub(crate) fn on(&self, server: ResourceServerBuilder) -> ResourceServerBuilder {
        if self.locations.is_empty() {
            return server;
        }
        let server = server.token_location(TokenLocation::authorization());
        self.locations.iter().cloned().fold(server, ResourceServerBuilder::token_location)
    }
}

fn location(text: &str) -> Result<TokenLocation, String> {
    let expected = || "expected header:NAME, cookie:NAME or websocket:PREFIX".to_owned();
    let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(expected)?;
    match kind {
        "header" => Ok(TokenLocation::header(name)),
        "cookie" => Ok(TokenLocation::cookie(name)),
        "websocket" if name.starts_with(ENCODED) => Ok(TokenLocation::websocket_base64url(name)),
        "websocket" => Ok(TokenLocation::websocket(name)),
        _ => Err(expected()),
    }
}

//! The command line.

use std::net::{SocketAddr, ToSocketAddrs};

use clap::Parser;

use crate::issuer_flags::IssuerFlags;

/// An API that only bearers of good tokens may call.
///
/// Without --issuer it starts an issuer of its own, prints what it protects, and `curl` lines to
/// try. With --issuer and --audience it guards against that issuer: every path and method but
/// /healthz and /.well-known/* needs a good token, and is answered with what the token says.
#[derive(Debug, Parser)]
#[command(name = "protected_api")]
pub(crate) struct Cli {
    /// Where to listen, as HOST:PORT; port 0 takes a free one
    ///
    /// 127.0.0.1:8080 unless told otherwise; without --issuer a free port of 127.0.0.1. The line
    /// `listening on http://ADDR` says which one it is.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) issuer: IssuerFlags,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| error.to_string())?;
    found.next().ok_or_else(|| "no such address".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    #[test]
    fn the_flags_hang_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn contradictions_are_refused() {
        for (line, expected) in [
            ("--audience a", ErrorKind::MissingRequiredArgument),
            ("--issuer https://i.example", ErrorKind::MissingRequiredArgument),
            ("--scope a", ErrorKind::MissingRequiredArgument),
            ("--jwks-file f", ErrorKind::MissingRequiredArgument),
            ("--issuer i --audience a --jwks-uri u --jwks-file f", ErrorKind::ArgumentConflict),
            ("--issuer i --issuer j --audience a", ErrorKind::ArgumentConflict),
            ("--issuer i --audience a --algorithms none", ErrorKind::ValueValidation),
            ("--issuer i --audience a --algorithms RS256,,ES256", ErrorKind::ValueValidation),
            ("--issuer i --audience a --token-type jwt", ErrorKind::InvalidValue),
            ("--issuer i --audience a --leeway -1", ErrorKind::UnknownArgument),
            ("--issuer i --audience a --leeway 1m", ErrorKind::ValueValidation),
            ("--issuer i --audience a --scope \"", ErrorKind::ValueValidation),
            ("--listen nowhere", ErrorKind::ValueValidation),
            ("--surprise", ErrorKind::UnknownArgument),
        ] {
            let words = ["protected_api"].into_iter().chain(line.split(' '));
            assert_eq!(Cli::try_parse_from(words).map(|_| ()).map_err(|e| e.kind()), Err(expected), "{line}");
        }
    }

    #[test]
    fn what_makes_sense_is_taken() {
        for line in [
            "",
            "--listen 127.0.0.1:0",
            "--issuer i --audience a",
            "--issuer i --audience a --audience b --jwks-uri u --allow-loopback-http --listen [::1]:0",
            "--issuer i --audience a --jwks-file f --algorithms RS256,Ed25519 --token-type at+jwt --leeway 0",
        ] {
            let words = ["protected_api"].into_iter().chain(line.split_whitespace());
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }
}

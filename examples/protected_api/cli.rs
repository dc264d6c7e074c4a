//! The command line.

use std::net::SocketAddr;
#[cfg(feature = "config")]
use std::path::PathBuf;

use clap::Parser;

use crate::{
    address_flags::AddressFlags,
    dpop_flags::DpopFlags,
    issuer_flags::{IssuerFlags, address},
    location_flags::LocationFlags,
    mtls_flags::MtlsFlags,
    requirement_flags::RequirementFlags,
    store_flags::StoreFlags,
};

/// An API that only bearers of good tokens may call.
///
/// Without --issuer or --tenant it starts an issuer of its own, prints what it protects, and `curl`
/// lines to try. With --issuer and --audience it guards against that issuer, with --profile and --tenant
/// against a vendor's system, with --config as a file says: every path and method but /healthz and /.well-known/* needs a good
/// token, and is answered with what the token says.
#[derive(Debug, Parser)]
#[command(name = "protected_api")]
pub(crate) struct Cli {
    /// Where to listen, as HOST:PORT; port 0 takes a free one
    ///
    /// 127.0.0.1:8080 unless told otherwise; in a demonstration a free port of 127.0.0.1. The line
    /// `listening on http://ADDR` says which one it is.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,

    /// A file with the whole configuration: JSON if it ends in .json, TOML otherwise
    ///
    /// Variables of the environment that begin with PROTECTED_API_ are laid over it. SIGHUP reads it again: what is
    /// good is in force at once, and otherwise the old one stays.
    #[cfg(feature = "config")]
    #[arg(long, value_name = "FILE", conflicts_with = "trusted")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) issuer: IssuerFlags,

    #[command(flatten)]
    pub(crate) requirements: RequirementFlags,

    #[command(flatten)]
    pub(crate) locations: LocationFlags,

    #[command(flatten)]
    pub(crate) address: AddressFlags,

    #[command(flatten)]
    pub(crate) dpop: DpopFlags,

    #[command(flatten)]
    pub(crate) mtls: MtlsFlags,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

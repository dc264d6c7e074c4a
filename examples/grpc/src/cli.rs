//! The command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use grpc_example::client::Method;

use crate::issuer_flags::{IssuerFlags, address};

/// A gRPC server that only bearers of good tokens may call, and a client to go with it.
///
/// Without a command it starts an issuer and the server in this process, makes a few calls, shows
/// what comes back, and ends.
#[derive(Debug, Parser)]
#[command(name = "grpc")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Guard a greeter against an issuer
    Serve(Box<Serve>),
    /// Make one call, and print what came back as a line of JSON
    ///
    /// {"code":"UNAUTHENTICATED","message":"…","reply":null,"metadata":{"www-authenticate":"…"}}.
    /// The exit status is 0 whatever the code is.
    Call(Call),
}

#[derive(Args, Debug)]
#[command(mut_group("trusted", |trusted| trusted.required(true)))]
pub(crate) struct Serve {
    /// Where to listen, as HOST:PORT; port 0 takes a free one
    ///
    /// The line `listening on http://ADDR` says which one it is.
    #[arg(long, value_name = "ADDR", value_parser = address, default_value = "127.0.0.1:50051")]
    pub(crate) listen: SocketAddr,

    #[command(flatten)]
    pub(crate) issuer: IssuerFlags,
}

#[derive(Args, Debug)]
pub(crate) struct Call {
    /// The server, as http://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub(crate) address: String,

    /// The access token to send; none is sent without this
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) token: Option<String>,

    /// The method to call
    #[arg(long, value_enum, default_value = "say-hello")]
    method: MethodName,

    /// The new greeting, for set-greeting
    #[arg(long, value_name = "TEXT", default_value = "Good day")]
    greeting: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MethodName {
    /// Needs a good token
    SayHello,
    /// Needs the scope greeter:write
    SetGreeting,
}

impl Call {
    pub(crate) fn method(&self) -> Method<'_> {
        match self.method {
            MethodName::SayHello => Method::SayHello,
            MethodName::SetGreeting => Method::SetGreeting(&self.greeting),
        }
    }
}

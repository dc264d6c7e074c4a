//! The server's side: a greeter that asks for no name, with or without the layer.

use grpc_example::proto::{
    Greeting, SayHelloRequest, SetGreetingRequest,
    greeter_server::{Greeter, GreeterServer},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Builder};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};
use tower_resource_server::{ResourceServer, TrustedIssuer, keys::KeySet, profile::TokenProfile};

use crate::{AnyError, ISSUER, child, tokens::AUDIENCE};

/// What the server is told.
#[derive(Deserialize, Serialize)]
pub(crate) struct Setup {
    pub(crate) jwks: Value,
    pub(crate) is_guarded: bool,
}

struct Plain;

#[tonic::async_trait]
impl Greeter for Plain {
    async fn say_hello(&self, _: Request<SayHelloRequest>) -> Result<Response<Greeting>, Status> {
        Ok(Response::new(Greeting { text: "Hello!".into() }))
    }

    async fn set_greeting(&self, _: Request<SetGreetingRequest>) -> Result<Response<Greeting>, Status> {
        Err(Status::unimplemented("there is one greeting"))
    }
}

pub(crate) fn run() -> Result<(), AnyError> {
    let setup: Setup = child::setup()?;
    Builder::new_current_thread().enable_all().build()?.block_on(serve(setup))
}

async fn serve(setup: Setup) -> Result<(), AnyError> {
    let keys = KeySet::from_jwks(setup.jwks.to_string().as_bytes())?;
    let issuer = TrustedIssuer::with_keys(ISSUER, keys, TokenProfile::rfc9068());
    let api = ResourceServer::builder(AUDIENCE).issuer(issuer).build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    child::announce(listener.local_addr()?)?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let (bare, service) = (Server::builder(), GreeterServer::new(Plain));
    if setup.is_guarded {
        bare.layer(api.layer()).add_service(service).serve_with_incoming(incoming).await?;
    } else {
        let mut bare = bare;
        bare.add_service(service).serve_with_incoming(incoming).await?;
    }
    Ok(())
}

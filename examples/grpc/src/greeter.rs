//! The service: by the time it is called, it is known who calls.

use std::sync::{Arc, PoisonError, RwLock};

use tonic::{Request, Response, Status};
use tower_resource_server::tonic::IdentityExt;

use crate::proto::{self, Greeting, SayHelloRequest, SetGreetingRequest, greeter_server};

/// A greeting that everybody gets and some may change.
#[derive(Clone, Debug)]
pub struct Greeter {
    greeting: Arc<RwLock<String>>,
}

impl Greeter {
    /// The service as tonic wants it.
    #[must_use]
    pub fn service() -> greeter_server::GreeterServer<Self> {
        greeter_server::GreeterServer::new(Self { greeting: Arc::new(RwLock::new("Hello".into())) })
    }
}

#[tonic::async_trait]
impl proto::greeter_server::Greeter for Greeter {
    async fn say_hello(&self, request: Request<SayHelloRequest>) -> Result<Response<Greeting>, Status> {
        let who = request.identity()?;
        let greeting = self.greeting.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Response::new(Greeting { text: format!("{greeting}, {}!", who.subject()) }))
    }

    async fn set_greeting(&self, request: Request<SetGreetingRequest>) -> Result<Response<Greeting>, Status> {
        // Whether the caller may do this is settled: the table in `server` has a row for it.
        let text = request.into_inner().greeting;
        self.greeting.write().unwrap_or_else(PoisonError::into_inner).clone_from(&text);
        Ok(Response::new(Greeting { text }))
    }
}

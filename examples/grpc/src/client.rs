//! One call, and everything that came back.

use std::{collections::BTreeMap, error::Error, time::Duration};

use serde::Serialize;
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, KeyAndValueRef, MetadataMap, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::proto::{Greeting, SayHelloRequest, SetGreetingRequest, greeter_client::GreeterClient};

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// A method of the service, with what it is called with.
#[derive(Clone, Copy, Debug)]
pub enum Method<'a> {
    /// Needs a good token.
    SayHello,
    /// Needs the scope [`WRITE`](crate::server::WRITE).
    SetGreeting(&'a str),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The status code by its name in the gRPC specification.
    pub code: &'static str,
    /// The status message.
    pub message: String,
    /// What the method returned, if it did.
    pub reply: Option<String>,
    /// The metadata of the status or of the reply, save binary values; several values of one name
    /// joined by commas.
    pub metadata: BTreeMap<String, String>,
}

/// Calls `method` of the server at `address`, with `token` if there is one.
///
/// # Errors
/// When no call can be made at all: the address is none, or the token cannot stand in metadata.
/// Whatever comes of a call is an [`Outcome`], a server that does not answer included.
pub async fn call(
    address: &str,
    token: Option<&str>,
    method: Method<'_>,
) -> Result<Outcome, Box<dyn Error + Send + Sync>> {
    let endpoint = Endpoint::from_shared(address.to_owned())?;
    if endpoint.uri().scheme_str() != Some("http") {
        return Err(format!("{address}: not of the form http://HOST:PORT").into());
    }
    let channel = endpoint.timeout(DEADLINE).connect_lazy();
    let authorization: Option<MetadataValue<Ascii>> = match token {
        Some(token) => Some(format!("Bearer {token}").parse()?),
        None => None,
    };
    let result = match method {
        Method::SayHello => client(channel).say_hello(request(SayHelloRequest {}, authorization)).await,
        Method::SetGreeting(greeting) => {
            let message = SetGreetingRequest { greeting: greeting.to_owned() };
            client(channel).set_greeting(request(message, authorization)).await
        }
    };
    Ok(outcome(result))
}

fn client(channel: Channel) -> GreeterClient<Channel> {
    GreeterClient::new(channel)
}

fn request<T>(message: T, authorization: Option<MetadataValue<Ascii>>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value);
    }
    request
}

fn outcome(result: Result<Response<Greeting>, Status>) -> Outcome {
    match result {
        Ok(response) => Outcome {
            code: name(Code::Ok),
            message: String::new(),
            metadata: readable(response.metadata()),
            reply: Some(response.into_inner().text),
        },
        Err(status) => Outcome {
            code: name(status.code()),
            message: status.message().to_owned(),
            metadata: readable(status.metadata()),
            reply: None,
        },
    }
}

fn readable(metadata: &MetadataMap) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for entry in metadata.iter() {
        if let KeyAndValueRef::Ascii(key, value) = entry {
            let value = String::from_utf8_lossy(value.as_bytes());
            map.entry(key.to_string())
                .and_modify(|values: &mut String| {
                    values.push_str(", ");
                    values.push_str(&value);
                })
                .or_insert_with(|| value.to_string());
        }
    }
    map
}

/// The names of <https://grpc.io/docs/guides/status-codes>.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

//! A client of one thread that keeps a few HTTP/2 connections busy.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, header};
use tokio::net::TcpStream;

use crate::{AnyError, work::Work};

const CONNECTIONS: usize = 4;
/// Calls under way at a time on each connection.
const STREAMS: usize = 8;

/// An empty message: not compressed, no bytes.
const MESSAGE: Bytes = Bytes::from_static(&[0; 5]);

/// What a call looks like, ready to send.
pub(crate) fn requests(address: &str, tokens: &[String]) -> Result<Rc<[Request<()>]>, AnyError> {
    let request = |token| {
        Request::post(format!("http://{address}/greeter.v1.Greeter/SayHello"))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(())
    };
    let requests: Result<Vec<_>, _> = tokens.iter().map(request).collect();
    Ok(requests?.into())
}

pub(crate) struct Client(Vec<SendRequest<Bytes>>);

impl Client {
    /// Within a `LocalSet`.
    pub(crate) async fn connect(address: &str) -> Result<Self, AnyError> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (client, connection) = h2::client::handshake(stream).await?;
            tokio::task::spawn_local(connection);
            connections.push(client);
        }
        Ok(Self(connections))
    }

    /// Makes calls in turn for this long, or each of them `once`; how many there were, and how long
    /// it took.
    pub(crate) async fn drive(
        &self,
        requests: &Rc<[Request<()>]>,
        once: bool,
        time: Duration,
    ) -> Result<(u64, Duration), AnyError> {
        let work = Work::new(requests, once, time);
        let streams = self.0.iter().flat_map(|connection| (0..STREAMS).map(|_| connection.clone()));
        let tasks: Vec<_> = streams
            .map(|connection| tokio::task::spawn_local(converse(connection, Rc::clone(&work))))
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(work.done())
    }
}

async fn converse(mut connection: SendRequest<Bytes>, work: Rc<Work<Request<()>>>) -> Result<(), AnyError> {
    while let Some(request) = work.next() {
        connection = connection.ready().await?;
        let (response, mut message) = connection.send_request(request.clone(), false)?;
        message.send_data(MESSAGE, true)?;
        let mut body = response.await?.into_body();
        while let Some(data) = body.data().await {
            let length = data?.len();
            body.flow_control().release_capacity(length)?;
        }
        // A refusal has no trailers: its status is in the headers.
        let trailers = body.trailers().await?.ok_or("refused")?;
        if trailers.get("grpc-status").is_none_or(|status| status != "0") {
            return Err(format!("not what was expected: {trailers:?}").into());
        }
    }
    Ok(())
}

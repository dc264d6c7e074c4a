//! Servers on loopback that the tests of the client share, and how they are asked.
//! `testdata/make.sh` makes the certificates.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderValue, Request, StatusCode, header::ACCEPT};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::{Body, HttpClient, HttpError, Limits, ReqwestClient};

pub(super) const SERVER_KEY: &[u8] = include_bytes!("testdata/server-key.pem");
const SERVER: &[u8] = include_bytes!("testdata/server.pem");

/// The heads of the requests that a server read, in lower case.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(super) async fn read(&self, stream: &mut (impl AsyncRead + Unpin)) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        self.0.lock().unwrap().push(head.clone());
        head
    }
}

/// Serves each connection, one after the other.
pub(super) async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    address
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: Seen) {
    seen.read(&mut stream).await;
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let _ = stream.shutdown().await;
}

pub(super) async fn http_server() -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    (listen(move |stream| answer(stream, log.clone())).await, seen)
}

/// A server with the certificate for `login.example`, `localhost` and `127.0.0.1`.
pub(crate) async fn https_server() -> (SocketAddr, Seen) {
    let certificate = CertificateDer::from_pem_slice(SERVER).unwrap();
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (acceptor, seen) = (TlsAcceptor::from(Arc::new(config)), Seen::default());
    let log = seen.clone();
    let serve = move |stream| {
        let (accepting, log) = (acceptor.accept(stream), log.clone());
        async move {
            // A client that does not trust the certificate hangs up.
            if let Ok(stream) = accepting.await {
                answer(stream, log).await;
            }
        }
    };
    (listen(serve).await, seen)
}

/// A proxy that answers `CONNECT` with `status`, and leads every tunnel to `server`.
pub(super) async fn proxy(server: SocketAddr, status: &'static str) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let serve = move |mut stream: TcpStream| {
        let log = log.clone();
        async move {
            log.read(&mut stream).await;
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
            if status.starts_with("200") {
                let mut tunnel = TcpStream::connect(server).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut tunnel).await;
            }
        }
    };
    (listen(serve).await, seen)
}

pub(super) fn get(url: &str) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = url.parse().unwrap();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

/// The status, or why there is none.
pub(super) async fn send(client: &ReqwestClient, request: Request<Body>) -> Result<StatusCode, HttpError> {
    let limits = Limits::new(1000, Duration::from_secs(5));
    client.send(request, limits).await.map(|response| response.status())
}

pub(super) const OK: Result<StatusCode, HttpError> = Ok(StatusCode::OK);

//! A server that ends TLS itself, over sockets: rustls asks the client for a certificate, and the connection says
//! which one it was.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::connect_info::{ConnectInfo, Connected},
    routing::get,
    serve::{IncomingStream, Listener},
};
use http::Extensions;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName},
        server::WebPkiClientVerifier,
    },
    server::TlsStream,
};
use tower_resource_server::{ClientCertificate, Mtls, ResourceServer, test_util::TestIssuer};

use crate::{bound, who};

/// An authority, which signs the certificates of the server and of clients.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
struct Pair {
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Pair {
    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let der = params.signed_by(&key, &self.0).unwrap().der().clone();
        Pair { der, key }
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots.into()
    }
}

/// A socket whose connections are TLS. A client may show a certificate of the authority, or none.
struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl TlsListener {
    async fn bind(authority: &Authority, server: &Pair) -> Self {
        let verifier =
            WebPkiClientVerifier::builder(authority.roots()).allow_unauthenticated().build().unwrap();
        let config = ServerConfig::builder().with_client_cert_verifier(verifier);
        let config = config.with_single_cert(vec![server.der.clone()], server.key()).unwrap();
        Self { tcp: TcpListener::bind(("127.0.0.1", 0)).await.unwrap(), tls: Arc::new(config).into() }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (tcp, address) = self.tcp.accept().await.unwrap();
            if let Ok(stream) = self.tls.accept(tcp).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// What is known of a connection, made once for all its requests.
#[derive(Clone, Copy)]
struct TlsPeer(Option<ClientCertificate>);

impl Connected<IncomingStream<'_, TlsListener>> for TlsPeer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        let (_, connection) = stream.io().get_ref();
        Self(connection.peer_certificates().and_then(|chain| chain.first()).map(ClientCertificate::from_der))
    }
}

/// A connection of a client, with or without a certificate.
async fn connect(
    address: SocketAddr,
    authority: &Authority,
    shown: Option<&Pair>,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let config = ClientConfig::builder().with_root_certificates(authority.roots());
    let config = match shown {
        Some(pair) => config.with_client_auth_cert(vec![pair.der.clone()], pair.key()).unwrap(),
        None => config.with_no_client_auth(),
    };
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("api.test").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

/// The status and the last line of the answer.
async fn ask(
    connection: &mut tokio_rustls::client::TlsStream<TcpStream>,
    token: &str,
    further: &str,
) -> io::Result<(u16, String)> {
    let request =
        format!("GET /orders HTTP/1.1\r\nhost: api.test\r\nauthorization: Bearer {token}\r\n{further}\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = connection.read(&mut part).await?;
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            continue;
        };
        let length = head
            .to_lowercase()
            .split_once("content-length: ")
            .map_or(0, |(_, behind)| behind.split("\r\n").next().unwrap().parse::<usize>().unwrap());
        if body.len() >= length {
            return Ok((head[9..12].parse().unwrap(), body.to_owned()));
        }
    }
}

#[tokio::test]
async fn promise_8_over_tls_a_token_is_good_with_the_certificate_of_its_client_alone() {
    let (issuer, authority) = (TestIssuer::new(), Authority::new());
    let [server, own, other] = ["api.test", "client.test", "other.test"].map(|name| authority.sign(name));
    let listener = TlsListener::bind(&authority, &server).await;
    let address = listener.local_addr().unwrap();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
        .mtls(Mtls::allowed().peer_certificate(|extensions: &Extensions| {
            let ConnectInfo(TlsPeer(certificate)) = extensions.get()?;
            *certificate
        }))
        .build()
        .unwrap();
    let app = Router::new().route("/orders", get(who)).layer(api.layer());
    let app = app.into_make_service_with_connect_info::<TlsPeer>();
    let serving = tokio::spawn(axum::serve(listener, app).into_future());

    let thumbprint = ClientCertificate::from_der(&own.der).thumbprint().to_owned();
    let token = bound(issuer.access_token("alice"), &own.der).mint().unwrap();
    let bearer = issuer.access_token("alice").mint().unwrap();
    let spoofed = format!("client-cert: {}\r\n", crate::forms::byte_sequence(&own.der));
    for (name, shown, token, further, expected) in [
        ("its own", Some(&own), &token, "", (200, thumbprint.as_str())),
        ("none", None, &token, "", (401, "")),
        ("another of the authority", Some(&other), &token, "", (401, "")),
        ("none, and a header that tells it", None, &token, spoofed.as_str(), (401, "")),
        ("another, and a header that tells it", Some(&other), &token, &spoofed, (401, "")),
        ("bearer", None, &bearer, "", (200, "unbound")),
        ("bearer, with a certificate", Some(&own), &bearer, "", (200, "unbound")),
        ("bearer, and a header", None, &bearer, &spoofed, (200, "unbound")),
    ] {
        let mut connection = connect(address, &authority, shown).await;
        for time in ["first", "on the same connection"] {
            let (status, body) = ask(&mut connection, token, further).await.unwrap();
            assert_eq!((status, body.as_str()), expected, "{name}, {time}");
        }
    }
    // One of another authority does not get as far as a request.
    let foreign = Authority::new().sign("client.test");
    let mut connection = connect(address, &authority, Some(&foreign)).await;
    assert!(ask(&mut connection, &bearer, "").await.is_err(), "a certificate of another authority");
    serving.abort();
}

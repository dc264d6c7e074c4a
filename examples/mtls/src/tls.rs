//! TLS that ends in this program, and asks clients for a certificate: by tokio-rustls, connection by connection.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, time::timeout};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

use crate::AnyError;

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A server that takes clients with a certificate of the authority, and clients without one: each token says
/// whether it needs one.
pub(crate) fn config(authority: &str, certificate: &str, key: &str) -> Result<Arc<ServerConfig>, AnyError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let verifier = WebPkiClientVerifier::builder(roots.into()).allow_unauthenticated().build()?;
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
    let config = ServerConfig::builder().with_client_cert_verifier(verifier).with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// Serves until the program ends, on each connection the app for the certificate that its client has shown.
pub(crate) async fn serve<F>(listener: TcpListener, config: Arc<ServerConfig>, app: F) -> io::Result<()>
where
    F: Fn(Option<&CertificateDer<'static>>) -> Router + Clone + Send + Sync + 'static,
{
    let acceptor = TlsAcceptor::from(config);
    loop {
        let (tcp, _) = listener.accept().await?;
        let (acceptor, app) = (acceptor.clone(), app.clone());
        // In a task of its own: a client that is slow with its handshake holds up no other.
        tokio::spawn(async move {
            let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(tcp)).await else { return };
            let (_, connection) = stream.get_ref();
            let shown = connection.peer_certificates().and_then(|chain| chain.first());
            let service = TowerToHyperService::new(app(shown));
            // A connection that breaks off concerns its client alone.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

//! Tokens that are bound to a certificate of their sender: what a server takes, as settings, and which certificate
//! a request came with.

use std::{fmt, sync::Arc};

use super::{Inner, ResourceServerBuilder, problems::Problems};
use crate::{
    error::ConfigProblem,
    http::{CertificateHeader, PeerCertificate, RequestHead},
    proof::{CertificateFault, ClientCertificate, verify_certificate},
    verify::Failure,
};

/// Takes access tokens that are bound to a certificate of their sender (mutual TLS, [RFC 8705] section 3), for
/// [`ResourceServerBuilder::mtls`](crate::ResourceServerBuilder::mtls).
///
/// Such a token comes as a bearer token does, over a connection on which the client has shown the certificate that
/// `x5t#S256` in its `cnf` names. Without it, and with another, it is refused.
///
/// | the connection comes from | the certificate is |
/// |---|---|
/// | a client | what TLS says: a [`ClientCertificate`] in the extensions of the request, or what [`peer_certificate`](Self::peer_certificate) makes of them |
/// | a trusted proxy, on a server with a [`header`](Self::header) | what that header says, and nothing else: the certificate of the connection is the proxy's own |
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use tower_resource_server::{ResourceServer, TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
/// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
/// # let issuer = TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068());
/// use tower_resource_server::{Mtls, http::{CertificateHeader, PublicAddress}};
///
/// // Behind nginx, which ends TLS:
/// let api = ResourceServer::builder("https://api.example")
///     .issuer(issuer)
///     .public_address(PublicAddress::from_trusted_proxies(["10.0.0.0/8"]))
///     .mtls(Mtls::required().header(CertificateHeader::nginx()))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
///
/// No inner service gets a field that tells of certificates, be it the one that is named here or another that is
/// known: what is not judged here, a client may have written.
///
/// It does not check the certificate: see [`ClientCertificate`].
///
/// [RFC 8705]: https://www.rfc-editor.org/rfc/rfc8705
#[derive(Clone)]
#[must_use]
pub struct Mtls {
    required: bool,
    header: Option<CertificateHeader>,
    peer: Option<Arc<dyn PeerCertificate>>,
}

impl Mtls {
    /// Takes bound tokens, and tokens that are bound to no certificate beside them.
    pub fn allowed() -> Self {
        Self { required: false, header: None, peer: None }
    }

    /// Takes tokens alone that are bound to a certificate. To demand them of some operations,
    /// [allow](Self::allowed) both and require [`sender_constrained`](crate::policy::sender_constrained).
    pub fn required() -> Self {
        Self { required: true, ..Self::allowed() }
    }

    /// The header in which trusted proxies tell the certificate of the client: those that a
    /// [`PublicAddress`](crate::http::PublicAddress::from_trusted_proxies) names, by the address of the
    /// connection's peer; none unless set. `build()` refuses it where no proxy is trusted.
    ///
    /// From others the header counts as nothing. From a trusted proxy it is the only one that counts; twice, or
    /// without a certificate in it, it is refused (400).
    ///
    /// It does not check that the proxy *overwrites* what a client wrote: it must, on each request, also where
    /// the client has shown no certificate.
    pub fn header(mut self, header: impl Into<Option<CertificateHeader>>) -> Self {
        self.header = header.into();
        self
    }

    /// Where the certificate of a connection is in the extensions of its requests: a [`ClientCertificate`] unless
    /// set.
    pub fn peer_certificate(mut self, from: impl PeerCertificate) -> Self {
        self.peer = Some(Arc::new(from));
        self
    }

    pub(super) const fn is_required(&self) -> bool {
        self.required
    }
}

impl fmt::Debug for Mtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mtls")
            .field("required", &self.required)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Whether a request came with the certificate that its token is bound to, if it is bound to one. A token by
    /// itself comes without.
    pub(super) fn check_certificate(
        &self,
        mtls: &Mtls,
        bound_to: Option<&str>,
        head: Option<RequestHead<'_>>,
    ) -> Result<(), Failure> {
        let shown = match head {
            Some(head) => self.certificate_of(mtls, head).map_err(Failure::UnreadableCertificate)?,
            None => None,
        };
        Ok(verify_certificate(bound_to, shown.as_ref(), mtls.required)?)
    }

    /// The certificate that the client of a request has shown. Behind a proxy, that of the connection is the
    /// proxy's, and is never the client's.
    fn certificate_of(
        &self,
        mtls: &Mtls,
        head: RequestHead<'_>,
    ) -> Result<Option<ClientCertificate>, CertificateFault> {
        match (&mtls.header, &mtls.peer) {
            (Some(header), _) if self.address.is_from_proxy(head) => header.read(head.headers),
            (_, Some(peer)) => Ok(peer.peer_certificate(head.extensions)),
            (_, None) => Ok(head.extensions.get().copied()),
        }
    }
}

impl ResourceServerBuilder {
    /// What cannot be together with tokens that are bound to a certificate.
    pub(super) fn check_mtls(&self, all: &mut Vec<ConfigProblem>) {
        let Some(mtls) = &self.mtls else { return };
        let mut problems = Problems::of(all, "mtls", "mtls");
        let proxies = self.public_address.as_ref().and_then(|address| address.proxies.as_ref());
        problems.refuse(
            mtls.header.is_some() && proxies.is_none(),
            "no_proxy",
            "a certificate in a header is believed of trusted proxies alone; name their networks with PublicAddress::from_trusted_proxies(..), or leave the header out",
        );
        problems.refuse(
            mtls.required && (self.api_keys.is_some() || self.verifier.is_some()),
            "opaque",
            "only bound tokens are taken, and what is no token is bound to nothing; use Mtls::allowed() with a requirement, or leave out API keys and the verifier",
        );
    }
}

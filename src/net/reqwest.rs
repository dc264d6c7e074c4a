//! The ready-made client: reqwest with rustls, told to do as little as possible.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs},
};

use ::reqwest::{
    Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect, retry,
};
use bytes::{Bytes, BytesMut};
use http::{Request, Response};

use super::{
    Body, HttpClient, HttpError, HttpFuture, Limits,
    location::{is_forbidden, is_forbidden_host, is_localhost},
};
use crate::error::ConfigError;

/// Sends requests over HTTPS with reqwest and rustls.
///
/// It follows no redirect, tries nothing again, asks for no compression, sends no cookie and no
/// referrer, uses no proxy from the environment, refuses link-local and metadata addresses as they
/// are written and as a name resolves to them, and stops reading at the limit. A body that does not
/// come with success (2xx) is not read. Each request has a connection of its own: minutes lie
/// between two, and so none outlives the runtime it was made on.
///
/// It does not judge content types, and it does not restrict private networks. Which requests may
/// go over plain http is decided before, by [`SourceUrl`](super::SourceUrl).
///
/// A cheap handle: clones share everything.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::net::ReqwestClient;
///
/// let plain = ReqwestClient::new()?;
/// let tuned = ReqwestClient::configured(|client| client.connect_timeout(Duration::from_secs(1)))?;
/// # Ok::<_, tower_resource_server::error::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReqwestClient {
    client: Client,
}

impl ReqwestClient {
    /// With the platform's root certificates.
    ///
    /// # Errors
    /// [`ConfigError`] when TLS cannot be set up.
    pub fn new() -> Result<Self, ConfigError> {
        Self::configured(|client| client)
    }

    /// With settings of your own: root certificates, a client certificate, an explicit proxy.
    ///
    /// They are made before ours, so that the rules above hold whatever they are; only hosts that
    /// they pin to addresses, and hosts behind a proxy that they name, are not resolved here.
    ///
    /// # Errors
    /// [`ConfigError`] when the client cannot be built.
    pub fn configured(configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Self, ConfigError> {
        Self::resolving(configure, |host| (host, 0).to_socket_addrs().map(Vec::from_iter))
    }

    /// As [`configured`](Self::configured), with names looked up by `lookup`.
    fn resolving(
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
        lookup: Lookup,
    ) -> Result<Self, ConfigError> {
        let agent = concat!("tower-resource-server/", env!("CARGO_PKG_VERSION"));
        // Only the proxies of the environment are meant, so this comes before what is configured.
        let client = configure(Client::builder().no_proxy().user_agent(agent))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .pool_max_idle_per_host(0)
            .dns_resolver(GuardedResolver(lookup))
            .build()
            .map_err(|_| ConfigError::from_problems(vec![NO_CLIENT.to_owned()]))?;
        Ok(Self { client })
    }

    async fn exchange(&self, request: Request<Body>, limits: Limits) -> Result<Response<Body>, HttpError> {
        let request = request.map(Body::into_bytes);
        let mut request = ::reqwest::Request::try_from(request).map_err(|_| UNSENDABLE)?;
        if request.url().host().is_some_and(|host| is_forbidden_host(&host)) {
            return Err(HttpError::AddressRefused);
        }
        *request.timeout_mut() = Some(limits.timeout());
        let mut received = self.client.execute(request).await.map_err(|error| classify(&error))?;
        let mut response = Response::new(Body::default());
        *response.status_mut() = received.status();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        if response.status().is_success() {
            *response.body_mut() = read_body(received, limits.max_body()).await?.into();
        }
        Ok(response)
    }
}

/// The builder's own error would quote the settings.
const NO_CLIENT: &str = "the HTTP client cannot be set up; install TLS root certificates on this machine, or take back what was configured";

const UNSENDABLE: HttpError = HttpError::Other("the request's URI is not an absolute URL");

impl HttpClient for ReqwestClient {
    fn send(&self, request: Request<Body>, limits: Limits) -> HttpFuture<'_> {
        Box::pin(self.exchange(request, limits))
    }
}

/// Reads a body of at most `limit` bytes, and not one chunk further.
async fn read_body(mut response: ::reqwest::Response, limit: usize) -> Result<Bytes, HttpError> {
    let too_large = HttpError::TooLarge { limit };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        if chunk.len() > limit - body.len() {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Finds the kind of failure; the text of the error stays behind, it may quote the server.
fn classify(error: &::reqwest::Error) -> HttpError {
    if error.is_timeout() {
        return HttpError::Timeout;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(Unresolved(why)) = error.downcast_ref() {
            return why.clone();
        }
        if error.downcast_ref().is_some_and(is_tls) {
            return HttpError::Tls;
        }
        cause = error.source();
    }
    if error.is_connect() { HttpError::Connect } else { HttpError::Broken }
}

/// Whether an I/O error is how rustls speaks: `InvalidData`, at times wrapped in another one.
fn is_tls(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    error.kind() == ErrorKind::InvalidData || inner.is_some_and(is_tls)
}

/// The system's resolver, less the addresses where no key server is.
struct GuardedResolver(Lookup);

/// How a name is looked up, blocking: the system's way, but for tests.
type Lookup = fn(&str) -> io::Result<Vec<SocketAddr>>;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.0;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::task::spawn_blocking(move || lookup(&host)).await;
            let found = found.ok().and_then(Result::ok).unwrap_or_default();
            let admitted = admit(name.as_str(), found).map_err(Unresolved)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// The addresses of `host` that may be connected to.
fn admit(host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, HttpError> {
    if found.is_empty() {
        return Err(HttpError::Resolve);
    }
    // Plain http was allowed to this name because it means this machine: then it has to.
    let is_admitted = |address: &SocketAddr| {
        let ip = address.ip();
        !is_forbidden(ip) && (!is_localhost(host) || ip.is_loopback())
    };
    let admitted: Vec<_> = found.into_iter().filter(is_admitted).collect();
    if admitted.is_empty() { Err(HttpError::AddressRefused) } else { Ok(admitted) }
}

/// Carries the reason through reqwest's errors.
#[derive(Debug)]
struct Unresolved(HttpError);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unresolved {}

#[cfg(test)]
mod tests;

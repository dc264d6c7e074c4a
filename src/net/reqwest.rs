//! The ready-made client: reqwest with rustls, told to do as little as possible.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use ::reqwest::{
    Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};

use super::{
    Body, HttpClient, HttpError, HttpFuture, Limits, ReqwestClientBuilder,
    address::is_forbidden,
    location::{is_forbidden_host, is_localhost},
    token_file::TokenFile,
};
use crate::error::ConfigError;

/// Sends requests over HTTPS with reqwest and rustls.
///
/// It follows no redirect, tries nothing again, asks for no compression, sends no cookie and no
/// referrer, uses no proxy but one that is [set](ReqwestClientBuilder::proxy), refuses link-local and metadata addresses as they
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
/// use tower_resource_server::net::ReqwestClient;
///
/// let plain = ReqwestClient::new()?;
/// let through_a_proxy = ReqwestClient::builder().proxy("http://proxy.internal:3128").build()?;
/// # Ok::<_, tower_resource_server::error::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ReqwestClient {
    client: Client,
    /// What goes with every request that does not have it.
    headers: HeaderMap,
    token_files: Arc<[TokenFile]>,
}

impl ReqwestClient {
    /// With the platform's root certificates, and every other setting as it is by default.
    ///
    /// # Errors
    /// [`ConfigError`] when TLS cannot be set up.
    pub fn new() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// Starts a client with settings: root certificates, a proxy, headers, a token from a file.
    pub fn builder() -> ReqwestClientBuilder {
        Self::builder_with(|client| client)
    }

    /// The same, with settings of reqwest's that there is no other way to: a client certificate, a
    /// connect timeout. Its types appear here and nowhere else.
    ///
    /// Those settings are made before ours, so that the rules above hold whatever they are. A proxy
    /// that is set here is taken away: say [`proxy`](ReqwestClientBuilder::proxy). Hosts that are
    /// pinned to addresses here are not resolved, and their addresses not judged.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_resource_server::net::ReqwestClient;
    ///
    /// let client = ReqwestClient::builder_with(|client| client.connect_timeout(Duration::from_secs(1)));
    /// # let _ = client.build()?;
    /// # Ok::<_, tower_resource_server::error::ConfigError>(())
    /// ```
    pub fn builder_with(configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> ReqwestClientBuilder {
        let agent = concat!("tower-resource-server/", env!("CARGO_PKG_VERSION"));
        let client = configure(Client::builder().user_agent(agent));
        ReqwestClientBuilder::new(client, |host| (host, 0).to_socket_addrs().map(Vec::from_iter))
    }

    pub(super) fn from_parts(client: Client, headers: HeaderMap, token_files: Vec<TokenFile>) -> Self {
        Self { client, headers, token_files: token_files.into() }
    }

    async fn exchange(&self, request: Request<Body>, limits: Limits) -> Result<Response<Body>, HttpError> {
        let request = request.map(Body::into_bytes);
        let mut request = ::reqwest::Request::try_from(request).map_err(|_| UNSENDABLE)?;
        if request.url().host().is_some_and(|host| is_forbidden_host(&host)) {
            return Err(HttpError::AddressRefused);
        }
        self.complete(&mut request).await?;
        let mut received = self.client.execute(request).await.map_err(|error| classify(&error))?;
        let mut response = Response::new(Body::default());
        *response.status_mut() = received.status();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        if response.status().is_success() {
            *response.body_mut() = read_body(received, limits.max_body()).await?.into();
        }
        Ok(response)
    }

    /// Adds the default headers and the token for this origin, where the request has none.
    async fn complete(&self, request: &mut ::reqwest::Request) -> Result<(), HttpError> {
        if !request.headers().contains_key(AUTHORIZATION) {
            let origin = request.url().origin();
            if let Some(file) = self.token_files.iter().find(|file| file.is_for(&origin)) {
                let value = file.authorization().await.map_err(HttpError::BearerToken)?;
                request.headers_mut().insert(AUTHORIZATION, value);
            }
        }
        let own = request.headers().clone();
        for (name, value) in self.headers.iter().filter(|(name, _)| !own.contains_key(*name)) {
            request.headers_mut().append(name, value.clone());
        }
        Ok(())
    }
}

/// The settings hold secrets.
impl fmt::Debug for ReqwestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClient").finish_non_exhaustive()
    }
}

const UNSENDABLE: HttpError = HttpError::Other("the request's URI is not an absolute URL");

impl HttpClient for ReqwestClient {
    fn send(&self, request: Request<Body>, limits: Limits) -> HttpFuture<'_> {
        Box::pin(async move {
            let exchange = self.exchange(request, limits);
            tokio::time::timeout(limits.timeout(), exchange).await.unwrap_or(Err(HttpError::Timeout))
        })
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
pub(super) struct GuardedResolver(pub(super) Lookup);

/// How a name is looked up, blocking: the system's way, but for tests.
pub(super) type Lookup = fn(&str) -> io::Result<Vec<SocketAddr>>;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.0;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = if is_localhost(&host) {
                LOOPBACK.to_vec()
            } else {
                let found = tokio::task::spawn_blocking(move || lookup(&host)).await;
                found.ok().and_then(Result::ok).unwrap_or_default()
            };
            let admitted = admit(found).map_err(Unresolved)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// What `localhost` and the names below it lead to, whatever a name server says (RFC 6761 section 6.3):
/// plain http was allowed to them because they mean this machine.
const LOOPBACK: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

/// Those of the addresses of a host that may be connected to.
fn admit(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, HttpError> {
    if found.is_empty() {
        return Err(HttpError::Resolve);
    }
    let admitted: Vec<_> = found.into_iter().filter(|address| !is_forbidden(address.ip())).collect();
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

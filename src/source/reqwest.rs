//! The ready-made fetcher: reqwest with rustls, told to do as little as possible.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
};

use ::reqwest::{
    Client, ClientBuilder, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT, IF_NONE_MATCH, LOCATION},
    redirect, retry,
};
use bytes::{Bytes, BytesMut};

use super::{
    Fetch, FetchError, FetchFuture, FetchRequest, FetchResponse, SourceUrl,
    fetch::judge_status,
    location::{is_forbidden, is_localhost},
};

/// Fetches over HTTPS with reqwest and rustls.
///
/// It follows no redirect but those within the origin that are
/// [asked for](super::RefreshSettings::max_redirects), asks for no compression, sends no cookie, uses no proxy from the
/// environment, refuses link-local and metadata addresses also when a name resolves to them, and
/// stops reading at the limit. Each fetch has a connection of its own: minutes lie between two, and
/// so none outlives the runtime it was made on.
///
/// It does not judge content types, and it does not restrict private networks.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::source::ReqwestFetcher;
///
/// let plain = ReqwestFetcher::new()?;
/// let tuned = ReqwestFetcher::configured(|client| client.connect_timeout(Duration::from_secs(1)))?;
/// # Ok::<_, tower_resource_server::source::FetcherError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReqwestFetcher {
    client: Client,
}

/// The HTTP client cannot be set up, most likely for want of a TLS root store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP client cannot be set up; are there TLS root certificates on this machine?")]
pub struct FetcherError;

impl ReqwestFetcher {
    /// With the platform's root certificates.
    ///
    /// # Errors
    /// [`FetcherError`] when TLS cannot be set up.
    pub fn new() -> Result<Self, FetcherError> {
        Self::configured(|client| client)
    }

    /// With settings of your own: root certificates, a client certificate, an explicit proxy.
    ///
    /// They are made before ours, so that the rules above hold whatever they are; only hosts that
    /// they pin to addresses, and hosts behind a proxy that they name, are not resolved here.
    ///
    /// # Errors
    /// [`FetcherError`] when the client cannot be built.
    pub fn configured(configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Self, FetcherError> {
        Ok(Self { client: guarded_client(configure)? })
    }

    /// As [`configured`](Self::configured), with names looked up by `lookup`.
    #[cfg(test)]
    fn resolving(
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
        lookup: Lookup,
    ) -> Result<Self, FetcherError> {
        Ok(Self { client: client_resolving(configure, lookup)? })
    }

    async fn get(&self, mut request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let limit = request.max_body;
        let response = loop {
            let mut get = self
                .client
                .get(request.url.url().clone())
                .header(ACCEPT, request.accept)
                .timeout(request.timeout);
            if let Some(etag) = &request.etag {
                get = get.header(IF_NONE_MATCH, etag);
            }
            let response = get.send().await.map_err(|error| classify(&error))?;
            match redirect_of(&request.url, &response) {
                Some(url) if request.max_redirects > 0 => {
                    request = FetchRequest { url, max_redirects: request.max_redirects - 1, ..request };
                }
                _ => break response,
            }
        };
        if !judge_status(response.status(), response.headers())? {
            return Ok(FetchResponse::not_modified().with_headers(response.headers()));
        }
        let headers = response.headers().clone();
        let body = read_body(response, limit).await?;
        Ok(FetchResponse::document(body).with_headers(&headers))
    }
}

/// Where a response leads, within the origin of what was asked.
fn redirect_of(asked: &SourceUrl, response: &Response) -> Option<SourceUrl> {
    use ::reqwest::StatusCode as Code;
    let redirects = [
        Code::MOVED_PERMANENTLY,
        Code::FOUND,
        Code::SEE_OTHER,
        Code::TEMPORARY_REDIRECT,
        Code::PERMANENT_REDIRECT,
    ];
    let location = { redirects.contains(&response.status()) }.then(|| response.headers().get(LOCATION))?;
    asked.redirected_to(location?.to_str().ok()?)
}

/// A client that does as little as possible, whoever's requests it makes.
pub(crate) fn guarded_client(
    configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, FetcherError> {
    client_resolving(configure, |host| (host, 0).to_socket_addrs().map(Vec::from_iter))
}

fn client_resolving(
    configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    lookup: Lookup,
) -> Result<Client, FetcherError> {
    let agent = concat!("tower-resource-server/", env!("CARGO_PKG_VERSION"));
    // Only the proxies of the environment are meant, so this comes before what is configured.
    configure(Client::builder().no_proxy().user_agent(agent))
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
        .map_err(|_| FetcherError)
}

/// Reads a body of at most `limit` bytes, and not one chunk further.
pub(crate) async fn read_body(mut response: Response, limit: usize) -> Result<Bytes, FetchError> {
    let too_large = FetchError::TooLarge { limit };
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

impl Fetch for ReqwestFetcher {
    fn fetch(&self, request: FetchRequest) -> FetchFuture<'_> {
        Box::pin(self.get(request))
    }
}

/// Finds the kind of failure; the text of the error stays behind, it may quote the server.
pub(crate) fn classify(error: &::reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Timeout;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(Unresolved(why)) = error.downcast_ref() {
            return why.clone();
        }
        if error.downcast_ref().is_some_and(is_tls) {
            return FetchError::Tls;
        }
        cause = error.source();
    }
    if error.is_connect() { FetchError::Connect } else { FetchError::Broken }
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
fn admit(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, FetchError> {
    if found.is_empty() {
        return Err(FetchError::Resolve);
    }
    let admitted: Vec<_> = found.into_iter().filter(|address| !is_forbidden(address.ip())).collect();
    if admitted.is_empty() { Err(FetchError::AddressRefused) } else { Ok(admitted) }
}

/// Carries the reason through reqwest's errors.
#[derive(Debug)]
struct Unresolved(FetchError);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unresolved {}
#[cfg(test)]
mod tests;

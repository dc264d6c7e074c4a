//! The settings of the ready-made client.

use std::{fmt, path::PathBuf};

use ::reqwest::{Certificate, Client, ClientBuilder, Proxy, redirect, retry};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, IF_MATCH,
        IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, PROXY_AUTHORIZATION, RANGE, TE,
        TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};
use url::Url;

use super::{
    ReqwestClient, SourceUrl,
    location::{is_forbidden_host, is_loopback},
    reqwest::{GuardedResolver, Lookup},
    token_file::TokenFile,
};
use crate::error::ConfigError;

/// Collects the settings of a [`ReqwestClient`].
///
/// An issuer inside a Kubernetes cluster, which has an authority of its own and wants the token of
/// the service account that this program runs under:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{TrustedIssuer, net::ReqwestClient};
///
/// let directory = "/var/run/secrets/kubernetes.io/serviceaccount";
/// let client = ReqwestClient::builder()
///     .root_certificates(std::fs::read(format!("{directory}/ca.crt"))?)
///     .platform_roots(false)
///     .bearer_token_file("https://kubernetes.default.svc", format!("{directory}/token"))
///     .build()?;
/// let cluster = TrustedIssuer::with_jwks_uri(
///     "https://kubernetes.default.svc.cluster.local",
///     "https://kubernetes.default.svc/openid/v1/jwks",
///, tower_resource_server::profile::TokenProfile::jwt())
/// .http_client(client);
/// # let _ = cluster;
/// # Ok(())
/// # }
/// ```
///
/// An issuer beyond a proxy:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{TrustedIssuer, net::ReqwestClient, profile::TokenProfile};
///
/// let client = ReqwestClient::builder().proxy("http://user:password@proxy.internal:3128").build()?;
/// let issuer = TrustedIssuer::discover("https://login.example", TokenProfile::jwt()).http_client(client);
/// # let _ = issuer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct ReqwestClientBuilder {
    client: ClientBuilder,
    lookup: Lookup,
    roots: Vec<Certificate>,
    platform_roots: bool,
    proxy: Option<Url>,
    headers: HeaderMap,
    token_files: Vec<TokenFile>,
    problems: Vec<String>,
}

impl ReqwestClientBuilder {
    pub(super) fn new(client: ClientBuilder, lookup: Lookup) -> Self {
        Self {
            client,
            lookup,
            roots: Vec::new(),
            platform_roots: true,
            proxy: None,
            headers: HeaderMap::new(),
            token_files: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Trusts these authorities too: one certificate or several, in PEM. Called again, it adds more.
    ///
    /// The file is the caller's to read, and is not read again: a client with new certificates is a
    /// new client.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
        match Certificate::from_pem_bundle(pem.as_ref()) {
            Ok(certificates) if !certificates.is_empty() => self.roots.extend(certificates),
            _ => self.problems.push(
                "root_certificates: there is no certificate; give the text of a PEM file with `-----BEGIN CERTIFICATE-----`"
                    .to_owned(),
            ),
        }
        self
    }

    /// Whether the platform's authorities are trusted: yes unless told otherwise. Without them only
    /// those of [`root_certificates`](Self::root_certificates) are.
    pub const fn platform_roots(mut self, trusted: bool) -> Self {
        self.platform_roots = trusted;
        self
    }

    /// Sends every request through this proxy, but those to loopback: `http://` or `https://`, a
    /// host, a port; a user name and a password in it are sent to the proxy as Basic credentials.
    ///
    /// The environment never names a proxy. The name of the proxy is resolved under the rules for
    /// addresses; the names of the servers behind it are the proxy's to resolve, and its to refuse.
    pub fn proxy(mut self, url: &str) -> Self {
        let is_usable = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.host().is_some_and(|host| !is_forbidden_host(&host))
        };
        match Url::parse(url).ok().filter(is_usable) {
            Some(url) => self.proxy = Some(url),
            // Not quoted: it may hold a password.
            None => self.problems.push(
                "proxy: give `http://host:port` or `https://host:port`, and not a link-local or metadata address"
                    .to_owned(),
            ),
        }
        self
    }

    /// Sends this header with every request that does not have it of its own. Called again, it adds
    /// another, of the same name too.
    ///
    /// The value is marked sensitive: it is not shown, and HTTP/2 does not index it. It goes to every
    /// host that this client is used for, and an issuer's metadata may name another host for its
    /// keys. So a secret belongs into a client that is given to its own issuer only.
    pub fn default_header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        if RESERVED.contains(&name) {
            self.problems.push(format!(
                "default_header: {name} is the client's own or belongs to one request; leave it out{}",
                if name == PROXY_AUTHORIZATION {
                    ", and put the credentials into the URL of the proxy"
                } else {
                    ""
                }
            ));
        }
        value.set_sensitive(true);
        self.headers.append(name, value);
        self
    }

    /// Sends `Authorization: Bearer` with the token in this file (RFC 6750 section 2.1) with every
    /// request to this origin that has no `Authorization` of its own. Called again, it adds a file
    /// for another origin.
    ///
    /// `origin` is scheme, host and port, such as `https://kubernetes.default.svc`; no other origin
    /// gets the token, whatever an issuer's metadata names. Plain http is for loopback.
    ///
    /// The file is opened and read before each such request, by a thread that may block, so that a
    /// token that was exchanged is used at once. White space around the token is left out. When
    /// there is no token to be had, the request is not sent and fails with
    /// [`HttpError::BearerToken`](super::HttpError::BearerToken): keys that were fetched stay in use,
    /// and the next request looks again.
    pub fn bearer_token_file(mut self, origin: &str, path: impl Into<PathBuf>) -> Self {
        match SourceUrl::parse(origin, true) {
            Ok(url) if url.uri().path_and_query().is_none_or(|path| path == "/") => {
                self.token_files.push(TokenFile::new(url.url().origin(), path.into()));
            }
            Ok(_) => self.problems.push(
                "bearer_token_file: an origin has neither path nor query; give `https://host` or `https://host:port`"
                    .to_owned(),
            ),
            Err(error) => self.problems.push(format!("bearer_token_file: the origin: {error}")),
        }
        self
    }

    /// Builds the client. Nothing is sent, and no token file is read.
    ///
    /// # Errors
    /// [`ConfigError`] with every setting that cannot work, or when TLS cannot be set up.
    pub fn build(self) -> Result<ReqwestClient, ConfigError> {
        let Self { client, lookup, roots, platform_roots, proxy, headers, token_files, mut problems } = self;
        if !platform_roots && roots.is_empty() {
            problems.push("platform_roots: there is no other; add root_certificates(..)".to_owned());
        }
        if headers.contains_key(AUTHORIZATION) && !token_files.is_empty() {
            problems.push(
                "bearer_token_file: there is an Authorization as default_header too; leave one of them out"
                    .to_owned(),
            );
        }
        ConfigError::unless_empty(problems, ())?;
        let failed = if roots.is_empty() { NO_CLIENT } else { NO_CLIENT_WITH_ROOTS };
        let client =
            if platform_roots { client.tls_certs_merge(roots) } else { client.tls_certs_only(roots) };
        // Takes away the proxies of the environment, and any that came with the builder.
        let client = match proxy {
            None => client.no_proxy(),
            Some(url) => client.no_proxy().proxy(Proxy::custom(move |to| {
                let stays_here = to.host().is_some_and(|host| is_loopback(&host));
                (!stays_here).then(|| url.clone())
            })),
        };
        let client: Client = client
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
            .map_err(|_| ConfigError::from_problems(vec![failed.to_owned()]))?;
        Ok(ReqwestClient::from_parts(client, headers, token_files))
    }
}

impl fmt::Debug for ReqwestClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClientBuilder").finish_non_exhaustive()
    }
}

/// The error of reqwest would quote the settings.
const NO_CLIENT: &str = "the HTTP client cannot be set up; install TLS root certificates on this machine, or add root_certificates(..)";
const NO_CLIENT_WITH_ROOTS: &str =
    "the HTTP client cannot be set up; one of the root_certificates is no X.509 certificate of an authority";

/// What is not a default header: what frames a message, what changes the meaning of a response, and
/// what is the proxy's to read.
const RESERVED: [HeaderName; 16] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    PROXY_AUTHORIZATION,
    RANGE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;

//! The address that clients know a server by: from its configuration, or from forwarding headers of
//! trusted proxies. Never from a request alone: anyone can write `Host` and `X-Forwarded-Host`.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use http::{Extensions, Uri};

use super::{
    RequestHead,
    forwarded::{Host, Told, told},
    network::IpNetwork,
};
use crate::error::shown;

/// Where clients reach a server that stands behind a proxy, for
/// [`ResourceServerBuilder::public_address`](crate::ResourceServerBuilder::public_address).
///
/// ```
/// use tower_resource_server::http::PublicAddress;
///
/// // The proxy hands https://api.example/shop/orders on as /orders:
/// let fixed = PublicAddress::fixed("https://api.example/shop");
/// // Several names lead here, and the proxies at these addresses tell which one was used:
/// let told = PublicAddress::from_trusted_proxies(["10.0.0.0/8", "fd00::/8"]);
/// # let _ = (fixed, told);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct PublicAddress {
    pub(crate) fixed: Option<String>,
    pub(crate) proxies: Option<Vec<String>>,
}

impl PublicAddress {
    /// This http(s) URL: the origin, and the prefix of paths that a proxy strips. It never depends on a
    /// request, so it is the choice wherever one name leads to the server.
    ///
    /// It is the resource identifier from then on, and an audience of tokens: unless the one that the
    /// server was [built with](crate::ResourceServer::builder) is an address below it, as that of one
    /// of several resources is. The identifier that the server was built with stays an audience.
    ///
    /// `build()` refuses what is no URL, and user information, a query or a fragment in it.
    pub fn fixed(url: impl Into<String>) -> Self {
        Self { fixed: Some(url.into()), proxies: None }
    }

    /// What proxies tell whose addresses are in these networks, in CIDR notation: with `Forwarded`
    /// (RFC 7239), or `X-Forwarded-Proto`, `-Host`, `-Port` and `-Prefix`.
    ///
    /// The proxy is known by the peer address of the connection, which is in the request's extensions
    /// as a [`PeerAddress`] or as axum's `ConnectInfo<SocketAddr>` (feature `axum`); without one nothing
    /// is believed. Of several values those count that trusted proxies appended, from the right, as
    /// `for` and `X-Forwarded-For` name them; the leftmost of these is used.
    ///
    /// What is told replaces the origin of the resource identifier, and puts the prefix before its path
    /// unless it begins with it. The identifier stands as it is where nothing is told, a text is not well
    /// formed, the two notations disagree, or `http` is told of one that is `https`. Audiences do not
    /// change: name those of every address with
    /// [`audience`](crate::ResourceServerBuilder::audience).
    ///
    /// It does not check that a proxy *removes* what a client wrote: a trusted proxy must overwrite or
    /// append to each of these headers, or remove it. One that lets a header pass lets the client choose
    /// what is read here.
    ///
    /// `build()` refuses an empty list, what is no network, networks of every address, and a resource
    /// identifier that is no http(s) URL.
    pub fn from_trusted_proxies<T: Into<String>>(networks: impl IntoIterator<Item = T>) -> Self {
        Self { fixed: None, proxies: Some(networks.into_iter().map(Into::into).collect()) }
    }

    /// The [fixed](Self::fixed) address of a server whose proxies do not tell one.
    ///
    /// ```
    /// use tower_resource_server::http::PublicAddress;
    ///
    /// let address = PublicAddress::from_trusted_proxies(["10.0.0.0/8"]).otherwise("https://api.example/shop");
    /// # let _ = address;
    /// ```
    pub fn otherwise(mut self, url: impl Into<String>) -> Self {
        self.fixed = Some(url.into());
        self
    }
}

/// The address of the peer of a connection, as an extension of its requests: for
/// [`PublicAddress::from_trusted_proxies`] on servers that do not leave axum's `ConnectInfo<SocketAddr>`.
///
/// Insert what the socket says, and nothing that was read from a header: a layer that puts the *client's*
/// address here makes a proxy of the client.
///
/// ```
/// use std::net::SocketAddr;
/// use tower_resource_server::http::PeerAddress;
///
/// fn accept<B>(request: &mut http::Request<B>, peer: SocketAddr) {
///     request.extensions_mut().insert(PeerAddress(peer));
/// }
/// # accept(&mut http::Request::new(()), ([127, 0, 0, 1], 80).into());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

impl PeerAddress {
    fn of(extensions: &Extensions) -> Option<IpAddr> {
        if let Some(Self(peer)) = extensions.get() {
            return Some(peer.ip());
        }
        #[cfg(feature = "axum")]
        if let Some(axum::extract::ConnectInfo(peer)) =
            extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()
        {
            return Some(peer.ip());
        }
        None
    }
}

/// A scheme and an authority, well formed; without the port that the scheme has by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) is_tls: bool,
    host: Host,
}

impl Origin {
    /// An origin as browsers write it (RFC 6454 section 6.2), and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Url::parse(text).filter(|url| url.rest.is_empty()).map(|url| url.origin)
    }

    /// Whether this authority is the one of the origin, by its scheme.
    pub(super) fn is_at(&self, authority: &str) -> bool {
        Host::parse(authority).is_ok_and(|host| Self::new(self.is_tls, host) == *self)
    }

    fn new(is_tls: bool, mut host: Host) -> Self {
        let default = if is_tls { 443 } else { 80 };
        host.port = host.port.filter(|port| *port != default);
        Self { is_tls, host }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host.name)?;
        self.host.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// An http(s) URL in its parts.
#[derive(Clone, Debug)]
struct Url {
    origin: Origin,
    /// As it is written: what is behind the authority, a query included.
    rest: String,
}

impl Url {
    fn parse(text: &str) -> Option<Self> {
        // A fragment is not a part of what `Uri` reads.
        let uri: Uri = Some(text).filter(|text| !text.contains('#'))?.parse().ok()?;
        let is_tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?.as_str();
        let (_, behind) = text.split_once("://")?;
        let rest = behind.strip_prefix(authority)?.to_owned();
        Some(Self { origin: Origin::new(is_tls, Host::parse(authority).ok()?), rest })
    }

    /// The path, without the slash at its end.
    fn prefix(&self) -> &str {
        self.rest.strip_suffix('/').unwrap_or(&self.rest)
    }

    /// Whether this is at the address of `other`, or below it.
    fn is_below(&self, other: &Self) -> bool {
        self.origin == other.origin && begins_with(&self.rest, other.prefix())
    }
}

/// Whether the first segments of a path are those of `prefix`.
fn begins_with(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// The resource identifier of a server that is `built_with` one and has this fixed address.
///
/// # Errors
/// What is wrong with the address, and what to write instead.
pub(crate) fn resource_at(fixed: &str, built_with: &str) -> Result<String, String> {
    let address = Url::parse(fixed).filter(|url| !url.rest.contains('?'));
    let Some(address) = address else {
        return Err(format!(
            "{} is no address; write an http or https URL without user, query and fragment",
            shown(fixed)
        ));
    };
    let is_below = Url::parse(built_with).is_some_and(|url| url.is_below(&address));
    Ok(if is_below { built_with } else { fixed }.to_owned())
}

/// The public address of a server that is built.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownAddress {
    /// The resource identifier, where that is an http(s) URL.
    resource: Option<Url>,
    /// The address that the paths of requests are below, where no proxy tells one.
    base: Option<Url>,
    /// Whose headers are believed.
    proxies: Box<[IpNetwork]>,
}

impl KnownAddress {
    /// A server with this resource identifier, and this setting.
    ///
    /// # Errors
    /// What cannot work in it, each with what to write instead.
    pub(crate) fn new(resource: &str, setting: Option<&PublicAddress>) -> Result<Self, Vec<String>> {
        let resource = Url::parse(resource);
        let at_root = |url: &Url| Url { origin: url.origin.clone(), rest: String::new() };
        let fixed = setting.and_then(|setting| setting.fixed.as_deref());
        let base = fixed.map_or_else(|| resource.as_ref().map(at_root), Url::parse);
        let Some(networks) = setting.and_then(|setting| setting.proxies.as_ref()) else {
            return Ok(Self { resource, base, proxies: Box::default() });
        };
        let mut problems = Vec::new();
        if networks.is_empty() {
            problems.push("no proxy is trusted; name their networks, or leave it out".to_owned());
        }
        if resource.is_none() {
            let problem = "the resource identifier is no URL, and stands where no proxy tells one; \
                           use an http or https URL";
            problems.push(problem.to_owned());
        }
        let parse = |network: &String| network.parse().map_err(|problem| problems.push(problem)).ok();
        let proxies = networks.iter().filter_map(parse).collect();
        if problems.is_empty() { Ok(Self { resource, base, proxies }) } else { Err(problems) }
    }

    /// Whether a request comes from a proxy that is trusted.
    pub(crate) fn is_from_proxy(&self, head: RequestHead<'_>) -> bool {
        let peer = PeerAddress::of(head.extensions);
        peer.is_some_and(|peer| self.proxies.iter().any(|network| network.contains(peer)))
    }

    /// Whether the URLs of requests are known.
    pub(crate) const fn is_known(&self) -> bool {
        self.base.is_some()
    }

    /// Whether each request may tell another one.
    #[inline]
    pub(crate) fn is_per_request(&self) -> bool {
        !self.proxies.is_empty()
    }

    /// The resource identifier at the address of this request; `None` where the configured one stands.
    pub(crate) fn resource_of(&self, head: RequestHead<'_>) -> Option<String> {
        let resource = self.resource.as_ref()?;
        let (origin, prefix) = self.told(head, &resource.origin)?;
        if begins_with(&resource.rest, &prefix) {
            return Some(url(&origin, "", &resource.rest));
        }
        // What is told to be stripped is in place of what was configured.
        let configured = self.base.as_ref().map_or("", Url::prefix);
        let below = resource.rest.strip_prefix(configured).unwrap_or(&resource.rest);
        Some(url(&origin, &prefix, below))
    }

    /// The URL that the client of this request used, without its query.
    pub(crate) fn url_of(&self, head: RequestHead<'_>) -> Option<String> {
        let base = self.base.as_ref()?;
        let path = path_of_target(head);
        Some(match self.told(head, &base.origin) {
            Some((origin, prefix)) if !prefix.is_empty() => url(&origin, &prefix, path),
            Some((origin, _)) => url(&origin, base.prefix(), path),
            None => url(&base.origin, base.prefix(), path),
        })
    }

    /// The path that the client of this request used.
    pub(super) fn path_of(&self, head: RequestHead<'_>) -> String {
        let url = self.url_of(head);
        let path = url.as_deref().and_then(|url| {
            let (_, rest) = url.split_once("://")?;
            rest.find('/').and_then(|at| rest.get(at..))
        });
        path.unwrap_or_else(|| path_of_target(head)).to_owned()
    }

    /// The origin that clients know the server by, as far as it is known.
    pub(super) fn origin_of(&self, head: RequestHead<'_>) -> Option<Origin> {
        let base = self.base.as_ref()?;
        let told = self.told(head, &base.origin).map(|(origin, _)| origin);
        Some(told.unwrap_or_else(|| base.origin.clone()))
    }

    /// The origin and the stripped prefix that trusted proxies tell, if they tell one of them.
    fn told(&self, head: RequestHead<'_>, configured: &Origin) -> Option<(Origin, String)> {
        if !self.is_per_request() {
            return None;
        }
        let peer = PeerAddress::of(head.extensions)?;
        let Told { is_tls, host, prefix } = told(head.headers, peer, &self.proxies).ok()?;
        let is_tls = is_tls.unwrap_or(configured.is_tls);
        let origin = match host {
            // From TLS to none leads nothing that was told.
            Some(_) if configured.is_tls && !is_tls => return None,
            Some(host) => Origin::new(is_tls, host),
            None if prefix.is_empty() => return None,
            None => configured.clone(),
        };
        Some((origin, prefix))
    }
}

/// The URL of a path below a prefix, written in one piece of memory: with each proof it is compared.
fn url(origin: &Origin, prefix: &str, path: &str) -> String {
    let longest = "https://:65535".len() + origin.host.name.len() + prefix.len() + path.len();
    let mut url = String::with_capacity(longest);
    let _ = write!(url, "{origin}{prefix}{path}");
    url
}

/// The path as it came to this program: axum's `nest` strips its own part from the one that a layer sees.
pub(crate) fn path_of_target(head: RequestHead<'_>) -> &str {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(uri)) = head.extensions.get() {
        return uri.path();
    }
    head.uri.path()
}

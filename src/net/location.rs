//! Where keys may be fetched from: URL and address rules against server-side request forgery.
//!
//! The issuer and its metadata are trusted to name a host, private networks included (many
//! identity providers live there), but not to point this server at its own cloud's metadata
//! service. The rules apply to the address as written and, in the client, as resolved.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use http::Uri;
use url::{Host, Url};

use super::UrlError;

/// A URL that keys or metadata may be fetched from: https, or plain http to loopback where that was
/// opted into; without credentials; not a literal address of a forbidden kind.
///
/// ```
/// use tower_resource_server::net::{SourceUrl, UrlError};
///
/// assert!(SourceUrl::parse("https://login.example/jwks", false).is_ok());
/// assert!(SourceUrl::parse("http://127.0.0.1:8080/jwks", true).is_ok());
/// assert_eq!(SourceUrl::parse("http://login.example/jwks", true), Err(UrlError::Insecure));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrl(Url, Uri);

impl SourceUrl {
    /// Checks a URL.
    ///
    /// # Errors
    /// [`UrlError`] says which rule it breaks.
    pub fn parse(url: &str, allow_loopback_http: bool) -> Result<Self, UrlError> {
        let url = Url::parse(url).map_err(|_| UrlError::Malformed)?;
        Self::check(url, allow_loopback_http)
    }

    pub(crate) fn check(mut url: Url, allow_loopback_http: bool) -> Result<Self, UrlError> {
        let host = url.host().ok_or(UrlError::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if allow_loopback_http && is_loopback(&host) => {}
            _ => return Err(UrlError::Insecure),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if is_forbidden_host(&host) {
            return Err(UrlError::AddressRefused);
        }
        url.set_fragment(None);
        // What a request carries; it takes fewer characters than a URL does.
        let uri = Uri::try_from(url.as_str()).map_err(|_| UrlError::Malformed)?;
        Ok(Self(url, uri))
    }

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is plain http, which is to loopback only.
    #[must_use]
    pub fn is_loopback_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The URL with another path, which is judged as the first one was.
    #[cfg(feature = "identity-provider")]
    pub(crate) fn map_path(&self, change: impl FnOnce(&mut Url)) -> Result<Self, UrlError> {
        let mut url = self.0.clone();
        change(&mut url);
        Self::check(url, self.is_loopback_http())
    }

    #[cfg(feature = "remote")]
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.1
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceUrl").field(&self.as_str()).finish()
    }
}

/// Whether a host means this machine.
pub(super) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => is_localhost(name),
    }
}

/// Whether a host name means this machine (RFC 6761 section 6.3).
pub(super) fn is_localhost(name: &str) -> bool {
    name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case("localhost")
}

/// Whether a host is written as an address that no key server has.
pub(super) fn is_forbidden_host(host: &Host<&str>) -> bool {
    match *host {
        Host::Ipv4(ip) => is_forbidden(IpAddr::V4(ip)),
        Host::Ipv6(ip) => is_forbidden(IpAddr::V6(ip)),
        Host::Domain(_) => false,
    }
}

/// Whether no key server has this address: link-local (which holds the metadata service of most
/// clouds), the metadata addresses elsewhere, multicast, and the unspecified address, which
/// connects to this machine.
pub(super) fn is_forbidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_forbidden_v4(ip),
        IpAddr::V6(ip) => {
            /// The metadata service of AWS over IPv6.
            const AWS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            /// The metadata service of Google Cloud over IPv6.
            const GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
            ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unicast_link_local()
                || ip == AWS
                || ip == GOOGLE
                || (!ip.is_loopback() && embedded_v4(ip).is_some_and(is_forbidden_v4))
        }
    }
}

fn is_forbidden_v4(ip: Ipv4Addr) -> bool {
    /// The metadata services outside 169.254.0.0/16: Alibaba Cloud, Azure's platform, Oracle Cloud.
    const METADATA: [Ipv4Addr; 3] =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
    // 0.0.0.0/8 is "this network" (RFC 791); some systems take all of it for this machine.
    let [first, ..] = ip.octets();
    first == 0 || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() || METADATA.contains(&ip)
}

/// The IPv4 address that an IPv6 one leads to: mapped and compatible (RFC 4291 section 2.5.5), NAT64
/// (RFC 6052 section 2.1), 6to4 (RFC 3056 section 2).
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(join(high, low))
        }
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_keys_are_not_fetched_from() {
        for (name, url, opt_in, expected) in [
            ("https", "https://login.example/jwks", false, Ok(())),
            ("https to a private network", "https://10.0.0.7/jwks", false, Ok(())),
            ("http", "http://login.example/jwks", true, Err(UrlError::Insecure)),
            ("http to a private network", "http://10.0.0.7/jwks", true, Err(UrlError::Insecure)),
            ("loopback", "http://127.0.0.1:1/", true, Ok(())),
            ("loopback v6", "http://[::1]:1/", true, Ok(())),
            ("localhost", "http://localhost:1/", true, Ok(())),
            ("loopback without opt-in", "http://127.0.0.1/", false, Err(UrlError::Insecure)),
            (
                "a name that only begins like it",
                "http://localhost.evil.example/",
                true,
                Err(UrlError::Insecure),
            ),
            (
                "the old notation of an address",
                "https://0xa9.254.43518/",
                false,
                Err(UrlError::AddressRefused),
            ),
            ("one number", "https://2852039166/", false, Err(UrlError::AddressRefused)),
            ("metadata", "https://169.254.169.254/latest", false, Err(UrlError::AddressRefused)),
            ("metadata v6", "https://[fd00:ec2::254]/", false, Err(UrlError::AddressRefused)),
            ("mapped", "https://[::ffff:169.254.169.254]/", false, Err(UrlError::AddressRefused)),
            ("NAT64", "https://[64:ff9b::a9fe:a9fe]/", false, Err(UrlError::AddressRefused)),
            ("link-local v6", "https://[fe80::1]/", false, Err(UrlError::AddressRefused)),
            ("unspecified", "https://0.0.0.0/", false, Err(UrlError::AddressRefused)),
            ("unspecified v6", "https://[::]/", false, Err(UrlError::AddressRefused)),
            ("user name", "https://admin@login.example/", false, Err(UrlError::Credentials)),
            ("password", "https://:secret@login.example/", false, Err(UrlError::Credentials)),
            ("file", "file:///etc/passwd", true, Err(UrlError::Malformed)),
            ("data", "data:,x", true, Err(UrlError::Malformed)),
            ("ftp", "ftp://127.0.0.1/", true, Err(UrlError::Insecure)),
            ("relative", "/jwks", true, Err(UrlError::Malformed)),
            ("a host that no request can name", "https://a\"b.example/", false, Err(UrlError::Malformed)),
        ] {
            assert_eq!(SourceUrl::parse(url, opt_in).map(drop), expected, "{name}");
        }
    }

    #[test]
    fn addresses_that_a_name_may_not_lead_to() {
        for (ip, forbidden) in [
            ("169.254.169.254", true),
            ("169.254.0.1", true),
            ("100.100.100.200", true),
            ("168.63.129.16", true),
            ("192.0.0.192", true),
            ("0.1.2.3", true),
            ("224.0.0.1", true),
            ("255.255.255.255", true),
            ("fe80::1", true),
            ("ff02::1", true),
            ("fd20:ce::254", true),
            ("2002:a9fe:a9fe::", true),
            ("::169.254.169.254", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("10.0.0.1", false),
            ("192.168.1.1", false),
            ("fd00::1", false),
            ("8.8.8.8", false),
            ("2001:4860:4860::8888", false),
        ] {
            assert_eq!(is_forbidden(ip.parse().unwrap()), forbidden, "{ip}");
        }
    }
}

//! Where keys may be fetched from: URL and address rules against server-side request forgery.
//!
//! The issuer and its metadata are trusted to name a host, private networks included (many
//! identity providers live there), but not to point this server at its own cloud's metadata
//! service. The rules apply to the address as written and, in the client, as resolved.

use std::{fmt, net::IpAddr};

use http::Uri;
use url::{Host, Url};

use super::{UrlError, address::is_forbidden};

/// Which hosts may be asked over plain http: none, unless the application says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlainHttp {
    loopback: bool,
    hosts: Vec<Box<str>>,
}

#[cfg_attr(not(feature = "remote"), allow(dead_code, reason = "settings of issuers whose keys are fetched"))]
impl PlainHttp {
    /// This machine.
    pub(crate) fn allow_loopback(&mut self, allow: bool) {
        self.loopback = allow;
    }

    /// A host by its name or address, whatever its port.
    pub(crate) fn allow_host(&mut self, host: &str) {
        // In the form that it has in a URL, if it can stand in one.
        self.hosts.push(Host::parse(host).map_or_else(|_| host.into(), |host| host.to_string().into()));
    }

    /// The first host that is none, so that no URL can have it.
    pub(crate) fn not_a_host(&self) -> Option<&str> {
        self.hosts.iter().map(AsRef::as_ref).find(|host| Host::parse(host).is_err())
    }

    /// Whether a host is allowed that may be another machine.
    pub(crate) const fn allows_a_host(&self) -> bool {
        !self.hosts.is_empty()
    }

    fn allows(&self, host: &Host<&str>) -> bool {
        (self.loopback && is_loopback(host)) || {
            let host = host.to_string();
            self.hosts.iter().any(|allowed| **allowed == *host)
        }
    }
}

/// Loopback or nothing.
impl From<bool> for PlainHttp {
    fn from(loopback: bool) -> Self {
        Self { loopback, hosts: Vec::new() }
    }
}

/// A URL that keys or metadata may be fetched from: https, or plain http where that was allowed;
/// without credentials; not a literal address of a forbidden kind.
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
    /// Checks a URL; plain http may be allowed for loopback: `localhost` and the names below it (RFC
    /// 6761 section 6.3), 127.0.0.0/8 and `::1`.
    ///
    /// # Errors
    /// [`UrlError`] says which rule it breaks.
    pub fn parse(url: &str, allow_loopback_http: bool) -> Result<Self, UrlError> {
        Self::parse_with(url, &allow_loopback_http.into())
    }

    pub(crate) fn parse_with(url: &str, plain_http: &PlainHttp) -> Result<Self, UrlError> {
        let url = Url::parse(url).map_err(|_| UrlError::Malformed)?;
        Self::check(url, plain_http)
    }

    pub(crate) fn check(mut url: Url, plain_http: &PlainHttp) -> Result<Self, UrlError> {
        let host = url.host().ok_or(UrlError::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if plain_http.allows(&host) => {}
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

    /// Whether it is plain http, to a host for which that was allowed.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The URL with another path, which is judged as the first one was.
    #[cfg(feature = "identity-provider")]
    pub(crate) fn map_path(&self, change: impl FnOnce(&mut Url)) -> Result<Self, UrlError> {
        let mut url = self.0.clone();
        change(&mut url);
        Self::check(url, &self.as_allowed())
    }

    /// Where a redirect from here leads, if it stays within the origin (RFC 6454 section 5).
    #[cfg(feature = "remote")]
    pub(crate) fn redirected_to(&self, location: &str) -> Option<Self> {
        let target = self.0.join(location).ok()?;
        let target = Self::check(target, &self.as_allowed()).ok()?;
        (target.0.origin() == self.0.origin()).then_some(target)
    }

    /// Plain http as it was allowed for this URL.
    fn as_allowed(&self) -> PlainHttp {
        let mut plain_http = PlainHttp::default();
        if self.is_plain_http() {
            plain_http.hosts.extend(self.0.host_str().map(Into::into));
        }
        plain_http
    }

    #[cfg(feature = "remote")]
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.1
    }
}

impl UrlError {
    /// The error about a URL of the configuration, with what to write instead.
    #[cfg(feature = "remote")]
    pub(crate) fn with_advice(self, url: &str) -> String {
        let url = Url::parse(url).ok();
        match (self, url.as_ref().and_then(Url::host)) {
            (Self::Insecure, Some(host)) if is_loopback(&host) => {
                format!("{self}; use https, or allow it with .allow_loopback_http(true)")
            }
            (Self::Insecure, Some(host)) => format!(
                "{self}; use https, or in a network that is trusted .dangerous().plain_http_to(\"{host}\")"
            ),
            _ => self.to_string(),
        }
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

/// Whether a host name means this machine: `localhost` and every name below it (RFC 6761 section 6.3).
pub(super) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
}

/// Whether a host is written as an address that no key server has.
pub(super) fn is_forbidden_host(host: &Host<&str>) -> bool {
    match *host {
        Host::Ipv4(ip) => is_forbidden(IpAddr::V4(ip)),
        Host::Ipv6(ip) => is_forbidden(IpAddr::V6(ip)),
        Host::Domain(_) => false,
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
            ("localhost as an absolute name", "http://localhost.:1/", true, Ok(())),
            ("localhost in capitals", "http://LOCALHOST:1/", true, Ok(())),
            ("below localhost", "http://keycloak.localhost:8080/", true, Ok(())),
            ("far below localhost", "http://idp.shop.localhost/", true, Ok(())),
            ("another address of loopback", "http://127.9.9.9/", true, Ok(())),
            ("below localhost without opt-in", "http://keycloak.localhost/", false, Err(UrlError::Insecure)),
            ("a name that only ends like it", "http://notlocalhost/", true, Err(UrlError::Insecure)),
            ("a name in a container network", "http://keycloak:8080/", true, Err(UrlError::Insecure)),
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
    fn plain_http_is_for_the_hosts_that_are_named() {
        let mut plain_http = PlainHttp::default();
        for host in ["keycloak", "IDP.Internal", "10.0.0.7", "[fd00::7]"] {
            plain_http.allow_host(host);
        }
        assert_eq!(plain_http.not_a_host(), None);
        for (name, url, expected) in [
            ("its name", "http://keycloak:8080/realms/shop", Ok(())),
            ("its name with another port", "http://keycloak/realms/shop", Ok(())),
            ("its name in capitals", "http://KEYCLOAK:8080/", Ok(())),
            ("a name in capitals", "http://idp.internal/", Ok(())),
            ("an address", "http://10.0.0.7/", Ok(())),
            ("an address in another notation", "http://10.7/", Ok(())),
            ("an address v6", "http://[fd00:0::7]:8080/", Ok(())),
            ("https as ever", "https://login.example/", Ok(())),
            ("below it", "http://a.keycloak/", Err(UrlError::Insecure)),
            ("more of it", "http://keycloak2/", Err(UrlError::Insecure)),
            ("less of it", "http://internal/", Err(UrlError::Insecure)),
            ("in front of another", "http://keycloak.evil.example/", Err(UrlError::Insecure)),
            ("as a user name", "http://keycloak@evil.example/", Err(UrlError::Insecure)),
            ("another address", "http://10.0.0.8/", Err(UrlError::Insecure)),
            ("loopback was not named", "http://127.0.0.1/", Err(UrlError::Insecure)),
            ("with credentials", "http://a:b@keycloak/", Err(UrlError::Credentials)),
            ("another scheme", "ftp://keycloak/", Err(UrlError::Insecure)),
        ] {
            assert_eq!(SourceUrl::parse_with(url, &plain_http).map(drop), expected, "{name}");
        }
        plain_http.allow_host("169.254.169.254");
        let metadata = SourceUrl::parse_with("http://169.254.169.254/", &plain_http);
        assert_eq!(metadata, Err(UrlError::AddressRefused), "an address stays refused");
        for no_host in ["keycloak:8080", "http://keycloak", "keycloak/realms", "", "a b"] {
            let mut plain_http = PlainHttp::default();
            plain_http.allow_host(no_host);
            assert_eq!(plain_http.not_a_host(), Some(no_host));
        }
    }

    #[cfg(feature = "remote")]
    #[test]
    fn a_redirect_stays_within_its_origin() {
        let https = SourceUrl::parse("https://idp.test/realms/a?x=1", false).unwrap();
        let http = SourceUrl::parse("http://127.0.0.1:8080/jwks", true).unwrap();
        for (name, from, location, expected) in [
            ("a path", &https, "/keys", Some("https://idp.test/keys")),
            ("a path beside it", &https, "keys", Some("https://idp.test/realms/keys")),
            ("the whole URL", &https, "https://idp.test/keys?v=2", Some("https://idp.test/keys?v=2")),
            ("the port in words", &https, "https://idp.test:443/keys", Some("https://idp.test/keys")),
            ("a host in capitals", &https, "https://IDP.test/keys", Some("https://idp.test/keys")),
            ("nothing", &https, "", Some("https://idp.test/realms/a?x=1")),
            ("another port", &https, "https://idp.test:8443/keys", None),
            ("another host", &https, "https://keys.test/keys", None),
            ("a host below it", &https, "https://a.idp.test/keys", None),
            ("another host without a scheme", &https, "//keys.test/keys", None),
            ("down to http", &https, "http://idp.test/keys", None),
            ("with credentials", &https, "https://a@idp.test/keys", None),
            ("a metadata address", &https, "https://169.254.169.254/", None),
            ("another scheme", &https, "file:///etc/passwd", None),
            ("no URL", &https, "https://", None),
            ("http as it was allowed", &http, "/keys", Some("http://127.0.0.1:8080/keys")),
            ("http to another port", &http, "http://127.0.0.1:8081/keys", None),
            ("http to another name of it", &http, "http://localhost:8080/keys", None),
            ("up to https", &http, "https://127.0.0.1:8080/keys", None),
        ] {
            let target = from.redirected_to(location);
            assert_eq!(target.as_ref().map(SourceUrl::as_str), expected, "{name}");
        }
    }
}

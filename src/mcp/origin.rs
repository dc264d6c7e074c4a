//! Which pages may send requests.
//!
//! A browser says in `Origin` which page a request comes from. A page of another site can reach a server on
//! the user's own machine by having its name resolve to it (DNS rebinding); the specification therefore
//! demands that a foreign origin be refused. Programs that are no browsers send none.

use std::net::Ipv4Addr;

use http::{HeaderMap, header::ORIGIN};

use super::{fault::Fault, headers::single};

/// The origins that are allowed.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    pub(super) loopback: bool,
    pub(super) others: Vec<Box<str>>,
}

impl Default for Origins {
    fn default() -> Self {
        Self { loopback: true, others: Vec::new() }
    }
}

impl Origins {
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let Some(origin) = single(headers, &ORIGIN, Fault::ForeignOrigin)? else { return Ok(()) };
        let listed = || self.others.iter().any(|other| other.eq_ignore_ascii_case(origin));
        if (self.loopback && is_loopback(origin)) || listed() { Ok(()) } else { Err(Fault::ForeignOrigin) }
    }
}

/// Whether the page is of this machine, at any port: `localhost` and names below it, 127.0.0.0/8, `[::1]`.
fn is_loopback(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return false;
    }
    let end = authority.find(']').map_or(0, |at| at + 1);
    let (host, port) = match authority.get(end..).and_then(|rest| rest.find(':')) {
        Some(at) => authority.split_at_checked(end + at).unwrap_or((authority, "")),
        None => (authority, ""),
    };
    let is_port = |port: &str| port.len() > 1 && port.bytes().skip(1).all(|digit| digit.is_ascii_digit());
    if !port.is_empty() && !is_port(port) {
        return false;
    }
    let host = host.to_ascii_lowercase();
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    host == "localhost"
        || host == "[::1]"
        || (host.ends_with(".localhost") && is_name(&host))
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn an_origin_is_absent_or_of_this_machine_or_listed() {
        let origins = Origins { others: vec!["https://app.example".into()], ..Origins::default() };
        for (values, expected) in [
            (&[][..], true),
            (&["http://localhost"], true),
            (&["https://LocalHost:8443"], true),
            (&["http://dev.localhost:3000"], true),
            (&["http://127.0.0.1:6274"], true),
            (&["http://127.8.0.1"], true),
            (&["http://[::1]:80"], true),
            (&["https://app.example"], true),
            (&["https://app.example:444"], false),
            (&["http://app.example"], false),
            (&["https://app.example.evil.test"], false),
            (&["null"], false),
            (&[""], false),
            (&["http://localhost.evil.test"], false),
            (&["http://localhost@evil.test"], false),
            (&["http://evil.test/.localhost"], false),
            (&["http://localhost:80@evil.test"], false),
            (&["http://localhost:"], false),
            (&["http://127.0.0.1.evil.test"], false),
            (&["http://128.0.0.1"], false),
            (&["http://[::2]"], false),
            (&["http://[::1].evil.test"], false),
            (&["file://localhost"], false),
            (&["http://localhost", "http://evil.test"], false),
            (&["http://localhost http://evil.test"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ORIGIN, HeaderValue::from_static(value));
            }
            assert_eq!(origins.check(&headers).is_ok(), expected, "{headers:?}");
        }
        let none = Origins { loopback: false, others: Vec::new() };
        let local = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("http://localhost"))]);
        assert_eq!(none.check(&local), Err(Fault::ForeignOrigin));
    }
}

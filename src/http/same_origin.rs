//! Whether a request that carries a cookie comes from a page that may send it.
//!
//! A browser adds cookies to requests of every page, so a page of another site can have it make a request in
//! the user's name (CSRF). It says where a request comes from, and pages cannot change what it says. As in
//! tower-http's `csrf` and Go's `http.CrossOriginProtection`, a request passes if one of these holds:
//!
//! 1. Its method is `GET`, `HEAD` or `OPTIONS`, and it does not ask for another protocol. A WebSocket
//!    handshake is a `GET`, and what follows may change anything, so it counts as unsafe.
//! 2. Its `Origin` is one that the server trusts.
//! 3. Its `Sec-Fetch-Site` is `same-origin`, or `none`: the user made it, and no page.
//! 4. It has no `Sec-Fetch-Site`, which browsers leave out on plain HTTP, and its `Origin` is that of the public
//!    address, or of `Host`; `http` is none where the address is `https`.
//! 5. It has neither: every browser sends one of them with such a request, so no browser made it, and its
//!    sender chose the cookie.

use http::{
    HeaderName, HeaderValue, Method,
    header::{HOST, ORIGIN, UPGRADE},
};

use super::{KnownAddress, RequestHead, credentials::single, public_address::Origin};
use crate::error::shown;

/// Fetch Metadata Request Headers section 2.4.
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may send cookies, beside the server's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedOrigins(Box<[Origin]>);

impl TrustedOrigins {
    /// # Errors
    /// The texts that are no origins, each with what to write instead.
    pub(crate) fn new(texts: &[Box<str>]) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut parse = |text: &str| {
            let origin = Origin::parse(text);
            if origin.is_none() {
                problems.push(format!(
                    "{} is no origin; write a scheme, a host and a port that is not the default: https://app.example",
                    shown(text)
                ));
            }
            origin
        };
        let origins = texts.iter().filter_map(|text| parse(text)).collect();
        if problems.is_empty() { Ok(Self(origins)) } else { Err(problems) }
    }

    /// Whether a request with a cookie may come from where it comes from.
    pub(crate) fn allow(&self, head: RequestHead<'_>, address: &KnownAddress) -> bool {
        if head.headers.contains_key(UPGRADE) {
            self.allow_unsafe(head, address)
        } else {
            self.allow_plain(head, address)
        }
    }

    /// The same of a request that does not ask for another protocol.
    #[inline]
    pub(crate) fn allow_plain(&self, head: RequestHead<'_>, address: &KnownAddress) -> bool {
        // Not `Method::is_safe`, which counts `TRACE`.
        let is_safe = matches!(*head.method, Method::GET | Method::HEAD | Method::OPTIONS);
        is_safe || self.allow_unsafe(head, address)
    }

    fn allow_unsafe(&self, head: RequestHead<'_>, address: &KnownAddress) -> bool {
        self.is_own_page(head, address).is_some_and(|allowed| allowed)
    }

    /// Whether a page of the server, or of an origin that it trusts, made a request; `None` for fields that no browser
    /// writes.
    fn is_own_page(&self, head: RequestHead<'_>, address: &KnownAddress) -> Option<bool> {
        let site = single(head.headers, &SEC_FETCH_SITE).ok()?;
        let Some(origin) = single(head.headers, &ORIGIN).ok()? else {
            return Some(site.is_none_or(is_own_site));
        };
        let origin = origin.to_str().ok().and_then(Origin::parse);
        if origin.as_ref().is_some_and(|origin| self.0.contains(origin)) {
            return Some(true);
        }
        match site {
            Some(site) => Some(is_own_site(site)),
            None => Some(is_own(&origin?, head, address)),
        }
    }
}

fn is_own_site(site: &HeaderValue) -> bool {
    matches!(site.as_bytes(), b"same-origin" | b"none")
}

/// Whether an origin is the one of the public address, or the one that the request was sent to.
fn is_own(origin: &Origin, head: RequestHead<'_>, address: &KnownAddress) -> bool {
    let public = address.origin_of(head);
    if public.as_ref() == Some(origin) {
        return true;
    }
    let is_downgraded = !origin.is_tls && public.is_some_and(|public| public.is_tls);
    !is_downgraded && authority(head).is_some_and(|authority| origin.is_at(authority))
}

/// Where the request was sent to: an HTTP/2 request may say so in its target alone.
fn authority(head: RequestHead<'_>) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => single(head.headers, &HOST).ok()??.to_str().ok(),
    }
}

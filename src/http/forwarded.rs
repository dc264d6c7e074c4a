//! What trusted proxies tell about the address that a client used: `Forwarded` (RFC 7239) and
//! `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and `-Prefix`.
//!
//! Each proxy appends what it saw, so what a client wrote stands at the left. A value counts as long as
//! every hop to its right is a trusted proxy, beginning with the peer of the connection; of the values
//! that count, the leftmost is of the proxy that the client spoke to.
//!
//! A text that is not well formed voids all: nothing is told then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;

use super::network::IpNetwork;

/// The longest host name (RFC 1035 section 2.3.4).
const MAX_HOST_LENGTH: usize = 255;

/// The longest prefix that proxies may have stripped, all together; longer than any that is configured.
const MAX_PREFIX_LENGTH: usize = 256;

/// As many parameters as an element of `Forwarded` may have; four are registered.
const MAX_PARAMETERS: usize = 16;

/// What trusted proxies tell about one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) is_tls: Option<bool>,
    pub(super) host: Option<Host>,
    /// What was stripped from the path: empty, or `/` and segments.
    pub(super) prefix: String,
}

/// A host and its port, well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// In lower case; IPv6 in brackets.
    pub(super) name: String,
    pub(super) port: Option<u16>,
}

/// A text that proxies do not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What the proxies among `trusted` tell, if the peer is one of them.
///
/// # Errors
/// [`Malformed`] when a value that counts is not well formed, or `Forwarded` and the others disagree.
pub(super) fn told(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNetwork]) -> Result<Told, Malformed> {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|network| network.contains(*ip));
    if !is_trusted(&peer) {
        return Ok(Told::default());
    }
    let standard = elements(headers)?;
    // How many hops are trusted: the peer, and each before it that one of them names.
    let hops_of = |nodes: &mut dyn Iterator<Item = Option<IpAddr>>| {
        1 + nodes.take_while(|node| node.as_ref().is_some_and(is_trusted)).count()
    };
    let hops = hops_of(&mut standard.iter().rev().map(|element| element.node));
    let counted = standard.iter().skip(standard.len().saturating_sub(hops));
    let first =
        |get: fn(&Element) -> &Option<String>| counted.clone().find_map(|element| get(element).as_deref());
    let proto = first(|element| &element.proto).map(is_tls).transpose()?;
    let host = first(|element| &element.host).map(Host::parse).transpose()?;

    let nodes = values(headers, "x-forwarded-for")?;
    let hops = if nodes.is_empty() { hops } else { hops_of(&mut nodes.iter().rev().map(|node| ip(node))) };
    let counted = |name| values(headers, name).map(|values| last(values, hops));
    let first = |name| counted(name).map(|values| values.first().copied());
    let x_proto = first("x-forwarded-proto")?.map(is_tls).transpose()?;
    let x_port = first("x-forwarded-port")?.map(port).transpose()?;
    let mut x_host = first("x-forwarded-host")?.map(Host::parse).transpose()?;
    if let Some(host) = &mut x_host {
        host.port = host.port.or(x_port);
    }
    let mut prefix = String::new();
    for stripped in counted("x-forwarded-prefix")? {
        prefix.push_str(path_prefix(stripped)?);
    }
    if prefix.len() > MAX_PREFIX_LENGTH {
        return Err(Malformed);
    }
    Ok(Told { is_tls: agreed(proto, x_proto)?, host: agreed_hosts(host, x_host)?, prefix })
}

/// One value where both notations tell it.
fn agreed<T: PartialEq>(one: Option<T>, other: Option<T>) -> Result<Option<T>, Malformed> {
    match (&one, &other) {
        (Some(this), Some(that)) if this != that => Err(Malformed),
        _ => Ok(one.or(other)),
    }
}

/// The same; a port may be in one of them alone.
fn agreed_hosts(one: Option<Host>, other: Option<Host>) -> Result<Option<Host>, Malformed> {
    let (Some(this), Some(that)) = (&one, &other) else { return Ok(one.or(other)) };
    let port = agreed(this.port, that.port)?;
    Ok(agreed(Some(&this.name), Some(&that.name))?.map(|name| Host { name: name.clone(), port }))
}

/// The last `count` of the values.
fn last(mut values: Vec<&str>, count: usize) -> Vec<&str> {
    values.split_off(values.len().saturating_sub(count))
}

/// All fields of this name as one comma-separated list (RFC 9110 section 5.3), without empty elements.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Result<Vec<&'a str>, Malformed> {
    let mut all = Vec::new();
    for field in headers.get_all(name) {
        let field = field.to_str().map_err(|_| Malformed)?;
        all.extend(field.split(',').map(trim).filter(|value| !value.is_empty()));
    }
    Ok(all)
}

/// Optional whitespace (RFC 9110 section 5.6.3).
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// One element of `Forwarded` (RFC 7239 section 4): what one proxy saw.
#[derive(Debug, Default)]
struct Element {
    /// Who sent the request to the proxy, if that is an address (section 6).
    node: Option<IpAddr>,
    proto: Option<String>,
    host: Option<String>,
}

/// The elements of all `Forwarded` fields, the nearest proxy last.
fn elements(headers: &HeaderMap) -> Result<Vec<Element>, Malformed> {
    let mut elements = Vec::new();
    for field in headers.get_all("forwarded") {
        let mut rest = field.to_str().map_err(|_| Malformed)?;
        while !rest.is_empty() {
            let (element, behind) = Element::parse(rest)?;
            elements.extend(element);
            rest = behind;
        }
    }
    Ok(elements)
}

impl Element {
    /// The first element of a list, unless it is empty, and what is behind its comma.
    fn parse(mut rest: &str) -> Result<(Option<Self>, &str), Malformed> {
        let mut element = Self::default();
        let mut seen: Vec<String> = Vec::new();
        loop {
            rest = trim(rest);
            if !rest.starts_with([',', ';']) && !rest.is_empty() {
                let (name, behind) = rest.split_once('=').ok_or(Malformed)?;
                let name = name.to_ascii_lowercase();
                let (value, behind) = value(behind)?;
                // RFC 7239 section 4: each parameter at most once in an element.
                if !is_token(&name) || seen.contains(&name) || seen.len() == MAX_PARAMETERS {
                    return Err(Malformed);
                }
                match &*name {
                    "for" => element.node = ip(&value),
                    "proto" => element.proto = Some(value),
                    "host" => element.host = Some(value),
                    _ => {}
                }
                seen.push(name);
                rest = trim(behind);
            }
            match rest.split_at_checked(1) {
                None => return Ok(((!seen.is_empty()).then_some(element), "")),
                Some((",", behind)) => return Ok(((!seen.is_empty()).then_some(element), behind)),
                Some((";", behind)) => rest = behind,
                Some(_) => return Err(Malformed),
            }
        }
    }
}

/// A token or a quoted string (RFC 9110 section 5.6), without its quotes, and what is behind it.
fn value(text: &str) -> Result<(String, &str), Malformed> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        let (value, behind) = text.split_at(end);
        // More than a token: many proxies write `host=a:80` and IPv6 without quotes.
        return if value.is_empty() { Err(Malformed) } else { Ok((value.to_owned(), behind)) };
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next() {
            Some('"') => return Ok((value, chars.as_str())),
            Some('\\') => value.push(chars.next().ok_or(Malformed)?),
            Some(other) => value.push(other),
            None => return Err(Malformed),
        }
    }
}

fn is_token(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// The address of a node: with or without a port, IPv6 with or without brackets. `None` for `unknown`
/// and for names that hide it (RFC 7239 section 6).
fn ip(node: &str) -> Option<IpAddr> {
    if let Some(bracketed) = node.strip_prefix('[') {
        let (address, behind) = bracketed.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        let is_port = behind.is_empty() || behind.strip_prefix(':').is_some_and(|text| port(text).is_ok());
        return is_port.then_some(IpAddr::V6(address));
    }
    if let Ok(address) = node.parse() {
        return Some(address);
    }
    let (address, behind) = node.split_once(':')?;
    port(behind).ok()?;
    address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

fn port(text: &str) -> Result<u16, Malformed> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    text.parse().ok().filter(|port| *port != 0).ok_or(Malformed)
}

/// Some proxies tell the scheme of a WebSocket by its own name.
fn is_tls(proto: &str) -> Result<bool, Malformed> {
    let is_one_of = |names: [&str; 2]| names.iter().any(|name| proto.eq_ignore_ascii_case(name));
    if is_one_of(["https", "wss"]) {
        Ok(true)
    } else if is_one_of(["http", "ws"]) {
        Ok(false)
    } else {
        Err(Malformed)
    }
}

impl Host {
    /// A host name or an IP address, and a port (RFC 3986 section 3.2). What a resolver might read in
    /// another way is refused: escapes, user information, a dot at the end, numbers that are no address.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        if let Some(bracketed) = text.strip_prefix('[') {
            let (address, behind) = bracketed.split_once(']').ok_or(Malformed)?;
            let address: Ipv6Addr = address.parse().map_err(|_| Malformed)?;
            let port = match behind.strip_prefix(':') {
                Some(text) => Some(port(text)?),
                None if behind.is_empty() => None,
                None => return Err(Malformed),
            };
            return Ok(Self { name: format!("[{address}]"), port });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, text)) => (name, Some(port(text)?)),
            None => (text, None),
        };
        if name.len() > MAX_HOST_LENGTH || !name.split('.').all(is_label) {
            return Err(Malformed);
        }
        let ends_in_number = name.rsplit('.').next().is_some_and(|last| {
            let digits = last.strip_prefix(['0']).and_then(|hex| hex.strip_prefix(['x', 'X']));
            last.bytes().all(|byte| byte.is_ascii_digit())
                || digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        });
        if ends_in_number && name.parse::<Ipv4Addr>().is_err() {
            return Err(Malformed);
        }
        Ok(Self { name: name.to_ascii_lowercase(), port })
    }
}

fn is_label(label: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_inside)
}

/// Segments of a path that need no escapes and lead nowhere else, without the slash at the end.
fn path_prefix(text: &str) -> Result<&str, Malformed> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_inside);
    match text.strip_prefix('/') {
        None if text.is_empty() => Ok(text),
        Some(segments) if segments.split('/').all(is_segment) => Ok(text),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;

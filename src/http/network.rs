//! Networks of IP addresses in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
//!
//! By hand: both families are one comparison of bits each, and `IpAddr` reads the addresses. A crate for
//! it would be one more to follow, for less than this.

use std::{net::IpAddr, str::FromStr};

use crate::error::shown;

/// One network, or one address. IPv4 addresses that are mapped into IPv6 (RFC 4291 section 2.5.5.2) count
/// as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IpNetwork {
    address: IpAddr,
    length: u8,
}

impl IpNetwork {
    /// Whether the address is of this network.
    pub(super) fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let host_bits = 32 - u32::from(self.length);
                (network.to_bits() ^ ip.to_bits()).checked_shr(host_bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let host_bits = 128 - u32::from(self.length);
                (network.to_bits() ^ ip.to_bits()).checked_shr(host_bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// Whether bits are set behind the prefix.
    fn has_host_bits(self) -> bool {
        let length = u32::from(self.length);
        match self.address {
            IpAddr::V4(ip) => ip.to_bits().checked_shl(length).unwrap_or(0) != 0,
            IpAddr::V6(ip) => ip.to_bits().checked_shl(length).unwrap_or(0) != 0,
        }
    }
}

impl FromStr for IpNetwork {
    type Err = String;

    /// # Errors
    /// What is wrong with the text, and what to write instead.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{} {why}", shown(text));
        let no_network = || wrong("is no network; write it as in 10.0.0.0/8, fd00::/8 or 192.0.2.1");
        let (address, length) = text.split_once('/').map_or((text, None), |(ip, length)| (ip, Some(length)));
        let written: IpAddr = address.parse().map_err(|_| no_network())?;
        let longest = if written.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => longest,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let length = digits.parse().map_err(|_| no_network())?;
                if length > longest {
                    return Err(no_network());
                }
                length
            }
            Some(_) => return Err(no_network()),
        };
        let address = written.to_canonical();
        let network = if address.is_ipv4() == written.is_ipv4() {
            Self { address, length }
        } else {
            let Some(length) = length.checked_sub(96) else {
                return Err(wrong("is more than the mapped IPv4 addresses; write the IPv4 network"));
            };
            Self { address, length }
        };
        if network.length == 0 {
            return Err(wrong("is every address; name those of the proxies"));
        }
        if network.has_host_bits() {
            return Err(wrong("has bits behind its prefix; write the first address of the network"));
        }
        Ok(network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_the_addresses_of_their_prefix() {
        for (network, ip, expected) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "::ffff:11.1.2.3", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("10.0.0.0/8", "::10.1.2.3", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1/32", "192.0.2.2", false),
            ("128.0.0.0/1", "255.0.0.1", true),
            ("128.0.0.0/1", "127.0.0.1", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("::1", "::1", true),
            ("::1", "127.0.0.1", false),
            ("::/96", "::ffff:10.0.0.1", false),
        ] {
            let parsed: IpNetwork = network.parse().unwrap();
            assert_eq!(parsed.contains(ip.parse().unwrap()), expected, "{ip} in {network}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_with_what_to_write() {
        for (text, advice) in [
            ("", "10.0.0.0/8"),
            ("proxy.example", "10.0.0.0/8"),
            ("10.0.0.0/33", "10.0.0.0/8"),
            ("fd00::/129", "10.0.0.0/8"),
            ("10.0.0.0/", "10.0.0.0/8"),
            ("10.0.0.0/+8", "10.0.0.0/8"),
            ("10.0.0.0/256", "10.0.0.0/8"),
            ("10.0.0.0/8/8", "10.0.0.0/8"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
            ("[::1]", "10.0.0.0/8"),
            ("10.0.0.1:80", "10.0.0.0/8"),
            ("10/8", "10.0.0.0/8"),
            ("fe80::1%eth0", "10.0.0.0/8"),
            ("0.0.0.0/0", "those of the proxies"),
            ("::/0", "those of the proxies"),
            ("::ffff:0.0.0.0/96", "those of the proxies"),
            ("::ffff:0.0.0.0/95", "IPv4 network"),
            ("10.0.0.1/8", "first address"),
            ("fd00::1/64", "first address"),
        ] {
            let problem = text.parse::<IpNetwork>().unwrap_err();
            assert!(problem.contains(advice), "{text:?}: {problem}");
        }
    }
}

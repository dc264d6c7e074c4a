//! The addresses that requests may not go to, in every notation that leads to one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether no key server has this address: link-local (which holds the metadata service of most
/// clouds), the metadata addresses elsewhere, multicast, what is reserved or deprecated, and the
/// unspecified address, which connects to this machine.
pub(super) fn is_forbidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_forbidden_v4(ip),
        IpAddr::V6(ip) => {
            /// The metadata service of Google Cloud over IPv6.
            const GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
            let reserved = match ip.segments() {
                // The services of AWS that an instance sees: metadata, credentials of pods, time, names.
                [0xfd00, 0xec2, ..] => true,
                // NAT64 of the local network (RFC 8215), which leads wherever the network wants; where
                // in the address the IPv4 one stands is the network's to say.
                [0x64, 0xff9b, 1, ..] => true,
                // Teredo (RFC 4380 section 2.6), whose IPv4 address is obfuscated.
                [0x2001, 0, ..] => true,
                // Site-local (RFC 3879).
                [first, ..] => first & 0xffc0 == 0xfec0,
            };
            reserved
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unicast_link_local()
                || ip == GOOGLE
                || (!ip.is_loopback() && embedded_v4(ip).is_some_and(is_forbidden_v4))
        }
    }
}

fn is_forbidden_v4(ip: Ipv4Addr) -> bool {
    /// The metadata services outside 169.254.0.0/16: Alibaba Cloud, Azure's platform, Oracle Cloud.
    const METADATA: [Ipv4Addr; 3] =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
    // 0.0.0.0/8 is "this network" (RFC 791); some systems take all of it for this machine. From
    // 240.0.0.0 on addresses are reserved (RFC 1112 section 4), the broadcast one among them.
    let [first, ..] = ip.octets();
    first == 0 || first >= 240 || ip.is_link_local() || ip.is_multicast() || METADATA.contains(&ip)
}

/// The IPv4 address that an IPv6 one leads to: mapped and compatible (RFC 4291 section 2.5.5),
/// translated (SIIT, RFC 2765 section 2.1), NAT64 (RFC 6052 section 2.1), 6to4 (RFC 3056 section 2),
/// ISATAP under any prefix (RFC 5214 section 6.1).
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low]
        | [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_a_name_may_not_lead_to() {
        for (name, ip, forbidden) in [
            ("metadata", "169.254.169.254", true),
            ("link-local", "169.254.0.1", true),
            ("Alibaba Cloud", "100.100.100.200", true),
            ("Azure", "168.63.129.16", true),
            ("Oracle Cloud", "192.0.0.192", true),
            ("this network", "0.1.2.3", true),
            ("multicast", "224.0.0.1", true),
            ("the last before what is reserved", "239.255.255.255", true),
            ("240.0.0.0/4, its first", "240.0.0.0", true),
            ("240.0.0.0/4, within", "250.1.2.3", true),
            ("240.0.0.0/4, its last but one", "255.255.255.254", true),
            ("broadcast", "255.255.255.255", true),
            ("link-local v6", "fe80::1", true),
            ("multicast v6", "ff02::1", true),
            ("AWS", "fd00:ec2::254", true),
            ("AWS, credentials of pods", "fd00:ec2::23", true),
            ("Google Cloud", "fd20:ce::254", true),
            ("fec0::/10, its first", "fec0::", true),
            ("fec0::/10, its last", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true),
            ("6to4", "2002:a9fe:a9fe::", true),
            ("6to4 of what is reserved", "2002:f000:1::", true),
            ("compatible", "::169.254.169.254", true),
            ("mapped", "::ffff:169.254.169.254", true),
            ("SIIT", "::ffff:0:169.254.169.254", true),
            ("SIIT of the unspecified", "::ffff:0:0.0.0.0", true),
            ("SIIT of a multicast", "::ffff:0:224.0.0.1", true),
            ("NAT64", "64:ff9b::169.254.169.254", true),
            ("64:ff9b:1::/48 as /96", "64:ff9b:1::169.254.169.254", true),
            ("64:ff9b:1::/48 as /64", "64:ff9b:1:0:a9:fea9:fe00:0", true),
            ("64:ff9b:1::/48 as /48", "64:ff9b:1:a9fe:a9:fe00::", true),
            ("64:ff9b:1::/48, its last", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", true),
            // The client's address is the complement of the last 32 bits.
            ("Teredo", "2001:0:4136:e378:8000:63bf:5601:5601", true),
            ("Teredo by its server", "2001:0:a9fe:a9fe::1", true),
            ("ISATAP", "2001:db8::5efe:169.254.169.254", true),
            ("ISATAP, globally unique", "2001:db8::200:5efe:169.254.169.254", true),
            ("ISATAP, under a private prefix", "fd12:3456::5efe:168.63.129.16", true),
            ("loopback", "127.0.0.1", false),
            ("loopback v6", "::1", false),
            ("private", "10.0.0.1", false),
            ("private, too", "192.168.1.1", false),
            ("private v6", "fd00::1", false),
            ("near AWS", "fd00:ec3::254", false),
            ("public", "8.8.8.8", false),
            ("public v6", "2001:4860:4860::8888", false),
            ("below fec0::/10 is link-local", "febf::1", true),
            ("SIIT of a public one", "::ffff:0:8.8.8.8", false),
            ("NAT64 of a public one", "64:ff9b::8.8.8.8", false),
            ("behind 64:ff9b:1::/48", "64:ff9b:2::1", false),
            ("ISATAP of a private one", "2001:db8::5efe:10.0.0.1", false),
            ("another interface", "2001:db8::100:5efe:169.254.169.254", false),
            ("beside Teredo", "2001:1::1", false),
        ] {
            assert_eq!(is_forbidden(ip.parse().unwrap()), forbidden, "{name}: {ip}");
        }
    }
}

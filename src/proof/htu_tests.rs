use proptest::prelude::*;

use super::*;

#[test]
fn urls_that_rfc_3986_calls_equal_are_and_no_others() {
    const URL: &str = "https://api.example/shop/orders";
    for (name, htu, url, expected) in [
        ("the same", URL, URL, true),
        ("scheme in upper case", "HTTPS://api.example/shop/orders", URL, true),
        ("host in upper case", "https://API.Example/shop/orders", URL, true),
        ("default port", "https://api.example:443/shop/orders", URL, true),
        ("empty port", "https://api.example:/shop/orders", URL, true),
        ("default port of http", "http://api.example:80/", "http://api.example/", true),
        ("query", "https://api.example/shop/orders?a=b", URL, true),
        ("fragment", "https://api.example/shop/orders#a", URL, true),
        ("query and fragment", "https://api.example/shop/orders?a#b?c", URL, true),
        ("fragment with a question mark", "https://api.example/shop/orders#b?c", URL, true),
        ("escaped letter", "https://api.example/sh%6Fp/orders", URL, true),
        ("escaped letter in lower case", "https://api.example/sh%6fp/orders", URL, true),
        ("escaped tilde", "https://a/%7Eme", "https://a/~me", true),
        ("case of escapes", "https://a/%c3%a4", "https://a/%C3%A4", true),
        ("escaped host", "https://%61pi.example/shop/orders", URL, true),
        ("escaped upper case in the host", "https://%41pi.example/shop/orders", URL, true),
        ("case of escapes in the host", "https://a%c3%a4/", "https://a%C3%A4/", true),
        ("one dot", "https://api.example/./shop/./orders", URL, true),
        ("two dots", "https://api.example/x/../shop/y/../orders", URL, true),
        ("dots above the root", "https://api.example/../../shop/orders", URL, true),
        ("escaped dots", "https://api.example/x/%2e%2E/shop/orders", URL, true),
        ("dots at the end", "https://a/b/c/..", "https://a/b/", true),
        ("one dot at the end", "https://a/b/.", "https://a/b/", true),
        ("empty path", "https://a", "https://a/", true),
        ("empty path with a query", "https://a?b", "https://a/", true),
        ("dots alone", "https://a/..", "https://a/", true),
        ("IPv6 in another spelling", "https://[2001:DB8:0::1]/", "https://[2001:db8::1]/", true),
        ("IPv6 with the default port", "https://[::1]:443/", "https://[::1]/", true),
        ("slash at the end", "https://api.example/shop/orders/", URL, false),
        ("without the last slash", "https://a/b", "https://a/b/", false),
        ("two slashes", "https://api.example//shop/orders", URL, false),
        ("case of the path", "https://api.example/Shop/orders", URL, false),
        ("another path", "https://api.example/shop/order", URL, false),
        ("longer path", "https://api.example/shop/orders/1", URL, false),
        ("the stripped path", "https://api.example/orders", URL, false),
        ("http for https", "http://api.example/shop/orders", URL, false),
        ("http at the port of https", "http://api.example:443/shop/orders", URL, false),
        ("another port", "https://api.example:8443/shop/orders", URL, false),
        ("port 80 of https", "https://api.example:80/shop/orders", URL, false),
        ("zeros in front of a port", "https://api.example:0443/shop/orders", URL, false),
        ("port beyond its range", "https://api.example:65979/shop/orders", URL, false),
        ("port with a sign", "https://api.example:+443/shop/orders", URL, false),
        ("port that is none", "https://api.example:https/shop/orders", URL, false),
        ("another host", "https://api.example.evil/shop/orders", URL, false),
        ("host with a dot at its end", "https://api.example./shop/orders", URL, false),
        ("user information", "https://api.example@evil/shop/orders", URL, false),
        ("user information before the host", "https://me@api.example/shop/orders", URL, false),
        ("escaped slash", "https://api.example/shop%2Forders", URL, false),
        ("escaped question mark", "https://api.example/shop/orders%3Fa", URL, false),
        ("escape of an escape", "https://api.example/sh%256Fp/orders", URL, false),
        ("incomplete escape", "https://api.example/shop/orders%4", URL, false),
        ("escape of no digits", "https://api.example/shop/orders%zz", URL, false),
        ("escape with a sign", "https://api.example/sh%+Fp/orders", URL, false),
        ("space", "https://api.example/shop/orders ", URL, false),
        ("space in front", " https://api.example/shop/orders", URL, false),
        ("line end", "https://api.example/shop/orders\n", URL, false),
        ("null", "https://api.example/shop/orders\0", URL, false),
        ("backslash", "https://api.example\\shop\\orders", URL, false),
        ("not ASCII", "https://api.example/shop/\u{f6}rders", URL, false),
        ("full-width letters", "https://\u{ff41}pi.example/shop/orders", URL, false),
        ("no scheme", "//api.example/shop/orders", URL, false),
        ("path alone", "/shop/orders", URL, false),
        ("another scheme", "ftp://api.example/shop/orders", URL, false),
        ("scheme with one slash", "https:/api.example/shop/orders", URL, false),
        ("no host", "https:///shop/orders", URL, false),
        ("IPv6 without brackets", "https://::1/", "https://[::1]/", false),
        ("IPv6 with a zone", "https://[::1%25eth0]/", "https://[::1]/", false),
        ("IPv6 with a tail", "https://[::1]x/", "https://[::1]/", false),
        ("IPv6 that does not end", "https://[::1/", "https://[::1]/", false),
        ("empty", "", URL, false),
        ("query alone", "?", URL, false),
    ] {
        assert_eq!(is_same(htu, url), expected, "{name}: {htu}");
    }
}

/// One URL in its parts, none of which needs an escape.
#[derive(Clone, Debug)]
struct Parts {
    is_tls: bool,
    host: String,
    port: Option<u16>,
    segments: Vec<String>,
}

impl Parts {
    fn write(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        let default = if self.is_tls { 443 } else { 80 };
        let port = self.port.filter(|port| *port != default).map(|port| format!(":{port}"));
        format!("{scheme}://{}{}/{}", self.host, port.unwrap_or_default(), self.segments.join("/"))
    }

    /// The same URL in another spelling, by the choices of `dice`.
    fn respell(&self, dice: &[u8]) -> String {
        let mut dice = dice.iter().copied().cycle();
        let mut roll = || dice.next().unwrap_or_default();
        let default = if self.is_tls { 443 } else { 80 };
        let scheme = if self.is_tls { "https" } else { "http" };
        let mut text = match roll() % 3 {
            0 => scheme.to_uppercase(),
            1 => scheme.replace('t', "T"),
            _ => scheme.to_owned(),
        };
        text.push_str("://");
        for c in self.host.chars() {
            match roll() % 4 {
                0 => text.push(c.to_ascii_uppercase()),
                1 => text += &format!("%{:02x}", c.to_ascii_uppercase() as u8),
                _ => text.push(c),
            }
        }
        match (self.port.filter(|port| *port != default), roll() % 3) {
            (Some(port), _) => text += &format!(":{port}"),
            (None, 0) => text += &format!(":{default}"),
            (None, 1) => text.push(':'),
            (None, _) => {}
        }
        for segment in &self.segments {
            match roll() % 6 {
                0 => text.push_str("/."),
                1 => text.push_str("/x/.."),
                2 => text.push_str("/y/%2E%2e"),
                _ => {}
            }
            text.push('/');
            for c in segment.chars() {
                match roll() % 5 {
                    0 if is_unreserved(c as u8) => text += &format!("%{:02X}", c as u8),
                    1 if is_unreserved(c as u8) => text += &format!("%{:02x}", c as u8),
                    _ => text.push(c),
                }
            }
        }
        match roll() % 4 {
            0 => text.push_str("?q=/../"),
            1 => text.push_str("#f?"),
            _ => {}
        }
        text
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let segment = "[a-zA-Z0-9_~!$&'()*+,;=:@-]{1,4}";
    let host = "[a-z0-9-]{1,5}(\\.[a-z0-9-]{1,5}){0,2}";
    let port = prop::option::of(prop_oneof![Just(80), Just(443), 1..=u16::MAX]);
    let segments = prop::collection::vec(segment, 1..4);
    (any::<bool>(), host, port, segments, any::<bool>()).prop_map(
        |(is_tls, host, port, mut segments, slash)| {
            if slash {
                segments.push(String::new());
            }
            Parts { is_tls, host, port, segments }
        },
    )
}

proptest! {
    #[test]
    fn any_two_spellings_of_one_url_are_equal(
        parts in parts(),
        one in prop::collection::vec(any::<u8>(), 1..40),
        other in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let [one, other] = [one, other].map(|dice| parts.respell(&dice));
        prop_assert!(is_same(&one, &parts.write()), "{} {}", one, parts.write());
        let end = other.find(['?', '#']).unwrap_or(other.len());
        prop_assert!(is_same(&one, &other[..end]), "{} {}", one, other);
    }

    #[test]
    fn any_two_urls_that_differ_in_a_part_are_not(
        parts in parts(),
        changed in parts(),
        which in 0_usize..4,
        dice in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let mut other = parts.clone();
        match which {
            0 => other.is_tls = !parts.is_tls,
            1 => other.host = changed.host,
            2 => other.port = changed.port,
            _ => other.segments = changed.segments,
        }
        prop_assert_eq!(is_same(&other.respell(&dice), &parts.write()), other.write() == parts.write());
    }

    /// The crate `url` reads what browsers read, who also take what RFC 3986 does not.
    #[cfg(feature = "remote")]
    #[test]
    fn what_is_equal_here_is_equal_to_another_reader(
        parts in parts(),
        dice in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let respelled = parts.respell(&dice);
        let end = respelled.find(['?', '#']).unwrap_or(respelled.len());
        let read = |text: &str| url::Url::parse(text).ok();
        if let (Some(one), Some(other)) = (read(&respelled[..end]), read(&parts.write())) {
            prop_assert_eq!(one.origin(), other.origin());
        }
    }

    #[test]
    fn no_text_is_taken_apart_beyond_its_end(htu in "\\PC{0,40}", rest in "[\\PC%./:\\[\\]@]{0,20}") {
        let with = format!("https://a{rest}");
        let _ = (is_same(&htu, "https://a/"), is_same(&with, "https://a/"));
    }
}

use http::{HeaderName, HeaderValue};

use super::*;

/// The proxies of every row: 10.0.0.0/8 and fd00::/8.
fn told_of(fields: &[(&str, &[u8])]) -> Result<Told, Malformed> {
    let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    told(&headers, "10.0.0.1".parse().unwrap(), &networks)
}

/// `https://host:port/prefix`; `-` for what is not told, `malformed` for all.
fn written(told: Result<Told, Malformed>) -> String {
    let Ok(Told { is_tls, host, prefix }) = told else { return "malformed".to_owned() };
    let scheme = match is_tls {
        None => "-",
        Some(true) => "https",
        Some(false) => "http",
    };
    let port = host.as_ref().and_then(|host| host.port).map_or(String::new(), |port| format!(":{port}"));
    format!("{scheme}://{}{port}{prefix}", host.map_or("-".to_owned(), |host| host.name))
}

#[test]
fn promise_16_elements_of_forwarded_are_read_from_the_right_over_trusted_proxies() {
    for (name, field, expected) in [
        ("nothing", "", "-://-"),
        ("one", "for=192.0.2.1;proto=https;host=api.example", "https://api.example"),
        ("names in any case", "For=192.0.2.1;PROTO=HTTPS;Host=API.Example", "https://api.example"),
        (
            "quoted",
            r#"for="192.0.2.1:4711";host="api.example:8443";proto="https""#,
            "https://api.example:8443",
        ),
        ("a port without quotes", "host=api.example:8443;proto=https", "https://api.example:8443"),
        ("escapes in quotes", r#"host="a\pi.example""#, "-://api.example"),
        ("IPv6 host", r#"host="[2001:DB8::1]:8443""#, "-://[2001:db8::1]:8443"),
        (
            "what a client wrote is left",
            "host=evil.test;proto=http, for=192.0.2.1;host=api.example;proto=https",
            "https://api.example",
        ),
        (
            "through two proxies",
            "for=192.0.2.1;host=api.example;proto=https, for=10.0.0.2;host=internal;proto=http",
            "https://api.example",
        ),
        (
            "a client before two proxies",
            "host=evil.test, for=192.0.2.1;host=api.example, for=10.0.0.2",
            "-://api.example",
        ),
        (
            "a client that names a proxy",
            "for=10.0.0.9;host=evil.test, for=192.0.2.1;host=api.example",
            "-://api.example",
        ),
        (
            "IPv6 proxy",
            r#"for=192.0.2.1;host=api.example, for="[fd00::2]:99";host=internal"#,
            "-://api.example",
        ),
        (
            "mapped proxy",
            r#"for=192.0.2.1;host=api.example, for="[::ffff:10.0.0.2]";host=internal"#,
            "-://api.example",
        ),
        (
            "a hidden hop ends it",
            "for=192.0.2.1;host=evil.test, for=_gateway;host=api.example",
            "-://api.example",
        ),
        (
            "an unknown hop ends it",
            "for=192.0.2.1;host=evil.test, for=unknown;host=api.example",
            "-://api.example",
        ),
        ("a hop without for ends it", "host=evil.test, host=api.example;proto=https", "https://api.example"),
        (
            "each from the leftmost that tells it",
            "for=192.0.2.1;proto=https, for=10.0.0.2;host=api.example;proto=http",
            "https://api.example",
        ),
        ("empty elements", " , host=api.example ,, ", "-://api.example"),
        ("empty parameters", ";host=api.example;;proto=https;", "https://api.example"),
        ("others", "by=_us;secret=\"a,b;c\";host=api.example", "-://api.example"),
        ("a comma in quotes", "for=192.0.2.1;x=\",host=evil.test\";host=api.example", "-://api.example"),
        ("spaces", "host=api.example ; proto=https", "https://api.example"),
        ("a parameter twice", "host=api.example;host=evil.test", "malformed"),
        ("a quote without its end", "host=\"api.example", "malformed"),
        ("a client's quote around a proxy's element", "x=\", for=192.0.2.1;host=api.example", "malformed"),
        ("a client's quote up to a proxy's", "x=\", for=\"[2001:db8::1]\";host=api.example", "malformed"),
        ("behind quotes", "host=\"api.example\"evil", "malformed"),
        ("no value", "host=", "malformed"),
        ("no name", "=api.example", "malformed"),
        ("no parameter", "api.example", "malformed"),
        ("a name with a space", "ho st=api.example", "malformed"),
        ("another scheme", "proto=gopher;host=api.example", "malformed"),
        ("a WebSocket", "proto=wss;host=api.example", "https://api.example"),
    ] {
        assert_eq!(written(told_of(&[("forwarded", field.as_bytes())])), expected, "{name}: {field}");
    }
}

#[test]
fn promise_16_values_of_x_forwarded_are_read_from_the_right_over_trusted_proxies() {
    let (by, proto, host, port, prefix) = (
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
    );
    for (name, fields, expected) in [
        (
            "one each",
            &[(proto, "https"), (host, "api.example"), (prefix, "/shop")][..],
            "https://api.example/shop",
        ),
        ("a port", &[(proto, "https"), (host, "api.example"), (port, "8443")], "https://api.example:8443"),
        ("a port in the host counts", &[(host, "api.example:1"), (port, "8443")], "-://api.example:1"),
        ("a port without a host", &[(port, "8443")], "-://-"),
        ("the last of two", &[(host, "evil.test, api.example")], "-://api.example"),
        ("in two fields", &[(host, "evil.test"), (host, "api.example")], "-://api.example"),
        (
            "one proxy in front",
            &[(by, "192.0.2.1, 10.0.0.2"), (host, "evil.test, api.example, internal")],
            "-://api.example",
        ),
        (
            "two proxies in front",
            &[(by, "192.0.2.1, 10.0.0.3, 10.0.0.2"), (host, "evil.test, api.example, b, c")],
            "-://api.example",
        ),
        (
            "a client that names a proxy",
            &[(by, "10.0.0.9, 192.0.2.1"), (host, "evil.test, api.example")],
            "-://api.example",
        ),
        (
            "fewer values than proxies",
            &[(by, "192.0.2.1, 10.0.0.3, 10.0.0.2"), (host, "api.example")],
            "-://api.example",
        ),
        (
            "addresses with ports",
            &[(by, "192.0.2.1:9, 10.0.0.2:99"), (host, "api.example, internal")],
            "-://api.example",
        ),
        ("IPv6", &[(by, "2001:db8::1, fd00::2"), (host, "api.example, internal")], "-://api.example"),
        (
            "IPv6 in brackets",
            &[(by, "[2001:db8::1]:9, [fd00::2]:99"), (host, "api.example, internal")],
            "-://api.example",
        ),
        ("mapped", &[(by, "192.0.2.1, ::ffff:10.0.0.2"), (host, "api.example, internal")], "-://api.example"),
        (
            "no address ends it",
            &[(by, "192.0.2.1, unknown"), (host, "evil.test, api.example")],
            "-://api.example",
        ),
        ("what was stripped twice", &[(by, "192.0.2.1, 10.0.0.2"), (prefix, "/evil, /a, /b/")], "-://-/a/b"),
        ("a prefix that is none", &[(prefix, "/")], "-://-"),
        ("no value", &[(host, ""), (proto, " , ")], "-://-"),
        ("an IPv6 host", &[(host, "[2001:db8::1]")], "-://[2001:db8::1]"),
        (
            "both notations agree",
            &[("forwarded", "proto=https;host=api.example"), (host, "api.example:8443"), (proto, "https")],
            "https://api.example:8443",
        ),
        (
            "hops of Forwarded",
            &[("forwarded", "for=192.0.2.1, for=10.0.0.2"), (host, "evil.test, api.example, internal")],
            "-://api.example",
        ),
        ("the hosts disagree", &[("forwarded", "host=evil.test"), (host, "api.example")], "malformed"),
        ("the schemes disagree", &[("forwarded", "proto=http"), (proto, "https")], "malformed"),
        (
            "the ports disagree",
            &[("forwarded", "host=\"api.example:1\""), (host, "api.example:2")],
            "malformed",
        ),
    ] {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        assert_eq!(written(told_of(&fields)), expected, "{name}");
    }
}

#[test]
fn promise_16_hostile_texts_void_all_that_is_told() {
    let long = "a.".repeat(128) + "example";
    let long_prefix = "/a".repeat(129);
    for (header, text) in [
        ("host", "user@api.example"),
        ("host", "api.example/evil"),
        ("host", "api.example?evil"),
        ("host", "api.example#evil"),
        ("host", "api.example\"evil"),
        ("host", "api.example evil"),
        ("host", "api.example\tevil"),
        ("host", "api.example\\evil"),
        ("host", "api%2eexample"),
        ("host", "api.example."),
        ("host", ".api.example"),
        ("host", "api..example"),
        ("host", "-api.example"),
        ("host", "api.example:"),
        ("host", "api.example:0"),
        ("host", "api.example:65536"),
        ("host", "api.example:+80"),
        ("host", "api.example:80:80"),
        ("host", "https://api.example"),
        ("host", "2001:db8::1"),
        ("host", "[2001:db8::1"),
        ("host", "[2001:db8::1]evil"),
        ("host", "[fe80::1%25eth0]"),
        ("host", "[api.example]"),
        ("host", "127.1"),
        ("host", "2130706433"),
        ("host", "0x7f000001"),
        ("host", "127.0.0.0x1"),
        ("host", "1.2.3.4.5"),
        ("host", "ä.example"),
        ("host", &long),
        ("proto", "javascript"),
        ("proto", "https:"),
        ("proto", "https http"),
        ("port", "-1"),
        ("port", "65536"),
        ("port", "443a"),
        ("prefix", "shop"),
        ("prefix", "//evil.test"),
        ("prefix", "/shop//"),
        ("prefix", "/../admin"),
        ("prefix", "/shop/."),
        ("prefix", "/shop?scope=a"),
        ("prefix", "/shop\"realm"),
        ("prefix", "/%2e%2e"),
        ("prefix", "/shop;a"),
        ("prefix", "https://evil.test/"),
        ("prefix", &long_prefix),
    ] {
        let name = format!("x-forwarded-{header}");
        let others = [("x-forwarded-proto", &b"https"[..]), ("x-forwarded-host", b"api.example")];
        let others = others.into_iter().filter(|(other, _)| *other != name);
        let fields: Vec<_> = others.chain([(&*name, text.as_bytes())]).collect();
        assert_eq!(told_of(&fields), Err(Malformed), "{header}: {text}");
    }
}

proptest::proptest! {
    #[test]
    fn promise_16_what_is_told_can_stand_in_a_challenge_whatever_the_texts_are(
        forwarded in r#"((for|host|proto|x)=("?[a-z0-9.:\[\]\\"]{0,6}"?)[;, ]{1,2}){0,4}"#,
        hosts in r"[a-zA-Z0-9.:\[\]@/%_, -]{0,24}",
        prefix in r#"[a-z./%", -]{0,16}"#,
        by in r"((10\.0\.0\.[1-9]|192\.0\.2\.1|\[fd00::1\]:9|unknown)[, ]{1,2}){0,4}",
    ) {
        let fields = [
            ("forwarded", forwarded.as_bytes()),
            ("x-forwarded-host", hosts.as_bytes()),
            ("x-forwarded-prefix", prefix.as_bytes()),
            ("x-forwarded-for", by.as_bytes()),
        ];
        if let Ok(Told { host, prefix, .. }) = told_of(&fields) {
            let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:[]/".contains(&b));
            proptest::prop_assert!(is_plain(&prefix) && !prefix.contains("//") && !prefix.contains("/./"));
            if let Some(host) = host {
                let url = format!("https://{}{prefix}/orders", host.name);
                let uri: http::Uri = url.parse().unwrap();
                proptest::prop_assert!(is_plain(&host.name) && uri.host() == Some(&*host.name), "{}", url);
            }
        }
    }
}

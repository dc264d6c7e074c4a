//! URLs of stores.

use std::time::Duration;

use tower_resource_server::store::redis::{RedisSettings, RedisSettingsError as Error};

#[test]
fn urls_say_where_servers_are_and_errors_show_none_of_it() {
    for (url, expected) in [
        ("redis://one", Ok("Single(Address { host: \"one\", port: 6379 }), is_tls: false, user: None")),
        ("valkeys://orders:p%40ss@one:7/3", Ok("port: 7 }), is_tls: true, user: Some(\"orders\")")),
        ("redis://:secret@[::1]:7", Ok("Single(Address { host: \"::1\", port: 7 })")),
        (
            "redis+sentinel://one,two:7/ids/2",
            Ok(
                "Sentinels { master: \"ids\", addresses: [Address { host: \"one\", port: 26379 }, Address { host: \"two\", port: 7 }] }",
            ),
        ),
        (
            "rediss+cluster://u:secret@one:1,two",
            Ok(
                "Cluster([Address { host: \"one\", port: 1 }, Address { host: \"two\", port: 6379 }]), is_tls: true",
            ),
        ),
        ("http://secret@one", Err(Error::Scheme)),
        ("one:6379", Err(Error::Scheme)),
        ("redis+secret://one", Err(Error::Scheme)),
        ("redis://", Err(Error::Server)),
        ("redis://one,two", Err(Error::Server)),
        ("redis://one/secret", Err(Error::Server)),
        ("redis://one:secret", Err(Error::Server)),
        ("redis://one?secret", Err(Error::Server)),
        ("redis+cluster://one,,two", Err(Error::Server)),
        ("redis+cluster://one/1", Err(Error::Database)),
        ("redis+sentinel://one,two", Err(Error::NoMaster)),
    ] {
        match (RedisSettings::from_url(url), expected) {
            (Ok(settings), Ok(expected)) => {
                let shown = format!("{settings:?}");
                assert!(shown.contains(expected), "{url}: {shown}");
                assert!(!shown.contains("secret") && !shown.contains("p@ss"), "{shown}");
            }
            (Err(error), Err(expected)) => {
                assert_eq!(error, expected, "{url}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
            (made, expected) => panic!("{url}: {made:?} in place of {expected:?}"),
        }
    }
}

#[test]
fn what_cannot_work_is_refused_when_the_store_is_built() {
    let of = |url| RedisSettings::from_url(url).unwrap();
    for (name, settings, expected) in [
        ("as they are", of("redis://one"), None),
        ("with a deadline", of("redis://one").deadline(Duration::from_secs(1)).max_in_flight(1), None),
        ("a prefix", of("redis://one").prefix("shop:eu-1"), None),
        ("no prefix", of("redis://one").prefix(""), Some(Error::Prefix)),
        ("a prefix that ends the hash tag", of("redis://one").prefix("a}b"), Some(Error::Prefix)),
        ("a long prefix", of("redis://one").prefix("a".repeat(65)), Some(Error::Prefix)),
        ("TLS", of("rediss://one"), None),
        (
            "authorities that are none",
            of("rediss://one")
                .certificate_authorities("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
            { Some(Error::Certificates) },
        ),
        (
            "half a certificate",
            of("rediss://one").client_certificate("", "secret"),
            Some(Error::Certificates),
        ),
    ] {
        assert_eq!(settings.build().err(), expected, "{name}");
    }
}

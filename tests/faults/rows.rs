//! The table: what goes wrong, and what the refresher must make of it.

use serde_json::{Value, json};
use tower_resource_server::{
    issuer::SigningKey,
    keys::{Algorithm, JwksError, KeyError},
    net::{HttpError, UrlError},
    source::{FetchError, MetadataError, RefreshError},
};

use crate::{
    provider::{Answer, ok},
    site::{JWKS, METADATA, OAUTH, Site, rsa, secs},
};

/// One thing that goes wrong with a provider.
pub struct Row {
    pub name: &'static str,
    pub fault: fn(&Site),
    /// What a refresh that meets it reports; `None` when it is no reason to fail.
    pub error: Option<RefreshError>,
    /// What a first fetch reports, where that is something else.
    pub cold: Option<Option<RefreshError>>,
    /// Whether the fault is a hang, which real time has to end.
    pub hangs: bool,
    /// The most bytes that the provider may get rid of.
    pub max_written: u64,
}

fn row(name: &'static str, error: impl Into<Option<RefreshError>>, fault: fn(&Site)) -> Row {
    Row { name, fault, error: error.into(), cold: None, hangs: false, max_written: 4 << 20 }
}

impl Row {
    fn cold(self, error: impl Into<Option<RefreshError>>) -> Self {
        Self { cold: Some(error.into()), ..self }
    }

    fn hangs(self) -> Self {
        Self { hangs: true, ..self }
    }

    /// The limit of 256 KiB, and what the sockets' buffers hold, for each of a few fetches.
    fn floods(self) -> Self {
        Self { max_written: 64 << 20, ..self }
    }
}

fn key_set(error: impl Into<FetchError>) -> RefreshError {
    RefreshError::KeySetFetch(error.into())
}

fn status(status: u16, retry_after: Option<u64>) -> FetchError {
    let status = http::StatusCode::from_u16(status).unwrap();
    FetchError::Status { status, retry_after: retry_after.map(secs) }
}

fn sends(site: &Site, bytes: impl Into<Vec<u8>>) {
    site.provider.set(JWKS, Answer::Bytes(bytes.into()));
}

fn publishes(site: &Site, body: impl Into<String>) {
    site.provider.set(JWKS, Answer::Document(body.into()));
}

fn metadata_says(site: &Site, document: Value) {
    site.provider.set(METADATA, Answer::Document(document.to_string()));
    site.provider.set(JWKS, Answer::status("410 Gone"));
}

pub fn rows() -> Vec<Row> {
    [connections(), answers(), documents(), key_sets(), metadata()].into_iter().flatten().collect()
}

fn connections() -> Vec<Row> {
    vec![
        row("connection refused", key_set(HttpError::Connect), |site| {
            // A port that was free a moment ago.
            let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            site.lead_to(&format!("http://{closed}/jwks"));
        }),
        row("DNS failure", key_set(HttpError::Resolve), |site| site.lead_to("https://keys.invalid/jwks")),
        row("TLS failure", key_set(HttpError::Tls), |site| {
            let plain = site.provider.address.replace("http:", "https:");
            site.lead_to(&format!("{plain}/jwks"));
        }),
        row("connection closed at once", key_set(HttpError::Broken), |site| sends(site, "")),
        row("hang before headers", key_set(HttpError::Timeout), |site| {
            site.provider.set(JWKS, Answer::Silence);
        })
        .hangs(),
        row("hang of everything", key_set(HttpError::Timeout), |site| {
            site.provider.set_all(&Answer::Silence);
        })
        .cold(RefreshError::MetadataFetch(HttpError::Timeout.into()))
        .hangs(),
        row("headers that drip", key_set(HttpError::Timeout), |site| {
            let endless = format!("HTTP/1.1 200 OK\r\nX-Padding: {}", "x".repeat(10_000));
            site.provider.set(JWKS, Answer::Drip(endless.into()));
        })
        .hangs(),
        row("body that drips", key_set(HttpError::Timeout), |site| {
            site.provider.set(JWKS, Answer::Drip(ok("", &" ".repeat(10_000)).into()));
        })
        .hangs(),
        row("headers without end", key_set(HttpError::Broken), |site| {
            site.provider
                .set(JWKS, Answer::Flood("HTTP/1.1 200 OK\r\n", b"X-Padding: xxxxxxxx\r\n".repeat(1000)));
        })
        .floods(),
        row("not HTTP", key_set(HttpError::Broken), |site| sends(site, "220 mail.example ESMTP\r\n")),
        row("body cut short", key_set(HttpError::Broken), |site| {
            sends(site, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"keys\":[");
        }),
    ]
}

fn answers() -> Vec<Row> {
    vec![
        row("500", key_set(status(500, None)), |site| {
            site.provider.set(JWKS, Answer::status("500 Internal Server Error"));
        }),
        row("502 with HTML", key_set(status(502, None)), |site| {
            sends(
                site,
                "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            );
        }),
        row("503 of everything", key_set(status(503, None)), |site| {
            site.provider.set_all(&Answer::status("503 Service Unavailable"));
        })
        .cold(RefreshError::MetadataFetch(status(503, None))),
        row("429 with Retry-After", key_set(status(429, Some(30))), |site| {
            site.provider.set(JWKS, Answer::status("429 Too Many Requests\r\nRetry-After: 30"));
        }),
        row("503 with a date to come again", key_set(status(503, Some(20))), |site| {
            let when = "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\nRetry-After: Tue, 14 Nov 2023 22:13:40 GMT";
            site.provider.set(JWKS, Answer::status(&format!("503 Service Unavailable\r\n{when}")));
        }),
        row("403", key_set(status(403, None)), |site| {
            site.provider.set(JWKS, Answer::status("403 Forbidden"));
        }),
        row("redirect to a good set", key_set(status(302, None)), |site| {
            site.provider.set("/elsewhere", Answer::Document(site.jwks()));
            site.provider.set(JWKS, Answer::status("302 Found\r\nLocation: /elsewhere"));
        }),
        row("redirect to itself", key_set(status(307, None)), |site| {
            site.provider.set(JWKS, Answer::status("307 Temporary Redirect\r\nLocation: /jwks"));
        }),
        row("204", key_set(status(204, None)), |site| sends(site, "HTTP/1.1 204 No Content\r\n\r\n")),
        row("304 that no request asked for", key_set(FetchError::NotModified), |site| {
            sends(site, "HTTP/1.1 304 Not Modified\r\n\r\n");
        }),
        row("wrong content type", None, |site| {
            let body = site.jwks();
            sends(site, ok("", &body).replace("application/json", "text/html"));
        }),
    ]
}

fn documents() -> Vec<Row> {
    let too_large = || key_set(HttpError::TooLarge { limit: 256 * 1024 });
    let malformed = || RefreshError::KeySet(JwksError::Malformed);
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    vec![
        row("200 with HTML", malformed(), |site| publishes(site, "<html>maintenance</html>")),
        row("200 with nothing", malformed(), |site| publishes(site, "")),
        row("truncated JSON", malformed(), |site| {
            let whole = site.jwks();
            publishes(site, &whole[..whole.len() - 3]);
        }),
        row("JSON of another kind", malformed(), |site| publishes(site, r#"{"error":"internal"}"#)),
        row("nested a million deep", too_large(), |site| publishes(site, "[".repeat(1 << 20))),
        row("nested as deep as fits", malformed(), |site| publishes(site, "[".repeat(250_000))),
        row("10 GB chunked body", too_large(), |site| {
            let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
            site.provider.set(JWKS, Answer::Flood(CHUNKED, chunk.into()));
        })
        .floods(),
        row("10 GB announced", too_large(), |site| {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n";
            site.provider.set(JWKS, Answer::Flood(head, vec![b' '; 0x4000]));
        })
        .floods(),
        row("gzip bomb", malformed(), |site| {
            // Small enough to be taken whole, and never unpacked.
            let bomb = gzip_bomb(32 << 20);
            assert!(bomb.len() < 256 * 1024, "{}", bomb.len());
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                bomb.len()
            );
            sends(site, [head.into_bytes(), bomb].concat());
        }),
        row("gzip without end", too_large(), |site| {
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n";
            site.provider.set(JWKS, Answer::Flood(head, gzip_bomb(16 << 20)));
        })
        .floods(),
    ]
}

fn key_sets() -> Vec<Row> {
    let no_usable =
        |skipped: &[KeyError]| RefreshError::KeySet(JwksError::NoUsableKey { skipped: skipped.to_vec() });
    let unusable = [KeyError::Unsupported, KeyError::RsaModulusSize { bits: 17 }, KeyError::MalformedJwk];
    vec![
        row("empty set", no_usable(&[]), |site| publishes(site, r#"{"keys":[]}"#)),
        row("set of unusable keys", no_usable(&unusable), |site| {
            let keys = json!([{ "kty": "new" }, { "kty": "RSA", "n": "AQAB", "e": "AQAB" }, 7]);
            publishes(site, json!({ "keys": keys }).to_string());
        }),
        row("one poisoned entry among good ones", None, |site| {
            publishes(
                site,
                site.jwks_and(&[json!({ "kty": "EC", "crv": "P-256", "kid": "key-1", "x": "!", "y": 7 })]),
            );
        }),
        row("symmetric keys alone", no_usable(&[KeyError::PrivateMaterial]), |site| {
            publishes(
                site,
                r#"{"keys":[{"kty":"oct","kid":"key-1","k":"c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE"}]}"#,
            );
        }),
        row("symmetric and private keys among good ones", None, |site| {
            let secret =
                json!({ "kty": "oct", "kid": "key-1", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISE" });
            let mut private = site.issuer.jwks()["keys"][0].clone();
            private["d"] = json!("AAAA");
            publishes(site, site.jwks_and(&[secret, private]));
        }),
        row("the same kid twice", None, |site| {
            let other = SigningKey::generate(Algorithm::ES256).unwrap().kid("key-1");
            publishes(site, site.jwks_and(&[other.public_jwk().unwrap()]));
        }),
        row("one kid for an RSA and an EC key", None, |site| {
            publishes(site, site.jwks_and(&[rsa().kid("key-1").public_jwk().unwrap()]));
        }),
        row("101 keys", RefreshError::KeySet(JwksError::TooManyKeys { limit: 100 }), |site| {
            publishes(site, site.jwks_and(&ed25519_keys(100)));
        }),
        row("100 keys", None, |site| publishes(site, site.jwks_and(&ed25519_keys(99)))),
        row("10 000 entries that are no keys for signatures", None, |site| {
            publishes(site, site.jwks_and(&vec![json!({ "kty": "x" }); 10_000]));
        }),
        row("a byte order mark", None, |site| publishes(site, format!("\u{feff}{}", site.jwks()))),
        row("a bare key instead of a set", None, |site| {
            publishes(site, site.issuer.jwks()["keys"][0].to_string());
        }),
    ]
}

fn ed25519_keys(count: usize) -> Vec<Value> {
    let key = |n| SigningKey::generate(Algorithm::EdDSA).unwrap().kid(format!("other-{n}"));
    (0..count).map(|n| key(n).public_jwk().unwrap()).collect()
}

fn metadata() -> Vec<Row> {
    // What is known serves on without the metadata, so these take the key set away, too.
    let gone = || key_set(status(410, None));
    let refused = |why| RefreshError::Metadata(MetadataError::JwksUri(why));
    vec![
        row("metadata gone, keys still there", None, |site| {
            site.provider.set(METADATA, Answer::status("404 Not Found"));
        })
        .cold(RefreshError::MetadataFetch(status(404, None))),
        row("metadata at the RFC 8414 address only", None, |site| {
            site.provider.set(METADATA, Answer::status("404 Not Found"));
            site.provider.set(OAUTH, site.metadata(JWKS));
        }),
        row("metadata of another issuer", gone(), |site| {
            let jwks_uri = format!("{}/jwks", site.provider.address);
            metadata_says(site, json!({ "issuer": "https://evil.example", "jwks_uri": jwks_uri }));
        })
        .cold(RefreshError::Metadata(MetadataError::IssuerMismatch)),
        row("metadata that is HTML", gone(), |site| {
            metadata_says(site, json!("<html>"));
        })
        .cold(RefreshError::Metadata(MetadataError::Malformed)),
        row("keys at a metadata address", gone(), |site| {
            site.lead_to("https://169.254.169.254/latest/meta-data");
        })
        .cold(refused(UrlError::AddressRefused)),
        row("keys at a metadata address in disguise", gone(), |site| {
            site.lead_to("https://[::ffff:a9fe:a9fe]/jwks");
        })
        .cold(refused(UrlError::AddressRefused)),
        row("keys over http elsewhere", gone(), |site| site.lead_to("http://10.0.0.7/jwks"))
            .cold(refused(UrlError::Insecure)),
        row("keys at a file", gone(), |site| site.lead_to("file:///etc/passwd"))
            .cold(refused(UrlError::Malformed)),
        row("key set moved", None, |site| {
            site.provider.set("/moved", Answer::Document(site.jwks()));
            site.lead_to("/moved");
        }),
    ]
}

/// A gzip stream (RFC 1952, RFC 1951 section 3.2.6) of about `size` zeros, a hundred and fifty
/// times smaller than what it unpacks to.
fn gzip_bomb(size: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut held, mut count) = (0_u32, 0);
    let mut push = |bits: u32, n: u32| {
        held |= bits << count;
        count += n;
        while count >= 8 {
            bytes.push((held & 0xff) as u8);
            held >>= 8;
            count -= 8;
        }
    };
    push(0b011, 3); // the last block, with fixed codes
    push(0b0000_1100, 8); // a zero: 0x30, most significant bit first
    for _ in 0..size / 258 {
        push(0b1010_0011, 8); // 258 times more: 0xc5, most significant bit first
        push(0, 5); // from one byte back
    }
    push(0, 7 + 8);
    bytes.extend_from_slice(&[0; 8]);
    bytes
}

use std::{future::Future, sync::Arc, time::Duration};

use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use super::*;
use crate::source::SourceUrl;

/// What the server saw, in order.
type Seen = Arc<Mutex<Vec<String>>>;

/// A server that reads each request and leaves the answer to `answer`.
async fn serve<F>(answer: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> (String, Seen)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => request.push(byte),
                    Err(_) => break,
                }
            }
            log.lock().await.push(String::from_utf8_lossy(&request).to_lowercase());
            answer(stream).await;
        }
    });
    (url, seen)
}

async fn serve_bytes(answer: &'static [u8]) -> (String, Seen) {
    serve(move |mut stream| async move {
        let _ = stream.write_all(answer).await;
    })
    .await
}

fn request(url: &str) -> FetchRequest {
    FetchRequest { max_body: 1000, ..FetchRequest::new(SourceUrl::parse(url, true).unwrap()) }
}

async fn fetch(request: FetchRequest) -> Result<FetchResponse, FetchError> {
    ReqwestFetcher::new().unwrap().fetch(request).await
}

#[tokio::test]
async fn a_document_comes_with_what_its_headers_say_whatever_its_type() {
    let (url, seen) = serve_bytes(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nETag: \"v1\"\r\n\
          Cache-Control: max-age=600\r\nAge: 60\r\n\r\n{}",
    )
    .await;
    let response = fetch(request(&url)).await.unwrap();
    let expected = FetchResponse {
        body: Some("{}".into()),
        max_age: Some(Duration::from_secs(600)),
        age: Duration::from_secs(60),
        etag: Some("\"v1\"".into()),
    };
    assert_eq!(response, expected);
    let seen = seen.lock().await.join("");
    assert!(
        seen.starts_with("get /jwks http/1.1\r\n") && seen.contains("accept: application/json\r\n"),
        "{seen}"
    );
    for absent in ["accept-encoding", "cookie", "referer", "if-none-match"] {
        assert!(!seen.contains(absent), "{absent} in {seen}");
    }
}

#[tokio::test]
async fn an_etag_makes_the_request_conditional() {
    let (url, seen) = serve_bytes(b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\n\r\n").await;
    let response = fetch(FetchRequest { etag: Some("\"v1\"".into()), ..request(&url) }).await.unwrap();
    assert_eq!((response.body, response.max_age), (None, Some(Duration::from_secs(60))));
    assert!(seen.lock().await[0].contains("if-none-match: \"v1\"\r\n"));
}

#[tokio::test]
async fn answers_that_are_none() {
    let status = |status, retry_after: Option<u64>| FetchError::Status {
        status: StatusCode::from_u16(status).unwrap(),
        retry_after: retry_after.map(Duration::from_secs),
    };
    let too_large = FetchError::TooLarge { limit: 1000 };
    let cases: [(&str, &'static [u8], FetchError); 8] = [
        ("404", b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", status(404, None)),
        ("500", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", status(500, None)),
        ("503", b"HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", status(503, Some(17))),
        ("204", b"HTTP/1.1 204 No Content\r\n\r\n", status(204, None)),
        ("announced too large", b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", too_large),
        ("cut short", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", FetchError::Broken),
        ("not HTTP", b"220 mail.example ESMTP\r\n", FetchError::Broken),
        ("nothing", b"", FetchError::Broken),
    ];
    for (name, answer, expected) in cases {
        let (url, _) = serve_bytes(answer).await;
        assert_eq!(fetch(request(&url)).await, Err(expected), "{name}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (target, visits) = serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let (url, _) = serve(move |mut stream| {
        let target = target.clone();
        async move {
            let answer = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let expected = FetchError::Status { status: StatusCode::FOUND, retry_after: None };
    assert_eq!(fetch(request(&url)).await, Err(expected));
    assert_eq!(visits.lock().await.len(), 0);
}

/// A server whose path `/n` redirects to `/n-1`, down to the document at `/0`; to wherever `location`
/// says from `/jwks`.
async fn redirecting(location: &'static str) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                request.push(byte);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let status = |location: &str| {
                format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
            };
            let answer = match path.trim_start_matches('/').parse::<u8>() {
                Ok(0) => "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
                Ok(n) => status(&format!("/{}", n - 1)),
                Err(_) => status(location),
            };
            log.lock().await.push(path);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, seen)
}

#[tokio::test]
async fn redirects_within_the_origin_are_followed_as_many_as_were_asked_for() {
    let found = || Err(FetchError::Status { status: StatusCode::FOUND, retry_after: None });
    let elsewhere = "http://127.0.0.1:9/0";
    for (name, location, max_redirects, expected, visits) in [
        ("none by default", "/0", 0, found(), vec!["/jwks"]),
        ("one of one", "/0", 1, Ok(()), vec!["/jwks", "/0"]),
        ("two of one", "/1", 1, found(), vec!["/jwks", "/1"]),
        ("three of three", "/2", 3, Ok(()), vec!["/jwks", "/2", "/1", "/0"]),
        ("a loop", "/jwks", 2, found(), vec!["/jwks", "/jwks", "/jwks"]),
        ("to another origin", elsewhere, 5, found(), vec!["/jwks"]),
        ("to a metadata address", "http://169.254.169.254/0", 5, found(), vec!["/jwks"]),
        ("to nowhere", "", 1, found(), vec!["/jwks", "/jwks"]),
    ] {
        let (url, seen) = redirecting(location).await;
        let response = fetch(FetchRequest { max_redirects, ..request(&url) }).await;
        assert_eq!(
            response.map(|response| assert_eq!(response.etag.as_deref(), Some("\"v1\""))),
            expected,
            "{name}"
        );
        assert_eq!(*seen.lock().await, visits, "{name}");
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_limit() {
    let (url, _) = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        // Ends when the client hangs up, which is what is shown here.
        while stream
            .write_all(b"40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    assert_eq!(fetch(request(&url)).await, Err(FetchError::TooLarge { limit: 1000 }));
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_passes() {
    let (url, _) = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
        let _ = stream.write_all(&[b' '; 1000]).await;
    })
    .await;
    assert_eq!(fetch(request(&url)).await.unwrap().body.map(|body| body.len()), Some(1000));
}

#[tokio::test]
async fn a_body_that_drips_ends_at_the_deadline() {
    let (url, _) = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{").await;
        // Held open, with one byte of the body sent, until the client hangs up.
        let _ = stream.read_u8().await;
    })
    .await;
    let short = FetchRequest { timeout: Duration::from_millis(30), ..request(&url) };
    assert_eq!(fetch(short).await, Err(FetchError::Timeout));
}

#[tokio::test]
async fn failures_to_connect_are_told_apart() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    assert_eq!(fetch(request(&format!("http://{closed}/"))).await, Err(FetchError::Connect), "refused");

    // This one talks first: it would never see the end of a request in what a TLS client sends.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let https = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read_u8().await;
        }
    });
    assert_eq!(fetch(request(&https)).await, Err(FetchError::Tls), "no TLS there");
}

#[tokio::test]
async fn a_name_is_resolved_under_the_address_rules() {
    let (url, _) = serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let response = fetch(request(&url.replace("127.0.0.1", "localhost"))).await.unwrap();
    assert_eq!(response.body.as_deref(), Some(&b"{}"[..]));
}

/// The row of the fault table that needs a name server: the whole server, and a name that leads to
/// the metadata service of a cloud.
#[tokio::test]
async fn a_name_that_leads_to_a_metadata_address_is_never_connected_to() {
    use crate::{Issuer, ResourceServer, http::Reason, source::RefreshError, test_util::TestIssuer};

    let issuer = TestIssuer::new();
    let to_metadata = |_: &str| Ok(vec![SocketAddr::from(([169, 254, 169, 254], 0))]);
    let fetcher = ReqwestFetcher::resolving(|client| client, to_metadata).unwrap();
    let keys = Issuer::with_jwks_uri(issuer.issuer(), "https://login.example/jwks").fetcher(fetcher);
    let api = ResourceServer::builder(issuer.audience())
        .issuer(keys)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();

    let token = issuer.access_token("alice").mint().unwrap();
    let refused = api.verify_access_token(&token).await.unwrap_err();
    assert_eq!(refused.reason(), &Reason::KeysUnavailable);
    let (_, health) = api.health().remove(0);
    assert_eq!(health.fetches, 1);
    assert!(
        matches!(health.last_error, Some(RefreshError::KeySetFetch(FetchError::AddressRefused))),
        "{:?}",
        health.last_error
    );
}

#[test]
fn resolved_addresses_are_filtered() {
    let addresses = |list: &[&str]| -> Vec<SocketAddr> {
        list.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
    };
    for (name, found, expected) in [
        ("public", &["192.0.2.1"][..], Ok(&["192.0.2.1"][..])),
        ("private", &["10.0.0.1"], Ok(&["10.0.0.1"])),
        ("metadata", &["169.254.169.254"], Err(FetchError::AddressRefused)),
        ("one of two", &["169.254.169.254", "192.0.2.1"], Ok(&["192.0.2.1"])),
        ("link-local", &["fe80::1"], Err(FetchError::AddressRefused)),
        ("no address", &[], Err(FetchError::Resolve)),
    ] {
        assert_eq!(admit(addresses(found)), expected.map(addresses), "{name}");
    }
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_a_name_server_says() {
    let (url, seen) = serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let elsewhere = |_: &str| Ok(vec![SocketAddr::from(([192, 0, 2, 1], 0))]);
    let fetcher = ReqwestFetcher::resolving(|client| client, elsewhere).unwrap();
    for (n, host) in ["localhost", "keycloak.localhost", "a.b.localhost"].into_iter().enumerate() {
        let response = fetcher.fetch(request(&url.replace("127.0.0.1", host))).await;
        assert_eq!(response.map(|response| response.body), Ok(Some("{}".into())), "{host}");
        assert_eq!(seen.lock().await.len(), n + 1, "{host}");
    }
}

#[tokio::test]
async fn the_reason_for_refusing_an_address_comes_through() {
    // What the guarded resolver says is found again beneath the client's errors.
    let refusing = ReqwestFetcher {
        client: Client::builder().no_proxy().dns_resolver(RefusingResolver).build().unwrap(),
    };
    let answer = refusing.fetch(request("https://login.example/")).await;
    assert_eq!(answer, Err(FetchError::AddressRefused));
}

struct RefusingResolver;

impl Resolve for RefusingResolver {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async move {
            let found = vec![SocketAddr::from(([169, 254, 169, 254], 0))];
            Ok(Box::new(admit(found).map_err(Unresolved)?.into_iter()) as Addrs)
        })
    }
}

#[tokio::test]
async fn what_the_application_configures_does_not_undo_the_rules() {
    let (target, visits) = serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let (url, _) = serve(move |mut stream| {
        let target = target.clone();
        async move {
            let answer = format!("HTTP/1.1 307 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let fetcher = ReqwestFetcher::configured(|client| client.redirect(redirect::Policy::limited(5))).unwrap();
    assert!(matches!(fetcher.fetch(request(&url)).await, Err(FetchError::Status { .. })));
    assert_eq!(visits.lock().await.len(), 0);
}

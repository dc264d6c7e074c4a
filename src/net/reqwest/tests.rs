use std::{future::Future, sync::Arc, time::Duration};

use ::reqwest::redirect;
use http::{
    Method, StatusCode,
    header::{ACCEPT, IF_NONE_MATCH},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use super::*;
use crate::net::SourceUrl;

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

fn get(url: &str) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = SourceUrl::parse(url, true).unwrap().uri().clone();
    request.headers_mut().insert(ACCEPT, "application/json".parse().unwrap());
    request
}

const LIMITS: Limits = Limits::new(1000, Duration::from_secs(5));

async fn send(request: Request<Body>) -> Result<Response<Body>, HttpError> {
    ReqwestClient::new().unwrap().send(request, LIMITS).await
}

async fn body(request: Request<Body>) -> Result<Bytes, HttpError> {
    send(request).await.map(|response| response.into_body().into_bytes())
}

#[tokio::test]
async fn a_response_comes_with_its_headers_whatever_its_type() {
    let (url, seen) = serve_bytes(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nETag: \"v1\"\r\n\
          Cache-Control: public\r\nCache-Control: max-age=600\r\n\r\n{}",
    )
    .await;
    let response = send(get(&url)).await.unwrap();
    assert_eq!((response.status(), response.body().as_bytes()), (StatusCode::OK, &b"{}"[..]));
    assert_eq!(response.headers()["etag"], "\"v1\"");
    let fields: Vec<_> = response.headers().get_all("cache-control").iter().collect();
    assert_eq!(fields, ["public", "max-age=600"]);
    let seen = seen.lock().await.join("");
    assert!(
        seen.starts_with("get /jwks http/1.1\r\n") && seen.contains("accept: application/json\r\n"),
        "{seen}"
    );
    for absent in ["accept-encoding", "cookie", "referer", "if-none-match", "content-length"] {
        assert!(!seen.contains(absent), "{absent} in {seen}");
    }
}

#[tokio::test]
async fn a_conditional_request_is_sent_as_it_is() {
    let (url, seen) = serve_bytes(b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\n\r\n").await;
    let mut request = get(&url);
    request.headers_mut().insert(IF_NONE_MATCH, "\"v1\"".parse().unwrap());
    let response = send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(response.headers()["cache-control"], "max-age=60");
    assert!(seen.lock().await[0].contains("if-none-match: \"v1\"\r\n"));
}

#[tokio::test]
async fn every_status_is_a_response_and_only_success_has_a_body() {
    let too_large_to_read = format!("HTTP/1.1 500 Oops\r\nContent-Length: 2000\r\n\r\n{}", "x".repeat(2000));
    let cases: [(&str, &[u8], u16, &[u8]); 6] = [
        ("404", b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", 404, b""),
        ("a long page", too_large_to_read.as_bytes(), 500, b""),
        ("503", b"HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", 503, b""),
        ("a redirect", b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 2\r\n\r\n{}", 302, b""),
        ("204", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        ("201", b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", 201, b"{}"),
    ];
    for (name, answer, status, body) in cases {
        let (url, _) = serve_bytes(answer.to_vec().leak()).await;
        let response = send(get(&url)).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().as_bytes()), (status, body), "{name}");
    }
}

#[tokio::test]
async fn answers_that_are_none() {
    let too_large = HttpError::TooLarge { limit: 1000 };
    let cases: [(&str, &'static [u8], HttpError); 4] = [
        ("announced too large", b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", too_large),
        ("cut short", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", HttpError::Broken),
        ("not HTTP", b"220 mail.example ESMTP\r\n", HttpError::Broken),
        ("nothing", b"", HttpError::Broken),
    ];
    for (name, answer, expected) in cases {
        let (url, _) = serve_bytes(answer).await;
        assert_eq!(body(get(&url)).await, Err(expected), "{name}");
    }
}

#[tokio::test]
async fn a_body_is_posted() {
    let (url, seen) = serve(|mut stream| async move {
        let mut body = [0; 6];
        let _ = stream.read_exact(&mut body).await;
        let answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"[..], &body].concat();
        let _ = stream.write_all(&answer).await;
    })
    .await;
    let mut request = get(&url).map(|_| Body::from("a=b&c="));
    *request.method_mut() = Method::POST;
    assert_eq!(body(request).await, Ok("a=b&c=".into()));
    let seen = seen.lock().await.join("");
    assert!(seen.starts_with("post /jwks http/1.1\r\n") && seen.contains("content-length: 6\r\n"), "{seen}");
}

#[tokio::test]
async fn what_cannot_be_asked() {
    // Not by way of a SourceUrl, which refuses all of these.
    let cases = [
        ("metadata service", "https://169.254.169.254/latest", HttpError::AddressRefused),
        ("mapped", "https://[::ffff:169.254.169.254]/", HttpError::AddressRefused),
        ("unspecified", "http://0.0.0.0/", HttpError::AddressRefused),
        ("no host", "/jwks", UNSENDABLE),
        ("another scheme", "ftp://192.0.2.1/", HttpError::Broken),
    ];
    for (name, uri, expected) in cases {
        let mut request = Request::new(Body::default());
        *request.uri_mut() = uri.parse().unwrap();
        assert_eq!(body(request).await, Err(expected), "{name}");
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
    assert_eq!(send(get(&url)).await.unwrap().status(), StatusCode::FOUND);
    assert_eq!(visits.lock().await.len(), 0);
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
    assert_eq!(body(get(&url)).await, Err(HttpError::TooLarge { limit: 1000 }));
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_passes() {
    let (url, _) = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
        let _ = stream.write_all(&[b' '; 1000]).await;
    })
    .await;
    assert_eq!(body(get(&url)).await.map(|body| body.len()), Ok(1000));
}

#[tokio::test]
async fn a_body_that_drips_ends_at_the_deadline() {
    let (url, _) = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{").await;
        // Held open, with one byte of the body sent, until the client hangs up.
        let _ = stream.read_u8().await;
    })
    .await;
    let short = Limits::new(1000, Duration::from_millis(30));
    let response = ReqwestClient::new().unwrap().send(get(&url), short).await;
    assert_eq!(response.unwrap_err(), HttpError::Timeout);
}

#[tokio::test]
async fn failures_to_connect_are_told_apart() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    assert_eq!(body(get(&format!("http://{closed}/"))).await, Err(HttpError::Connect), "refused");

    // This one talks first: it would never see the end of a request in what a TLS client sends.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let https = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read_u8().await;
        }
    });
    assert_eq!(body(get(&https)).await, Err(HttpError::Tls), "no TLS there");
}

#[tokio::test]
async fn a_name_is_resolved_under_the_address_rules() {
    let (url, _) = serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    assert_eq!(body(get(&url.replace("127.0.0.1", "localhost"))).await, Ok("{}".into()));
}

/// The row of the fault table that needs a name server: the whole server, and a name that leads to
/// the metadata service of a cloud.
#[tokio::test]
async fn a_name_that_leads_to_a_metadata_address_is_never_connected_to() {
    use crate::{ResourceServer, TrustedIssuer, http::Reason, source::RefreshError, test_util::TestIssuer};

    let issuer = TestIssuer::new();
    let to_metadata = |_: &str| Ok(vec![SocketAddr::from(([169, 254, 169, 254], 0))]);
    let client = ReqwestClientBuilder::new(Client::builder(), to_metadata).build().unwrap();
    let keys = TrustedIssuer::with_jwks_uri(
        issuer.issuer(),
        "https://login.example/jwks",
        crate::profile::TokenProfile::jwt(),
    )
    .http_client(client);
    let api = ResourceServer::builder(issuer.audience())
        .issuer(keys)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();

    let token = issuer.access_token("alice").mint().unwrap();
    let refused = api.verify_access_token(&token).await.unwrap_err();
    assert_eq!(refused.reason(), &Reason::KeysUnavailable);
    let health = api.health().remove(0).keys;
    assert_eq!(health.fetches, 1);
    let refused = RefreshError::KeySetFetch(HttpError::AddressRefused.into());
    assert_eq!(health.last_error, Some(refused));
}

#[test]
fn resolved_addresses_are_filtered() {
    let addresses = |list: &[&str]| -> Vec<SocketAddr> {
        list.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
    };
    for (name, found, expected) in [
        ("public", &["192.0.2.1"][..], Ok(&["192.0.2.1"][..])),
        ("private", &["10.0.0.1"], Ok(&["10.0.0.1"])),
        ("metadata", &["169.254.169.254"], Err(HttpError::AddressRefused)),
        ("one of two", &["169.254.169.254", "192.0.2.1"], Ok(&["192.0.2.1"])),
        ("link-local", &["fe80::1"], Err(HttpError::AddressRefused)),
        ("no address", &[], Err(HttpError::Resolve)),
    ] {
        assert_eq!(admit(addresses(found)), expected.map(addresses), "{name}");
    }
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_a_name_server_says() {
    let (url, seen) = serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let elsewhere = |_: &str| Ok(vec![SocketAddr::from(([192, 0, 2, 1], 0))]);
    let client = ReqwestClientBuilder::new(Client::builder(), elsewhere).build().unwrap();
    for (n, host) in ["localhost", "keycloak.localhost", "a.b.localhost"].into_iter().enumerate() {
        let response = client.send(get(&url.replace("127.0.0.1", host)), LIMITS).await;
        assert_eq!(response.map(Response::into_body), Ok("{}".into()), "{host}");
        assert_eq!(seen.lock().await.len(), n + 1, "{host}");
    }
}

#[tokio::test]
async fn the_reason_for_refusing_an_address_comes_through() {
    // What the guarded resolver says is found again beneath the client's errors.
    let to_metadata = |_: &str| Ok(vec![SocketAddr::from(([169, 254, 169, 254], 0))]);
    let nowhere = |_: &str| Err(io::ErrorKind::NotFound.into());
    for (lookup, expected) in
        [(to_metadata as Lookup, HttpError::AddressRefused), (nowhere, HttpError::Resolve)]
    {
        let client = ReqwestClientBuilder::new(Client::builder(), lookup).build().unwrap();
        assert_eq!(client.send(get("https://login.example/"), LIMITS).await.unwrap_err(), expected);
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
    let redirect = redirect::Policy::limited(5);
    let client = ReqwestClient::builder_with(|client| client.redirect(redirect)).build().unwrap();
    let response = client.send(get(&url), LIMITS).await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(visits.lock().await.len(), 0);
}

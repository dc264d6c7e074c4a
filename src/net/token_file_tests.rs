//! Against real sockets on loopback, and files that come and go.

use std::net::SocketAddr;

use http::{StatusCode, header::AUTHORIZATION};
use tokio::io::AsyncWriteExt;

use super::*;
use crate::net::{
    HttpError, ReqwestClient,
    loopback_tests::{OK, Seen, get, http_server, listen, send},
};

#[test]
fn only_a_token_is_sent() {
    for (name, content, expected) in [
        ("a JWT", "eyJ.eyJ-_.c2ln", Some("Bearer eyJ.eyJ-_.c2ln")),
        ("padding", "AbC+/~==", Some("Bearer AbC+/~==")),
        ("nothing", "", None),
        ("padding alone", "==", None),
        ("padding within", "a=b", None),
        ("two tokens", "a b", None),
        ("two lines", "a\nb", None),
        ("a header of its own", "a\r\nX-Injected: 1", None),
        ("its scheme", "Bearer abc", None),
        ("JSON", "{\"token\":\"abc\"}", None),
        ("not ASCII", "p\u{e4}ss", None),
    ] {
        let value = authorization(content.as_bytes());
        assert_eq!(value.as_ref().map(|value| value.to_str().unwrap()), expected, "{name}");
        assert!(value.is_none_or(|value| value.is_sensitive()), "{name}");
    }
}

/// A file of its own for one test, gone when that ends.
struct TestFile(PathBuf);

impl TestFile {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("tower-resource-server-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.join("token")
    }

    /// As a kubelet does it: the new content is there before it gets its name.
    fn exchange(&self, content: impl AsRef<[u8]>) {
        let new = self.0.join("new");
        std::fs::write(&new, content).unwrap();
        std::fs::rename(&new, self.path()).unwrap();
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn with_token_of(file: &Path, origin: SocketAddr) -> ReqwestClient {
    ReqwestClient::builder().bearer_token_file(&format!("http://{origin}"), file).build().unwrap()
}

/// The `Authorization` of the only request that was seen.
fn sent(seen: &Seen) -> Option<String> {
    let heads = seen.take();
    assert_eq!(heads.len(), 1, "{heads:?}");
    heads[0].lines().find_map(|line| line.strip_prefix("authorization: ")).map(str::to_owned)
}

#[tokio::test]
async fn a_token_is_read_anew_when_its_file_changes() {
    let ((server, seen), file) = (http_server().await, TestFile::new("exchanged"));
    let (client, url) = (with_token_of(&file.path(), server), format!("http://{server}/jwks"));
    let missing = HttpError::BearerToken(BearerTokenError::Unreadable(io::ErrorKind::NotFound));
    assert_eq!(send(&client, get(&url)).await, Err(missing.clone()), "not there yet");
    for (content, expected) in
        [("one", "bearer one"), ("two\n", "bearer two"), ("\tthree \r\n", "bearer three")]
    {
        file.exchange(content);
        assert_eq!(send(&client, get(&url)).await, OK, "{content:?}");
        assert_eq!(sent(&seen).as_deref(), Some(expected));
    }
    std::fs::remove_file(file.path()).unwrap();
    assert_eq!(send(&client, get(&url)).await, Err(missing), "gone");
    assert_eq!(seen.take().len(), 0, "and nothing is sent without it");
    file.exchange("four");
    assert_eq!(send(&client, get(&url)).await, OK, "back again");
    assert_eq!(sent(&seen).as_deref(), Some("bearer four"));
}

#[tokio::test]
async fn a_token_is_for_its_origin_and_for_requests_without_one() {
    let ((server, seen), (other, other_saw)) = (http_server().await, http_server().await);
    let file = TestFile::new("origins");
    file.exchange("secret");
    let client = with_token_of(&file.path(), server);
    assert_eq!(send(&client, get(&format!("http://{other}/jwks"))).await, OK);
    assert_eq!(sent(&other_saw), None, "another port");
    let mut request = get(&format!("http://{server}/jwks"));
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("bearer own"));
    assert_eq!(send(&client, request).await, OK);
    assert_eq!(sent(&seen).as_deref(), Some("bearer own"));
    std::fs::remove_file(file.path()).unwrap();
    assert_eq!(send(&client, get(&format!("http://{other}/jwks"))).await, OK, "it does not need the file");
}

#[tokio::test]
async fn files_without_a_token_are_told_apart_and_nothing_is_sent() {
    let ((server, seen), file) = (http_server().await, TestFile::new("contents"));
    let (client, url) = (with_token_of(&file.path(), server), format!("http://{server}/jwks"));
    let (limit, largest) = (16 * 1024, "x".repeat(16 * 1024));
    for (name, content, expected) in [
        ("empty", "", Err(BearerTokenError::Malformed)),
        ("a line to inject", "a\r\nhost: b", Err(BearerTokenError::Malformed)),
        ("too large", &format!("{largest}x"), Err(BearerTokenError::TooLarge { limit })),
        ("as large as may be", &largest, Ok(StatusCode::OK)),
    ] {
        file.exchange(content);
        assert_eq!(send(&client, get(&url)).await, expected.map_err(HttpError::BearerToken), "{name}");
    }
    assert_eq!(seen.take().len(), 1);
    let folder = with_token_of(&file.0, server);
    let expected = HttpError::BearerToken(BearerTokenError::NotAFile);
    assert_eq!(send(&folder, get(&url)).await, Err(expected), "a directory");
}

/// The whole server: what a missing file costs, and what it does not.
#[tokio::test]
async fn keys_stay_in_use_while_the_token_file_is_missing() {
    use crate::{
        ResourceServer, TrustedIssuer,
        source::RefreshError,
        test_util::{ManualClock, TestIssuer},
    };

    let issuer = TestIssuer::new();
    let (jwks, seen) = (issuer.jwks().to_string(), Seen::default());
    let log = seen.clone();
    let server = listen(move |mut stream| {
        let (log, jwks) = (log.clone(), jwks.clone());
        async move {
            let status = match log.read(&mut stream).await {
                head if head.contains("\r\nauthorization: bearer cluster\r\n") => "200 OK",
                _ => "401 Unauthorized",
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", jwks.len());
            let _ = stream.write_all((head + &jwks).as_bytes()).await;
        }
    })
    .await;
    let file = TestFile::new("server");
    file.exchange("cluster");
    let clock: ManualClock = issuer.clock().clone();
    let trusted = TrustedIssuer::with_jwks_uri(
        issuer.issuer(),
        format!("http://{server}/jwks"),
        crate::profile::TokenProfile::jwt(),
    )
    .allow_loopback_http(true)
    .http_client(with_token_of(&file.path(), server));
    let api = ResourceServer::builder(issuer.audience()).issuer(trusted).clock(clock).build().unwrap();
    let token = || issuer.access_token("alice").unique().mint().unwrap();
    assert!(api.verify_access_token(&token()).await.is_ok());

    std::fs::remove_file(file.path()).unwrap();
    let missing = HttpError::BearerToken(BearerTokenError::Unreadable(io::ErrorKind::NotFound));
    let error = RefreshError::KeySetFetch(missing.into());
    assert_eq!(
        error.to_string(),
        "key set: the bearer token for this host: its file cannot be read: entity not found"
    );
    let refused = api.refresh_now().await.unwrap_err();
    assert_eq!((&*refused.issuer, &refused.error), (issuer.issuer(), &error));
    assert_eq!(refused.to_string(), format!("{}: {error}", issuer.issuer()));
    assert_eq!(api.health()[0].keys.last_error, Some(error));
    assert!(api.verify_access_token(&token()).await.is_ok(), "with the keys of before");

    file.exchange("cluster\n");
    assert_eq!(api.refresh_now().await, Ok(()));
    assert_eq!(seen.take().len(), 2);
}

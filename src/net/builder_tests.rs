//! Each setting against real sockets on loopback.

use std::{io, process::Command};

use http::{StatusCode, header::ACCEPT};

use super::*;
use crate::net::{
    HttpError,
    loopback_tests::{OK, SERVER_KEY, get, http_server, https_server, proxy, send},
};

const AUTHORITY: &[u8] = include_bytes!("testdata/authority.pem");
const OTHER_AUTHORITY: &[u8] = include_bytes!("testdata/other-authority.pem");

#[tokio::test]
async fn an_authority_is_trusted_when_its_certificate_is_given() {
    let (server, _) = https_server().await;
    let both = [OTHER_AUTHORITY, b"\n", AUTHORITY].concat();
    let builder = ReqwestClient::builder;
    for (name, client, expected) in [
        ("the platform's alone", builder(), Err(HttpError::Tls)),
        ("one more", builder().root_certificates(AUTHORITY), OK),
        ("a bundle", builder().root_certificates(&both), OK),
        ("twice", builder().root_certificates(OTHER_AUTHORITY).root_certificates(AUTHORITY), OK),
        ("none but this", builder().root_certificates(AUTHORITY).platform_roots(false), OK),
        ("another", builder().root_certificates(OTHER_AUTHORITY), Err(HttpError::Tls)),
        (
            "none but another",
            builder().root_certificates(OTHER_AUTHORITY).platform_roots(false),
            Err(HttpError::Tls),
        ),
    ] {
        let client = client.build().unwrap();
        assert_eq!(send(&client, get(&format!("https://{server}/jwks"))).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (server, seen) = https_server().await;
    for (name, host, expected) in [
        ("its name", "login.example", OK),
        ("another", "keys.example", Err(HttpError::Tls)),
        ("a name below it", "a.login.example", Err(HttpError::Tls)),
    ] {
        // Pinned, so that nothing is asked of a name server.
        let client = ReqwestClient::builder_with(|client| client.resolve(host, server))
            .root_certificates(AUTHORITY)
            .build()
            .unwrap();
        let url = format!("https://{host}:{}/jwks", server.port());
        assert_eq!(send(&client, get(&url)).await, expected, "{name}");
    }
    assert_eq!(seen.take().len(), 1);
}

#[tokio::test]
async fn requests_go_through_the_proxy_and_are_encrypted_for_the_server_behind_it() {
    let (server, server_saw) = https_server().await;
    let (proxy, proxy_saw) = proxy(server, "200 OK").await;
    // The names of servers are the proxy's to resolve.
    let nothing_is_resolved = |_: &str| Err(io::ErrorKind::NotFound.into());
    let client = ReqwestClientBuilder::new(Client::builder(), nothing_is_resolved)
        .root_certificates(AUTHORITY)
        .proxy(&format!("http://user:p%40ss@{proxy}"))
        .build()
        .unwrap();
    assert_eq!(send(&client, get("https://login.example/jwks")).await, OK);
    let connect = proxy_saw.take().join("");
    assert!(connect.starts_with("connect login.example:443 http/1.1\r\n"), "{connect}");
    // `user:p@ss`, in lower case as everything that was seen.
    assert!(connect.contains("proxy-authorization: basic dxnlcjpwqhnz\r\n"), "{connect}");
    let request = server_saw.take().join("");
    assert!(request.starts_with("get /jwks http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nhost: login.example\r\n"), "{request}");
    assert!(!request.contains("proxy-authorization"), "{request}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_no_connection() {
    let (server, server_saw) = https_server().await;
    for status in ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"] {
        let (proxy, proxy_saw) = proxy(server, status).await;
        let client = ReqwestClient::builder().proxy(&format!("http://{proxy}")).build().unwrap();
        assert_eq!(send(&client, get("https://login.example/")).await, Err(HttpError::Connect), "{status}");
        assert_eq!(proxy_saw.take().len(), 1, "{status}: tried once");
    }
    assert_eq!(server_saw.take().len(), 0);
}

#[tokio::test]
async fn what_is_for_loopback_does_not_leave_it_by_the_proxy() {
    let (server, server_saw) = http_server().await;
    let (proxy, proxy_saw) = proxy(server, "200 OK").await;
    let client = ReqwestClient::builder().proxy(&format!("http://{proxy}")).build().unwrap();
    for host in ["127.0.0.1", "localhost", "LOCALHOST"] {
        let url = format!("http://{host}:{}/jwks", server.port());
        assert_eq!(send(&client, get(&url)).await, OK, "{host}");
        assert_eq!((server_saw.take().len(), proxy_saw.take().len()), (1, 0), "{host}");
    }
}

/// The URL that a test asks when it is run by [`run_alone`].
fn target() -> Option<String> {
    std::env::var(TARGET).ok()
}

const TARGET: &str = "TARGET_OF_THIS_TEST";

/// Runs a test of this file once more, as a program with an environment of its own: a test must not
/// change that of all others.
async fn run_alone(test: &str, target: String, environment: Vec<(&'static str, String)>) {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", &format!("net::builder::tests::{test}")]);
    program.env(TARGET, target).env_remove("NO_PROXY").env_remove("no_proxy").envs(environment);
    let output = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn the_environment_names_no_proxy() {
    if let Some(target) = target() {
        for (name, client) in [
            ("the default", ReqwestClient::builder()),
            ("a builder that would ask the environment", ReqwestClient::builder_with(|_| Client::builder())),
        ] {
            assert_eq!(send(&client.build().unwrap(), get(&target)).await, OK, "{name}");
        }
        // Reqwest as it is does ask: so the proxy was there to be found.
        let asks = Client::new().get(&target).send().await;
        assert_eq!(asks.unwrap().status(), StatusCode::IM_A_TEAPOT);
        return;
    }
    let (server, server_saw) = http_server().await;
    let (proxy, proxy_saw) = proxy(server, "418 I'm a teapot").await;
    let names = ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"];
    let environment = names.map(|name| (name, format!("http://{proxy}"))).into();
    run_alone("the_environment_names_no_proxy", format!("http://{server}/jwks"), environment).await;
    assert_eq!((server_saw.take().len(), proxy_saw.take().len()), (2, 1));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_platforms_authorities_are_trusted_unless_told_otherwise() {
    if let Some(target) = target() {
        let builder = || ReqwestClient::builder().root_certificates(OTHER_AUTHORITY);
        for (name, client, expected) in [
            ("alone", ReqwestClient::builder(), OK),
            ("and one more", builder(), OK),
            ("not", builder().platform_roots(false), Err(HttpError::Tls)),
        ] {
            assert_eq!(send(&client.build().unwrap(), get(&target)).await, expected, "{name}");
        }
        return;
    }
    let (server, _) = https_server().await;
    let roots = concat!(env!("CARGO_MANIFEST_DIR"), "/src/net/testdata/authority.pem").to_owned();
    let test = "the_platforms_authorities_are_trusted_unless_told_otherwise";
    run_alone(test, format!("https://{server}/"), vec![("SSL_CERT_FILE", roots)]).await;
}

#[tokio::test]
async fn default_headers_go_where_the_request_has_none_of_the_name() {
    let (server, seen) = http_server().await;
    let header = |name: &'static str| HeaderName::from_static(name);
    let client = ReqwestClient::builder()
        .default_header(header("x-filter-type"), HeaderValue::from_static("nodejs"))
        .default_header(header("x-key"), HeaderValue::from_static("one"))
        .default_header(header("x-key"), HeaderValue::from_static("two"))
        .default_header(ACCEPT, HeaderValue::from_static("text/plain"))
        .build()
        .unwrap();
    assert_eq!(send(&client, get(&format!("http://{server}/"))).await, OK);
    let head = seen.take().join("");
    for line in ["x-filter-type: nodejs", "x-key: one", "x-key: two", "accept: application/json"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} is not in {head}");
    }
    assert!(!head.contains("text/plain"), "{head}");
}

#[test]
fn secrets_are_marked_and_not_shown() {
    let builder = ReqwestClient::builder()
        .default_header(AUTHORIZATION, HeaderValue::from_static("Basic hunter2"))
        .proxy("http://user:hunter2@proxy.example:3128");
    assert!(builder.headers[AUTHORIZATION].is_sensitive());
    assert_eq!(format!("{builder:?}"), "ReqwestClientBuilder { .. }");
    assert_eq!(format!("{:?}", builder.build().unwrap()), "ReqwestClient { .. }");
}

#[test]
fn settings_that_cannot_work_are_all_named_and_no_secret_is() {
    let header = |name| ReqwestClient::builder().default_header(name, HeaderValue::from_static("hunter2"));
    let proxy = |url: &str| ReqwestClient::builder().proxy(url);
    let roots = |pem: &str| ReqwestClient::builder().root_certificates(pem);
    let token = |origin: &str| ReqwestClient::builder().bearer_token_file(origin, "/run/token");
    let key = String::from_utf8_lossy(SERVER_KEY);
    let not_x509 = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    for (name, builder, expected) in [
        ("no PEM", roots("/etc/ssl/ca.crt"), &["root_certificates: there is no certificate"][..]),
        ("a key", roots(&key), &["root_certificates: there is no certificate"]),
        ("not X.509", roots(not_x509), &["the HTTP client cannot be set up; one of the root_certificates"]),
        (
            "no authority",
            ReqwestClient::builder().platform_roots(false),
            &["platform_roots: there is no other"],
        ),
        ("no proxy", proxy("proxy.example"), &["proxy: give"]),
        ("a proxy of another kind", proxy("socks5://user:hunter2@proxy.example"), &["proxy: give"]),
        ("a proxy that is none", proxy("http://169.254.169.254:80"), &["proxy: give"]),
        ("a header of framing", header(http::header::CONTENT_LENGTH), &["default_header: content-length"]),
        ("compression", header(http::header::ACCEPT_ENCODING), &["default_header: accept-encoding"]),
        (
            "credentials of a proxy",
            header(http::header::PROXY_AUTHORIZATION),
            &[
                "default_header: proxy-authorization is the client's own or belongs to one request; leave it out, and put",
            ],
        ),
        ("an origin with a path", token("https://login.example/jwks"), &["bearer_token_file: an origin has"]),
        ("an origin with a query", token("https://login.example/?a"), &["bearer_token_file: an origin has"]),
        ("plain http", token("http://login.example"), &["bearer_token_file: the origin: not https"]),
        ("a host alone", token("login.example"), &["bearer_token_file: the origin: not an absolute URL"]),
        (
            "two credentials",
            token("https://login.example").default_header(AUTHORIZATION, HeaderValue::from_static("hunter2")),
            &["bearer_token_file: there is an Authorization"],
        ),
        (
            "everything at once",
            proxy("").root_certificates("").platform_roots(false),
            &["proxy: give", "root_certificates: there", "platform_roots: there"],
        ),
    ] {
        let error = builder.build().unwrap_err();
        let problems = error.problems();
        assert_eq!(problems.len(), expected.len(), "{name}: {problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.text().starts_with(expected), "{name}: {problem}");
            assert!(!problem.text().contains("hunter2"), "{name}: {problem}");
        }
    }
    for (name, builder) in [
        ("the default port", token("https://login.example:443/")),
        ("loopback", token("http://127.0.0.1:8001")),
        ("two origins", token("https://a.example").bearer_token_file("https://b.example", "/run/other")),
        ("an encrypted proxy", proxy("https://proxy.example")),
        ("Authorization of your own", header(AUTHORIZATION)),
    ] {
        assert!(builder.build().is_ok(), "{name}");
    }
}

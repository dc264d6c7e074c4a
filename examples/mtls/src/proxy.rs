//! A proxy that ends TLS, and tells the certificate of the client in a header (RFC 9440).

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header::HOST},
    response::{IntoResponse, Response},
};
use base64_simd::STANDARD;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// The header of RFC 9440.
const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");

/// What a proxy knows of a connection.
#[derive(Clone)]
struct Told(Option<HeaderValue>);

#[derive(Clone)]
pub(crate) struct Proxy {
    http: reqwest::Client,
    /// The origin of what is behind it.
    upstream: String,
}

impl Proxy {
    pub(crate) fn to(upstream: String) -> Self {
        Self { http: reqwest::Client::new(), upstream }
    }

    /// What serves a connection on which the client has shown this certificate.
    pub(crate) fn of_connection(&self, shown: Option<&CertificateDer<'static>>) -> Router {
        let told = shown.and_then(|der| format!(":{}:", STANDARD.encode_to_string(der)).try_into().ok());
        Router::new().fallback(forward).layer(Extension(Told(told))).with_state(self.clone())
    }
}

/// Hands a request without a body on, and the answer back.
async fn forward(
    State(proxy): State<Proxy>,
    Extension(Told(told)): Extension<Told>,
    mut request: Request,
) -> Response {
    // What the client wrote there goes, whether it has shown a certificate or not.
    request.headers_mut().remove(CLIENT_CERT);
    request.headers_mut().remove(HOST);
    if let Some(certificate) = told {
        request.headers_mut().insert(CLIENT_CERT, certificate);
    }
    let url = format!("{}{}", proxy.upstream, request.uri());
    let asked = proxy.http.request(request.method().clone(), url).headers(request.headers().clone());
    match asked.send().await {
        Ok(answer) => {
            let (status, headers) = (answer.status(), answer.headers().clone());
            (status, headers, Body::from(answer.bytes().await.unwrap_or_default())).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

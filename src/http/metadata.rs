//! The protected resource metadata document (RFC 9728): where to get tokens for this server.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use serde::Serialize;
use tower::Service;

use super::document::{document, empty};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The document, where it stands, and its address.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) path: Box<str>,
    pub(crate) url: Box<str>,
    json: Bytes,
}

#[derive(Serialize)]
struct Document<'a> {
    resource: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authorization_servers: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes_supported: &'a [Box<str>],
    bearer_methods_supported: [&'static str; 1],
}

impl Metadata {
    /// `None` when the resource identifier is not an http(s) URL: it then has no well-known address.
    pub(crate) fn new(
        resource: &str,
        authorization_servers: &[&str],
        scopes_supported: &[Box<str>],
    ) -> Option<Self> {
        let uri: Uri = resource.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "https" | "http"))?;
        let authority = uri.authority()?;
        // RFC 9728 section 3.1: the well-known segment goes between the host and the path.
        let suffix = uri.path_and_query().map_or("", |path| path.as_str());
        let suffix = if suffix == "/" { "" } else { suffix };
        let document = Document {
            resource,
            authorization_servers,
            scopes_supported,
            bearer_methods_supported: ["header"],
        };
        Some(Self {
            path: format!("{WELL_KNOWN}{}", if uri.path() == "/" { "" } else { uri.path() }).into(),
            url: format!("{scheme}://{authority}{WELL_KNOWN}{suffix}").into(),
            json: serde_json::to_vec(&document).ok()?.into(),
        })
    }
}

/// Serves the protected resource metadata of a server (RFC 9728 section 3), for `GET` and `HEAD`,
/// at its well-known path; anything else is a 404 or a 405.
///
/// Made by `ResourceServer::metadata_service`.
#[derive(Debug)]
pub struct MetadataService<B> {
    metadata: Option<Metadata>,
    body: PhantomData<fn() -> B>,
}

impl<B> MetadataService<B> {
    pub(crate) const fn new(metadata: Option<Metadata>) -> Self {
        Self { metadata, body: PhantomData }
    }
}

impl<B> Clone for MetadataService<B> {
    fn clone(&self) -> Self {
        Self::new(self.metadata.clone())
    }
}

impl<R, B: From<Bytes>> Service<Request<R>> for MetadataService<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let response = match &self.metadata {
            Some(metadata) if request.uri().path() == &*metadata.path => {
                document(request.method(), "public, max-age=3600", || (StatusCode::OK, metadata.json.clone()))
            }
            _ => empty(StatusCode::NOT_FOUND),
        };
        ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_segment_goes_before_the_path() {
        for (resource, expected) in [
            (
                "https://api.example",
                Some((
                    "/.well-known/oauth-protected-resource",
                    "https://api.example/.well-known/oauth-protected-resource",
                )),
            ),
            (
                "https://api.example/",
                Some((
                    "/.well-known/oauth-protected-resource",
                    "https://api.example/.well-known/oauth-protected-resource",
                )),
            ),
            (
                "https://api.example:8443/v1",
                Some((
                    "/.well-known/oauth-protected-resource/v1",
                    "https://api.example:8443/.well-known/oauth-protected-resource/v1",
                )),
            ),
            (
                "http://127.0.0.1:80/a?b",
                Some((
                    "/.well-known/oauth-protected-resource/a",
                    "http://127.0.0.1:80/.well-known/oauth-protected-resource/a?b",
                )),
            ),
            ("orders-api", None),
            ("urn:example:api", None),
            ("/path", None),
        ] {
            let metadata = Metadata::new(resource, &[], &[]);
            let got = metadata.as_ref().map(|metadata| (&*metadata.path, &*metadata.url));
            assert_eq!(got, expected, "{resource}");
        }
    }

    #[test]
    fn the_document_names_the_issuers_and_scopes() {
        let metadata =
            Metadata::new("https://api.example", &["https://login.example"], &["a".into()]).unwrap();
        assert_eq!(
            std::str::from_utf8(&metadata.json).unwrap(),
            r#"{"resource":"https://api.example","authorization_servers":["https://login.example"],"scopes_supported":["a"],"bearer_methods_supported":["header"]}"#
        );
    }
}

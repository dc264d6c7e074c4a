//! The protected resource metadata document (RFC 9728): where to get tokens for this server.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tower::Service;

use super::{
    KnownAddress, RequestHead, ResourceMetadata, WellKnown,
    document::{Audience, document, missing},
    resource_metadata::Members,
    scopes_supported::ScopesSupported,
};

/// The document is another one only where the configuration or the routes are.
const SAME_FOR_ALL: Audience = Audience::Everyone { cache_control: "public, max-age=3600" };

/// A cache that many share must not keep what the proxies told about one request.
const OF_ONE_REQUEST: Audience = Audience::Everyone { cache_control: "private, max-age=3600" };

/// What the document of a server is made of, and its address. The document itself is written when it is
/// asked for: routes that are made after it are in it.
#[derive(Debug)]
pub(crate) struct Metadata {
    resource: Box<str>,
    /// Where the document of the configured resource identifier is.
    pub(crate) place: WellKnown,
    pub(crate) address: Arc<KnownAddress>,
    authorization_servers: Vec<Box<str>>,
    pub(crate) scopes: ScopesSupported,
    settings: ResourceMetadata,
    bound: BoundTokens,
    /// The last document that was signed: without its signature, and with it.
    signed: Mutex<Option<(Bytes, Bytes)>>,
}

/// What the document says of bound tokens (RFC 9728 section 2).
#[derive(Debug, Default, Serialize)]
pub(crate) struct BoundTokens {
    #[serde(flatten)]
    pub(crate) dpop: DpopMembers,
    /// Whether tokens may be bound to a certificate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tls_client_certificate_bound_access_tokens: bool,
}

/// The same of those that are bound to a key.
#[derive(Debug, Default, Serialize)]
pub(crate) struct DpopMembers {
    /// The algorithms of proofs; none where no proofs are taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) dpop_signing_alg_values_supported: Vec<&'static str>,
    /// Whether every token must be bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dpop_bound_access_tokens_required: Option<bool>,
}

#[derive(Serialize)]
struct Document<'a> {
    resource: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authorization_servers: &'a [Box<str>],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<Box<str>>,
    #[serde(flatten)]
    members: &'a Members,
    #[serde(flatten)]
    bound: &'a BoundTokens,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_metadata: Option<String>,
}

impl Metadata {
    /// `None` when the resource identifier is not an http(s) URL: it then has no well-known address.
    pub(crate) fn new(
        resource: &str,
        address: Arc<KnownAddress>,
        authorization_servers: Vec<Box<str>>,
        scopes: ScopesSupported,
        settings: ResourceMetadata,
        bound: BoundTokens,
    ) -> Option<Self> {
        let place = WellKnown::of(resource)?;
        let (resource, signed) = (resource.into(), Mutex::default());
        Some(Self { resource, place, address, authorization_servers, scopes, settings, bound, signed })
    }

    /// The document of a resource.
    fn json(&self, resource: &str) -> Option<Bytes> {
        let mut document = Document {
            resource,
            authorization_servers: &self.authorization_servers,
            scopes_supported: self.scopes.all(),
            members: &self.settings.members,
            bound: &self.bound,
            signed_metadata: None,
        };
        let unsigned = Bytes::from(serde_json::to_vec(&document).ok()?);
        let Some(sign) = &self.settings.signer else { return Some(unsigned) };
        if let Some((of, signed)) = &*self.last_signed()
            && *of == unsigned
        {
            return Some(signed.clone());
        }
        // Others are not kept waiting: two that come at once both sign.
        let Value::Object(members) = serde_json::to_value(&document).ok()? else { return None };
        document.signed_metadata = match sign(&members) {
            Ok(jwt) => Some(jwt),
            Err(error) => {
                tracing::warn!(%error, "the protected resource metadata could not be signed");
                return Some(unsigned);
            }
        };
        let signed = Bytes::from(serde_json::to_vec(&document).ok()?);
        *self.last_signed() = Some((unsigned, signed.clone()));
        Some(signed)
    }

    fn last_signed(&self) -> MutexGuard<'_, Option<(Bytes, Bytes)>> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<B: From<Bytes>>(&self, head: RequestHead<'_>) -> Response<B> {
        let of_request = self.address.resource_of(head);
        let path = head.uri.path();
        let is_here = path == &*self.place.path
            || of_request.as_deref().and_then(WellKnown::of).is_some_and(|place| *place.path == *path);
        if !is_here {
            return missing(head.method);
        }
        let audience = if self.address.is_per_request() { OF_ONE_REQUEST } else { SAME_FOR_ALL };
        let resource = of_request.as_deref().unwrap_or(&self.resource);
        document(head.method, head.headers, audience, || match self.json(resource) {
            Some(json) => (StatusCode::OK, json),
            // Texts and JSON values always become JSON.
            None => (StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
        })
    }
}

/// Serves the protected resource metadata of a server (RFC 9728 section 3), for `GET` and `HEAD`,
/// at its well-known path; anything else is a 404 or a 405.
///
/// It is a public document, so scripts of every origin may read it: its own `Access-Control-Allow-Origin: *`,
/// and a 204 for the preflight. It has a strong `ETag`, and a client that knows it gets a 304.
///
/// `scopes_supported` lists the scopes of
/// [`scopes_supported`](crate::ResourceServerBuilder::scopes_supported) and those that the server, its layers
/// and its guards require, whether they were made before the service or after it; those of a function
/// of the request ([`requirements_by`](crate::middleware::AuthLayer::requirements_by)) are not known.
/// `offline_access` is never listed.
///
/// Made by `ResourceServer::metadata_service`.
#[derive(Debug)]
pub struct MetadataService<B> {
    metadata: Option<Arc<Metadata>>,
    body: PhantomData<fn() -> B>,
}

impl<B> MetadataService<B> {
    pub(crate) const fn new(metadata: Option<Arc<Metadata>>) -> Self {
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
        let head = RequestHead::from(&request);
        ready(Ok(match &self.metadata {
            Some(metadata) => metadata.answer(head),
            None => missing(head.method),
        }))
    }
}

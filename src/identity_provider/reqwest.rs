//! The ready-made transport: reqwest with rustls, guarded as the key fetches are.

use ::reqwest::{
    Client, ClientBuilder,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use bytes::Bytes;

use super::{Post, PostRequest, PostResponse};
use crate::source::{FetchError, FetcherError, classify, guarded_client, read_body};

/// Posts over HTTPS with reqwest and rustls.
///
/// It follows no redirect, tries nothing again, sends no cookie, uses no proxy from the environment,
/// refuses link-local and metadata addresses also when a name resolves to them, and stops reading at
/// the limit: as [`ReqwestFetcher`](crate::source::ReqwestFetcher) does.
///
/// It does not judge content types, and it does not restrict private networks.
#[derive(Clone, Debug)]
pub struct ReqwestPost {
    client: Client,
}

impl ReqwestPost {
    /// With the platform's root certificates.
    ///
    /// # Errors
    /// [`FetcherError`] when TLS cannot be set up.
    pub fn new() -> Result<Self, FetcherError> {
        Self::configured(|client| client)
    }

    /// With settings of your own: root certificates, a client certificate, an explicit proxy. They
    /// are made before ours, so that the rules above hold whatever they are.
    ///
    /// # Errors
    /// [`FetcherError`] when the client cannot be built.
    pub fn configured(configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Self, FetcherError> {
        Ok(Self { client: guarded_client(configure)? })
    }
}

impl Post for ReqwestPost {
    async fn post(&self, request: PostRequest) -> Result<PostResponse, FetchError> {
        let json = "application/json";
        let mut post = self
            .client
            .post(request.url())
            .header(CONTENT_TYPE, json)
            .header(ACCEPT, json)
            .timeout(request.timeout())
            .body(request.body().clone());
        if let Some(authorization) = request.authorization() {
            post = post.header(AUTHORIZATION, authorization);
        }
        let response = post.send().await.map_err(|error| classify(&error))?;
        let status = response.status();
        // A page about an error is not read, however long it is.
        let body = if status.as_u16() == 200 {
            read_body(response, request.max_body()).await?
        } else {
            Bytes::new()
        };
        Ok(PostResponse { status, body })
    }
}

#[cfg(test)]
#[path = "reqwest_tests.rs"]
mod tests;

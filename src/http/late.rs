//! The refusal of a request that was let pass without credentials, for a handler that needs an identity
//! after all.

use std::{any::Any, sync::Arc};

use http::Extensions;
#[cfg(feature = "axum")]
use {super::RequestHead, bytes::Bytes, http::Response};

use super::Rejection;

/// Answers as a layer does, whatever the body of its responses is.
pub(crate) trait Refuse: Send + Sync {
    #[cfg(feature = "axum")]
    fn refuse(&self, why: &Rejection, request: RequestHead<'_>) -> Response<Bytes>;

    /// The server of the layer.
    fn server(&self) -> &dyn Any;
}

/// What an [optional](crate::middleware::AuthLayer::optional) layer leaves in the extensions of a
/// request without credentials: the refusal that it would have sent, and how it would have been sent.
///
/// It is counted already: each request without credentials is, once.
#[derive(Clone)]
pub(crate) struct LateRefusal {
    why: Rejection,
    layer: Arc<dyn Refuse>,
}

impl LateRefusal {
    pub(crate) fn new(why: Rejection, layer: Arc<dyn Refuse>) -> Self {
        Self { why, layer }
    }

    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    pub(crate) fn why(&self) -> &Rejection {
        &self.why
    }

    /// The response that the layer would have sent for this reason.
    #[cfg(feature = "axum")]
    pub(crate) fn response_to(&self, why: &Rejection, request: RequestHead<'_>) -> Response<Bytes> {
        self.layer.refuse(why, request)
    }

    /// The server of the layer.
    pub(crate) fn server(&self) -> &dyn Any {
        self.layer.server()
    }
}

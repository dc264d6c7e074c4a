//! The bodies of refusals.

use bytes::Bytes;
use http::{HeaderValue, Response, header::CONTENT_TYPE, request::Parts};
use serde::Serialize;

use super::Rejection;

/// Makes the response for a refused request.
///
/// Implement it for a body of your own; begin with [`Rejection::response`], which has the status
/// and the headers, and keep the body empty where [`Rejection::is_in_grpc`] says so.
///
/// ```
/// use http::{Response, request::Parts};
/// use tower_resource_server::http::{Reject, Rejection};
///
/// #[derive(Clone)]
/// struct Plain;
///
/// impl<B: From<String> + Default> Reject<B> for Plain {
///     fn reject(&self, why: &Rejection, request: &Parts) -> Response<B> {
///         if why.is_in_grpc(request) {
///             return why.response(request).map(|()| B::default());
///         }
///         why.response(request).map(|()| B::from(format!("{}\n", why.reason())))
///     }
/// }
/// ```
pub trait Reject<B>: Clone {
    /// The response; the request's body has not been read.
    fn reject(&self, why: &Rejection, request: &Parts) -> Response<B>;
}

/// Refusals without a body: status and headers say it all. Right for HTTP and for gRPC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Empty;

impl<B: Default> Reject<B> for Empty {
    fn reject(&self, why: &Rejection, request: &Parts) -> Response<B> {
        why.response(request).map(|()| B::default())
    }
}

/// Refusals with a JSON body: `{"status":401,"error":"invalid_token","error_description":"…"}`;
/// `error` only where RFC 6750 has a code. Empty for gRPC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<B: From<Bytes>> Reject<B> for Json {
    fn reject(&self, why: &Rejection, request: &Parts) -> Response<B> {
        #[derive(Serialize)]
        struct Body<'a> {
            status: u16,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<&'a str>,
            error_description: &'a str,
        }

        let mut response = why.response(request);
        if why.is_in_grpc(request) {
            return response.map(|()| B::from(Bytes::new()));
        }
        let body = Body {
            status: why.status().as_u16(),
            error: why.error_code(),
            error_description: &why.reason().to_string(),
        };
        // Serializing three plain members cannot fail; an empty body is the answer if it did.
        let json = serde_json::to_vec(&body).unwrap_or_default();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.map(|()| B::from(json.into()))
    }
}

/// The refusals of `R`, each with its [`Rejection`] in the extensions of the response: for outer
/// layers that log or count by reason.
///
/// It is asked for, since it costs as much as all the rest of a refusal, which anyone can cause.
///
/// ```
/// # fn app(api: &tower_resource_server::ResourceServer) {
/// use tower_resource_server::http::{Json, WithReason};
///
/// let layer = api.layer().reject_with(WithReason(Json));
/// # let _ = layer;
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct WithReason<R>(pub R);

impl<B, R: Reject<B>> Reject<B> for WithReason<R> {
    fn reject(&self, why: &Rejection, request: &Parts) -> Response<B> {
        let mut response = self.0.reject(why, request);
        response.extensions_mut().insert(why.clone());
        response
    }
}

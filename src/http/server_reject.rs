//! How the refusals of a server look, wherever they are made: what the server was told once.

use std::{
    any::{Any, TypeId, type_name},
    fmt,
    sync::{Arc, Once},
};

use bytes::Bytes;
use http_body_util::Full;

use super::{FromRefusal, RefusalBody, Reject, Rejection, RequestHead, reject::RefusalHead};

/// The [`Reject`] of a server, of whatever type.
#[derive(Clone)]
pub(crate) struct SharedReject(Arc<dyn MakeBody>);

/// [`Reject`], as a trait object.
trait MakeBody: Send + Sync {
    fn make(&self, why: &Rejection, request: RequestHead<'_>) -> RefusalBody;
}

impl<R: Reject> MakeBody for R {
    fn make(&self, why: &Rejection, request: RequestHead<'_>) -> RefusalBody {
        self.body(why, request).into()
    }
}

impl SharedReject {
    pub(crate) fn new(reject: impl Reject) -> Self {
        Self(Arc::new(reject))
    }

    pub(super) fn body(&self, why: &Rejection, request: RequestHead<'_>) -> RefusalBody {
        self.0.make(why, request)
    }
}

impl fmt::Debug for SharedReject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedReject")
    }
}

/// Refusals as their server makes them: what layers and guards answer with unless they are told otherwise.
///
/// The server says it once, with [`reject_with`](crate::ResourceServerBuilder::reject_with) or
/// [`refusal_body`](crate::ResourceServerBuilder::refusal_body) of its builder; where it says nothing, refusals have
/// no body.
///
/// The body of the responses behind a layer is then one that has a `Default` and is filled if it is one of
/// `axum::body::Body` (feature `axum`), `tonic::body::Body` (feature `tonic`), `http_body_util::Full<Bytes>`,
/// `Bytes`, `Vec<u8>` and `String`. Any other stays empty, which is logged once; for a type that is
/// `From<Bytes>`, say [`reject_with`](crate::middleware::AuthLayer::reject_with) on the layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsServer;

impl Reject for AsServer {
    type Body = ServerBody;

    #[inline]
    fn body(&self, why: &Rejection, request: RequestHead<'_>) -> ServerBody {
        ServerBody(why.server_body(request).map(Box::new))
    }
}

/// The body that [`AsServer`] makes; none where the server says nothing.
// Boxed, as most servers say nothing, and it is large to be moved by all refusals.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerBody(Option<Box<RefusalBody>>);

impl From<ServerBody> for RefusalBody {
    fn from(body: ServerBody) -> Self {
        body.0.map_or_else(Self::default, |body| *body)
    }
}

#[diagnostic::do_not_recommend]
impl<B: Default + 'static> FromRefusal<ServerBody> for B {
    #[inline]
    fn from_refusal(body: ServerBody) -> (Option<Box<RefusalHead>>, B) {
        body.0.map_or_else(Default::default, |body| as_known_type(*body))
    }
}

/// A body that is made, as one of this type.
#[inline(never)]
fn as_known_type<B: Default + 'static>(
    RefusalBody { head, bytes }: RefusalBody,
) -> (Option<Box<RefusalHead>>, B) {
    let body = of_known_type(&bytes);
    let head = if body.is_some() { head } else { head.without_type() };
    (Some(Box::new(head)), body.unwrap_or_default())
}

/// The bytes as a body of this type, if it is one that is known here.
fn of_known_type<B: 'static>(bytes: &Bytes) -> Option<B> {
    static TOLD: Once = Once::new();
    let full = || Full::new(bytes.clone());
    let body = if_it_is(|| bytes.clone())
        .or_else(|| if_it_is(full))
        .or_else(|| if_it_is(|| bytes.to_vec()))
        .or_else(|| if_it_is(|| String::from_utf8_lossy(bytes).into_owned()));
    #[cfg(feature = "axum")]
    let body = body.or_else(|| if_it_is(|| axum::body::Body::from(bytes.clone())));
    #[cfg(feature = "tonic")]
    let body = body.or_else(|| if_it_is(|| tonic::body::Body::new(full())));
    if body.is_none() && !bytes.is_empty() {
        TOLD.call_once(|| {
            let body = type_name::<B>();
            tracing::warn!(body, "responses with this body cannot have that of the server's refusals");
        });
    }
    body
}

/// A value, where its type is the one that is asked for.
fn if_it_is<T: 'static, B: 'static>(make: impl FnOnce() -> T) -> Option<B> {
    if TypeId::of::<T>() != TypeId::of::<B>() {
        return None;
    }
    let mut value = Some(make());
    (&mut value as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_known_types_have_the_bytes_and_others_are_empty() {
        fn of<B: Default + 'static>() -> (bool, B) {
            let (head, body) = B::from_refusal(ServerBody(Some(Box::new("no".into()))));
            (head.is_some_and(|head| head.has_type()), body)
        }
        assert_eq!(of::<Bytes>(), (true, Bytes::from("no")));
        assert_eq!(of::<Vec<u8>>(), (true, b"no".to_vec()));
        assert_eq!(of::<String>(), (true, "no".to_owned()));
        assert_eq!(format!("{:?}", of::<Full<Bytes>>()), r#"(true, Full { data: Some(b"no") })"#);
        assert_eq!(of::<()>(), (false, ()));
        assert_eq!(String::from_refusal(ServerBody::default()), (None, String::new()));
    }
}

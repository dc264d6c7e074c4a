//! The bodies of refusals.

use std::fmt;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, Entry, LOCATION, VARY, WWW_AUTHENTICATE},
};
use serde::Serialize;

use super::{Rejection, RequestHead};

/// Makes the body of a refused request's response; status and headers are the crate's.
///
/// A refusal in gRPC has no body, and is none of this trait's concern: it is not asked then.
///
/// The server is told it once, with [`reject_with`](crate::ResourceServerBuilder::reject_with) of its builder; a
/// layer or a guard may say [otherwise](crate::middleware::AuthLayer::reject_with). For a few lines a closure is enough:
/// [`refusal_body`](crate::ResourceServerBuilder::refusal_body).
///
/// ```
/// use tower_resource_server::http::{RefusalBody, Reject, Rejection, RequestHead};
///
/// #[derive(Clone)]
/// struct Problem;
///
/// impl Reject for Problem {
///     type Body = RefusalBody;
///
///     fn body(&self, why: &Rejection, _: RequestHead<'_>) -> RefusalBody {
///         let title = why.reason().to_string();
///         RefusalBody::json(&serde_json::json!({ "type": "about:blank", "title": title }))
///     }
/// }
/// let builder = tower_resource_server::ResourceServer::builder("https://api.example").reject_with(Problem);
/// # let _ = builder;
/// ```
///
/// A closure is none:
///
/// ```compile_fail,E0277
/// # use tower_resource_server::{ResourceServer, http::{RefusalBody, Rejection, RequestHead}};
/// let body = |_: &Rejection, _: RequestHead<'_>| RefusalBody::text("no");
/// let builder = ResourceServer::builder("https://api.example").reject_with(body);
/// ```
///
/// It goes to another setter:
///
/// ```
/// # use tower_resource_server::{ResourceServer, http::{RefusalBody, Rejection, RequestHead}};
/// let body = |_: &Rejection, _: RequestHead<'_>| RefusalBody::text("no");
/// let builder = ResourceServer::builder("https://api.example").refusal_body(body);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes no bodies for refusals",
    label = "no `Reject`",
    note = "`Empty`, `Json` and `ProblemDetails` do, and any type that implements `Reject`",
    note = "a closure goes to `.refusal_body(|why, request| ..)` instead of `.reject_with(..)`"
)]
pub trait Reject: Clone + Send + Sync + 'static {
    /// [`RefusalBody`], or `()` for refusals without a body, which are responses with any body that has
    /// a `Default`.
    type Body: Default + Into<RefusalBody>;

    /// The body; that of the request has not been read.
    ///
    /// A [`Rejection`] that a handler returns as a response by itself comes without its request: the head is then that
    /// of `GET *`, without fields.
    fn body(&self, why: &Rejection, request: RequestHead<'_>) -> Self::Body;
}

/// A body and its media type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RefusalBody {
    pub(super) head: RefusalHead,
    pub(super) bytes: Bytes,
}

/// What goes with a body into the head of its response.
#[doc(hidden)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusalHead {
    content_type: Option<HeaderValue>,
    navigation: Navigation,
}

/// Whether a navigation of a browser is answered in another way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Navigation {
    #[default]
    Alike,
    /// It is, and this is the answer to something else.
    Varies,
    /// It is sent to this address.
    SeeOther(Box<HeaderValue>),
}

/// What the answer goes by where a navigation is answered in another way.
const VARIES_BY: HeaderValue = HeaderValue::from_static("sec-fetch-mode, accept");

impl RefusalHead {
    /// The same, for a response without the body.
    pub(super) fn without_type(self) -> Self {
        Self { content_type: None, ..self }
    }

    #[cfg(test)]
    pub(super) const fn has_type(&self) -> bool {
        self.content_type.is_some()
    }

    /// Writes it into the head of a response.
    fn write<B>(self, response: &mut Response<B>) {
        if let Some(content_type) = self.content_type {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        if self.navigation != Navigation::Alike {
            answer_navigation(self.navigation, response);
        }
    }
}

impl RefusalBody {
    /// Bytes of this media type.
    pub fn new(content_type: HeaderValue, bytes: impl Into<Bytes>) -> Self {
        let head = RefusalHead { content_type: Some(content_type), ..RefusalHead::default() };
        Self { head, bytes: bytes.into() }
    }

    /// `text/plain` in UTF-8.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(HeaderValue::from_static("text/plain; charset=utf-8"), text.into())
    }

    /// `application/json`; no body when the value cannot be serialized.
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => Self::new(HeaderValue::from_static("application/json"), json),
            Err(_) => Self::default(),
        }
    }

    /// Sends a browser to this address.
    pub(super) fn see_other(location: HeaderValue) -> Self {
        let head =
            RefusalHead { navigation: Navigation::SeeOther(Box::new(location)), ..RefusalHead::default() };
        Self { head, ..Self::default() }
    }

    /// The same, where a navigation would be sent elsewhere.
    pub(super) fn unless_navigation(mut self) -> Self {
        self.head.navigation = Navigation::Varies;
        self
    }

    /// The same bytes, of another media type.
    pub fn of_type(mut self, content_type: HeaderValue) -> Self {
        self.head.content_type = self.head.content_type.map(|_| content_type);
        self
    }
}

/// No body.
impl From<()> for RefusalBody {
    fn from((): ()) -> Self {
        Self::default()
    }
}

/// As [`text`](RefusalBody::text).
impl From<String> for RefusalBody {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// As [`text`](RefusalBody::text).
impl From<&str> for RefusalBody {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// As [`json`](RefusalBody::json).
impl From<serde_json::Value> for RefusalBody {
    fn from(value: serde_json::Value) -> Self {
        Self::json(&value)
    }
}

/// A body of responses that can be that of a refusal, too: `T` is the [`Reject::Body`].
///
/// ```
/// # use {bytes::Bytes, http::{Request, Response}, http_body_util::Full, std::convert::Infallible};
/// # use {tower::{Layer, Service, util::BoxCloneService}, tower_resource_server::http::Json};
/// # type Answering<B> = BoxCloneService<Request<()>, Response<B>, Infallible>;
/// # fn serve(_: impl Service<Request<()>>) {}
/// # fn app(api: &tower_resource_server::ResourceServer, service: Answering<Full<Bytes>>) {
/// serve(api.layer().reject_with(Json).layer(service));
/// # }
/// ```
///
/// A `Limited<Full<Bytes>>` cannot be made of bytes alone:
///
/// ```compile_fail,E0277
/// # use {bytes::Bytes, http::{Request, Response}, http_body_util::{Full, Limited}, std::convert::Infallible};
/// # use {tower::{Layer, Service, util::BoxCloneService}, tower_resource_server::http::Json};
/// # type Answering<B> = BoxCloneService<Request<()>, Response<B>, Infallible>;
/// # fn serve(_: impl Service<Request<()>>) {}
/// # fn app(api: &tower_resource_server::ResourceServer, service: Answering<Limited<Full<Bytes>>>) {
/// serve(api.layer().reject_with(Json).layer(service));
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a refusal cannot be a response with the body `{Self}`",
    label = "the service behind an `AuthLayer` answers with such bodies",
    note = "refusals without a body (`Empty`), and those that the server says once (`AsServer`, which is the default), need `{Self}: Default`; those of `Json`, of closures and of your own on a layer need `{Self}: From<Bytes>`",
    note = "a layer that changes the body, such as tower-http's `TraceLayer`, goes around the `AuthLayer`, not behind it",
    note = "to have it behind, give the responses a body that can be made: `ServiceBuilder::new().layer(api.layer()).map_response(|response: Response<_>| response.map(axum::body::Body::new)).layer(..)`"
)]
pub trait FromRefusal<T>: Sized {
    /// The body, and what goes with it, if anything does. Boxed, as most refusals have no body, and it is large to
    /// be moved by all.
    #[doc(hidden)]
    fn from_refusal(body: T) -> (Option<Box<RefusalHead>>, Self);
}

#[diagnostic::do_not_recommend]
impl<B: Default> FromRefusal<()> for B {
    #[inline]
    fn from_refusal((): ()) -> (Option<Box<RefusalHead>>, Self) {
        Default::default()
    }
}

#[diagnostic::do_not_recommend]
impl<B: From<Bytes>> FromRefusal<RefusalBody> for B {
    fn from_refusal(body: RefusalBody) -> (Option<Box<RefusalHead>>, Self) {
        (Some(Box::new(body.head)), B::from(body.bytes))
    }
}

/// The whole response of a refusal: in gRPC without a body, whatever `reject` would make; with the
/// refusal in its extensions if it is to be `exposed`.
#[inline]
pub(crate) fn reject<R: Reject, B: FromRefusal<R::Body>>(
    reject: &R,
    why: &Rejection,
    request: RequestHead<'_>,
    exposed: bool,
) -> Response<B> {
    respond(reject, why, request, exposed, B::from_refusal)
}

/// The same, with a body that is made from bytes.
pub(crate) fn reject_in_bytes<R: Reject, B: From<Bytes>>(
    reject: &R,
    why: &Rejection,
    request: RequestHead<'_>,
    exposed: bool,
) -> Response<B> {
    respond(reject, why, request, exposed, |body| B::from_refusal(body.into()))
}

#[inline]
fn respond<R: Reject, B>(
    reject: &R,
    why: &Rejection,
    request: RequestHead<'_>,
    exposed: bool,
    convert: impl FnOnce(R::Body) -> (Option<Box<RefusalHead>>, B),
) -> Response<B> {
    why.log();
    let flavour = why.flavour(request);
    let body = if flavour.is_some() { R::Body::default() } else { reject.body(why, request) };
    let (head, body) = convert(body);
    let mut response = Response::new(body);
    *response.status_mut() = why.write_into(response.headers_mut(), flavour);
    if let Some(head) = head {
        head.write(&mut response);
    }
    if exposed {
        response.extensions_mut().insert(why.clone());
    }
    response
}

/// Writes what browsers are told of an answer that differs for navigations.
#[cold]
fn answer_navigation<B>(navigation: Navigation, response: &mut Response<B>) {
    if let Navigation::SeeOther(location) = navigation {
        *response.status_mut() = StatusCode::SEE_OTHER;
        let headers = response.headers_mut();
        headers.remove(WWW_AUTHENTICATE);
        headers.insert(LOCATION, *location);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    add(response.headers_mut(), VARY, VARIES_BY);
}

/// Adds a value to a field.
// By way of its entry: what every refusal runs through is small enough to stand in its code as long as
// nothing else appends.
pub(super) fn add(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    match headers.entry(name) {
        Entry::Occupied(mut entry) => entry.append(value),
        Entry::Vacant(entry) => {
            entry.insert(value);
        }
    }
}

/// Refusals without a body: status and headers say it all. What a server answers with unless it is told otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Empty;

impl Reject for Empty {
    type Body = ();

    fn body(&self, _: &Rejection, _: RequestHead<'_>) {}
}

/// Refusals with a JSON body: `{"status":401,"error":"invalid_token","error_description":"…"}`;
/// `error` only where RFC 6750 has a code.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Reject for Json {
    type Body = RefusalBody;

    fn body(&self, why: &Rejection, _: RequestHead<'_>) -> RefusalBody {
        #[derive(Serialize)]
        struct Body<'a> {
            status: u16,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<&'a str>,
            error_description: &'a str,
        }

        RefusalBody::json(&Body {
            status: why.status().as_u16(),
            error: why.error_code(),
            error_description: &why.reason().to_string(),
        })
    }
}

/// The bodies that a closure makes; see
/// [`AuthLayer::refusal_body`](crate::middleware::AuthLayer::refusal_body) and
/// [`ResourceServerBuilder::refusal_body`](crate::ResourceServerBuilder::refusal_body).
#[derive(Clone, Copy)]
pub struct BodyOf<F>(pub(crate) F);

impl<F> fmt::Debug for BodyOf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyOf")
    }
}

impl<F, T> Reject for BodyOf<F>
where
    F: Fn(&Rejection, RequestHead<'_>) -> T + Clone + Send + Sync + 'static,
    T: Into<RefusalBody>,
{
    type Body = RefusalBody;

    fn body(&self, why: &Rejection, request: RequestHead<'_>) -> RefusalBody {
        (self.0)(why, request).into()
    }
}

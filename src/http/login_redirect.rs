//! Refusals that send people to where they log in, and everyone else the body of another [`Reject`].

use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, HeaderName},
};

use super::{Empty, RefusalBody, Reject, Rejection, RequestHead};

/// How the browser asks (the Fetch Metadata specification section 2.1).
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The longest path that a login is told to return to, with its query.
const MAX_RETURN: usize = 2048;

/// Answers the 401 of a navigation with a 303 to a login page; every other refusal has the status, the challenge and
/// the body that it has anyway.
///
/// A navigation is a `GET` or `HEAD` with `Sec-Fetch-Mode: navigate`, or, from a client that does not send that field,
/// with `text/html` in `Accept`. So what scripts ask for (`fetch`, WebSockets) stays a 401, and so do gRPC, other methods,
/// whose body would be lost, and the login page itself. A 403 is never redirected: a login would not help. The redirect
/// has `Cache-Control: no-store`, and no challenge; both answers have `Vary`.
///
/// It is for applications whose browsers send the token by themselves, in a cookie that the server, a proxy or an outer
/// layer takes it from. It does not log anyone in.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, http::{LoginRedirect, ProblemDetails}};
///
/// let login = LoginRedirect::to("/login")?.return_to("next").otherwise(ProblemDetails);
/// let builder = ResourceServer::builder("https://api.example").reject_with(login);
/// # let _ = builder;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LoginRedirect<R = Empty> {
    login: Box<str>,
    return_to: Option<Box<str>>,
    otherwise: R,
}

/// An address that no one can be sent to: it is no `https` URL, no `http` URL of this machine and no path, or it has
/// a fragment or characters that must be percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a login page is an https URL, or a path that begins with one slash, without a fragment")]
pub struct InvalidLoginPage;

impl LoginRedirect {
    /// Sends people to this page: a path of the same origin, or an `https` URL; `http` on the loopback alone.
    ///
    /// # Errors
    /// [`InvalidLoginPage`].
    pub fn to(page: impl Into<Box<str>>) -> Result<Self, InvalidLoginPage> {
        let login = page.into();
        if is_page(&login) {
            Ok(Self { login, return_to: None, otherwise: Empty })
        } else {
            Err(InvalidLoginPage)
        }
    }
}

impl<R> LoginRedirect<R> {
    /// Tells the login page in this parameter of its query which page was asked for: its path and query, as the client
    /// knows them, percent-encoded, and without parameters that hold a token or a ticket. It is always a path of the same origin, which begins with one slash; one that a
    /// browser could read otherwise, or that is longer than 2 KiB, is left out. The login page must check it all the
    /// same: anyone can make a link to it.
    pub fn return_to(mut self, parameter: &str) -> Self {
        self.return_to = Some(encoded(parameter).into());
        self
    }

    /// What every other refusal looks like; [`Empty`] unless this says otherwise.
    pub fn otherwise<T: Reject>(self, reject: T) -> LoginRedirect<T> {
        LoginRedirect { login: self.login, return_to: self.return_to, otherwise: reject }
    }

    /// Where this request is sent; `None` from the login page itself.
    fn location(&self, why: &Rejection, request: RequestHead<'_>) -> Option<HeaderValue> {
        let path = why.public_path(request);
        if path == self.login.split('?').next().unwrap_or_default() {
            return None;
        }
        let whole = match why.public_query(request) {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let parameter = self.return_to.as_deref().filter(|_| is_local(&whole));
        let location = match parameter {
            Some(name) => {
                let separator = if self.login.contains('?') { '&' } else { '?' };
                format!("{}{separator}{name}={}", self.login, encoded(&whole))
            }
            None => self.login.clone().into(),
        };
        HeaderValue::try_from(location).ok()
    }
}

impl<R: Reject> Reject for LoginRedirect<R> {
    type Body = RefusalBody;

    fn body(&self, why: &Rejection, request: RequestHead<'_>) -> RefusalBody {
        let is_choice = why.status() == StatusCode::UNAUTHORIZED && is_safe(request.method);
        if is_choice
            && is_navigation(request.headers)
            && let Some(location) = self.location(why, request)
        {
            return RefusalBody::see_other(location);
        }
        let body: RefusalBody = self.otherwise.body(why, request).into();
        if is_choice { body.unless_navigation() } else { body }
    }
}

/// A request that can be made again by following a link.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn is_navigation(headers: &HeaderMap) -> bool {
    let mut modes = headers.get_all(SEC_FETCH_MODE).iter().peekable();
    if modes.peek().is_some() { modes.all(|mode| mode == "navigate") } else { accepts_html(headers) }
}

/// Whether HTML is asked for by name (RFC 9110 section 12.5.1).
fn accepts_html(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    ranges.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|range| range.eq_ignore_ascii_case("text/html"));
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim().to_owned())
        });
        // A weight of none is "not acceptable".
        is_html && weight.is_none_or(|weight| weight.bytes().any(|byte| matches!(byte, b'1'..=b'9')))
    })
}

fn is_page(page: &str) -> bool {
    if page.contains('#') || !page.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    if page.starts_with('/') {
        return is_local(page);
    }
    let Ok(uri) = page.parse::<Uri>() else { return false };
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(host)) => !host.is_empty() && !page.contains(['\\', '@']),
        (Some("http"), Some("localhost" | "127.0.0.1" | "[::1]")) => !page.contains(['\\', '@']),
        _ => false,
    }
}

/// Whether a browser reads a text as a path of the same origin: `//host` and `/\host` are of another, and tabs and line
/// breaks are left out before it looks (the URL standard section 4.4).
fn is_local(path: &str) -> bool {
    path.len() <= MAX_RETURN
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// A text as a value of a query; slashes stay.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;

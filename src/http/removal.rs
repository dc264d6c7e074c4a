//! What a request loses before the inner service sees it: its tokens, where that is asked for; and always
//! those that cannot be marked as sensitive, or that the inner service must not answer with, and what tells of
//! certificates.

use http::{HeaderMap, Request, header::COOKIE};

use super::{RequestProfile, client_certificate, cookie, form, query, reject::add, subprotocol};

impl RequestProfile {
    /// Whether an admitted request loses anything.
    pub(crate) fn removes(&self) -> bool {
        let always = self.locations.as_ref().is_some_and(|locations| locations.remove_always());
        self.removes_credentials || self.removes_certificates || always
    }

    /// Takes tokens out of an admitted request: all of them where this server does so, or the caller.
    pub(crate) fn remove_from<B>(&self, request: &mut Request<B>, all: bool) {
        let all = all || self.removes_credentials;
        if all {
            for name in self.fields() {
                request.headers_mut().remove(name);
            }
        }
        if self.removes_certificates {
            for name in client_certificate::fields() {
                request.headers_mut().remove(name);
            }
        }
        let Some(locations) = &self.locations else { return };
        if all {
            locations.cookies().for_each(|name| remove_cookie(request.headers_mut(), name));
        }
        locations.subprotocols().for_each(|form| subprotocol::remove(request.headers_mut(), form));
        if let Some(parameter) = locations.form() {
            form::forget(request.extensions_mut(), parameter);
        }
        for parameter in locations.parameters() {
            if let Some(uri) = query::without(request.uri(), parameter) {
                *request.uri_mut() = uri;
            }
            #[cfg(feature = "axum")]
            if let Some(axum::extract::OriginalUri(original)) = request.extensions_mut().get_mut()
                && let Some(uri) = query::without(original, parameter)
            {
                *original = uri;
            }
        }
    }
}

/// The other cookies stay.
fn remove_cookie(headers: &mut HeaderMap, name: &str) {
    let fields: Vec<_> = headers.get_all(COOKIE).iter().map(|field| cookie::without(field, name)).collect();
    headers.remove(COOKIE);
    for field in fields.into_iter().flatten() {
        add(headers, COOKIE, field);
    }
}

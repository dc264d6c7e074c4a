//! Which request a client made of a proxy, by what the proxy says of it.
//!
//! Each proxy has a path of its own here, so a field that another proxy would set means nothing.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, Uri},
};

/// Where a proxy puts the method and the target of the original request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// These two fields, which the proxy must set and never hand on from a client.
    Fields { method: &'static str, target: &'static str },
    /// Its own method, and its own target behind this prefix.
    BehindPrefix(&'static str),
}

/// nginx `auth_request`, as its configuration here sets them.
pub(crate) const NGINX: Source = Source::Fields { method: "x-original-method", target: "x-original-uri" };
/// Traefik `forwardAuth`.
pub(crate) const TRAEFIK: Source = Source::Fields { method: "x-forwarded-method", target: "x-forwarded-uri" };
/// Envoy `ext_authz` over HTTP, with a `path_prefix`.
pub(crate) const ENVOY: Source = Source::BehindPrefix("/envoy");

/// The original request, without its body; `None` where the proxy does not say what it was.
pub(crate) fn restore(request: Request<Body>, source: Source) -> Option<Request<Body>> {
    let (mut head, _) = request.into_parts();
    (head.method, head.uri) = match source {
        Source::Fields { method, target } => {
            let method = single(&head.headers, method)?.parse().ok()?;
            (method, target_of(single(&head.headers, target)?)?)
        }
        Source::BehindPrefix(prefix) => {
            let target = head.uri.path_and_query()?.as_str().strip_prefix(prefix)?;
            let uri = target_of(target)?;
            (head.method, uri)
        }
    };
    Some(Request::from_parts(head, Body::empty()))
}

/// The original request of a method, a target and fields.
pub(crate) fn request(method: &str, target: &str, headers: HeaderMap) -> Option<Request<Body>> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = target_of(target)?;
    *request.headers_mut() = headers;
    Some(request)
}

/// A path with its query: every other form of a target has no path of ours. A fragment, which does not belong
/// here, would be cut off by one reader and kept by another.
fn target_of(text: &str) -> Option<Uri> {
    if text.starts_with('/') && !text.contains('#') { text.parse().ok() } else { None }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_original_request_is_what_its_own_proxy_says() {
        let nginx = &[("x-original-method", "DELETE"), ("x-original-uri", "/orders/7?a=b")][..];
        let traefik = &[("x-forwarded-method", "POST"), ("x-forwarded-uri", "/orders")][..];
        for (name, source, target, fields, expected) in [
            ("nginx", NGINX, "/nginx", nginx, Some("DELETE /orders/7?a=b")),
            ("nginx without fields", NGINX, "/nginx", &[], None),
            ("nginx with Traefik's", NGINX, "/nginx", traefik, None),
            ("nginx without a method", NGINX, "/nginx", &nginx[1..], None),
            ("nginx without a target", NGINX, "/nginx", &nginx[..1], None),
            ("a target twice", NGINX, "/nginx", &[nginx[0], nginx[1], nginx[1]], None),
            ("a whole URL", NGINX, "/nginx", &[nginx[0], ("x-original-uri", "http://a/b")], None),
            (
                "an asterisk",
                NGINX,
                "/nginx",
                &[("x-original-method", "OPTIONS"), ("x-original-uri", "*")],
                None,
            ),
            ("a fragment", NGINX, "/nginx", &[nginx[0], ("x-original-uri", "/a#/b")], None),
            ("no target", NGINX, "/nginx", &[nginx[0], ("x-original-uri", "")], None),
            ("no method", NGINX, "/nginx", &[("x-original-method", "G T"), nginx[1]], None),
            (
                "two slashes",
                NGINX,
                "/nginx",
                &[nginx[0], ("x-original-uri", "//evil/b")],
                Some("DELETE //evil/b"),
            ),
            ("Traefik", TRAEFIK, "/traefik", traefik, Some("POST /orders")),
            ("Envoy", ENVOY, "/envoy/orders/7?a=b", &[], Some("GET /orders/7?a=b")),
            ("Envoy, the root", ENVOY, "/envoy/", &[], Some("GET /")),
            ("Envoy, with fields of others", ENVOY, "/envoy/a", traefik, Some("GET /a")),
            ("Envoy, nothing behind", ENVOY, "/envoy", &[], None),
            ("another path", ENVOY, "/envoyage", &[], None),
        ] {
            let mut request = Request::get(target).body(Body::empty()).unwrap();
            for (field, value) in fields {
                request.headers_mut().append(*field, value.parse().unwrap());
            }
            let original = restore(request, source);
            let got = original.map(|original| format!("{} {}", original.method(), original.uri()));
            assert_eq!(got.as_deref(), expected, "{name}");
        }
    }
}

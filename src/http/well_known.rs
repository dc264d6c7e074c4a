//! Where the metadata of a resource is (RFC 9728 section 3.1).

use http::Uri;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The path and the URL of a metadata document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WellKnown {
    pub(crate) path: Box<str>,
    pub(crate) url: Box<str>,
}

impl WellKnown {
    /// `None` when the resource identifier is not an http(s) URL: it then has no well-known address.
    pub(crate) fn of(resource: &str) -> Option<Self> {
        let uri: Uri = resource.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "https" | "http"))?;
        let authority = uri.authority()?;
        // The well-known segment goes between the host and the path.
        let suffix = uri.path_and_query().map_or("", |path| path.as_str());
        let suffix = if suffix == "/" { "" } else { suffix };
        Some(Self {
            path: format!("{WELL_KNOWN}{}", if uri.path() == "/" { "" } else { uri.path() }).into(),
            url: format!("{scheme}://{authority}{WELL_KNOWN}{suffix}").into(),
        })
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
            let place = WellKnown::of(resource);
            let got = place.as_ref().map(|place| (&*place.path, &*place.url));
            assert_eq!(got, expected, "{resource}");
        }
    }
}

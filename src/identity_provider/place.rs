//! Where the two endpoints are: `{base}/apps/{tenant}/{realm}/…`, the same for both halves.

use url::Url;

/// The endpoints, by the last segment of their paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Start,
    Answer,
}

impl Endpoint {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Start => "startAuthorization",
            Self::Answer => "handleChallengeAnswer",
        }
    }
}

/// Appends `apps`, the tenant, the realm and what follows, escaped where they need it. A trailing
/// slash of the base makes no empty segment.
pub(super) fn append(base: &mut Url, tenant: &str, realm: &str, last: &str) {
    if let Ok(mut segments) = base.path_segments_mut() {
        segments.pop_if_empty().extend(["apps", tenant, realm, last]);
    }
}

/// Notes a name that no segment of a path can be: empty, a dot or two of them, which URLs resolve
/// away, and control characters, which they leave out.
pub(super) fn check(what: &str, name: &str, problems: &mut Vec<String>) {
    if name.is_empty() || matches!(name, "." | "..") || name.chars().any(char::is_control) {
        problems.push(format!("{what}: give the name that stands in the path"));
    }
}

/// The paths that a provider answers at.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What comes before `/apps`, without a trailing slash.
    base: String,
    /// `/apps/{tenant}/{realm}/`.
    rest: String,
}

impl Place {
    /// `None` is out of reach: the names were checked.
    pub(super) fn new(base_path: &str, tenant: &str, realm: &str) -> Option<Self> {
        let mut url = Url::parse("http://localhost").ok()?;
        append(&mut url, tenant, realm, "");
        let rest = url.path().to_owned();
        url.set_path(base_path);
        let base = url.path().trim_end_matches('/').to_owned();
        Some(Self { base, rest })
    }

    /// Which endpoint a request is for. The path is compared byte for byte, so each name has one
    /// spelling; only the base may end in a slash, as in the URL that the vendor's sample is
    /// registered with.
    pub(super) fn endpoint(&self, path: &str) -> Option<Endpoint> {
        let path = path.strip_prefix(self.base.as_str())?;
        let path = path.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let name = path.strip_prefix(self.rest.as_str())?;
        [Endpoint::Start, Endpoint::Answer].into_iter().find(|endpoint| endpoint.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        use Endpoint::{Answer, Start};
        for (base, path, expected) in [
            ("", "/apps/T/my%20realm/startAuthorization", Some(Start)),
            ("/", "/apps/T/my%20realm/handleChallengeAnswer", Some(Answer)),
            ("", "//apps/T/my%20realm/startAuthorization", Some(Start)),
            ("", "///apps/T/my%20realm/startAuthorization", None),
            ("/api/v1", "/api/v1/apps/T/my%20realm/startAuthorization", Some(Start)),
            ("/api/v1/", "/api/v1//apps/T/my%20realm/startAuthorization", Some(Start)),
            ("api/v1", "/api/v1/apps/T/my%20realm/startAuthorization", Some(Start)),
            ("/api/v1", "/apps/T/my%20realm/startAuthorization", None),
            ("/api/v1", "/api/v1x/apps/T/my%20realm/startAuthorization", None),
            ("", "/apps/t/my%20realm/startAuthorization", None),
            ("", "/apps/U/my%20realm/startAuthorization", None),
            ("", "/apps/T/other/startAuthorization", None),
            ("", "/apps/T/my%20realm/startauthorization", None),
            ("", "/apps/T/my%20realm/startAuthorization/", None),
            ("", "/apps/T/my%20realm/", None),
            ("", "/apps/%54/my%20realm/startAuthorization", None),
            ("", "/apps/T/my%20realm/../my%20realm/startAuthorization", None),
            ("", "/", None),
        ] {
            let place = Place::new(base, "T", "my realm").unwrap();
            assert_eq!(place.endpoint(path), expected, "{path} under {base:?}");
        }
    }

    #[test]
    fn a_client_writes_what_a_service_reads() {
        for (base, tenant, realm) in [
            ("https://cip.example", "T", "realm"),
            ("https://cip.example/", "a/b", "10% ?#"),
            ("https://cip.example/api/v1/", "6380ef06", "mañana"),
        ] {
            let mut url = Url::parse(base).unwrap();
            let path = url.path().to_owned();
            append(&mut url, tenant, realm, Endpoint::Start.name());
            let place = Place::new(&path, tenant, realm).unwrap();
            assert_eq!(place.endpoint(url.path()), Some(Endpoint::Start), "{url}");
        }
    }

    #[test]
    fn names_that_are_no_segment() {
        for (name, good) in
            [("realm", true), ("a/b", true), ("", false), (".", false), ("..", false), ("a\n", false)]
        {
            let mut problems = Vec::new();
            check("realm", name, &mut problems);
            assert_eq!(problems.is_empty(), good, "{name:?}");
        }
    }
}

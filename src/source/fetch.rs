//! The seam to the network: one GET, and what of its answer matters.

use std::{future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{AGE, CACHE_CONTROL, DATE, ETAG, HeaderName, RETRY_AFTER},
};

use super::{FetchError, SourceUrl};

/// The future of a [`Fetch`].
pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<FetchResponse, FetchError>> + Send + 'a>>;

/// Gets documents from an issuer.
///
/// [`ReqwestFetcher`](super::ReqwestFetcher) is the ready-made one. An implementation of your own
/// must follow redirects within the origin only, and no more than [`FetchRequest::max_redirects`]; it
/// must stop reading at [`FetchRequest::max_body`], and may hand over the document whatever its content
/// type: what it contains is judged here. The future is dropped
/// at the deadline, which must end the exchange.
///
/// ```
/// use std::future::ready;
/// use tower_resource_server::source::{Fetch, FetchError, FetchFuture, FetchRequest, FetchResponse};
///
/// struct Embedded;
///
/// impl Fetch for Embedded {
///     fn fetch(&self, request: FetchRequest) -> FetchFuture<'_> {
///         Box::pin(ready(match request.url() {
///             "https://login.example/jwks" => Ok(FetchResponse::document(r#"{"keys":[]}"#)),
///             _ => Err(FetchError::Connect),
///         }))
///     }
/// }
/// ```
pub trait Fetch: Send + Sync + 'static {
    /// Makes the request.
    ///
    /// # Errors
    /// Anything but a complete 200, or a 304 to a request with an `ETag`, is a [`FetchError`].
    fn fetch(&self, request: FetchRequest) -> FetchFuture<'_>;
}

/// One GET request.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    pub(super) url: SourceUrl,
    pub(super) etag: Option<String>,
    pub(super) accept: &'static str,
    pub(super) max_body: usize,
    pub(super) max_redirects: u8,
    pub(super) timeout: Duration,
}

impl FetchRequest {
    /// A request for a JSON document, unconditional, with the default limits: 256 KiB, 5 seconds, and no
    /// redirect.
    #[must_use]
    pub fn new(url: SourceUrl) -> Self {
        let defaults = super::RefreshSettings::default();
        Self {
            url,
            etag: None,
            accept: "application/json",
            max_body: defaults.max_body,
            max_redirects: defaults.max_redirects,
            timeout: defaults.fetch_timeout,
        }
    }

    /// Where to; it satisfies the rules of [`SourceUrl`].
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The value for `If-None-Match`; an answer of 304 is allowed only when there is one.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The value for `Accept`.
    #[must_use]
    pub fn accept(&self) -> &str {
        self.accept
    }

    /// The most bytes to read of the body.
    #[must_use]
    pub fn max_body(&self) -> usize {
        self.max_body
    }

    /// How many redirects may be followed, each within the origin of the URL (RFC 6454 section 4).
    #[must_use]
    pub fn max_redirects(&self) -> u8 {
        self.max_redirects
    }

    /// How long the whole exchange may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// An answer of 200 or 304.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchResponse {
    pub(super) body: Option<Bytes>,
    pub(super) max_age: Option<Duration>,
    pub(super) age: Duration,
    pub(super) etag: Option<String>,
}

impl FetchResponse {
    /// A 200 with this body.
    #[must_use]
    pub fn document(body: impl Into<Bytes>) -> Self {
        Self { body: Some(body.into()), max_age: None, age: Duration::ZERO, etag: None }
    }

    /// A 304: the document that the `ETag` came with is still current.
    #[must_use]
    pub fn not_modified() -> Self {
        Self { body: None, max_age: None, age: Duration::ZERO, etag: None }
    }

    /// Takes `Cache-Control: max-age` (`no-store` and `no-cache` count as zero), `Age` and `ETag`
    /// from headers (RFC 9111 sections 5.1 and 5.2.2, RFC 9110 section 8.8.3); what cannot be read is
    /// as if it were absent.
    #[must_use]
    pub fn with_headers(mut self, headers: &HeaderMap) -> Self {
        /// Longer than any that was seen; one that is longer only loses the 304.
        const MAX_ETAG: usize = 1024;
        self.max_age = headers.get_all(CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok()).fold(
            self.max_age,
            |least, value| match (least, max_age(value)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        );
        self.age = seconds(headers, &AGE).unwrap_or_default();
        let etag = headers.get(ETAG).and_then(|v| v.to_str().ok());
        self.etag = etag.filter(|etag| etag.len() <= MAX_ETAG).map(str::to_owned);
        self
    }
}

/// What a status means: `Ok(true)` for 200, `Ok(false)` for 304, else the error.
pub(super) fn judge_status(status: StatusCode, headers: &HeaderMap) -> Result<bool, FetchError> {
    match status {
        StatusCode::OK => Ok(true),
        StatusCode::NOT_MODIFIED => Ok(false),
        _ => Err(FetchError::Status { status, retry_after: retry_after(headers) }),
    }
}

/// RFC 9110 section 10.2.3: seconds, or a date. A date is read against the server's own `Date`, so that
/// no clock of ours has to agree with it; without one it says nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let date = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    let until = || Some(date(RETRY_AFTER)?.duration_since(date(DATE)?).unwrap_or_default());
    seconds(headers, &RETRY_AFTER).or_else(until)
}

/// The least freshness that one `Cache-Control` field states.
fn max_age(field: &str) -> Option<Duration> {
    let directives = field.split(',').filter_map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let name = name.trim();
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        let digits = name.eq_ignore_ascii_case("max-age").then(|| value.trim().trim_matches('"'))?;
        delta_seconds(digits)
    });
    directives.min()
}

fn seconds(headers: &HeaderMap, name: &HeaderName) -> Option<Duration> {
    delta_seconds(headers.get(name)?.to_str().ok()?.trim())
}

/// RFC 9111 section 1.2.2: digits only; what is too large is the largest.
fn delta_seconds(digits: &str) -> Option<Duration> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_control_is_read_with_care() {
        for (field, expected) in [
            ("max-age=300", Some(300)),
            ("public, Max-Age=300 , must-revalidate", Some(300)),
            ("max-age=\"60\"", Some(60)),
            ("no-store", Some(0)),
            ("no-cache, max-age=300", Some(0)),
            ("max-age=99999999999999999999999", Some(u64::from(u32::MAX))),
            ("max-age=-1", None),
            ("max-age=1.5", None),
            ("max-age=", None),
            ("max-age", None),
            ("s-maxage=10", None),
            ("", None),
        ] {
            assert_eq!(max_age(field), expected.map(Duration::from_secs), "{field}");
        }
    }

    #[test]
    fn the_least_of_several_fields_counts_and_age_comes_along() {
        let mut headers = HeaderMap::new();
        for value in ["max-age=600", "public", "max-age=500"] {
            headers.append(CACHE_CONTROL, value.parse().unwrap());
        }
        headers.insert(AGE, "120".parse().unwrap());
        headers.insert(ETAG, "\"v1\"".parse().unwrap());
        let response = FetchResponse::document("{}").with_headers(&headers);
        assert_eq!(response.max_age, Some(Duration::from_secs(500)));
        assert_eq!((response.age, response.etag.as_deref()), (Duration::from_secs(120), Some("\"v1\"")));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "Tue, 14 Nov 2023 22:13:20 GMT";
        for (name, retry_after, date, expected) in [
            ("seconds", "17", None, Some(17)),
            ("seconds beside a date", "17", Some(now), Some(17)),
            ("a date", "Tue, 14 Nov 2023 22:14:00 GMT", Some(now), Some(40)),
            ("RFC 850", "Tuesday, 14-Nov-23 22:14:00 GMT", Some(now), Some(40)),
            ("asctime", "Tue Nov 14 22:14:00 2023", Some(now), Some(40)),
            ("in the past", "Tue, 14 Nov 2023 22:00:00 GMT", Some(now), Some(0)),
            ("a date without a now", "Tue, 14 Nov 2023 22:14:00 GMT", None, None),
            ("a now that is none", "Tue, 14 Nov 2023 22:14:00 GMT", Some("now"), None),
            ("neither", "soon", Some(now), None),
            ("negative", "-1", Some(now), None),
            ("no date of this world", "Tue, 99 Nov 2023 99:99:99 GMT", Some(now), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            let got = super::retry_after(&headers);
            assert_eq!(got, expected.map(Duration::from_secs), "{name}");
        }
    }

    #[test]
    fn only_200_and_304_are_answers() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "17".parse().unwrap());
        for status in [201, 204, 206, 301, 302, 307, 400, 404, 429, 500, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            let retry_after = Some(Duration::from_secs(17));
            assert_eq!(judge_status(status, &headers), Err(FetchError::Status { status, retry_after }));
        }
        assert_eq!(judge_status(StatusCode::OK, &headers), Ok(true));
        assert_eq!(judge_status(StatusCode::NOT_MODIFIED, &headers), Ok(false));
    }
}

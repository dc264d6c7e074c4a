//! One GET of a document: the request, and what of its response matters.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{ACCEPT, AGE, CACHE_CONTROL, DATE, ETAG, HeaderName, IF_NONE_MATCH, LOCATION, RETRY_AFTER},
};

use super::FetchError;
use crate::net::{Body, SourceUrl};

/// Asks for a document; with an `ETag` only for one that is not the one it came with.
pub(super) fn request(url: &SourceUrl, accept: &'static str, etag: Option<HeaderValue>) -> Request<Body> {
    let mut request = Request::new(Body::default());
    *request.uri_mut() = url.uri().clone();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    if let Some(etag) = etag {
        request.headers_mut().insert(IF_NONE_MATCH, etag);
    }
    request
}

/// Where a response leads, within the origin of what was asked.
pub(super) fn redirect_of(asked: &SourceUrl, response: &Response<Body>) -> Option<SourceUrl> {
    use StatusCode as Code;
    let redirects = [
        Code::MOVED_PERMANENTLY,
        Code::FOUND,
        Code::SEE_OTHER,
        Code::TEMPORARY_REDIRECT,
        Code::PERMANENT_REDIRECT,
    ];
    let location = redirects.contains(&response.status()).then(|| response.headers().get(LOCATION))?;
    asked.redirected_to(location?.to_str().ok()?)
}

/// What a response of 200 or 304 says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FetchResponse {
    /// The document; `None` for a 304: the one that the `ETag` came with is still current.
    pub(super) body: Option<Bytes>,
    pub(super) max_age: Option<Duration>,
    pub(super) age: Duration,
    pub(super) etag: Option<HeaderValue>,
}

impl FetchResponse {
    /// Reads a response to a request that was `conditional`, or was not.
    ///
    /// Takes `Cache-Control: max-age` (`no-store` and `no-cache` count as zero), `Age` and `ETag`
    /// (RFC 9111 sections 5.1 and 5.2.2, RFC 9110 section 8.8.3); what cannot be read is as if it
    /// were absent.
    ///
    /// # Errors
    /// Anything but 200, or 304 to a conditional request.
    pub(super) fn read(response: Response<Body>, conditional: bool) -> Result<Self, FetchError> {
        /// Longer than any that was seen; one that is longer only loses the 304.
        const MAX_ETAG: usize = 1024;
        let (head, body) = response.into_parts();
        let headers = &head.headers;
        let body = match head.status {
            StatusCode::OK => Some(body.into_bytes()),
            StatusCode::NOT_MODIFIED if conditional => None,
            StatusCode::NOT_MODIFIED => return Err(FetchError::NotModified),
            status => return Err(FetchError::Status { status, retry_after: retry_after(headers) }),
        };
        let fields = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        Ok(Self {
            body,
            max_age: fields.filter_map(max_age).min(),
            age: seconds(headers, &AGE).unwrap_or_default(),
            etag: headers.get(ETAG).filter(|etag| etag.len() <= MAX_ETAG).cloned(),
        })
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

    fn response(status: u16, headers: &[(HeaderName, &str)]) -> Response<Body> {
        let mut response = Response::new(Body::from("{}"));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        response
    }

    #[test]
    fn the_least_of_several_fields_counts_and_age_comes_along() {
        let fields = ["max-age=600", "public", "max-age=500"].map(|value| (CACHE_CONTROL, value));
        let headers = [&fields[..], &[(AGE, "120"), (ETAG, "\"v1\"")]].concat();
        let expected = FetchResponse {
            body: Some("{}".into()),
            max_age: Some(Duration::from_secs(500)),
            age: Duration::from_secs(120),
            etag: Some(HeaderValue::from_static("\"v1\"")),
        };
        assert_eq!(FetchResponse::read(response(200, &headers), false), Ok(expected));
    }

    #[test]
    fn an_entity_tag_is_sent_back_as_it_came_up_to_a_length() {
        for (length, kept) in [(1024, true), (1025, false)] {
            let tag = format!("\"{}\"", "v".repeat(length - 2));
            let read = FetchResponse::read(response(200, &[(ETAG, &tag)]), false).unwrap();
            assert_eq!(read.etag.is_some(), kept, "{length}");
            let url = SourceUrl::parse("https://login.example/jwks", false).unwrap();
            let request = request(&url, "application/json", read.etag);
            let sent = request.headers().get(IF_NONE_MATCH).map(|tag| tag.to_str().unwrap());
            assert_eq!(sent, kept.then_some(tag.as_str()), "{length}");
        }
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
        for status in [201, 204, 206, 301, 302, 307, 400, 404, 429, 500, 503] {
            let read = FetchResponse::read(response(status, &[(RETRY_AFTER, "17")]), true);
            let status = StatusCode::from_u16(status).unwrap();
            let retry_after = Some(Duration::from_secs(17));
            assert_eq!(read, Err(FetchError::Status { status, retry_after }));
        }
        for (status, conditional, expected) in [
            (200, false, Ok(true)),
            (200, true, Ok(true)),
            (304, true, Ok(false)),
            (304, false, Err(FetchError::NotModified)),
        ] {
            let read = FetchResponse::read(response(status, &[]), conditional);
            assert_eq!(read.map(|read| read.body.is_some()), expected, "{status}, {conditional}");
        }
    }
}

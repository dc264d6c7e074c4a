//! From the name of a key to the address of its PEM.

use crate::{
    error::shown,
    net::{PlainHttp, SourceUrl},
};

/// The exact form that the name of a key must have before it enters an address.
///
/// A token whose `kid` has another form is refused as one of an unknown key, and nothing is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KidForm {
    /// A UUID in its canonical text (RFC 9562 section 4), with small letters: the keys of AWS load balancers.
    Uuid,
    /// Letters, digits, `-` and `_`: the alphabet of base64url (RFC 4648 section 5), at most 128 of them.
    UrlSafe,
}

impl KidForm {
    /// Whether a name has this form.
    ///
    /// ```
    /// use tower_resource_server::source::KidForm;
    ///
    /// assert!(KidForm::Uuid.admits("12345678-1234-1234-1234-123456789012"));
    /// assert!(!KidForm::Uuid.admits("../12345678-1234-1234-1234-123456789012"));
    /// ```
    #[must_use]
    pub fn admits(self, kid: &str) -> bool {
        const MAX_URL_SAFE: usize = 128;
        let of = |range: fn(&u8) -> bool| kid.as_bytes().iter().all(range);
        match self {
            Self::Uuid => {
                let groups = kid.split('-').map(str::len);
                groups.eq([8, 4, 4, 4, 12]) && of(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'))
            }
            Self::UrlSafe => {
                (1..=MAX_URL_SAFE).contains(&kid.len())
                    && of(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
            }
        }
    }

    /// A name of this form.
    const fn sample(self) -> &'static str {
        match self {
            Self::Uuid => "00000000-0000-0000-0000-000000000000",
            Self::UrlSafe => "a",
        }
    }
}

/// Addresses with the name of a key in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KidUrls {
    before: Box<str>,
    after: Box<str>,
    form: KidForm,
    plain_http: PlainHttp,
}

/// What stands in a pattern for the name of a key.
const PLACE: &str = "{kid}";

impl KidUrls {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub(crate) fn parse(pattern: &str, form: KidForm, plain_http: PlainHttp) -> Result<Self, String> {
        let problem = |what: &str| format!("its address {}: {what}", shown(pattern));
        let mut parts = pattern.split(PLACE);
        let (Some(before), Some(after), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(problem(
                "it must have {kid} in it, once; write it where the name of the key belongs",
            ));
        };
        // Behind the host, so that no name chooses one.
        let in_path = before.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        if !in_path || before.contains(['?', '#']) {
            return Err(problem("{kid} must stand in the path; write https://host/{kid}"));
        }
        let urls = Self { before: before.into(), after: after.into(), form, plain_http };
        let sample = urls.address(form.sample());
        SourceUrl::parse_with(&sample, &urls.plain_http)
            .map_err(|error| problem(&error.with_advice(&sample)))?;
        Ok(urls)
    }

    fn address(&self, kid: &str) -> String {
        [&self.before, kid, &self.after].concat()
    }

    /// The address of the key of this name; none where the name does not have the form.
    pub(super) fn of(&self, kid: &str) -> Option<SourceUrl> {
        let address = self.form.admits(kid).then(|| self.address(kid))?;
        SourceUrl::parse_with(&address, &self.plain_http).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_3_a_name_has_its_exact_form_before_it_enters_an_address() {
        const UUID: &str = "0a1b2c3d-1234-4abc-8def-0123456789ab";
        let long = "a".repeat(128);
        for (name, kid, uuid, url_safe) in [
            ("a UUID", UUID, true, true),
            ("in capitals", "0A1B2C3D-1234-4ABC-8DEF-0123456789AB", false, true),
            ("a digit short", "0a1b2c3d-1234-4abc-8def-0123456789a", false, true),
            ("a digit long", "0a1b2c3d-1234-4abc-8def-0123456789abc", false, true),
            ("hyphens elsewhere", "0a1b2c3d1-234-4abc-8def-0123456789ab", false, true),
            ("no hexadecimal", "0a1b2c3g-1234-4abc-8def-0123456789ab", false, true),
            ("in braces", "{0a1b2c3d-1234-4abc-8def-0123456789ab}", false, false),
            ("a line feed behind it", "0a1b2c3d-1234-4abc-8def-0123456789ab\n", false, false),
            ("a path", "../0a1b2c3d-1234-4abc-8def-0123456789ab", false, false),
            ("two dots", "..", false, false),
            ("an escape", "%2e%2e", false, false),
            ("a query", "a?b", false, false),
            ("a fragment", "a#b", false, false),
            ("user information", "a@evil.example", false, false),
            ("a backslash", "a\\b", false, false),
            ("another alphabet", "ключ", false, false),
            ("empty", "", false, false),
            ("the longest", &long, false, true),
            ("one more", &format!("{long}a"), false, false),
        ] {
            assert_eq!(KidForm::Uuid.admits(kid), uuid, "{name}");
            assert_eq!(KidForm::UrlSafe.admits(kid), url_safe, "{name}");
            let urls = KidUrls::parse("https://keys.example/{kid}", KidForm::UrlSafe, false.into()).unwrap();
            let expected = url_safe.then(|| format!("https://keys.example/{kid}"));
            assert_eq!(urls.of(kid).map(|url| url.uri().to_string()), expected, "{name}");
        }
    }

    #[test]
    fn a_pattern_has_the_name_in_its_path() {
        for (pattern, good) in [
            ("https://keys.example/{kid}", true),
            ("https://keys.example/pem/{kid}.pem", true),
            ("https://keys.example/{kid}?v=1", true),
            ("https://keys.example/", false),
            ("https://keys.example/{kid}/{kid}", false),
            ("https://{kid}.example/", false),
            ("https://keys.example{kid}", false),
            ("https://keys.example/?kid={kid}", false),
            ("https://keys.example/#{kid}", false),
            ("http://keys.example/{kid}", false),
            ("{kid}", false),
        ] {
            assert_eq!(KidUrls::parse(pattern, KidForm::Uuid, false.into()).is_ok(), good, "{pattern}");
        }
    }
}

//! Which issuers are tenants, by nothing but how they are written.

use std::sync::Arc;

use super::Discovery;
use crate::net::{PlainHttp, UrlError};

const PLACEHOLDER: &str = "{tenant}";

/// The longest name of a tenant.
const MAX_NAME: usize = 64;

/// An issuer identifier with one `{tenant}` in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TenantPattern {
    whole: Arc<str>,
    /// Where the placeholder begins and ends.
    start: usize,
    end: usize,
}

impl TenantPattern {
    /// # Errors
    /// What is wrong with the pattern, and what to write instead.
    pub(crate) fn parse(pattern: &str, plain_http: &PlainHttp) -> Result<Self, String> {
        let start = pattern.find(PLACEHOLDER).ok_or("a pattern has {tenant} where the name stands")?;
        let end = start + PLACEHOLDER.len();
        let parsed = Self { whole: pattern.into(), start, end };
        let (prefix, suffix) = parsed.parts();
        if suffix.contains(PLACEHOLDER) {
            return Err("{tenant} is there twice; name it once".to_owned());
        }
        let sample = format!("{prefix}a{suffix}");
        Discovery::new(&sample, plain_http).map_err(|error| error.with_advice(&sample))?;
        // `https://{tenant}.example`: whose the host is must not be up to the token.
        let (_, behind_scheme) = prefix.split_once("://").ok_or(UrlError::Malformed.to_string())?;
        let in_host = !behind_scheme.contains('/');
        let host_behind = suffix.split(['/', ':']).next().unwrap_or_default();
        if in_host && host_behind.matches('.').count() < 2 {
            return Err(
                "{tenant} stands for a whole domain; leave at least two fixed labels, as in https://{tenant}.login.example"
                    .to_owned(),
            );
        }
        Ok(parsed)
    }

    fn parts(&self) -> (&str, &str) {
        (self.whole.get(..self.start).unwrap_or_default(), self.whole.get(self.end..).unwrap_or_default())
    }

    /// The tenant that `issuer` names, if it is of this pattern.
    pub(crate) fn tenant<'a>(&self, issuer: &'a str) -> Option<&'a str> {
        let (prefix, suffix) = self.parts();
        let name = issuer.strip_prefix(prefix)?.strip_suffix(suffix)?;
        let is_name = (1..=MAX_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_name.then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_between_the_fixed_parts_are_tenants() {
        let entra =
            TenantPattern::parse("https://login.microsoftonline.com/{tenant}/v2.0", &false.into()).unwrap();
        let of = |name: &str| format!("https://login.microsoftonline.com/{name}/v2.0");
        let longest = "a".repeat(64);
        for (name, issuer, expected) in [
            ("a name", of("6babcaad-604b"), Some("6babcaad-604b")),
            ("the longest", of(&longest), Some(&*longest)),
            ("too long", of(&"a".repeat(65)), None),
            ("empty", of(""), None),
            ("a path", of("a/b"), None),
            ("upwards", of(".."), None),
            ("escaped", of("a%2Fb"), None),
            ("a query", of("a?b"), None),
            ("not ASCII", of("ä"), None),
            ("a dot", of("a.b"), None),
            ("the placeholder", of("{tenant}"), None),
            ("a user name", "https://a@login.microsoftonline.com/a/v2.0".into(), None),
            ("another host", "https://login.microsoftonline.com.evil.example/a/v2.0".into(), None),
            ("something behind", format!("{}/", of("a")), None),
            ("in capitals", of("a").to_uppercase(), None),
            ("the two parts that overlap", "https://login.microsoftonline.com/v2.0".into(), None),
            ("nothing", String::new(), None),
        ] {
            assert_eq!(entra.tenant(&issuer), expected, "{name}");
        }
    }

    #[test]
    fn patterns_that_hand_the_choice_to_the_token_are_refused() {
        for (pattern, good) in [
            ("https://login.example/{tenant}", true),
            ("https://{tenant}.login.example/oauth", true),
            ("https://{tenant}.login.example:8443", true),
            ("http://127.0.0.1:7/{tenant}", true),
            ("https://login.example", false),
            ("https://{tenant}", false),
            ("https://{tenant}/v2", false),
            ("https://{tenant}.com/v2.0.0", false),
            ("https://login{tenant}.com", false),
            ("https://login.example/{tenant}/{tenant}", false),
            ("http://login.example/{tenant}", false),
            ("{tenant}://login.example", false),
            ("https://login.example/?t={tenant}", false),
            ("https://login.example:{tenant}/", false),
        ] {
            assert_eq!(TenantPattern::parse(pattern, &true.into()).is_ok(), good, "{pattern}");
        }
    }
}

//! The `WWW-Authenticate` header of each reason (RFC 6750 section 3, RFC 9728 section 5.1).

use std::fmt::Write as _;

use http::HeaderValue;

use super::{Reason, Rejection};
use crate::policy::Requirement;

/// What the challenges of one server have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenger {
    realm: Option<Box<str>>,
    /// The address of the protected resource metadata.
    resource_metadata: Option<Box<str>>,
}

impl Challenger {
    /// `None` when a text cannot stand in a quoted string of a header: outside printable ASCII.
    pub(crate) fn new(realm: Option<&str>, resource_metadata: Option<&str>) -> Option<Self> {
        let printable = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if [realm, resource_metadata].into_iter().flatten().all(printable) {
            Some(Self { realm: realm.map(Into::into), resource_metadata: resource_metadata.map(Into::into) })
        } else {
            None
        }
    }

    /// The refusal for `reason` on an operation that needs `required`.
    pub(crate) fn refuse(
        &self,
        reason: Reason,
        required: &Requirement,
        retry_after: Option<std::time::Duration>,
    ) -> Rejection {
        let challenge = self.challenge(&reason, required);
        Rejection::new(reason, challenge, retry_after)
    }

    fn challenge(&self, reason: &Reason, required: &Requirement) -> Option<HeaderValue> {
        let (described, scoped) = match reason {
            // RFC 6750 section 3.1: no error code when the request lacks any authentication
            // information; the scopes are named all the same, so that a client asks for them at once.
            Reason::NoCredentials => (false, true),
            Reason::InvalidRequest(_) => (true, false),
            Reason::InvalidToken { .. } => (true, true),
            // Everything that the operation needs, not what is missing: the next token replaces this one.
            Reason::InsufficientScope { .. } => (false, true),
            Reason::KeysUnavailable | Reason::ForeignIdentity { .. } => return None,
        };
        let mut value = Parameters::begin("Bearer");
        value.push("realm", self.realm.as_deref());
        value.push("error", reason.error_code());
        if described {
            value.push("error_description", Some(&reason.to_string()));
        }
        if scoped {
            if !required.is_none() {
                value.push("scope", Some(&required.to_string()));
            }
            value.push("resource_metadata", self.resource_metadata.as_deref());
        }
        value.finish()
    }
}

/// A challenge under construction: a scheme and comma-separated parameters (RFC 9110 section 11.3).
struct Parameters {
    text: String,
    separator: &'static str,
}

impl Parameters {
    fn begin(scheme: &str) -> Self {
        Self { text: scheme.to_owned(), separator: " " }
    }

    /// Adds a quoted string (RFC 9110 section 5.6.4), escaping what would end it.
    fn push(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{}{name}=\"{quoted}\"", self.separator);
        self.separator = ", ";
    }

    fn finish(self) -> Option<HeaderValue> {
        HeaderValue::from_maybe_shared(bytes::Bytes::from(self.text)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::TokenError,
        http::{RequestError, TokenKind},
        policy::scope,
    };

    #[test]
    fn promise_10_challenges_are_those_of_the_table() {
        let full = Challenger::new(Some("api"), Some("https://rs/.well-known/x")).unwrap();
        let bare = Challenger::default();
        let expired = Reason::InvalidToken { token: TokenKind::Access, error: TokenError::Expired };
        let lacking = Reason::InsufficientScope { required: scope("b a") };
        let malformed = Reason::InvalidRequest(RequestError::MalformedAuthorization);
        for (challenger, reason, required, expected) in [
            (&bare, Reason::NoCredentials, "", Some("Bearer")),
            (
                &full,
                Reason::NoCredentials,
                "",
                Some(r#"Bearer realm="api", resource_metadata="https://rs/.well-known/x""#),
            ),
            (
                &full,
                Reason::NoCredentials,
                "b a",
                Some(r#"Bearer realm="api", scope="a b", resource_metadata="https://rs/.well-known/x""#),
            ),
            (
                &bare,
                malformed.clone(),
                "a",
                Some(
                    r#"Bearer error="invalid_request", error_description="the Authorization field is malformed""#,
                ),
            ),
            (
                &full,
                malformed,
                "a",
                Some(
                    r#"Bearer realm="api", error="invalid_request", error_description="the Authorization field is malformed""#,
                ),
            ),
            (
                &bare,
                expired.clone(),
                "",
                Some(r#"Bearer error="invalid_token", error_description="the token has expired""#),
            ),
            (
                &full,
                expired,
                "a",
                Some(
                    r#"Bearer realm="api", error="invalid_token", error_description="the token has expired", scope="a", resource_metadata="https://rs/.well-known/x""#,
                ),
            ),
            (
                &full,
                lacking.clone(),
                "a b",
                Some(
                    r#"Bearer realm="api", error="insufficient_scope", scope="a b", resource_metadata="https://rs/.well-known/x""#,
                ),
            ),
            (&bare, lacking, "a b", Some(r#"Bearer error="insufficient_scope", scope="a b""#)),
            (&full, Reason::KeysUnavailable, "a", None),
        ] {
            let rejection = challenger.refuse(reason, &scope(required), None);
            assert_eq!(rejection.challenge().map(|value| value.to_str().unwrap()), expected);
        }
    }

    #[test]
    fn configured_texts_are_escaped_or_refused() {
        let quoting = Challenger::new(Some(r#"a"b\c"#), None).unwrap();
        let rejection = quoting.refuse(Reason::NoCredentials, &Requirement::none(), None);
        assert_eq!(rejection.challenge().unwrap(), r#"Bearer realm="a\"b\\c""#);
        for bad in ["a\r\nb", "a\tb", "ä", "\u{7f}"] {
            assert!(Challenger::new(Some(bad), None).is_none(), "{bad:?}");
        }
    }
}

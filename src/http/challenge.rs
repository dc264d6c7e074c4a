//! The `WWW-Authenticate` header of each reason (RFC 6750 section 3, RFC 9728 section 5.1), by the
//! rows of the server's [`ChallengeTable`].
//!
//! A challenge is one string written in one go: what comes from the configuration is escaped when
//! the server is built, scopes cannot hold a character that would need it, and the phrases do not.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;

use super::{ChallengeRow, ChallengeTable, Reason, Rejection};
use crate::policy::Requirement;

/// Longer than most challenges, so that writing one allocates once.
const TYPICAL_LENGTH: usize = 256;

/// What the challenges of one server have in common; the texts are escaped.
#[derive(Clone, Debug)]
pub(crate) struct Challenger {
    table: ChallengeTable,
    realm: Option<Box<str>>,
    /// The address of the protected resource metadata.
    resource_metadata: Option<Box<str>>,
    /// Whether gRPC is answered in gRPC.
    in_grpc: bool,
}

impl Default for Challenger {
    fn default() -> Self {
        Self { table: ChallengeTable::default(), realm: None, resource_metadata: None, in_grpc: true }
    }
}

impl Challenger {
    /// `None` when a text cannot stand in a quoted string of a header: outside printable ASCII.
    pub(crate) fn new(
        table: ChallengeTable,
        realm: Option<&str>,
        resource_metadata: Option<&str>,
    ) -> Option<Self> {
        let printable = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if ![realm, resource_metadata].into_iter().flatten().all(printable) {
            return None;
        }
        // RFC 9110 section 5.6.4: what would end a quoted string is escaped.
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").into();
        let (realm, resource_metadata) = (realm.map(quoted), resource_metadata.map(quoted));
        Some(Self { table, realm, resource_metadata, in_grpc: true })
    }

    /// Whether gRPC is answered in gRPC, or in plain HTTP.
    pub(crate) const fn in_grpc(mut self, is: bool) -> Self {
        self.in_grpc = is;
        self
    }

    /// The refusal for `reason` on an operation that needs `required`.
    pub(crate) fn refuse(
        &self,
        reason: Reason,
        required: &Requirement,
        retry_after: Option<Duration>,
    ) -> Rejection {
        let row = self.table.row(&reason);
        let challenge = if row.challenge { self.challenge(row, &reason, required) } else { None };
        Rejection::new(reason, row, challenge, retry_after, self.in_grpc)
    }

    fn challenge(&self, row: ChallengeRow, reason: &Reason, required: &Requirement) -> Option<HeaderValue> {
        let mut challenge = Parameters::begin(&self.table.scheme);
        challenge.push("realm", self.realm.as_deref());
        let scope = (row.scoped && !required.is_none()).then(|| required.to_string());
        if self.table.scope_first {
            challenge.push("scope", scope.as_deref());
        }
        challenge.push("error", row.error);
        challenge.push("error_description", row.described.then(|| reason.description()));
        if !self.table.scope_first {
            challenge.push("scope", scope.as_deref());
        }
        if row.scoped {
            challenge.push("resource_metadata", self.resource_metadata.as_deref());
        }
        challenge.finish()
    }
}

/// A challenge under construction: a scheme and comma-separated parameters (RFC 9110 section 11.3).
struct Parameters {
    text: String,
    separator: &'static str,
}

impl Parameters {
    fn begin(scheme: &str) -> Self {
        let mut text = String::with_capacity(TYPICAL_LENGTH);
        text.push_str(scheme);
        Self { text, separator: " " }
    }

    /// Adds a quoted string; `value` has nothing in it that needs escaping.
    fn push(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        for part in [self.separator, name, "=\"", value, "\""] {
            self.text.push_str(part);
        }
        self.separator = ", ";
    }

    fn finish(self) -> Option<HeaderValue> {
        HeaderValue::from_maybe_shared(Bytes::from(self.text)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{ClaimName, Malformed, TokenError},
        http::{RequestError, TokenKind},
        policy::scope,
    };

    #[test]
    fn promise_10_challenges_are_those_of_the_table() {
        let full = Challenger::new(ChallengeTable::default(), Some("api"), Some("https://rs/.well-known/x"))
            .unwrap();
        let bare = Challenger::default();
        let expired = Reason::InvalidToken { token: TokenKind::Access, error: TokenError::Expired };
        let lacking = Reason::InsufficientScope { required: scope("a b") };
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
                "a b",
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
    fn phrases_need_no_escaping() {
        let errors = [
            TokenError::Malformed(Malformed::Parts),
            TokenError::MissingClaim(ClaimName("\"".into())),
            TokenError::InvalidClaim(ClaimName("\"".into())),
            TokenError::ForeignClaim(ClaimName("\"".into())),
            TokenError::InvalidSignature,
            TokenError::SenderConstrained,
        ];
        for error in errors {
            let phrase = Reason::InvalidToken { token: TokenKind::Access, error }.to_string();
            // RFC 6750 section 3: %x20-21 / %x23-5B / %x5D-7E.
            assert!(
                phrase.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
                "{phrase}"
            );
        }
    }

    #[test]
    fn configured_texts_are_escaped_or_refused() {
        let quoting = Challenger::new(ChallengeTable::default(), Some(r#"a"b\c"#), None).unwrap();
        let rejection = quoting.refuse(Reason::NoCredentials, &Requirement::none(), None);
        assert_eq!(rejection.challenge().unwrap(), r#"Bearer realm="a\"b\\c""#);
        for bad in ["a\r\nb", "a\tb", "ä", "\u{7f}"] {
            assert!(Challenger::new(ChallengeTable::default(), Some(bad), None).is_none(), "{bad:?}");
        }
    }
}

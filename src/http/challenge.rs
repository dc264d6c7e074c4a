//! The `WWW-Authenticate` fields of each reason (RFC 6750 section 3, RFC 9728 section 5.1), by the
//! rows of the server's [`ChallengeTable`].
//!
//! A challenge is one string written in one go: what comes from the configuration is escaped when
//! the server is built, scopes cannot hold a character that would need it, and the phrases do not.
//!
//! Real clients search the whole text for `scope="…"` and the like instead of reading the grammar. So
//! the realm comes last, and no configured text may look like one of the parameters. What else their
//! parsers misread is refused, too: each kind of text has a test below that names the parser, and
//! `tests/interop/challenges` puts every challenge to the parsers themselves.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;

use super::{ChallengeParameter, ChallengeRow, ChallengeTable, Manner, Reason, Rejection, reason::Case};
use crate::policy::{StepUp, searched_parameter};

/// Longer than most challenges, so that writing one allocates once.
const TYPICAL_LENGTH: usize = 256;

/// What the challenges of one server have in common; the texts are escaped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenger {
    table: ChallengeTable,
    realm: Option<Box<str>>,
    /// The address of the protected resource metadata.
    resource_metadata: Option<Box<str>>,
    dpop: Option<DpopChallenges>,
    manner: Manner,
}

/// How a server challenges that takes tokens under the scheme `DPoP` (RFC 9449 section 7.1).
#[derive(Clone, Debug)]
pub(crate) struct DpopChallenges {
    /// The algorithms of proofs, with spaces in between.
    pub(crate) algorithms: Box<str>,
    /// Whether no other scheme is offered.
    pub(crate) alone: bool,
}

/// The scheme of tokens that come with a proof.
pub(super) const DPOP: &str = "DPoP";

impl Challenger {
    /// # Errors
    /// What is wrong with a text: it cannot stand in a quoted string of a header, or clients would find
    /// a parameter in it that is none.
    pub(crate) fn new(
        table: ChallengeTable,
        realm: Option<&str>,
        resource_metadata: Option<&str>,
    ) -> Result<Self, String> {
        let realm = realm.map(|realm| quotable("realm", realm)).transpose()?;
        let resource_metadata = resource_metadata.map(address).transpose()?;
        Ok(Self { table, realm, resource_metadata, dpop: None, manner: Manner::default() })
    }

    /// With challenges in the scheme `DPoP`.
    pub(crate) fn with_dpop(mut self, dpop: Option<DpopChallenges>) -> Self {
        self.dpop = dpop;
        self
    }

    /// How its refusals are sent.
    pub(crate) fn sent_in(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// The refusal for `reason` on an operation for which a client without a token asks for the scopes of
    /// `asked`.
    pub(crate) fn refuse(
        &self,
        reason: Reason,
        asked: Option<&str>,
        retry_after: Option<Duration>,
    ) -> Rejection {
        let case = reason.row().case;
        let row = self.table.row(case);
        // A client that sent nothing may choose; an error is told in the scheme that it used.
        let schemes = match (row.challenge, case) {
            (false, _) => 0,
            (true, Case::NoCredentials) => self.table.schemes.len(),
            (true, _) => 1,
        };
        let schemes = self.table.schemes.iter().map(|scheme| &**scheme).take(schemes);
        let challenge = |scheme| self.challenge(scheme, row, &reason, asked);
        let Some(dpop) = &self.dpop else {
            let challenges = schemes.filter_map(challenge).collect();
            return Rejection::new(reason, row.clone(), challenges, retry_after, self.manner.clone());
        };
        let in_dpop = Some(DPOP).filter(|_| row.challenge).and_then(challenge);
        let (challenges, under_dpop) = match case {
            _ if dpop.alone || matches!(reason, Reason::InvalidProof(_)) => {
                (in_dpop.into_iter().collect(), None)
            }
            // `Bearer` comes first: some clients look no further.
            Case::NoCredentials => (schemes.filter_map(challenge).chain(in_dpop).collect(), None),
            _ => (schemes.filter_map(challenge).collect(), in_dpop),
        };
        Rejection::new(reason, row.clone(), challenges, retry_after, self.manner.clone())
            .or_under_dpop(under_dpop)
    }

    /// The same refusal with the metadata at `url`, in the challenges that name it. No configured text holds
    /// `resource_metadata=`, so what begins with it is the parameter.
    pub(crate) fn readdress(&self, refusal: &Rejection, url: &str) -> Rejection {
        let Some(configured) = self.resource_metadata.as_deref() else { return refusal.clone() };
        let Ok(url) = quotable("resource", url) else { return refusal.clone() };
        let name = ChallengeParameter::ResourceMetadata.name();
        let (old, new) = (format!("{name}=\"{configured}\""), format!("{name}=\"{url}\""));
        refusal.with_challenges(|challenge| {
            let changed = challenge.to_str().ok().map(|text| text.replacen(&old, &new, 1));
            let changed = changed.and_then(|text| HeaderValue::from_maybe_shared(Bytes::from(text)).ok());
            changed.unwrap_or_else(|| challenge.clone())
        })
    }

    fn challenge(
        &self,
        scheme: &str,
        row: &ChallengeRow,
        reason: &Reason,
        asked: Option<&str>,
    ) -> Option<HeaderValue> {
        let step_up = match reason {
            Reason::InsufficientUserAuthentication(step_up) => Some(&**step_up),
            _ => None,
        };
        let scope = match reason {
            Reason::InsufficientScope { scope } => scope.as_deref(),
            Reason::InsufficientUserAuthentication(step_up) => step_up.scope(),
            _ => asked,
        };
        let max_age = step_up.and_then(StepUp::max_age).map(|seconds| seconds.to_string());
        let mut challenge = Parameters::begin(scheme);
        for parameter in self.table.order {
            let value = match parameter {
                ChallengeParameter::Error => row.error.as_deref(),
                ChallengeParameter::ErrorDescription => row.described.then(|| reason.description()),
                // An empty list is no scope (RFC 6749 section 3.3).
                ChallengeParameter::Scope => scope.filter(|scope| row.scoped && !scope.is_empty()),
                ChallengeParameter::AcrValues => step_up.and_then(StepUp::acr_values),
                ChallengeParameter::MaxAge => max_age.as_deref(),
                ChallengeParameter::ResourceMetadata => {
                    self.resource_metadata.as_deref().filter(|_| row.scoped)
                }
                ChallengeParameter::Algs => {
                    self.dpop.as_ref().filter(|_| scheme == DPOP).map(|dpop| &*dpop.algorithms)
                }
                ChallengeParameter::Realm => self.realm.as_deref(),
            };
            challenge.push(parameter.name(), value);
        }
        challenge.finish()
    }
}

/// A configured text, escaped for a quoted string (RFC 9110 section 5.6.4).
fn quotable(setting: &str, text: &str) -> Result<Box<str>, String> {
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(format!(
            "{setting}: only printable ASCII can stand in a challenge; leave other characters out"
        ));
    }
    if let Some(name) = searched_parameter(text) {
        return Err(format!(
            "{setting}: clients that search a challenge for `{name}` would find it there; leave it out"
        ));
    }
    if text.contains("\",") {
        return Err(format!(
            "{setting}: clients end a quoted string at a quote before a comma; write a space between them"
        ));
    }
    Ok(text.replace('\\', "\\\\").replace('"', "\\\"").into())
}

/// The address of the metadata: clients read it up to the first quote, and no escapes in it.
fn address(url: &str) -> Result<Box<str>, String> {
    if url.contains(['"', '\\']) {
        let problem = "clients read an address up to a quote or a backslash; write %22 or %5C";
        return Err(format!("resource: {problem}"));
    }
    quotable("resource", url)
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
mod misread_tests;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{ClaimName, Malformed, TokenError},
        http::{RequestError, TokenKind, table::is_error_byte},
    };

    const FULL: (&str, &str) = ("api", "https://rs/.well-known/x");

    fn challenges(challenger: &Challenger, reason: Reason, required: &str) -> Vec<String> {
        let rejection = challenger.refuse(reason, Some(required), None);
        rejection.challenges().iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn promise_10_challenges_are_those_of_the_table() {
        let full = Challenger::new(ChallengeTable::default(), Some(FULL.0), Some(FULL.1)).unwrap();
        let bare = Challenger::default();
        let two = ChallengeTable::default().further_scheme("Basic");
        let two = Challenger::new(two, Some(FULL.0), None).unwrap();
        let expired = Reason::InvalidToken { token: TokenKind::Access, error: TokenError::Expired };
        let expired_bare = expired.clone();
        let lacking = Reason::InsufficientScope { scope: Some("a b".into()) };
        let malformed = Reason::InvalidRequest(RequestError::MalformedAuthorization);
        for (challenger, reason, required, expected) in [
            (&bare, Reason::NoCredentials, "", &["Bearer"][..]),
            (
                &full,
                Reason::NoCredentials,
                "",
                &[r#"Bearer resource_metadata="https://rs/.well-known/x", realm="api""#],
            ),
            (
                &full,
                Reason::NoCredentials,
                "a b",
                &[r#"Bearer scope="a b", resource_metadata="https://rs/.well-known/x", realm="api""#],
            ),
            (
                &bare,
                malformed.clone(),
                "a",
                &[
                    r#"Bearer error="invalid_request", error_description="the Authorization field is malformed""#,
                ],
            ),
            (
                &full,
                malformed,
                "a",
                &[
                    r#"Bearer error="invalid_request", error_description="the Authorization field is malformed", realm="api""#,
                ],
            ),
            (
                &bare,
                expired.clone(),
                "",
                &[r#"Bearer error="invalid_token", error_description="the token has expired""#],
            ),
            (
                &full,
                expired,
                "a",
                &[
                    r#"Bearer error="invalid_token", error_description="the token has expired", scope="a", resource_metadata="https://rs/.well-known/x", realm="api""#,
                ],
            ),
            (
                &full,
                lacking.clone(),
                "a b",
                &[
                    r#"Bearer error="insufficient_scope", scope="a b", resource_metadata="https://rs/.well-known/x", realm="api""#,
                ],
            ),
            (&bare, lacking, "a b", &[r#"Bearer error="insufficient_scope", scope="a b""#]),
            (
                &two,
                Reason::NoCredentials,
                "a",
                &[r#"Bearer scope="a", realm="api""#, r#"Basic scope="a", realm="api""#],
            ),
            (
                &two,
                expired_bare,
                "",
                &[r#"Bearer error="invalid_token", error_description="the token has expired", realm="api""#],
            ),
            (&full, Reason::KeysUnavailable, "a", &[]),
        ] {
            assert_eq!(challenges(challenger, reason, required), expected);
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
            assert!(phrase.bytes().all(is_error_byte), "{phrase}");
            assert_eq!(quotable("phrase", &phrase).as_deref(), Ok(&*phrase));
        }
    }

    #[test]
    fn configured_texts_are_escaped_or_refused() {
        let new = |realm: &str| Challenger::new(ChallengeTable::default(), Some(realm), None);
        let quoting = new(r#"a"b\c"#).unwrap();
        assert_eq!(challenges(&quoting, Reason::NoCredentials, ""), [r#"Bearer realm="a\"b\\c""#]);
        for good in ["imfAuthentication", "scopes", "the scope of it", "error_description a"] {
            assert!(new(good).is_ok(), "{good:?}");
        }
        for bad in ["a\r\nb", "a\tb", "ä", "\u{7f}"] {
            assert!(new(bad).unwrap_err().contains("printable ASCII"), "{bad:?}");
        }
        for (name, bad) in [
            ("scope=", "orders, scope=\"admin\""),
            ("scope=", "myscope=a"),
            ("scope=", "SCOPE = a"),
            ("error=", "error=invalid_token"),
            ("resource_metadata=", "a resource_metadata=https://evil.test"),
        ] {
            let problem = new(bad).unwrap_err();
            assert!(problem.starts_with("realm: ") && problem.contains(name), "{bad:?}: {problem}");
        }
        let query = Some("https://rs/.well-known/x?scope=a");
        let problem = Challenger::new(ChallengeTable::default(), None, query).unwrap_err();
        assert!(problem.starts_with("resource: ") && problem.contains("scope="), "{problem}");
    }

    /// What a client finds that searches the text, as the SDKs of the Model Context Protocol do:
    /// `name="…"`, or up to a comma or a space, wherever it stands first.
    fn search<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
        let (_, value) = challenge.split_once(&format!("{name}="))?;
        match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => value.split([',', ' ']).next(),
        }
    }

    #[test]
    fn clients_that_search_the_text_find_the_parameters_and_nothing_else() {
        let invalid = |error| Reason::InvalidToken { token: TokenKind::Access, error };
        let metadata = "https://rs/.well-known/x";
        for realm in [None, Some("api"), Some("error, scope and \"resource_metadata\""), Some("a=b, c=\"d\"")]
        {
            for address in [None, Some(metadata)] {
                let challenger = Challenger::new(ChallengeTable::default(), realm, address).unwrap();
                for (reason, error, scoped) in [
                    (Reason::NoCredentials, None, true),
                    (
                        Reason::InvalidRequest(RequestError::MalformedAuthorization),
                        Some("invalid_request"),
                        false,
                    ),
                    (invalid(TokenError::Expired), Some("invalid_token"), true),
                    (invalid(TokenError::WrongAudience), Some("invalid_token"), true),
                    (
                        Reason::InsufficientScope { scope: Some("a b".into()) },
                        Some("insufficient_scope"),
                        true,
                    ),
                ] {
                    for required in ["", "a b"] {
                        let written = challenges(&challenger, reason.clone(), required);
                        let [challenge] = &*written else { panic!("{written:?}") };
                        let expected = match &reason {
                            Reason::InsufficientScope { scope } => scope.as_deref(),
                            _ => Some(required).filter(|it| scoped && !it.is_empty()),
                        };
                        assert_eq!(search(challenge, "scope"), expected, "{challenge}");
                        assert_eq!(search(challenge, "resource_metadata"), address.filter(|_| scoped));
                        assert_eq!(search(challenge, "error"), error, "{challenge}");
                    }
                }
            }
        }
    }

    #[test]
    fn promise_16_the_address_of_the_metadata_changes_and_nothing_else() {
        let realm = Some(r#"a, "b" of \c"#);
        let first = [ChallengeParameter::Realm, ChallengeParameter::ResourceMetadata];
        let told = "https://told/.well-known/x";
        for (name, table) in [
            ("as it is", ChallengeTable::default()),
            ("in another order", ChallengeTable::default().order(first)),
            ("in two schemes", ChallengeTable::default().further_scheme("DPoP")),
        ] {
            let at = |url| Challenger::new(table.clone(), realm, Some(url)).unwrap();
            let (challenger, expected) = (at(FULL.1), at(told));
            let malformed = Reason::InvalidRequest(RequestError::MalformedAuthorization);
            for reason in [Reason::NoCredentials, malformed, Reason::KeysUnavailable] {
                let expected = expected.refuse(reason.clone(), Some("a"), None);
                let refusal = challenger.refuse(reason, Some("a"), None);
                let changed = challenger.readdress(&refusal, told);
                assert_eq!(changed.challenges(), expected.challenges(), "{name}");
                assert_eq!((changed.status(), changed.reason()), (expected.status(), expected.reason()));
                // What cannot stand in a challenge changes nothing.
                for hostile in ["https://told/?scope=a", "https://told/\r\nx: y"] {
                    let changed = challenger.readdress(&refusal, hostile);
                    assert_eq!(changed.challenges(), refusal.challenges(), "{name}: {hostile}");
                }
            }
        }
    }
}

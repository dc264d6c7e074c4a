//! The challenge table: what each reason is in HTTP, as data.
//!
//! | reason | [RFC 6750](ChallengeTable::rfc6750) | error code |
//! |---|---|---|
//! | no credentials | 401, scope | none (RFC 6750 section 3.1) |
//! | several `Authorization` fields; other bad grammar | 400, description | `invalid_request` |
//! | a token that is not accepted | 401, description, scope | `invalid_token` |
//! | a scope is missing | 403, scope | `insufficient_scope` |
//!
//! The systems that clients were written for differ in statuses and parameters, so a preset brings
//! rows of its own. Keys that cannot be had, and nonces that cannot be spent, are 503 without a
//! challenge in all of them.

use http::StatusCode;

use super::{Reason, RequestError, grammar};

/// How one reason is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ChallengeRow {
    pub(super) status: StatusCode,
    pub(super) challenge: bool,
    pub(super) error: Option<&'static str>,
    pub(super) described: bool,
    pub(super) scoped: bool,
}

impl ChallengeRow {
    /// This status, with a challenge of nothing but the scheme and the realm.
    pub const fn new(status: StatusCode) -> Self {
        Self { status, challenge: true, error: None, described: false, scoped: false }
    }

    /// With this error code (RFC 6750 section 3.1).
    pub const fn error(mut self, code: &'static str) -> Self {
        self.error = Some(code);
        self
    }

    /// With an `error_description`: one of this crate's fixed phrases.
    pub const fn described(mut self) -> Self {
        self.described = true;
        self
    }

    /// With the scopes that the operation needs, and the address of the metadata.
    pub const fn scoped(mut self) -> Self {
        self.scoped = true;
        self
    }

    /// Without a challenge.
    pub const fn without_challenge(mut self) -> Self {
        self.challenge = false;
        self
    }
}

/// What each reason is in HTTP: see the module's table.
///
/// ```
/// use http::StatusCode;
/// use tower_resource_server::http::{ChallengeRow, ChallengeTable};
///
/// // Clients that know nothing but 401:
/// let table = ChallengeTable::rfc6750()
///     .insufficient_scope(ChallengeRow::new(StatusCode::UNAUTHORIZED).error("insufficient_scope").scoped());
/// # let _ = table;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ChallengeTable {
    pub(super) scheme: Box<str>,
    pub(super) scope_first: bool,
    no_credentials: ChallengeRow,
    several_fields: ChallengeRow,
    invalid_request: ChallengeRow,
    invalid_token: ChallengeRow,
    insufficient_scope: ChallengeRow,
}

impl Default for ChallengeTable {
    fn default() -> Self {
        Self::rfc6750()
    }
}

impl ChallengeTable {
    /// The table of RFC 6750.
    pub fn rfc6750() -> Self {
        const fn row(status: StatusCode) -> ChallengeRow {
            ChallengeRow::new(status)
        }
        let invalid_request = row(StatusCode::BAD_REQUEST).error("invalid_request").described();
        Self {
            scheme: "Bearer".into(),
            scope_first: false,
            // RFC 6750 section 3.1: no error code when the request lacks any authentication
            // information; the scopes are named all the same, so that a client asks for them at once.
            no_credentials: row(StatusCode::UNAUTHORIZED).scoped(),
            several_fields: invalid_request,
            invalid_request,
            invalid_token: row(StatusCode::UNAUTHORIZED).error("invalid_token").described().scoped(),
            // Everything that the operation needs, not what is missing: the next token replaces this one.
            insufficient_scope: row(StatusCode::FORBIDDEN).error("insufficient_scope").scoped(),
        }
    }

    /// Challenges in this scheme instead of `Bearer`. `build()` refuses a name that is no token.
    pub fn scheme(mut self, name: impl Into<Box<str>>) -> Self {
        self.scheme = name.into();
        self
    }

    /// Writes the scopes in front of the error code.
    pub fn scope_first(mut self, first: bool) -> Self {
        self.scope_first = first;
        self
    }

    /// No credentials, or those of another scheme.
    pub fn no_credentials(mut self, row: ChallengeRow) -> Self {
        self.no_credentials = row;
        self
    }

    /// Several `Authorization` fields, or several of another field that must be one.
    pub fn several_fields(mut self, row: ChallengeRow) -> Self {
        self.several_fields = row;
        self
    }

    /// Credentials that cannot be read for another reason.
    pub fn invalid_request(mut self, row: ChallengeRow) -> Self {
        self.invalid_request = row;
        self
    }

    /// A token that is not accepted.
    pub fn invalid_token(mut self, row: ChallengeRow) -> Self {
        self.invalid_token = row;
        self
    }

    /// A good token without the scopes that the operation needs.
    pub fn insufficient_scope(mut self, row: ChallengeRow) -> Self {
        self.insufficient_scope = row;
        self
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let good = grammar::is_token(&self.scheme);
        (!good).then(|| format!("challenges: {:?} cannot name a scheme; use a token", self.scheme))
    }

    pub(super) fn row(&self, reason: &Reason) -> ChallengeRow {
        match reason {
            Reason::NoCredentials => self.no_credentials,
            Reason::InvalidRequest(RequestError::SeveralAuthorizations | RequestError::SeveralSelectors) => {
                self.several_fields
            }
            Reason::InvalidRequest(_) => self.invalid_request,
            Reason::InvalidToken { .. } => self.invalid_token,
            Reason::InsufficientScope { .. } => self.insufficient_scope,
            // Not the client's fault, and worth another try: never a 401.
            Reason::KeysUnavailable | Reason::SpentStoreUnavailable => {
                ChallengeRow::new(StatusCode::SERVICE_UNAVAILABLE).without_challenge()
            }
            Reason::ForeignIdentity { .. } => {
                ChallengeRow::new(StatusCode::INTERNAL_SERVER_ERROR).without_challenge()
            }
        }
    }
}

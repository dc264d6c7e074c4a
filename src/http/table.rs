//! The challenge table: what each case is in HTTP, as data.
//!
//! | case | [RFC 6750](ChallengeTable::rfc6750) | error code |
//! |---|---|---|
//! | no credentials | 401, scope | none (RFC 6750 section 3.1) |
//! | several `Authorization` fields; other bad grammar | 400, description | `invalid_request` |
//! | a token that is not accepted | 401, description, scope | `invalid_token` |
//! | a DPoP proof that is not accepted | 401, description, scope | `invalid_dpop_proof` (RFC 9449 section 7.1) |
//! | a DPoP proof without a nonce of the server | 401, description, scope | `use_dpop_nonce` (section 9) |
//! | a requirement is not met | 403, scope | `insufficient_scope` |
//! | a stronger or fresher login is needed | 401, `acr_values`, `max_age`, scope | `insufficient_user_authentication` |
//! | a page of another origin sent a cookie | 403, no challenge | none |
//!
//! Which case a reason is, its own row says (`Reason::row`). The systems that clients were written for
//! differ in statuses, parameters and their order, so a preset brings rows of its own. The last row, and 503
//! without a challenge for keys that cannot be had, nonces that cannot be spent, and a verifier of the application that
//! cannot say, are the same in all of them.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use smallvec::{SmallVec, smallvec};

use super::{grammar, reason::Case};
use crate::policy::searched_parameter;

/// How one case is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ChallengeRow {
    pub(super) status: StatusCode,
    pub(super) challenge: bool,
    pub(super) error: Option<Cow<'static, str>>,
    pub(super) described: bool,
    pub(super) scoped: bool,
    /// Beside the challenge.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl ChallengeRow {
    /// This status, with a challenge of nothing but the scheme and the realm.
    pub const fn new(status: StatusCode) -> Self {
        Self { status, challenge: true, error: None, described: false, scoped: false, headers: Vec::new() }
    }

    /// With this error code (RFC 6750 section 3.1). `build()` refuses one with characters that section
    /// 3 does not allow, and one that holds a parameter for which clients search a challenge.
    pub fn error(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.error = Some(code.into());
        self
    }

    /// Whether there is an `error_description`: one of this crate's fixed phrases. There is none unless this says so.
    pub const fn described(mut self, described: bool) -> Self {
        self.described = described;
        self
    }

    /// Whether the scopes that the operation needs are named, and the address of the metadata. They are not unless this
    /// says so.
    pub const fn scoped(mut self, scoped: bool) -> Self {
        self.scoped = scoped;
        self
    }

    /// Whether there is a challenge. There is unless this says no; what belongs into one is then left out.
    pub const fn challenge(mut self, challenge: bool) -> Self {
        self.challenge = challenge;
        self
    }

    /// With this header beside the challenge, such as `Cache-Control: no-store`. A `WWW-Authenticate`
    /// needs a row [without a challenge](Self::challenge); `build()` refuses it beside one.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What cannot stand in a challenge, or would be misread there.
    fn problem(&self) -> Option<String> {
        if let Some(code) = self.error.as_deref() {
            if code.is_empty() || !code.bytes().all(is_error_byte) {
                return Some(format!(
                    "challenges: {code:?} cannot be an error code; RFC 6750 section 3 names its characters"
                ));
            }
            if let Some(name) = searched_parameter(code) {
                return Some(format!(
                    "challenges: clients that search a challenge for `{name}` would find it in {code:?}; leave it out"
                ));
            }
        }
        let beside = self.challenge && self.headers.iter().any(|(name, _)| name == WWW_AUTHENTICATE);
        beside.then(|| {
            "challenges: clients read a WWW-Authenticate beside the challenge as one with it; use .further_scheme(..), or .challenge(false)"
                .to_owned()
        })
    }
}

/// A parameter of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChallengeParameter {
    /// `error` (RFC 6750 section 3).
    Error,
    /// `error_description` (RFC 6750 section 3).
    ErrorDescription,
    /// `acr_values` (RFC 9470 section 3).
    AcrValues,
    /// `max_age` (RFC 9470 section 3).
    MaxAge,
    /// `scope` (RFC 6750 section 3).
    Scope,
    /// `resource_metadata` (RFC 9728 section 5.1).
    ResourceMetadata,
    /// `algs` (RFC 9449 section 7.1), in challenges of the scheme `DPoP`.
    Algs,
    /// `realm` (RFC 9110 section 11.5).
    Realm,
}

use ChallengeParameter::{AcrValues, Algs, Error, ErrorDescription, MaxAge, Realm, ResourceMetadata, Scope};

impl ChallengeParameter {
    /// The realm comes last: real clients search the whole text for `scope=`.
    const DEFAULT_ORDER: [Self; 8] =
        [Error, ErrorDescription, AcrValues, MaxAge, Scope, ResourceMetadata, Algs, Realm];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Error => "error",
            ErrorDescription => "error_description",
            AcrValues => "acr_values",
            MaxAge => "max_age",
            Scope => "scope",
            ResourceMetadata => "resource_metadata",
            Algs => "algs",
            Realm => "realm",
        }
    }
}

/// What each case is in HTTP: see the module's table.
///
/// ```
/// use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
/// use tower_resource_server::http::{ChallengeRow, ChallengeTable};
///
/// // Clients that know nothing but 401, behind a cache that keeps what it may:
/// let unauthorized = ChallengeRow::new(StatusCode::UNAUTHORIZED)
///     .scoped(true)
///     .header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
/// let table = ChallengeTable::rfc6750()
///     .no_credentials(unauthorized.clone())
///     .insufficient_scope(unauthorized.error("insufficient_scope"));
/// # let _ = table;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ChallengeTable {
    /// At least one.
    pub(super) schemes: SmallVec<[Box<str>; 1]>,
    pub(super) order: [ChallengeParameter; 8],
    no_credentials: ChallengeRow,
    several_fields: ChallengeRow,
    invalid_request: ChallengeRow,
    invalid_token: ChallengeRow,
    invalid_proof: ChallengeRow,
    nonce_wanted: ChallengeRow,
    insufficient_scope: ChallengeRow,
    insufficient_user_authentication: ChallengeRow,
    cross_origin: ChallengeRow,
    unavailable: ChallengeRow,
    internal: ChallengeRow,
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
        let invalid_request = row(StatusCode::BAD_REQUEST).error("invalid_request").described(true);
        Self {
            schemes: smallvec!["Bearer".into()],
            order: ChallengeParameter::DEFAULT_ORDER,
            // RFC 6750 section 3.1: no error code when the request lacks any authentication
            // information; the scopes are named all the same, so that a client asks for them at once.
            no_credentials: row(StatusCode::UNAUTHORIZED).scoped(true),
            several_fields: invalid_request.clone(),
            invalid_request,
            invalid_token: row(StatusCode::UNAUTHORIZED).error("invalid_token").described(true).scoped(true),
            invalid_proof: row(StatusCode::UNAUTHORIZED)
                .error("invalid_dpop_proof")
                .described(true)
                .scoped(true),
            nonce_wanted: row(StatusCode::UNAUTHORIZED).error("use_dpop_nonce").described(true).scoped(true),
            // Everything that the operation needs, not what is missing: the next token replaces this one.
            insufficient_scope: row(StatusCode::FORBIDDEN).error("insufficient_scope").scoped(true),
            insufficient_user_authentication: row(StatusCode::UNAUTHORIZED)
                .error("insufficient_user_authentication")
                .scoped(true),
            // A challenge would have clients drop a good token and ask for another.
            cross_origin: row(StatusCode::FORBIDDEN).challenge(false),
            unavailable: row(StatusCode::SERVICE_UNAVAILABLE).challenge(false),
            internal: row(StatusCode::INTERNAL_SERVER_ERROR).challenge(false),
        }
    }

    /// Challenges in this scheme instead of `Bearer`. `build()` refuses a name that is no token, `Bearer`
    /// in another spelling, and `Bearer` behind another scheme, where clients do not find it.
    pub fn scheme(mut self, name: impl Into<Box<str>>) -> Self {
        self.schemes = smallvec![name.into()];
        self
    }

    /// Offers this scheme, too, to a request without credentials, in a field of its own behind those
    /// that are there already: for credentials that something behind an
    /// [optional](crate::middleware::AuthLayer::optional) layer takes. Which scheme this server reads,
    /// [`Grammar`](super::Grammar) says.
    pub fn further_scheme(mut self, name: impl Into<Box<str>>) -> Self {
        self.schemes.push(name.into());
        self
    }

    /// Writes these parameters first, in this order, for clients that were written for another; those
    /// that are not named follow as RFC 6750 has them, the realm last.
    pub fn order(mut self, first: impl IntoIterator<Item = ChallengeParameter>) -> Self {
        let mut ordered = Vec::from_iter(first);
        ordered.extend(ChallengeParameter::DEFAULT_ORDER);
        for (place, parameter) in self.order.iter_mut().zip(each_once(ordered)) {
            *place = parameter;
        }
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

    /// A good token that does not meet what the operation requires.
    pub fn insufficient_scope(mut self, row: ChallengeRow) -> Self {
        self.insufficient_scope = row;
        self
    }

    /// A good token of a login that is not strong or fresh enough (RFC 9470).
    pub fn insufficient_user_authentication(mut self, row: ChallengeRow) -> Self {
        self.insufficient_user_authentication = row;
        self
    }

    /// Whether its one scheme is `Bearer`.
    pub(crate) fn offers_bearer_alone(&self) -> bool {
        matches!(self.schemes.as_slice(), [scheme] if **scheme == *"Bearer")
    }

    /// What cannot stand in a challenge.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(scheme) = self.schemes.iter().find(|scheme| !grammar::is_token(scheme)) {
            return Some(format!("challenges: {scheme:?} cannot name a scheme; use a token"));
        }
        if let Some(problem) = self.misread_scheme() {
            return Some(problem);
        }
        let rows = [&self.no_credentials, &self.several_fields, &self.invalid_request, &self.invalid_token];
        let further = [&self.insufficient_scope, &self.insufficient_user_authentication];
        let mut rows = rows.into_iter().chain(further).chain([&self.unavailable, &self.internal]);
        rows.find_map(ChallengeRow::problem)
    }

    /// Clients look at the first field alone, and some know `Bearer` in this spelling alone.
    fn misread_scheme(&self) -> Option<String> {
        let place = self.schemes.iter().position(|scheme| scheme.eq_ignore_ascii_case("Bearer"))?;
        let written = self.schemes.get(place)?;
        if place > 0 {
            return Some(format!(
                "challenges: clients that know `Bearer` alone find nothing behind another scheme; begin with {written:?}"
            ));
        }
        (**written != *"Bearer")
            .then(|| format!("challenges: some clients do not know {written:?}; write `Bearer`"))
    }

    pub(super) const fn row(&self, case: Case) -> &ChallengeRow {
        match case {
            Case::NoCredentials => &self.no_credentials,
            Case::SeveralFields => &self.several_fields,
            Case::InvalidRequest => &self.invalid_request,
            Case::InvalidToken => &self.invalid_token,
            Case::InvalidProof => &self.invalid_proof,
            Case::NonceWanted => &self.nonce_wanted,
            Case::InsufficientScope => &self.insufficient_scope,
            Case::InsufficientUserAuthentication => &self.insufficient_user_authentication,
            Case::CrossOrigin => &self.cross_origin,
            Case::Unavailable => &self.unavailable,
            Case::Internal => &self.internal,
        }
    }
}

/// The characters of `error` and `error_description` (RFC 6750 section 3).
pub(super) const fn is_error_byte(byte: u8) -> bool {
    matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

fn each_once(parameters: Vec<ChallengeParameter>) -> impl Iterator<Item = ChallengeParameter> {
    let mut seen = Vec::new();
    parameters.into_iter().filter(move |parameter| {
        let new = !seen.contains(parameter);
        seen.push(*parameter);
        new
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_not_ordered_follow_with_the_realm_last() {
        let names = |order: &[ChallengeParameter]| {
            let table = ChallengeTable::rfc6750().order(order.iter().copied());
            table.order.map(ChallengeParameter::name).join(" ")
        };
        for (order, expected) in [
            (&[][..], "error error_description acr_values max_age scope resource_metadata algs realm"),
            (&[Realm], "realm error error_description acr_values max_age scope resource_metadata algs"),
            (
                &[Realm, Scope, Realm],
                "realm scope error error_description acr_values max_age resource_metadata algs",
            ),
            (
                &[Realm, ResourceMetadata, Scope, ErrorDescription, Error, Scope],
                "realm resource_metadata scope error_description error acr_values max_age algs",
            ),
        ] {
            assert_eq!(names(order), expected);
        }
    }

    #[test]
    fn names_and_codes_that_cannot_stand_in_a_challenge_are_refused() {
        let code = |code: &'static str| {
            ChallengeTable::rfc6750().invalid_token(ChallengeRow::new(StatusCode::UNAUTHORIZED).error(code))
        };
        for (name, table, good) in [
            ("RFC 6750", ChallengeTable::rfc6750(), true),
            ("another scheme", ChallengeTable::rfc6750().scheme("DPoP"), true),
            ("a scheme more", ChallengeTable::rfc6750().further_scheme("Basic"), true),
            ("no scheme", ChallengeTable::rfc6750().scheme(""), false),
            ("a second scheme of two words", ChallengeTable::rfc6750().further_scheme("a b"), false),
            ("a code of its own", code("session expired"), true),
            ("an empty code", code(""), false),
            ("a code with a quote", code("a\"b"), false),
            ("a code with a backslash", code("a\\b"), false),
            ("a code with a line", code("a\r\nb"), false),
        ] {
            assert_eq!(table.problem().is_none(), good, "{name}");
        }
    }
}

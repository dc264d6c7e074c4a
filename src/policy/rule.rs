//! One rule on one claim.

use std::{fmt, time::Duration};

use crate::{
    error::{ClaimName, TokenError},
    token::ClaimPath,
};

/// The greatest age that counts as an end of a token, in [`ClaimRule::within_last`]: ten years.
const MAX_BOUNDING_AGE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Begins a [`Rule`] on a claim: a member of the payload by its exact name, or, when `path` begins with a
/// slash, what a JSON Pointer leads to. See [`ClaimPath`].
///
/// ```
/// use tower_resource_server::policy::claim;
///
/// let rules = [
///     claim("exp").after_now(),
///     claim("tenant").equals("blue"),
///     claim("nbf").not_before().if_present(),
///     claim("/realm_access/roles").contains_any(["clerk"]),
/// ];
/// assert_eq!(rules[1].to_string(), "tenant is \"blue\"");
/// ```
pub fn claim(path: impl Into<ClaimPath>) -> ClaimRule {
    ClaimRule { path: path.into(), place: Place::Payload }
}

/// Begins a [`Rule`] on a member of the JOSE header, which is named as a claim is: for issuers that say there
/// what others write as claims, such as the `signer` of AWS. The signature covers the header as it covers the
/// payload (RFC 7515 section 5.1).
///
/// What every header must be is checked in any case; `alg`, `kid`, `typ` and `cty` have settings of their own in
/// [`TokenProfile`](crate::profile::TokenProfile).
///
/// ```
/// use tower_resource_server::{policy::header, profile::TokenProfile};
///
/// let signer = header("signer").equals("arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1");
/// let profile = TokenProfile::jwt().rule(signer);
/// # let _ = profile;
/// ```
pub fn header(path: impl Into<ClaimPath>) -> ClaimRule {
    ClaimRule { path: path.into(), place: Place::Header }
}

/// Where the member stands that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Payload,
    Header,
}

/// A claim, or a member of the header, about which nothing is said yet; see [`claim`] and [`header`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ClaimRule {
    path: ClaimPath,
    place: Place,
}

/// A rule on one claim: the claim must be there, and pass the check.
///
/// A claim of another type than the check needs is invalid, never absent; `null` is a value like
/// any other and passes no check but [`present`](ClaimRule::present), unless the profile says that
/// [null is absent](crate::profile::TokenProfile::null_is_absent).
#[derive(Clone, Debug)]
#[must_use]
pub struct Rule {
    pub(super) claim: ClaimPath,
    place: Place,
    pub(crate) presence: Presence,
    pub(crate) check: Check,
    /// What a failed check means, where that is more than "a claim is not acceptable".
    pub(super) fault: Option<TokenError>,
    /// Whether it stands in for the audience; see [`Rule::binds_token`].
    binding: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    IfPresent,
    /// Required when this other claim is an array of several values.
    IfSeveral(ClaimPath),
    /// Required when the caller expects something of it: a nonce, a greatest age.
    IfExpected,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Check {
    Present,
    Absent,
    IsTrue,
    IsTrueOrText,
    NonEmptyString,
    StringOrStrings,
    Strings,
    StringUpTo(usize),
    StringMembersUpTo(usize),
    WholeNumber,
    NumericDate,
    Lifetime { min: Duration, max: Duration },
    AfterNow,
    Begun,
    WithinLast(Duration),
    Equals(Box<str>),
    OneOf(Vec<Box<str>>),
    NoneOf(Vec<Box<str>>),
    ContainsAny(Vec<Box<str>>),
    ContainsAll(Vec<Box<str>>),
    IsIssuer,
    IsBelowIssuer,
    NamesResource,
    NamesClient,
    IsClient,
    IsExpectedNonce,
    HashesAccessToken,
    WithinMaxAge,
}

impl ClaimRule {
    /// The name that errors have.
    fn name(&self) -> ClaimName {
        named(self.place, &self.path)
    }

    fn rule(self, check: Check, fault: Option<TokenError>) -> Rule {
        let Self { path: claim, place } = self;
        Rule { claim, place, presence: Presence::Required, check, fault, binding: false }
    }

    /// It is there, whatever it is.
    pub fn present(self) -> Rule {
        self.rule(Check::Present, None)
    }

    /// It is `true`.
    pub fn is_true(self) -> Rule {
        self.rule(Check::IsTrue, None)
    }

    /// It is `true`, or the text `"true"`: for issuers that write booleans as texts, such as Amazon Cognito and
    /// Apple with `email_verified`, or GitLab.
    pub fn is_true_or_text(self) -> Rule {
        self.rule(Check::IsTrueOrText, None)
    }

    /// It is not there: it belongs to another kind of token. `null` marks no other kind, and is invalid
    /// all the same.
    pub fn absent(self) -> Rule {
        let fault = TokenError::ForeignClaim(self.name());
        self.rule(Check::Absent, Some(fault)).if_present()
    }

    /// It is a string, and not the empty one.
    pub fn non_empty_string(self) -> Rule {
        self.rule(Check::NonEmptyString, None)
    }

    /// It is a string or an array of strings.
    pub fn string_or_strings(self) -> Rule {
        self.rule(Check::StringOrStrings, None)
    }

    /// It is an array of strings, and not one string.
    pub fn strings(self) -> Rule {
        self.rule(Check::Strings, None)
    }

    /// It is a date at least `min` and at most `max` after `iat`, or after `nbf` where there is no
    /// `iat`: the lifetime that the issuer gave the token. One that begins nowhere has none.
    pub fn ends_lifetime(self, min: Duration, max: Option<Duration>) -> Rule {
        let max = max.unwrap_or(Duration::MAX);
        self.rule(Check::Lifetime { min, max }, Some(TokenError::LifetimeOutOfBounds))
    }

    /// It is a string of at most `max` characters (Unicode scalar values).
    pub fn string_up_to(self, max: usize) -> Rule {
        self.rule(Check::StringUpTo(max), None)
    }

    /// It is an object of at most `max` members, each a string.
    pub fn string_members_up_to(self, max: usize) -> Rule {
        self.rule(Check::StringMembersUpTo(max), None)
    }

    /// It is a whole number, not negative, written without fraction and exponent.
    pub fn whole_number(self) -> Rule {
        self.rule(Check::WholeNumber, None)
    }

    /// It is a `NumericDate` (RFC 7519 section 2), whenever that is.
    pub fn numeric_date(self) -> Rule {
        self.rule(Check::NumericDate, None)
    }

    /// It is a date after now, leeway granted: `exp` (RFC 7519 section 4.1.4).
    pub fn after_now(self) -> Rule {
        self.rule(Check::AfterNow, Some(TokenError::Expired))
    }

    /// It is a date that has come, leeway granted: `nbf` (RFC 7519 section 4.1.5).
    pub fn not_before(self) -> Rule {
        self.rule(Check::Begun, Some(TokenError::NotYetValid))
    }

    /// It is a date that has come, leeway granted: `iat` (RFC 7519 section 4.1.6).
    pub fn not_in_future(self) -> Rule {
        self.rule(Check::Begun, Some(TokenError::IssuedInFuture))
    }

    /// It is a date at most `age` ago, leeway granted, and not in the future.
    ///
    /// An `age` of more than ten years (of 365 days) ends no token: a profile whose tokens end by nothing else is
    /// refused by `build()`, as one without an end.
    pub fn within_last(self, age: Duration) -> Rule {
        self.rule(Check::WithinLast(age), Some(TokenError::Expired))
    }

    /// It is exactly this string.
    pub fn equals(self, expected: impl Into<Box<str>>) -> Rule {
        self.rule(Check::Equals(expected.into()), None)
    }

    /// It is one of these strings.
    pub fn one_of<S: Into<Box<str>>>(self, accepted: impl IntoIterator<Item = S>) -> Rule {
        self.rule(Check::OneOf(accepted.into_iter().map(Into::into).collect()), None)
    }

    /// It is a string, and none of these.
    pub fn none_of<S: Into<Box<str>>>(self, refused: impl IntoIterator<Item = S>) -> Rule {
        let fault = TokenError::ForeignClaim(self.name());
        self.rule(Check::NoneOf(refused.into_iter().map(Into::into).collect()), Some(fault))
    }

    /// It is one of these strings, or an array of strings with one of these in it.
    pub fn contains_any<S: Into<Box<str>>>(self, accepted: impl IntoIterator<Item = S>) -> Rule {
        self.rule(Check::ContainsAny(accepted.into_iter().map(Into::into).collect()), None)
    }

    /// It is an array of strings with all of these in it (or the one string, if there is one).
    pub fn contains_all<S: Into<Box<str>>>(self, needed: impl IntoIterator<Item = S>) -> Rule {
        self.rule(Check::ContainsAll(needed.into_iter().map(Into::into).collect()), None)
    }

    /// It is the configured issuer, byte for byte (RFC 9068 section 4, OpenID Connect Core 3.1.3.7).
    pub fn is_issuer(self) -> Rule {
        self.rule(Check::IsIssuer, Some(TokenError::UntrustedIssuer))
    }

    /// It begins with the name of the configured issuer and a slash, and what is behind is the path of a SPIFFE ID
    /// (SPIFFE-ID section 2.2: segments of letters, digits, `.`, `-` and `_`, none of them empty, `.` or `..`): `sub` of a
    /// JWT-SVID, whose trust domain is its issuer (`spiffe://shop.example` and `spiffe://shop.example/orders`).
    ///
    /// A server finds the issuer of a token by its `sub` where a profile has this rule on `sub`; see
    /// [`TrustedIssuer`](crate::TrustedIssuer#issuers-that-are-named-by-sub).
    pub fn is_below_issuer(self) -> Rule {
        self.rule(Check::IsBelowIssuer, Some(TokenError::UntrustedIssuer))
    }

    /// It names this resource server, alone or in an array: `aud` of an access token (RFC 9068
    /// section 4). This is what binds a token to the server.
    pub fn names_resource(self) -> Rule {
        self.rule(Check::NamesResource, Some(TokenError::WrongAudience))
    }

    /// It names the configured client, alone or in an array: `aud` of an ID token (OpenID Connect
    /// Core 3.1.3.7, step 3).
    pub fn names_client(self) -> Rule {
        self.rule(Check::NamesClient, Some(TokenError::WrongAudience))
    }

    /// It is the configured client: `azp` (OpenID Connect Core 3.1.3.7, step 5).
    pub fn is_client(self) -> Rule {
        self.rule(Check::IsClient, Some(TokenError::WrongAudience))
    }

    /// It is the nonce that the caller expects, if there is one (OpenID Connect Core 3.1.3.7, step 11).
    pub fn is_expected_nonce(self) -> Rule {
        Rule {
            presence: Presence::IfExpected,
            ..self.rule(Check::IsExpectedNonce, Some(TokenError::WrongNonce))
        }
    }

    /// It is the left half of the hash of the access token at hand, if there is one (OpenID Connect
    /// Core 3.1.3.8).
    pub fn hashes_access_token(self) -> Rule {
        self.rule(Check::HashesAccessToken, Some(TokenError::WrongAccessTokenHash)).if_present()
    }

    /// It is a date at most as long ago as the caller's `max_age`, if there is one (OpenID Connect
    /// Core 3.1.3.7, step 13).
    pub fn within_max_age(self) -> Rule {
        Rule {
            presence: Presence::IfExpected,
            ..self.rule(Check::WithinMaxAge, Some(TokenError::AuthenticationTooOld))
        }
    }
}

impl Rule {
    /// The claim may be absent; when it is there, it must pass the check.
    pub fn if_present(mut self) -> Self {
        self.presence = Presence::IfPresent;
        self
    }

    /// The claim may be absent unless the claim `other` is an array of several values.
    pub fn if_several(mut self, other: impl Into<ClaimPath>) -> Self {
        self.presence = Presence::IfSeveral(other.into());
        self
    }

    /// Declares that this rule ties a token to this resource server, in place of `aud`: for issuers
    /// whose access tokens have no audience, such as Amazon Cognito's, where the list of clients does.
    ///
    /// It counts only for a claim that must be there and must have one of some given values;
    /// otherwise a server refuses the profile as before. A token that fails it is for another
    /// audience.
    ///
    /// ```
    /// use tower_resource_server::{policy::claim, profile::TokenProfile};
    ///
    /// let profile = TokenProfile::jwt()
    ///     .without_rules_on("aud")
    ///     .rule(claim("client_id").one_of(["web", "mobile"]).binds_token());
    /// # let _ = profile;
    /// ```
    pub fn binds_token(mut self) -> Self {
        self.binding = true;
        self.fault = Some(TokenError::WrongAudience);
        self
    }

    /// The claim that the rule is about.
    #[must_use]
    pub fn claim(&self) -> &str {
        self.claim.as_str()
    }

    pub(crate) const fn path(&self) -> &ClaimPath {
        &self.claim
    }

    /// The claims that the rule is about.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &ClaimPath> {
        let other = match &self.presence {
            Presence::IfSeveral(other) => Some(other),
            _ => None,
        };
        [&self.claim].into_iter().chain(other)
    }

    /// The claim as errors have it.
    pub(super) fn name(&self) -> ClaimName {
        named(self.place, &self.claim)
    }

    /// Whether it is about a member of the header.
    pub(crate) fn is_about_header(&self) -> bool {
        self.place == Place::Header
    }

    /// Whether it is about this claim of the payload.
    pub(crate) fn is_about_claim(&self, claim: &ClaimPath) -> bool {
        self.place == Place::Payload && self.claim == *claim
    }

    /// Whether it says that `sub` names the issuer.
    pub(crate) fn finds_issuer_by_subject(&self) -> bool {
        self.check == Check::IsBelowIssuer && self.binds_issuer() && self.is_about_claim(&"sub".into())
    }

    /// Whether only tokens pass whose claim is one of some given values.
    pub(crate) fn names_values(&self) -> bool {
        let given = matches!(
            self.check,
            Check::Equals(_) | Check::OneOf(_) | Check::ContainsAny(_) | Check::ContainsAll(_)
        );
        self.presence == Presence::Required && given
    }

    /// What a failed check is reported as.
    pub(crate) fn otherwise(mut self, fault: TokenError) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Whether the rule ties a token to the resource server that it is presented to.
    pub(crate) fn binds_resource(&self) -> bool {
        let binds = match self.check {
            Check::NamesResource | Check::NamesClient | Check::IsClient => true,
            Check::Equals(_) | Check::OneOf(_) | Check::ContainsAny(_) | Check::ContainsAll(_) => {
                self.binding
            }
            _ => false,
        };
        self.presence == Presence::Required && binds
    }

    /// Whether the rule says what an acceptable issuer is.
    pub(crate) fn binds_issuer(&self) -> bool {
        self.presence == Presence::Required && matches!(self.check, Check::IsIssuer | Check::IsBelowIssuer)
    }

    /// Whether the rule compares a date with the moment of verification.
    pub(crate) fn is_about_time(&self) -> bool {
        matches!(self.check, Check::AfterNow | Check::Begun | Check::WithinLast(_))
    }

    /// Whether the moment of verification, or what is expected of it, decides whether the rule holds.
    pub(crate) fn depends_on_moment(&self) -> bool {
        self.is_about_time() || self.check == Check::WithinMaxAge
    }

    /// Whether every token that passes the rule ends at some time.
    pub(crate) fn bounds_lifetime(&self) -> bool {
        let bounds = match self.check {
            Check::AfterNow => true,
            Check::WithinLast(age) => age <= MAX_BOUNDING_AGE,
            _ => false,
        };
        self.presence == Presence::Required && bounds
    }

    /// Whether the rule compares with the configured client.
    pub(crate) fn needs_client(&self) -> bool {
        matches!(self.check, Check::NamesClient | Check::IsClient)
    }
}

/// The rule in words, for people who ask why a token fails.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.name())?;
        match &self.check {
            Check::Present => f.write_str("is present"),
            Check::Absent => f.write_str("is absent"),
            Check::IsTrue => f.write_str("is true"),
            Check::IsTrueOrText => f.write_str("is true or \"true\""),
            Check::NonEmptyString => f.write_str("is a non-empty string"),
            Check::StringOrStrings => f.write_str("is a string or an array of strings"),
            Check::Strings => f.write_str("is an array of strings"),
            Check::Lifetime { min, max: Duration::MAX } => {
                write!(f, "ends a lifetime of at least {} seconds", min.as_secs())
            }
            Check::Lifetime { min, max } => {
                write!(f, "ends a lifetime of {} to {} seconds", min.as_secs(), max.as_secs())
            }
            Check::StringUpTo(max) => write!(f, "is a string of at most {max} characters"),
            Check::StringMembersUpTo(max) => write!(f, "is an object of at most {max} strings"),
            Check::WholeNumber => f.write_str("is a whole number"),
            Check::NumericDate => f.write_str("is a date"),
            Check::AfterNow => f.write_str("is after now"),
            Check::Begun => f.write_str("is not after now"),
            Check::WithinLast(age) => write!(f, "is at most {} seconds ago", age.as_secs()),
            Check::Equals(text) => write!(f, "is {text:?}"),
            Check::OneOf(texts) => write!(f, "is one of {texts:?}"),
            Check::NoneOf(texts) => write!(f, "is none of {texts:?}"),
            Check::ContainsAny(texts) => write!(f, "contains one of {texts:?}"),
            Check::ContainsAll(texts) => write!(f, "contains all of {texts:?}"),
            Check::IsIssuer => f.write_str("is the trusted issuer"),
            Check::IsBelowIssuer => f.write_str("begins with the trusted issuer"),
            Check::NamesResource => f.write_str("names this resource server"),
            Check::NamesClient => f.write_str("names the client"),
            Check::IsClient => f.write_str("is the client"),
            Check::IsExpectedNonce => f.write_str("is the expected nonce"),
            Check::HashesAccessToken => f.write_str("is the hash of the access token"),
            Check::WithinMaxAge => f.write_str("is within the accepted age"),
        }?;
        match &self.presence {
            _ if self.check == Check::Absent => Ok(()),
            Presence::Required => Ok(()),
            Presence::IfPresent => f.write_str(", if present"),
            Presence::IfSeveral(other) => write!(f, ", if {other} has several values"),
            Presence::IfExpected => f.write_str(", if one is expected"),
        }
    }
}

/// What errors call a claim, or a member of the header.
fn named(place: Place, path: &ClaimPath) -> ClaimName {
    match place {
        Place::Payload => path.name(),
        Place::Header => ClaimName(format!("header {path}").into()),
    }
}

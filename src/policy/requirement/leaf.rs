//! One demand on a token, and whether the token meets it.

use std::{any::Any, fmt, sync::Arc};

use serde_json::Value;

use super::{Facts, Requirement};
use crate::{policy::membership::Texts, token::ClaimPath};

type List = Box<[Box<str>]>;

/// As many characters of what a token has are shown.
const MAX_SHOWN: usize = 200;

/// One demand on a token.
#[derive(Clone)]
pub(crate) enum Leaf {
    Scopes(List),
    AnyScope(List),
    Roles(List),
    AnyRole(List),
    Claim(ClaimPath, ClaimTest),
    Acr(List),
    Amr(List),
    /// In seconds.
    MaxAge(u64),
    Client(List),
    Issuer(Box<str>),
    Audience(Box<str>),
    NotDelegated,
    Actor(List),
    Details(RequiredDetails),
    SenderConstrained,
    /// A function of the application; what is asked is for the server to know.
    Predicate(Box<str>, Arc<dyn Any + Send + Sync>),
}

/// What a claim must be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ClaimTest {
    Equals(Box<str>),
    OneOf(List),
    ContainsAny(List),
    ContainsAll(List),
    IsTrue,
}

/// What would meet a leaf that is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// A token with more scopes.
    Scopes,
    /// Another login (RFC 9470).
    Login,
    /// Nothing that a client can ask for.
    Nothing,
}

impl PartialEq for Leaf {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scopes(a), Self::Scopes(b))
            | (Self::AnyScope(a), Self::AnyScope(b))
            | (Self::Roles(a), Self::Roles(b))
            | (Self::AnyRole(a), Self::AnyRole(b))
            | (Self::Acr(a), Self::Acr(b))
            | (Self::Amr(a), Self::Amr(b))
            | (Self::Client(a), Self::Client(b))
            | (Self::Actor(a), Self::Actor(b)) => a == b,
            (Self::Claim(a, is), Self::Claim(b, other)) => a == b && is == other,
            (Self::MaxAge(a), Self::MaxAge(b)) => a == b,
            (Self::Issuer(a), Self::Issuer(b)) | (Self::Audience(a), Self::Audience(b)) => a == b,
            (Self::NotDelegated, Self::NotDelegated) | (Self::SenderConstrained, Self::SenderConstrained) => {
                true
            }
            (Self::Details(a), Self::Details(b)) => a == b,
            (Self::Predicate(a, asks), Self::Predicate(b, other)) => a == b && Arc::ptr_eq(asks, other),
            _ => false,
        }
    }
}

impl AsRef<Self> for Leaf {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Leaf {
    /// The scopes that it names.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &str> {
        let scopes = match self {
            Self::Scopes(scopes) | Self::AnyScope(scopes) => Some(scopes),
            _ => None,
        };
        scopes.into_iter().flatten().map(AsRef::as_ref)
    }

    pub(super) const fn remedy(&self) -> Remedy {
        match self {
            Self::Scopes(_) | Self::AnyScope(_) => Remedy::Scopes,
            Self::Acr(_) | Self::MaxAge(_) => Remedy::Login,
            _ => Remedy::Nothing,
        }
    }

    /// Whether a token with these facts meets it. A wrong type in a claim is not met. A predicate is not
    /// met here: only the server can ask it.
    pub(crate) fn is_met(&self, facts: &Facts<'_>) -> bool {
        let one_of = |list: &List, text: &str| list.iter().any(|one| **one == *text);
        match self {
            Self::Scopes(scopes) => scopes.iter().all(|scope| facts.has_scope(scope)),
            Self::AnyScope(scopes) => scopes.iter().any(|scope| facts.has_scope(scope)),
            Self::Roles(roles) => facts.roles().has_all(roles),
            Self::AnyRole(roles) => facts.roles().has_any(roles),
            Self::Claim(path, test) => facts.claim(path).is_some_and(|value| test.is_met(value, facts)),
            Self::Acr(classes) => {
                facts.member("acr").and_then(Value::as_str).is_some_and(|acr| one_of(classes, acr))
            }
            Self::Amr(methods) => {
                let have = facts.member("amr").and_then(|amr| facts.texts(amr));
                have.is_some_and(|have| have.has_all(methods))
            }
            Self::MaxAge(seconds) => facts.is_login_within(*seconds),
            Self::Client(clients) => facts.client_id().is_some_and(|client| one_of(clients, client)),
            Self::Issuer(issuer) => *facts.issuer() == **issuer,
            Self::Audience(audience) => facts.audiences().has(audience),
            Self::NotDelegated => facts.is_readable() && facts.member("act").is_none(),
            Self::Actor(subjects) => facts.actor().is_some_and(|actor| one_of(subjects, actor)),
            Self::Details(details) => details.is_met(facts.member("authorization_details")),
            // One that is bound came with its proof, or was refused before.
            Self::SenderConstrained => matches!(facts.member("cnf"), Some(Value::Object(_))),
            Self::Predicate(..) => false,
        }
    }

    /// What the token has where this leaf looks, in words, for people who run the server; cut where it is long.
    pub(crate) fn found(&self, facts: &Facts<'_>) -> String {
        let mut words = self.found_whole(facts);
        if let Some((end, _)) = words.char_indices().nth(MAX_SHOWN) {
            words.truncate(end);
            words.push('…');
        }
        words
    }

    fn found_whole(&self, facts: &Facts<'_>) -> String {
        let value = |value: Option<&Value>| match value {
            None => "the token has none".to_owned(),
            Some(Value::String(text)) => format!("the token has {text:?}"),
            Some(value) => match strings(value) {
                Some(texts) => format!("the token has {texts:?}"),
                None => "the token has a value of another type".to_owned(),
            },
        };
        match self {
            Self::Scopes(_) | Self::AnyScope(_) => format!("the token has {:?}", facts.sorted_scopes()),
            Self::Roles(_) | Self::AnyRole(_) => format!("the token has {:?}", facts.roles().list()),
            Self::Claim(..) => "the claim of the token is another, or is not there".to_owned(),
            Self::Acr(_) => value(facts.member("acr")),
            Self::Amr(_) => value(facts.member("amr")),
            Self::MaxAge(_) => facts.login_in_words(),
            Self::Client(_) => facts
                .client_id()
                .map_or("the token has none".to_owned(), |id| format!("the token has {id:?}")),
            Self::Issuer(_) => format!("the token is of {:?}", facts.issuer()),
            Self::Audience(_) => format!("the token has {:?}", facts.audiences().list()),
            Self::NotDelegated => "an actor uses the token".to_owned(),
            Self::Actor(_) => match facts.member("act") {
                None => "its subject uses the token".to_owned(),
                Some(_) => "another actor uses the token, or none that it names".to_owned(),
            },
            Self::Details(_) => "the token has no such entry".to_owned(),
            Self::SenderConstrained => "anyone may use the token who has it".to_owned(),
            Self::Predicate(..) => "a function of the application decides, by the request".to_owned(),
        }
    }
}

impl ClaimTest {
    /// Of one text, to contain all and to contain any say the same; there is one way to write it.
    pub(super) fn all_of(texts: List) -> Self {
        if texts.len() == 1 { Self::ContainsAny(texts) } else { Self::ContainsAll(texts) }
    }

    /// Strings alone are compared; an object's members are no elements.
    fn is_met<'a>(&self, value: &'a Value, facts: &Facts<'a>) -> bool {
        match self {
            Self::Equals(text) => value.as_str() == Some(text),
            Self::OneOf(texts) => {
                value.as_str().is_some_and(|value| texts.iter().any(|text| **text == *value))
            }
            Self::ContainsAny(wanted) => facts.texts(value).is_some_and(|have| have.has_any(wanted)),
            Self::ContainsAll(wanted) => facts.texts(value).is_some_and(|have| have.has_all(wanted)),
            Self::IsTrue => *value == Value::Bool(true),
        }
    }
}

/// The one string, or the strings of an array of nothing else.
pub(super) fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// What is required of one claim; made by [`Requirement::claim`].
///
/// Strings alone are compared, byte for byte. A claim that is not there, or of another type, meets nothing;
/// so does an array in which something else than a string stands, and the members of an object are no
/// elements.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequiredClaim(ClaimPath);

impl RequiredClaim {
    pub(super) const fn new(path: ClaimPath) -> Self {
        Self(path)
    }

    fn must(self, test: ClaimTest) -> Requirement {
        Leaf::Claim(self.0, test).into()
    }

    /// It is this string.
    pub fn equals(self, text: impl Into<Box<str>>) -> Requirement {
        self.must(ClaimTest::Equals(text.into()))
    }

    /// It is one of these strings.
    pub fn one_of<S: Into<Box<str>>>(self, texts: impl IntoIterator<Item = S>) -> Requirement {
        super::one_of(super::texts(texts), |texts| Leaf::Claim(self.0, ClaimTest::OneOf(texts)))
    }

    /// It is an array of strings with one of these in it, or one of these strings.
    pub fn contains_any<S: Into<Box<str>>>(self, texts: impl IntoIterator<Item = S>) -> Requirement {
        super::one_of(super::texts(texts), |texts| Leaf::Claim(self.0, ClaimTest::ContainsAny(texts)))
    }

    /// It is an array of strings with each of these in it.
    pub fn contains_all<S: Into<Box<str>>>(self, texts: impl IntoIterator<Item = S>) -> Requirement {
        super::all_of(super::texts(texts), |texts| Leaf::Claim(self.0, ClaimTest::all_of(texts)))
    }

    /// It is `true`.
    pub fn is_true(self) -> Requirement {
        self.must(ClaimTest::IsTrue)
    }
}

/// An entry that `authorization_details` must hold (RFC 9396 section 2); made by
/// [`authorization_details`](super::authorization_details).
///
/// One entry must have all of it: its type, every action in `actions`, every location in `locations`.
///
/// ```
/// use tower_resource_server::policy::{Requirement, authorization_details};
///
/// let pay: Requirement = authorization_details("payment").action("initiate").location("https://bank.example").into();
/// # let _ = pay;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct RequiredDetails {
    pub(super) kind: Box<str>,
    pub(super) actions: Vec<Box<str>>,
    pub(super) locations: Vec<Box<str>>,
}

impl RequiredDetails {
    pub(super) const fn new(kind: Box<str>) -> Self {
        Self { kind, actions: Vec::new(), locations: Vec::new() }
    }

    /// With this action; called again, with that one too.
    pub fn action(mut self, action: impl Into<Box<str>>) -> Self {
        self.actions.push(action.into());
        self
    }

    /// For this location; called again, for that one too.
    pub fn location(mut self, location: impl Into<Box<str>>) -> Self {
        self.locations.push(location.into());
        self
    }

    fn is_met(&self, details: Option<&Value>) -> bool {
        let has_all = |entry: &Value, member: &str, wanted: &[Box<str>]| {
            let have = entry.get(member).and_then(Value::as_array).into_iter().flatten();
            wanted.is_empty() || Texts::new(have.filter_map(Value::as_str).collect()).has_all(wanted)
        };
        details.and_then(Value::as_array).is_some_and(|entries| {
            entries.iter().any(|entry| {
                entry.get("type").and_then(Value::as_str) == Some(&self.kind)
                    && has_all(entry, "actions", &self.actions)
                    && has_all(entry, "locations", &self.locations)
            })
        })
    }
}

impl From<RequiredDetails> for Requirement {
    fn from(details: RequiredDetails) -> Self {
        Leaf::Details(details).into()
    }
}

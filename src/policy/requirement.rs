//! What an operation demands of an identity that is already verified: one value, which is enforced,
//! named in the challenge, published in the metadata and shown by explain (promise 14).
//!
//! - `leaf`: one demand, and whether a token meets it;
//! - `facts`: what of a token the leaves look at;
//! - `text`: the text form, read; `print`: the same, printed;
//! - `nearest`: which answer a requirement gets that is not met;
//! - `words`: a requirement in words, for explain;
//! - `operation`: an operation as a type;
//! - `compiled`: a requirement made ready for the requests of one server; `memo`: what a token keeps of it.
//!
//! A requirement is a tree of `and` and `or` over leaves. There is no negation: so one scope more never
//! turns a yes into a no, and a client that gets what a challenge names succeeds.

mod compiled;
mod facts;
mod leaf;
mod memo;
mod nearest;
mod operation;
mod print;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::{fmt, sync::Arc, time::Duration};

pub(crate) use self::{
    compiled::{Compiled, Judge, Met},
    facts::{ClaimsAgain, Contents, FactPlaces, Facts, ScopeImplications, actor},
    leaf::Leaf,
    memo::{KnownLeaves, Memo},
    nearest::Unmet,
};
pub use self::{
    leaf::{RequiredClaim, RequiredDetails},
    nearest::StepUp,
    operation::Operation,
    text::RequirementError,
};
use crate::{policy::searched_parameter, token::ClaimPath};

/// A text is not a list of scope tokens (RFC 6749 section 3.3), or clients would find a parameter of the
/// challenge in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope token is one or more of the characters %x21 / %x23-5B / %x5D-7E, without `error=` or another parameter that clients search a challenge for"
)]
#[non_exhaustive]
pub struct InvalidScope;

/// What an operation needs: scopes, roles, claims, a recent login, in any combination of `and` and `or`.
/// A cheap clone.
///
/// Its [text form](#text-form) is what [`Display`](fmt::Display) prints and [`FromStr`](std::str::FromStr)
/// reads. Two requirements are equal when they are written alike.
///
/// ```
/// use tower_resource_server::policy::{Requirement, acr, role, scope};
///
/// let needed = scope("orders:write").and(acr(["gold"])).or(role("clerk"));
/// assert_eq!(needed.to_string(), "scope(orders:write) and acr(gold) or role(clerk)");
/// assert_eq!(needed.to_string().parse::<Requirement>()?, needed);
/// # Ok::<(), tower_resource_server::policy::RequirementError>(())
/// ```
///
/// # Text form
///
/// | text | met by a token |
/// |---|---|
/// | `scope(a b)` | that was granted all of these scopes |
/// | `any_scope(a b)` | that was granted one of them |
/// | `role(a b)`, `any_role(a b)` | with all of these [roles](crate::profile::TokenProfile::role_claims), with one of them |
/// | `claim(PATH = "text")`, `claim(PATH in "a" "b")` | whose claim is this string, one of these strings |
/// | `claim(PATH contains "a")` | whose claim has this element; `contains_any "a" "b"`, `contains_all "a" "b"` |
/// | `claim(PATH is true)` | whose claim is `true` |
/// | `acr(gold silver)` | whose `acr` is one of these (RFC 9470) |
/// | `amr(mfa hwk)` | whose `amr` has all of these (RFC 8176) |
/// | `max_age(300)` | whose `auth_time` is at most so many seconds ago (RFC 9470) |
/// | `client(a b)`, `issuer(URL)`, `audience(a)` | of one of these clients, of this issuer, for this audience |
/// | `actor(none)`, `actor(a b)` | that was not delegated, that one of these uses (RFC 8693 section 4.1) |
/// | `authorization_details(type action "a" location "b")` | with such an entry (RFC 9396) |
/// | `any_token` | any good token |
/// | `anonymous` | nothing: by a request without credentials alone |
/// | `never` | nothing at all |
///
/// `and` binds closer than `or`; parentheses group. PATH is a [`ClaimPath`], and ends at white space. A value
/// with white space, parentheses or quotes in it is written in quotes, with `\"` and `\\` for a quote and a
/// backslash.
#[derive(Clone, PartialEq)]
#[must_use]
pub struct Requirement(Arc<Node<Leaf>>);

/// A requirement as a tree; none holds its own kind directly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node<L> {
    AnyToken,
    Anonymous,
    Leaf(L),
    /// Every one of these; at least two.
    All(Vec<Self>),
    /// One of these; none of them is a requirement that cannot be met.
    Any(Vec<Self>),
}

impl<L> Node<L> {
    /// Whether a good token meets it, given which leaves it meets.
    pub(crate) fn is_met(&self, met: &mut impl FnMut(&L) -> bool) -> bool {
        match self {
            Self::AnyToken => true,
            Self::Anonymous => false,
            Self::Leaf(leaf) => met(leaf),
            Self::All(nodes) => nodes.iter().all(|node| node.is_met(met)),
            Self::Any(nodes) => nodes.iter().any(|node| node.is_met(met)),
        }
    }

    /// Whether a request without credentials meets it.
    fn admits_anonymous(&self) -> bool {
        match self {
            Self::AnyToken | Self::Leaf(_) => false,
            Self::Anonymous => true,
            Self::All(nodes) => nodes.iter().all(Self::admits_anonymous),
            Self::Any(nodes) => nodes.iter().any(Self::admits_anonymous),
        }
    }

    /// The leaves, in the order in which they are written.
    pub(crate) fn leaves(&self) -> Vec<&L> {
        match self {
            Self::AnyToken | Self::Anonymous => Vec::new(),
            Self::Leaf(leaf) => vec![leaf],
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().flat_map(Self::leaves).collect(),
        }
    }

    fn map<M>(&self, make: &mut impl FnMut(&L) -> M) -> Node<M> {
        let mut each = |nodes: &[Self]| nodes.iter().map(|node| node.map(make)).collect();
        match self {
            Self::AnyToken => Node::AnyToken,
            Self::Anonymous => Node::Anonymous,
            Self::All(nodes) => Node::All(each(nodes)),
            Self::Any(nodes) => Node::Any(each(nodes)),
            Self::Leaf(leaf) => Node::Leaf(make(leaf)),
        }
    }
}

/// Requires every scope of a space-separated list.
///
/// # Panics
/// When `list` is not a list of scope tokens: it is a constant of the program. Use
/// [`Requirement::scopes`] for a text that comes from outside.
#[track_caller]
pub fn scope(list: &str) -> Requirement {
    constant(list, Requirement::scopes(list))
}

/// Requires one of several scopes.
///
/// # Panics
/// When one of them is no scope token: they are constants of the program.
#[track_caller]
pub fn any_scope<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Requirement {
    let scopes = texts(scopes);
    let list = scopes.join(" ");
    constant(&list, are_scopes(&scopes).map(|()| one_of(scopes, Leaf::AnyScope)))
}

/// Requires a role; where roles are, [the profile says](crate::profile::TokenProfile::role_claims).
pub fn role(name: impl Into<Box<str>>) -> Requirement {
    Leaf::Roles([name.into()].into()).into()
}

/// Requires one of several roles.
pub fn any_role<S: Into<Box<str>>>(names: impl IntoIterator<Item = S>) -> Requirement {
    one_of(texts(names), Leaf::AnyRole)
}

/// Requires a login in one of these classes (RFC 9470): the claim `acr` is one of them. A token that
/// lacks this alone is answered with the challenge to log in so.
///
/// # Panics
/// When a class has a space, a quote, a backslash or a character beyond ASCII in it, which cannot stand in
/// `acr_values`: they are constants of the program.
#[track_caller]
pub fn acr<'a>(classes: impl IntoIterator<Item = &'a str>) -> Requirement {
    let classes = texts(classes);
    let list = classes.join(" ");
    constant(&list, are_scopes(&classes).map(|()| one_of(classes, Leaf::Acr)))
}

/// Requires these methods of authentication: the claim `amr` (RFC 8176) has all of them.
pub fn amr<S: Into<Box<str>>>(methods: impl IntoIterator<Item = S>) -> Requirement {
    all_of(texts(methods), Leaf::Amr)
}

/// Requires a login at most so long ago (RFC 9470): the claim `auth_time`, with the profile's leeway. Whole
/// seconds count. A token whose `auth_time` is no date is invalid.
pub fn max_age(age: Duration) -> Requirement {
    Leaf::MaxAge(age.as_secs()).into()
}

/// Requires one of these clients; which claim names it, the profile says.
pub fn client<S: Into<Box<str>>>(ids: impl IntoIterator<Item = S>) -> Requirement {
    one_of(texts(ids), Leaf::Client)
}

/// Requires a token of this issuer, by the name that is configured. Where no such issuer is trusted, it is
/// never met, and a warning is logged when a server, a layer or a guard is made that requires it.
pub fn issuer(name: impl Into<Box<str>>) -> Requirement {
    Leaf::Issuer(name.into()).into()
}

/// Requires this audience among those of the token, beside the one that the server demands.
pub fn audience(name: impl Into<Box<str>>) -> Requirement {
    Leaf::Audience(name.into()).into()
}

/// Requires a token that its subject uses: without `act` (RFC 8693 section 4.1).
pub fn not_delegated() -> Requirement {
    Leaf::NotDelegated.into()
}

/// Requires a token that one of these actors uses for its subject: the `sub` of the outermost `act` (RFC 8693
/// section 4.1). Those within are history, and do not count.
pub fn actor_is<S: Into<Box<str>>>(subjects: impl IntoIterator<Item = S>) -> Requirement {
    one_of(texts(subjects), Leaf::Actor)
}

/// Requires an entry of this type in `authorization_details` (RFC 9396); the methods say what it must hold.
pub fn authorization_details(kind: impl Into<Box<str>>) -> RequiredDetails {
    RequiredDetails::new(kind.into())
}

/// Requires a token that is bound to a key or a certificate of its sender (`cnf`, RFC 7800), which has proven it: for
/// operations of a server that allows bearer tokens elsewhere ([`Dpop::allowed`](crate::Dpop::allowed),
/// [`Mtls::allowed`](crate::Mtls::allowed)). On a server that takes no bound tokens it is never met, which is logged
/// as it is of an [`issuer`].
///
/// ```
/// use tower_resource_server::policy::{scope, sender_constrained};
///
/// let transfer = scope("payments:write").and(sender_constrained());
/// assert_eq!(transfer.to_string(), "scope(payments:write) and sender_constrained");
/// assert_eq!(transfer.to_string().parse(), Ok(transfer));
/// ```
pub fn sender_constrained() -> Requirement {
    Leaf::SenderConstrained.into()
}

/// Requires every one of these; any good token where there are none.
pub fn all(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    requirements.into_iter().reduce(Requirement::and).unwrap_or_default()
}

/// Requires one of these; where there are none, it is [`never`](Requirement::never) met.
pub fn any(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    requirements.into_iter().reduce(Requirement::or).unwrap_or_else(Requirement::never)
}

/// What `requirement` says, or no credentials at all. Bad ones are refused all the same (promise 9).
pub fn anonymous_or(requirement: Requirement) -> Requirement {
    Requirement::anonymous().or(requirement)
}

#[track_caller]
#[expect(clippy::panic, reason = "documented: for constants of the program")]
fn constant(list: &str, made: Result<Requirement, InvalidScope>) -> Requirement {
    match made {
        Ok(requirement) => requirement,
        Err(error) => panic!("{list:?}: {error}"),
    }
}

/// A leaf that one of these meets: none of them is never met.
fn one_of(texts: Box<[Box<str>]>, leaf: impl FnOnce(Box<[Box<str>]>) -> Leaf) -> Requirement {
    if texts.is_empty() { Requirement::never() } else { leaf(texts).into() }
}

/// A leaf that all of these meet: none of them is met by any token.
fn all_of(texts: Box<[Box<str>]>, leaf: impl FnOnce(Box<[Box<str>]>) -> Leaf) -> Requirement {
    if texts.is_empty() { Requirement::any_token() } else { leaf(texts).into() }
}

fn texts<S: Into<Box<str>>>(texts: impl IntoIterator<Item = S>) -> Box<[Box<str>]> {
    texts.into_iter().map(Into::into).collect()
}

/// Whether each is a scope token (RFC 6749 section 3.3) that can stand in a challenge.
fn are_scopes(texts: &[Box<str>]) -> Result<(), InvalidScope> {
    let can_stand = |text: &str| is_scope_token(text) && searched_parameter(text).is_none();
    if texts.iter().all(|text| can_stand(text)) { Ok(()) } else { Err(InvalidScope) }
}

/// Whether it is one scope token (RFC 6749 section 3.3).
pub(crate) fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

impl Requirement {
    /// Requires a good token, and nothing more of it.
    pub fn any_token() -> Self {
        Self(Arc::new(Node::AnyToken))
    }

    /// Requires that there are no credentials. A good token does not meet it, and a bad one never does: see
    /// [`anonymous_or`].
    pub fn anonymous() -> Self {
        Self(Arc::new(Node::Anonymous))
    }

    /// What no request meets.
    pub fn never() -> Self {
        Self(Arc::new(Node::Any(Vec::new())))
    }

    /// Requires every scope of a space-separated list (RFC 6749 section 3.3); any token when it is empty.
    ///
    /// # Errors
    /// [`InvalidScope`] when a token has a character that the grammar does not allow, or holds `scope=`,
    /// `error=`, `error_description=` or `resource_metadata=`, for which clients search a challenge.
    pub fn scopes(list: &str) -> Result<Self, InvalidScope> {
        let scopes = texts(list.split(' ').filter(|token| !token.is_empty()));
        are_scopes(&scopes)?;
        Ok(all_of(scopes, Leaf::Scopes))
    }

    /// Requires something of a claim; the methods say what. [`explain`](crate::ResourceServer::explain) does not
    /// show what the claim of a token is, since it may be about a person.
    ///
    /// ```
    /// use tower_resource_server::policy::Requirement;
    ///
    /// let ours = Requirement::claim("/org/id").equals("shop").and(Requirement::claim("verified").is_true());
    /// assert_eq!(ours.to_string(), r#"claim(/org/id = "shop") and claim(verified is true)"#);
    /// ```
    pub fn claim(path: impl Into<ClaimPath>) -> RequiredClaim {
        RequiredClaim::new(path.into())
    }

    /// Requires what both require.
    pub fn and(self, other: Self) -> Self {
        let parts = |node| match node {
            Node::All(parts) => parts,
            one => vec![one],
        };
        let mut all: Vec<_> = parts(self.into_node());
        all.extend(parts(other.into_node()));
        Self(Arc::new(Node::All(all)))
    }

    /// Requires what one of the two requires.
    pub fn or(self, other: Self) -> Self {
        let parts = |node| match node {
            Node::Any(parts) => parts,
            one => vec![one],
        };
        let mut all: Vec<_> = parts(self.into_node());
        all.extend(parts(other.into_node()));
        // One beside what is never met.
        let only = if all.len() == 1 { all.pop() } else { None };
        Self(Arc::new(only.unwrap_or(Node::Any(all))))
    }

    fn into_node(self) -> Node<Leaf> {
        Arc::unwrap_or_clone(self.0)
    }

    pub(crate) fn node(&self) -> &Node<Leaf> {
        &self.0
    }

    /// Every scope that is named anywhere in it, in the order in which they are written: what a client may
    /// have to ask for.
    pub fn named_scopes(&self) -> impl Iterator<Item = &str> {
        self.0.leaves().into_iter().flat_map(Leaf::scopes)
    }
}

/// Any good token.
impl Default for Requirement {
    fn default() -> Self {
        Self::any_token()
    }
}

impl From<Leaf> for Requirement {
    fn from(leaf: Leaf) -> Self {
        Self(Arc::new(Node::Leaf(leaf)))
    }
}

/// Its text form.
impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Requirement({self})")
    }
}

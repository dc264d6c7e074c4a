//! The words that the tables of keys are written in.

use super::tree::Node;
use crate::{
    ApiKey, Dpop, ResourceServerBuilder, TrustedIssuer, http::ResourceMetadata,
    middleware::ForwardedIdentityBuilder, net::ReqwestClientBuilder, profile::TokenProfile,
};

/// What may stand under a key.
pub(super) enum Kind {
    /// A text that is not empty.
    Text,
    /// A text that is never shown.
    Secret,
    Bool,
    /// A whole number between these.
    Number(u64, u64),
    /// A number with a unit: `30s`.
    Duration,
    /// A requirement in its text form.
    Requirement,
    /// One scope (RFC 6749 section 3.3).
    Scope,
    /// The name of a header field.
    HeaderName,
    /// One of these.
    Word(&'static [&'static str]),
    List(&'static Kind),
    /// Names that the user chooses, of this form.
    Map(NameForm, &'static Kind),
    Object(&'static Object),
    /// Whatever the format can say.
    Any,
}

/// A list of texts.
pub(super) const TEXTS: Kind = Kind::List(&Kind::Text);

/// The names of a [`Kind::Map`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameForm {
    /// A scope.
    Scope,
    /// `GET /orders/{id}`.
    Route,
    /// `/package.Service/Method`.
    GrpcMethod,
    /// A claim: its name, or a JSON Pointer.
    Claim,
    Any,
}

/// A table with these keys.
pub(super) struct Object {
    /// What it is, with its article: `an issuer`.
    pub(super) what: &'static str,
    pub(super) keys: &'static [Key],
    pub(super) rules: &'static [Rule],
}

/// What holds between the keys of a table.
pub(super) enum Rule {
    /// One of them is there, and no other.
    One(&'static [&'static str]),
    /// One of all keys is there, and no other.
    OneOfAll,
    /// No two of them are there.
    AtMostOne(&'static [&'static str]),
    /// Where the first is there, one of the others is.
    Needs(&'static str, &'static [&'static str]),
    /// The first is there, or else the second.
    Unless(&'static str, &'static str),
}

impl Rule {
    /// The keys of which no two can be there.
    pub(super) fn names(&self, object: &Object) -> Vec<&'static str> {
        match self {
            Self::One(names) | Self::AtMostOne(names) => names.to_vec(),
            Self::OneOfAll => object.keys.iter().map(|key| key.name).collect(),
            Self::Needs(..) | Self::Unless(..) => Vec::new(),
        }
    }

    /// Whether one of them must be there.
    pub(super) const fn wants_one(&self) -> bool {
        matches!(self, Self::One(_) | Self::OneOfAll)
    }
}

/// One key: what it is called, what stands there, what it is for, and what it does.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// For the reader of the schema; one sentence.
    pub(super) doc: &'static str,
    pub(super) required: bool,
    pub(super) apply: Apply,
}

/// What a key does to what is being made.
pub(super) enum Apply {
    /// What reads the whole table looks at it.
    ByHand,
    Server(fn(ResourceServerBuilder, &Node) -> ResourceServerBuilder),
    Issuer(fn(TrustedIssuer, &Node) -> TrustedIssuer),
    Profile(fn(TokenProfile, &Node) -> TokenProfile),
    Metadata(fn(ResourceMetadata, &Node) -> ResourceMetadata),
    Client(fn(ReqwestClientBuilder, &Node) -> ReqwestClientBuilder),
    Forward(fn(ForwardedIdentityBuilder, &Node) -> ForwardedIdentityBuilder),
    ApiKey(fn(ApiKey, &Node) -> ApiKey),
    Dpop(fn(Dpop, &Node) -> Dpop),
    /// It makes the issuer.
    Preset(fn(&Node) -> TrustedIssuer),
}

/// A key that what reads the whole table looks at.
pub(super) const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc, required: false, apply: Apply::ByHand }
}

/// A key that must be there.
pub(super) const fn needed(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc, required: true, apply: Apply::ByHand }
}

/// A key that does this.
pub(super) const fn doing(name: &'static str, kind: Kind, apply: Apply, doc: &'static str) -> Key {
    Key { name, kind, doc, required: false, apply }
}

impl Object {
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The key beside `name` that means the same and comes from a file, or the reverse.
    pub(super) fn twin(&self, name: &str) -> Option<&'static str> {
        let is_pair = |one: &str, other: &str| one.strip_suffix("_file") == Some(other);
        let mut names = self.keys.iter().map(|key| key.name);
        names.find(|other| is_pair(name, other) || is_pair(other, name))
    }
}

/// What keys are applied to.
pub(super) trait Target: Sized {
    /// What a key does to it, if it does.
    fn of(apply: &Apply) -> Option<fn(Self, &Node) -> Self>;

    /// Applies every key of `object` that is in `table`.
    fn applying(self, object: &'static Object, table: &Node) -> Self {
        object.keys.iter().fold(self, |target, key| match (Self::of(&key.apply), table.get(key.name)) {
            (Some(apply), Some(node)) => apply(target, node),
            _ => target,
        })
    }
}

macro_rules! targets {
    ($($Target:ty: $Variant:ident,)*) => {$(
        impl Target for $Target {
            fn of(apply: &Apply) -> Option<fn(Self, &Node) -> Self> {
                match apply {
                    Apply::$Variant(apply) => Some(*apply),
                    _ => None,
                }
            }
        }
    )*};
}

targets! {
    ResourceServerBuilder: Server,
    TrustedIssuer: Issuer,
    TokenProfile: Profile,
    ResourceMetadata: Metadata,
    ReqwestClientBuilder: Client,
    ForwardedIdentityBuilder: Forward,
    ApiKey: ApiKey,
    Dpop: Dpop,
}

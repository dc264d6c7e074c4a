//! Who made a request: an identity that only verification can make.

mod actors;
mod credential;
mod principal;
mod server_tag;
mod token_claims;

use std::{fmt, iter, ops::Deref, sync::Arc};

use http::Extensions;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::server_tag::ServerTag;
use self::token_claims::end_of;
pub use self::{
    credential::Credential,
    principal::{OwnedPrincipal, Principal},
    token_claims::TokenClaims,
};
use crate::{
    policy::{Memo, Window},
    time::UnixTime,
    token::ClaimPath,
    verify::{TokenContents, VerifiedToken},
};

/// The verified identity behind a request; a cheap clone.
///
/// It is in the request's extensions behind the layer, and an extractor in axum. No one can make
/// one without verified tokens (save in tests, with the feature `test-util`).
///
/// ```
/// use tower_resource_server::Identity;
///
/// fn greet(who: &Identity) -> String {
///     let readable = who.has_scope("orders:read");
///     format!("{} of {} (may read: {readable})", who.subject(), who.issuer())
/// }
/// ```
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

// In this order, so that what a hit reads stands together: of many identities, few lines are in a cache of
// the processor.
#[repr(C)]
struct Inner {
    /// The validity window: where those of all tokens overlap.
    window: Window,
    /// Which requirements of its server it meets.
    memo: Memo,
    /// Whether one of its tokens counts once, for a nonce or an identifier that it spends.
    counts_once: bool,
    tokens: Tokens,
    server: ServerTag,
    raw: RawTokens,
}

/// The tokens that an identity rests on: at least one.
#[repr(C)] // The role beside the evidence, for a hit.
pub(crate) struct Tokens {
    pub(crate) role: Role,
    /// The one that speaks for the identity.
    pub(crate) main: VerifiedToken,
}

/// What the main token of an identity is.
pub(crate) enum Role {
    /// An access token by itself.
    Access,
    /// An ID token by itself.
    Id,
    /// An access token with this ID token beside it.
    AccessBeside(Box<VerifiedToken>),
}

impl Tokens {
    fn access(&self) -> Option<&VerifiedToken> {
        match self.role {
            Role::Access | Role::AccessBeside(_) => Some(&self.main),
            Role::Id => None,
        }
    }

    fn id(&self) -> Option<&VerifiedToken> {
        match &self.role {
            Role::Access => None,
            Role::Id => Some(&self.main),
            Role::AccessBeside(id) => Some(id),
        }
    }

    #[inline]
    fn iter(&self) -> impl Iterator<Item = &VerifiedToken> {
        let beside = match &self.role {
            Role::AccessBeside(id) => Some(&**id),
            Role::Access | Role::Id => None,
        };
        iter::once(&self.main).chain(beside)
    }
}

/// The tokens as they came, kept only by a server that was asked to.
#[derive(Default)]
pub(crate) struct RawTokens {
    pub(crate) access: Option<Box<str>>,
    pub(crate) id: Option<Box<str>>,
    /// Whether the application was to get them, too.
    pub(crate) shown: bool,
}

/// The claims do not have the shape that was asked for; says where, or which member is missing, and
/// never what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimsError {
    line: usize,
    column: usize,
    missing: Option<Box<str>>,
}

impl ClaimsError {
    fn new(error: &serde_json::Error) -> Self {
        // What serde's own derive says where a member is absent; the name is the type's.
        let missing = error.to_string().strip_prefix("missing field `").and_then(|rest| {
            let (name, _) = rest.split_once('`')?;
            Some(name.into())
        });
        Self { line: error.line(), column: error.column(), missing }
    }

    /// The member that the type asks for and the token lacks, if that is what is wrong.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.missing {
            Some(name) => write!(f, "the token lacks the claim {name:?}"),
            None => write!(
                f,
                "the claims do not have the expected shape, at line {}, column {} of the payload",
                self.line, self.column
            ),
        }
    }
}

impl std::error::Error for ClaimsError {}

impl Identity {
    /// `None` without a token: an identity rests on at least one.
    pub(crate) fn new(server: ServerTag, tokens: Tokens, raw: RawTokens) -> Self {
        let window = tokens.iter().map(|token| token.window).fold(Window::ALWAYS, Window::intersection);
        let counts_once = tokens.iter().any(|token| token.extracted.spends.is_some());
        Self(Arc::new(Inner { window, memo: Memo::default(), counts_once, tokens, server, raw }))
    }

    /// Whether one of its tokens counts once, for a nonce or an identifier that it spends.
    #[inline]
    pub(crate) fn counts_once(&self) -> bool {
        self.0.counts_once
    }

    #[inline]
    pub(crate) fn window(&self) -> Window {
        self.0.window
    }

    #[inline]
    pub(crate) fn memo(&self) -> &Memo {
        &self.0.memo
    }

    pub(crate) fn server(&self) -> &ServerTag {
        &self.0.server
    }

    /// The verified tokens, the one that speaks for the identity first.
    #[inline]
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &VerifiedToken> {
        self.0.tokens.iter()
    }

    /// The tokens as they came, as far as the server keeps them.
    pub(crate) fn raw(&self) -> &RawTokens {
        &self.0.raw
    }

    pub(crate) fn access_contents(&self) -> Option<&TokenContents> {
        self.0.tokens.access().map(Deref::deref)
    }

    pub(crate) fn id_contents(&self) -> Option<&TokenContents> {
        self.0.tokens.id().map(Deref::deref)
    }

    fn main(&self) -> &VerifiedToken {
        &self.0.tokens.main
    }

    /// The issuer and the subject: what an application should key its records on.
    #[must_use]
    pub fn principal(&self) -> Principal<'_> {
        Principal { issuer: self.issuer(), subject: self.subject() }
    }

    /// The subject, as the issuer names it; never empty, and unique only within the issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.main().subject()
    }

    /// The issuer that signed the token, exactly as configured. Where there is no token: the resource identifier of the
    /// server, unless another was given with the credential.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.main().issuer
    }

    /// The client that the token was issued to, where the profile knows.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.main().client_id()
    }

    /// The audiences in `aud`, if there is one; this server is among them, unless the profile binds
    /// the token to it by another claim.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.main().audiences()
    }

    /// The scopes that were granted; none for an identity from an ID token alone.
    pub fn scopes(&self) -> impl Iterator<Item = &str> + Clone {
        self.main().scopes()
    }

    /// Whether `scope` was granted.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// The roles of the token, each once; where they are, the
    /// [profile says](crate::profile::TokenProfile::role_claims). Read from the kept payload at each call; an
    /// operation that needs one [requires](crate::policy::role) it.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        TokenClaims(self.main()).roles()
    }

    /// The thumbprint of the key that the access token is bound to (`jkt`, RFC 9449 section 6.1), and whose proof
    /// came with the request; `None` of a bearer token.
    #[must_use]
    pub fn key_thumbprint(&self) -> Option<&str> {
        self.access_contents()?.confirmation()?.key.as_deref()
    }

    /// The thumbprint of the certificate that the access token is bound to (`x5t#S256`, RFC 8705 section 3.1), and
    /// that came with the request; `None` of a token that is bound to none.
    #[must_use]
    pub fn certificate_thumbprint(&self) -> Option<&str> {
        self.access_contents()?.confirmation()?.certificate.as_deref()
    }

    /// The earliest `exp` of its tokens, without leeway. A request is accepted until
    /// [`valid_until`](Self::valid_until).
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.tokens().filter_map(|token| token.extracted.expires_at).min()
    }

    /// The end of the validity window: from this moment on the same tokens are refused. It is the first
    /// end that a rule of the profile or a scope with an end of its own sets, [leeway] included; `None`
    /// where nothing ends it.
    ///
    /// What a request opens must be closed by then: a WebSocket, a stream, a session. With
    /// [`expires_at`](Self::expires_at) in its place, a token that was accepted within the leeway would
    /// leave no time at all.
    ///
    /// It says nothing of a key that is withdrawn before.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_resource_server::{Identity, time::UnixTime};
    ///
    /// fn time_left(who: &Identity, now: UnixTime) -> Option<Duration> {
    ///     Some(who.valid_until()?.since(now))
    /// }
    /// ```
    ///
    /// [leeway]: crate::profile::TokenProfile::leeway
    #[must_use]
    pub fn valid_until(&self) -> Option<UnixTime> {
        end_of(self.window())
    }

    /// One claim of the token: a member by its exact name, or, when `path` begins with a slash, by
    /// JSON Pointer (RFC 6901); see [`ClaimPath`]. Read from the kept payload at each call.
    ///
    /// ```
    /// # fn roles(who: &tower_resource_server::Identity) -> Option<serde_json::Value> {
    /// who.claim("/realm_access/roles")
    /// # }
    /// ```
    #[must_use]
    pub fn claim(&self, path: impl Into<ClaimPath>) -> Option<Value> {
        TokenClaims(self.main()).claim(path)
    }

    /// The claims of the token as a type of your own, which may borrow from the identity. Read
    /// from the kept payload at each call.
    ///
    /// # Errors
    /// [`ClaimsError`] when the claims do not have that shape. They are verified all the same.
    pub fn claims<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ClaimsError> {
        TokenClaims(self.main()).claims()
    }

    /// What a vendor's software makes of the tokens, as a type: see [`FromIdentity`].
    ///
    /// # Errors
    /// [`ClaimsError`] when the claims do not have the shape that the type needs.
    pub fn context<C: FromIdentity>(&self) -> Result<C, ClaimsError> {
        C::from_identity(self)
    }

    /// The verified access token, if there was one.
    #[must_use]
    pub fn access_token(&self) -> Option<TokenClaims<'_>> {
        self.0.tokens.access().filter(|main| main.evidence.is_signature()).map(TokenClaims)
    }

    /// By which kind of credential the request was authenticated.
    ///
    /// ```
    /// # use tower_resource_server::{Credential, Identity};
    /// fn log(who: &Identity) {
    ///     if let Credential::ApiKey(name) = who.credential() {
    ///         println!("{} still uses the API key {name}", who.subject());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn credential(&self) -> Credential<'_> {
        Credential::of(&self.main().evidence)
    }

    /// The verified ID token, if there was one.
    #[must_use]
    pub fn id_token(&self) -> Option<TokenClaims<'_>> {
        self.0.tokens.id().map(TokenClaims)
    }

    /// The access token as it came, if the server was built to retain tokens.
    #[must_use]
    pub fn raw_access_token(&self) -> Option<&str> {
        self.0.raw.access.as_deref().filter(|_| self.0.raw.shown)
    }

    /// The ID token as it came, if the server was built to retain tokens.
    #[must_use]
    pub fn raw_id_token(&self) -> Option<&str> {
        self.0.raw.id.as_deref().filter(|_| self.0.raw.shown)
    }
}

/// Shows whose identity it is configured to be, and nothing that a token says.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("issuer", &self.issuer()).finish_non_exhaustive()
    }
}

/// A view of a verified identity in the terms of one system: what its own software hands to an
/// application.
///
/// ```
/// use serde::Deserialize;
/// use tower_resource_server::{ClaimsError, FromIdentity, Identity};
///
/// #[derive(Deserialize)]
/// struct Membership { tenant: String }
///
/// impl FromIdentity for Membership {
///     fn from_identity(identity: &Identity) -> Result<Self, ClaimsError> {
///         identity.claims()
///     }
/// }
/// # fn tenant(who: &Identity) -> Result<String, ClaimsError> {
/// let tenant = who.context::<Membership>()?.tenant;
/// # Ok(tenant)
/// # }
/// ```
pub trait FromIdentity: Sized {
    /// Reads the view out of the verified tokens.
    ///
    /// # Errors
    /// [`ClaimsError`] when the claims do not have the shape that the view needs.
    fn from_identity(identity: &Identity) -> Result<Self, ClaimsError>;
}

/// What the layer found out about a request; [`of`](Self::of) reads it behind the layer.
///
/// [`Anonymous`](Self::Anonymous) occurs only where authentication is optional and the request had
/// no credentials: bad ones are always refused.
///
/// A verified request has its [`Identity`] in the extensions and nothing more, since a second entry
/// would be a sixth of what a cached token costs; an anonymous one has `Anonymous`, and no identity.
///
/// A request is one of the two and no other, so that a `match` without `_` stays complete.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// The request carried no credentials, and none were demanded.
    Anonymous,
    /// The request carried tokens that passed every check.
    Verified(Identity),
}

impl Authentication {
    /// What the layer left in the extensions of a request; `None` when there is no layer.
    ///
    /// ```
    /// use tower_resource_server::Authentication;
    ///
    /// fn is_logged_in<B>(request: &http::Request<B>) -> Option<bool> {
    ///     Some(Authentication::of(request.extensions())?.identity().is_some())
    /// }
    /// ```
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        match extensions.get::<Identity>() {
            Some(identity) => Some(Self::Verified(identity.clone())),
            // Only a layer says so, and it has taken away any identity that was there.
            None => extensions.get::<Self>().filter(|said| said.identity().is_none()).cloned(),
        }
    }

    /// The identity, unless anonymous.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Anonymous => None,
            Self::Verified(identity) => Some(identity),
        }
    }
}

//! What a verifier of the application says of a credential, and the identity that is made of it.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::contents::Given;
use crate::{
    error::TokenError,
    identity::{self, Identity, RawTokens, Role, ServerTag},
    json,
    time::UnixTime,
    token::TokenLimits,
    verify::{Evidence, VerifiedToken},
};

/// Who has a credential, and what they may do: the good answer of a [`CredentialVerifier`](crate::CredentialVerifier).
///
/// ```
/// use serde_json::json;
/// use tower_resource_server::{VerifiedCredential, time::UnixTime};
///
/// // What an authorization server says of a token (RFC 7662 section 2.2):
/// let answer = json!({ "active": true, "sub": "alice", "client_id": "web", "scope": "orders:read", "exp": 1_798_758_000 });
/// let who = VerifiedCredential::new("alice")
///     .issuer("https://login.example")
///     .client("web")
///     .scopes("orders:read")
///     .expires_at(UnixTime::from_secs(1_798_758_000))
///     .claims(answer.as_object().cloned().unwrap_or_default());
/// # let _ = who;
/// ```
#[derive(Clone, PartialEq)]
#[must_use]
pub struct VerifiedCredential {
    subject: Box<str>,
    issuer: Option<Arc<str>>,
    client: Option<Box<str>>,
    scopes: Box<str>,
    roles: Box<[Box<str>]>,
    claims: Map<String, Value>,
    expires_at: Option<UnixTime>,
}

/// Why no identity comes of what a verifier says.
#[derive(Debug)]
pub(super) enum Unusable {
    /// The credential is not good, for this reason.
    Refused(TokenError),
    /// The verifier is wrong: what it says is no identity.
    Mistaken(&'static str),
}

impl VerifiedCredential {
    /// The credential is of this subject, which must not be empty: an answer without one is a mistake of the verifier, and
    /// the request is answered 503.
    pub fn new(subject: impl Into<Box<str>>) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            client: None,
            scopes: Box::default(),
            roles: Box::default(),
            claims: Map::new(),
            expires_at: None,
        }
    }

    /// The issuer by which [`Identity::principal`](crate::Identity::principal) knows the subject: the resource identifier of
    /// the server unless it is set. Subjects of two systems are two people, so name the system that the subject is of.
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The client that has the credential.
    pub fn client(mut self, client: impl Into<Box<str>>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// The scopes that were granted, with spaces between; none unless it is set.
    pub fn scopes(mut self, list: impl Into<Box<str>>) -> Self {
        self.scopes = list.into();
        self
    }

    /// The roles of the subject; none unless it is set.
    pub fn roles<R: Into<Box<str>>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// What else is known: what [`Identity::claim`](crate::Identity::claim) reads, and requirements on claims, `acr`, `amr`,
    /// `auth_time`, `act` and `authorization_details` look at. Subject, client, scopes, roles and expiry are what the
    /// other methods say, whatever stands here.
    ///
    /// They are held to what holds for the claims of tokens: size and nesting of
    /// [`TokenLimits`](crate::token::TokenLimits), and no private name of serde_json; beyond it the request is answered 503.
    /// With `cnf` the credential is bound to its sender and refused, since no proof of possession is verified.
    pub fn claims(mut self, claims: Map<String, Value>) -> Self {
        self.claims = claims;
        self
    }

    /// The moment from which on the credential is not good, without leeway. None unless it is set.
    pub fn expires_at(mut self, moment: impl Into<Option<UnixTime>>) -> Self {
        self.expires_at = moment.into();
        self
    }

    /// The identity, of the server with this tag; `remembered` is until when it is, on the monotonic clock.
    pub(super) fn identity(
        self,
        tag: &ServerTag,
        limits: &TokenLimits,
        remembered: Option<Duration>,
    ) -> Result<Identity, Unusable> {
        if self.subject.is_empty() || self.issuer.as_deref().is_some_and(str::is_empty) {
            return Err(Unusable::Mistaken("its subject or its issuer is empty"));
        }
        if self.claims.get("cnf").is_some_and(|cnf| !cnf.is_null()) {
            return Err(Unusable::Refused(TokenError::SenderConstrained));
        }
        let claims = serde_json::to_string(&self.claims).unwrap_or_default();
        if claims.len() > limits.token_bytes || !json::is_strict(&claims, limits.nesting) {
            return Err(Unusable::Mistaken("its claims are too large or too deep, or have a reserved name"));
        }
        let given = Given {
            issuer: self.issuer.unwrap_or_else(|| Arc::clone(tag.resource())),
            subject: &self.subject,
            client: self.client.as_deref(),
            scopes: &self.scopes,
            roles: self.roles,
            claims: claims.into(),
            until: self.expires_at,
        };
        let evidence = Evidence::Verifier { remembered };
        let main = VerifiedToken::vouched(given.contents(), evidence);
        let tokens = identity::Tokens { main, role: Role::Access };
        Ok(Identity::new(tag.clone(), tokens, RawTokens::default()))
    }
}

/// Nothing that is said of a person.
impl fmt::Debug for VerifiedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedCredential").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

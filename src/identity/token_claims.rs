//! One verified token of an identity, and what it says.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::{ClaimsError, Principal};
use crate::{json, policy::Window, time::UnixTime, token::ClaimPath, verify::VerifiedToken};

/// One verified token of an [`Identity`](crate::Identity), which rests on one or two.
#[derive(Clone, Copy)]
pub struct TokenClaims<'a>(pub(super) &'a VerifiedToken);

impl<'a> TokenClaims<'a> {
    /// The issuer and the subject of this token.
    #[must_use]
    pub fn principal(&self) -> Principal<'a> {
        Principal { issuer: self.issuer(), subject: self.subject() }
    }

    /// The subject of this token.
    #[must_use]
    pub fn subject(&self) -> &'a str {
        self.0.subject()
    }

    /// The issuer of this token, exactly as configured.
    #[must_use]
    pub fn issuer(&self) -> &'a str {
        &self.0.issuer
    }

    /// The client that this token was issued to, where the profile knows.
    #[must_use]
    pub fn client_id(&self) -> Option<&'a str> {
        self.0.client_id()
    }

    /// The audiences of this token.
    pub fn audiences(&self) -> impl Iterator<Item = &'a str> {
        self.0.audiences()
    }

    /// The scopes in this token.
    pub fn scopes(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.0.scopes()
    }

    /// Whether `scope` is in this token.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// The roles in this token, each once; see [`Identity::roles`](crate::Identity::roles).
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        let claims: Value = self.claims().unwrap_or_default();
        let mut once: Vec<String> = Vec::new();
        for role in self.0.places.roles(&claims) {
            if !once.iter().any(|known| known == role) {
                once.push(role.to_owned());
            }
        }
        once
    }

    /// The `exp` of this token, without leeway.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.0.extracted.expires_at
    }

    /// The end of the validity window of this token; see [`Identity::valid_until`](crate::Identity::valid_until).
    #[must_use]
    pub fn valid_until(&self) -> Option<UnixTime> {
        end_of(self.0.window)
    }

    /// One claim; see [`Identity::claim`](crate::Identity::claim).
    #[must_use]
    pub fn claim(&self, path: impl Into<ClaimPath>) -> Option<Value> {
        let mut claims: Value = self.claims().ok()?;
        path.into().find(&mut claims).map(Value::take)
    }

    /// All claims as a type of your own; see [`Identity::claims`](crate::Identity::claims).
    ///
    /// # Errors
    /// [`ClaimsError`] when the claims do not have that shape.
    pub fn claims<T: Deserialize<'a>>(&self) -> Result<T, ClaimsError> {
        json::read_again(&self.0.payload).map_err(|error| ClaimsError::new(&error))
    }

    /// A member of the header, verified with the rest; only where the profile
    /// [keeps headers](crate::profile::TokenProfile::keep_header).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Value> {
        let mut header: Value = json::read_again(self.0.header.as_deref()?).ok()?;
        header.get_mut(name).map(Value::take)
    }
}

impl fmt::Debug for TokenClaims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenClaims").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

/// The end of a window that has one.
pub(super) fn end_of(window: Window) -> Option<UnixTime> {
    (window.until < Window::ALWAYS.until).then_some(window.until)
}

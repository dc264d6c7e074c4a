//! How a token is bound to its sender: `cnf` (RFC 7800).

use crate::{
    error::{ClaimName, TokenError},
    token::{ClaimId, ClaimNames, ClaimPath, ClaimValue, Claims},
};

/// What the sender of a token must prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// The thumbprint of a key that it holds (`jkt`, RFC 9449 section 6.1).
    pub(crate) thumbprint: Box<str>,
}

/// Where a profile finds it.
#[derive(Clone, Debug)]
pub(super) struct ConfirmationClaims {
    pub(super) cnf: (ClaimId, ClaimName),
    jkt: ClaimId,
}

impl ConfirmationClaims {
    pub(super) fn new(names: &mut ClaimNames) -> Self {
        let cnf = ClaimPath::from("cnf");
        Self { cnf: (names.intern(&cnf), cnf.name()), jkt: names.intern("/cnf/jkt") }
    }

    /// What the token must be confirmed by; `None` of a bearer token. Every method that it names must be one
    /// that can be checked: one that is passed over would be a constraint that is not enforced.
    pub(super) fn read(&self, claims: &Claims<'_>) -> Result<Option<Box<Confirmation>>, TokenError> {
        let Some(cnf) = claims.get(self.cnf.0) else { return Ok(None) };
        match (cnf, claims.get(self.jkt)) {
            (ClaimValue::StringMembers(1), Some(ClaimValue::String(thumbprint))) => {
                Ok(Some(Box::new(Confirmation { thumbprint: thumbprint.into() })))
            }
            _ => Err(TokenError::SenderConstrained),
        }
    }
}

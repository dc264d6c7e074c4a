//! How a token is bound to its sender: `cnf` (RFC 7800).

use crate::{
    error::{ClaimName, TokenError},
    proof::Holder,
    token::{ClaimId, ClaimNames, ClaimPath, ClaimValue, Claims},
};

/// What the sender of a token must prove: all of it.
#[derive(Debug)]
pub(crate) struct Confirmation {
    /// The thumbprint of a key that it holds (`jkt`, RFC 9449 section 6.1).
    pub(crate) key: Option<Box<str>>,
    /// The thumbprint of a certificate that it shows (`x5t#S256`, RFC 8705 section 3.1).
    pub(crate) certificate: Option<Box<str>>,
    /// What is known of who holds the key.
    pub(crate) holder: Holder,
}

/// The methods of confirmation that a server has checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConfirmationMethods {
    pub(crate) key: bool,
    pub(crate) certificate: bool,
}

impl ConfirmationMethods {
    pub(crate) const fn is_any(self) -> bool {
        self.key || self.certificate
    }
}

/// Where a profile finds it.
#[derive(Clone, Debug)]
pub(super) struct ConfirmationClaims {
    pub(super) cnf: (ClaimId, ClaimName),
    key: Option<ClaimId>,
    certificate: Option<ClaimId>,
}

impl ConfirmationClaims {
    pub(super) fn new(methods: ConfirmationMethods, names: &mut ClaimNames) -> Self {
        let cnf = ClaimPath::from("cnf");
        Self {
            cnf: (names.intern(&cnf), cnf.name()),
            key: methods.key.then(|| names.intern("/cnf/jkt")),
            certificate: methods.certificate.then(|| names.intern("/cnf/x5t#S256")),
        }
    }

    /// What the token must be confirmed by; `None` of a bearer token. Every method that it names must be one
    /// that is checked: one that is passed over would be a constraint that is not enforced.
    pub(super) fn read(&self, claims: &Claims<'_>) -> Result<Option<Box<Confirmation>>, TokenError> {
        let Some(cnf) = claims.get(self.cnf.0) else { return Ok(None) };
        let text = |id: Option<ClaimId>| claims.get(id?)?.as_str();
        let (key, certificate) = (text(self.key), text(self.certificate));
        let known = key.iter().chain(&certificate).count();
        match cnf {
            ClaimValue::StringMembers(members) if members == known && known > 0 => {
                let owned = |text: Option<&str>| text.map(Into::into);
                let (key, certificate) = (owned(key), owned(certificate));
                Ok(Some(Box::new(Confirmation { key, certificate, holder: Holder::default() })))
            }
            _ => Err(TokenError::SenderConstrained),
        }
    }

    /// What must hold of it.
    pub(super) const fn in_words(&self) -> &'static str {
        match (self.key, self.certificate) {
            (_, None) => "binds the token to a key by jkt and in no other way, if present",
            (None, Some(_)) => "binds the token to a certificate by x5t#S256 and in no other way, if present",
            (Some(_), Some(_)) => {
                "binds the token to a key by jkt, to a certificate by x5t#S256, or to both, and in no other way, if present"
            }
        }
    }
}

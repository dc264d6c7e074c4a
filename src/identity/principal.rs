//! What identifies a user or client for good.

/// The issuer and the subject within it: what identifies a user or client for good.
///
/// A subject alone does not: two issuers may give the same one to different people (RFC 7519
/// section 4.1.2, OpenID Connect Core section 5.7).
///
/// It has these two fields and no other: it can be written and taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The subject, unique within the issuer.
    pub subject: &'a str,
}

impl Principal<'_> {
    /// The same with texts of its own, for what outlives the request.
    #[must_use]
    pub fn into_owned(self) -> OwnedPrincipal {
        OwnedPrincipal { issuer: self.issuer.to_owned(), subject: self.subject.to_owned() }
    }
}

/// A [`Principal`] with texts of its own: the key of a map, or of a record. It has the same two fields and no other.
///
/// ```
/// use std::collections::HashMap;
/// use tower_resource_server::{Identity, OwnedPrincipal};
///
/// fn count(visits: &mut HashMap<OwnedPrincipal, u64>, who: &Identity) {
///     *visits.entry(who.principal().into_owned()).or_default() += 1;
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnedPrincipal {
    /// The issuer.
    pub issuer: String,
    /// The subject, unique within the issuer.
    pub subject: String,
}

impl OwnedPrincipal {
    /// The same, borrowed.
    #[must_use]
    pub fn as_principal(&self) -> Principal<'_> {
        Principal { issuer: &self.issuer, subject: &self.subject }
    }
}

impl From<Principal<'_>> for OwnedPrincipal {
    fn from(principal: Principal<'_>) -> Self {
        principal.into_owned()
    }
}

//! Whether an access token and an ID token of one request belong together (promise 7), as data.
//!
//! Each was verified by itself. Without these rules the access token of one user and the ID token of
//! another, leaked or borrowed, would make the first the second.

use crate::{error::TokenError, policy::has_any, verify::TokenContents};

/// When an access token and an ID token of one request belong together.
///
/// Both are always of one issuer. The default is OpenID Connect's: one subject, and the ID token is
/// for the client of the access token.
///
/// `at_hash` is not among these rules: the profile of the ID token compares it, with
/// [`hashes_access_token`](crate::policy::ClaimRule::hashes_access_token). Those that the crate makes
/// for ID tokens beside access tokens all do; one of your own must say so itself.
///
/// ```
/// use tower_resource_server::PairRules;
///
/// // An issuer whose ID tokens say `sub` = `{something}:{subject of the access token}`:
/// let rules = PairRules::openid().subject_after(':').shared_audience(true);
/// # let _ = rules;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct PairRules {
    subject: SubjectRule,
    audience: AudienceRule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SubjectRule {
    Same,
    /// The ID token's is the access token's behind this character.
    After(char),
    Unchecked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AudienceRule {
    Client,
    Shared,
    /// Shared, where both tokens have one.
    SharedIfNamed,
}

impl Default for PairRules {
    fn default() -> Self {
        Self::openid()
    }
}

impl PairRules {
    /// One subject, and the ID token is for the client of the access token.
    pub const fn openid() -> Self {
        Self { subject: SubjectRule::Same, audience: AudienceRule::Client }
    }

    /// The ID token's subject ends with `separator` and the access token's subject.
    pub const fn subject_after(mut self, separator: char) -> Self {
        self.subject = SubjectRule::After(separator);
        self
    }

    /// Whether both tokens have an audience in common, in place of the client: for issuers whose tokens
    /// name no client. Unless this says so, the client decides.
    pub const fn shared_audience(mut self, shared: bool) -> Self {
        self.audience = if shared { AudienceRule::Shared } else { AudienceRule::Client };
        self
    }

    /// Whether the ID token is tied to a client by the access token, and needs none configured.
    pub(super) fn bind_audience(self) -> bool {
        matches!(self.audience, AudienceRule::Shared | AudienceRule::SharedIfNamed)
    }

    /// The audience in common may be missing where a token has none at all: see the preset that
    /// offers it.
    pub(crate) const fn audience_if_named(mut self) -> Self {
        self.audience = AudienceRule::SharedIfNamed;
        self
    }

    /// The subjects may differ: see the preset that offers it.
    pub(crate) const fn any_subject(mut self) -> Self {
        self.subject = SubjectRule::Unchecked;
        self
    }

    pub(super) fn check(self, access: &TokenContents, id: &TokenContents) -> Result<(), TokenError> {
        let same_subject = match self.subject {
            SubjectRule::Same => access.subject() == id.subject(),
            SubjectRule::After(separator) => {
                let head = id.subject().strip_suffix(access.subject());
                head.is_some_and(|head| head.ends_with(separator))
            }
            SubjectRule::Unchecked => true,
        };
        let fits = match (self.audience, access.client_id(), id.client_id()) {
            (AudienceRule::Shared, ..) => share_audience(access, id),
            (AudienceRule::SharedIfNamed, ..) => {
                let names_none = |token: &TokenContents| token.audiences().next().is_none();
                names_none(access) || names_none(id) || share_audience(access, id)
            }
            // `azp` names the one client that the ID token was issued to; `aud` may name more.
            (AudienceRule::Client, Some(client), Some(authorized)) => client == authorized,
            (AudienceRule::Client, Some(client), None) => id.audiences().any(|audience| audience == client),
            // The access token does not say; the ID token is for our configured client all the same.
            (AudienceRule::Client, None, _) => true,
        };
        if access.issuer == id.issuer && same_subject && fits {
            Ok(())
        } else {
            Err(TokenError::PairMismatch)
        }
    }
}

fn share_audience(access: &TokenContents, id: &TokenContents) -> bool {
    has_any(access.audiences(), id.audiences())
}

//! Tokens that count once: what each spends.

use super::TokenProfile;
use crate::token::ClaimPath;

/// What a token spends, so that it counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Once {
    /// A nonce that this server issued.
    Nonce,
    /// An identifier that the issuer gave it.
    Id,
}

impl TokenProfile {
    /// The claim with a nonce of this server, which each token spends: it must be there, a non-empty
    /// string. It ties a token to this server in place of `aud`. Such tokens are never cached.
    ///
    /// It is spent last, after every rule, the signature, the other token of the request, and what the
    /// operation requires; only what a guard behind a layer requires beyond that is looked at
    /// afterwards. A nonce comes from [`ResourceServer::issue_nonce`](crate::ResourceServer::issue_nonce).
    pub fn spends_nonce(mut self, claim: impl Into<ClaimPath>) -> Self {
        self.spends = Some((Once::Nonce, claim.into()));
        self
    }

    /// The claim with an identifier that each token spends, `jti` as a rule (RFC 7519 section 4.1.7): it must be
    /// there, a non-empty string, and a second token with the same one is refused
    /// ([`AlreadyUsed`](crate::error::TokenError::AlreadyUsed)) until the first could no longer be used. For tokens
    /// that are handed over once, such as those of CI jobs. They are never cached.
    ///
    /// It is spent last, as a [nonce](Self::spends_nonce) is, in the
    /// [store of the server](crate::ResourceServerBuilder::spent_tokens). Identifiers of two issuers are apart. It ties
    /// a token to no server: servers that do not share a store each take a token once, and so does one that was
    /// started again with a store in memory.
    ///
    /// ```
    /// use tower_resource_server::profile::TokenProfile;
    ///
    /// let profile = TokenProfile::jwt().single_use("jti");
    /// # let _ = profile;
    /// ```
    pub fn single_use(mut self, claim: impl Into<ClaimPath>) -> Self {
        self.spends = Some((Once::Id, claim.into()));
        self
    }

    /// Whether its tokens spend this.
    pub(crate) fn spends(&self, what: Once) -> bool {
        matches!(&self.spends, Some((spent, _)) if *spent == what)
    }

    /// Whether its tokens spend anything.
    pub(crate) const fn counts_once(&self) -> bool {
        self.spends.is_some()
    }
}

//! Choices that most profiles must not make.

use super::TokenProfile;

/// A profile about to accept more than most should; made by [`TokenProfile::dangerous`].
#[derive(Debug)]
#[must_use]
pub struct DangerousProfile(TokenProfile);

impl TokenProfile {
    /// Choices that most profiles must not make.
    pub fn dangerous(self) -> DangerousProfile {
        DangerousProfile(self)
    }
}

impl DangerousProfile {
    /// Lets a server be built although no rule bounds the lifetime of a token: for issuers that write
    /// no `exp` (RFC 7519 section 4.1.4 leaves it optional). A token that leaks is then good until its
    /// key is withdrawn.
    ///
    /// It takes no rule out; that is for [`without_rules_on`](TokenProfile::without_rules_on).
    ///
    /// ```
    /// use tower_resource_server::{policy::claim, profile::TokenProfile};
    ///
    /// let profile = TokenProfile::jwt()
    ///     .without_rules_on("exp")
    ///     .rule(claim("exp").after_now().if_present())
    ///     .dangerous()
    ///     .unbounded_lifetime();
    /// # let _ = profile;
    /// ```
    pub fn unbounded_lifetime(self) -> TokenProfile {
        TokenProfile { endless: true, ..self.0 }
    }
}

//! SCEYT's tokens: what the back end of a chat application hands to its users.

use std::time::Duration;

use super::{Algorithm, IssueError, TokenIssuer};
use crate::token::sceyt::{APPLICATION_CLAIM, MIN_LIFETIME, TYPE};

/// Mints the tokens of one SCEYT application, and none that lives shorter or longer than they may.
///
/// The shape is that of the vendor's own samples: header `{"alg":"RS256","typ":"JWT"}`, without a
/// `kid`; claims `sub`, `iat`, `nbf` (the same) and `exp`, in whole seconds. What verifies them is
/// `preset::sceyt::server`.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::{
///     issuer::{SceytIssuer, SigningKey, TokenIssuer},
///     keys::Algorithm,
/// };
///
/// # let key = SigningKey::generate(Algorithm::RS256)?;
/// let backend = TokenIssuer::builder("https://backend.example").signing_key(key).build()?;
/// let sceyt = SceytIssuer::new(backend, Duration::from_secs(6 * 3600))?;
/// let token = sceyt.mint("alice", Duration::from_secs(3600))?;
/// assert!(sceyt.mint("alice", Duration::from_secs(599)).is_err());
/// # let _ = token;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SceytIssuer {
    issuer: TokenIssuer,
    max_lifetime: Duration,
    application: Option<String>,
}

impl SceytIssuer {
    /// Mints with the keys and the clock of `issuer`, whose name stands in no token: with its signing
    /// key, or where that is of another algorithm with the RS256 key that it publishes.
    ///
    /// `max_lifetime` is the longest that a token may live. SCEYT's guide speaks of hours and gives
    /// no number; its sample does six.
    ///
    /// # Errors
    /// [`IssueError::UnknownKey`] when `issuer` has no RS256 key,
    /// [`IssueError::LifetimeOutOfBounds`] when `max_lifetime` is under 10 minutes.
    pub fn new(issuer: TokenIssuer, max_lifetime: Duration) -> Result<Self, IssueError> {
        issuer.key(Some(&Algorithm::RS256.into()))?;
        within(max_lifetime, Duration::MAX)?;
        Ok(Self { issuer, max_lifetime, application: None })
    }

    /// Writes `aid`, the identifier of the application, into each token: then none passes for another
    /// application.
    #[must_use]
    pub fn application(mut self, id: impl Into<String>) -> Self {
        self.application = Some(id.into());
        self
    }

    /// Signs a token for this user that lives this long, in whole seconds: at least 10 minutes, and
    /// at most what was configured.
    ///
    /// # Errors
    /// [`IssueError::LifetimeOutOfBounds`], [`IssueError::EmptySubject`] for a user without a name,
    /// [`IssueError::UnknownKey`] when the RS256 key is gone, [`IssueError::Signing`].
    pub fn mint(&self, user: &str, lifetime: Duration) -> Result<String, IssueError> {
        within(lifetime, self.max_lifetime)?;
        if user.is_empty() {
            return Err(IssueError::EmptySubject);
        }
        let now = self.issuer.now();
        let token = self
            .issuer
            .token()
            .signed_with(Algorithm::RS256)
            .typ(TYPE)
            .without_header("kid")
            .claim("sub", user)
            .issued_at(now)
            .not_before(now)
            // A fraction would be rounded into `exp`, and might cross the bound there.
            .lifetime(Duration::from_secs(lifetime.as_secs()));
        match &self.application {
            Some(id) => token.claim(APPLICATION_CLAIM, id.as_str()),
            None => token,
        }
        .mint()
    }
}

fn within(lifetime: Duration, max: Duration) -> Result<(), IssueError> {
    if (MIN_LIFETIME..=max).contains(&lifetime) {
        Ok(())
    } else {
        Err(IssueError::LifetimeOutOfBounds { lifetime, min: MIN_LIFETIME, max })
    }
}

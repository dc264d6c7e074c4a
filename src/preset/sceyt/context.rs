//! Who a token is about, and how long it still lasts.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use crate::{Identity, time::UnixTime};

/// How long before the end a token is about to expire: 5 minutes, when SCEYT's clients call
/// `onTokenWillExpire` and the application must bring a new token.
pub const WILL_EXPIRE: Duration = Duration::from_secs(300);

/// Who a SCEYT token is about, and how long it still lasts, at one moment.
///
/// As JSON, times in whole seconds:
/// `{"user":"alice","application":"4nwpg1kdz2","expires_at":1700021600,"remaining":21600,"will_expire":false}`.
///
/// ```
/// use tower_resource_server::{Identity, preset::sceyt::Context, time::{Clock, SystemClock}};
///
/// fn advise(who: &Identity) -> Option<String> {
///     let context = Context::at(who, SystemClock.unix())?;
///     context.will_expire.then(|| format!("{}: a new token, please", context.user))
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Context {
    /// The user: `sub`. Unique within the application alone.
    pub user: String,
    /// The application whose key signed the token.
    pub application: String,
    /// When the token ends: `exp`, without leeway.
    #[serde(serialize_with = "as_seconds")]
    pub expires_at: UnixTime,
    /// How long it still lasts; zero once it has ended, though leeway may let it pass.
    #[serde(serialize_with = "whole_seconds")]
    pub remaining: Duration,
    /// Whether at most [`WILL_EXPIRE`] is left.
    pub will_expire: bool,
}

/// Shows the application and the times, and not the user.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("application", &self.application)
            .field("expires_at", &self.expires_at)
            .field("remaining", &self.remaining)
            .field("will_expire", &self.will_expire)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// What an identity comes to at `now`; `None` for one that never ends, and so is no SCEYT user's.
    #[must_use]
    pub fn at(identity: &Identity, now: UnixTime) -> Option<Self> {
        let expires_at = identity.expires_at()?;
        let remaining = expires_at.since(now);
        Some(Self {
            user: identity.subject().to_owned(),
            application: identity.issuer().to_owned(),
            expires_at,
            remaining,
            will_expire: remaining <= WILL_EXPIRE,
        })
    }
}

fn as_seconds<S: Serializer>(at: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(at.as_secs())
}

fn whole_seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(span.as_secs())
}

//! Who uses a token for its subject (RFC 8693 section 4.1).

use std::iter;

use serde_json::Value;

use super::Identity;
use crate::policy::actor;

impl Identity {
    /// Who uses the token for its subject: the `sub` of the outermost `act` (RFC 8693 section 4.1); `None` where
    /// the token was not delegated, or its `act` names no subject. Those within are history, and must not
    /// decide anything. Read from the kept payload at each call.
    #[must_use]
    pub fn actor(&self) -> Option<String> {
        actor(&self.claim("act")?).map(str::to_owned)
    }

    /// The actor, and behind it those that used the token before it, the latest first (RFC 8693 section 4.1): for logs.
    /// What decides is [`actor`](Self::actor) alone. One that names no subject is an empty text. Read from the kept
    /// payload at each call.
    #[must_use]
    pub fn actor_history(&self) -> Vec<String> {
        let act = self.claim("act").filter(Value::is_object);
        let acts = iter::successors(act.as_ref(), |act| act.get("act").filter(|act| act.is_object()));
        acts.map(|act| actor(act).unwrap_or_default().to_owned()).collect()
    }
}

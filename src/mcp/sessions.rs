//! Session ids that are good for one principal.
//!
//! The specification wants a session to belong to the user that began it. The guard keeps no list of
//! sessions for that: it hands an id out with an HMAC over it and over the principal, and takes the HMAC off
//! again before the server sees the id. So there is no memory that clients could fill, nothing that would
//! have to expire, and several instances agree where they share a secret. How long a session lives stays
//! the server's own concern.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::{
    fault::Fault,
    headers::{SESSION_ID, single},
};
use crate::{
    identity::Identity,
    keys::{WeakSecret, secret},
};

/// The length of HMAC-SHA256, and of the shortest secret.
const TAG: usize = 32;

/// What is between the server's id and the HMAC.
const SEPARATOR: char = '.';

/// A secret that cannot bind sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionSecretError {
    /// A secret that could be guessed.
    #[error("a secret of {length} bytes; use at least {minimum} random ones")]
    SecretTooShort {
        /// Its length in bytes.
        length: usize,
        /// The least that is accepted.
        minimum: usize,
    },
    /// A secret that others know, or soon guess.
    #[error(transparent)]
    WeakSecret(#[from] WeakSecret),
}

/// Binds session ids to principals.
#[derive(Clone)]
pub(super) struct Sessions {
    /// Without one, which the system's randomness is needed for, no session can be bound, and none is let
    /// through.
    key: Option<hmac::Key>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Under a key of this process.
    pub(super) fn random() -> Self {
        let mut secret = Zeroizing::new([0; TAG]);
        let filled = rand::fill(&mut *secret);
        Self { key: filled.ok().map(|()| hmac::Key::new(hmac::HMAC_SHA256, &*secret)) }
    }

    pub(super) fn with_secret(secret: &[u8]) -> Result<Self, SessionSecretError> {
        if secret.len() < TAG {
            return Err(SessionSecretError::SecretTooShort { length: secret.len(), minimum: TAG });
        }
        secret::check(secret)?;
        Ok(Self { key: Some(hmac::Key::new(hmac::HMAC_SHA256, secret)) })
    }

    /// Puts the server's own id in the place of the one that the client sent.
    ///
    /// # Errors
    /// [`Fault::UnknownSession`] when it was not handed out to this principal.
    pub(super) fn open(&self, headers: &mut HeaderMap, who: &Identity) -> Result<bool, Fault> {
        let Some(sent) = single(headers, &SESSION_ID, Fault::UnknownSession)? else { return Ok(false) };
        let own = self.opened(sent, who).ok_or(Fault::UnknownSession)?;
        let own = HeaderValue::from_str(own).map_err(|_| Fault::UnknownSession)?;
        headers.insert(&SESSION_ID, own);
        Ok(true)
    }

    fn opened<'a>(&self, sent: &'a str, who: &Identity) -> Option<&'a str> {
        let (own, tag) = sent.rsplit_once(SEPARATOR)?;
        let tag = URL_SAFE_NO_PAD.decode_to_vec(tag).ok()?;
        hmac::verify(self.key.as_ref()?, &covered(own, who), &tag).ok()?;
        Some(own)
    }

    /// Binds the id that an answer hands out. One that cannot be bound is taken away.
    pub(super) fn bind(&self, headers: &mut HeaderMap, who: &Identity) {
        let Ok(own) = single(headers, &SESSION_ID, Fault::UnknownSession) else {
            headers.remove(&SESSION_ID);
            return;
        };
        let Some(own) = own else { return };
        let bound = self.key.as_ref().and_then(|key| {
            let tag = hmac::sign(key, &covered(own, who));
            let tag = URL_SAFE_NO_PAD.encode_to_string(tag);
            HeaderValue::try_from(format!("{own}{SEPARATOR}{tag}")).ok()
        });
        match bound {
            Some(bound) => drop(headers.insert(&SESSION_ID, bound)),
            None => drop(headers.remove(&SESSION_ID)),
        }
    }
}

/// The session and the principal: resource server, issuer, subject and client, each with its length, so that
/// no two of them are the same bytes.
fn covered(session: &str, who: &Identity) -> Vec<u8> {
    let parts = [
        Some(session),
        Some(&**who.server().resource()),
        Some(who.issuer()),
        Some(who.subject()),
        who.client_id(),
    ];
    let mut covered = b"MCP session".to_vec();
    for part in parts {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        covered.extend(length.to_be_bytes());
        covered.extend(part.unwrap_or_default().bytes());
    }
    covered
}

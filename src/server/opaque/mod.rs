//! Credentials that are no JWT by their form: static API keys, and what a verifier of the application accepts.
//!
//! - `api_key`, `api_keys`: the keys, as data; `digest`: what is kept of a secret.
//! - `table`: the keys made ready; `status`: how they are doing, and how they are replaced.
//! - `verifier`: the seam of the application, and its bounds; `verified`: what it answers; `asked`: how it is asked.
//! - `contents`: an identity without a token, in the form that tokens are read into; `explained`: why a credential is
//!   accepted or not.
//!
//! **The form decides.** [`is_jwt`] looks at the dots, before anything is looked up. What has the form of a JWT is
//! verified as a token and nothing else: where that fails it is refused, whatever else would take it. What has not is
//! never verified as a token. So a token whose signature was cut off does not become a key.
//!
//! **It costs nothing where it is not used.** A request comes here when its credential was refused as malformed, which
//! is what every credential of another form is to the verification of tokens.

mod api_key;
mod api_keys;
mod asked;
mod contents;
mod digest;
mod explained;
mod status;
mod table;
mod verified;
mod verifier;

use arc_swap::ArcSwap;

pub(crate) use self::asked::{Answer, VerifierWait};
pub use self::{
    api_key::ApiKey,
    api_keys::ApiKeys,
    status::{ApiKeyState, ApiKeyStatus, ReplaceApiKeysError},
    verified::VerifiedCredential,
    verifier::{
        CredentialError, CredentialVerifier, CredentialVerifierSettings, OpaqueCredential, Verification,
    },
};
use self::{
    asked::Verifier,
    table::{Lookup, Table},
};
use super::{Inner, ResourceServerBuilder, problems::Problems};
use crate::{
    error::{ConfigProblem, Malformed, TokenError},
    http::{Credentials, TokenKind, is_token68},
    identity::{Identity, ServerTag},
    metrics::CredentialCounters,
    time::Now,
    verify::Failure,
};

/// What a server accepts beside tokens.
pub(super) struct Opaque {
    keys: Option<ArcSwap<Table>>,
    verifier: Option<Verifier>,
    counters: CredentialCounters,
}

/// Whether a credential has the form of a JWT: three parts (a JWS, RFC 7515 section 3.1) or more (a JWE has five, RFC
/// 7516 section 3.1); or two, of which the first begins as a JOSE header does, so that a token that lost its signature is
/// none the less a bad token.
fn is_jwt(credential: &[u8]) -> bool {
    /// `{"` in base64url.
    const HEADER: &[u8] = b"eyJ";
    let mut dots = memchr::memchr_iter(b'.', credential);
    match (dots.next(), dots.next()) {
        (None, _) => false,
        (Some(_), None) => credential.starts_with(HEADER),
        (Some(_), Some(_)) => true,
    }
}

impl Opaque {
    /// `None` where tokens are all that is accepted.
    pub(super) fn new(builder: &mut ResourceServerBuilder, tag: &ServerTag) -> Option<Self> {
        let keys = builder.api_keys.take().map(|keys| ArcSwap::from_pointee(Table::new(keys, tag, None)));
        let verifier = builder.verifier.take();
        let verifier = verifier.map(|verifier| Verifier::new(verifier, builder.verifier_settings));
        let more = keys.is_some() || verifier.is_some();
        more.then(|| Self { keys, verifier, counters: CredentialCounters::new() })
    }

    /// Whether there is an API key of this name.
    #[cold]
    pub(super) fn has_key(&self, name: &str) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.load().has(name))
    }

    /// Whether the identity of a credential that is no token may have this issuer.
    pub(super) fn may_name(&self, issuer: &str) -> bool {
        // What a verifier names is for the application to say.
        self.verifier.is_some() || self.keys.as_ref().is_some_and(|keys| keys.load().names(issuer))
    }

    /// Who has a credential that is no JWT, and is used now.
    fn identify(&self, credential: &[u8], now: &Now<'_>) -> Result<Identity, Failure> {
        if let Some(keys) = &self.keys {
            match keys.load().look_up(credential) {
                Lookup::Key(key) if key.is_good(now.unix()) => {
                    key.used(&self.counters);
                    return Ok(key.identity().clone());
                }
                Lookup::Key(_) => return Err(TokenError::Expired.into()),
                Lookup::Unknown => return Err(TokenError::UnknownCredential.into()),
                Lookup::NotOurs => {}
            }
        }
        match self.verifier {
            Some(_) => Err(Failure::AskVerifier),
            None => Err(TokenError::UnknownCredential.into()),
        }
    }
}

impl ResourceServerBuilder {
    /// What cannot work in what is accepted beside tokens.
    pub(super) fn check_opaque(&self, all: &mut Vec<ConfigProblem>) {
        if let Some(keys) = &self.api_keys {
            keys.check_not_empty(all);
            keys.check(all);
        }
        if self.verifier.is_some() {
            self.check_verifier(all);
        }
    }

    fn check_verifier(&self, all: &mut Vec<ConfigProblem>) {
        let CredentialVerifierSettings { max_bytes, deadline, max_waiting, remember } =
            self.verifier_settings;
        let mut problems = Problems::of(all, "credential_verifier_settings", "credential_verifier_settings");
        problems.refuse(
            max_bytes == 0 || deadline.is_zero() || max_waiting == 0,
            "zero",
            "max_bytes, deadline or max_waiting is 0, so that nothing could be verified; use more",
        );
        problems.refuse(
            max_bytes > self.limits.token_bytes,
            "max_bytes",
            "max_bytes is above the longest token, beyond which nothing is looked at; use less, or raise the limits",
        );
        problems.refuse(
            remember > CredentialVerifierSettings::MAX_REMEMBER,
            "remember",
            "remember is above 5 min, in which nothing but time ends an answer; use less",
        );
        problems.refuse(
            !remember.is_zero() && self.cache.max_bytes == 0,
            "no_cache",
            "answers are to be remembered and the cache is off; turn it on, or leave remember out",
        );
    }
}

impl Inner {
    /// Who makes a request whose credential is no token because of this `failure`: where its form is not that of a JWT,
    /// and credentials of other forms are accepted, one of these.
    #[cold]
    #[inline(never)]
    pub(super) fn identify_otherwise(
        &self,
        (kind, failure): (TokenKind, Failure),
        credentials: Credentials<'_>,
        now: &Now<'_>,
    ) -> Result<Option<Identity>, (TokenKind, Failure)> {
        let is_malformed = matches!(&failure, Failure::Refused(TokenError::Malformed(Malformed::Parts)));
        if is_malformed
            && kind == TokenKind::Access
            && let Some(opaque) = self.opaque_for(credentials)
        {
            return opaque.identify(credentials.access, now).map(Some).map_err(|failure| (kind, failure));
        }
        Err((kind, failure))
    }

    /// What is accepted beside tokens, for a request whose credential has not the form of one.
    fn opaque_for(&self, credentials: Credentials<'_>) -> Option<&Opaque> {
        let opaque = self.opaque.as_ref()?;
        // An API key says who its holder is; an ID token beside it would say it once more, or another thing.
        let alone = credentials.id.is_none() && is_token68(credentials.access);
        (alone && !is_jwt(credentials.access)).then_some(opaque)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_jwt_is_known_by_its_parts() {
        for (name, credential, expected) in [
            ("a signed token", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", true),
            ("three parts of anything", "a.b.c", true),
            ("three empty parts", "..", true),
            ("unsigned", "eyJhbGciOiJub25lIn0.e30.", true),
            ("an encrypted token", "eyJ.a.b.c.d", true),
            ("five parts of anything", "a.b.c.d.e", true),
            ("a token without its signature", "eyJhbGciOiJFUzI1NiJ9.e30", true),
            ("a token with a part too many", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln.x", true),
            ("a header and a dot", "eyJ.", true),
            ("one part", "3q2-7wAAKjX0iE9s1vBQmZpT", false),
            ("a header alone", "eyJhbGciOiJFUzI1NiJ9", false),
            ("two parts", "ya29.a0AfH6SM", false),
            ("four parts of anything", "v4.public.payload.footer", true),
            ("empty", "", false),
        ] {
            assert_eq!(is_jwt(credential.as_bytes()), expected, "{name}");
        }
    }
}

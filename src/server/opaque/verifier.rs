//! The seam: the application's own verifier of credentials that are no JWT.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use super::VerifiedCredential;
use crate::http::RequestHead;

/// Verifies credentials that are no JWT by their form: the opaque tokens of another system, keys in a database,
/// tokens to introspect.
///
/// It never sees what has the [form of a JWT](crate::guide::api_keys), nor what is one of the server's
/// [`ApiKeys`](crate::ApiKeys) or begins with their prefix, nor what a bearer token cannot be (RFC 6750 section 2.1). Nothing
/// that was refused as a token is shown to it. What it says is judged by requirements as a token is.
///
/// ```
/// use std::collections::HashMap;
/// use tower_resource_server::{
///     CredentialError, CredentialVerifier, OpaqueCredential, Verification, VerifiedCredential,
/// };
///
/// struct Sessions(HashMap<String, String>);
///
/// impl CredentialVerifier for Sessions {
///     fn verify(&self, credential: OpaqueCredential<'_>) -> Verification {
///         let user = self.0.get(credential.text()).ok_or(CredentialError::Refused);
///         user.map(|user| VerifiedCredential::new(user.as_str()).scopes("orders:read")).into()
///     }
/// }
/// ```
///
/// A closure that takes an [`OpaqueCredential`] and gives a [`Verification`] is a verifier, too.
pub trait CredentialVerifier: Send + Sync + 'static {
    /// Who has this credential.
    ///
    /// A verifier that has to ask elsewhere answers with [`Verification::Wait`]; it must not block. Anyone can have it
    /// asked: what is asked elsewhere should be bounded, and compared in a way that tells nothing by its time. It is
    /// not asked again when the future is dropped, as it is when the client goes away.
    ///
    /// The credential is a secret: it must not be logged.
    fn verify(&self, credential: OpaqueCredential<'_>) -> Verification;
}

impl<F> CredentialVerifier for F
where
    F: Fn(OpaqueCredential<'_>) -> Verification + Send + Sync + 'static,
{
    fn verify(&self, credential: OpaqueCredential<'_>) -> Verification {
        self(credential)
    }
}

/// A credential that is no JWT by its form, and the request that it came with.
#[derive(Clone, Copy)]
pub struct OpaqueCredential<'a> {
    pub(super) text: &'a str,
    pub(super) head: Option<RequestHead<'a>>,
}

impl<'a> OpaqueCredential<'a> {
    /// The credential, as it was sent: at least one character, and each is one of a bearer token (RFC 6750 section 2.1).
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The head of the request, where there is one: not in
    /// [`verify_access_token`](crate::ResourceServer::verify_access_token) and explanations, and not where answers are
    /// [remembered](CredentialVerifierSettings::remember), since they would be for other requests, too.
    #[must_use]
    pub const fn head(&self) -> Option<RequestHead<'a>> {
        self.head
    }
}

/// Without the credential.
impl fmt::Debug for OpaqueCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueCredential").finish_non_exhaustive()
    }
}

/// The answer of a [`CredentialVerifier`]: there already, or to be waited for, and no other, so that a verifier that
/// asks another one can match it.
#[must_use]
pub enum Verification {
    /// The answer is known.
    Done(Result<VerifiedCredential, CredentialError>),
    /// The answer comes later.
    Wait(Pin<Box<dyn Future<Output = Result<VerifiedCredential, CredentialError>> + Send>>),
}

impl Verification {
    /// The answer comes out of this future.
    pub fn wait(
        answer: impl Future<Output = Result<VerifiedCredential, CredentialError>> + Send + 'static,
    ) -> Self {
        Self::Wait(Box::pin(answer))
    }
}

impl From<Result<VerifiedCredential, CredentialError>> for Verification {
    fn from(answer: Result<VerifiedCredential, CredentialError>) -> Self {
        Self::Done(answer)
    }
}

impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(answer) => f.debug_tuple("Done").field(answer).finish(),
            Self::Wait(_) => f.write_str("Wait"),
        }
    }
}

/// Why a [`CredentialVerifier`] does not say who has a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The credential is not good: 401, in the words in which a bad token is refused.
    #[error("the credential is not accepted")]
    Refused,
    /// It cannot be known right now: 503, and never 401.
    #[error("the credential cannot be verified right now")]
    Unavailable,
}

/// The bounds on what a [`CredentialVerifier`] is asked.
///
/// ```
/// use std::time::Duration;
/// use tower_resource_server::CredentialVerifierSettings;
///
/// let settings = CredentialVerifierSettings::default().deadline(Duration::from_millis(500)).max_waiting(64);
/// # let _ = settings;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialVerifierSettings {
    /// The longest credential that it is asked about, in bytes: 4 KiB. What is longer is refused.
    pub max_bytes: usize,
    /// How long an answer is waited for: 2 s. After that it is 503, and the future is dropped.
    pub deadline: Duration,
    /// How many requests wait for an answer at once: 256. Further ones are answered 503 without asking.
    pub max_waiting: usize,
    /// How long a good answer is used for the same credential: 0 s, so not at all; at most 5 min. Within that time **a
    /// credential that was withdrawn elsewhere is good**; nothing but time ends the answer. It counts against the
    /// cache of verified tokens. The verifier is then not shown the [head](OpaqueCredential::head) of the request.
    pub remember: Duration,
}

impl CredentialVerifierSettings {
    /// The longest time that an answer can be remembered.
    pub const MAX_REMEMBER: Duration = Duration::from_secs(5 * 60);
}

impl Default for CredentialVerifierSettings {
    fn default() -> Self {
        Self {
            max_bytes: 4 * 1024,
            deadline: Duration::from_secs(2),
            max_waiting: 256,
            remember: Duration::ZERO,
        }
    }
}

setters!(CredentialVerifierSettings {
    max_bytes: usize,
    deadline: Duration,
    max_waiting: usize,
    remember: Duration,
});

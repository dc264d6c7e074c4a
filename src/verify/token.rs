//! A verified token: what it says, and the evidence that its issuer said it.

use std::{ops::Deref, sync::Arc, time::Duration};

use crate::{
    keys::{Algorithm, SignatureValid, VerifyingKey},
    policy::{ClaimsAgain, Contents, FactPlaces, Facts, Requirement, ScopeImplications, Window},
    profile::{Confirmation, Extracted, Once, Text},
    proof::Holder,
    time::UnixTime,
};

/// What a token says, as the profile of its issuer reads it. By itself it is not verified.
#[derive(Debug)]
pub(crate) struct TokenContents {
    pub(crate) payload: Box<str>,
    /// The header, where the profile keeps it.
    pub(crate) header: Option<Box<str>>,
    /// The configured name of the issuer.
    pub(crate) issuer: Arc<str>,
    pub(crate) extracted: Extracted,
    /// Where its profile finds what requirements look at.
    pub(crate) places: Arc<FactPlaces>,
    /// When all rules on time hold.
    pub(crate) window: Window,
}

/// Why the contents of a token are believed, or what is said of who brings another credential.
#[derive(Debug)]
pub(crate) enum Evidence {
    Signature(Signed),
    /// The secret of the API key of this name.
    ApiKey(Arc<str>),
    /// The answer of the application's verifier, which counts for the request that it was asked for.
    Verifier {
        /// Until when it counts for others too, on the monotonic clock.
        remembered: Option<Duration>,
    },
}

/// A good signature, and the key that it was checked with.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) algorithm: Algorithm,
    /// The key that verified the token: a cached token is good only as long as the key is in use.
    pub(crate) key: Arc<VerifyingKey>,
    /// The number of the issuer's key source.
    pub(crate) source: usize,
    /// The generation of the keys that the token was verified with.
    pub(crate) generation: u64,
    /// Private, so that only a good signature makes evidence.
    #[expect(dead_code, reason = "the proof itself is the point")]
    signature: SignatureValid,
}

impl Evidence {
    pub(super) const fn signature(
        algorithm: Algorithm,
        key: Arc<VerifyingKey>,
        source: usize,
        generation: u64,
        signature: SignatureValid,
    ) -> Self {
        Self::Signature(Signed { algorithm, key, source, generation, signature })
    }

    /// Whether it is of a token, signed by its issuer.
    pub(crate) const fn is_signature(&self) -> bool {
        matches!(self, Self::Signature(_))
    }

    /// Whether it is a signature with a shared secret.
    pub(crate) const fn is_hmac(&self) -> bool {
        matches!(self, Self::Signature(signed) if signed.algorithm.is_hmac())
    }
}

/// A token whose signature was checked and whose claims passed every rule of its profile.
#[derive(Debug)]
#[repr(C)] // The evidence first: a hit looks at nothing else.
pub(crate) struct VerifiedToken {
    pub(crate) evidence: Evidence,
    contents: TokenContents,
}

impl VerifiedToken {
    pub(super) const fn new(contents: TokenContents, evidence: Evidence) -> Self {
        Self { evidence, contents }
    }

    /// What this server itself says, or has from the application, of who brings a credential that is no token.
    pub(crate) const fn vouched(contents: TokenContents, evidence: Evidence) -> Self {
        Self { contents, evidence }
    }
}

impl Deref for VerifiedToken {
    type Target = TokenContents;

    fn deref(&self) -> &TokenContents {
        &self.contents
    }
}

/// What is required of a token, at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Needed<'a> {
    pub(crate) requirement: &'a Requirement,
    pub(crate) implications: &'a ScopeImplications,
    pub(crate) now: UnixTime,
}

/// A token, and what is required of it.
pub(crate) type Judged<'a> = (&'a TokenContents, Needed<'a>);

impl Needed<'_> {
    /// What of it a token does not meet, in words.
    pub(crate) fn unmet_in_words(&self, token: &TokenContents) -> String {
        self.requirement.unmet_in_words(&Facts::new(
            token,
            &ClaimsAgain::default(),
            self.implications,
            self.now,
        ))
    }
}

impl TokenContents {
    pub(crate) fn text<'a>(&'a self, text: &'a Text) -> &'a str {
        text.get(&self.payload)
    }

    /// What its texts take, in bytes: all that an issuer can make long.
    pub(crate) fn bytes(&self) -> usize {
        let Extracted { audiences, scopes, subject, client_id, .. } = &self.extracted;
        let header = self.header.as_deref().map_or(0, str::len);
        let texts = subject.bytes() + client_id.as_ref().map_or(0, Text::bytes);
        let roles: usize = self.places.given_roles.iter().map(|role| size_of_val(role) + role.len()).sum();
        // What a proof will show of a key comes later.
        let is_for_a_key = self.confirmation().is_some_and(|confirmation| confirmation.key.is_some());
        let holder = if is_for_a_key { Holder::BYTES } else { 0 };
        self.payload.len()
            + header
            + audiences.len() * size_of::<Text>()
            + scopes.bytes()
            + texts
            + roles
            + holder
    }

    pub(crate) fn subject(&self) -> &str {
        self.text(&self.extracted.subject)
    }

    pub(crate) fn client_id(&self) -> Option<&str> {
        self.extracted.client_id.as_ref().map(|client| self.text(client))
    }

    /// What it spends.
    pub(crate) fn spends(&self) -> Option<(Once, &str)> {
        self.extracted.spends.as_ref().map(|(what, text)| (*what, self.text(text)))
    }

    /// What its sender must prove; `None` of a bearer token.
    pub(crate) fn confirmation(&self) -> Option<&Confirmation> {
        self.extracted.confirmation.as_deref()
    }

    pub(crate) fn audiences(&self) -> impl Iterator<Item = &str> + Clone {
        self.extracted.audiences.iter().map(|audience| self.text(audience))
    }

    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> + Clone {
        self.extracted.scopes.iter(&self.payload)
    }
}

impl Contents for TokenContents {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    fn client_id(&self) -> Option<&str> {
        Self::client_id(self)
    }

    fn audiences(&self) -> Vec<&str> {
        Self::audiences(self).collect()
    }

    fn scopes(&self) -> Vec<&str> {
        Self::scopes(self).collect()
    }

    fn payload(&self) -> &str {
        &self.payload
    }

    fn places(&self) -> &FactPlaces {
        &self.places
    }
}

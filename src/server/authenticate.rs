//! Who made a request: the first of the two stages of a request, as steps that never block. What it
//! comes to may be remembered; what the request is allowed is for [`admit`](super::admit).
//!
//! A [`Step`] is done or waits for keys; [`Pending`] is the wait, and holds nothing of the request,
//! which its owner keeps and hands in again to resume. After a wait everything is verified anew at the
//! new moment, so nothing that was seen before the wait is trusted after it.

use std::time::Duration;

use http::Request;

use super::{
    Inner, Pending, ResourceServer, Resumed, Step,
    known_issuer::KnownIssuers,
    pending::{Need, Progress},
};
use crate::{
    error::TokenError,
    http::{Credentials, FoundIn, Reason, RequestError, RequestHead, TokenKind},
    identity::{self, Identity, RawTokens, Role},
    policy::{Expected, Unmet},
    proof::CertificateFault,
    source::{KeyAnswer, KeyWait},
    time::Now,
    verify::{Checked, Evidence, Failure, FirstFailure, Input, Observer, verify_token},
};

/// How often one request may go back to the keys: once for each of its tokens, and once more when
/// the keys were replaced in between. Beyond that something is churning, and 503 is the truth.
const MAX_ROUNDS: u8 = 4;

/// What to say where trying again is the only advice.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request is denied; the challenge comes with the requirement of the operation.
#[derive(Clone, Debug)]
pub(crate) struct Denial {
    pub(crate) reason: Reason,
    pub(crate) retry_after: Option<Duration>,
}

impl Denial {
    fn token(token: TokenKind, error: TokenError) -> Self {
        Reason::InvalidToken { token, error }.into()
    }

    const fn unavailable(retry_after: Duration) -> Self {
        Self { reason: Reason::KeysUnavailable, retry_after: Some(retry_after) }
    }

    /// What a request is told whose token of this kind fails.
    pub(super) fn of(kind: TokenKind, failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => Self::token(kind, error),
            Failure::Unavailable { retry_after } => Self::unavailable(retry_after),
            Failure::NeedKeys { .. } => Self::unavailable(RETRY_AFTER),
            Failure::NotAllowed(Unmet::Scopes(scope)) => Reason::InsufficientScope { scope }.into(),
            Failure::NotAllowed(Unmet::Login(login)) => Reason::InsufficientUserAuthentication(login).into(),
            // Where there is none to ask, it is unknown.
            Failure::AskVerifier => Self::token(kind, TokenError::UnknownCredential),
            Failure::NotProven(error) => Reason::InvalidProof(error).into(),
            Failure::UnreadableCertificate(fault) => Reason::InvalidRequest(match fault {
                CertificateFault::Several => RequestError::SeveralCertificates,
                CertificateFault::Malformed => RequestError::MalformedCertificate,
            })
            .into(),
            Failure::CannotSpend => {
                Self { reason: Reason::SpentStoreUnavailable, retry_after: Some(RETRY_AFTER) }
            }
        }
    }
}

impl Denial {
    /// Whether a character outside the grammar of tokens can be behind this denial. A single token
    /// shows it at once; of two, the second may not have been looked at.
    fn may_be_of_characters(&self, credentials: Credentials<'_>) -> bool {
        use TokenError::{Malformed, TooLarge, UnknownCredential};
        match &self.reason {
            Reason::InvalidToken { error: TooLarge | Malformed(_) | UnknownCredential, .. } => true,
            Reason::InvalidToken { .. } => credentials.id.is_some(),
            _ => false,
        }
    }
}

impl From<Reason> for Denial {
    fn from(reason: Reason) -> Self {
        Self { reason, retry_after: None }
    }
}

/// The access token of a request, and the ID token beside it.
type Tokens<O> = (<O as Observer>::Token, Option<Box<<O as Observer>::Token>>);

impl ResourceServer {
    /// Begins with the head of a request.
    pub(crate) fn begin(&self, head: RequestHead<'_>) -> Step {
        match self.with_head(head, |credentials| self.begin_with(credentials)) {
            Step::AskVerifier => self.ask_verifier(head),
            step => step,
        }
    }

    /// Begins, and marks the credentials as sensitive, so that inner services do not log them.
    #[inline]
    pub(crate) fn begin_marking<B>(&self, request: &mut Request<B>) -> Step {
        let profile = &self.0.request;
        if profile.reads_one_field(request.headers()) {
            return self
                .with(profile.take(request.headers_mut()), |credentials| self.begin_with(credentials));
        }
        self.begin_located(request)
    }

    /// Goes on after a wait, with the same head, borrowed anew.
    pub(crate) fn resume(&self, resumed: Resumed, head: RequestHead<'_>) -> Step {
        self.with_head(head, |credentials| self.resume_with(resumed, credentials))
    }

    pub(super) fn with_head(&self, head: RequestHead<'_>, run: impl FnOnce(Credentials<'_>) -> Step) -> Step {
        match &self.0.request.locations {
            None => self.with(self.0.request.read(head.headers), run),
            Some(locations) => self.with_located(locations, head, run),
        }
    }

    #[inline]
    fn with<'a>(
        &self,
        credentials: Result<Option<Credentials<'a>>, RequestError>,
        run: impl FnOnce(Credentials<'a>) -> Step,
    ) -> Step {
        let credentials = match credentials {
            Ok(Some(credentials)) => credentials,
            Ok(None) => return Step::Done(Ok(None)),
            Err(error) => return Step::Done(Err(Reason::InvalidRequest(error).into())),
        };
        self.run_with(credentials, FoundIn::Authorization, run)
    }

    #[inline]
    pub(super) fn run_with<'a>(
        &self,
        credentials: Credentials<'a>,
        found_in: FoundIn,
        run: impl FnOnce(Credentials<'a>) -> Step,
    ) -> Step {
        match run(credentials) {
            Step::Done(Err(denial)) => {
                Step::Done(Err(self.look_at_characters(denial, credentials, found_in)))
            }
            step => step,
        }
    }

    /// What is no token by its characters makes a malformed request, not an invalid token.
    fn look_at_characters(&self, denial: Denial, credentials: Credentials<'_>, found_in: FoundIn) -> Denial {
        if !denial.may_be_of_characters(credentials) {
            return denial;
        }
        match self.0.request.check(credentials, found_in) {
            Ok(()) => denial,
            Err(error) => Reason::InvalidRequest(error).into(),
        }
    }

    /// Begins with credentials that came without a head.
    pub(super) fn begin_alone(&self, credentials: Credentials<'_>) -> Step {
        match self.begin_with(credentials) {
            Step::AskVerifier => self.ask_about(credentials, None),
            step => step,
        }
    }

    #[inline]
    pub(super) fn begin_with(&self, credentials: Credentials<'_>) -> Step {
        let now = self.0.now();
        if self.0.cache.is_some() {
            let cached = self.0.cached(credentials, &now);
            self.0.counters.cache(cached.is_some());
            if let Some(identity) = cached {
                return Step::Done(Ok(Some(identity)));
            }
        }
        self.begin_anew(credentials, now)
    }

    /// Apart from what a hit runs through, which is small enough to stand in the layer's code.
    #[inline(never)]
    fn begin_anew(&self, credentials: Credentials<'_>, now: Now<'_>) -> Step {
        self.run(now, None, 0, |now| self.0.verify(credentials, now))
    }

    pub(super) fn resume_with(&self, resumed: Resumed, credentials: Credentials<'_>) -> Step {
        match resumed {
            Resumed::Verifier(answer) => self.conclude_verifier(answer, credentials),
            resumed => self.run_on(resumed, |now| self.0.verify(credentials, now)),
        }
    }

    pub(super) fn begin_id_token(&self, token: &[u8], expected: Expected<'_>) -> Step {
        self.run(self.0.now(), None, 0, |now| self.0.verify_id(token, now, expected))
    }

    pub(super) fn resume_id_token(&self, resumed: Resumed, token: &[u8], expected: Expected<'_>) -> Step {
        self.run_on(resumed, |now| self.0.verify_id(token, now, expected))
    }

    pub(super) fn run_on<T>(
        &self,
        resumed: Resumed,
        verify: impl FnMut(&Now<'_>) -> Result<T, (TokenKind, Failure)>,
    ) -> Step<T> {
        let Resumed::Keys { progress, outcome } = resumed else {
            // A verifier is asked about no token.
            return Step::Done(Err(Reason::VerifierUnavailable.into()));
        };
        match outcome {
            KeyAnswer::TryAgain => self.run(self.0.now(), Some(progress.arrived), progress.rounds, verify),
            KeyAnswer::Lacks => Step::Done(Err(Denial::token(progress.waits_for, progress.lacking))),
            KeyAnswer::Unavailable { retry_after } => Step::Done(Err(Denial::unavailable(retry_after))),
        }
    }

    /// Verifies, again and again until the keys that it needs can say nothing new.
    pub(super) fn run<'s, T>(
        &'s self,
        mut now: Now<'s>,
        mut arrived: Option<Duration>,
        mut rounds: u8,
        mut verify: impl FnMut(&Now<'_>) -> Result<T, (TokenKind, Failure)>,
    ) -> Step<T> {
        loop {
            let (kind, need, lacking) = match verify(&now) {
                Ok(value) => return Step::Done(Ok(value)),
                Err((kind, Failure::NeedKeys { source, seen, wanted, kid, lacking })) => {
                    (kind, Need { source, seen, wanted, kid }, lacking)
                }
                Err((_, Failure::AskVerifier)) => return Step::AskVerifier,
                Err((kind, failure)) => {
                    return Step::Done(Err(Denial::of(kind, failure)));
                }
            };
            // Read after the keys were looked at, it is on the safe side: evidence must be newer.
            let arrived = *arrived.get_or_insert_with(|| now.monotonic());
            match self.0.consult(&need, arrived, &mut rounds) {
                KeyAnswer::TryAgain => now = self.0.now(),
                KeyAnswer::Lacks => return Step::Done(Err(Denial::token(kind, lacking))),
                KeyAnswer::Unavailable { retry_after } => {
                    return Step::Done(Err(Denial::unavailable(retry_after)));
                }
                KeyAnswer::Wait(wait) => {
                    let progress = Some(Progress { arrived, rounds, waits_for: kind, lacking });
                    return Step::Wait(Box::new(Pending::Keys { wait, progress }));
                }
            }
        }
    }
}

impl Inner {
    /// Asks a source for other keys than those that were tried; the rounds are counted.
    pub(super) fn consult(&self, need: &Need, arrived: Duration, rounds: &mut u8) -> KeyAnswer<KeyWait> {
        let Some(keys) = self.issuers.keys(need.source).filter(|_| *rounds < MAX_ROUNDS) else {
            return KeyAnswer::Unavailable { retry_after: RETRY_AFTER };
        };
        *rounds += 1;
        keys.need_key(arrived, need.seen, need.wanted, need.kid.as_deref())
    }

    /// Verifies all tokens of a request and makes the identity that they stand for.
    fn verify(
        &self,
        credentials: Credentials<'_>,
        now: &Now<'_>,
    ) -> Result<Option<Identity>, (TokenKind, Failure)> {
        let (main, id) = match self.verify_tokens(credentials, now, &mut FirstFailure) {
            Ok(tokens) => tokens,
            Err(failure) => return self.identify_otherwise(failure, credentials, now),
        };
        let role = id.map_or(Role::Access, Role::AccessBeside);
        Ok(Some(self.identity(identity::Tokens { main, role }, Some(credentials))))
    }

    /// Verifies an ID token that stands alone.
    fn verify_id(
        &self,
        token: &[u8],
        now: &Now<'_>,
        expected: Expected<'_>,
    ) -> Result<Option<Identity>, (TokenKind, Failure)> {
        let Some(main) = self.verify_lone_id_token(token, now, expected, &mut FirstFailure)? else {
            return Err((TokenKind::Id, TokenError::WrongType.into()));
        };
        Ok(Some(self.identity(identity::Tokens { main, role: Role::Id }, None)))
    }

    /// The tokens of a request, and whether they belong together.
    pub(super) fn verify_tokens<O: Observer>(
        &self,
        credentials: Credentials<'_>,
        now: &Now<'_>,
        o: &mut O,
    ) -> Result<Tokens<O>, (TokenKind, Failure)> {
        let Credentials { access, id, selector } = credentials;
        o.begin(TokenKind::Access);
        let issuers = self.issuers.of_access_tokens(now);
        // A token is large to be moved, so its result is not made into another.
        let verified = match self.verify_one(issuers, access, selector, Expected::default(), o) {
            Ok(verified) => verified,
            Err(failure) => return Err((TokenKind::Access, failure)),
        };
        // Without a profile for ID tokens none is read from a request.
        let (Some(id), Some(issuers)) = (id, self.issuers.of_id_tokens(now)) else {
            return Ok((verified, None));
        };
        // `at_hash` is about the access token that this ID token came with.
        let expected = Expected { access_token: std::str::from_utf8(access).ok(), ..Expected::default() };
        o.begin(TokenKind::Id);
        let of_id = |failure| (TokenKind::Id, failure);
        let id = self.verify_one(issuers, id, selector, expected, o).map_err(of_id)?;
        if let (Some(access), Some(id)) = (O::contents(&verified), O::contents(&id)) {
            let result = self.pair.check(access, id);
            o.check(Checked::Pair, result.map_err(Into::into)).map_err(of_id)?;
        }
        Ok((verified, Some(Box::new(id))))
    }

    /// An ID token that stands alone, where such are taken; otherwise nothing but that it is not.
    pub(super) fn verify_lone_id_token<O: Observer>(
        &self,
        token: &[u8],
        now: &Now<'_>,
        expected: Expected<'_>,
        o: &mut O,
    ) -> Result<Option<O::Token>, (TokenKind, Failure)> {
        let Some(issuers) = self.issuers.of_lone_id_tokens(now) else { return self.no_id_token(o) };
        o.begin(TokenKind::Id);
        let verified = self.verify_one(issuers, token, None, expected, o);
        verified.map(Some).map_err(|failure| (TokenKind::Id, failure))
    }

    /// What is said of an ID token where none is taken, or none that stands alone.
    pub(super) fn no_id_token<O: Observer>(
        &self,
        o: &mut O,
    ) -> Result<Option<O::Token>, (TokenKind, Failure)> {
        o.begin(TokenKind::Id);
        let checked = Checked::Kind { in_pairs: self.issuers.takes_id_tokens() };
        let refused = o.check(checked, Err(TokenError::WrongType.into()));
        refused.and_then(|()| o.token(None, None)).map(Some).map_err(|failure| (TokenKind::Id, failure))
    }

    #[inline]
    fn verify_one<O: Observer>(
        &self,
        issuers: KnownIssuers<'_>,
        token: &[u8],
        selector: Option<&[u8]>,
        expected: Expected<'_>,
        o: &mut O,
    ) -> Result<O::Token, Failure> {
        let (limits, names, issuer, now) =
            (&self.limits, issuers.claim_names(), issuers.name_of(selector), issuers.now);
        let padding = self.issuers.takes_padding;
        verify_token(token, &Input { limits, names, issuer, now, expected, padding }, &issuers, o)
    }

    /// Makes the identity, and remembers it under `credentials` when they are given.
    fn identity(&self, tokens: identity::Tokens, credentials: Option<Credentials<'_>>) -> Identity {
        let raw = match credentials.filter(|_| self.retain_tokens || self.tickets.is_some()) {
            Some(Credentials { access, id, .. }) => {
                RawTokens { access: text(access), id: id.and_then(text), shown: self.retain_tokens }
            }
            None => RawTokens::default(),
        };
        let identity = Identity::new(self.tag.clone(), tokens, raw);
        if let (Some(cache), Some(credentials)) = (&self.cache, credentials) {
            cache.insert(credentials, &identity);
        }
        identity
    }

    /// The identity that these very tokens were verified to be, if that is so now: within
    /// their validity window, and by keys that are current.
    pub(super) fn cached(&self, credentials: Credentials<'_>, now: &Now<'_>) -> Option<Identity> {
        let current = |evidence: &Evidence| self.is_current(evidence, now);
        self.cache.as_ref()?.get(credentials, || now.unix(), current)
    }

    /// Whether what an identity rests on still counts.
    #[inline]
    pub(super) fn is_current(&self, evidence: &Evidence, now: &Now<'_>) -> bool {
        match evidence {
            Evidence::Signature(signed) => self.issuers.are_current(signed, || now.clocks()),
            Evidence::ApiKey(name) => self.opaque.as_ref().is_some_and(|opaque| opaque.has_key(name)),
            Evidence::Verifier { remembered } => remembered.is_none_or(|until| now.monotonic() < until),
        }
    }
}

fn text(token: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(token).ok().map(Into::into)
}

//! What follows a verification check by check: one sequence serves those who want the first failure
//! and those who want every result.

use std::time::Duration;

use super::{Evidence, TokenContents, VerifiedToken};
use crate::{
    error::TokenError,
    keys::{Algorithm, KeySet},
    policy::{CompiledRule, RuleContext, Unmet},
    profile::{CompiledProfile, Fact},
    proof::{CertificateFault, ProofError},
    token::{Claims, JoseHeader, TokenKind},
};

/// Why a token, or a request, is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The token is not good, and newer keys would not change that.
    Refused(TokenError),
    /// No key at hand verifies the token: newer ones might.
    NeedKeys {
        /// The number of the issuer's key source.
        source: usize,
        /// The generation of the keys that were tried; `None` when there were none.
        seen: Option<u64>,
        /// What newer ones would be good for.
        wanted: Wanted,
        /// The name of the key, where each key is fetched by its name.
        kid: Option<Box<str>>,
        /// What is wrong with the token if there are no newer ones.
        lacking: TokenError,
    },
    /// The keys of its issuer may not be looked for now.
    Unavailable {
        /// When it is worth coming again.
        retry_after: Duration,
    },
    /// The token is good, and does not meet what is required.
    NotAllowed(Unmet),
    /// The token is good, and the proof that came with it is not.
    NotProven(ProofError),
    /// The token is good, and it cannot be said which certificate its sender has shown.
    UnreadableCertificate(CertificateFault),
    /// The token is good, and that it is spent cannot be recorded.
    CannotSpend,
    /// The credential is no JWT by its form, and the application's verifier is to be asked.
    AskVerifier,
}

/// What newer keys are wanted for, by a token that those at hand do not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A key that is not at hand.
    UnknownKey,
    /// Another key under the name of one that is: the signature is bad under the one at hand.
    ExchangedKey,
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Refused(error)
    }
}

/// What a check was about; [`explain`](crate::explain) puts it into words.
#[derive(Clone, Copy)]
pub(crate) enum Checked<'a, 'c> {
    /// Size, three parts, and the encoding of each.
    Form,
    /// The payload: UTF-8, a JSON object, no member twice, bounded nesting.
    Payload,
    /// The key that the token names, before the payload was read.
    NamedKey,
    /// The issuer, as the token or the request names it.
    Issuer {
        /// The name; `None` where it cannot be read.
        name: Option<&'a str>,
        /// Whether a header of the request names the issuer, and not the token.
        by_request: bool,
        /// The names of the configured issuers.
        configured: &'a dyn Fn() -> Vec<String>,
    },
    /// The JSON of the header.
    HeaderForm,
    /// `crit`, `b64`, `enc`, `zip`, nested `cty`.
    Extensions,
    /// The length of `kid`.
    KeyIdLength(&'a JoseHeader<'a>),
    /// `alg`.
    Algorithm(&'a JoseHeader<'a>),
    /// `typ`.
    Type(&'a JoseHeader<'a>),
    /// `cty`.
    ContentType(&'a JoseHeader<'a>),
    /// Whether there is a `kid` where the profile demands one.
    KeyId,
    /// One rule of the profile on one claim.
    Rule(&'a CompiledRule, &'a Claims<'c>, &'a RuleContext<'a>),
    /// What an identity is made of.
    Fact(Fact, &'a Claims<'c>),
    /// Which key signed, and the signature.
    Signature(Signing<'a>),
    /// Whether a token of this kind is taken; `in_pairs` is whether it is beside an access token.
    Kind { in_pairs: bool },
    /// Whether the two tokens of a request belong together.
    Pair,
    /// Whether the sender of the token holds the key that it is bound to.
    Proof,
    /// What the operation requires.
    Requirement(&'a TokenContents),
    /// What the token spends.
    Spent,
}

/// What the signature of a token is checked with.
#[derive(Clone, Copy)]
pub(crate) struct Signing<'a> {
    /// The header's `kid`.
    pub(crate) kid: Option<&'a str>,
    pub(crate) algorithm: Algorithm,
    pub(crate) keys: Option<&'a KeySet>,
}

/// What the sequence of checks reports to.
///
/// With [`FirstFailure`] the first check that fails ends the sequence. With one that goes on, what
/// depends on a value that could not be read is left out.
pub(crate) trait Observer {
    /// What the checks of one token come to.
    type Token;

    /// Whether nothing is remembered of the token, and every check is made anew: also those that an
    /// equal header has passed before.
    const DRY_RUN: bool;

    /// The checks that follow are about this token.
    fn begin(&mut self, token: TokenKind);

    /// The profile of the issuer, by which the token is judged from here on.
    fn profile(&mut self, profile: &CompiledProfile);

    /// One check, and its result.
    ///
    /// # Errors
    /// The failure, where it ends the sequence.
    fn check(&mut self, checked: Checked<'_, '_>, result: Result<(), Failure>) -> Result<(), Failure>;

    /// A check that fails, and that ends the sequence only where keys are needed.
    fn postpone(&mut self, _: Checked<'_, '_>, _: TokenError) {}

    /// Errors of the token at hand are reported otherwise than they were found.
    fn report(&mut self, _: impl Fn(TokenError) -> TokenError) {}

    /// No key at hand verifies the token; `need` says what would help, and begins it.
    ///
    /// # Errors
    /// The failure, where it ends the sequence.
    fn lacks_key(
        &mut self,
        signing: Signing<'_>,
        error: &TokenError,
        need: impl FnOnce() -> Failure,
    ) -> Result<(), Failure>;

    /// The end of the checks of one token.
    ///
    /// # Errors
    /// A failure, where there is no token to go on with.
    fn token(
        &mut self,
        contents: Option<TokenContents>,
        evidence: Option<Evidence>,
    ) -> Result<Self::Token, Failure>;

    /// What the token says.
    fn contents(token: &Self::Token) -> Option<&TokenContents>;

    /// A check that gives a value, which is there unless it failed and the sequence goes on.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    #[inline(always)]
    fn value<T>(
        &mut self,
        checked: Checked<'_, '_>,
        result: Result<T, TokenError>,
    ) -> Result<Option<T>, Failure> {
        match result {
            Ok(value) => self.check(checked, Ok(())).map(|()| Some(value)),
            Err(error) => self.check(checked, Err(error.into())).map(|()| None),
        }
    }
}

/// Verification: the first failure ends the sequence, and nothing is recorded.
pub(crate) struct FirstFailure;

impl Observer for FirstFailure {
    type Token = VerifiedToken;

    const DRY_RUN: bool = false;

    #[inline(always)]
    fn begin(&mut self, _: TokenKind) {}

    #[inline(always)]
    fn profile(&mut self, _: &CompiledProfile) {}

    #[inline(always)]
    fn check(&mut self, _: Checked<'_, '_>, result: Result<(), Failure>) -> Result<(), Failure> {
        result
    }

    #[inline(always)]
    fn lacks_key(
        &mut self,
        _: Signing<'_>,
        _: &TokenError,
        need: impl FnOnce() -> Failure,
    ) -> Result<(), Failure> {
        Err(need())
    }

    #[inline(always)]
    fn token(
        &mut self,
        contents: Option<TokenContents>,
        evidence: Option<Evidence>,
    ) -> Result<VerifiedToken, Failure> {
        if let Some(contents) = contents
            && let Some(evidence) = evidence
        {
            return Ok(VerifiedToken::new(contents, evidence));
        }
        // Whatever is missing has ended the sequence before.
        Err(TokenError::InvalidSignature.into())
    }

    #[inline(always)]
    fn contents(token: &VerifiedToken) -> Option<&TokenContents> {
        Some(token)
    }
}

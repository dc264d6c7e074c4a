//! One DPoP proof (RFC 9449 section 4.3).

use std::{sync::LazyLock, time::Duration};

use smallvec::SmallVec;

use super::{Holder, ProofError, htu};
use crate::{
    keys::{Algorithm, AlgorithmSet, Sha256Text, VerifyingKey, embedded_key},
    time::UnixTime,
    token::{
        ClaimId, ClaimNames, ClaimValue, Claims, JoseHeader, TokenLimits, UnverifiedToken, is_media_type,
    },
};

/// The longest `jti`, in bytes: four times a SHA-256 in hexadecimal.
const MAX_ID: usize = 256;

/// The end of a proof's time is within it, and what is spent until then must be known then.
const END_INCLUDED: Duration = Duration::from_secs(1);

/// What a server asks of proofs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProofRules {
    /// Never one with a shared secret.
    pub(crate) algorithms: AlgorithmSet,
    /// How far `iat` may be off, either way.
    pub(crate) window: Duration,
    /// How far clocks may disagree beyond that.
    pub(crate) leeway: Duration,
}

/// What a proof must be about.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The method of the request.
    pub(crate) method: &'a str,
    /// The public address of its target, without query and fragment.
    pub(crate) url: &'a str,
    /// The access token that came with it.
    pub(crate) token: &'a [u8],
    /// The thumbprint of the key that the token is bound to.
    pub(crate) thumbprint: &'a str,
    /// What is known of the token's proofs; `None` where no token may be remembered.
    pub(crate) holder: Option<&'a Holder>,
    /// Whether a nonce is one of the server's; `None` where none is asked for.
    pub(crate) is_nonce: Option<&'a dyn Fn(&str) -> bool>,
}

/// A proof that is good, unless it was used before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Its `jti`, which counts once for the key that the token is bound to; the usual ones have place on the stack.
    pub(crate) id: SmallVec<[u8; 64]>,
    /// Its `iat`.
    pub(crate) issued: UnixTime,
    /// From when on it is refused whether it was used or not.
    pub(crate) until: UnixTime,
}

/// Judges a proof: its form, its signature, its claims, its nonce, and last whose it is.
///
/// # Errors
/// The first that is wrong.
pub(crate) fn verify_proof(
    proof: &[u8],
    asked: &Asked<'_>,
    rules: &ProofRules,
    limits: &TokenLimits,
    now: UnixTime,
) -> Result<Proof, ProofError> {
    let proof = UnverifiedToken::parse(proof, limits)?;
    let payload = proof.payload_json()?;
    let known = asked.holder.and_then(|holder| holder.known(proof.header_segment(), asked.token));
    let header = if known.is_some() { None } else { Some(ProofHeader::read(&proof, limits)?) };
    let algorithm =
        known.map(|known| known.algorithm).or(header.as_ref().and_then(|header| header.algorithm));
    let algorithm = algorithm.filter(|algorithm| rules.algorithms.contains(*algorithm));
    let algorithm = algorithm.ok_or(ProofError::AlgorithmNotAllowed)?;
    let names = &*NAMES;
    let mut claims = Claims::none(&names.all);
    claims.read(&payload, &names.all, limits)?;

    let shown = header.map(|header| header.key(algorithm)).transpose()?;
    let key = known.map(|known| &known.key).or(shown.as_ref()).ok_or(ProofError::NoKey)?;
    proof.with_signature(|signature| key.verify(algorithm, proof.signing_input(), signature))?;

    let token_hash = known.map_or_else(|| Sha256Text::of(asked.token), |known| known.token_hash);
    let good = names.judge(&claims, asked, token_hash, rules, now)?;
    if let Some(is_nonce) = asked.is_nonce
        && !names.text(&claims, names.nonce).is_some_and(is_nonce)
    {
        return Err(ProofError::NonceWanted);
    }
    if key.thumbprint() != asked.thumbprint {
        return Err(ProofError::WrongKey);
    }
    if let (Some(holder), Some(key)) = (asked.holder, shown) {
        holder.remember((proof.header_segment(), asked.token), token_hash, algorithm, key);
    }
    Ok(good)
}

/// The header of a proof, which says that it is one.
struct ProofHeader {
    json: Vec<u8>,
    algorithm: Option<Algorithm>,
}

impl ProofHeader {
    fn read(proof: &UnverifiedToken<'_>, limits: &TokenLimits) -> Result<Self, ProofError> {
        let json = proof.header_json()?;
        let header = JoseHeader::parse(&json, limits)?;
        if !header.typ.as_deref().is_some_and(|typ| is_media_type(typ, "dpop+jwt")) {
            return Err(ProofError::WrongType);
        }
        let algorithm = header.alg.parse().ok();
        Ok(Self { algorithm, json })
    }

    /// The key that it shows.
    fn key(&self, algorithm: Algorithm) -> Result<VerifyingKey, ProofError> {
        let key = embedded_key(&self.json, algorithm).ok_or(ProofError::NoKey)?;
        key.map_err(|_| ProofError::UnusableKey)
    }
}

/// The claims of a proof (RFC 9449 section 4.2), and those that bound the time of any JWT.
struct Names {
    all: ClaimNames,
    jti: ClaimId,
    htm: ClaimId,
    htu: ClaimId,
    iat: ClaimId,
    ath: ClaimId,
    nonce: ClaimId,
    exp: ClaimId,
    nbf: ClaimId,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut all = ClaimNames::default();
    let [jti, htm, htu, iat, ath, nonce, exp, nbf] =
        ["jti", "htm", "htu", "iat", "ath", "nonce", "exp", "nbf"].map(|name| all.intern(name));
    Names { all, jti, htm, htu, iat, ath, nonce, exp, nbf }
});

impl Names {
    fn text<'c>(&self, claims: &'c Claims<'_>, name: ClaimId) -> Option<&'c str> {
        claims.get(name).and_then(ClaimValue::as_str)
    }

    /// The claims that do not depend on a nonce.
    fn judge(
        &self,
        claims: &Claims<'_>,
        asked: &Asked<'_>,
        token_hash: Sha256Text,
        rules: &ProofRules,
        now: UnixTime,
    ) -> Result<Proof, ProofError> {
        let require = |is: bool, error| if is { Ok(()) } else { Err(error) };
        let id = self.text(claims, self.jti).filter(|id| (1..=MAX_ID).contains(&id.len()));
        let id = id.ok_or(ProofError::InvalidId)?;
        require(self.text(claims, self.htm) == Some(asked.method), ProofError::WrongMethod)?;
        let is_url = |url| htu::is_same(url, asked.url);
        require(self.text(claims, self.htu).is_some_and(is_url), ProofError::WrongUrl)?;
        let (issued, end) = self.time_of(claims, rules, now).ok_or(ProofError::OutsideWindow)?;
        require(self.text(claims, self.ath) == Some(token_hash.as_str()), ProofError::WrongTokenHash)?;
        Ok(Proof { id: id.as_bytes().into(), issued, until: end.saturating_add(END_INCLUDED) })
    }

    /// When the proof was made and when its time ends, if it is of this time.
    fn time_of(
        &self,
        claims: &Claims<'_>,
        rules: &ProofRules,
        now: UnixTime,
    ) -> Option<(UnixTime, UnixTime)> {
        let date = |name| claims.get(name).map(ClaimValue::as_numeric_date);
        let reach = rules.window.saturating_add(rules.leeway);
        let issued = date(self.iat)??;
        let end = issued.saturating_add(reach);
        let is_within = now <= end && issued <= now.saturating_add(reach);
        // A proof need not have these (RFC 9449 section 4.2); one that has them means them (RFC 7519).
        let has_begun =
            |begin: Option<UnixTime>| begin.is_some_and(|at| at <= now.saturating_add(rules.leeway));
        let is_over = |end: Option<UnixTime>| end.is_none_or(|at| at.saturating_add(rules.leeway) <= now);
        let holds = date(self.nbf).is_none_or(has_begun) && !date(self.exp).is_some_and(is_over);
        (is_within && holds).then_some((issued, end))
    }
}

#[cfg(test)]
#[path = "dpop_tests.rs"]
mod tests;

//! Whether the sender of a token holds the key and the certificate that the token is bound to: for each request
//! anew, on hits of the cache and misses alike.

use std::cell::Cell;

use http::{HeaderName, HeaderValue};

use super::{Dpop, Inner, ResourceServer};
use crate::{
    error::TokenError,
    http::{Reason, Rejection, RequestHead},
    identity::Identity,
    proof::{Asked, Holder, Proof, ProofError, verify_proof},
    store::{DpopNonces, JudgedNonce, Life, NonceAge, SpendError, Spending},
    time::UnixTime,
    verify::{Failure, TokenContents},
};

/// The field of a server's nonce (RFC 9449 section 8.1).
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A proof that is good, and still to be spent.
pub(super) struct Proven<'t> {
    dpop: &'t Dpop,
    thumbprint: &'t str,
    proof: Proof,
    /// When the nonce of the proof was issued.
    nonce: Option<UnixTime>,
    /// The next nonce, where that of the proof is old.
    pub(super) renewal: Option<HeaderValue>,
}

impl Proven<'_> {
    /// Spends the proof: the id that its sender gave it, for its sender's key.
    pub(super) fn spend(&self, now: UnixTime) -> Spending {
        self.dpop.store.spend_of(self.thumbprint.as_bytes(), &self.proof.id, self.life(), now)
    }

    /// What [`spend`](Self::spend) would say; nothing is spent.
    pub(super) fn peek(&self, now: UnixTime) -> Result<(), SpendError> {
        self.dpop.store.peek_of(self.thumbprint.as_bytes(), &self.proof.id, self.life(), now)
    }

    /// Its sender chose `iat`, and cannot have known the nonce before this server issued it.
    fn life(&self) -> Life {
        Life { issued: self.nonce.unwrap_or(self.proof.issued), until: self.proof.until }
    }

    /// Whether the server wants nonces: a proof is good with one alone, then.
    pub(super) const fn has_nonce(&self) -> bool {
        self.nonce.is_some()
    }
}

impl Inner {
    /// What the access token of a request demands of its sender, and whether the request has it. Nothing is
    /// spent.
    ///
    /// A token by itself comes without proof, as one under the scheme `Bearer` does.
    pub(super) fn prove<'t>(
        &'t self,
        token: &'t TokenContents,
        head: Option<RequestHead<'_>>,
        now: UnixTime,
    ) -> Result<Option<Proven<'t>>, Failure> {
        let confirmation = token.confirmation();
        let certificate = confirmation.and_then(|confirmation| confirmation.certificate.as_deref());
        let key =
            confirmation.and_then(|confirmation| Some((confirmation.key.as_deref()?, &confirmation.holder)));
        if let Some(mtls) = &self.mtls {
            self.check_certificate(mtls, certificate, head)?;
        }
        // Without these settings, no profile takes a token that is bound to a key.
        let Some(dpop) = &self.dpop else { return Ok(None) };
        let head = head.filter(|head| self.request.is_under_dpop(head.headers));
        match (head, key) {
            (None, None) if !dpop.is_required() => Ok(None),
            (_, None) => Err(TokenError::NotSenderConstrained.into()),
            (None, Some(_)) => Err(TokenError::SenderConstrained.into()),
            (Some(head), Some(key)) => {
                self.check_proof(dpop, key, head, now).map(Some).map_err(Failure::NotProven)
            }
        }
    }

    /// Whether a token may come without proof.
    pub(super) fn is_good_alone(&self, identity: &Identity) -> bool {
        let must_be_bound = self.dpop.as_ref().is_some_and(|dpop| dpop.is_required())
            || self.mtls.as_ref().is_some_and(|mtls| mtls.is_required());
        let is_bound = identity.access_contents().is_some_and(|token| token.confirmation().is_some());
        !must_be_bound && !is_bound
    }

    fn check_proof<'t>(
        &self,
        dpop: &'t Dpop,
        (thumbprint, holder): (&'t str, &Holder),
        head: RequestHead<'_>,
        now: UnixTime,
    ) -> Result<Proven<'t>, ProofError> {
        let proof = self.request.proof(head.headers)?;
        let credentials = self.request.read(head.headers).ok().flatten().ok_or(ProofError::WrongTokenHash)?;
        let url = self.address.url_of(head).ok_or(ProofError::WrongUrl)?;
        let judged: Cell<Option<JudgedNonce>> = Cell::new(None);
        let is_nonce = dpop.nonces.as_ref().map(|nonces| {
            |nonce: &str| {
                judged.set(nonces.judge(nonce, now));
                judged.get().is_some()
            }
        });
        let asked = Asked {
            method: head.method.as_str(),
            url: &url,
            token: credentials.access,
            thumbprint,
            holder: self.cache.as_ref().filter(|cache| cache.keeps_tokens()).map(|_| holder),
            is_nonce: is_nonce.as_ref().map(|is_nonce| is_nonce as &dyn Fn(&str) -> bool),
        };
        let proof = verify_proof(proof, &asked, &dpop.rules(), &self.limits, now)?;
        let is_old = judged.get().is_some_and(|nonce| nonce.age == NonceAge::HalfThrough);
        let nonces = dpop.nonces.as_ref().filter(|_| is_old);
        let renewal = nonces.and_then(|nonces| header(nonces, now));
        Ok(Proven { dpop, thumbprint, proof, nonce: judged.get().map(|nonce| nonce.issued), renewal })
    }
}

/// A new nonce as the value of a header.
fn header(nonces: &DpopNonces, now: UnixTime) -> Option<HeaderValue> {
    nonces.issue(now).ok()?.try_into().ok()
}

impl ResourceServer {
    /// A nonce for the DPoP proofs of clients, where the server [wants one](crate::Dpop::nonces): for answers
    /// that the layer does not make, in the field `DPoP-Nonce`. Good until its time is over, and remembered
    /// nowhere.
    #[must_use]
    pub fn issue_dpop_nonce(&self) -> Option<HeaderValue> {
        header(self.0.dpop.as_ref()?.nonces.as_ref()?, self.0.clock.unix())
    }

    /// A refusal in the scheme that the request used, with a nonce where one is wanted.
    pub(super) fn refusal_in_scheme(&self, why: &Rejection, head: RequestHead<'_>) -> Option<Rejection> {
        if *why.reason() == Reason::InvalidProof(ProofError::NonceWanted) {
            return Some(why.with_header(DPOP_NONCE, self.issue_dpop_nonce()?));
        }
        // Behind the layer the field may be gone, and the identity says what it held.
        let is_bound = |head: RequestHead<'_>| {
            head.extensions.get::<Identity>().is_some_and(|who| who.key_thumbprint().is_some())
        };
        let under_dpop = self.0.request.is_under_dpop(head.headers) || is_bound(head);
        under_dpop.then(|| why.in_dpop()).flatten()
    }
}

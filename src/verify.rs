//! The recipe: a token's bytes, an issuer's profile and keys, and a moment in; a
//! [`VerifiedToken`] or the first reason against it out. No I/O, no clock.
//!
//! The order is the order of cost, so that a hopeless token costs no signature and an untrusted one
//! no key look-up:
//!
//! 1. [`Parsed`]: cut into three parts, decode the payload once, read its claims once.
//! 2. The caller chooses the issuer by the exact `iss` of its own list; nothing a token says is
//!    ever turned into an address.
//! 3. [`Parsed::screen`]: the header (algorithm, type, extensions) and every rule of the profile.
//!    Nothing is believed yet: a token that fails here would fail after the signature too, since
//!    the rules are the same function of the same bytes.
//! 4. [`Screened::verify`]: one key, one signature. Only now does the verdict of the rules count.
//!
//! Each step consumes the proof of the one before, so none can be left out.

use std::sync::Arc;

use crate::{
    error::TokenError,
    keys::{Algorithm, KeySet, SignatureValid, VerifyingKey, verify_signature},
    policy::{Expected, Window},
    profile::{CompiledProfile, Extracted, Text, scope_names},
    time::UnixTime,
    token::{ClaimNames, Claims, JoseHeader, TokenLimits, UnverifiedToken},
};

/// A token whose signature was checked and whose claims passed every rule of its profile.
///
/// It can only be made by this module, from the proof of a good signature.
#[derive(Debug)]
pub(crate) struct VerifiedToken {
    pub(crate) payload: Box<str>,
    /// The header, where the profile keeps it.
    pub(crate) header: Option<Box<str>>,
    pub(crate) issuer: Arc<str>,
    pub(crate) extracted: Extracted,
    pub(crate) algorithm: Algorithm,
    /// The key that verified it: a cached verdict lives only as long as the key does.
    pub(crate) key: Arc<VerifyingKey>,
    /// When the verdict stands, as far as time goes.
    pub(crate) window: Window,
    /// Private, so that no other room can make a token: only a good signature gives one.
    #[expect(dead_code, reason = "the proof itself is the point")]
    signature: SignatureValid,
}

impl VerifiedToken {
    pub(crate) fn text<'a>(&'a self, text: &'a Text) -> &'a str {
        text.get(&self.payload)
    }

    /// What its texts take, in bytes: all that an issuer can make long.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.extracted.audiences.len() + self.extracted.scopes.len();
        self.payload.len() + self.header.as_deref().map_or(0, str::len) + texts * size_of::<Text>()
    }

    pub(crate) fn subject(&self) -> &str {
        self.text(&self.extracted.subject)
    }

    pub(crate) fn client_id(&self) -> Option<&str> {
        self.extracted.client_id.as_ref().map(|client| self.text(client))
    }

    /// The nonce that it spends.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.extracted.nonce.as_ref().map(|nonce| self.text(nonce))
    }

    pub(crate) fn audiences(&self) -> impl Iterator<Item = &str> {
        self.extracted.audiences.iter().map(|audience| self.text(audience))
    }

    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> + Clone {
        scope_names(&self.extracted.scopes, &self.payload)
    }
}

/// What the header alone tells, when none of these keys has signed the token: it names one, in a
/// header that the profile takes, and there is none of that name for its algorithm.
pub(crate) fn names_no_key(
    token: &UnverifiedToken<'_>,
    profile: &CompiledProfile,
    keys: &KeySet,
    limits: &TokenLimits,
) -> Option<TokenError> {
    if keys.memo().get(token.header_segment()).is_some() {
        return None;
    }
    let json = token.header_json().ok()?;
    let header = JoseHeader::parse(&json, limits).ok()?;
    let algorithm = profile.check_header(&header).ok()?;
    let name = profile.key_name(header.kid.as_deref());
    name?;
    keys.candidates(name, algorithm).next().is_none().then(|| keys.lacking(name))
}

/// A token cut apart and its payload decoded; borrowed from the request.
pub(crate) struct Decoded<'t> {
    token: UnverifiedToken<'t>,
    pub(crate) payload: String,
}

impl<'t> Decoded<'t> {
    pub(crate) fn new(token: UnverifiedToken<'t>) -> Result<Self, TokenError> {
        Ok(Self { payload: token.payload_json()?, token })
    }

    /// Reads the claims that `names` asks about.
    pub(crate) fn claims<'a>(
        &'a self,
        names: &ClaimNames,
        limits: &TokenLimits,
    ) -> Result<Parsed<'a>, TokenError> {
        // Filled where they stay: the claims are large to be moved around.
        let mut parsed = Parsed { token: self.token, payload: &self.payload, claims: Claims::none(names) };
        parsed.claims.read(&self.payload, names, limits)?;
        Ok(parsed)
    }
}

/// A token whose claims can be looked at, and not believed.
pub(crate) struct Parsed<'a> {
    token: UnverifiedToken<'a>,
    payload: &'a str,
    pub(crate) claims: Claims<'a>,
}

impl<'a> Parsed<'a> {
    /// Judges everything that can be judged without a key. `keys`, if they are there, may know the
    /// header by heart.
    pub(crate) fn screen<'s>(
        &'s self,
        profile: &'s CompiledProfile,
        keys: Option<&'s KeySet>,
        limits: &TokenLimits,
        now: UnixTime,
        expected: Expected<'_>,
    ) -> Result<Screened<'s>, TokenError> {
        let header = match keys.and_then(|keys| keys.memo().get(self.token.header_segment())) {
            Some(known) => Header::Known(known),
            None => Header::New(JoseHeader::parse(&self.token.header_json()?, limits)?.to_owned().into()),
        };
        let algorithm = profile.check_header(header.get())?;
        let mut window = profile.evaluate(&self.claims, algorithm, now, expected)?;
        let extracted = profile.extract(&self.claims, self.payload, now, &mut window)?;
        Ok(Screened { token: &self.token, profile, algorithm, header, window, extracted })
    }
}

/// The header of a token, parsed for it or for an earlier one with the same.
enum Header<'a> {
    Known(&'a JoseHeader<'static>),
    New(Box<JoseHeader<'static>>),
}

impl Header<'_> {
    const fn get(&self) -> &JoseHeader<'static> {
        match self {
            Self::Known(header) => header,
            Self::New(header) => header,
        }
    }
}

/// A token that is good if its signature is.
pub(crate) struct Screened<'a> {
    token: &'a UnverifiedToken<'a>,
    profile: &'a CompiledProfile,
    algorithm: Algorithm,
    header: Header<'a>,
    window: Window,
    extracted: Extracted,
}

/// A token and the proof of its signature; the payload joins it in [`Proven::into_token`].
pub(crate) struct Proven {
    issuer: Arc<str>,
    algorithm: Algorithm,
    key: Arc<VerifyingKey>,
    window: Window,
    extracted: Extracted,
    kept_header: Option<Box<str>>,
    signature: SignatureValid,
}

impl Screened<'_> {
    /// Checks the signature with the eligible keys.
    ///
    /// # Errors
    /// Those of [`verify_signature`].
    pub(crate) fn verify(self, keys: &KeySet, limits: &TokenLimits) -> Result<Proven, TokenError> {
        let name = self.profile.key_name(self.header.get().kid.as_deref());
        let (key, signature) = verify_signature(self.token, name, self.algorithm, keys, limits)?;
        if let Header::New(header) = &self.header {
            keys.memo().keep(self.token.header_segment(), header);
        }
        let kept_header = if self.profile.keeps_header {
            String::from_utf8(self.token.header_json()?.to_vec()).ok().map(Into::into)
        } else {
            None
        };
        Ok(Proven {
            kept_header,
            issuer: Arc::clone(&self.profile.binding.issuer),
            algorithm: self.algorithm,
            key,
            window: self.window,
            extracted: self.extracted,
            signature,
        })
    }
}

impl Proven {
    /// `payload` is the very text that the claims were read from.
    pub(crate) fn into_token(self, payload: String) -> VerifiedToken {
        VerifiedToken {
            payload: payload.into_boxed_str(),
            header: self.kept_header,
            issuer: self.issuer,
            extracted: self.extracted,
            algorithm: self.algorithm,
            key: self.key,
            window: self.window,
            signature: self.signature,
        }
    }
}

//! Tokens that are good but for one thing.

use std::{fmt, time::Duration};

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::{
    issuer::{IssueError, SigningKey, TokenBuilder, Unsigned},
    keys::Algorithm,
    time::UnixTime,
};

/// Far beyond any leeway that can be configured.
const LONG: Duration = Duration::from_secs(60 * 60);

/// Writes the enum, its list and its names from one table, so that none can be forgotten.
macro_rules! defects {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// The one thing that is wrong with a token of [`TestIssuer::broken`].
        ///
        /// Everything else about the token is as in a good one, the signature included where there
        /// can be one: a server that accepts it lacks exactly the check that is named here. Which
        /// defects count is the profile's to say: the generic profile for JWTs, for instance, does
        /// not mind a [`MissingTokenId`](Self::MissingTokenId), RFC 9068 does.
        ///
        /// ```
        /// use tower_resource_server::test_util::{Defect, TestIssuer};
        ///
        /// let issuer = TestIssuer::new();
        /// for defect in Defect::ALL {
        ///     println!("{defect}: {}", issuer.broken(*defect));
        /// }
        /// ```
        ///
        /// [`TestIssuer::broken`]: super::TestIssuer::broken
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Defect {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Defect {
            /// Every defect, in the order of the enum.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// A stable name in `snake_case`, for the message of an assertion.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

defects! {
    /// Issued two hours ago, expired for one.
    Expired = "expired",
    /// `nbf` in an hour.
    NotYetValid = "not_yet_valid",
    /// `iat` in an hour.
    IssuedInFuture = "issued_in_future",
    /// `iss` is another issuer.
    WrongIssuer = "wrong_issuer",
    /// `iss` is an array with the right issuer in it.
    IssuerArray = "issuer_array",
    /// No `iss`.
    MissingIssuer = "missing_issuer",
    /// `aud` is another resource.
    WrongAudience = "wrong_audience",
    /// No `aud`.
    MissingAudience = "missing_audience",
    /// `aud` is a number.
    AudienceNumber = "audience_number",
    /// `aud` is an array with the right audience and a number in it.
    AudienceMixedArray = "audience_mixed_array",
    /// No `exp`.
    MissingExpiry = "missing_expiry",
    /// `exp` is the right time, as a string.
    ExpiryString = "expiry_string",
    /// `exp` is a negative number.
    ExpiryNegative = "expiry_negative",
    /// `exp` is `null`.
    ExpiryNull = "expiry_null",
    /// No `sub`.
    MissingSubject = "missing_subject",
    /// `sub` is the empty string.
    EmptySubject = "empty_subject",
    /// `sub` is a number.
    SubjectNumber = "subject_number",
    /// No `client_id` (RFC 9068 requires one).
    MissingClientId = "missing_client_id",
    /// No `iat` (RFC 9068 requires one).
    MissingIssuedAt = "missing_issued_at",
    /// No `jti` (RFC 9068 requires one).
    MissingTokenId = "missing_token_id",
    /// A header member was added after signing.
    TamperedHeader = "tampered_header",
    /// The subject was changed after signing.
    TamperedPayload = "tampered_payload",
    /// One bit of the signature was flipped.
    TamperedSignature = "tampered_signature",
    /// Nothing behind the second dot.
    EmptySignature = "empty_signature",
    /// Signed by another key of the same algorithm, under the right `kid`.
    ForeignKey = "foreign_key",
    /// `alg` is `none` and there is no signature (RFC 7515 appendix A.5).
    AlgNone = "alg_none",
    /// `alg` is `HS256`, and the secret is the PEM of the issuer's public key.
    HmacWithPublicKey = "hmac_with_public_key",
    /// `kid` names no key of the issuer.
    UnknownKid = "unknown_kid",
    /// Signed by another key, whose public half is the header's `jwk`.
    EmbeddedJwk = "embedded_jwk",
    /// `crit` names an extension that no verifier knows (RFC 7515 section 4.1.11).
    Critical = "critical",
    /// `b64` is `false` (RFC 7797); the payload segment is left as it was, so a verifier that does
    /// not look at `b64` finds nothing amiss.
    Unencoded = "unencoded",
    /// `typ` is that of a logout token.
    WrongType = "wrong_type",
    /// An ID token (`typ` `JWT`, a `nonce`) whose `aud` is the resource.
    IdTokenAsAccessToken = "id_token_as_access_token",
    /// `sub` occurs twice, with two values.
    DuplicateClaim = "duplicate_claim",
    /// The payload is an array with the claims in it.
    ArrayPayload = "array_payload",
    /// A claim that no rule asks for is not UTF-8.
    InvalidUtf8 = "invalid_utf8",
    /// Bound to a key of its sender (`cnf` with `jkt`, RFC 9449 section 6.1); it comes without proof.
    SenderConstrained = "sender_constrained",
    /// Header and payload, no signature segment.
    TwoParts = "two_parts",
    /// One segment too many.
    FourParts = "four_parts",
    /// Five segments under a header of `dir` and `A256GCM`: the shape of a JWE.
    FiveParts = "five_parts",
    /// A segment ends in `=`: the signature's, or the payload's where the signature needs no
    /// padding. The decoded bytes are right.
    PaddedBase64 = "padded_base64",
    /// The last character of a segment has bits set that mean nothing: the signature's, or the
    /// payload's where the signature has none to spare. The decoded bytes are right.
    TrailingBits = "trailing_bits",
    /// A claim that no rule asks for is nested deeper than can be allowed, yet not so deep that
    /// serde_json itself refuses it.
    DeepNesting = "deep_nesting",
    /// A claim that no rule asks for makes the token longer than 16 KiB.
    TooLarge = "too_large",
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A token in its parts, open to changes before it is signed.
struct Draft {
    key: SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Draft {
    fn of(good: &TokenBuilder) -> Result<Self, IssueError> {
        let Unsigned { key, header, claims } = good.unsigned()?;
        Ok(Self { key, header, claims })
    }

    fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    fn time(self, name: &str, at: UnixTime) -> Self {
        self.claim(name, at.as_secs())
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    fn signed_by(mut self, key: SigningKey) -> Self {
        self.key = key;
        self
    }

    fn header_json(&self) -> String {
        json!(self.header).to_string()
    }

    fn payload(&self) -> String {
        json!(self.claims).to_string()
    }

    /// The payload without its closing brace, for members that no `Map` can hold.
    fn open_payload(&self) -> String {
        let mut payload = self.payload();
        payload.pop();
        payload
    }

    fn sign(&self) -> Result<String, IssueError> {
        self.sign_payload(self.payload().as_bytes())
    }

    fn sign_payload(&self, payload: &[u8]) -> Result<String, IssueError> {
        self.key.sign_raw(&self.header_json(), payload)
    }

    /// The three segments of the good token.
    fn segments(&self) -> Result<[String; 3], IssueError> {
        let signed = self.sign()?;
        let mut segments = signed.split('.').map(str::to_owned);
        let mut next = || segments.next().unwrap_or_default();
        Ok([next(), next(), next()])
    }

    /// Another key of the same algorithm.
    fn other_key(&self) -> Result<SigningKey, IssueError> {
        SigningKey::generate(self.key.algorithm()).map_err(|_| IssueError::Signing)
    }
}

/// Mints `good`, broken in this one way.
pub(super) fn apply(defect: Defect, good: &TokenBuilder, now: UnixTime) -> Result<String, IssueError> {
    let draft = Draft::of(good)?;
    match defect {
        Defect::Expired => {
            draft.time("iat", now.saturating_sub(2 * LONG)).time("exp", now.saturating_sub(LONG)).sign()
        }
        Defect::NotYetValid => {
            draft.time("nbf", now.saturating_add(LONG)).time("exp", now.saturating_add(2 * LONG)).sign()
        }
        Defect::IssuedInFuture => {
            draft.time("iat", now.saturating_add(LONG)).time("exp", now.saturating_add(2 * LONG)).sign()
        }
        Defect::WrongIssuer => draft.claim("iss", "https://another-issuer.test").sign(),
        Defect::IssuerArray => {
            let issuer = draft.claims.get("iss").cloned();
            draft.claim("iss", json!([issuer])).sign()
        }
        Defect::MissingIssuer => draft.without("iss").sign(),
        Defect::WrongAudience => draft.claim("aud", "https://another-api.test").sign(),
        Defect::MissingAudience => draft.without("aud").sign(),
        Defect::AudienceNumber => draft.claim("aud", 42).sign(),
        Defect::AudienceMixedArray => {
            let audience = match draft.claims.get("aud") {
                Some(Value::Array(several)) => several.first().cloned(),
                one => one.cloned(),
            };
            draft.claim("aud", json!([audience, 42])).sign()
        }
        Defect::MissingExpiry => draft.without("exp").sign(),
        Defect::ExpiryString => {
            let exp = draft.claims.get("exp").map(Value::to_string);
            draft.claim("exp", exp).sign()
        }
        Defect::ExpiryNegative => draft.claim("exp", -1).sign(),
        Defect::ExpiryNull => draft.claim("exp", Value::Null).sign(),
        Defect::MissingSubject => draft.without("sub").sign(),
        Defect::EmptySubject => draft.claim("sub", "").sign(),
        Defect::SubjectNumber => draft.claim("sub", 42).sign(),
        Defect::MissingClientId => draft.without("client_id").sign(),
        Defect::MissingIssuedAt => draft.without("iat").sign(),
        Defect::MissingTokenId => draft.without("jti").sign(),
        Defect::TamperedHeader => {
            let [_, payload, signature] = draft.segments()?;
            let header = draft.header("added", true).header_json();
            Ok(format!("{}.{payload}.{signature}", base64(header)))
        }
        Defect::TamperedPayload => {
            let [header, _, signature] = draft.segments()?;
            let payload = draft.claim("sub", "admin").payload();
            Ok(format!("{header}.{}.{signature}", base64(payload)))
        }
        Defect::TamperedSignature => {
            let [header, payload, signature] = draft.segments()?;
            let mut bytes = unbase64(&signature)?;
            // In the middle: the first byte of an RSA signature may be less than that of the modulus.
            let middle = bytes.len() / 2;
            bytes.get_mut(middle).map(|byte| *byte ^= 1).ok_or(IssueError::Signing)?;
            Ok(format!("{header}.{payload}.{}", base64(bytes)))
        }
        Defect::EmptySignature => {
            let [header, payload, _] = draft.segments()?;
            Ok(format!("{header}.{payload}."))
        }
        Defect::ForeignKey => {
            let other = draft.other_key()?;
            draft.signed_by(other).sign()
        }
        Defect::AlgNone => {
            let draft = draft.header("alg", "none");
            Ok(format!("{}.{}.", base64(draft.header_json()), base64(draft.payload())))
        }
        Defect::HmacWithPublicKey => {
            let pem = draft.key.public_key_pem().ok_or(IssueError::Signing)?;
            let secret = SigningKey::from_hmac_secret(pem.as_bytes(), Algorithm::HS256);
            let secret = secret.map_err(|_| IssueError::Signing)?;
            draft.header("alg", "HS256").signed_by(secret).sign()
        }
        Defect::UnknownKid => draft.header("kid", "unknown").sign(),
        Defect::EmbeddedJwk => {
            let other = draft.other_key()?;
            draft.header("jwk", other.public_jwk()).signed_by(other).sign()
        }
        Defect::Critical => {
            let name = "urn:example:unknown";
            draft.header("crit", json!([name])).header(name, true).sign()
        }
        Defect::Unencoded => draft.header("b64", false).sign(),
        Defect::WrongType => draft.header("typ", "logout+jwt").sign(),
        Defect::IdTokenAsAccessToken => draft
            .header("typ", "JWT")
            .without("client_id")
            .without("scope")
            .without("jti")
            .claim("nonce", "n-0S6_WzA2Mj")
            .time("auth_time", now)
            .sign(),
        Defect::DuplicateClaim => {
            draft.sign_payload(format!(r#"{},"sub":"admin"}}"#, draft.open_payload()).as_bytes())
        }
        Defect::ArrayPayload => draft.sign_payload(format!("[{}]", draft.payload()).as_bytes()),
        Defect::InvalidUtf8 => {
            let odd = b",\"added\":\"\xFF\"}";
            draft.sign_payload(&[draft.open_payload().as_bytes(), odd].concat())
        }
        Defect::SenderConstrained => {
            let jkt = draft.other_key()?.thumbprint();
            draft.claim("cnf", json!({ "jkt": jkt })).sign()
        }
        Defect::TwoParts => {
            let [header, payload, _] = draft.segments()?;
            Ok(format!("{header}.{payload}"))
        }
        Defect::FourParts => Ok(format!("{}.{}", draft.sign()?, base64("more"))),
        Defect::FiveParts => {
            let header = json!({ "alg": "dir", "enc": "A256GCM", "typ": draft.header.get("typ") });
            let [_, payload, signature] = draft.segments()?;
            let iv = base64([0; 12]);
            Ok(format!("{}..{iv}.{payload}.{signature}", base64(header.to_string())))
        }
        Defect::PaddedBase64 => respell(&draft, |segment| {
            let padding = "=".repeat(segment.len().next_multiple_of(4) - segment.len());
            format!("{segment}{padding}")
        }),
        Defect::TrailingBits => respell(&draft, set_trailing_bit),
        Defect::DeepNesting => {
            let deep = (0..110).fold(Value::Null, |inner, _| json!([inner]));
            draft.claim("added", deep).sign()
        }
        Defect::TooLarge => draft.claim("added", "A".repeat(16 * 1024)).sign(),
    }
}

/// Spells a segment in another way that a lax decoder reads as the same bytes.
///
/// The signature's if it does not end on a whole group of four characters, for then nothing else
/// has to change; otherwise the payload's, with white space added until it does not, and signed as
/// it then stands.
fn respell(draft: &Draft, spell: impl Fn(&str) -> String) -> Result<String, IssueError> {
    let [header, payload, signature] = draft.segments()?;
    if !signature.len().is_multiple_of(4) {
        return Ok(format!("{header}.{payload}.{}", spell(&signature)));
    }
    let mut claims = draft.payload();
    while claims.len().is_multiple_of(3) {
        claims.push(' ');
    }
    let signing_input = format!("{header}.{}", spell(&base64(claims)));
    let signature = draft.key.sign(signing_input.as_bytes())?;
    Ok(format!("{signing_input}.{}", base64(signature)))
}

/// Replaces the last character by the next of the alphabet. The last one of an incomplete group
/// carries 2 or 4 unused bits, which are zero: so the next character differs in the lowest only.
fn set_trailing_bit(segment: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut spelled = segment.to_owned();
    let last = spelled.pop().and_then(|last| ALPHABET.iter().position(|known| char::from(*known) == last));
    if let Some(next) = last.and_then(|at| ALPHABET.get(at + 1)) {
        spelled.push(char::from(*next));
    }
    spelled
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

fn unbase64(text: &str) -> Result<Vec<u8>, IssueError> {
    URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| IssueError::Signing)
}

#[cfg(test)]
#[path = "defect_tests.rs"]
mod tests;

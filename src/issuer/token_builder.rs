//! One token, from its claims to its signature.

use std::time::Duration;

use aws_lc_rs::rand;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{Algorithm, IssueError, KeySelector, SigningKey, TokenIssuer};
use crate::time::UnixTime;

/// A token about to be minted; made by [`TokenIssuer::access_token`], [`TokenIssuer::id_token`]
/// and [`TokenIssuer::token`].
///
/// Each setter stands for a claim or a header member and the last word on one counts, so that a
/// profile's defaults can be changed or left out. Nothing is checked beyond the claims that the
/// profile requires: this is the side that may say anything.
///
/// ```
/// use tower_resource_server::{
///     issuer::{SigningKey, TokenIssuer},
///     keys::Algorithm,
/// };
///
/// let issuer = TokenIssuer::builder("https://login.example")
///     .signing_key(SigningKey::generate(Algorithm::ES256)?)
///     .build()?;
/// let without_subject = issuer
///     .access_token("alice")
///     .audience("https://api.example")
///     .client_id("web")
///     .without("sub")
///     .typ("JWT")
///     .mint()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `mint`"]
pub struct TokenBuilder {
    issuer: TokenIssuer,
    header: Map<String, Value>,
    left_out_of_header: Vec<String>,
    claims: Map<String, Value>,
    left_out: Vec<String>,
    required: &'static [&'static str],
    lifetime: Option<Duration>,
    unique: bool,
    default_audience: Option<String>,
    bound_to: Option<String>,
    key: Option<KeySelector>,
}

/// A token with everything decided and nothing signed.
pub(crate) struct Unsigned {
    pub(crate) key: SigningKey,
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl TokenBuilder {
    pub(super) fn new(issuer: TokenIssuer) -> Self {
        Self {
            issuer,
            header: Map::new(),
            left_out_of_header: Vec::new(),
            claims: Map::new(),
            left_out: Vec::new(),
            required: &[],
            lifetime: None,
            unique: false,
            default_audience: None,
            bound_to: None,
            key: None,
        }
    }

    pub(super) fn require(mut self, claims: &'static [&'static str]) -> Self {
        self.required = claims;
        self
    }

    pub(super) fn default_audience(mut self, audience: Option<String>) -> Self {
        self.default_audience = audience;
        self
    }

    /// Sets a claim to any JSON value.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        self.left_out.retain(|left_out| *left_out != name);
        self.claims.insert(name, value.into());
        self
    }

    /// Leaves a claim out, whether a default or one set before.
    pub fn without(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.claims.remove(&name);
        self.left_out.push(name);
        self
    }

    /// Sets a header member to any JSON value; `alg` and `kid` too, whatever key signs.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        self.left_out_of_header.retain(|left_out| *left_out != name);
        self.header.insert(name, value.into());
        self
    }

    /// Leaves a header member out; `alg` and `kid` too.
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.header.remove(&name);
        self.left_out_of_header.push(name);
        self
    }

    /// The header's `typ`.
    pub fn typ(self, typ: impl Into<String>) -> Self {
        self.header("typ", typ.into())
    }

    /// The `client_id`: whom an access token was issued to.
    pub fn client_id(self, client_id: impl Into<String>) -> Self {
        self.claim("client_id", client_id.into())
    }

    /// Adds to `aud`: one audience is written as a string, several as an array. The first one
    /// replaces the issuer's default; an ID token has its client as the first.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        let added = Value::String(audience.into());
        let audiences = match self.claims.remove("aud") {
            None => added,
            Some(Value::Array(mut held)) => {
                held.push(added);
                Value::Array(held)
            }
            Some(held) => Value::Array(vec![held, added]),
        };
        self.claim("aud", audiences)
    }

    /// Adds to `scope`: one or several scopes with a space between them.
    pub fn scope(self, scope: impl AsRef<str>) -> Self {
        let scope = match self.claims.get("scope").and_then(Value::as_str) {
            Some(held) => format!("{held} {}", scope.as_ref()),
            None => scope.as_ref().to_owned(),
        };
        self.claim("scope", scope)
    }

    /// `exp` this long after `iat`, in whole seconds.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// `iat`, in whole seconds; the clock's time by default.
    pub fn issued_at(self, at: UnixTime) -> Self {
        self.claim("iat", at.as_secs())
    }

    /// `exp`, in whole seconds, whatever the lifetime.
    pub fn expires_at(self, at: UnixTime) -> Self {
        self.claim("exp", at.as_secs())
    }

    /// `nbf`, in whole seconds.
    pub fn not_before(self, at: UnixTime) -> Self {
        self.claim("nbf", at.as_secs())
    }

    /// The `nonce` of the authentication request (ID token).
    pub fn nonce(self, nonce: impl Into<String>) -> Self {
        self.claim("nonce", nonce.into())
    }

    /// `auth_time`: when the user logged in, in whole seconds.
    pub fn auth_time(self, at: UnixTime) -> Self {
        self.claim("auth_time", at.as_secs())
    }

    /// `acr`: how strong the login was.
    pub fn acr(self, acr: impl Into<String>) -> Self {
        self.claim("acr", acr.into())
    }

    /// `amr`: the methods of the login ([RFC 8176]).
    ///
    /// [RFC 8176]: https://www.rfc-editor.org/rfc/rfc8176
    pub fn amr<M: Into<String>>(self, methods: impl IntoIterator<Item = M>) -> Self {
        let methods: Vec<String> = methods.into_iter().map(Into::into).collect();
        self.claim("amr", methods)
    }

    /// `azp`: the client that an ID token was issued to.
    pub fn azp(self, client_id: impl Into<String>) -> Self {
        self.claim("azp", client_id.into())
    }

    /// `at_hash` of that access token ([OpenID Connect Core section 3.1.3.6]), by the hash of the
    /// algorithm that will sign: SHA-512 for EdDSA.
    ///
    /// [OpenID Connect Core section 3.1.3.6]: https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken
    pub fn for_access_token(mut self, access_token: &str) -> Self {
        self.left_out.retain(|left_out| left_out != "at_hash");
        self.claims.remove("at_hash");
        self.bound_to = Some(access_token.to_owned());
        self
    }

    /// Binds the token to a key of its sender by the key's thumbprint (`cnf` with `jkt`, [RFC 9449 section 6.1]):
    /// it is then good with a proof of that key alone.
    ///
    /// [RFC 9449 section 6.1]: https://www.rfc-editor.org/rfc/rfc9449#section-6.1
    pub fn bound_to_key(self, thumbprint: impl Into<String>) -> Self {
        self.confirmed_by("jkt", thumbprint.into())
    }

    /// Binds the token to a certificate of its sender by the certificate's thumbprint (`cnf` with `x5t#S256`,
    /// [RFC 8705 section 3.1]): it is then good over connections alone on which the client shows that certificate,
    /// and with a proof of the key besides, where it is [bound to one](Self::bound_to_key), too.
    ///
    /// [RFC 8705 section 3.1]: https://www.rfc-editor.org/rfc/rfc8705#section-3.1
    pub fn bound_to_certificate(self, thumbprint: impl Into<String>) -> Self {
        self.confirmed_by("x5t#S256", thumbprint.into())
    }

    /// A method of confirmation more (RFC 7800 section 3.1).
    fn confirmed_by(self, method: &str, thumbprint: String) -> Self {
        let mut methods = match self.claims.get("cnf") {
            Some(Value::Object(held)) => held.clone(),
            _ => serde_json::Map::new(),
        };
        methods.insert(method.to_owned(), thumbprint.into());
        self.claim("cnf", methods)
    }

    /// Signs with another key than the issuer's signing one: of that `kid` or algorithm, or that
    /// very key, published or not.
    pub fn signed_with(mut self, key: impl Into<KeySelector>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Gives each minted token a `jti` of 128 random bits, in base64url.
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Signs the token. Minting twice gives two tokens, each with its own `jti` and `iat`.
    ///
    /// # Errors
    /// [`IssueError::MissingClaim`] when an access token lacks `aud` or `client_id` and they were
    /// not left out on purpose, [`IssueError::UnknownKey`] for a key that the issuer does not have,
    /// and [`IssueError::Signing`].
    pub fn mint(&self) -> Result<String, IssueError> {
        let Unsigned { key, header, claims } = self.unsigned()?;
        let (header, claims) = (Value::Object(header), Value::Object(claims));
        key.sign_raw(&header.to_string(), claims.to_string().as_bytes())
    }

    pub(crate) fn unsigned(&self) -> Result<Unsigned, IssueError> {
        let key = self.issuer.key(self.key.as_ref())?;
        let header = self.complete_header(key.algorithm(), key.kid());
        let claims = self.complete_claims(key.algorithm())?;
        Ok(Unsigned { key, header, claims })
    }

    fn complete_header(&self, algorithm: Algorithm, kid: Option<&str>) -> Map<String, Value> {
        let mut header = self.header.clone();
        let mut default = |name: &str, value: &str| {
            if !header.contains_key(name) && !self.left_out_of_header.iter().any(|out| out == name) {
                header.insert(name.into(), value.into());
            }
        };
        default("alg", algorithm.name());
        if let Some(kid) = kid {
            default("kid", kid);
        }
        header
    }

    fn complete_claims(&self, algorithm: Algorithm) -> Result<Map<String, Value>, IssueError> {
        let mut claims = self.claims.clone();
        let left_out = |name: &str| self.left_out.iter().any(|out| out == name);
        if let Some(audience) = &self.default_audience {
            claims.entry("aud").or_insert_with(|| audience.as_str().into());
        }
        for claim in self.required {
            if !claims.contains_key(*claim) && !left_out(claim) {
                return Err(IssueError::MissingClaim { claim });
            }
        }
        if let Some(lifetime) = self.lifetime {
            // An `iat` set by hand moves `exp` with it, so a token of another time is one call.
            let issued = match claims.get("iat").and_then(Value::as_u64) {
                Some(at) => UnixTime::from_secs(at),
                None => self.issuer.now(),
            };
            claims.entry("iat").or_insert_with(|| issued.as_secs().into());
            claims.entry("exp").or_insert_with(|| issued.saturating_add(lifetime).as_secs().into());
        }
        if self.unique {
            claims.entry("jti").or_insert(random_id()?.into());
        }
        if let Some(access_token) = &self.bound_to {
            claims.entry("at_hash").or_insert_with(|| algorithm.left_half_hash(access_token).into());
        }
        claims.retain(|name, _| !left_out(name));
        Ok(claims)
    }
}

/// 128 random bits: none is guessed or repeated.
fn random_id() -> Result<String, IssueError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| IssueError::Signing)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
}

#[cfg(test)]
#[path = "token_builder_tests.rs"]
mod tests;

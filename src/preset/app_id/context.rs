//! What the vendor's SDK hands to an application about a request.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{ClaimsError, FromIdentity, Identity, TokenClaims};

/// The vendor's `req.appIdAuthorizationContext`: the payloads of the tokens, and the tokens.
///
/// As JSON it has the SDK's members: `accessToken`, `accessTokenPayload`, `identityToken` and
/// `identityTokenPayload`. What is not there is absent, not null.
///
/// ```
/// use tower_resource_server::{ClaimsError, Identity, preset::app_id::AuthorizationContext};
///
/// fn name(who: &Identity) -> Result<Option<String>, ClaimsError> {
///     let context = who.context::<AuthorizationContext>()?;
///     let name = context.identity_token_payload.as_ref().and_then(|user| user.get("name"));
///     Ok(name.and_then(|name| name.as_str()).map(str::to_owned))
/// }
/// ```
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuthorizationContext {
    /// The access token, where the server
    /// [retains tokens](crate::ResourceServerBuilder::retain_tokens).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Box<str>>,
    /// The claims of the access token, and as `ver` what the header says there.
    pub access_token_payload: Map<String, Value>,
    /// The ID token, where there was one and the server retains tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_token: Option<Box<str>>,
    /// The claims of the ID token, if there was one, and as `ver` what the header says there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_token_payload: Option<Map<String, Value>>,
}

/// Shows nothing that a token says.
impl fmt::Debug for AuthorizationContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationContext").finish_non_exhaustive()
    }
}

impl FromIdentity for AuthorizationContext {
    fn from_identity(identity: &Identity) -> Result<Self, ClaimsError> {
        // A server of this preset makes no identity without an access token.
        let access = identity.access_token().map(payload).transpose()?;
        Ok(Self {
            access_token: identity.raw_access_token().map(Into::into),
            access_token_payload: access.unwrap_or_default(),
            identity_token: identity.raw_id_token().map(Into::into),
            identity_token_payload: identity.id_token().map(payload).transpose()?,
        })
    }
}

/// `ver` is the header's, whatever the claims say: the SDK writes over theirs.
fn payload(token: TokenClaims<'_>) -> Result<Map<String, Value>, ClaimsError> {
    let mut claims: Map<String, Value> = token.claims()?;
    match token.header("ver") {
        Some(version) => claims.insert("ver".to_owned(), version),
        None => claims.remove("ver"),
    };
    Ok(claims)
}

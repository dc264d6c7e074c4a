//! Signed metadata of a protected resource (RFC 9728 section 2.2).

use serde_json::{Map, Value};

use super::{IssueError, SigningKey};

impl SigningKey {
    /// The metadata of a protected resource as a JWT: its members as claims, and `iss`, the party that attests
    /// to them (RFC 9728 section 2.2). For
    /// [`ResourceMetadata::signed_by`](crate::http::ResourceMetadata::signed_by).
    ///
    /// It has neither an audience nor an end, so no profile of this crate takes it for a token.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{http::ResourceMetadata, issuer::SigningKey, keys::Algorithm};
    ///
    /// let key = SigningKey::generate(Algorithm::ES256)?;
    /// let metadata = ResourceMetadata::new()
    ///     .signed_by(move |members| key.sign_resource_metadata("https://api.example", members));
    /// # let _ = metadata;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`IssueError::Signing`] when the cryptographic library fails.
    pub fn sign_resource_metadata(
        &self,
        issuer: &str,
        members: &Map<String, Value>,
    ) -> Result<String, IssueError> {
        let mut header = Map::new();
        header.insert("alg".into(), self.algorithm().name().into());
        header.insert("typ".into(), "JWT".into());
        header.extend(self.kid().map(|kid| ("kid".to_owned(), kid.into())));
        let mut claims = members.clone();
        claims.insert("iss".into(), issuer.into());
        self.sign_raw(&Value::Object(header).to_string(), Value::Object(claims).to_string().as_bytes())
    }
}

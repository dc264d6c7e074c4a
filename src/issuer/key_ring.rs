//! Which keys are published and which one signs: rotation as a value, without a lock or a clock.

use serde_json::{Value, json};

use super::{Algorithm, IssueError, SigningKey};

/// The longest `kid`, in bytes: what this crate's verifying side takes.
const MAX_KID: usize = 256;

/// Chooses a key of an issuer: by `kid`, by algorithm, or the key itself.
///
/// It is made by `From` from `&str` and `String` (a `kid`), [`Algorithm`] and `&SigningKey`.
///
/// ```
/// use tower_resource_server::{
///     issuer::{SigningKey, TokenIssuer},
///     keys::Algorithm,
/// };
///
/// let issuer = TokenIssuer::builder("https://login.example")
///     .signing_key(SigningKey::generate(Algorithm::ES256)?.with_kid("a"))
///     .publish(SigningKey::generate(Algorithm::EdDSA)?.with_kid("b"))
///     .build()?;
/// let other = SigningKey::generate(Algorithm::ES256)?;
/// issuer.token().signed_with("b").mint()?;
/// issuer.token().signed_with(Algorithm::EdDSA).mint()?;
/// issuer.token().signed_with(&other).mint()?; // for tests: no verifier trusts it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeySelector(pub(super) Selected);

#[derive(Clone, Debug)]
pub(super) enum Selected {
    Kid(String),
    Algorithm(Algorithm),
    Key(SigningKey),
}

impl From<&str> for KeySelector {
    fn from(kid: &str) -> Self {
        Self(Selected::Kid(kid.into()))
    }
}

impl From<String> for KeySelector {
    fn from(kid: String) -> Self {
        Self(Selected::Kid(kid))
    }
}

impl From<Algorithm> for KeySelector {
    fn from(algorithm: Algorithm) -> Self {
        Self(Selected::Algorithm(algorithm))
    }
}

impl From<&SigningKey> for KeySelector {
    fn from(key: &SigningKey) -> Self {
        Self(Selected::Key(key.clone()))
    }
}

impl KeySelector {
    fn selects(&self, key: &SigningKey) -> bool {
        match &self.0 {
            Selected::Kid(kid) => key.kid() == Some(kid),
            Selected::Algorithm(algorithm) => key.algorithm() == *algorithm,
            Selected::Key(other) => {
                key.shares_material(other) && key.algorithm() == other.algorithm() && key.kid() == other.kid()
            }
        }
    }
}

/// The published keys in the order of their publication, and the one among them that signs.
#[derive(Clone, Debug)]
pub(super) struct KeyRing {
    published: Vec<SigningKey>,
    signing: SigningKey,
}

impl KeyRing {
    pub(super) fn new(signing: SigningKey) -> Result<Self, IssueError> {
        let mut ring = Self { published: Vec::new(), signing: signing.clone() };
        ring.publish(signing)?;
        Ok(ring)
    }

    pub(super) fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Adds a key that does not sign yet. A `kid` names one key: another under the same name is
    /// refused, except the same RSA key under another algorithm.
    pub(super) fn publish(&mut self, key: SigningKey) -> Result<(), IssueError> {
        if key.kid().is_some_and(|kid| kid.len() > MAX_KID) {
            return Err(IssueError::LongKid);
        }
        let clashes = |held: &SigningKey| {
            let same_kid = held.kid() == key.kid();
            let same_material = held.shares_material(&key);
            match (same_kid, same_material) {
                (true, true) => held.algorithm() == key.algorithm(),
                (true, false) => key.kid().is_some(),
                (false, _) => false,
            }
        };
        if self.published.iter().any(clashes) {
            return Err(IssueError::DuplicateKid);
        }
        self.published.push(key);
        Ok(())
    }

    pub(super) fn sign_with(&mut self, selector: &KeySelector) -> Result<(), IssueError> {
        self.signing = self.find(selector)?.clone();
        Ok(())
    }

    pub(super) fn rotate(&mut self, key: SigningKey) -> Result<(), IssueError> {
        self.publish(key.clone())?;
        self.signing = key;
        Ok(())
    }

    /// Takes every key that answers to the selector out of publication.
    pub(super) fn retire(&mut self, selector: &KeySelector) -> Result<(), IssueError> {
        if selector.selects(&self.signing) {
            return Err(IssueError::StillSigning);
        }
        let before = self.published.len();
        self.published.retain(|key| !selector.selects(key));
        if self.published.len() == before { Err(IssueError::UnknownKey) } else { Ok(()) }
    }

    /// The key that answers: the signing one if it does, else the one published last.
    pub(super) fn find(&self, selector: &KeySelector) -> Result<&SigningKey, IssueError> {
        if selector.selects(&self.signing) {
            return Ok(&self.signing);
        }
        self.published.iter().rev().find(|key| selector.selects(key)).ok_or(IssueError::UnknownKey)
    }

    /// The names of all algorithms that some published key signs with, each once.
    pub(super) fn algorithms(&self) -> Vec<&'static str> {
        Algorithm::ALL
            .into_iter()
            .filter(|algorithm| self.published.iter().any(|key| key.algorithm() == *algorithm))
            .map(Algorithm::name)
            .collect()
    }

    /// The JWK Set (RFC 7517 section 5). Secrets are not in it.
    ///
    /// One RSA key under several algorithms is one JWK without `alg`: a `kid` stays the name of
    /// exactly one entry, which is what verifiers that select by `kid` count on.
    pub(super) fn jwks(&self) -> Value {
        let mut jwks = Vec::new();
        for (at, key) in self.published.iter().enumerate() {
            let same = |other: &&SigningKey| other.shares_material(key) && other.kid() == key.kid();
            let Some(mut jwk) = key.bare_jwk() else { continue };
            if self.published.iter().take(at).any(|other| same(&other)) {
                continue;
            }
            jwk.insert("use".into(), "sig".into());
            if self.published.iter().filter(same).count() == 1 {
                jwk.insert("alg".into(), key.algorithm().name().into());
            }
            if let Some(kid) = key.kid() {
                jwk.insert("kid".into(), kid.into());
            }
            jwks.push(Value::Object(jwk));
        }
        json!({ "keys": jwks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(algorithm: Algorithm, kid: &str) -> SigningKey {
        SigningKey::generate(algorithm).unwrap().with_kid(kid)
    }

    fn kids(ring: &KeyRing) -> Vec<String> {
        let jwks = ring.jwks();
        let keys = jwks["keys"].as_array().unwrap();
        keys.iter().map(|jwk| jwk["kid"].as_str().unwrap_or("-").to_owned()).collect()
    }

    #[test]
    fn rotation_overlaps_until_the_old_key_is_retired() {
        let mut ring = KeyRing::new(key(Algorithm::ES256, "old")).unwrap();
        ring.publish(key(Algorithm::EdDSA, "new")).unwrap();
        assert_eq!((kids(&ring), ring.signing().kid()), (vec!["old".into(), "new".into()], Some("old")));

        assert_eq!(ring.retire(&"old".into()), Err(IssueError::StillSigning));
        ring.sign_with(&"new".into()).unwrap();
        assert_eq!((kids(&ring), ring.signing().kid()), (vec!["old".into(), "new".into()], Some("new")));

        ring.retire(&"old".into()).unwrap();
        assert_eq!(kids(&ring), ["new"]);
        assert_eq!(ring.retire(&"old".into()), Err(IssueError::UnknownKey));
        assert_eq!(ring.sign_with(&"old".into()), Err(IssueError::UnknownKey));

        ring.rotate(key(Algorithm::ES384, "newer")).unwrap();
        assert_eq!((kids(&ring), ring.signing().kid()), (vec!["new".into(), "newer".into()], Some("newer")));
        assert_eq!(ring.algorithms(), ["ES384", "EdDSA"]);
    }

    #[test]
    fn a_kid_names_one_key() {
        let first = key(Algorithm::ES256, "a");
        let mut ring = KeyRing::new(first.clone()).unwrap();
        for (case, other) in [("another key", key(Algorithm::ES256, "a")), ("the same again", first)] {
            assert_eq!(ring.publish(other), Err(IssueError::DuplicateKid), "{case}");
        }
        assert_eq!(ring.publish(key(Algorithm::ES256, &"k".repeat(257))), Err(IssueError::LongKid));
        ring.publish(key(Algorithm::ES256, &"k".repeat(256))).unwrap();
        // Keys without a name do not clash with each other.
        ring.publish(SigningKey::generate(Algorithm::ES256).unwrap().without_kid()).unwrap();
        ring.publish(SigningKey::generate(Algorithm::ES256).unwrap().without_kid()).unwrap();
        assert_eq!(ring.jwks()["keys"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn an_rsa_key_of_several_algorithms_is_one_jwk_without_alg() {
        let rs256 = key(Algorithm::RS256, "rsa");
        let ps384 = rs256.with_algorithm(Algorithm::PS384).unwrap();
        let mut ring = KeyRing::new(rs256).unwrap();
        assert_eq!(ring.jwks()["keys"][0]["alg"], "RS256");
        ring.publish(ps384).unwrap();
        let jwks = ring.jwks();
        assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
        assert_eq!(jwks["keys"][0].get("alg"), None);
        assert_eq!(jwks["keys"][0]["use"], "sig");
        assert_eq!(ring.find(&Algorithm::PS384.into()).unwrap().algorithm(), Algorithm::PS384);
        // By kid alone the signing one answers.
        assert_eq!(ring.find(&"rsa".into()).unwrap().algorithm(), Algorithm::RS256);
    }

    #[test]
    fn secrets_are_never_published() {
        let mut ring = KeyRing::new(key(Algorithm::HS256, "secret")).unwrap();
        ring.publish(key(Algorithm::ES256, "public")).unwrap();
        assert_eq!(kids(&ring), ["public"]);
        assert_eq!(ring.algorithms(), ["ES256", "HS256"]);
    }
}

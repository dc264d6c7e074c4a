//! An immutable set of keys, and which of them are eligible for a token.

use std::{collections::HashMap, sync::Arc};

use smallvec::SmallVec;

use super::{Algorithm, KeyError, VerifyingKey, header_memo::HeaderMemo};
use crate::error::TokenError;

/// The keys of one issuer at one moment.
///
/// ```
/// use tower_resource_server::keys::KeySet;
///
/// let keys = KeySet::from_jwks(br#"{"keys":[
///     {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
///     {"kty":"something else","kid":"b"}
/// ]}"#)?;
/// assert_eq!((keys.len(), keys.skipped().len()), (1, 1));
/// # Ok::<_, tower_resource_server::keys::JwksError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<VerifyingKey>>,
    by_kid: HashMap<Box<str>, SmallVec<[usize; 1]>, foldhash::fast::RandomState>,
    /// Positions of the keys that the application configured without a name.
    unnamed: SmallVec<[usize; 1]>,
    skipped: Vec<KeyError>,
    memo: HeaderMemo,
}

impl KeySet {
    /// A set of keys that the application holds.
    #[must_use]
    pub fn from_keys(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self::index(keys.into_iter().map(Arc::new))
    }

    /// This set out of a document with entries that are unusable for these reasons.
    pub(crate) fn passing_over(self, skipped: Vec<KeyError>) -> Self {
        Self { skipped, ..self }
    }

    fn index(keys: impl Iterator<Item = Arc<VerifyingKey>>) -> Self {
        let mut set = Self::default();
        for key in keys {
            // The same key twice is one key, or it would count twice against the candidates.
            if set.keys.iter().any(|known| known.is_same(&key)) {
                continue;
            }
            let position = set.keys.len();
            if let Some(kid) = key.kid() {
                set.by_kid.entry(kid.into()).or_default().push(position);
            } else if key.is_for_any_kid() {
                set.unnamed.push(position);
            }
            set.keys.push(key);
        }
        set
    }

    /// The keys of this set for which `keep` answers true.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&VerifyingKey) -> bool) -> Self {
        let keys = self.keys.iter().filter(|key| keep(key)).map(Arc::clone);
        Self { skipped: self.skipped.clone(), ..Self::index(keys) }
    }

    /// The keys of this set, each under what `rename` makes of its name.
    pub(crate) fn renamed(&self, rename: impl Fn(&str) -> &str) -> Self {
        let keys = self.keys.iter().map(|key| match key.kid() {
            Some(kid) => Arc::new(VerifyingKey::clone(key).with_kid(rename(kid))),
            None => Arc::clone(key),
        });
        Self { skipped: self.skipped.clone(), ..Self::index(keys) }
    }

    /// The keys of this set, each for no other algorithm than these. A key that is for none of them
    /// stays as it is: narrowing takes algorithms away, and no key.
    #[cfg(feature = "remote")]
    pub(crate) fn narrowed_to(&self, algorithms: super::AlgorithmSet) -> Self {
        let keys = self.keys.iter().map(|key| match key.algorithms().intersection(algorithms) {
            common if common.is_empty() || common == key.algorithms() => Arc::clone(key),
            common => Arc::new(key.narrowed_to(common)),
        });
        Self { skipped: self.skipped.clone(), ..Self::index(keys) }
    }

    /// The keys of this set, then those of another.
    #[cfg(feature = "remote")]
    pub(crate) fn joined(&self, other: &Self) -> Self {
        let keys = self.keys.iter().chain(&other.keys).map(Arc::clone);
        Self { skipped: [&*self.skipped, &*other.skipped].concat(), ..Self::index(keys) }
    }

    /// Whether a public key is tried for every `kid`, having none.
    #[cfg(feature = "remote")]
    pub(crate) fn has_unnamed_public_key(&self) -> bool {
        self.at(Some(&self.unnamed))
            .any(|key| key.algorithms().intersection(super::AlgorithmSet::HMAC).is_empty())
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter().map(AsRef::as_ref)
    }

    /// Why entries of the document were passed over, one reason each.
    #[must_use]
    pub fn skipped(&self) -> &[KeyError] {
        &self.skipped
    }

    /// Whether both sets hold the same keys under the same names, in any order.
    #[must_use]
    pub fn has_same_keys(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|key| other.holds(key))
    }

    /// The headers that keys of this set have signed.
    pub(crate) fn memo(&self) -> &HeaderMemo {
        &self.memo
    }

    /// Whether this very key, under its name, is in the set: what keeps a cached verdict alive.
    pub(crate) fn holds(&self, key: &VerifyingKey) -> bool {
        match key.kid() {
            Some(kid) => self.at(self.by_kid.get(kid)).any(|known| known.is_same(key)),
            None => self.iter().any(|known| known.is_same(key)),
        }
    }

    /// Why no key is eligible for a token with this `kid`.
    pub(crate) fn lacking(&self, kid: Option<&str>) -> TokenError {
        match self.named(kid).next() {
            Some(_) => TokenError::KeyAlgorithmMismatch,
            None => TokenError::UnknownKey,
        }
    }

    /// The keys that may have signed a token with this header.
    ///
    /// A `kid` leads to exactly the key of that name. Two different keys under one `kid` (RFC 7517
    /// section 4.5 allows it across key types) are told apart by `algorithm`; an issuer that goes
    /// further and reuses a `kid` within one algorithm has each of them tried.
    pub(crate) fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Arc<VerifyingKey>> {
        self.named(kid).filter(move |key| key.algorithms().contains(algorithm))
    }

    /// The keys that a token with this `kid` may mean, whatever they are for.
    fn named(&self, kid: Option<&str>) -> impl Iterator<Item = &Arc<VerifyingKey>> {
        let named = kid.and_then(|kid| self.by_kid.get(kid));
        let unnamed = kid.map(|_| &self.unnamed);
        let all = if kid.is_none() { self.keys.as_slice() } else { &[] };
        self.at(named).chain(self.at(unnamed)).chain(all).filter(move |key| key.matches_kid(kid))
    }

    fn at<'a>(
        &'a self,
        positions: Option<&'a SmallVec<[usize; 1]>>,
    ) -> impl Iterator<Item = &'a Arc<VerifyingKey>> {
        positions.into_iter().flatten().filter_map(|position| self.keys.get(*position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [&str; 3] = [
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
        "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU",
    ];

    fn okp(x: usize, kid: Option<&str>) -> String {
        let kid = kid.map(|kid| format!(r#","kid":"{kid}""#)).unwrap_or_default();
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"{kid}}}"#, X[x])
    }

    fn set(keys: &[String]) -> KeySet {
        KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
    }

    fn count(set: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> usize {
        set.candidates(kid, algorithm).count()
    }

    #[test]
    fn a_kid_leads_to_its_key_and_to_no_other() {
        let keys = set(&[okp(0, Some("a")), okp(1, Some("b")), okp(2, None)]);
        assert_eq!(keys.candidates(Some("b"), Algorithm::EdDSA).next().unwrap().kid(), Some("b"));
        for (name, kid, algorithm, expected) in [
            ("known", Some("a"), Algorithm::EdDSA, 1),
            ("unknown", Some("c"), Algorithm::EdDSA, 0),
            ("empty", Some(""), Algorithm::EdDSA, 0),
            ("known, other algorithm", Some("a"), Algorithm::ES256, 0),
            ("no kid: every eligible key", None, Algorithm::EdDSA, 3),
        ] {
            assert_eq!(count(&keys, kid, algorithm), expected, "{name}");
        }
    }

    #[test]
    fn a_configured_key_without_a_name_serves_every_kid() {
        let key = VerifyingKey::from_ed25519_bytes(&[7; 32]).unwrap();
        let keys = KeySet::from_keys([key.clone(), key.with_kid("a")]);
        assert_eq!(count(&keys, Some("x"), Algorithm::EdDSA), 1);
        assert_eq!(count(&keys, Some("a"), Algorithm::EdDSA), 2);
    }

    #[test]
    fn a_token_without_a_key_is_told_what_is_lacking() {
        let keys = set(&[okp(0, Some("a")), okp(1, None)]);
        for (name, keys, kid, expected) in [
            ("the key is there", &keys, Some("a"), TokenError::KeyAlgorithmMismatch),
            ("some key is there", &keys, None, TokenError::KeyAlgorithmMismatch),
            ("no key of the name", &keys, Some("b"), TokenError::UnknownKey),
            ("no key at all", &KeySet::default(), None, TokenError::UnknownKey),
        ] {
            assert_eq!(keys.candidates(kid, Algorithm::ES256).count(), 0, "{name}");
            assert_eq!(keys.lacking(kid), expected, "{name}");
        }
    }

    #[test]
    fn sets_compare_by_keys_and_names() {
        let (a, b) = (okp(0, Some("a")), okp(1, Some("b")));
        let both = set(&[a.clone(), b.clone()]);
        assert!(both.has_same_keys(&set(&[b.clone(), a.clone(), a.clone()])));
        assert!(!both.has_same_keys(&set(std::slice::from_ref(&a))));
        assert!(!both.has_same_keys(&set(&[a, okp(1, Some("c"))])));
        assert!(!both.has_same_keys(&both.filtered(|key| key.kid() != Some("b"))));
    }
}

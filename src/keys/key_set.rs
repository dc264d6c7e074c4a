//! An immutable set of keys, and which of them are eligible for a token.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, de::IgnoredAny};
use smallvec::SmallVec;

use super::{Algorithm, AlgorithmSet, KeyError, VerifyingKey, header_memo::HeaderMemo, jwk::Jwk};
use crate::json;

/// The most entries that a key set from the network may have: 100 signing keys are far beyond any
/// provider seen, and each costs parsing on arrival.
pub const MAX_KEYS: usize = 100;

/// The most keys that one token is tried against: bounds the signatures that a token without `kid`
/// can cause.
const MAX_CANDIDATES: usize = 4;

/// Why a document is not a usable key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// Not JSON, or neither a JWK Set (RFC 7517 section 5) nor a single JWK.
    #[error("not a JWK Set")]
    Malformed,
    /// More entries than [`MAX_KEYS`].
    #[error("{count} keys; at most {MAX_KEYS} are accepted")]
    TooManyKeys {
        /// How many there are.
        count: usize,
    },
    /// There is no entry that can verify a signature.
    #[error("no usable key among {count}")]
    NoUsableKey {
        /// How many entries there are.
        count: usize,
    },
}

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
    /// Reads a JWK Set, or a single bare JWK, as it comes from an issuer.
    ///
    /// Each entry is judged alone: one that is unusable is skipped and counted in
    /// [`skipped`](Self::skipped), so that an issuer may publish keys of new kinds. Symmetric and
    /// private keys are never taken.
    ///
    /// # Errors
    /// [`JwksError`] when the document is not a key set, too large, or has no usable key at all.
    pub fn from_jwks(json: &[u8]) -> Result<Self, JwksError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Option<Vec<Jwk>>,
            kty: Option<IgnoredAny>,
        }

        let document: Document = json::read_once(json).ok_or(JwksError::Malformed)?;
        let entries = match (document.keys, document.kty) {
            (Some(keys), _) => keys,
            (None, Some(_)) => vec![json::read_once(json).ok_or(JwksError::Malformed)?],
            (None, None) => return Err(JwksError::Malformed),
        };
        let count = entries.len();
        if count > MAX_KEYS {
            return Err(JwksError::TooManyKeys { count });
        }
        let mut skipped = Vec::new();
        let usable: Vec<_> = entries
            .into_iter()
            .filter_map(|jwk| jwk.into_key().map_err(|why| skipped.push(why)).ok())
            .collect();
        if usable.is_empty() {
            return Err(JwksError::NoUsableKey { count });
        }
        Ok(Self { skipped, ..Self::from_keys(usable) })
    }

    /// A set of keys that the application holds.
    #[must_use]
    pub fn from_keys(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self::index(keys.into_iter().map(Arc::new))
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
    pub(crate) fn narrowed_to(&self, algorithms: AlgorithmSet) -> Self {
        let keys = self.keys.iter().map(|key| match key.algorithms().intersection(algorithms) {
            common if common.is_empty() || common == key.algorithms() => Arc::clone(key),
            common => Arc::new(key.narrowed_to(common)),
        });
        Self { skipped: self.skipped.clone(), ..Self::index(keys) }
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

    /// The keys that may have signed a token with this header, at most [`MAX_CANDIDATES`].
    ///
    /// A `kid` leads to exactly the key of that name. Two different keys under one `kid` (RFC 7517
    /// section 4.5 allows it across key types) are told apart by `algorithm`; an issuer that goes
    /// further and reuses a `kid` within one algorithm has each of them tried, within the same
    /// bound as a token that names no key.
    pub(crate) fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Arc<VerifyingKey>> {
        let named = kid.and_then(|kid| self.by_kid.get(kid));
        let unnamed = kid.map(|_| &self.unnamed);
        let all = if kid.is_none() { self.keys.as_slice() } else { &[] };
        self.at(named)
            .chain(self.at(unnamed))
            .chain(all)
            .filter(move |key| key.algorithms().contains(algorithm) && key.matches_kid(kid))
            .take(MAX_CANDIDATES)
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
    fn tokens_without_kid_are_tried_against_four_keys_at_most() {
        let keys = KeySet::from_keys((0..9).map(|n| VerifyingKey::from_ed25519_bytes(&[n; 32]).unwrap()));
        assert_eq!(count(&keys, None, Algorithm::EdDSA), MAX_CANDIDATES);
    }

    #[test]
    fn documents_that_are_no_key_set_are_refused() {
        let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; MAX_KEYS + 1].join(","));
        for (name, json, expected) in [
            ("not JSON", "<html>", JwksError::Malformed),
            ("truncated", r#"{"keys":[{"kty":"#, JwksError::Malformed),
            ("neither", "{}", JwksError::Malformed),
            ("keys no array", r#"{"keys":{}}"#, JwksError::Malformed),
            ("empty", r#"{"keys":[]}"#, JwksError::NoUsableKey { count: 0 }),
            ("all unusable", r#"{"keys":[{"kty":"oct","k":"AA"},5]}"#, JwksError::NoUsableKey { count: 2 }),
            ("too many", &many, JwksError::TooManyKeys { count: MAX_KEYS + 1 }),
            ("a private bare key", r#"{"kty":"oct","k":"AA"}"#, JwksError::NoUsableKey { count: 1 }),
        ] {
            assert_eq!(KeySet::from_jwks(json.as_bytes()).unwrap_err(), expected, "{name}");
        }
        assert!(KeySet::from_jwks(&[0xff]).is_err());
    }

    #[test]
    fn one_poisoned_entry_among_good_ones_costs_only_itself() {
        for poison in ["5", "null", r#"{"kty":"RSA"}"#, r#"{"kid":7}"#, r#"{"kty":"oct","k":"AA"}"#] {
            let keys = set(&[okp(0, Some("a")), poison.into(), okp(1, Some("b"))]);
            assert_eq!((keys.len(), keys.skipped().len()), (2, 1), "{poison}");
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

    #[test]
    fn a_bare_jwk_is_a_set_of_one() {
        assert_eq!(KeySet::from_jwks(okp(0, None).as_bytes()).unwrap().len(), 1);
    }
}

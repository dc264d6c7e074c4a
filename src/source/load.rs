//! One refresh: metadata and key set as a unit, under one deadline.
//!
//! A location that is already known is asked first, so that a refresh is one request as a rule and
//! a broken metadata endpoint does not keep fresh keys away. The metadata is read again when that
//! fails, when it brings nothing new although a key is needed, and now and then: so a moved
//! `jwks_uri` is followed.

use std::{sync::Arc, time::Duration};

use http::HeaderValue;

use super::{
    FetchError, MetadataError, RefreshError, RefreshSettings,
    discovery::{Discovery, Metadata},
    fetch::{FetchResponse, redirect_of, request},
};
use crate::{
    keys::{AlgorithmSet, JwksError, KeySet},
    net::{HttpClient, Limits, SourceUrl, send_within},
    time::Clock,
};

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyLocation {
    /// At this `jwks_uri`.
    Jwks(SourceUrl),
    /// Where the issuer's metadata says.
    Discover(Discovery),
}

/// What one refresh leaves to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) located: Option<Located>,
    pub(super) loaded: Option<Loaded>,
}

/// A key set's location, from metadata.
#[derive(Clone, Debug)]
pub(super) struct Located {
    url: SourceUrl,
    /// What keys without `alg` are for, as far as the metadata says.
    advertised: AlgorithmSet,
    /// When the metadata was asked for.
    at: Duration,
}

/// A key set as it was published. Its `ETag` is never used for another location or another set.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    url: SourceUrl,
    advertised: AlgorithmSet,
    etag: Option<HeaderValue>,
    max_age: Option<Duration>,
    pub(super) keys: Arc<KeySet>,
}

/// The result of a refresh.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) memory: Memory,
    /// How long the response says that the set is fresh.
    pub(super) freshness: Option<Duration>,
}

/// One refresh under way.
pub(super) struct Load<'a> {
    pub(super) client: &'a dyn HttpClient,
    pub(super) clock: &'a dyn Clock,
    pub(super) location: &'a KeyLocation,
    pub(super) settings: &'a RefreshSettings,
    pub(super) deadline: Duration,
    pub(super) memory: Memory,
    pub(super) lookup: Lookup,
}

/// Where a refresh looks whose key set has a known location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// There, and in the metadata where that fails or now and then.
    Scheduled,
    /// A key is needed: there, and in the metadata before saying that there is nothing new.
    ForUnknownKey,
    /// The last refresh failed: in the metadata first, for the known location may be what hangs.
    AfterFailure,
}

impl Load<'_> {
    pub(super) async fn run(mut self) -> Result<Found, RefreshError> {
        let discovery = match self.location {
            KeyLocation::Jwks(url) => return self.key_set(url, AlgorithmSet::ASYMMETRIC).await,
            KeyLocation::Discover(discovery) => discovery,
        };
        let known = match self.memory.located.clone() {
            Some(known) if self.lookup != Lookup::AfterFailure => known,
            known => {
                let located = match known {
                    // Half of the time, so that the known location gets its turn.
                    Some(known) => {
                        let now = self.clock.monotonic();
                        let half = now.saturating_add(self.deadline.saturating_sub(now) / 2);
                        self.discover(discovery, half).await.unwrap_or(known)
                    }
                    None => self.discover(discovery, self.deadline).await?,
                };
                let (url, advertised) = (located.url.clone(), located.advertised);
                self.memory.located = Some(located);
                return self.key_set(&url, advertised).await;
            }
        };
        let first = self.key_set(&known.url, known.advertised).await;
        let look_again = match &first {
            Err(_) => true,
            Ok(found) if self.lookup == Lookup::ForUnknownKey => !self.is_new(found),
            Ok(_) => self.clock.monotonic().saturating_sub(known.at) >= self.settings.rediscover_after,
        };
        if !look_again {
            return first;
        }
        // From here on, what was found stands unless something better turns up.
        let Ok(located) = self.discover(discovery, self.deadline).await else { return first };
        let (url, advertised) = (located.url.clone(), located.advertised);
        let moved = url != known.url || advertised != known.advertised;
        self.memory.located = Some(located);
        match first {
            first if moved => match self.key_set(&url, advertised).await {
                Ok(found) => Ok(found),
                // The new location does not serve keys (yet): the old one stays in use.
                Err(error) => first.map_err(|_| error),
            },
            Ok(found) => {
                let located = self.memory.located;
                Ok(Found { memory: Memory { located, ..found.memory }, ..found })
            }
            Err(error) => Err(error),
        }
    }

    fn is_new(&self, found: &Found) -> bool {
        match (&self.memory.loaded, &found.memory.loaded) {
            (Some(old), Some(new)) => !old.keys.has_same_keys(&new.keys),
            _ => true,
        }
    }

    async fn key_set(&self, url: &SourceUrl, advertised: AlgorithmSet) -> Result<Found, RefreshError> {
        let is_same = |loaded: &&Loaded| loaded.url == *url && loaded.advertised == advertised;
        let old = self.memory.loaded.as_ref().filter(is_same);
        let etag = old.and_then(|loaded| loaded.etag.clone());
        let accept = "application/jwk-set+json, application/json";
        let response = self.get(url, etag, accept, self.deadline).await.map_err(RefreshError::KeySetFetch)?;
        let age = response.age;
        let loaded = match (response.body, old) {
            (Some(body), _) => {
                let keys = match KeySet::read(&body, self.settings.max_keys, self.settings.key_use.as_deref())
                {
                    Err(JwksError::NoUsableKey { skipped }) if self.settings.empty_set_revokes => {
                        KeySet::default().passing_over(skipped)
                    }
                    keys => keys.map_err(RefreshError::KeySet)?,
                };
                Loaded {
                    url: url.clone(),
                    advertised,
                    etag: response.etag,
                    max_age: response.max_age,
                    keys: Arc::new(keys.narrowed_to(advertised)),
                }
            }
            // RFC 9111 section 4.3.4: what a 304 does not say stays as it was.
            (None, Some(old)) => Loaded {
                etag: response.etag.or_else(|| old.etag.clone()),
                max_age: response.max_age.or(old.max_age),
                ..old.clone()
            },
            (None, None) => return Err(RefreshError::KeySetFetch(FetchError::NotModified)),
        };
        let freshness = loaded.max_age.map(|max_age| max_age.saturating_sub(age));
        Ok(Found { memory: Memory { located: self.memory.located.clone(), loaded: Some(loaded) }, freshness })
    }

    /// Tries the well-known locations in order. A host that does not answer is not asked again; the
    /// error that tells most is kept, and the first of those that tell as much.
    async fn discover(&self, discovery: &Discovery, deadline: Duration) -> Result<Located, RefreshError> {
        let at = self.clock.monotonic();
        let mut kept: Option<RefreshError> = None;
        for candidate in discovery.candidates() {
            let (error, goes_on) = match self.get(candidate, None, "application/json", deadline).await {
                Ok(FetchResponse { body, .. }) => {
                    let body = body.unwrap_or_default();
                    match discovery.read(candidate, &body) {
                        Ok(Metadata { jwks_uri: url, advertised }) => {
                            return Ok(Located { url, advertised, at });
                        }
                        Err(error) => (RefreshError::Metadata(error), true),
                    }
                }
                Err(error) => {
                    let goes_on = error.is_about_this_path();
                    (RefreshError::MetadataFetch(error), goes_on)
                }
            };
            if kept.as_ref().is_none_or(|kept| kept.weight() < error.weight()) {
                kept = Some(error);
            }
            if !goes_on {
                break;
            }
        }
        Err(kept.unwrap_or(RefreshError::Metadata(MetadataError::Malformed)))
    }

    async fn get(
        &self,
        url: &SourceUrl,
        etag: Option<HeaderValue>,
        accept: &'static str,
        deadline: Duration,
    ) -> Result<FetchResponse, FetchError> {
        get((self.client, self.clock, self.settings), url, etag, accept, deadline).await
    }
}

/// One document, redirects followed as far as the settings say.
pub(super) async fn get(
    (client, clock, settings): (&dyn HttpClient, &dyn Clock, &RefreshSettings),
    url: &SourceUrl,
    etag: Option<HeaderValue>,
    accept: &'static str,
    deadline: Duration,
) -> Result<FetchResponse, FetchError> {
    let conditional = etag.is_some();
    let (mut url, mut redirects) = (url.clone(), settings.max_redirects);
    loop {
        let timeout = deadline.saturating_sub(clock.monotonic());
        let limits = Limits::new(settings.max_body, timeout);
        let request = request(&url, accept, etag.clone());
        let response = send_within(client, clock, request, limits).await?;
        match redirect_of(&url, &response) {
            Some(target) if redirects > 0 => (url, redirects) = (target, redirects - 1),
            _ => return FetchResponse::read(response, conditional),
        }
    }
}

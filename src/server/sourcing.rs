//! From issuers to the sources of their keys.

use std::sync::Arc;
#[cfg(feature = "remote")]
use std::sync::atomic::AtomicUsize;

#[cfg(feature = "remote")]
use super::sources::TenantProfiles;
use super::{
    ResourceServerBuilder, TrustedIssuer,
    sources::{NamedSource, Sources},
    trusted_issuer::KeysFrom,
};
use crate::source::KeySource;
#[cfg(feature = "remote")]
use crate::{
    net::{HttpClient, ReqwestClient, SourceUrl, shown},
    policy::NameForm,
    profile::{CompiledProfile, TokenProfile},
    source::{
        Discovery, IssuerCounts, KeyLocation, RemoteConfig, RemoteKeys, TenantPattern, Tenants,
        TenantsConfig, WaiterPools, random,
    },
};

impl ResourceServerBuilder {
    #[cfg(not(feature = "remote"))]
    pub(super) fn sources(fixed: &[&TrustedIssuer]) -> Sources {
        let source = |issuer: &&TrustedIssuer| {
            let KeysFrom::Given(keys) = &issuer.keys;
            let keys = issuer.profile.selects_key_by().rename(keys.clone());
            NamedSource { issuer: Arc::clone(&issuer.issuer), keys: KeySource::fixed(keys) }
        };
        Sources { fixed: fixed.iter().map(source).collect() }
    }

    #[cfg(feature = "remote")]
    pub(super) fn sources<'a>(
        &self,
        fixed: &[&'a TrustedIssuer],
        patterns: impl Iterator<Item = (&'a TrustedIssuer, TenantProfiles)>,
        problems: &mut Vec<String>,
    ) -> Sources {
        let is_fetched = |issuer: &&TrustedIssuer| !matches!(issuer.keys, KeysFrom::Given(_));
        let mut counts = IssuerCounts::default();
        for issuer in self.issuers.iter().filter(is_fetched) {
            if issuer.is_pattern() {
                counts.tenants = counts.tenants.saturating_add(issuer.tenant_settings.max_live);
                counts.candidates = counts.candidates.saturating_add(issuer.tenant_settings.max_candidates);
            } else {
                counts.configured += 1;
            }
        }
        let pools = WaiterPools::new(counts);
        // One client for all issuers that bring none of their own, made when the first needs it.
        let mut shared: Option<Arc<dyn HttpClient>> = None;
        let mut sources = Sources { fixed: Vec::with_capacity(fixed.len()), tenants: Vec::new() };
        for issuer in self.issuers.iter().filter(is_fetched) {
            let whose = format!("issuer {:?}", issuer.issuer);
            let numbers = issuer.remote.refresh.problems();
            problems.extend(numbers.into_iter().map(|problem| format!("{whose}: {problem}")));
            if let Some(no_host) = issuer.remote.plain_http.not_a_host() {
                problems.push(format!(
                    "{whose}: plain_http_to({no_host:?}) names no host; leave out scheme, port and path"
                ));
            }
        }
        for issuer in fixed {
            match self.source(issuer, &pools, &mut shared) {
                Ok(keys) => sources.fixed.push(NamedSource { issuer: Arc::clone(&issuer.issuer), keys }),
                Err(problem) => problems.push(format!("issuer {:?}: {problem}", issuer.issuer)),
            }
        }
        // Tenants are numbered behind the configured issuers.
        let ids = Arc::new(AtomicUsize::new(fixed.len()));
        for (issuer, profiles) in patterns {
            match self.tenants(issuer, profiles, &ids, &pools, &mut shared) {
                Ok(tenants) => sources.tenants.push(tenants),
                Err(why) => {
                    problems.extend(why.into_iter().map(|why| format!("issuer {:?}: {why}", issuer.issuer)));
                }
            }
        }
        sources
    }

    #[cfg(feature = "remote")]
    fn tenants(
        &self,
        issuer: &TrustedIssuer,
        profiles: TenantProfiles,
        ids: &Arc<AtomicUsize>,
        pools: &WaiterPools,
        shared: &mut Option<Arc<dyn HttpClient>>,
    ) -> Result<Tenants<TenantProfiles>, Vec<String>> {
        let plain_http = issuer.remote.plain_http.clone();
        let mut problems = issuer.tenant_settings.problems();
        let pattern = TenantPattern::parse(&issuer.issuer, &plain_http);
        let pattern = pattern.map_err(|problem| problems.push(problem)).ok();
        let forms = [&issuer.profile, &issuer.id_token_profile].map(TokenProfile::compares_issuers);
        if !issuer.aliases.is_empty() || forms != [NameForm::Exact; 2] {
            problems.push(
                "tenants have one name each, compared byte for byte; trust another form with a pattern of its own"
                    .to_owned(),
            );
        }
        if issuer.resolver.is_none() {
            problems.push(
                "nobody says which tenants there are; name them with .allow_tenants(..), or trust all with .dangerous().any_tenant()"
                    .to_owned(),
            );
        }
        let client = client(issuer, shared).map_err(|problem| problems.push(problem)).ok();
        let (true, Some(pattern), Some(resolver), Some(client)) =
            (problems.is_empty(), pattern, issuer.resolver.clone(), client)
        else {
            return Err(problems);
        };
        let (clock, settings, pools) =
            (Arc::clone(&self.clock), issuer.remote.refresh.clone(), pools.clone());
        let name = Arc::clone(&issuer.issuer);
        Ok(Tenants::new(TenantsConfig {
            pattern,
            resolver,
            settings: issuer.tenant_settings.clone(),
            ids: Arc::clone(ids),
            source: Box::new(move |location, on_demand| {
                RemoteKeys::new(RemoteConfig {
                    name: Arc::clone(&name),
                    location,
                    client: Arc::clone(&client),
                    clock: Arc::clone(&clock),
                    settings: settings.clone(),
                    pools: pools.clone(),
                    on_demand: Some(on_demand),
                    jitter: random,
                })
            }),
            own: Box::new(move |issuer| TenantProfiles {
                access: profiles.access.for_issuer(Arc::clone(issuer)),
                id: profiles.id.as_ref().map(|id| id.for_issuer(Arc::clone(issuer))),
            }),
            plain_http,
        }))
    }

    #[cfg(feature = "remote")]
    fn source(
        &self,
        issuer: &TrustedIssuer,
        pools: &WaiterPools,
        shared: &mut Option<Arc<dyn HttpClient>>,
    ) -> Result<KeySource, String> {
        let plain_http = &issuer.remote.plain_http;
        let location = match &issuer.keys {
            KeysFrom::Given(keys) => {
                return Ok(KeySource::fixed(issuer.profile.selects_key_by().rename(keys.clone())));
            }
            KeysFrom::Jwks(url) => SourceUrl::parse_with(url, plain_http)
                .map(KeyLocation::Jwks)
                .map_err(|error| format!("its jwks_uri {}: {}", shown(url), error.with_advice(url)))?,
            KeysFrom::Discovery | KeysFrom::Tenants => Discovery::new(&issuer.issuer, plain_http)
                .map(KeyLocation::Discover)
                .map_err(|error| error.with_advice(&issuer.issuer))?,
        };
        let client = client(issuer, shared)?;
        Ok(KeySource::Remote(RemoteKeys::new(RemoteConfig {
            name: Arc::clone(&issuer.issuer),
            location,
            client,
            clock: Arc::clone(&self.clock),
            settings: issuer.remote.refresh.clone(),
            pools: pools.clone(),
            on_demand: None,
            jitter: random,
        })))
    }
}

/// The HTTP client of this issuer: its own, or the one that all others share.
#[cfg(feature = "remote")]
fn client(
    issuer: &TrustedIssuer,
    shared: &mut Option<Arc<dyn HttpClient>>,
) -> Result<Arc<dyn HttpClient>, String> {
    Ok(match (&issuer.remote.client, &*shared) {
        (Some(own), _) => Arc::clone(own),
        (None, Some(shared)) => Arc::clone(shared),
        (None, None) => {
            let made: Arc<dyn HttpClient> =
                Arc::new(ReqwestClient::new().map_err(|error| error.to_string())?);
            *shared = Some(Arc::clone(&made));
            made
        }
    })
}

/// The profiles of each pattern, out of those of each slot.
#[cfg(feature = "remote")]
pub(super) fn templates(
    access: Vec<CompiledProfile>,
    id: Option<Vec<CompiledProfile>>,
) -> impl Iterator<Item = TenantProfiles> {
    let mut id = id.map(Vec::into_iter);
    access.into_iter().map(move |access| TenantProfiles { access, id: id.as_mut().and_then(Iterator::next) })
}

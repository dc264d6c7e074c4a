//! From issuers to the sources of their keys.

use std::sync::{Arc, atomic::AtomicUsize};

use super::{
    TrustedIssuer, fetched::Location, issuers::Profiles, problems::Problems, trusted_issuer::KeysFrom,
};
use crate::{
    error::shown,
    keys::{AlgorithmSet, KeySet},
    net::{HttpClient, ReqwestClient, SourceUrl},
    policy::NameForm,
    profile::{CompiledProfile, TokenProfile},
    source::{
        ByKidConfig, Discovery, IssuerCounts, KeyLocation, KeySource, KeysByKid, KidUrls, RemoteConfig,
        RemoteKeys, TenantPattern, Tenants, TenantsConfig, WaiterPools, random,
    },
    time::Clock,
};

/// Makes the key sources of one server.
pub(super) struct KeySources<'a> {
    clock: &'a Arc<dyn Clock>,
    pools: WaiterPools,
    /// Tenants are numbered behind the configured issuers.
    ids: Arc<AtomicUsize>,
    /// One client for all issuers that bring none of their own, made when the first needs it.
    client: Option<Arc<dyn HttpClient>>,
}

impl<'a> KeySources<'a> {
    pub(super) fn new(issuers: &[TrustedIssuer], clock: &'a Arc<dyn Clock>) -> Self {
        let (mut counts, mut configured) = (IssuerCounts::default(), 0);
        for issuer in issuers {
            let tenants = &issuer.remote.tenants;
            match &issuer.keys {
                KeysFrom::Given(_) => configured += 1,
                KeysFrom::Fetched(Location::Tenants) => {
                    counts.tenants = counts.tenants.saturating_add(tenants.max_live);
                    counts.candidates = counts.candidates.saturating_add(tenants.max_candidates);
                }
                KeysFrom::Fetched(Location::Jwks(_) | Location::PemPerKid(..) | Location::Discovery) => {
                    configured += 1;
                    counts.configured += 1;
                }
            }
        }
        Self {
            clock,
            pools: WaiterPools::new(counts),
            ids: Arc::new(AtomicUsize::new(configured)),
            client: None,
        }
    }

    /// The keys of an issuer that is configured by its name.
    pub(super) fn of(&mut self, issuer: &TrustedIssuer, problems: &mut Problems<'_>) -> Option<KeySource> {
        let location = match &issuer.keys {
            KeysFrom::Given(keys) => {
                return Some(KeySource::fixed(issuer.profile.selects_key_by().rename(keys.clone())));
            }
            KeysFrom::Fetched(location) => location,
        };
        let plain_http = &issuer.remote.plain_http;
        if let Location::PemPerKid(pattern, form) = location {
            let urls = problems.keep("address", KidUrls::parse(pattern, *form, plain_http.clone()));
            let client = problems.keep("http_client", self.client(issuer));
            let accepted = issuer.access_profiles().map(TokenProfile::accepted_algorithms);
            let algorithms = accepted.flat_map(|accepted| accepted.iter().collect::<Vec<_>>()).collect();
            return Some(KeySource::ByKid(KeysByKid::new(ByKidConfig {
                name: Arc::clone(&issuer.issuer),
                urls: urls?,
                algorithms,
                client: client?,
                clock: Arc::clone(self.clock),
                settings: issuer.remote.refresh.clone(),
                given: issuer.remote.given.clone(),
                pools: self.pools.clone(),
                jitter: random,
            })));
        }
        let location = match location {
            Location::Jwks(url) => SourceUrl::parse_with(url, plain_http)
                .map(KeyLocation::Jwks)
                .map_err(|error| format!("its jwks_uri {}: {}", shown(url), error.with_advice(url))),
            Location::PemPerKid(..) | Location::Discovery | Location::Tenants => {
                Discovery::new(&issuer.issuer, plain_http)
                    .map(KeyLocation::Discover)
                    .map_err(|error| error.with_advice(&issuer.issuer))
            }
        };
        let location = problems.keep("address", location);
        let client = problems.keep("http_client", self.client(issuer));
        let remote = RemoteConfig {
            name: Arc::clone(&issuer.issuer),
            location: location?,
            client: client?,
            clock: Arc::clone(self.clock),
            settings: issuer.remote.refresh.clone(),
            given: issuer.remote.given.clone(),
            pools: self.pools.clone(),
            on_demand: None,
            jitter: random,
        };
        Some(KeySource::Remote(RemoteKeys::new(remote)))
    }

    /// The tenants of an issuer that is a pattern.
    pub(super) fn tenants(
        &mut self,
        issuer: &TrustedIssuer,
        profiles: Profiles,
        problems: &mut Problems<'_>,
    ) -> Option<Tenants<Profiles>> {
        let plain_http = issuer.remote.plain_http.clone();
        problems.extend("tenant_settings", issuer.remote.tenants.problems());
        let pattern = problems.keep("pattern", TenantPattern::parse(&issuer.issuer, &plain_http));
        let forms = [&issuer.profile, &issuer.id_token_profile].map(TokenProfile::compares_issuers);
        problems.refuse(
            !issuer.aliases.is_empty() || forms != [NameForm::Exact; 2],
            "tenant_names",
            "tenants have one name each, compared byte for byte; trust another form with a pattern of its own",
        );
        problems.refuse(
            issuer.remote.resolver.is_none(),
            "no_tenants",
            "it is not said which tenants there are; name them with .allow_tenants(..), or trust all with .dangerous().any_tenant()",
        );
        let client = problems.keep("http_client", self.client(issuer));
        let (pattern, resolver, client) = (pattern?, issuer.remote.resolver.clone()?, client?);
        let (clock, settings) = (Arc::clone(self.clock), issuer.remote.refresh.clone());
        let (name, pools) = (Arc::clone(&issuer.issuer), self.pools.clone());
        Some(Tenants::new(TenantsConfig {
            pattern,
            resolver,
            settings: issuer.remote.tenants.clone(),
            ids: Arc::clone(&self.ids),
            source: Box::new(move |location, on_demand| {
                RemoteKeys::new(RemoteConfig {
                    name: Arc::clone(&name),
                    location,
                    client: Arc::clone(&client),
                    clock: Arc::clone(&clock),
                    settings: settings.clone(),
                    given: KeySet::default(),
                    pools: pools.clone(),
                    on_demand: Some(on_demand),
                    jitter: random,
                })
            }),
            own: Box::new(move |issuer| profiles.for_issuer(issuer)),
            plain_http,
        }))
    }

    /// The HTTP client of this issuer: its own, or the one that all others share.
    fn client(&mut self, issuer: &TrustedIssuer) -> Result<Arc<dyn HttpClient>, String> {
        if let Some(client) = issuer.remote.client.as_ref().or(self.client.as_ref()) {
            return Ok(Arc::clone(client));
        }
        let made: Arc<dyn HttpClient> = Arc::new(ReqwestClient::new().map_err(|error| error.to_string())?);
        Ok(Arc::clone(self.client.insert(made)))
    }
}

impl Profiles {
    /// The same profiles for another issuer: a tenant.
    pub(super) fn for_issuer(&self, issuer: &Arc<str>) -> Self {
        let of = |profile: &CompiledProfile| profile.for_issuer(Arc::clone(issuer));
        Self {
            access: of(&self.access),
            access_where: self
                .access_where
                .iter()
                .map(|(rules, profile)| (rules.clone(), of(profile)))
                .collect(),
            id: self.id.as_ref().map(of),
            id_stands_alone: self.id_stands_alone,
        }
    }
}

/// What cannot work in the keys that are given beside fetched ones, for profiles that accept these
/// algorithms: above all, that HMAC is accepted without a secret that was given.
pub(super) fn check_given(
    issuer: &TrustedIssuer,
    accepted: impl Iterator<Item = AlgorithmSet>,
    problems: &mut Problems<'_>,
) {
    let given = &issuer.remote.given;
    let has_key_for = |algorithms: AlgorithmSet| {
        given.iter().any(|key| !key.algorithms().intersection(algorithms).is_empty())
    };
    let (mut fits, mut lacks_secret) = (given.is_empty(), false);
    for accepted in accepted {
        let hmac = accepted.intersection(AlgorithmSet::HMAC);
        fits |= has_key_for(accepted);
        lacks_secret |= !hmac.is_empty() && !has_key_for(hmac);
    }
    problems.refuse(
        lacks_secret,
        "hmac",
        "HMAC with keys from the network would let anyone sign who can read them; accept asymmetric algorithms only, or give the secret with .also_keys(..)",
    );
    problems.refuse(
        !fits,
        "no_fitting_key",
        "none of the keys given beside fetched ones fits an accepted algorithm; name theirs with TokenProfile::algorithms",
    );
    problems.refuse(
        given.has_unnamed_public_key(),
        "unnamed_key",
        "a public key that is given beside fetched ones has no name; name it with VerifyingKey::kid",
    );
    problems.refuse(
        issuer.is_pattern() && !given.is_empty(),
        "keys_of_tenants",
        "keys are given for one issuer, and a pattern stands for many; trust the tenant by its own name",
    );
}

/// What cannot work in the settings of keys that are fetched.
pub(super) fn check(issuer: &TrustedIssuer, problems: &mut Problems<'_>) {
    problems.refuse(
        issuer.remote.resolver.is_some() && !issuer.is_pattern(),
        "no_pattern",
        "it is no pattern and has no tenants; begin it with TrustedIssuer::tenants(..)",
    );
    if matches!(issuer.keys, KeysFrom::Given(_)) {
        return;
    }
    problems.extend("refresh", issuer.remote.refresh.problems());
    if let Some(no_host) = issuer.remote.plain_http.not_a_host() {
        let text =
            format!("plain_http_to({}) names no host; leave out scheme, port and path", shown(no_host));
        problems.add("plain_http", text);
    }
}

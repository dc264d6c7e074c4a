//! From settings that were checked to a server.

use std::sync::Arc;

use super::{
    Dpop, Inner, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    cache::TokenCache,
    check::label,
    issuers::{AskedClaims, Configured, Profiles, TrustedIssuers},
    key_sources::KeySources,
    opaque::Opaque,
    operations::Operations,
    problems::Problems,
    unlisted::Unlisted,
};
use crate::{
    error::{ConfigError, ConfigProblem},
    http::{
        BoundTokens, Challenger, DpopScheme, KnownAddress, Manner, Metadata, ScopesSupported, resource_at,
    },
    identity::ServerTag,
    metrics,
    policy::{Binding, Compiled, KnownLeaves, Policy, ScopeImplications},
    profile::{CompiledProfile, ConfirmationMethods, Once, TokenProfile},
    store::{MemorySpentStore, Nonces, SpentTokens},
    token::ClaimNames,
};

impl ResourceServerBuilder {
    /// Builds the server. It fetches nothing and works outside a runtime; keys are fetched from the
    /// first request on, or from [`start`](ResourceServer::start).
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work: no issuer, an issuer twice, a profile that
    /// binds a token to nothing or lets it live for ever, HMAC with keys from the network, `http`
    /// addresses without the loopback opt-in, ID tokens without a client, limits without sense.
    pub fn build(mut self) -> Result<ResourceServer, ConfigError> {
        let mut problems = std::mem::take(&mut self.problems);
        let previous = self.previous.take();
        if let Some(previous) = &previous {
            self.clock = Arc::clone(&previous.0.clock);
        }
        self.settle_fapi2();
        self.check(&mut problems);
        self.request.removes_certificates = self.mtls.is_some();
        self.request.dpop = self.dpop.as_ref().map(|dpop| DpopScheme::new(dpop.is_required()));
        let trusted_origins = self.settle_locations(&mut problems);
        let address = Arc::new(self.settle_address(&mut problems));
        let metadata = self.metadata_at(&address);
        let challenger = self.challenger(metadata.as_deref(), &address, &mut problems);
        let previous = previous.as_ref();
        let issuers = self.trusted_issuers(previous, &mut problems);
        let nonces = self.spendable_nonces(previous, &mut problems);
        let tickets =
            self.spendable_tickets(previous.and_then(|previous| previous.0.tickets.as_ref()), &mut problems);
        let now = self.clock.unix();
        nonces.iter().for_each(|nonces| nonces.begin(now));
        tickets.iter().for_each(|tickets| tickets.begin(now));
        let spent_tokens = self.spendable_tokens(previous);
        let before = previous.and_then(|previous| previous.0.dpop.as_ref());
        let dpop = self.dpop.take().map(|dpop| match before {
            Some(before) => dpop.succeeding(before),
            None => dpop,
        });
        let implications = self.implications(&mut problems);
        let leaves = KnownLeaves::default();
        let required = self.required.clone().unwrap_or_default();
        let required = Compiled::new(required, &leaves);
        let tag = ServerTag::new(std::mem::take(&mut self.resource));
        let opaque = Opaque::new(&mut self, &tag);
        let inner = Inner {
            tag,
            opaque,
            request: self.request,
            trusted_origins,
            pair: self.pair,
            always: self.required,
            required,
            leaves,
            implications,
            operations: Operations::default(),
            unlisted: Unlisted::default(),
            issuers,
            cache: (self.cache.max_bytes > 0).then(|| TokenCache::new(self.cache)),
            nonces,
            tickets,
            spent_tokens,
            asks_for_proof: dpop.is_some() || self.mtls.is_some(),
            dpop: dpop.map(Box::new),
            mtls: self.mtls.map(Box::new),
            challenger,
            metadata,
            address,
            clock: self.clock,
            limits: self.limits,
            retain_tokens: self.retain_tokens,
            succession: previous.map(|previous| previous.0.succession.clone()).unwrap_or_default(),
            counters: metrics::Counters::new(),
        };
        let inner = Arc::new(inner);
        let weak = Arc::downgrade(&inner);
        inner.tag.belongs_to(weak);
        let server = ConfigError::unless_empty(problems, ResourceServer(inner))?;
        server.succeed();
        server.0.always.iter().for_each(|required| server.0.tell_never_met(required, |_| true));
        Ok(server)
    }

    /// The public address. Where it is fixed, it may become the resource identifier; the one that the server
    /// was built with stays an audience.
    fn settle_address(&mut self, all: &mut Vec<ConfigProblem>) -> KnownAddress {
        let mut problems = Problems::of(all, "public_address", "public_address");
        let setting = self.public_address.as_ref();
        problems.refuse(
            setting.is_some_and(|address| address.proxies.is_some()) && self.metadata.is_signed(),
            "signed_per_request",
            "signed metadata is of one address; use PublicAddress::fixed, or leave signed_by out",
        );
        if let Some(address) = setting.and_then(|address| address.fixed.as_deref()) {
            let resource = problems.keep("invalid_setting", resource_at(address, &self.resource));
            if let Some(resource) = resource.filter(|resource| *resource != self.resource) {
                let built_with = std::mem::replace(&mut self.resource, resource);
                self.audiences.push(built_with.into());
            }
        }
        let address = KnownAddress::new(&self.resource, self.public_address.as_ref());
        let address = address.unwrap_or_else(|found| {
            problems.extend("invalid_setting", found);
            KnownAddress::default()
        });
        Problems::of(all, "dpop", "dpop").refuse(
            self.dpop.is_some() && !address.is_known(),
            "no_address",
            "proofs are for the URL that clients use; set a .public_address(..), or a resource identifier that is one",
        );
        address
    }

    /// The protected resource metadata; tenants are not listed.
    fn metadata_at(&mut self, address: &Arc<KnownAddress>) -> Option<Arc<Metadata>> {
        let listed = self.issuers.iter().filter(|issuer| !issuer.is_pattern());
        let authorization_servers = listed.map(|issuer| (*issuer.issuer).into()).collect();
        let scopes = ScopesSupported::new(&self.scopes_supported);
        self.required.iter().for_each(|required| scopes.add(required));
        let settings = std::mem::take(&mut self.metadata).looking_at(self.locations.bearer_methods());
        let address = Arc::clone(address);
        let bound = BoundTokens {
            dpop: self.dpop.as_ref().map(Dpop::members).unwrap_or_default(),
            tls_client_certificate_bound_access_tokens: self.mtls.is_some(),
        };
        Metadata::new(&self.resource, address, authorization_servers, scopes, settings, bound).map(Arc::new)
    }

    fn challenger(
        &self,
        metadata: Option<&Metadata>,
        public: &Arc<KnownAddress>,
        problems: &mut Vec<ConfigProblem>,
    ) -> Challenger {
        let address = metadata.map(|metadata| &*metadata.place.url);
        let challenger = Challenger::new(self.challenges.clone(), self.realm.as_deref(), address);
        let challenger = challenger.unwrap_or_else(|problem| {
            problems.push(problem.into());
            Challenger::default()
        });
        let locations = self.request.locations.iter();
        let parameters = locations.flat_map(|locations| locations.parameters()).map(Into::into).collect();
        let (in_grpc, reject, address) = (self.grpc_refusals, self.reject.clone(), Arc::clone(public));
        let dpop = self.dpop.as_ref().map(Dpop::challenges);
        challenger.sent_in(Manner { in_grpc, reject, address, parameters }).with_dpop(dpop)
    }

    /// Which scopes imply which.
    fn implications(&self, problems: &mut Vec<ConfigProblem>) -> ScopeImplications {
        ScopeImplications::close(&self.scope_implications).unwrap_or_else(|scope| {
            let text = format!("scope_implies: {scope} implies itself; leave one scope of the cycle out");
            problems.push(text.into());
            ScopeImplications::default()
        })
    }

    /// The table of the issuers, each with its keys and profiles.
    fn trusted_issuers(
        &self,
        previous: Option<&ResourceServer>,
        all: &mut Vec<ConfigProblem>,
    ) -> TrustedIssuers {
        let mut names = (ClaimNames::default(), ClaimNames::default());
        let mut sources = KeySources::new(&self.issuers, &self.clock);
        let (mut configured, mut tenants) = (Vec::new(), Vec::new());
        for (n, issuer) in self.issuers.iter().enumerate() {
            let profiles = self.profiles(issuer, &mut names);
            let mut problems = Problems::of(all, format!("issuers[{n}]"), label(issuer));
            if issuer.is_pattern() {
                let of_pattern = sources.tenants(issuer, profiles, &mut problems);
                if let (Some(new), Some(previous)) = (&of_pattern, previous) {
                    previous.0.issuers.tenants.iter().for_each(|old| new.succeed(old));
                }
                tenants.extend(of_pattern);
            } else if let Some(keys) = sources.of(issuer, &mut problems) {
                let keys = match previous.and_then(|previous| previous.0.issuers.by_name(&issuer.issuer)) {
                    Some(known) => keys.succeeding(&known.keys),
                    None => keys,
                };
                configured.push(Configured {
                    issuer: Arc::clone(&issuer.issuer),
                    keys,
                    profiles,
                    is_unnamed: issuer.is_unnamed,
                    is_named_by_subject: issuer.profile.finds_issuer_by_subject(),
                });
            }
        }
        let (access, id) = names;
        let by_subject = configured.iter().any(|known| known.is_named_by_subject);
        TrustedIssuers {
            configured,
            tenants,
            access_claims: AskedClaims::new(access, by_subject),
            id_claims: self.takes_id_tokens().then(|| AskedClaims::new(id, false)),
            takes_padding: self.issuers.iter().any(TrustedIssuer::takes_padding),
            takes_lone_id_tokens: self.issuers.iter().any(|issuer| issuer.id_token_profile.binds_audience()),
            selected: self.request.selector.is_some(),
        }
    }

    /// The profiles of an issuer, bound to this server; `names` are the claims that those of access and
    /// of ID tokens ask about.
    fn profiles(&self, issuer: &TrustedIssuer, names: &mut (ClaimNames, ClaimNames)) -> Profiles {
        let (access, id) = names;
        let compile = |profile: &TokenProfile, names: &mut ClaimNames| {
            CompiledProfile::new(profile, self.binding(issuer, profile), names)
        };
        let compile_access = |profile: &TokenProfile, names: &mut ClaimNames| {
            let mut profile = profile.clone();
            if issuer.is_unnamed {
                profile = profile.without_need_of_issuer();
            }
            let methods = ConfirmationMethods { key: self.dpop.is_some(), certificate: self.mtls.is_some() };
            compile(&profile.taking_bound_tokens(methods), names)
        };
        Profiles {
            access: compile_access(&issuer.profile, access),
            access_where: issuer
                .profiles_where
                .iter()
                .map(|(rules, profile)| (Policy::new(rules, access), compile_access(profile, access)))
                .collect(),
            id: self.takes_id_tokens().then(|| compile(&issuer.id_token_profile, id)),
            id_stands_alone: issuer.id_token_profile.binds_audience(),
        }
    }

    /// What tokens of an issuer must be tied to.
    fn binding(&self, issuer: &TrustedIssuer, profile: &TokenProfile) -> Binding {
        let resource: Box<str> = self.resource.as_str().into();
        let audiences = match issuer.audiences.as_slice() {
            [] => [resource].into_iter().chain(self.audiences.iter().cloned()).collect(),
            own => own.into(),
        };
        let client_ids = match issuer.client_ids.as_slice() {
            [] => self.client_ids.as_slice().into(),
            own => own.into(),
        };
        Binding {
            issuer: Arc::clone(&issuer.issuer),
            aliases: issuer.aliases.as_slice().into(),
            names: profile.compares_issuers(),
            audiences,
            client_ids,
        }
    }

    /// Whether tokens of some issuer spend this.
    pub(super) fn spends(&self, what: Once) -> bool {
        let takes_id_tokens = self.takes_id_tokens();
        self.issuers.iter().any(|issuer| {
            let id = Some(&issuer.id_token_profile).filter(|_| takes_id_tokens);
            issuer.access_profiles().chain(id).any(|profile| profile.spends(what))
        })
    }

    /// Where spent tokens are written down: in the store that was given, or in the memory of this process. A server
    /// whose place this one takes passes its store on, so that they stay spent, unless a given one is shared.
    fn spendable_tokens(&mut self, previous: Option<&ResourceServer>) -> Option<SpentTokens> {
        let before = previous.and_then(|previous| previous.0.spent_tokens.clone());
        let given = self.spent_tokens.take().map(|given| match &before {
            Some(before) => SpentTokens::new(given).succeeding(before),
            None => SpentTokens::new(given),
        });
        let own = || SpentTokens::new(Arc::new(MemorySpentStore::default()));
        given.or(before).or_else(|| self.spends(Once::Id).then(own))
    }

    /// Nonces of this process, for a server whose tokens spend them and that was given none.
    fn spendable_nonces(
        &mut self,
        previous: Option<&ResourceServer>,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<Nonces> {
        let spends = self.spends(Once::Nonce);
        let before = previous.and_then(|previous| previous.0.nonces.clone());
        let given = self.nonces.take().map(|given| match &before {
            Some(before) => given.succeeding(before),
            None => given,
        });
        if given.is_some() || !spends {
            return given;
        }
        if before.is_some() {
            return before;
        }
        let own = Nonces::new().map_err(|error| format!("{error}; give them with .nonces(..)"));
        Problems::of(problems, "nonces", "nonces").keep("unavailable", own)
    }
}

//! Issuers that are not known one by one: the tenants of a pattern.
//!
//! A token's `iss` may only choose among what the pattern and the application allow: a compare of
//! what is before and behind the name, a name of `[A-Za-z0-9-]{1,64}`, then the application's own
//! list or resolver. Everything else is untrusted as ever, and causes nothing.
//!
//! Each tenant has keys of its own, resolved on demand. It is a *candidate* until a token was
//! verified with its keys, then it *works*. Anyone can make up candidates, so they are few, their
//! first fetches come out of one shared budget, one that fails is not tried again of itself, and
//! none ever takes the place of a tenant that works. The bound on working tenants is kept among
//! themselves: the one that was used least recently leaves.
//!
//! Our own count and not a cache that forgets by its own clock: the bound is exact, time is the
//! server's [`Clock`](crate::time::Clock), and what leaves ends its task at once. The index is
//! immutable behind an atomic pointer, as the keys are: reading it never waits.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;

use super::{
    Discovery, KeyLocation, RemoteKeys, TenantPattern, TenantSettings, budget::Budget,
    schedule::MIN_RETRY_AFTER,
};
use crate::net::{PlainHttp, SourceUrl};

/// Where the keys of a tenant are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantKeys {
    /// Where the metadata of the tenant's issuer says.
    Discover,
    /// At this address.
    JwksUri(SourceUrl),
}

/// Says which tenants there are, and where their keys are.
///
/// It is asked for every token of the pattern, those in the cache included, so that a tenant that
/// goes is gone at once: it must answer from memory, and not wait. The location counts when the
/// tenant's keys are first fetched.
///
/// ```
/// use std::{collections::HashMap, sync::{Arc, RwLock}};
/// use tower_resource_server::{TrustedIssuer, source::TenantKeys};
///
/// let customers: Arc<RwLock<HashMap<String, u32>>> = Arc::default(); // kept up to date elsewhere
/// let issuer = TrustedIssuer::tenants("https://login.example/{tenant}", tower_resource_server::profile::TokenProfile::jwt()).tenant_resolver(move |tenant: &str| {
///     let known = customers.read().is_ok_and(|customers| customers.contains_key(tenant));
///     known.then_some(TenantKeys::Discover)
/// });
/// # let _ = issuer;
/// ```
pub trait TenantResolver: Send + Sync + 'static {
    /// `None` for a tenant that is not trusted. `tenant` is of `[A-Za-z0-9-]{1,64}`, and written by
    /// anyone.
    fn resolve(&self, tenant: &str) -> Option<TenantKeys>;
}

impl<F: Fn(&str) -> Option<TenantKeys> + Send + Sync + 'static> TenantResolver for F {
    fn resolve(&self, tenant: &str) -> Option<TenantKeys> {
        self(tenant)
    }
}

/// The tenants of a list.
pub(crate) struct TenantList(pub(crate) HashSet<Box<str>>);

impl TenantResolver for TenantList {
    fn resolve(&self, tenant: &str) -> Option<TenantKeys> {
        self.0.contains(tenant).then_some(TenantKeys::Discover)
    }
}

/// What a source that was made on demand is kept for.
#[derive(Debug)]
pub(crate) struct OnDemand {
    idle: Duration,
    /// When it was last used, in nanoseconds of the monotonic clock.
    used: AtomicU64,
    works: AtomicBool,
}

impl OnDemand {
    fn new(idle: Duration, now: Duration) -> Self {
        let used = AtomicU64::new(super::shared::nanos(now));
        Self { idle, used, works: AtomicBool::new(false) }
    }

    /// Whether its keys have verified a token.
    pub(super) fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// Notes a use; true when it had not been used for so long that its refresher may have ended.
    fn touch(&self, now: Duration) -> bool {
        /// So that busy tenants do not write the same memory with every request.
        const GRAIN: u64 = 1_000_000_000;
        let nanos = super::shared::nanos(now);
        if nanos.saturating_sub(self.used.load(Ordering::Relaxed)) < GRAIN {
            return false;
        }
        let was_idle = self.is_idle(now);
        self.used.store(nanos, Ordering::Relaxed);
        was_idle
    }

    fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    pub(super) fn is_idle(&self, now: Duration) -> bool {
        now.saturating_sub(self.used()) >= self.idle
    }
}

/// One tenant; `T` is what the modules above keep for each.
pub(crate) struct Tenant<T> {
    /// Unique in the server, and never given to another.
    pub(crate) id: usize,
    pub(crate) issuer: Arc<str>,
    name: Box<str>,
    pub(crate) keys: Arc<RemoteKeys>,
    pub(crate) own: T,
    on_demand: Arc<OnDemand>,
}

impl<T> Tenant<T> {
    pub(crate) fn works(&self) -> bool {
        self.on_demand.works()
    }

    /// Notes that a token of this tenant was good. Others may bear its name as well, written by
    /// anyone: they keep nothing alive and no tenant in place.
    pub(crate) fn touch(&self, now: Duration) {
        if self.on_demand.touch(now) {
            // A refresher that was started for this very request may have found itself unused.
            // Without a runtime the next request tries again.
            let _ = self.keys.start();
        }
    }
}

/// The tenants of one pattern.
pub(crate) struct Tenants<T> {
    config: TenantsConfig<T>,
    index: ArcSwap<Index<T>>,
    admission: Mutex<Admission>,
}

struct Index<T> {
    by_issuer: HashMap<Arc<str>, Arc<Tenant<T>>>,
    by_id: HashMap<usize, Arc<Tenant<T>>>,
}

impl<T> Index<T> {
    fn of(tenants: impl Iterator<Item = Arc<Tenant<T>>>) -> Self {
        let by_issuer: HashMap<_, _> = tenants.map(|tenant| (Arc::clone(&tenant.issuer), tenant)).collect();
        let by_id = by_issuer.values().map(|tenant| (tenant.id, Arc::clone(tenant))).collect();
        Self { by_issuer, by_id }
    }

    fn tenants(&self) -> impl Iterator<Item = &Arc<Tenant<T>>> {
        self.by_issuer.values()
    }
}

/// What changes with each tenant that comes.
struct Admission {
    budget: Budget,
    /// Keys that the application withdrew, by their issuers: they stay withdrawn when their tenant comes
    /// later, or comes back. It grows by the application's calls alone.
    revoked: HashMap<Box<str>, Vec<Box<str>>>,
}

impl Admission {
    /// Withdraws what was revoked before these keys came.
    fn withdraw_revoked(&self, issuer: &str, keys: &RemoteKeys) {
        for revoked in self.revoked.get(issuer).into_iter().flatten() {
            keys.revoke_key(revoked);
        }
    }
}

/// Makes the key source of a tenant. Its name in events and metrics is the pattern: a tenant's own
/// is written by anyone until a signature says otherwise.
type MakeSource = Box<dyn Fn(KeyLocation, Arc<OnDemand>) -> Arc<RemoteKeys> + Send + Sync>;

/// Makes what the modules above keep for an issuer.
type MakeOwn<T> = Box<dyn Fn(&Arc<str>) -> T + Send + Sync>;

/// What tenants are made of.
pub(crate) struct TenantsConfig<T> {
    pub(crate) pattern: TenantPattern,
    pub(crate) resolver: Arc<dyn TenantResolver>,
    pub(crate) settings: TenantSettings,
    /// The next number of a source, for all patterns of the server.
    pub(crate) ids: Arc<AtomicUsize>,
    pub(crate) source: MakeSource,
    pub(crate) own: MakeOwn<T>,
    pub(crate) plain_http: PlainHttp,
}

impl<T> Tenants<T> {
    pub(crate) fn new(config: TenantsConfig<T>) -> Self {
        let budget = Budget::new(config.settings.first_fetch_burst, config.settings.first_fetch_interval);
        Self {
            config,
            index: ArcSwap::from_pointee(Index::of(std::iter::empty())),
            admission: Mutex::new(Admission { budget, revoked: HashMap::new() }),
        }
    }

    /// Takes over the tenants of an earlier server that work, where their keys are fetched in the same way.
    pub(crate) fn succeed(&self, previous: &Self) {
        let (new, old) = (&self.config, &previous.config);
        if new.pattern != old.pattern || new.settings != old.settings || new.plain_http != old.plain_http {
            return;
        }
        let succeed = |tenant: Arc<Tenant<T>>| {
            let location = match new.resolver.resolve(&tenant.name)? {
                TenantKeys::JwksUri(url) => KeyLocation::Jwks(url),
                TenantKeys::Discover => {
                    KeyLocation::Discover(Discovery::new(&tenant.issuer, &new.plain_http).ok()?)
                }
            };
            // One that fetches nothing by itself: whether it would fetch the same.
            let same = (new.source)(location, Arc::clone(&tenant.on_demand)).is_like(&tenant.keys);
            same.then(|| {
                Arc::new(Tenant {
                    id: new.ids.fetch_add(1, Ordering::Relaxed),
                    issuer: Arc::clone(&tenant.issuer),
                    name: tenant.name.clone(),
                    keys: Arc::clone(&tenant.keys),
                    own: self.own(&tenant.issuer),
                    on_demand: Arc::clone(&tenant.on_demand),
                })
            })
        };
        self.index.store(Arc::new(Index::of(previous.working().into_iter().filter_map(succeed))));
    }

    /// Whether an issuer is written as a tenant of this pattern is.
    pub(crate) fn fits(&self, issuer: &str) -> bool {
        self.config.pattern.tenant(issuer).is_some()
    }

    /// Whether an issuer is a tenant of this pattern that the application trusts.
    pub(crate) fn trusts(&self, issuer: &str) -> bool {
        self.config.pattern.tenant(issuer).is_some_and(|name| self.config.resolver.resolve(name).is_some())
    }

    /// What the modules above keep for this issuer.
    pub(crate) fn own(&self, issuer: &Arc<str>) -> T {
        (self.config.own)(issuer)
    }

    /// A tenant that has keys or may have them soon.
    pub(crate) fn by_issuer(&self, issuer: &str) -> Option<Arc<Tenant<T>>> {
        let tenant = Arc::clone(self.index.load().by_issuer.get(issuer)?);
        (tenant.works() || !tenant.keys.has_given_up()).then_some(tenant)
    }

    /// A tenant by its id, as long as the application trusts it.
    pub(crate) fn by_id(&self, id: usize) -> Option<Arc<Tenant<T>>> {
        let tenant = Arc::clone(self.index.load().by_id.get(&id)?);
        self.config.resolver.resolve(&tenant.name).is_some().then_some(tenant)
    }

    /// The tenants that work, by name.
    pub(crate) fn working(&self) -> Vec<Arc<Tenant<T>>> {
        let index = self.index.load();
        let mut working: Vec<_> = index.tenants().filter(|tenant| tenant.works()).cloned().collect();
        working.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        working
    }

    /// Lets a tenant in that is not in the index, or whose first fetch failed, as a candidate; its
    /// fetch is requested by the request that waits for it.
    ///
    /// # Errors
    /// When it is worth coming again.
    pub(crate) fn admit(&self, issuer: &Arc<str>, own: T, now: Duration) -> Result<Arc<Tenant<T>>, Duration> {
        // Trusted a moment ago, or this is not reached.
        let name = self.config.pattern.tenant(issuer).ok_or(MIN_RETRY_AFTER)?;
        let location = match self.config.resolver.resolve(name).ok_or(MIN_RETRY_AFTER)? {
            TenantKeys::JwksUri(url) => KeyLocation::Jwks(url),
            TenantKeys::Discover => Discovery::new(issuer, &self.config.plain_http)
                .map(KeyLocation::Discover)
                .map_err(|_| MIN_RETRY_AFTER)?,
        };
        let mut admission = self.lock();
        let index = self.index.load_full();
        if let Some(known) = index.by_issuer.get(issuer) {
            match known.keys.back_off(now) {
                _ if known.works() => return Ok(Arc::clone(known)),
                None => return Ok(Arc::clone(known)),
                Some(left) if !left.is_zero() => return Err(left.max(MIN_RETRY_AFTER)),
                Some(_) => {}
            }
        }
        let leaves = self.place_for_candidate(&index, issuer)?;
        if !admission.budget.take(now) {
            return Err(admission.budget.wait(now).max(MIN_RETRY_AFTER));
        }
        let on_demand = Arc::new(OnDemand::new(self.config.settings.idle, now));
        let keys = (self.config.source)(location, Arc::clone(&on_demand));
        admission.withdraw_revoked(issuer, &keys);
        let tenant = Arc::new(Tenant {
            id: self.config.ids.fetch_add(1, Ordering::Relaxed),
            issuer: Arc::clone(issuer),
            name: name.into(),
            keys,
            own,
            on_demand,
        });
        let stay = index.tenants().filter(|known| Some(known.id) != leaves && known.issuer != *issuer);
        let stay = stay.filter(|known| !known.on_demand.is_idle(now)).cloned();
        self.index.store(Arc::new(Index::of(stay.chain([Arc::clone(&tenant)]))));
        Ok(tenant)
    }

    /// The candidate that leaves for another, if one must: one that failed, else one whose keys
    /// have verified nothing so far. Those that are being fetched are waited for.
    fn place_for_candidate(&self, index: &Index<T>, issuer: &str) -> Result<Option<usize>, Duration> {
        let candidates = || index.tenants().filter(|tenant| !tenant.works() && *tenant.issuer != *issuer);
        if candidates().count() < self.config.settings.max_candidates {
            return Ok(None);
        }
        let oldest = |failed: bool| {
            let of_kind = candidates().filter(|tenant| !tenant.keys.is_loading());
            of_kind
                .filter(|tenant| tenant.keys.has_given_up() == failed)
                .min_by_key(|tenant| tenant.on_demand.used())
        };
        let leaves = oldest(true).or_else(|| oldest(false)).ok_or(MIN_RETRY_AFTER)?;
        Ok(Some(leaves.id))
    }

    /// A token was verified with this tenant's keys.
    #[cold]
    pub(crate) fn promote(&self, tenant: &Arc<Tenant<T>>, now: Duration) {
        let mut admission = self.lock();
        if tenant.works() {
            return;
        }
        // A first fetch that led somewhere costs nothing.
        admission.budget.refund();
        let index = self.index.load_full();
        let mut working: Vec<_> = index.tenants().filter(|known| known.works()).collect();
        working.sort_by_key(|known| std::cmp::Reverse(known.on_demand.used()));
        let leaving: HashSet<usize> = working
            .iter()
            .enumerate()
            .filter(|(n, known)| *n + 1 >= self.config.settings.max_live || known.on_demand.is_idle(now))
            .map(|(_, known)| known.id)
            .collect();
        tenant.on_demand.works.store(true, Ordering::Relaxed);
        // It may have left as a candidate while its token was being verified; then it does not know yet
        // what was revoked meanwhile.
        let missing = (!index.by_id.contains_key(&tenant.id)).then(|| Arc::clone(tenant));
        if missing.is_some() {
            admission.withdraw_revoked(&tenant.issuer, &tenant.keys);
        }
        if !leaving.is_empty() || missing.is_some() {
            let stay = index.tenants().filter(|known| !leaving.contains(&known.id)).cloned();
            self.index.store(Arc::new(Index::of(stay.chain(missing))));
        }
    }

    /// Withdraws a key of a tenant for good, whether it is here or not; true when it was in use.
    pub(crate) fn revoke_key(&self, issuer: &str, kid_or_thumbprint: &str) -> bool {
        let mut admission = self.lock();
        let revoked = admission.revoked.entry(issuer.into()).or_default();
        if !revoked.iter().any(|known| **known == *kid_or_thumbprint) {
            revoked.push(kid_or_thumbprint.into());
        }
        let known = self.index.load().by_issuer.get(issuer).cloned();
        known.is_some_and(|tenant| tenant.keys.revoke_key(kid_or_thumbprint))
    }

    fn lock(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Tenants<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants").field("pattern", &self.config.pattern).finish_non_exhaustive()
    }
}

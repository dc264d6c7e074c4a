//! Tenants that come, go, and are promoted, without a server around them.

use super::*;

const PATTERN: &str = "https://login.example/{tenant}";

/// Tenants of which one may be a candidate; all have the keys that the provider has.
fn tenants(provider: &Arc<Provider>, clock: &ManualClock) -> Tenants<()> {
    let (client, clock) = (Arc::clone(provider), clock.clone());
    let settings = TenantSettings { max_candidates: 1, ..TenantSettings::default() };
    Tenants::new(TenantsConfig {
        pattern: TenantPattern::parse(PATTERN, &false.into()).unwrap(),
        resolver: Arc::new(|_: &str| SourceUrl::parse(JWKS, false).ok().map(TenantKeys::JwksUri)),
        settings,
        ids: Arc::default(),
        source: Box::new(move |location, on_demand| {
            RemoteKeys::new(RemoteConfig {
                name: PATTERN.into(),
                location,
                client: Arc::clone(&client) as Arc<dyn HttpClient>,
                clock: Arc::new(clock.clone()),
                settings: RefreshSettings::default(),
                given: KeySet::default(),
                pools: pools(4096),
                on_demand: Some(on_demand),
                jitter: || 0.5,
            })
        }),
        own: Box::new(|_| ()),
        plain_http: false.into(),
    })
}

/// A tenant leaves as a candidate while a token of its is being verified, and a key of it is revoked
/// before the token is found good.
#[tokio::test]
async fn a_key_that_is_revoked_while_its_tenant_is_away_is_gone_when_it_is_promoted() {
    for (name, revoked, left) in [("a key of it", "a", vec!["b"]), ("another key", "x", vec!["a", "b"])] {
        let (provider, clock) = (Provider::new(), ManualClock::default());
        provider.publish(&[("a", 1), ("b", 2)]);
        let tenants = tenants(&provider, &clock);
        let [one, other] = ["one", "other"].map(|name| Arc::from(PATTERN.replace("{tenant}", name)));
        let tenant = tenants.admit(&one, (), clock.monotonic()).unwrap();
        tenant.keys.ready().await.unwrap();
        tenants.admit(&other, (), clock.monotonic()).unwrap();
        assert!(tenants.by_issuer(&one).is_none(), "{name}: it has left");

        assert!(!tenants.revoke_key(&one, revoked), "{name}: it is not here");
        tenants.promote(&tenant, clock.monotonic());
        let back = tenants.by_issuer(&one).unwrap();
        assert_eq!(back.keys.health().key_ids, left, "{name}");
    }
}

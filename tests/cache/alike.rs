//! With the cache and without it, whatever is asked, in whatever order, at whatever time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any},
    prop_oneof,
    test_runner::{TestCaseError, TestRunner},
};
use tower_resource_server::{
    ResourceServer,
    http::IdTokenLocation,
    issuer::SigningKey,
    keys::{Algorithm, KeySet},
    policy::Requirement,
    test_util::{Defect, ManualClock, TestIssuer},
    time::UnixTime,
};

use crate::{
    trio::Trio,
    verdict::{guarded, verdict},
};

/// What is done to all servers at once.
#[derive(Clone, Debug)]
enum Step {
    /// Asks one of the two resources with one of the access tokens and, it may be, an ID token.
    Ask {
        resource: usize,
        access: usize,
        id: Option<usize>,
    },
    /// The same on an operation that needs scopes.
    Guarded {
        needs: usize,
        access: usize,
        id: Option<usize>,
    },
    /// Sets the wall clock, back or forth, in milliseconds.
    At(u64),
    Revoke {
        key: usize,
    },
    /// Trusts these of the keys, by bits, and no others.
    Replace {
        keys: usize,
    },
}

const START: u64 = 1_700_000_000;
/// Either side of every time in the pool, in seconds.
const SPAN: u64 = 400;
const KEYS: [&str; 3] = ["key-1", "key-2", "key-3"];
const NEEDS: [&str; 3] = ["read", "write", "read write"];
/// When something in the pool begins or ends, in milliseconds after the start, leeway included.
const EDGES: [i64; 7] = [-10_000, 140_000, 160_000, 180_500, 210_000, 320_000, 460_000];
const RESOURCES: [&str; 2] = ["https://api.test", "https://other.test"];

/// The tokens that are asked with.
struct Pool {
    issuer: TestIssuer,
    access: Vec<String>,
    id: Vec<String>,
}

impl Pool {
    fn new() -> Self {
        let issuer = TestIssuer::new();
        let ed25519 = SigningKey::generate(Algorithm::EdDSA).unwrap().with_kid("key-3");
        issuer.token_issuer().publish(ed25519).unwrap();
        assert_eq!(issuer.rotate(), "key-2");
        let at = |seconds: u64| UnixTime::from_secs(START).saturating_add(Duration::from_secs(seconds));
        let good = || issuer.access_token("alice").expires_at(at(SPAN));
        let mint = |token: tower_resource_server::issuer::TokenBuilder| token.mint().unwrap();
        let mut access = vec![
            mint(good().scope("read")),
            mint(good().scope("read write").signed_with("key-1")),
            mint(good().signed_with("key-3")),
            mint(issuer.access_token("alice").not_before(at(50)).expires_at(at(100))),
            mint(issuer.access_token("alice").issued_at(at(200)).expires_at(at(260))),
            mint(issuer.access_token("alice").claim("exp", 1_700_000_120.5)),
            mint(good().audience(RESOURCES[1]).client_id("client-2")),
            mint(good().audience(RESOURCES[0]).audience(RESOURCES[1])),
            mint(issuer.access_token("bob").expires_at(at(SPAN))),
        ];
        // The same tail as a good one, and another head.
        let tail = access[0].split_once('.').unwrap().1;
        let twin = format!("{}.{tail}", access[1].split('.').next().unwrap());
        let [head, other] = [&access[0], &access[8]].map(|token| token.rsplit_once('.').unwrap());
        let crossed = format!("{}.{}", other.0, head.1);
        access.extend([twin, crossed]);
        let bad =
            [Defect::TamperedSignature, Defect::WrongAudience, Defect::UnknownKid, Defect::SenderConstrained];
        access.extend(bad.map(|defect| issuer.broken(defect)));

        let mine = || issuer.id_token("alice").expires_at(at(SPAN));
        let mut id = vec![
            mint(mine()),
            mint(mine().signed_with("key-1")),
            mint(mine().expires_at(at(150))),
            mint(mine().for_access_token(&access[0])),
            mint(issuer.id_token("bob").expires_at(at(SPAN))),
            mint(mine().audience("client-2").azp("client-1")),
            issuer.broken_from(&mine(), Defect::TamperedPayload),
        ];
        let [head, other] = [&id[0], &id[4]].map(|token| token.rsplit_once('.').unwrap());
        let crossed = format!("{}.{}", other.0, head.1);
        id.push(crossed);
        Self { issuer, access, id }
    }

    fn servers(&self, resource: &str, clock: &ManualClock) -> Trio {
        Trio::new(|cache| {
            let server = ResourceServer::builder(resource)
                .issuer(self.issuer.trusted())
                .client_id(self.issuer.client_id())
                .id_token(IdTokenLocation::AfterAccessToken)
                .clock(clock.clone())
                .cache(cache);
            server.build().unwrap()
        })
    }

    /// Those keys whose bits are set.
    fn keys(&self, bits: usize) -> KeySet {
        let all = KeySet::from_jwks(self.issuer.jwks().to_string().as_bytes()).unwrap();
        all.filtered(|key| {
            let position = KEYS.iter().position(|kid| key.kid() == Some(kid)).unwrap();
            bits & (1 << position) != 0
        })
    }

    fn steps(&self) -> impl Strategy<Value = Vec<Step>> + use<> {
        let (access, id) = (self.access.len(), self.id.len());
        // Few tokens make for many hits: every other request repeats one of the first three.
        let access = prop_oneof![0..3_usize, 0..access];
        let id = prop_oneof![2 => Just(None), 1 => (0..id).prop_map(Some)];
        let ask = (any::<bool>(), access.clone(), id.clone()).prop_map(|(other, access, id)| Step::Ask {
            resource: usize::from(other),
            access,
            id,
        });
        let guarded =
            (0..NEEDS.len(), access, id).prop_map(|(needs, access, id)| Step::Guarded { needs, access, id });
        let edge = (0..EDGES.len(), -1..2_i64)
            .prop_map(|(edge, around)| (START * 1_000).saturating_add_signed(EDGES[edge] + around));
        let at = prop_oneof![(START - SPAN) * 1_000..(START + 2 * SPAN) * 1_000, edge].prop_map(Step::At);
        let revoke = (0..KEYS.len()).prop_map(|key| Step::Revoke { key });
        let replace = (1..1_usize << KEYS.len()).prop_map(|keys| Step::Replace { keys });
        let step = prop_oneof![20 => ask, 6 => guarded, 8 => at, 1 => revoke, 2 => replace];
        proptest::collection::vec(step, 1..60)
    }
}

#[test]
fn promise_6_a_hit_and_a_miss_are_alike_at_every_instant() {
    let pool = Pool::new();
    let (hits, admitted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&pool.steps(), |steps| {
        let clock = ManualClock::new(UnixTime::from_secs(START));
        let resources = RESOURCES.map(|resource| pool.servers(resource, &clock));
        let every_server = || resources.iter().flat_map(Trio::all);
        for step in steps {
            match step {
                Step::At(millis) => clock.set_unix(UnixTime::from_duration(Duration::from_millis(millis))),
                Step::Revoke { key } => every_server().for_each(|server| {
                    let _ = server.revoke_key(pool.issuer.issuer(), KEYS[key]).unwrap();
                }),
                Step::Replace { keys } => every_server().for_each(|server| {
                    server.replace_keys(pool.issuer.issuer(), pool.keys(keys)).unwrap();
                }),
                Step::Ask { resource, access, id } => {
                    let (access, id) = (&pool.access[access], id.map(|id| &*pool.id[id]));
                    for server in resources[resource].cached() {
                        let hit = server.try_verify_cached(access).is_some();
                        hits.fetch_add(usize::from(hit), Ordering::Relaxed);
                    }
                    let agreed = resources[resource].agree(|server| verdict(server, access, id));
                    agreed.map_err(TestCaseError::fail)?;
                }
                Step::Guarded { needs, access, id } => {
                    let needs = Requirement::scopes(NEEDS[needs]).unwrap();
                    let (access, id) = (&pool.access[access], id.map(|id| &*pool.id[id]));
                    let agreed = resources[0].agree(|server| guarded(server, &needs, access, id));
                    let agreed = agreed.map_err(TestCaseError::fail)?;
                    admitted.fetch_add(usize::from(agreed.starts_with("200")), Ordering::Relaxed);
                }
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let (hits, admitted) = (hits.into_inner(), admitted.into_inner());
    assert!(hits > 200, "{hits} hits: the caches were hardly asked");
    assert!(admitted > 50, "{admitted} requests had the scopes: the guards hardly opened");
}

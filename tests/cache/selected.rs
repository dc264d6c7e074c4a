//! Where a header of the request names the issuer, it is part of what a verdict is remembered by.

use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use proptest::{
    prelude::{Just, ProptestConfig, Strategy},
    prop_oneof,
    test_runner::{TestCaseError, TestRunner},
};
use serde_json::{Value, json};
use tower_resource_server::{
    issuer::SigningKey,
    keys::{Algorithm, KeySet, VerifyingKey},
    preset,
    preset::sceyt::Application,
    test_util::ManualClock,
    time::UnixTime,
};

use crate::{trio::Trio, verdict::verdict_in};

const NOW: u64 = 1_700_000_000;
/// The first and the last share a key, as applications must not, and some do. All end alike: the
/// end of a name is what is hashed of it, so that telling them apart takes every byte.
const APPLICATIONS: [&str; 3] = [
    "one-4nwpg1kdz2zo03k9x1wd4nwpg1kdz2zo03k9x1wd",
    "two-4nwpg1kdz2zo03k9x1wd4nwpg1kdz2zo03k9x1wd",
    "six-4nwpg1kdz2zo03k9x1wd4nwpg1kdz2zo03k9x1wd",
];
/// What requests name, beside nothing at all.
const NAMED: [&str; 6] = [
    APPLICATIONS[0],
    APPLICATIONS[1],
    APPLICATIONS[2],
    "ONE-4nwpg1kdz2zo03k9x1wd4nwpg1kdz2zo03k9x1wd",
    "one-4nwpg1kdz2zo03k9x1wd4nwpg1kdz2zo03k9x1wd0",
    "4nwpg1kdz2zo03k9x1wd4nwpg1kdz2zo03k9x1wd",
];
/// The same for every token, whichever key signs it.
const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

const PRIVATE: [&str; 2] =
    [include_str!("../sceyt/one.private.pem"), include_str!("../sceyt/two.private.pem")];
const PUBLIC: [&str; 2] = [include_str!("../sceyt/one.public.pem"), include_str!("../sceyt/two.public.pem")];

#[derive(Clone, Debug)]
enum Step {
    Ask {
        application: Option<usize>,
        token: usize,
    },
    At(u64),
    /// Gives the application the key of this number.
    Replace {
        application: usize,
        key: usize,
    },
}

/// Tokens of both keys, for each application and for none in particular.
fn tokens() -> Vec<String> {
    let sign = |private: &str, claims: Value| {
        let key = SigningKey::from_pem(private, Algorithm::RS256).unwrap();
        key.sign_raw(HEADER, claims.to_string().as_bytes()).unwrap()
    };
    let mut tokens = Vec::new();
    for private in PRIVATE {
        for aid in [None].into_iter().chain(APPLICATIONS.map(Some)) {
            let mut claims = json!({ "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 100 });
            if let Some(aid) = aid {
                claims["aid"] = aid.into();
            }
            tokens.push(sign(private, claims));
        }
    }
    tokens.push(sign(PRIVATE[0], json!({ "sub": "alice", "iat": NOW, "nbf": NOW + 50, "exp": NOW + 60 })));
    tokens
}

fn servers(clock: &ManualClock) -> Trio {
    /// A server is not built with one key for two applications; it comes to that later.
    static THIRD: LazyLock<String> =
        LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap().public_key_pem().unwrap());
    let application = |n: usize, pem: &str| Application::from_pem(APPLICATIONS[n], pem).unwrap();
    Trio::new(|cache| {
        let server = preset::sceyt::server(application(0, PUBLIC[0]))
            .application(application(1, PUBLIC[1]))
            .application(application(2, &THIRD))
            .into_builder()
            .clock(clock.clone())
            .cache(cache)
            .build()
            .unwrap();
        let shared = VerifyingKey::from_pem(PUBLIC[0], Algorithm::RS256).unwrap();
        server.replace_keys(APPLICATIONS[2], KeySet::from_keys([shared])).unwrap();
        server
    })
}

fn steps(tokens: usize) -> impl Strategy<Value = Vec<Step>> {
    let application = prop_oneof![6 => (0..NAMED.len()).prop_map(Some), 1 => Just(None)];
    let ask = (application, 0..tokens).prop_map(|(application, token)| Step::Ask { application, token });
    let at = (NOW - 2..NOW + 103).prop_map(Step::At);
    let replace = (0..APPLICATIONS.len(), 0..PUBLIC.len())
        .prop_map(|(application, key)| Step::Replace { application, key });
    proptest::collection::vec(prop_oneof![20 => ask, 3 => at, 1 => replace], 1..80)
}

#[test]
fn promise_6_a_hit_and_a_miss_are_alike_whichever_application_is_named() {
    let tokens = tokens();
    let good = Mutex::new(HashSet::new());
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&steps(tokens.len()), |steps| {
        let clock = ManualClock::new(UnixTime::from_secs(NOW));
        let servers = servers(&clock);
        for step in steps {
            match step {
                Step::At(second) => clock.set_unix(UnixTime::from_duration(Duration::from_secs(second))),
                Step::Replace { application, key } => {
                    let key = VerifyingKey::from_pem(PUBLIC[key], Algorithm::RS256).unwrap();
                    for server in servers.all() {
                        let keys = KeySet::from_keys([key.clone()]);
                        server.replace_keys(APPLICATIONS[application], keys).unwrap();
                    }
                }
                Step::Ask { application, token } => {
                    let named = application.map(|application| NAMED[application]);
                    let agreed = servers.agree(|server| verdict_in(server, named, &tokens[token]));
                    if agreed.map_err(TestCaseError::fail)?.starts_with("200") {
                        good.lock().unwrap_or_else(PoisonError::into_inner).insert((application, token));
                    }
                }
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // The same token under several applications is among them.
    let good = good.into_inner().unwrap_or_else(PoisonError::into_inner);
    let of_the_first_token = good.iter().filter(|(_, token)| *token == 0).count();
    assert!(of_the_first_token > 1, "{good:?}");
    assert!(good.iter().all(|(application, _)| application.is_some_and(|named| named < APPLICATIONS.len())));
}

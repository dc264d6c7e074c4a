//! Random requirements and tokens: the server agrees with an evaluator that writes every alternative out, a
//! client that gets what the challenge names succeeds, and a scope more never turns a yes into a no.

use std::collections::BTreeSet;

use proptest::{
    prelude::{Strategy, any, prop_oneof},
    test_runner::{Config, TestRunner},
};
use serde_json::json;
use tower_resource_server::{http::Reason, policy::Requirement};

use crate::stage::Stage;

/// A requirement, as the test has it.
#[derive(Clone, Debug)]
enum Needs {
    Scopes(Vec<u8>),
    AnyScope(Vec<u8>),
    Role(u8),
    Client(u8),
    Tier(u8),
    Acr(Vec<u8>),
    MaxAge(u8),
    And(Vec<Needs>),
    Or(Vec<Needs>),
}
use Needs::{Acr, And, AnyScope, Client, MaxAge, Or, Role, Scopes, Tier};

/// What a token has.
#[derive(Clone, Debug)]
struct Has {
    scopes: BTreeSet<u8>,
    roles: BTreeSet<u8>,
    client: u8,
    /// A claim.
    tier: Option<u8>,
    acr: Option<u8>,
    /// How long ago the login was, in hundreds of seconds.
    login: Option<u8>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Yes,
    Scopes(Option<String>),
    Login { acr: Option<String>, age: Option<u64>, scope: Option<String> },
}

impl Needs {
    fn text(&self) -> String {
        let names = |prefix: char, all: &[u8]| {
            all.iter().map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(" ")
        };
        let joined = |all: &[Needs], word: &str| {
            all.iter().map(|one| format!("({})", one.text())).collect::<Vec<_>>().join(word)
        };
        match self {
            Scopes(all) => format!("scope({})", names('s', all)),
            AnyScope(all) => format!("any_scope({})", names('s', all)),
            Role(n) => format!("role(r{n})"),
            Client(n) => format!("client(c{n})"),
            Tier(n) => format!(r#"claim(/tier = "t{n}")"#),
            Acr(all) => format!("acr({})", names('a', all)),
            MaxAge(n) => format!("max_age({})", u64::from(*n) * 100),
            And(all) => joined(all, " and "),
            Or(all) => joined(all, " or "),
        }
    }

    /// Every alternative, written out in the order of the text.
    fn alternatives(&self) -> Vec<Vec<&Needs>> {
        match self {
            Or(all) => all.iter().flat_map(Needs::alternatives).collect(),
            And(all) => all.iter().fold(vec![Vec::new()], |whole, part| {
                let parts = part.alternatives();
                whole
                    .iter()
                    .flat_map(|done| parts.iter().map(|more| [done.as_slice(), more].concat()))
                    .collect()
            }),
            leaf => vec![vec![leaf]],
        }
    }

    fn is_met(&self, has: &Has) -> bool {
        match self {
            Scopes(all) => all.iter().all(|n| has.scopes.contains(n)),
            AnyScope(all) => all.iter().any(|n| has.scopes.contains(n)),
            Role(n) => has.roles.contains(n),
            Client(n) => has.client == *n,
            Tier(n) => has.tier == Some(*n),
            Acr(all) => has.acr.is_some_and(|acr| all.contains(&acr)),
            // The leeway is 60 s.
            MaxAge(n) => has.login.is_some_and(|ago| u64::from(ago) * 100 <= u64::from(*n) * 100 + 60),
            And(all) => all.iter().all(|one| one.is_met(has)),
            Or(all) => all.iter().any(|one| one.is_met(has)),
        }
    }

    /// The answer, by looking at each alternative.
    fn answer(&self, has: &Has) -> Answer {
        if self.is_met(has) {
            return Answer::Yes;
        }
        let mut alternatives = self.alternatives();
        // Those whose classes exclude each other can be met by no login.
        alternatives.retain(|one| classes_of(one).is_none_or(|classes| !classes.is_empty()));
        let unmet = |alternative: &[&Needs]| -> Vec<Needs> {
            alternative.iter().filter(|leaf| !leaf.is_met(has)).map(|leaf| (*leaf).clone()).collect()
        };
        let nearest = |lacks: fn(&Needs) -> bool| {
            alternatives.iter().filter(|one| unmet(one).iter().all(lacks)).min_by_key(|one| unmet(one).len())
        };
        let is_scope = |leaf: &Needs| matches!(leaf, Scopes(_) | AnyScope(_));
        let is_login = |leaf: &Needs| matches!(leaf, Acr(_) | MaxAge(_));
        if let Some(found) = nearest(|leaf| matches!(leaf, Scopes(_) | AnyScope(_))) {
            return Answer::Scopes(scope_of(found, has));
        }
        if let Some(found) = nearest(|leaf| matches!(leaf, Acr(_) | MaxAge(_))) {
            return login_of(found, None);
        }
        let both =
            alternatives.iter().filter(|one| unmet(one).iter().all(|leaf| is_scope(leaf) || is_login(leaf)));
        match both.min_by_key(|one| unmet(one).len()) {
            Some(found) => login_of(found, scope_of(found, has)),
            None => Answer::Scopes(None),
        }
    }
}

fn scope_of(alternative: &[&Needs], has: &Has) -> Option<String> {
    let mut named: Vec<u8> = Vec::new();
    for leaf in alternative {
        let more: Vec<u8> = match leaf {
            Scopes(all) => all.clone(),
            AnyScope(all) => {
                let held: Vec<u8> = all.iter().copied().filter(|n| has.scopes.contains(n)).collect();
                if held.is_empty() { vec![all[0]] } else { held }
            }
            _ => Vec::new(),
        };
        more.into_iter().for_each(|n| {
            if !named.contains(&n) {
                named.push(n)
            }
        });
    }
    let text = named.iter().map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// The classes that all leaves of an alternative accept.
fn classes_of(alternative: &[&Needs]) -> Option<Vec<u8>> {
    let named = alternative.iter().filter_map(|leaf| match leaf {
        Acr(all) => Some(all.clone()),
        _ => None,
    });
    named.reduce(|common, more| common.into_iter().filter(|class| more.contains(class)).collect())
}

fn login_of(alternative: &[&Needs], scope: Option<String>) -> Answer {
    let ages = alternative.iter().filter_map(|leaf| match leaf {
        MaxAge(n) => Some(u64::from(*n) * 100),
        _ => None,
    });
    let acr = classes_of(alternative);
    let acr = acr.map(|all| all.iter().map(|n| format!("a{n}")).collect::<Vec<_>>().join(" "));
    Answer::Login { acr, age: ages.min(), scope }
}

fn needs() -> impl Strategy<Value = Needs> {
    let some = || proptest::collection::vec(0..4_u8, 1..3);
    let leaf = prop_oneof![
        4 => some().prop_map(Scopes),
        2 => some().prop_map(AnyScope),
        1 => (0..3_u8).prop_map(Role),
        1 => (0..2_u8).prop_map(Client),
        1 => (0..2_u8).prop_map(Tier),
        1 => some().prop_map(Acr),
        1 => (1..4_u8).prop_map(MaxAge),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let several = proptest::collection::vec(inner, 2..4);
        prop_oneof![several.clone().prop_map(And), several.prop_map(Or)]
    })
}

fn has() -> impl Strategy<Value = Has> {
    let set = || proptest::collection::btree_set(0..4_u8, 0..3);
    let number = any::<Option<u8>>;
    (set(), set(), 0..2_u8, number(), number(), number()).prop_map(
        |(scopes, roles, client, tier, acr, login)| Has {
            scopes,
            roles,
            client,
            tier: tier.map(|n| n % 2),
            acr: acr.map(|n| n % 4),
            login: login.map(|n| n % 6),
        },
    )
}

impl Stage {
    fn token_of(&self, has: &Has) -> String {
        let scopes = has.scopes.iter().map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        let roles: Vec<_> = has.roles.iter().map(|n| format!("r{n}")).collect();
        let client = format!("c{}", has.client);
        let mut claims = json!({"scope": scopes, "roles": roles, "client_id": client});
        if let Some(tier) = has.tier {
            claims["tier"] = json!(format!("t{tier}"));
        }
        if let Some(acr) = has.acr {
            claims["acr"] = json!(format!("a{acr}"));
        }
        if let Some(ago) = has.login {
            claims["auth_time"] = json!(crate::stage::NOW - u64::from(ago) * 100);
        }
        self.token(&claims.to_string())
    }
}

#[test]
fn promise_14_random_requirements_are_judged_and_answered_as_written_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let stage = Stage::new();
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(needs(), has(), 0..4_u8), |(needs, has, more)| {
            let text = needs.text();
            let requirement: Requirement = text.parse().unwrap();
            assert_eq!(requirement.to_string().parse::<Requirement>().unwrap(), requirement);
            let api = stage.builder().require(requirement).build().unwrap();
            let verify = |has: &Has| {
                let token = stage.token_of(has);
                // Twice, so that the second is a hit.
                let verdicts = [(), ()].map(|()| {
                    match runtime
                        .block_on(api.verify_access_token(&token))
                        .map_err(|why| why.reason().clone())
                    {
                        Ok(_) => Answer::Yes,
                        Err(Reason::InsufficientScope { scope }) => {
                            Answer::Scopes(scope.map(|scope| scope.to_string()))
                        }
                        Err(Reason::InsufficientUserAuthentication(login)) => Answer::Login {
                            acr: login.acr_values().map(str::to_owned),
                            age: login.max_age(),
                            scope: login.scope().map(str::to_owned),
                        },
                        Err(other) => panic!("{text}: {other}"),
                    }
                });
                assert_eq!(verdicts[0], verdicts[1], "{text} with {has:?}");
                verdicts[0].clone()
            };
            let answer = verify(&has);
            assert_eq!(answer, needs.answer(&has), "{text} with {has:?}");

            // A token with what was named passes.
            let numbers = |text: &Option<String>| -> Vec<u8> {
                text.iter().flat_map(|text| text.split(' ')).map(|name| name[1..].parse().unwrap()).collect()
            };
            let mut better = has.clone();
            match &answer {
                Answer::Yes => {
                    better.scopes.insert(more);
                    assert_eq!(verify(&better), Answer::Yes, "{text}: a scope more, {better:?}");
                }
                Answer::Scopes(None) => {}
                Answer::Scopes(scopes) => {
                    better.scopes = numbers(scopes).into_iter().collect();
                    assert_eq!(verify(&better), Answer::Yes, "{text} with {better:?}");
                }
                Answer::Login { acr, age, scope } => {
                    better.acr = numbers(acr).first().copied().or(better.acr);
                    better.login = age.map(|_| 0).or(better.login);
                    if scope.is_some() {
                        better.scopes = numbers(scope).into_iter().collect();
                    }
                    assert_eq!(verify(&better), Answer::Yes, "{text} with {better:?}");
                }
            }
            Ok(())
        })
        .unwrap();
}

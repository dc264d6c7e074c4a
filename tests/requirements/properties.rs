//! Random requirements and tokens: the server agrees with an evaluator that writes every alternative out, a
//! client that gets what the challenge names succeeds, and a scope more never turns a yes into a no.

use std::collections::BTreeSet;

use proptest::{
    prelude::{Just, Strategy, any, prop_oneof},
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
    TierIn(Vec<u8>),
    AnyGroup(Vec<u8>),
    AllGroups(Vec<u8>),
    Vip,
    Acr(Vec<u8>),
    Amr(Vec<u8>),
    MaxAge(u8),
    NotDelegated,
    Actor(Vec<u8>),
    /// An entry of this type with these actions.
    Details(u8, Vec<u8>),
    Anonymous,
    And(Vec<Needs>),
    Or(Vec<Needs>),
}
use Needs::*;

/// What a token has.
#[derive(Clone, Debug)]
struct Has {
    scopes: BTreeSet<u8>,
    /// Which scopes imply which, as the server is told; the greater the less, so that none implies itself.
    implies: BTreeSet<(u8, u8)>,
    roles: BTreeSet<u8>,
    client: u8,
    /// A claim.
    tier: Option<u8>,
    /// A claim that is an array.
    groups: BTreeSet<u8>,
    /// A claim that is `true` or `false`.
    vip: Option<bool>,
    acr: Option<u8>,
    amr: BTreeSet<u8>,
    actor: Option<u8>,
    details: Vec<(u8, BTreeSet<u8>)>,
    /// How long ago the login was, in hundreds of seconds.
    login: Option<u8>,
}

impl Has {
    /// Its scopes, and those that they imply.
    fn granted(&self) -> BTreeSet<u8> {
        let mut all = self.scopes.clone();
        // From the greatest to the least, so that once through is enough.
        for (scope, implied) in self.implies.iter().rev() {
            if all.contains(scope) {
                all.insert(*implied);
            }
        }
        all
    }
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
        let quoted = |prefix: char, all: &[u8]| {
            all.iter().map(|n| format!("\"{prefix}{n}\"")).collect::<Vec<_>>().join(" ")
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
            TierIn(all) => format!("claim(/tier in {})", quoted('t', all)),
            AnyGroup(all) => format!("claim(/groups contains_any {})", quoted('g', all)),
            AllGroups(all) => format!("claim(/groups contains_all {})", quoted('g', all)),
            Vip => "claim(/vip is true)".to_owned(),
            Amr(all) => format!("amr({})", names('m', all)),
            NotDelegated => "actor(none)".to_owned(),
            Actor(all) => format!("actor({})", names('b', all)),
            Details(kind, actions) => {
                let actions: String = actions.iter().map(|n| format!(r#" action "x{n}""#)).collect();
                format!("authorization_details(k{kind}{actions})")
            }
            Anonymous => "anonymous".to_owned(),
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
            Scopes(all) => all.iter().all(|n| has.granted().contains(n)),
            AnyScope(all) => all.iter().any(|n| has.granted().contains(n)),
            Role(n) => has.roles.contains(n),
            Client(n) => has.client == *n,
            Tier(n) => has.tier == Some(*n),
            TierIn(all) => has.tier.is_some_and(|tier| all.contains(&tier)),
            AnyGroup(all) => all.iter().any(|n| has.groups.contains(n)),
            AllGroups(all) => all.iter().all(|n| has.groups.contains(n)),
            Vip => has.vip == Some(true),
            Amr(all) => all.iter().all(|n| has.amr.contains(n)),
            NotDelegated => has.actor.is_none(),
            Actor(all) => has.actor.is_some_and(|actor| all.contains(&actor)),
            Details(kind, actions) => {
                has.details.iter().any(|(of, have)| of == kind && actions.iter().all(|n| have.contains(n)))
            }
            Anonymous => false,
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
                let held: Vec<u8> = all.iter().copied().filter(|n| has.granted().contains(n)).collect();
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

fn claim() -> impl Strategy<Value = Needs> {
    let some = || proptest::collection::vec(0..4_u8, 1..3);
    prop_oneof![
        (0..2_u8).prop_map(Tier),
        some().prop_map(TierIn),
        some().prop_map(AnyGroup),
        some().prop_map(AllGroups),
        Just(Vip),
    ]
}

fn needs() -> impl Strategy<Value = Needs> {
    let some = || proptest::collection::vec(0..4_u8, 1..3);
    let leaf = prop_oneof![
        4 => some().prop_map(Scopes),
        2 => some().prop_map(AnyScope),
        1 => (0..3_u8).prop_map(Role),
        1 => (0..2_u8).prop_map(Client),
        1 => claim(),
        1 => some().prop_map(Acr),
        1 => some().prop_map(Amr),
        1 => (1..4_u8).prop_map(MaxAge),
        1 => prop_oneof![Just(NotDelegated), some().prop_map(Actor)],
        1 => (0..2_u8, proptest::collection::vec(0..3_u8, 0..3)).prop_map(|(kind, all)| Details(kind, all)),
        1 => Just(Anonymous),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let several = proptest::collection::vec(inner, 2..4);
        prop_oneof![several.clone().prop_map(And), several.prop_map(Or)]
    })
}

fn has() -> impl Strategy<Value = Has> {
    let set = || proptest::collection::btree_set(0..4_u8, 0..3);
    let number = any::<Option<u8>>;
    let implies = proptest::collection::btree_set((1..4_u8, 0..3_u8), 0..3)
        .prop_map(|all| all.into_iter().filter(|(scope, implied)| scope > implied).collect());
    let details = proptest::collection::vec((0..2_u8, set()), 0..3);
    let sets = (set(), implies, set(), set(), set());
    (sets, 0..2_u8, number(), any::<Option<bool>>(), number(), number(), details, number()).prop_map(
        |((scopes, implies, roles, groups, amr), client, tier, vip, acr, actor, details, login)| Has {
            scopes,
            implies,
            roles,
            client,
            tier: tier.map(|n| n % 2),
            groups,
            vip,
            acr: acr.map(|n| n % 4),
            amr,
            actor: actor.map(|n| n % 4),
            details,
            login: login.map(|n| n % 6),
        },
    )
}

impl Stage {
    fn token_of(&self, has: &Has) -> String {
        let scopes = has.scopes.iter().map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        let names = |prefix: char, all: &BTreeSet<u8>| -> Vec<_> {
            all.iter().map(|n| format!("{prefix}{n}")).collect()
        };
        let details = has
            .details
            .iter()
            .map(|(kind, actions)| json!({"type": format!("k{kind}"), "actions": names('x', actions)}));
        let client = format!("c{}", has.client);
        let mut claims = json!({
            "scope": scopes, "roles": names('r', &has.roles), "client_id": client,
            "groups": names('g', &has.groups), "amr": names('m', &has.amr),
            "authorization_details": details.collect::<Vec<_>>(),
        });
        if let Some(vip) = has.vip {
            claims["vip"] = json!(vip);
        }
        if let Some(actor) = has.actor {
            claims["act"] = json!({"sub": format!("b{actor}")});
        }
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
            let builder = has.implies.iter().fold(stage.builder(), |builder, (scope, implied)| {
                builder.scope_implies(format!("s{scope}"), [format!("s{implied}")])
            });
            let api = builder.require(requirement).build().unwrap();
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

//! What judging a requirement costs: how many texts are looked at, and how often a leaf is judged.

use std::{cell::Cell, sync::Arc};

use serde_json::{Value, json};

use super::{
    ClaimsAgain, Compiled, Contents, FactPlaces, Facts, Judge, KnownLeaves, Leaf, Memo, Met, Requirement,
    ScopeImplications, actor_is, all, amr, any, any_role, any_scope, audience, authorization_details, client,
    role, scope,
};
use crate::{policy::membership::looks, time::UnixTime};

/// A token, and how often its payload and its client were read.
struct Token {
    claims: Value,
    payload: String,
    places: FactPlaces,
    payloads: Cell<usize>,
    clients: Cell<usize>,
}

impl Token {
    fn new(claims: Value) -> Self {
        let places = FactPlaces { roles: vec!["/roles".into()], ..FactPlaces::default() };
        let count = || Cell::new(0);
        Self { payload: claims.to_string(), claims, places, payloads: count(), clients: count() }
    }
}

impl Contents for Token {
    fn issuer(&self) -> &str {
        "https://issuer.test"
    }

    fn client_id(&self) -> Option<&str> {
        self.clients.set(self.clients.get() + 1);
        Some("web")
    }

    fn audiences(&self) -> Vec<&str> {
        self.claims["list"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn scopes(&self) -> Vec<&str> {
        self.audiences()
    }

    fn payload(&self) -> &str {
        self.payloads.set(self.payloads.get() + 1);
        &self.payload
    }

    fn places(&self) -> &FactPlaces {
        &self.places
    }
}

/// Makes a requirement of these names.
type Make = Box<dyn Fn(&[&str]) -> Requirement>;

/// What compared by itself, without `Texts`, would count too few looks.
#[test]
fn a_requirement_is_judged_in_time_linear_in_its_names_and_in_what_the_token_has() {
    let names = |from: usize, to: usize| -> Vec<String> { (from..to).map(|n| format!("name:{n}")).collect() };
    let claim = || Requirement::claim("/list");
    let each = |make: fn(&str) -> Requirement| move |names: &[&str]| any(names.iter().map(|name| make(name)));
    let details = |names: &[&str]| -> Requirement {
        names
            .iter()
            .fold(authorization_details("pay"), |entry, name| entry.action(*name).location(*name))
            .into()
    };
    let kinds: [(&str, Make); 14] = [
        ("any_scope", Box::new(|names| any_scope(names.iter().copied()))),
        ("scope", Box::new(|names| scope(&names.join(" ")))),
        ("scope or scope", Box::new(each(scope))),
        ("any_role", Box::new(|names| any_role(names.iter().copied()))),
        ("role and role", Box::new(|names| all(names.iter().map(|name| role(*name))))),
        ("role or role", Box::new(each(|name| role(name)))),
        ("amr", Box::new(|names| amr(names.iter().copied()))),
        ("amr or amr", Box::new(each(|name| amr([name])))),
        ("contains_any", Box::new(move |names| claim().contains_any(names.iter().copied()))),
        ("contains_all", Box::new(move |names| claim().contains_all(names.iter().copied()))),
        ("contains or contains", Box::new(each(|name| Requirement::claim("/list").contains_any([name])))),
        ("audience or audience", Box::new(each(|name| audience(name)))),
        ("authorization_details", Box::new(details)),
        (
            "authorization_details or role",
            Box::new(move |names| details(names).or(any_role(names.iter().copied()))),
        ),
    ];
    for (kind, make) in kinds {
        for (name, have, wanted) in [
            ("none in common", names(0, 2100), names(5000, 5300)),
            ("all but one", names(0, 2100), names(1801, 2101)),
            ("more wanted than had", names(0, 300), names(300, 2100)),
            ("one in common, at the end", names(0, 2100), names(2099, 2399)),
        ] {
            let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
            let entry = json!({"type": "pay", "actions": &have, "locations": &have});
            let token = Token::new(json!({
                "list": &have, "roles": &have, "amr": &have, "authorization_details": [entry],
            }));
            let (claims, implications) = (ClaimsAgain::default(), ScopeImplications::default());
            let facts = Facts::new(&token, &claims, &implications, UnixTime::from_secs(1_800_000_000));
            looks::take();
            make(&wanted).node().is_met(&mut |leaf| leaf.is_met(&facts));
            let (looks, texts) = (looks::take(), have.len() + wanted.len());
            assert!(looks >= 2 * have.len(), "{kind}, {name}: {looks} looks");
            assert!(looks <= 20 * texts, "{kind}, {name}: {looks} looks at {texts} texts");
        }
    }
}

/// These compare one text of the token with each that is wanted.
#[test]
fn one_client_or_actor_is_found_among_many() {
    let token = Token::new(json!({"act": {"sub": "bot"}}));
    let (claims, implications) = (ClaimsAgain::default(), ScopeImplications::default());
    let facts = Facts::new(&token, &claims, &implications, UnixTime::from_secs(1_800_000_000));
    let names = |last: &str| (0..300).map(|n| format!("n{n}")).chain([last.to_owned()]).collect::<Vec<_>>();
    for (needed, met) in [
        (client(names("web")), true),
        (client(names("app")), false),
        (actor_is(names("bot")), true),
        (actor_is(names("other")), false),
    ] {
        assert_eq!(needed.node().is_met(&mut |leaf| leaf.is_met(&facts)), met, "{needed}");
    }
}

/// Every answer of the challenge looks at every leaf: what the first look found is kept.
#[test]
fn a_refusal_judges_each_leaf_once_and_a_further_one_reads_nothing_again() {
    let predicate = |name: &str| Requirement::from(Leaf::Predicate(name.into(), Arc::new(())));
    let clients = |n: usize| any((0..n).map(|n| client([format!("c{n}")])));
    // More leaves than one word has answers for.
    for (leaves, kept) in [(1, true), (1, false), (40, true), (40, false)] {
        let known = KnownLeaves::default();
        let needed = all([predicate("yes"), clients(leaves).or(scope("a").and(role("b"))), predicate("no")]);
        // Answers that lack scopes, a login, or both are looked for in all of it.
        let needed = needed.or(predicate("no").and(scope("x"))).or(clients(1).and(role("b")));
        let compiled = if kept { Compiled::new(needed, &known) } else { Compiled::once(needed) };
        let token = Token::new(json!({"list": ["b"], "roles": ["a"]}));
        let memo = Memo::default();
        for round in 1..=2 {
            let (claims, implications) = (ClaimsAgain::default(), ScopeImplications::default());
            let facts = Facts::new(&token, &claims, &implications, UnixTime::from_secs(1_800_000_000));
            let asked = Cell::new(0);
            let judge = Judge {
                memo: kept.then_some(&memo),
                known: &known,
                predicate: |leaf: &Leaf| {
                    asked.set(asked.get() + 1);
                    matches!(leaf, Leaf::Predicate(name, _) if &**name == "yes")
                },
            };
            assert!(matches!(compiled.is_met_by(&facts, &judge), Met::No(_)), "{leaves} leaves");
            let counted = (asked.get(), token.clients.take(), token.payloads.take());
            let wanted = match (kept, round) {
                (true, 1) => (3, leaves, 1),
                (true, _) => (3, 0, 0),
                // Nothing is kept: the leaf of the first client is there twice.
                (false, _) => (3, leaves + 1, 1),
            };
            assert_eq!(counted, wanted, "{leaves} leaves, kept: {kept}, round {round}");
        }
    }
}

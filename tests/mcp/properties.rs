//! What passes is what was sent.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngSeed, TestRunner},
};
use serde_json::Value;

use super::{ALL, Gets, Site, outcome};

fn json() -> impl Strategy<Value = Value> {
    let text = "[\\PC\"\\\\\n]{0,8}";
    let name = prop_oneof![
        "[a-z]{1,4}".prop_map(String::from),
        prop::sample::select(vec!["method", "params", "name", "uri", "result"]).prop_map(String::from)
    ];
    let known = prop::sample::select(vec!["tools/call", "ping", "read", "write", "tools/list"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
        known.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(name.clone(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What serde_json makes of a body that passes must be allowed by the plainest reading of it.
fn allowed(message: &Value, scopes: &[&str]) -> bool {
    let has = |scope: &str| scopes.contains(&scope);
    let Some(method) = message["method"].as_str() else { return true };
    match method {
        "ping" | "tools/list" => true,
        "tools/call" => match message["params"]["name"].as_str() {
            Some("read") => has("read"),
            Some("write") => has("write"),
            _ => ["admin", "read", "write"].into_iter().all(has),
        },
        _ => ["admin", "read", "write"].into_iter().all(has),
    }
}

#[tokio::test]
async fn what_passes_is_allowed_and_byte_identical() {
    let config = proptest::test_runner::Config { rng_seed: RngSeed::Fixed(12), ..Default::default() };
    let mut runner = TestRunner::new(config);
    let site = Site::new();
    let method =
        prop::sample::select(vec!["tools/call", "ping", "tools/list", "other"]).prop_map(Value::from);
    let name = prop::sample::select(vec!["read", "write", "other"]).prop_map(Value::from);
    let message =
        (prop::option::weighted(0.8, method), prop::option::weighted(0.8, name), json(), any::<bool>());
    let strategy = message.prop_map(|(method, name, rest, pretty)| {
        let mut message = rest;
        if let (Some(members), Some(method)) = (message.as_object_mut(), method) {
            members.remove("result");
            members.insert("method".into(), method);
            if let Some(name) = name {
                members.insert("params".into(), serde_json::json!({ "name": name, "x": [name, "read"] }));
            }
        }
        if pretty { serde_json::to_vec_pretty(&message) } else { serde_json::to_vec(&message) }.unwrap()
    });
    let mut passed = 0;
    for _ in 0..1500 {
        let body = strategy.new_tree(&mut runner).unwrap().current();
        for scopes in ["read", ALL] {
            // That the body is the same, `outcome` asserts.
            if outcome(&site, scopes, &body, &[]).await == Gets::Passes {
                passed += 1;
                let message: Value = serde_json::from_slice(&body).unwrap();
                let messages = message.as_array().cloned().unwrap_or_else(|| vec![message]);
                let scopes: Vec<_> = scopes.split(' ').collect();
                assert!(messages.iter().all(|message| allowed(message, &scopes)), "{messages:?}");
            }
        }
    }
    assert!(passed > 300, "only {passed} passed");
}

//! Promise 14: what an operation requires is one value, enforced alike wherever it is put, named in the
//! challenge, and shown by explain.
#![cfg(all(feature = "axum", feature = "test-util"))]
#![allow(unreachable_pub, reason = "no other crate imports a test")]

mod anonymous;
#[cfg(feature = "tonic")]
#[path = "../support/log.rs"]
mod log;
mod operations;
mod properties;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod text;
mod unlisted;

use stage::{Stage, Wanted};
use table::ROWS;
use tower_resource_server::{ResourceServer, policy::role};

#[tokio::test]
async fn promise_14_the_truth_table_holds_in_every_placement() {
    let stage = Stage::new();
    let mut wrong = Vec::new();
    for row in ROWS {
        let needed = row.needs.parse().unwrap_or_else(|error| panic!("{}: {error}", row.needs));
        let token = stage.token(row.claims);
        for placement in stage::PLACEMENTS {
            let api = stage.builder().build().unwrap();
            // Twice, so that the second is a hit.
            for round in 1..=2 {
                let got = stage.answer_of(&api, *placement, &needed, Some(&token)).await;
                let wanted = row.wanted.at(*placement);
                if got != wanted {
                    wrong.push(format!(
                        "{placement:?}, round {round}: {} with {}\n  got {got:?}\n  not {:?}",
                        row.needs, row.claims, wanted
                    ));
                }
            }
        }
        let explained = stage.explained(&needed, &token).await;
        if explained != matches!(row.wanted, Wanted::Ok) {
            wrong.push(format!("explain says {explained} of {} with {}", row.needs, row.claims));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_large_enough() {
    assert!(ROWS.len() >= 120, "{}", ROWS.len());
}

#[tokio::test]
async fn explain_says_which_leaf_of_which_alternative_is_not_met() {
    let stage = Stage::new();
    let token = stage.token(r#"{"scope":"read","acr":"silver","roles":["boss"],"auth_time":1799990000}"#);
    for (needs, rule, because, advice) in [
        (
            "scope(write)",
            "the scopes hold write",
            "the token lacks a scope that every request needs",
            "request the token with the scopes write",
        ),
        (
            "scope(write) and acr(gold) or role(clerk)",
            "what is required holds: scope(write) and acr(gold) or role(clerk)",
            "alternative 1: scope(write) is not met: the token has {\"read\"}; acr(gold) is not met: the token has \"silver\" / alternative 2: role(clerk) is not met: the token has [\"boss\"]",
            "log the user in anew with acr_values \"gold\", and the scopes write",
        ),
        (
            "(scope(read) or scope(b)) and acr(gold)",
            "what is required holds: (scope(read) or scope(b)) and acr(gold)",
            "acr(gold) is not met: the token has \"silver\"",
            "log the user in anew with acr_values \"gold\"",
        ),
        (
            "(scope(a) or scope(b)) and acr(gold)",
            "what is required holds: (scope(a) or scope(b)) and acr(gold)",
            "(alternative 1: scope(a) is not met: the token has {\"read\"} / alternative 2: scope(b) is not met: the token has {\"read\"}); acr(gold) is not met: the token has \"silver\"",
            "log the user in anew with acr_values \"gold\", and the scopes a",
        ),
        (
            "(role(boss) and (acr(gold) or role(x) and scope(read)) or role(y)) and (scope(b) or any_token)",
            "what is required holds: (role(boss) and (acr(gold) or role(x) and scope(read)) or role(y)) and (scope(b) or any_token)",
            "(alternative 1: (alternative 1: acr(gold) is not met: the token has \"silver\" / alternative 2: role(x) is not met: the token has [\"boss\"]) / alternative 2: role(y) is not met: the token has [\"boss\"])",
            "log the user in anew with acr_values \"gold\"",
        ),
        (
            "(scope(read) or role(x)) and claim(acr = \"gold\") or anonymous and role(x)",
            "what is required holds: (scope(read) or role(x)) and claim(acr = \"gold\") or anonymous and role(x)",
            "alternative 1: claim(acr = \"gold\") is not met: the claim of the token is another, or is not there / alternative 2: anonymous is not met by a token; role(x) is not met: the token has [\"boss\"]",
            "let the issuer give the subject or the client what is required; no scope would help",
        ),
        (
            "never",
            "what is required holds: never",
            "never is not met by a token",
            "let the issuer give the subject or the client what is required; no scope would help",
        ),
        (
            "max_age(60)",
            "what is required holds: max_age(60)",
            "max_age(60) is not met: the user logged in 2 h 46 min ago",
            "log the user in anew with max_age 60",
        ),
        (
            "actor(bot)",
            "what is required holds: actor(bot)",
            "actor(bot) is not met: its subject uses the token",
            "let the issuer give the subject or the client what is required; no scope would help",
        ),
    ] {
        let api = stage.builder().require(needs.parse().unwrap()).build().unwrap();
        let explanation = api.explain(&token).await;
        let failed: Vec<_> = explanation.failed().collect();
        let [finding] = failed.as_slice() else { panic!("{needs}: {failed:?}") };
        let said = (&*finding.rule, finding.because.as_deref(), finding.advice.as_deref());
        assert_eq!(said, (rule, Some(because), Some(advice)), "{needs}");
    }
}

/// More sets of classes than are kept apart: the nearest stay, and of those as near the first.
#[tokio::test]
async fn of_very_many_classes_the_nearest_is_named_and_of_those_the_first() {
    let stage = Stage::new();
    let token = stage.token("{}");
    let api = stage.builder().build().unwrap();
    let far = |classes: std::ops::Range<usize>| -> Vec<String> {
        classes.map(|n| format!("acr(a{n}) and max_age(5)")).collect()
    };
    let near = |classes: std::ops::Range<usize>| classes.map(|n| format!("acr(b{n})")).collect::<Vec<_>>();
    for (name, alternatives, wanted) in [
        ("63 and a nearer one", [far(0..63), near(0..1)].concat(), Wanted::Login("b0", "", "")),
        ("64 and a nearer one", [far(0..64), near(0..1)].concat(), Wanted::Login("b0", "", "")),
        ("64 and two nearer ones", [far(0..64), near(0..2)].concat(), Wanted::Login("b0", "", "")),
        ("100 and 100 nearer ones", [far(0..100), near(0..100)].concat(), Wanted::Login("b0", "", "")),
        (
            "a nearer one among many",
            [far(0..80), near(7..8), far(80..160)].concat(),
            Wanted::Login("b7", "", ""),
        ),
        ("200 as far", far(0..200), Wanted::Login("a0", "5", "")),
        ("200 as near", near(0..200), Wanted::Login("b0", "", "")),
    ] {
        let needed = alternatives.join(" or ").parse().unwrap();
        let got = stage.answer_of(&api, stage::Placement::Guard, &needed, Some(&token)).await;
        assert_eq!(got, wanted, "{name}");
    }
}

/// What is asked of a token first must not change what it is told afterwards (promise 6).
#[tokio::test]
async fn promise_6_a_date_that_is_none_is_invalid_whatever_was_asked_before() {
    let stage = Stage::new();
    let token = stage.token(r#"{"scope":"a","auth_time":"soon"}"#);
    let api = stage.builder().build().unwrap();
    let (scope, dated) = ("scope(a)".parse().unwrap(), "scope(a) or max_age(300)".parse().unwrap());
    for needed in [&dated, &scope, &dated, &scope, &dated] {
        let got = stage.answer_of(&api, stage::Placement::Guard, needed, Some(&token)).await;
        let wanted = if needed == &scope { Wanted::Ok } else { Wanted::Invalid("a") };
        assert_eq!(got, wanted, "{needed}");
    }
}

#[tokio::test]
async fn the_members_of_an_object_are_roles_only_where_the_profile_says_so() {
    let stage = Stage::new();
    let token = stage.token(r#"{"roles":{"admin":false}}"#);
    for (is, admitted) in [(false, false), (true, true)] {
        let trusted = stage.issuer.trusted().map_profile(|profile| profile.roles_as_members(is));
        let api = ResourceServer::builder(stage.issuer.audience())
            .issuer(trusted)
            .clock(stage.issuer.clock().clone())
            .require(role("admin"))
            .build()
            .unwrap();
        assert_eq!(api.verify_access_token(&token).await.is_ok(), admitted, "{is}");
    }
}

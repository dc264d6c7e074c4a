//! Requests without credentials: who lets them pass, and what the others are told.

use http::Method;
use tower_resource_server::{
    middleware::RequirementTable,
    policy::{Requirement, anonymous_or, scope},
};

use crate::{
    stage::{PLACEMENTS, Placement, Stage},
    support::{ask, get, request},
};

#[tokio::test]
async fn promise_9_no_credentials_meet_anonymous_alone_and_bad_ones_nothing() {
    let stage = Stage::new();
    let api = stage.builder().build().unwrap();
    let bad = "a.b.c";
    for (needs, status, scope) in [
        ("anonymous", 200, ""),
        ("anonymous or scope(a)", 200, ""),
        ("scope(a) or anonymous", 200, ""),
        ("anonymous and anonymous", 200, ""),
        ("anonymous and scope(a)", 401, ""),
        ("anonymous and any_token", 401, ""),
        ("any_token", 401, ""),
        ("never", 401, ""),
        ("scope(a)", 401, "a"),
        ("scope(a) or scope(b)", 401, "a"),
        ("scope(b c) or scope(a)", 401, "b c"),
        ("scope(b) and scope(c) or scope(a)", 401, "a"),
        ("any_scope(b a) and scope(c)", 401, "b c"),
        ("role(x)", 401, ""),
        ("role(x) or scope(a)", 401, "a"),
        ("scope(a) and role(x)", 401, "a"),
        ("scope(orders:write) and acr(gold) or role(clerk)", 401, "orders:write"),
        ("acr(gold)", 401, ""),
        ("acr(gold) or scope(a)", 401, "a"),
    ] {
        let needed: Requirement = needs.parse().unwrap();
        for placement in PLACEMENTS {
            if matches!(placement, Placement::GuardBehindLayer | Placement::ByHand | Placement::Extractor) {
                // The layer in front refuses by itself.
                continue;
            }
            let named = if scope.is_empty() { String::new() } else { format!("scope=\"{scope}\", ") };
            let metadata = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
            let got = stage.answer_of(&api, *placement, &needed, None).await;
            let wanted = (status == 401).then(|| format!("Bearer {named}{metadata}"));
            assert_eq!(
                (got.status(), got.challenge()),
                (status, wanted.as_deref()),
                "{placement:?}: {needs}"
            );
            let got = stage.answer_of(&api, *placement, &needed, Some(bad)).await;
            assert_eq!(got.status(), 401, "{placement:?}: {needs}, with a bad token");
        }
    }
}

#[tokio::test]
async fn an_operation_is_open_where_both_sides_say_so_or_the_layer_is_optional() {
    let stage = Stage::new();
    let open = || anonymous_or(scope("a"));
    for (name, always, own, optional, wanted) in [
        ("both", Some(open()), Some(open()), false, 200),
        ("the server alone", Some(open()), Some(scope("b")), false, 401),
        ("the operation alone", Some(scope("b")), Some(open()), false, 401),
        ("the server, where nothing else is said", Some(open()), None, false, 200),
        ("the operation, where nothing else is said", None, Some(open()), false, 200),
        ("neither", Some(scope("a")), Some(scope("b")), false, 401),
        ("neither, optional", Some(scope("a")), Some(scope("b")), true, 200),
        ("nothing said", None, None, false, 401),
        ("nothing said, optional", None, None, true, 200),
    ] {
        let builder = stage.builder();
        let api = match always {
            Some(always) => builder.require(always),
            None => builder,
        };
        let layer = api.build().unwrap().layer().optional(optional);
        let layer = match own {
            Some(own) => layer.requirements(own),
            None => layer,
        };
        let app = axum::Router::new().route("/", axum::routing::get(async || "ok")).layer(layer);
        assert_eq!(ask(&app, get("/", None)).await.status(), wanted, "{name}");
    }
}

#[tokio::test]
async fn an_optional_layer_opens_the_rows_of_a_table_and_not_what_was_forgotten() {
    let stage = Stage::new();
    let api = stage.builder().build().unwrap();
    let table = || RequirementTable::new().route(Method::GET, "/listed", scope("a"));
    for (name, table, listed, forgotten) in [
        ("nothing said of others", table(), 200, 401),
        ("said of others", table().otherwise(scope("b")), 200, 200),
    ] {
        let layer = api.layer().optional(true).requirements(table);
        let app = axum::Router::new().fallback(async || "ok").layer(layer);
        assert_eq!(ask(&app, get("/listed", None)).await.status(), listed, "{name}");
        assert_eq!(ask(&app, get("/forgotten", None)).await.status(), forgotten, "{name}");
    }
}

/// gRPC servers find a method by its path alone.
#[tokio::test]
async fn promise_14_a_grpc_method_needs_what_its_row_says_whatever_the_method_of_http() {
    let stage = Stage::new();
    let api = stage.builder().build().unwrap();
    let table = || RequirementTable::new().grpc("/a.B/Reset", scope("admin"));
    for (name, table) in [
        ("beside an open prefix", table().open_under("/a.")),
        ("beside others for any token", table().otherwise(Requirement::any_token())),
    ] {
        let app = axum::Router::new().fallback(async || "ok").layer(api.layer().requirements(table));
        let token = stage.token("{}");
        for method in [Method::POST, Method::PUT, Method::GET, Method::HEAD] {
            let answer = ask(&app, request(method.clone(), "/a.B/Reset", Some(&token))).await;
            assert_eq!(answer.status(), 403, "{name}, {method}");
            let answer = ask(&app, request(method.clone(), "/a.B/Reset", None)).await;
            assert_eq!(answer.status(), 401, "{name}, {method}, no token");
        }
    }
}

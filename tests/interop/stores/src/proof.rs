//! Three servers, each with its own store, behind which one Valkey is: of a thousand uses of one proof one passes, and
//! what one revokes, the others know.

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use tokio::{process::Command, time::timeout};
use tower::ServiceExt as _;
use tower_resource_server::{
    Dpop, Identity, ResourceServer,
    store::{DpopNonces, Life, SpendError, SpentStore as _, redis::RedisSettings},
    test_util::{DpopKey, TestIssuer},
    time::{Clock as _, SystemClock},
};

use crate::{
    check,
    server::{Kind, Server},
};

const URL: &str = "https://api.test/orders";

pub async fn run(kind: &Kind) {
    let server = Server::start(kind, &[]).await;
    let url = format!("redis://127.0.0.1:{}", server.port);
    let (issuer, key) = (TestIssuer::new(), DpopKey::new());
    issuer.clock().set_unix(SystemClock.unix());
    let nonces = DpopNonces::new().expect("randomness");
    let (mut instances, mut stores) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        // A thousand at once take their time where there are few processors.
        let settings = RedisSettings::from_url(&url).expect("a URL").deadline(Duration::from_secs(20));
        let store = settings.build().expect("settings");
        store.ready().await;
        let dpop = Dpop::required().store(store.clone()).nonces(nonces.clone());
        let api = ResourceServer::builder(issuer.audience()).issuer(issuer.trusted()).dpop(dpop);
        let api = api.build().expect("a server");
        let app =
            Router::new().route("/orders", get(|who: Identity| async move { who.subject().to_owned() }));
        instances.push(app.layer(api.layer()));
        stores.push(store);
    }
    let token = issuer.access_token("alice").bound_to_key(key.thumbprint()).mint().expect("a token");
    let make = |nonce: &str| key.proof("GET", URL, &token, SystemClock.unix()).nonce(nonce);
    let nonce_now = || nonces.issue(SystemClock.unix()).expect("randomness");
    let proof = make(&nonce_now());
    let request = || {
        let mut request = Request::get(URL).body(Body::empty()).expect("a request");
        proof.send(request.headers_mut());
        request
    };
    let uses: Vec<_> =
        (0..1_000).map(|number| tokio::spawn(instances[number % 3].clone().oneshot(request()))).collect();
    let (mut passed, mut replayed) = (0, 0);
    for each in uses {
        match each.await.expect("no panic").expect("an answer").status() {
            StatusCode::OK => passed += 1,
            StatusCode::UNAUTHORIZED => replayed += 1,
            _ => {}
        }
    }
    let name = kind.name;
    let seen = format!("{passed} passed, {replayed} were refused");
    check(
        &format!("{name}: of 1 000 uses of one proof with three instances one passes"),
        (passed, replayed) == (1, 999),
        seen,
    );

    let (session, now) = (b"session 1", SystemClock.unix());
    let life = Life { issued: now, until: now.saturating_add(Duration::from_secs(3_600)) };
    let look = |number: usize| stores[number].look(session, life, now).wait();
    let mut seen = vec![look(0).await, look(1).await];
    seen.push(stores[0].spend(session, life, now).wait().await);
    seen.extend([look(0).await, look(1).await]);
    let (good, ended) = (Ok(()), Err(SpendError::AlreadySpent));
    let name_of = |what: &str| format!("{name}: {what}");
    check(
        &name_of("what one instance revokes another knows"),
        seen == [good, good, good, ended, ended],
        format!("{seen:?}"),
    );

    // After a loss the client is told to take another nonce, and the proof with it passes.
    let _ = server.ask(&["FLUSHALL"]).await;
    let mut told = Vec::new();
    let mut nonce = nonce_now();
    for _ in 0..100 {
        let mut request = Request::get(URL).body(Body::empty()).expect("a request");
        make(&nonce).send(request.headers_mut());
        let answer = instances[0].clone().oneshot(request).await.expect("an answer");
        told.push(answer.status().as_u16());
        if answer.status() == StatusCode::OK {
            break;
        }
        if let Some(next) = answer.headers().get("dpop-nonce").and_then(|next| next.to_str().ok()) {
            nonce = next.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let replay = instances[1].clone().oneshot(request()).await.expect("an answer").status();
    let is_well = told.last() == Some(&200) && told.contains(&401);
    check(&format!("{name}: after a loss a proof with a new nonce passes"), is_well, format!("{told:?}"));
    check(
        &format!("{name}: after a loss the proof from before does not"),
        replay == StatusCode::UNAUTHORIZED,
        replay,
    );
    let seen = [look(0).await, look(1).await];
    let lost = seen == [Err(SpendError::Forgotten); 2];
    check(&name_of("after a loss what may have been revoked is refused"), lost, format!("{seen:?}"));
}

/// The example `many_instances` says what it promises.
pub async fn example(program: &str, kind: &Kind) {
    let mut command = Command::new(program);
    command.arg("--valkey").arg(&kind.program).kill_on_drop(true);
    let ended = timeout(Duration::from_secs(60), command.output()).await;
    let (is_good, text) = match ended {
        Ok(Ok(output)) => (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => (false, String::new()),
    };
    let count = |text: &str, what: &str| text.matches(what).count();
    let holds = is_good && count(&text, "  1 passed") == 1 && count(&text, "before, 0 passed") == 2;
    check("the example many_instances", holds, text.replace('\n', " / "));
}

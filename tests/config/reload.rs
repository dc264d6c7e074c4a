//! A configuration is exchanged: at once, whole, and only for one that works.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{
    Extension, Router,
    body::Body,
    routing::{any, get},
};
use http::{Method, Request, StatusCode};
use tower::ServiceExt;
use tower_resource_server::{
    ApiKey, ApiKeys, Identity, ReplaceKeysError, RevokeKeyError, TrustedIssuer,
    config::{ReloadableServer, ServerConfig},
    keys::KeySet,
    policy::scope,
    profile::TokenProfile,
    test_util::TestIssuer,
};

use crate::{
    built::{Folder, with_keys_of},
    load,
    support::{ask, request},
};

/// A server that reads the clock of `issuer`.
pub(crate) fn begin(issuer: &TestIssuer, toml: &str) -> ReloadableServer {
    let clock = issuer.clock().clone();
    ReloadableServer::with(&load(toml).unwrap(), move |server| server.clock(clock.clone())).unwrap()
}

fn app(api: &ReloadableServer) -> Router {
    let name = async |who: Option<Identity>| who.map_or(String::new(), |who| who.subject().to_owned());
    Router::new()
        .route("/guarded", any(name).layer(api.guard(scope("guard"))))
        .fallback(any(name))
        .layer(api.layer())
        .route_service("/.well-known/{*path}", api.metadata_service::<Body>())
        .route_service("/keys", api.health_service::<Body>())
}

async fn status(app: &Router, path: &str, token: &str) -> StatusCode {
    ask(app, request(Method::GET, path, Some(token))).await.status()
}

#[tokio::test]
async fn what_is_new_is_in_force_at_once() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("reload"));
    let file = |root: &str| with_keys_of(&issuer, &folder, root, "");
    let api = begin(&issuer, &file("requirements.always = \"scope(a)\""));
    let app = app(&api);
    let [a, b] = ["a guard", "b"].map(|scopes| issuer.access_token("alice").scope(scopes).mint().unwrap());
    assert_eq!([status(&app, "/", &a).await, status(&app, "/", &b).await], [200, 403]);
    assert_eq!(status(&app, "/guarded", &a).await, 200);

    api.reload(
        &load(&file("requirements.always = \"scope(b)\"\nmetadata.resource_name = \"Orders\"")).unwrap(),
    )
    .unwrap();
    assert_eq!([status(&app, "/", &a).await, status(&app, "/", &b).await], [403, 200]);
    assert_eq!(status(&app, "/guarded", &b).await, 403);
    let document = ask(&app, request(Method::GET, "/.well-known/oauth-protected-resource", None)).await;
    assert!(document.body.contains("\"resource_name\":\"Orders\""), "{}", document.body);
    // The guard's scope is in the metadata before a request has come to it.
    assert!(document.body.contains("guard"), "{}", document.body);
    assert_eq!(ask(&app, request(Method::GET, "/keys", None)).await.status(), 200);
}

#[tokio::test]
async fn a_bad_configuration_changes_nothing() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("bad"));
    let api = begin(&issuer, &with_keys_of(&issuer, &folder, "", ""));
    let app = app(&api);
    let token = issuer.access_token("alice").mint().unwrap();
    for (name, root, expected) in [
        (
            "a limit",
            "limits.keys_tried = 0",
            "limits.keys_tried: keys_tried is 0, so that no token could be verified; use 1 or more",
        ),
        (
            "a file",
            "nonces.secret_file = \"/nowhere\"",
            "nonces.secret_file: the file \"/nowhere\" is not there; correct its path",
        ),
    ] {
        let config = load(&with_keys_of(&issuer, &folder, root, "")).unwrap();
        assert_eq!(api.reload(&config).unwrap_err().to_string(), expected, "{name}");
        assert_eq!(status(&app, "/", &token).await, 200, "{name}");
    }
}

#[tokio::test]
async fn keys_are_read_again_and_those_that_were_revoked_stay_revoked() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("keys-again"));
    let file = with_keys_of(&issuer, &folder, "", "");
    let api = begin(&issuer, &file);
    let app = app(&api);
    let first = issuer.access_token("alice").mint().unwrap();
    assert_eq!(status(&app, "/", &first).await, 200);

    // The same file holds another key.
    issuer.rotate();
    let second = issuer.access_token("alice").mint().unwrap();
    assert_eq!(status(&app, "/", &second).await, 401);
    folder.file("keys.json", &issuer.jwks().to_string());
    let config: ServerConfig = load(&file).unwrap();
    api.reload(&config).unwrap();
    assert_eq!(status(&app, "/", &second).await, 200);

    let revoked = api.current().server().revoke_key(TestIssuer::ISSUER, "key-2").unwrap();
    assert!(revoked.was_in_use());
    assert_eq!(status(&app, "/", &second).await, 401);
    api.reload(&config).unwrap();
    assert_eq!(status(&app, "/", &second).await, 401);
    // Also when its issuer was not trusted in between.
    let other = file.replace("https://issuer.test", "https://other.test");
    api.reload(&load(&other).unwrap()).unwrap();
    api.reload(&config).unwrap();
    assert_eq!(status(&app, "/", &second).await, 401);
}

#[tokio::test]
async fn an_api_key_that_is_left_out_is_refused() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("api-keys"));
    let [first, second] = ["shop_3q2-7wAAKjX0iE9s1vBQmZpT", "shop_9dK3xR_tLw2Hc8QvYbNfEjUa"];
    let key = |name: &str, secret: &str| {
        format!("{{ name = \"{name}\", subject = \"{name}\", secret = \"{secret}\" }}")
    };
    let (one, two) = (key("one", first), key("two", second));
    let api = begin(&issuer, &with_keys_of(&issuer, &folder, &format!("api_keys.keys = [{one}, {two}]"), ""));
    let app = app(&api);
    let token = issuer.access_token("alice").mint().unwrap();
    for (name, root, expected) in [
        ("both", format!("api_keys.keys = [{one}, {two}]"), [200, 200]),
        ("one is left out", format!("api_keys.keys = [{two}]"), [401, 200]),
        ("the same again", format!("api_keys.keys = [{two}]"), [401, 200]),
        ("it is back", format!("api_keys.keys = [{one}, {two}]"), [200, 200]),
        ("another secret under its name", format!("api_keys.keys = [{}]", key("one", second)), [401, 200]),
        ("one that has ended", format!("api_keys = {{ keys = [{one}, {two}], not_after = 1 }}"), [401, 401]),
        ("both, to be left out", format!("api_keys.keys = [{one}, {two}]"), [200, 200]),
        ("none any more", String::new(), [401, 401]),
    ] {
        api.reload(&load(&with_keys_of(&issuer, &folder, &root, "")).unwrap()).unwrap();
        // Twice: what was found before is remembered.
        for _ in 0..2 {
            assert_eq!([status(&app, "/", first).await, status(&app, "/", second).await], expected, "{name}");
        }
        assert_eq!(status(&app, "/", &token).await, 200, "{name}");
    }
}

/// What ends a credential reaches what is in force, also from a server of before a reload.
#[tokio::test]
async fn promise_6_keys_are_withdrawn_and_replaced_whichever_server_is_asked() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("old-handle"));
    let secrets = ["shop_3q2-7wAAKjX0iE9s1vBQmZpT", "shop_w8kd0s7vQmZpT3q2-7wAAKjX0"];
    let keys =
        format!("api_keys.keys = [{{ name = \"one\", subject = \"billing\", secret = {:?} }}]", secrets[0]);
    let file = with_keys_of(&issuer, &folder, &keys, "");
    let api = begin(&issuer, &file);
    let old = api.current().server().clone();
    api.reload(&load(&file).unwrap()).unwrap();
    let between = api.current().server().clone();
    issuer.rotate();
    folder.file("keys.json", &issuer.jwks().to_string());
    api.reload(&load(&file).unwrap()).unwrap();
    let app = app(&api);
    let token = issuer.access_token("alice").mint().unwrap();
    assert_eq!([status(&app, "/", &token).await, status(&app, "/", secrets[0]).await], [200, 200]);

    assert!(old.revoke_key(TestIssuer::ISSUER, "key-2").unwrap().was_in_use(), "what is in force uses it");
    assert!(!old.revoke_key(TestIssuer::ISSUER, "key-2").unwrap().was_in_use());
    assert_eq!(status(&app, "/", &token).await, 401);
    assert_eq!(old.revoke_key("https://other.test", "key-2"), Err(RevokeKeyError::UnknownIssuer));

    issuer.rotate();
    let token = issuer.access_token("alice").mint().unwrap();
    assert_eq!(status(&app, "/", &token).await, 401);
    let others = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    assert_eq!(between.replace_keys(TestIssuer::ISSUER, KeySet::default()), Err(ReplaceKeysError::Empty));
    between.replace_keys(TestIssuer::ISSUER, others).unwrap();
    for (name, server) in [("in force", api.current().server()), ("of before", &old), ("between", &between)] {
        assert!(server.verify_now(&token).is_ok(), "{name}");
    }
    assert_eq!(status(&app, "/", &token).await, 200);

    let next = ApiKeys::new().key(ApiKey::from_secret("one", secrets[1], "billing"));
    old.replace_api_keys(next).unwrap();
    assert_eq!([status(&app, "/", secrets[0]).await, status(&app, "/", secrets[1]).await], [401, 200]);
    assert_eq!(old.verify_now(secrets[1]).unwrap().subject(), "billing");
    assert!(old.verify_now(secrets[0]).is_err());
}

/// An issuer that only the configuration in force trusts.
#[tokio::test]
async fn a_server_of_before_withdraws_keys_of_an_issuer_that_it_does_not_know() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("unknown-to-old"));
    let file = with_keys_of(&issuer, &folder, "", "");
    let api = begin(&issuer, &file.replace("https://issuer.test", "https://other.test"));
    let old = api.current().server().clone();
    assert_eq!(old.revoke_key(TestIssuer::ISSUER, "key-1"), Err(RevokeKeyError::UnknownIssuer));
    api.reload(&load(&file).unwrap()).unwrap();
    let token = issuer.access_token("alice").mint().unwrap();
    assert!(api.current().server().verify_now(&token).is_ok(), "nothing was withdrawn");
    assert!(old.revoke_key(TestIssuer::ISSUER, "key-1").unwrap().was_in_use());
    assert!(api.current().server().verify_now(&token).is_err());
}

/// In the midst of a revocation, while the application says which tenants there are, a reload comes.
#[tokio::test]
async fn promise_6_a_revocation_misses_no_reload() {
    let name = "https://shop.issuer.test";
    let (issuer, folder) = (TestIssuer::builder().issuer(name).build(), Folder::new("meanwhile"));
    let file = with_keys_of(&issuer, &folder, "", "").replace("https://issuer.test", name);
    let (config, clock) = (load(&file).unwrap(), issuer.clock().clone());
    // What is reloaded when the resolver is next asked.
    let reloads: Arc<Mutex<Option<ReloadableServer>>> = Arc::default();
    let meanwhile = Arc::clone(&reloads);
    let next = config.clone();
    let resolver = Arc::new(move || {
        let due = meanwhile.lock().unwrap().take();
        due.iter().for_each(|api| api.reload(&next).unwrap());
    });
    let api = ReloadableServer::with(&config, move |server| {
        let resolver = Arc::clone(&resolver);
        let tenants = TrustedIssuer::tenants("https://{tenant}.issuer.test", TokenProfile::rfc9068());
        let tenants = tenants.tenant_resolver(move |_: &str| {
            resolver();
            None
        });
        server.clock(clock.clone()).issuer(tenants)
    });
    let api = api.unwrap();
    let [first, old] =
        [issuer.access_token("alice").mint().unwrap(), issuer.access_token("bob").mint().unwrap()];
    // With another key in the file, the next server has keys of its own.
    issuer.rotate();
    let second = issuer.access_token("alice").mint().unwrap();
    folder.file("keys.json", &issuer.jwks().to_string());
    let begun = api.current().server().clone();
    assert!(begun.verify_now(&first).is_ok());
    *reloads.lock().unwrap() = Some(api.clone());
    assert!(begun.revoke_key(name, "key-1").unwrap().was_in_use());
    let in_force = api.current().server().clone();
    assert!(in_force.verify_now(&second).is_ok(), "the reload came");
    assert!(in_force.verify_now(&old).is_err(), "its server has withdrawn the key");
}

/// An issuer on this machine that counts the fetches of its keys.
pub(crate) async fn serve(jwks: String) -> (String, Arc<AtomicUsize>) {
    let fetches = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&fetches);
    let router = Router::new().route(
        "/keys",
        get(async move || {
            counter.fetch_add(1, Ordering::SeqCst);
            ([("content-type", "application/json"), ("cache-control", "max-age=900")], jwks)
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/keys"), fetches)
}

#[tokio::test]
async fn the_same_source_keeps_its_keys() {
    let issuer = TestIssuer::new();
    let (url, fetches) = serve(issuer.jwks().to_string()).await;
    let file = |root: &str, of_issuer: &str| {
        format!(
            "resource = \"https://api.test\"\n{root}\n[[issuers]]\nissuer = \"https://issuer.test\"\n\
             profile = \"rfc9068\"\njwks_uri = \"{url}\"\nallow_loopback_http = true\n{of_issuer}"
        )
    };
    let api = begin(&issuer, &file("", ""));
    let app = app(&api);
    let token = issuer.access_token("alice").scope("a").mint().unwrap();
    assert_eq!(status(&app, "/", &token).await, 200);
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
    for (name, root, of_issuer, expected) in [
        ("the same", "", "", 1),
        ("a requirement", "requirements.always = \"scope(a)\"", "", 1),
        ("an audience", "audiences = [\"b\"]", "audiences = [\"https://api.test\"]", 1),
        ("another profile", "", "tokens.require_types = [\"at+jwt\"]", 1),
        ("another schedule", "", "refresh.max_freshness = \"10m\"", 2),
        ("the same schedule, for all", "refresh.max_freshness = \"10m\"", "", 2),
        ("another client", "http.platform_roots = true\nrefresh.max_freshness = \"10m\"", "", 3),
        (
            "the same client, of the issuer",
            "refresh.max_freshness = \"10m\"",
            "http.platform_roots = true",
            3,
        ),
    ] {
        api.reload(&load(&file(root, of_issuer)).unwrap()).unwrap();
        assert_eq!(status(&app, "/", &token).await, 200, "{name}");
        assert_eq!(fetches.load(Ordering::SeqCst), expected, "{name}");
    }
}

#[tokio::test]
async fn keys_are_fetched_for_what_is_in_force_whichever_server_is_asked() {
    let issuer = TestIssuer::new();
    let [(first, of_first), (second, of_second)] =
        [serve(issuer.jwks().to_string()).await, serve(issuer.jwks().to_string()).await];
    let file = |url: &str| {
        load(&format!(
            "resource = \"https://api.test\"\n[[issuers]]\nissuer = \"https://issuer.test\"\n\
             profile = \"rfc9068\"\njwks_uri = \"{url}\"\nallow_loopback_http = true\n"
        ))
        .unwrap()
    };
    let api = ReloadableServer::new(&file(&first)).unwrap();
    let old = api.current().server().clone();
    old.ready().await.unwrap();
    api.reload(&file(&second)).unwrap();
    api.current().server().ready().await.unwrap();
    old.refresh_now().await.unwrap();
    assert_eq!([of_first.load(Ordering::SeqCst), of_second.load(Ordering::SeqCst)], [1, 2]);
}

/// Two configurations that no request may mix: under each, the layer and the guard ask for one name, and the
/// handler is told of the same audience.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_loses_no_request_and_mixes_no_configurations() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("load"));
    // Tokens are of one scope and renamed: `left` or `right` is what the configuration makes of it.
    let file = |side: &str| {
        with_keys_of(
            &issuer,
            &folder,
            &format!("requirements.always = \"scope({side})\"\nchallenges.realm = \"{side}\""),
            &format!("tokens.rename_scopes.a = \"{side}\""),
        )
    };
    let [left, right] = ["left", "right"].map(|side| load(&file(side)).unwrap());
    let clock = issuer.clock().clone();
    let api = ReloadableServer::with(&left, move |server| server.clock(clock.clone())).unwrap();
    // The guard asks again for what its own configuration calls the scope.
    let guard = api.guard_by(|configured| {
        let realm = format!("{:?}", configured.server().health().len());
        assert_eq!(realm, "1");
        configured.server().guard(scope("x").or(scope("left")).or(scope("right")))
    });
    let sides = async |who: Identity| who.scopes().collect::<Vec<_>>().join(" ");
    let app = Router::new().route("/", any(sides).layer(guard)).layer(api.layer());
    let token = issuer.access_token("alice").scope("a").mint().unwrap();
    let other = issuer.access_token("alice").scope("b").mint().unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (app, token, other, stop) = (app.clone(), token.clone(), other.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut seen = [0_usize; 2];
                let mut refused = 0;
                while !stop.load(Ordering::Relaxed) || seen[0] + seen[1] < 200 {
                    let answer = ask(&app, request(Method::GET, "/", Some(&token))).await;
                    // The scope was renamed by one configuration: a layer, a guard or a requirement of the
                    // other would have refused it.
                    assert_eq!(answer.status(), 200, "{:?}", answer.challenge());
                    seen[usize::from(answer.body == "right")] += 1;
                    assert!(["left", "right"].contains(&&*answer.body), "{}", answer.body);
                    let answer = ask(&app, request(Method::GET, "/", Some(&other))).await;
                    assert_eq!(answer.status(), 403);
                    // What is named and the realm are of one configuration.
                    let challenge = answer.challenge().unwrap();
                    let of = |side: &str| {
                        challenge.contains(&format!("scope=\"{side}\""))
                            && challenge.ends_with(&format!("realm=\"{side}\""))
                    };
                    assert!(of("left") || of("right"), "{challenge}");
                    refused += 1;
                }
                (seen, refused)
            })
        })
        .collect();
    for n in 0..300 {
        api.reload(if n % 2 == 0 { &right } else { &left }).unwrap();
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    let (mut left, mut right) = (0, 0);
    for client in clients {
        let (seen, refused) = client.await.unwrap();
        assert_eq!(seen[0] + seen[1], refused);
        left += seen[0];
        right += seen[1];
    }
    assert!(left > 0 && right > 0, "{left} and {right}: both were in force");
}

/// What a request that is under way was decided under stays what its guard asks, and other servers are other.
#[tokio::test]
async fn a_request_is_decided_under_one_configuration() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("one"));
    let file =
        |side: &str| with_keys_of(&issuer, &folder, "", &format!("tokens.rename_scopes.a = \"{side}\""));
    let api = begin(&issuer, &file("left"));
    let right = load(&file("right")).unwrap();
    // Between the layer and the guard, the configuration is exchanged.
    let exchange = {
        let api = api.clone();
        axum::middleware::from_fn(move |request: Request<Body>, next: axum::middleware::Next| {
            api.reload(&right).unwrap();
            next.run(request)
        })
    };
    let inner = Router::new()
        .route("/", any(async |who: Identity, Extension(()): Extension<()>| who.scopes().collect::<String>()))
        .layer(Extension(()))
        .layer(api.guard(scope("left").or(scope("right"))));
    let app = Router::new().merge(inner).layer(exchange).layer(api.layer());
    let token = issuer.access_token("alice").scope("a").mint().unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = app.clone().oneshot(request(Method::GET, "/", Some(&token))).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
        answers.push(String::from_utf8(body.to_vec()).unwrap());
    }
    assert_eq!(answers, ["left", "right"]);
}

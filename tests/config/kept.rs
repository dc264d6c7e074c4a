//! What is spent, and what was fetched or handed out, outlives a reload.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::Path, routing::any};
use http::{Method, Request, StatusCode};
use serde_json::json;
use tower_resource_server::{
    Identity, ResourceServerBuilder,
    config::ReloadableServer,
    store::{Life, MemorySpentStore, Spending, SpentStore, Tickets},
    test_util::{DpopKey, TestIssuer},
    time::UnixTime,
};

use crate::{
    built::{Folder, with_keys_of},
    load,
    reload::begin,
    support::{ask, request},
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

fn app(api: &ReloadableServer) -> Router {
    let issuing = api.clone();
    let ticket = async move |who: Identity| issuing.current().server().issue_ticket(&who).unwrap();
    let name = async |who: Identity| who.subject().to_owned();
    Router::new().route("/ticket", any(ticket)).fallback(any(name)).layer(api.layer())
}

#[tokio::test]
async fn tickets_stay_good_and_spent_under_one_secret() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("tickets"));
    let token = issuer.access_token("alice").mint().unwrap();
    let taken = "token_locations = [{ authorization = true }, { ticket = \"ticket\" }]";
    let secret = |secret: &str| format!("{taken}\ntickets.secret = \"{secret}\"");
    for (name, before, after, spent, unspent) in [
        ("the same", secret(SECRET), secret(SECRET), 401, 200),
        (
            "another lifetime",
            secret(SECRET),
            format!("{}\ntickets.lifetime = \"60s\"", secret(SECRET)),
            401,
            200,
        ),
        ("another secret", secret(SECRET), secret(OTHER), 401, 401),
        ("a random one", taken.to_owned(), taken.to_owned(), 401, 200),
    ] {
        let file = |root: &str| with_keys_of(&issuer, &folder, root, "");
        let api = begin(&issuer, &file(&before));
        let app = app(&api);
        let mut paths = Vec::new();
        for _ in 0..2 {
            let ticket = ask(&app, request(Method::GET, "/ticket", Some(&token))).await.body;
            paths.push(format!("/?ticket={ticket}"));
        }
        let status = async |path: &str| ask(&app, request(Method::GET, path, None)).await.status().as_u16();
        assert_eq!([status(&paths[0]).await, status(&paths[0]).await], [200, 401], "{name}");
        api.reload(&load(&file(&after)).unwrap()).unwrap();
        assert_eq!([status(&paths[0]).await, status(&paths[1]).await], [spent, unspent], "{name}");
        assert_eq!(status(&paths[1]).await, 401, "{name}");
    }
}

/// Under a secret that outlives the process, and with a store that does not.
#[tokio::test]
async fn what_was_issued_before_a_restart_is_not_good_again() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("restart"));
    let token = issuer.access_token("alice").mint().unwrap();
    let root = format!(
        "token_locations = [{{ authorization = true }}, {{ ticket = \"ticket\" }}]\n\
         tickets = {{ secret = \"{SECRET}\", lifetime = \"300s\" }}"
    );
    let config = load(&with_keys_of(&issuer, &folder, &root, "")).unwrap();
    let (clock, store) = (issuer.clock().clone(), Arc::new(MemorySpentStore::default()));
    let and = move |server: ResourceServerBuilder| server.clock(clock.clone());
    let secret = || Tickets::with_secret(SECRET.as_bytes()).unwrap();
    let begin = async |shared: bool| {
        let (and, store) = (and.clone(), Arc::clone(&store));
        let api = ReloadableServer::with(&config, move |server| match shared {
            true => and(server).tickets(secret().store(Elsewhere(Arc::clone(&store)))),
            false => and(server),
        });
        app(&api.unwrap())
    };
    for (name, shared, spent, unspent) in [("in memory", false, 401, 401), ("shared", true, 401, 200)] {
        let before = begin(shared).await;
        let status = async |app: &Router, ticket: &str| {
            ask(app, request(Method::GET, &format!("/?ticket={ticket}"), None)).await.status().as_u16()
        };
        let ticket = async |app: &Router| ask(app, request(Method::GET, "/ticket", Some(&token))).await.body;
        let [used, unused] = [ticket(&before).await, ticket(&before).await];
        assert_eq!([status(&before, &used).await, status(&before, &used).await], [200, 401], "{name}");
        issuer.clock().advance(Duration::from_secs(1));
        let after = begin(shared).await;
        assert_eq!([status(&after, &used).await, status(&after, &unused).await], [spent, unspent], "{name}");
        let new = ticket(&after).await;
        assert_eq!([status(&after, &new).await, status(&after, &new).await], [200, 401], "{name}");
    }
}

/// The same of nonces; a token that counts once by its `jti` is not the server's to know of.
#[tokio::test]
async fn tokens_with_a_nonce_from_before_a_restart_are_not_good_again() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("restart-nonces"));
    let file = |once: &str| {
        load(&with_keys_of(&issuer, &folder, &format!("nonces.secret = \"{SECRET}\""), once)).unwrap()
    };
    let begin = |once: &str| {
        let clock = issuer.clock().clone();
        ReloadableServer::with(&file(once), move |server| server.clock(clock.clone())).unwrap()
    };
    let once = "tokens.spends_nonce = \"nce\"";
    let before = begin(once);
    let with_nonce = |api: &ReloadableServer| {
        let nonce = api.current().server().issue_nonce().unwrap();
        issuer.access_token("alice").claim("nce", nonce).mint().unwrap()
    };
    let status = async |api: &ReloadableServer, token: &str| {
        ask(&app(api), request(Method::GET, "/", Some(token))).await.status().as_u16()
    };
    let [used, unused] = [with_nonce(&before), with_nonce(&before)];
    assert_eq!([status(&before, &used).await, status(&before, &used).await], [200, 401]);
    issuer.clock().advance(Duration::from_secs(1));
    // A reload is none.
    before.reload(&file(&format!("{once}\nleeway = \"5s\""))).unwrap();
    assert_eq!(status(&before, &unused).await, 200);
    let after = begin(once);
    let new = with_nonce(&after);
    assert_eq!([status(&after, &used).await, status(&after, &unused).await], [401, 401]);
    assert_eq!([status(&after, &new).await, status(&after, &new).await], [200, 401]);

    let once = "tokens.single_use = \"jti\"";
    let (before, token) = (begin(once), issuer.access_token("alice").mint().unwrap());
    assert_eq!([status(&before, &token).await, status(&before, &token).await], [200, 401]);
    issuer.clock().advance(Duration::from_secs(1));
    assert_eq!(status(&begin(once), &token).await, 200);
}

#[tokio::test]
async fn proofs_stay_spent_and_nonces_good() {
    let (issuer, folder, key) = (TestIssuer::new(), Folder::new("proofs"), DpopKey::new());
    let token = issuer.access_token("alice").bound_to_key(key.thumbprint()).mint().unwrap();
    let nonces = |rest: &str| format!("dpop = {{ mode = \"required\", nonces = {{ {rest} }} }}");
    let of = |secret: &str| nonces(&format!("secret = \"{secret}\""));
    let both = nonces(&format!("secret = \"{OTHER}\", previous_secret = \"{SECRET}\""));
    for (name, before, after, expected) in [
        ("a random key", nonces(""), nonces("lifetime = \"200s\""), 200),
        ("one secret", of(SECRET), of(SECRET), 200),
        ("another secret", of(SECRET), of(OTHER), 401),
        ("another secret, and the one before", of(SECRET), both, 200),
        ("a random key, then a secret", nonces(""), of(SECRET), 401),
        ("no nonces any more", nonces(""), "dpop.mode = \"allowed\"".to_owned(), 200),
    ] {
        let file = |root: &str| with_keys_of(&issuer, &folder, root, "");
        let api = begin(&issuer, &file(&before));
        let app = app(&api);
        let nonce = api.current().server().issue_dpop_nonce().unwrap().to_str().unwrap().to_owned();
        let proof = || key.proof("GET", "https://api.test/", &token, issuer.now()).nonce(&*nonce);
        let status = async |fields: &http::HeaderMap| {
            let mut request = request(Method::GET, "/", None);
            *request.headers_mut() = fields.clone();
            ask(&app, request).await.status().as_u16()
        };
        let [used, unused] = [proof(), proof()].map(|proof| {
            let mut request = Request::new(());
            proof.send(request.headers_mut());
            request.headers().clone()
        });
        assert_eq!([status(&used).await, status(&used).await], [200, 401], "{name}");
        api.reload(&load(&file(&after)).unwrap()).unwrap();
        assert_eq!([status(&used).await, status(&unused).await], [401, expected], "{name}");
    }
}

/// A store that says it is outside of this process.
struct Elsewhere(Arc<MemorySpentStore>);

impl SpentStore for Elsewhere {
    fn spend(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        SpentStore::spend(&*self.0, id, life, now)
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn tokens_are_spent_in_a_shared_store_from_the_reload_on_that_gives_it() {
    let (issuer, folder) = (TestIssuer::new(), Folder::new("spent"));
    let config = load(&with_keys_of(&issuer, &folder, "", "tokens.single_use = \"jti\"")).unwrap();
    let (clock, given) =
        (issuer.clock().clone(), Arc::new(Mutex::new(None::<(bool, Arc<MemorySpentStore>)>)));
    let and = {
        let given = Arc::clone(&given);
        move |server: ResourceServerBuilder| {
            let server = server.clock(clock.clone());
            match given.lock().unwrap().clone() {
                Some((true, store)) => server.spent_tokens(Elsewhere(store)),
                Some((false, store)) => server.spent_tokens(store),
                None => server,
            }
        }
    };
    let api = ReloadableServer::with(&config, and).unwrap();
    let app = app(&api);
    let status =
        async |token: &str| ask(&app, request(Method::GET, "/", Some(token))).await.status().as_u16();
    let token = |jti: &str| issuer.access_token("alice").claim("jti", jti).mint().unwrap();
    let [first, second] = [Arc::default(), Arc::default()];
    let store = |is_shared, store: &Arc<MemorySpentStore>| Some((is_shared, Arc::clone(store)));
    // Where each is spent, by the ids in both stores.
    for (name, store, jti, lens) in [
        ("none", None, "a", [0, 0]),
        ("none again", None, "b", [0, 0]),
        ("another of this process, which takes over none", store(false, &first), "c", [0, 0]),
        ("a shared one", store(true, &first), "d", [1, 0]),
        ("the same", store(true, &first), "e", [2, 0]),
        ("none any more, so that what is spent stays spent", None, "f", [3, 0]),
        ("another shared one", store(true, &second), "g", [3, 1]),
    ] {
        *given.lock().unwrap() = store;
        api.reload(&config).unwrap();
        let token = token(jti);
        assert_eq!([status(&token).await, status(&token).await], [200, 401], "{name}");
        assert_eq!([first.len(), second.len()], lens, "{name}");
    }
    // What another server spent there.
    let (id, other) = (token("h"), ReloadableServer::with(&config, and_of(&issuer, &second)).unwrap());
    let by_other = ask(&self::app(&other), request(Method::GET, "/", Some(&id))).await.status();
    assert_eq!((by_other.as_u16(), status(&id).await), (200, 401));
}

/// What a server has that reads the clock of `issuer` and spends in this store.
fn and_of(
    issuer: &TestIssuer,
    store: &Arc<MemorySpentStore>,
) -> impl Fn(ResourceServerBuilder) -> ResourceServerBuilder + Send + Sync + 'static {
    let (clock, store) = (issuer.clock().clone(), Arc::clone(store));
    move |server| server.clock(clock.clone()).spent_tokens(Elsewhere(Arc::clone(&store)))
}

/// Keys by their names on this machine, which can be taken away, and how often they were asked for.
async fn serve_pem(issuer: &TestIssuer) -> (String, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (is_up, fetches) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let pem = issuer.token_issuer().signing_key().public_key_pem().unwrap();
    let (up, counter) = (Arc::clone(&is_up), Arc::clone(&fetches));
    let keys = async move || {
        counter.fetch_add(1, Ordering::SeqCst);
        if up.load(Ordering::SeqCst) { Ok(pem) } else { Err(StatusCode::BAD_GATEWAY) }
    };
    let router = Router::new().route("/{kid}", any(keys.clone())).route("/other/{kid}", any(keys));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (origin, is_up, fetches)
}

#[tokio::test]
async fn keys_that_were_fetched_by_their_names_stay() {
    let issuer = TestIssuer::new();
    let (origin, is_up, fetches) = serve_pem(&issuer).await;
    let file = |path: &str, rest: &str| {
        format!(
            "resource = \"https://api.test\"\n[[issuers]]\nissuer = \"https://issuer.test\"\nprofile = \"rfc9068\"\n\
             pem_per_kid = {{ url = \"{origin}{path}/{{kid}}\", kid = \"url_safe\" }}\nallow_loopback_http = true\n{rest}"
        )
    };
    let api = begin(&issuer, &file("", ""));
    let app = app(&api);
    let token = issuer.access_token("alice").mint().unwrap();
    let status = async || ask(&app, request(Method::GET, "/", Some(&token))).await.status().as_u16();
    assert_eq!((status().await, fetches.load(Ordering::SeqCst)), (200, 1), "at first");
    is_up.store(false, Ordering::SeqCst);
    for (name, path, rest, is_there, expected, fetched) in [
        ("the same, while its keys cannot be had", "", "", false, 200, 1),
        ("another leeway", "", "leeway = \"5s\"", false, 200, 1),
        ("other algorithms", "", "tokens.algorithms = [\"ES256\"]", true, 200, 2),
        ("other refreshes", "", "refresh.stale_if_error = \"2h\"", true, 200, 3),
        ("another address", "/other", "refresh.stale_if_error = \"2h\"", false, 503, 4),
    ] {
        is_up.store(is_there, Ordering::SeqCst);
        api.reload(&load(&file(path, rest)).unwrap()).unwrap();
        assert_eq!((status().await, fetches.load(Ordering::SeqCst)), (expected, fetched), "{name}");
    }
}

/// An issuer of tenants on this machine that counts the fetches of their keys.
async fn serve_tenant() -> (TestIssuer, String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let issuer = TestIssuer::builder().issuer(format!("{origin}/blue")).build();
    let fetches = Arc::new(AtomicUsize::new(0));
    let (jwks, counter, base) = (issuer.jwks(), Arc::clone(&fetches), origin.clone());
    let keys = async move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Json(jwks)
    };
    let metadata = async move |Path(tenant): Path<String>| {
        let name = format!("{base}/{tenant}");
        Json(json!({ "issuer": name, "jwks_uri": format!("{name}/keys") }))
    };
    let router = Router::new()
        .route("/{tenant}/.well-known/openid-configuration", any(metadata))
        .route("/{tenant}/keys", any(keys));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (issuer, origin, fetches)
}

#[tokio::test]
async fn tenants_stay_that_are_trusted_still() {
    let (issuer, origin, fetches) = serve_tenant().await;
    let file = |tenants: &str| {
        format!(
            "resource = \"https://api.test\"\n[[issuers]]\nissuer = \"{origin}/{{tenant}}\"\nprofile = \"rfc9068\"\n\
             allow_loopback_http = true\ntenants = {{ {tenants} }}"
        )
    };
    let api = begin(&issuer, &file("allow = [\"blue\"]"));
    let app = app(&api);
    let token = issuer.access_token("alice").mint().unwrap();
    let status = async || ask(&app, request(Method::GET, "/", Some(&token))).await.status().as_u16();
    assert_eq!((status().await, fetches.load(Ordering::SeqCst)), (200, 1), "at first");
    for (name, tenants, expected, fetched) in [
        ("the same", "allow = [\"blue\"]", 200, 1),
        ("another tenant beside it", "allow = [\"blue\", \"green\"]", 200, 1),
        ("other bounds, under which it is fetched anew", "allow = [\"blue\"], max_live = 10", 200, 2),
        ("another tenant in its place", "allow = [\"green\"], max_live = 10", 401, 2),
    ] {
        api.reload(&load(&file(tenants)).unwrap()).unwrap();
        assert_eq!((status().await, fetches.load(Ordering::SeqCst)), (expected, fetched), "{name}");
    }
}

//! The application's own verifier: what it is asked about, when, and how its bounds hold.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing};
use http::{Method, Request, Version, header::CONTENT_TYPE};
use tokio::{sync::oneshot, task::yield_now};
use tower_resource_server::{
    Credential, CredentialError, CredentialVerifier, CredentialVerifierSettings, Identity, OpaqueCredential,
    ResourceServer, Verification, VerifiedCredential,
    http::{Reason, Rejection},
    policy::{Requirement, scope},
    test_util::{Defect, TestIssuer},
};

use crate::{
    site::{BILLING, builder, keys},
    support::{Answer, ask, get, request},
};

/// A verifier that knows `ticket-…` by what follows, and writes down what it was asked, with the path.
#[derive(Clone, Default)]
struct Tickets {
    asked: Arc<Mutex<Vec<String>>>,
    /// How many of its futures there are.
    alive: Arc<AtomicUsize>,
}

/// Counts itself.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Tickets {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn later(&self, answer: impl Future<Output = Answered> + Send + 'static) -> Verification {
        self.alive.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(Arc::clone(&self.alive));
        Verification::wait(async move {
            let _alive = alive;
            answer.await
        })
    }
}

type Answered = Result<VerifiedCredential, CredentialError>;

fn user(name: &str) -> Answered {
    Ok(VerifiedCredential::new(name).scopes("read").roles(["clerk"]))
}

impl CredentialVerifier for Tickets {
    fn verify(&self, credential: OpaqueCredential<'_>) -> Verification {
        let path = credential.head().map_or("-", |head| head.uri.path());
        self.asked.lock().unwrap().push(format!("{} {path}", credential.text()));
        match credential.text().strip_prefix("ticket-") {
            Some("hangs") => self.later(pending()),
            Some("gone") => Verification::Done(Err(CredentialError::Unavailable)),
            Some("panics") => panic!("a mistake of the application"),
            Some("panics-later") => self.later(async { panic!("a mistake of the application") }),
            Some("later") => self.later(async {
                yield_now().await;
                user("later")
            }),
            Some("refused-later") => self.later(async { Err(CredentialError::Refused) }),
            Some("gone-later") => self.later(async { Err(CredentialError::Unavailable) }),
            Some(name) => user(name).into(),
            None => Verification::Done(Err(CredentialError::Refused)),
        }
    }
}

struct Site {
    issuer: TestIssuer,
    tickets: Tickets,
    api: ResourceServer,
}

impl Site {
    fn new() -> Self {
        Self::with(CredentialVerifierSettings::default())
    }

    fn with(settings: CredentialVerifierSettings) -> Self {
        let (issuer, tickets) = (TestIssuer::new(), Tickets::default());
        let api = builder(&issuer)
            .api_keys(keys(&issuer).prefix("shop_"))
            .credential_verifier(tickets.clone())
            .credential_verifier_settings(settings)
            .build()
            .unwrap();
        Self { issuer, tickets, api }
    }

    fn app(&self) -> Router {
        let tell = async |who: Identity| format!("{} by {}", who.subject(), who.credential());
        Router::new().route("/a", routing::get(tell)).layer(self.api.layer().expose_rejection(true))
    }

    async fn send(&self, credential: &str) -> Answer {
        ask(&self.app(), get("/a", Some(credential))).await
    }

    fn alive(&self) -> usize {
        self.tickets.alive.load(Ordering::SeqCst)
    }
}

fn code(answer: &Answer) -> &str {
    answer.rejection().map_or("", |rejection| rejection.reason().code())
}

#[tokio::test]
async fn what_it_says_is_what_the_request_gets() {
    let site = Site::new();
    let bare = builder(&site.issuer).build().unwrap();
    let bare = Router::new().route("/a", routing::get(|| async {})).layer(bare.layer());
    for (name, credential, status, said) in [
        ("at once", "ticket-alice", 200, ""),
        ("later", "ticket-later", 200, ""),
        ("refused", "made-up", 401, "unknown_credential"),
        ("refused later", "ticket-refused-later", 401, "unknown_credential"),
        ("unavailable", "ticket-gone", 503, "verifier_unavailable"),
        ("unavailable later", "ticket-gone-later", 503, "verifier_unavailable"),
        ("a mistake: no subject", "ticket-", 503, "verifier_unavailable"),
    ] {
        let answer = site.send(credential).await;
        assert_eq!((answer.status().as_u16(), code(&answer)), (status, said), "{name}");
        assert_eq!(site.tickets.asked(), [format!("{credential} /a")], "{name}: asked once");
        assert_eq!(site.alive(), 0, "{name}");
        match status {
            200 => assert!(answer.body.ends_with(" by verifier"), "{name}: {}", answer.body),
            401 => {
                let without = ask(&bare, get("/a", Some(credential))).await;
                assert_eq!(answer.response.headers(), without.response.headers(), "{name}");
            }
            _ => assert_eq!((answer.header("retry-after"), answer.challenge()), (Some("1"), None), "{name}"),
        }
    }
}

#[tokio::test]
async fn it_never_sees_a_token_a_key_or_what_is_no_bearer_token() {
    let site = Site::new();
    let token = site.issuer.access_token("alice").mint().unwrap();
    let [header, payload, _] = *token.split('.').collect::<Vec<_>>() else { panic!("{token}") };
    let defects = Defect::ALL.iter().map(|defect| (defect.name(), site.issuer.broken(*defect)));
    let rows = [
        ("a good token", token.clone()),
        ("a token without its signature", format!("{header}.{payload}")),
        ("a token with a part too many", format!("{token}.x")),
        ("three parts", "a.b.c".into()),
        ("five parts", "a.b.c.d.e".into()),
        ("dots", "..".into()),
        ("an API key", BILLING.into()),
        ("what begins as keys do", "shop_AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("4 097 bytes", "x".repeat(4097)),
        ("16 KiB", "x".repeat(16 * 1024)),
        ("beyond 16 KiB", "x".repeat(16 * 1024 + 1)),
        ("a colon", "ticket:alice".into()),
        ("not ASCII", "ticket-älice".into()),
        ("padding inside", "ticket=-alice".into()),
        ("empty", String::new()),
    ];
    for (name, credential) in rows.into_iter().chain(defects) {
        let mut request = get("/a", None);
        let Ok(field) = format!("Bearer {credential}").parse() else { continue };
        request.headers_mut().insert("authorization", field);
        let answer = ask(&site.app(), request).await;
        let good = [token.as_str(), BILLING].contains(&credential.as_str());
        assert_eq!(answer.status().is_success(), good, "{name}");
        assert_eq!(site.tickets.asked(), [""; 0], "{name}");
    }
    let answer = site.send(&"x".repeat(4096)).await;
    assert_eq!(
        (answer.status().as_u16(), site.tickets.asked().len()),
        (401, 1),
        "4 096 bytes are asked about"
    );
    ask(&site.app(), get("/a", Some("eyJhbGciOiJFUzI1NiJ9"))).await;
    assert_eq!(site.tickets.asked().len(), 1, "one part is no token");
}

#[tokio::test]
async fn an_answer_that_is_late_is_503_and_no_longer_waited_for() {
    let site = Site::with(CredentialVerifierSettings::default().deadline(Duration::from_millis(300)));
    let clock = site.issuer.clock();
    let asking = tokio::spawn({
        let app = site.app();
        async move { ask(&app, get("/a", Some("ticket-hangs"))).await }
    });
    while clock.sleepers() == 0 {
        yield_now().await;
    }
    clock.advance(Duration::from_millis(299));
    yield_now().await;
    assert!(!asking.is_finished() && site.alive() == 1);
    clock.advance(Duration::from_millis(1));
    let answer = asking.await.unwrap();
    assert_eq!((answer.status().as_u16(), code(&answer)), (503, "verifier_unavailable"));
    assert_eq!((site.alive(), answer.header("retry-after")), (0, Some("1")));
}

#[tokio::test]
async fn so_many_wait_and_no_more() {
    let site = Site::with(CredentialVerifierSettings::default().max_waiting(2));
    let wait = || {
        let app = site.app();
        tokio::spawn(async move { ask(&app, get("/a", Some("ticket-hangs"))).await })
    };
    let waiting = [wait(), wait()];
    while site.alive() < 2 {
        yield_now().await;
    }
    site.tickets.asked();
    for credential in ["ticket-alice", "ticket-hangs", "made-up"] {
        let answer = site.send(credential).await;
        assert_eq!((answer.status().as_u16(), code(&answer)), (503, "verifier_unavailable"), "{credential}");
    }
    assert_eq!(site.tickets.asked(), [""; 0], "nothing is asked");
    let token = site.issuer.access_token("alice").mint().unwrap();
    assert_eq!(site.send(&token).await.status(), 200, "tokens notice nothing");
    assert_eq!(site.send(BILLING).await.status(), 200, "nor do keys");
    // A client that goes away makes space.
    let [first, second] = waiting;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!((site.alive(), site.send("ticket-alice").await.status().as_u16()), (1, 200));
    second.abort();
}

#[tokio::test]
async fn one_that_panics_lets_nothing_in_and_takes_no_space() {
    let site = Site::with(CredentialVerifierSettings::default().max_waiting(1));
    for credential in ["ticket-panics", "ticket-panics-later", "ticket-panics"] {
        let app = site.app();
        let asked = tokio::spawn(async move { ask(&app, get("/a", Some(credential))).await });
        assert!(asked.await.unwrap_err().is_panic(), "{credential}");
        assert_eq!(site.send("ticket-alice").await.status(), 200, "after {credential}");
    }
}

#[tokio::test]
async fn by_hand_it_is_asked_without_a_head() {
    let site = Site::new();
    assert_eq!(site.api.verify_access_token("ticket-later").await.unwrap().subject(), "later");
    assert_eq!(site.api.verify_now("ticket-alice").unwrap().credential(), Credential::Verifier);
    let refused = site.api.verify_now("ticket-later").unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.reason()), (503, &Reason::VerifierUnavailable));
    assert_eq!(site.tickets.asked(), ["ticket-later -", "ticket-alice -", "ticket-later -"]);
    let request = get("/b", Some("ticket-later"));
    let who = site.api.authenticate(&request).await.unwrap();
    assert_eq!(who.identity().unwrap().subject(), "later");
    assert_eq!(site.tickets.asked(), ["ticket-later /b"]);
    assert!(site.api.try_verify_cached("ticket-alice").is_none());
    assert_eq!(site.api.verify_id_token("ticket-alice", Default::default()).await.unwrap_err().status(), 401);
    assert_eq!(site.tickets.asked(), [""; 0]);
}

#[tokio::test]
async fn answers_are_remembered_only_where_that_is_asked_for_and_as_long() {
    let site = Site::new();
    for _ in 0..3 {
        assert_eq!(site.send("ticket-alice").await.status(), 200);
    }
    assert_eq!(site.tickets.asked().len(), 3);

    let site = Site::with(CredentialVerifierSettings::default().remember(Duration::from_secs(30)));
    let clock = site.issuer.clock();
    for (name, after, credential, asked) in [
        ("the first", 0, "ticket-alice", &["ticket-alice -"][..]),
        ("again", 0, "ticket-alice", &[]),
        ("another", 0, "ticket-alic", &["ticket-alic -"]),
        ("a second before", 29, "ticket-alice", &[]),
        ("at the end", 1, "ticket-alice", &["ticket-alice -"]),
        ("a refusal", 0, "made-up", &["made-up -"]),
        ("a refusal again", 0, "made-up", &["made-up -"]),
        ("unavailable", 0, "ticket-gone", &["ticket-gone -"]),
        ("unavailable again", 0, "ticket-gone", &["ticket-gone -"]),
        ("later", 0, "ticket-later", &["ticket-later -"]),
        ("later again", 0, "ticket-later", &[]),
    ] {
        clock.advance(Duration::from_secs(after));
        site.send(credential).await;
        assert_eq!(site.tickets.asked(), asked, "{name}: no head, and asked or not");
    }
    // The wall clock that is set back revives nothing.
    clock.advance(Duration::from_secs(31));
    clock.set_unix(tower_resource_server::time::UnixTime::from_secs(clock_secs(&site) - 31));
    site.send("ticket-later").await;
    assert_eq!(site.tickets.asked(), ["ticket-later -"]);
    let who = site.api.verify_now("ticket-alic").unwrap();
    assert_eq!(who.valid_until(), None, "remembering is no validity");
}

fn clock_secs(site: &Site) -> u64 {
    site.issuer.now().as_secs()
}

#[tokio::test]
async fn an_answer_comes_in_every_placement() {
    let site = Site::new();
    let api = &site.api;
    let bare = || Router::new().route("/a", routing::get(|| async { "ok" }));
    for (name, app, narrow) in [
        ("layer", bare().layer(api.layer()), 200),
        ("optional layer", bare().layer(api.layer().optional(true)), 200),
        ("guard", bare().layer(api.guard(scope("read"))), 200),
        ("guard behind a layer", bare().layer(api.guard(scope("read"))).layer(api.layer()), 200),
        ("narrow guard", bare().layer(api.guard(scope("write"))), 403),
    ] {
        for (credential, status) in
            [("ticket-alice", narrow), ("ticket-later", narrow), ("made-up", 401), ("ticket-gone", 503)]
        {
            let answer = ask(&app, get("/a", Some(credential))).await;
            assert_eq!(answer.status(), status, "{name}, {credential}");
            assert_eq!(site.tickets.asked().len(), 1, "{name}, {credential}: asked once");
        }
    }
    for (credential, status) in [("ticket-later", None), ("made-up", Some("16")), ("ticket-gone", Some("14"))]
    {
        let mut call: Request<_> = request(Method::POST, "/a", Some(credential));
        *call.version_mut() = Version::HTTP_2;
        call.headers_mut().insert(CONTENT_TYPE, "application/grpc".parse().unwrap());
        let app = Router::new().fallback(|| async { "ok" }).layer(api.layer());
        let answer = ask(&app, call).await;
        assert_eq!((answer.status().as_u16(), answer.header("grpc-status")), (200, status), "{credential}");
    }
}

#[tokio::test]
async fn promise_12_what_one_servers_verifier_accepted_is_not_anothers() {
    let site = Site::new();
    let twin = builder(&site.issuer).credential_verifier(site.tickets.clone()).build().unwrap();
    let guard = twin.guard(Requirement::any_token()).expose_rejection(true);
    let app = Router::new().route("/a", routing::get(|| async {}).layer(guard)).layer(site.api.layer());
    let answer = ask(&app, get("/a", Some("ticket-alice"))).await;
    assert!(matches!(answer.rejection().map(Rejection::reason), Some(Reason::ForeignIdentity { .. })));
}

#[tokio::test]
async fn a_request_that_is_gone_asks_no_longer() {
    let site = Site::new();
    let (tell, told) = oneshot::channel::<()>();
    let api = site.api.clone();
    let asking = tokio::spawn(async move {
        let _tell = tell;
        drop(api.verify_access_token("ticket-hangs").await);
    });
    while site.alive() == 0 {
        yield_now().await;
    }
    asking.abort();
    assert!(told.await.is_err());
    assert_eq!(site.alive(), 0);
}

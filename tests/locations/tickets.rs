//! Tickets: what each is good for, how often, how long and where.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::any};
use http::HeaderName;
use tokio::net::TcpListener;
use tower_resource_server::{
    IdTokenExpectations, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    http::{IdTokenLocation, TokenLocation},
    keys::KeySet,
    policy::scope,
    profile::TokenProfile,
    store::{Life, MemorySpentStore, Nonces, SpendError, Spending, SpentStore, TicketError, Tickets},
    test_util::{ManualClock, TestIssuer},
    time::UnixTime,
};

use crate::site::{
    Expected::{
        self, Admitted, Anonymous, BadRequest, BadToken, BadTokenForScope, MissingScope, NoCredentials, Sees,
        Unavailable,
    },
    compare, seen, send, serve, server,
};

const STALE: Expected = BadToken("the ticket is not found or expired");
const STALE_THERE: Expected = BadTokenForScope("the ticket is not found or expired");
const SECRET: [u8; 32] = *b"thirty-two bytes for these tests";

/// A store that answers later.
struct Later(MemorySpentStore);

impl SpentStore for Later {
    fn spend(&self, id: &[u8], life: Life, now: UnixTime) -> Spending {
        let result = self.0.spend(id, life.until, now);
        Spending::Wait(Box::pin(async move {
            tokio::task::yield_now().await;
            result
        }))
    }
}

/// A store that says one thing.
struct Says(SpendError);

impl SpentStore for Says {
    fn spend(&self, _: &[u8], _: Life, _: UnixTime) -> Spending {
        Spending::Done(Err(self.0))
    }
}

/// The servers, by their paths.
struct Bench {
    issuer: TestIssuer,
    clock: ManualClock,
    servers: Vec<(&'static str, ResourceServer)>,
    address: SocketAddr,
}

fn with_tickets(issuer: &TestIssuer) -> ResourceServerBuilder {
    server(issuer)
        .token_location(TokenLocation::authorization())
        .token_location(TokenLocation::ticket("ticket"))
}

impl Bench {
    async fn open() -> Self {
        let issuer = TestIssuer::new();
        let shared = Arc::new(Later(MemorySpentStore::default()));
        let sharing = || Tickets::with_secret(&SECRET).unwrap().store(Arc::clone(&shared));
        let elsewhere = ResourceServer::builder("elsewhere")
            .audience(issuer.audience())
            .issuer(issuer.trusted())
            .clock(issuer.clock().clone())
            .token_location(TokenLocation::ticket("ticket"));
        let pair = with_tickets(&issuer)
            .client_id(issuer.client_id())
            .id_token(IdTokenLocation::Header(HeaderName::from_static("x-id-token")));
        let store = |error| Tickets::new().unwrap().store(Says(error));
        let servers = [
            ("/events", with_tickets(&issuer)),
            ("/restarted", with_tickets(&issuer)),
            ("/one", with_tickets(&issuer).tickets(sharing())),
            ("/two", with_tickets(&issuer).tickets(sharing())),
            ("/elsewhere", elsewhere.tickets(sharing())),
            ("/short", with_tickets(&issuer).tickets(sharing().lifetime(Duration::from_secs(5)))),
            ("/pair", pair),
            ("/full", with_tickets(&issuer).tickets(store(SpendError::Full))),
            ("/gone", with_tickets(&issuer).tickets(store(SpendError::Unavailable))),
            ("/again", with_tickets(&issuer).tickets(store(SpendError::AlreadySpent))),
        ];
        let servers: Vec<_> = servers.map(|(path, server)| (path, server.build().unwrap())).into();
        let mut app = Router::new();
        for (path, server) in &servers {
            app = app.merge(Router::new().route(path, any(seen)).layer(server.layer()));
        }
        let (_, events) = &servers[0];
        let guarded = Router::new().route("/scoped", any(seen).layer(events.guard(scope("read"))));
        let behind = Router::new().route("/behind", any(seen).layer(events.guard(scope("read"))));
        let optional = Router::new().route("/optional", any(seen)).layer(events.layer().optional(true));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        serve(listener, app.merge(guarded).merge(optional).merge(behind.layer(events.layer())));
        Self { clock: issuer.clock().clone(), issuer, servers, address }
    }

    fn server(&self, path: &str) -> &ResourceServer {
        &self.servers.iter().find(|(of, _)| *of == path).unwrap().1
    }

    async fn issue(&self, path: &str, subject: &str) -> String {
        let scope = if subject == "reader" { "read" } else { "other" };
        let subject = if subject == "reader" { "alice" } else { subject };
        let token = self.issuer.access_token(subject).scope(scope).mint().unwrap();
        let identity = self.server(path).verify_access_token(&token).await.unwrap();
        self.server(path).issue_ticket(&identity).unwrap()
    }
}

/// One step of a row.
#[derive(Clone, Copy)]
enum Do {
    /// A ticket of a server, for a user; `reader` is alice with the scope `read`.
    Issue(&'static str, &'static str),
    Wait(u64),
    /// A request, in which `{0}` is the first ticket and so on.
    Ask(&'static str, Expected),
    /// A request, with a ticket that is made of the others.
    Forge(&'static str, fn(&[String]) -> String, Expected),
}
use Do::{Ask, Forge, Issue, Wait};

/// Tickets before, while and after they are good.
const ROWS: &[(&str, &[Do])] = &[
    ("once", &[Issue("/events", "alice"), Ask("GET /events?ticket={0}", Sees("alice"))]),
    (
        "beside other parameters",
        &[Issue("/events", "alice"), Ask("GET /events?a=b&ticket={0}&c", Sees("alice ?a=b&c"))],
    ),
    ("none", &[Ask("GET /events", NoCredentials)]),
    ("none, where none is needed", &[Ask("GET /optional?a=b", Anonymous)]),
    (
        "replayed",
        &[
            Issue("/events", "alice"),
            Ask("GET /events?ticket={0}", Admitted),
            Ask("GET /events?ticket={0}", STALE),
            Ask("GET /optional?ticket={0}", STALE),
        ],
    ),
    (
        "two of one identity",
        &[
            Issue("/events", "alice"),
            Issue("/events", "alice"),
            Ask("GET /events?ticket={1}", Admitted),
            Ask("GET /events?ticket={0}", Admitted),
        ],
    ),
    ("of bob", &[Issue("/events", "bob"), Ask("GET /events?ticket={0}", Sees("bob"))]),
    ("at the last second", &[Issue("/events", "alice"), Wait(29), Ask("GET /events?ticket={0}", Admitted)]),
    ("at its end", &[Issue("/events", "alice"), Wait(30), Ask("GET /events?ticket={0}", STALE)]),
    ("long after", &[Issue("/events", "alice"), Wait(90), Ask("GET /events?ticket={0}", STALE)]),
    (
        "replayed at its last second",
        &[
            Issue("/events", "alice"),
            Ask("GET /events?ticket={0}", Admitted),
            Wait(29),
            Ask("GET /events?ticket={0}", STALE),
        ],
    ),
    ("across a restart", &[Issue("/events", "alice"), Ask("GET /restarted?ticket={0}", STALE)]),
    (
        "of two that share a secret and a store",
        &[
            Issue("/one", "alice"),
            Ask("GET /two?ticket={0}", Admitted),
            Ask("GET /one?ticket={0}", STALE),
            Ask("GET /two?ticket={0}", STALE),
        ],
    ),
    (
        "of another resource with the same secret",
        &[Issue("/one", "alice"), Ask("GET /elsewhere?ticket={0}", STALE)],
    ),
    ("back from there", &[Issue("/elsewhere", "alice"), Ask("GET /one?ticket={0}", STALE)]),
    (
        "of a shorter life",
        &[
            Issue("/short", "alice"),
            Wait(5),
            Ask("GET /short?ticket={0}", STALE),
            Ask("GET /one?ticket={0}", STALE),
        ],
    ),
    (
        "spent by a layer before a guard refuses",
        &[
            Issue("/events", "alice"),
            Ask("GET /behind?ticket={0}", MissingScope),
            Ask("GET /behind?ticket={0}", STALE),
        ],
    ),
    (
        "not spent by a guard that refuses",
        &[
            Issue("/events", "alice"),
            Ask("GET /scoped?ticket={0}", MissingScope),
            Ask("GET /events?ticket={0}", Admitted),
        ],
    ),
    (
        "at a guard",
        &[
            Issue("/events", "reader"),
            Ask("GET /scoped?ticket={0}", Sees("alice")),
            Ask("GET /scoped?ticket={0}", STALE_THERE),
        ],
    ),
    (
        "at a guard behind a layer",
        &[
            Issue("/events", "reader"),
            Ask("GET /behind?ticket={0}", Sees("alice")),
            Ask("GET /behind?ticket={0}", STALE),
        ],
    ),
    (
        "beside a token of another identity",
        &[
            Issue("/events", "alice"),
            Ask(
                "GET /events?ticket={0}\nAuthorization: Bearer {bob}",
                BadRequest("the request has tokens in several places"),
            ),
            Ask("GET /events?ticket={0}", Admitted),
        ],
    ),
    (
        "beside the token of its own",
        &[
            Issue("/events", "alice"),
            Ask(
                "GET /events?ticket={0}\nAuthorization: Bearer {alice}",
                BadRequest("the request has tokens in several places"),
            ),
        ],
    ),
    (
        "twice",
        &[
            Issue("/events", "alice"),
            Ask(
                "GET /events?ticket={0}&ticket={0}",
                BadRequest("the query has several parameters of the token"),
            ),
            Ask(
                "GET /events?ticket={0}&%74icket={0}",
                BadRequest("the query has several parameters of the token"),
            ),
        ],
    ),
    ("empty", &[Ask("GET /events?ticket=", BadRequest("the query parameter of the token is malformed"))]),
    ("a word", &[Ask("GET /events?ticket=word", STALE)]),
    ("a word where none is needed", &[Ask("GET /optional?ticket=word", STALE)]),
    ("a token in place of a ticket", &[Ask("GET /events?ticket={alice}", STALE)]),
    (
        "a ticket in place of a token",
        &[
            Issue("/events", "alice"),
            Ask("GET /events\nAuthorization: Bearer {0}", BadToken("a signed token has exactly three parts")),
        ],
    ),
    ("in a cookie", &[Issue("/events", "alice"), Ask("GET /events\nCookie: ticket={0}", NoCredentials)]),
    (
        "the end of its life set later",
        &[Issue("/events", "alice"), Forge("GET /events?ticket=", |all| replaced(&all[0], 3, 'A'), STALE)],
    ),
    (
        "another byte in the middle",
        &[
            Issue("/events", "alice"),
            Forge("GET /events?ticket=", |all| changed(&all[0], all[0].len() / 2), STALE),
        ],
    ),
    (
        "another byte in the tag",
        &[
            Issue("/events", "alice"),
            Forge("GET /events?ticket=", |all| changed(&all[0], all[0].len() - 4), STALE),
        ],
    ),
    (
        "the beginning of one and the rest of another",
        &[
            Issue("/events", "alice"),
            Issue("/events", "bob"),
            Forge("GET /events?ticket=", |all| format!("{}{}", &all[0][..28], &all[1][28..]), STALE),
            Forge("GET /events?ticket=", |all| format!("{}{}", &all[1][..100], &all[0][100..]), STALE),
            Ask("GET /events?ticket={0}", Sees("alice")),
        ],
    ),
    (
        "cut short",
        &[
            Issue("/events", "alice"),
            Forge("GET /events?ticket=", |all| all[0][..all[0].len() - 4].to_owned(), STALE),
            Forge("GET /events?ticket=", |all| all[0][..20].to_owned(), STALE),
        ],
    ),
    (
        "something behind it",
        &[
            Issue("/events", "alice"),
            Ask("GET /events?ticket={0}AAAA", STALE),
            Ask("GET /events?ticket={0}=", STALE),
            Ask("GET /events?ticket={0}%20", STALE),
            Ask("GET /events?ticket={0}", Admitted),
        ],
    ),
    ("very long", &[Forge("GET /events?ticket=", |_| "A".repeat(20_000), STALE)]),
    ("no space to spend it", &[Issue("/full", "alice"), Ask("GET /full?ticket={0}", Unavailable)]),
    ("no store to spend it in", &[Issue("/gone", "alice"), Ask("GET /gone?ticket={0}", Unavailable)]),
    ("spent elsewhere", &[Issue("/again", "alice"), Ask("GET /again?ticket={0}", STALE)]),
    (
        "with a body of its own",
        &[Issue("/events", "alice"), Ask("POST /events?ticket={0}\nSec-Fetch-Site: cross-site", Admitted)],
    ),
    (
        "for a WebSocket of a page",
        &[
            Issue("/events", "alice"),
            Ask(
                "GET /events?ticket={0}\nConnection: close, Upgrade\nUpgrade: websocket\nOrigin: https://app.test",
                Sees("alice"),
            ),
        ],
    ),
];

fn replaced(text: &str, at: usize, with: char) -> String {
    format!("{}{with}{}", &text[..at], &text[at + 1..])
}

fn changed(text: &str, at: usize) -> String {
    replaced(text, at, if text.as_bytes()[at] == b'x' { 'y' } else { 'x' })
}

#[tokio::test]
async fn promise_13_a_ticket_is_good_once_for_one_server_and_for_seconds() {
    let mut failures = Vec::new();
    for (name, steps) in ROWS {
        let bench = Bench::open().await;
        let token = |subject| bench.issuer.access_token(subject).mint().unwrap();
        let mut tickets = Vec::new();
        for step in *steps {
            let (request, expected) = match *step {
                Issue(path, subject) => {
                    tickets.push(bench.issue(path, subject).await);
                    continue;
                }
                Wait(seconds) => {
                    bench.clock.advance(Duration::from_secs(seconds));
                    continue;
                }
                Ask(request, expected) => (request.to_owned(), expected),
                Forge(request, ticket, expected) => (format!("{request}{}", ticket(&tickets)), expected),
            };
            let mut request = request.replace("{alice}", &token("alice")).replace("{bob}", &token("bob"));
            for (n, ticket) in tickets.iter().enumerate() {
                request = request.replace(&format!("{{{n}}}"), ticket);
            }
            let answer = send(bench.address, &request).await;
            failures.extend(compare(&answer, expected).err().map(|problem| format!("{name}: {problem}")));
        }
    }
    assert!(ROWS.len() >= 40 && failures.is_empty(), "{} rows; {}", ROWS.len(), failures.join("\n\n"));
}

#[tokio::test]
async fn promise_13_of_many_at_once_one_is_admitted() {
    for path in ["/events", "/one"] {
        let bench = Bench::open().await;
        let request = format!("GET {path}?ticket={}", bench.issue(path, "alice").await);
        let asked = (0..50).map(|_| {
            let request = request.clone();
            tokio::spawn(async move { send(bench.address, &request).await })
        });
        let mut admitted = 0;
        for answer in Vec::from_iter(asked) {
            admitted += usize::from(answer.await.unwrap().starts_with("HTTP/1.1 200"));
        }
        assert_eq!(admitted, 1, "{path}");
    }
}

#[tokio::test]
async fn promise_6_what_ends_a_token_ends_its_ticket() {
    // The token ends within the life of the ticket; it is accepted a minute longer.
    let bench = Bench::open().await;
    let events = bench.server("/events");
    let token = |expires: u64| {
        let token = bench
            .issuer
            .access_token("alice")
            .expires_at(bench.issuer.now().saturating_add(Duration::from_secs(expires)));
        token.mint().unwrap()
    };
    let identity = events.verify_access_token(&token(10)).await.unwrap();
    bench.clock.advance(Duration::from_secs(60));
    let ticket = events.issue_ticket(&identity).unwrap();
    bench.clock.advance(Duration::from_secs(10));
    let answer = send(bench.address, &format!("GET /events?ticket={ticket}")).await;
    assert_eq!(compare(&answer, BadToken("the token has expired")), Ok(()));
    assert_eq!(events.issue_ticket(&identity), Err(TicketError::Expired));

    // Its key is withdrawn.
    let ticket = bench.issue("/events", "alice").await;
    let kid = bench.issuer.jwks()["keys"][0]["kid"].as_str().unwrap().to_owned();
    assert!(events.revoke_key(bench.issuer.issuer(), &kid).is_ok());
    let answer = send(bench.address, &format!("GET /events?ticket={ticket}")).await;
    assert_eq!(compare(&answer, BadToken("the token was signed by an unknown key")), Ok(()));
}

#[tokio::test]
async fn a_ticket_holds_both_tokens_of_a_request() {
    let bench = Bench::open().await;
    let server = bench.server("/pair");
    let access = bench.issuer.access_token("alice").mint().unwrap();
    let request = http::Request::get("/pair")
        .header("authorization", format!("Bearer {access}"))
        .header("x-id-token", bench.issuer.id_token("alice").for_access_token(&access).mint().unwrap());
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let identity = server.authenticate(&parts).await.unwrap().identity().unwrap().clone();
    let ticket = server.issue_ticket(&identity).unwrap();
    let beside = http::Request::get(format!("/pair?ticket={ticket}")).header("x-id-token", "a.b.c");
    let (parts, ()) = beside.body(()).unwrap().into_parts();
    let refused = server.authenticate(&parts).await.unwrap_err();
    assert_eq!(refused.status(), 400, "an ID token beside a ticket would not be looked at");
    let (parts, ()) = http::Request::get(format!("/pair?ticket={ticket}")).body(()).unwrap().into_parts();
    let found = server.authenticate(&parts).await.unwrap().identity().unwrap().clone();
    assert_eq!(found.id_token().map(|id| id.subject()), Some("alice"));
    assert!(server.authenticate(&parts).await.is_err(), "it is spent by hand, too");
    let shown = (found.raw_access_token(), found.raw_id_token());
    assert_eq!(shown, (None, None), "the server was not asked to retain tokens");
}

#[tokio::test]
async fn what_has_no_ticket_is_told_why() {
    let bench = Bench::open().await;
    let events = bench.server("/events");
    let token =
        |extra: usize| bench.issuer.access_token("alice").claim("extra", "x".repeat(extra)).mint().unwrap();
    let identity = events.verify_access_token(&token(1)).await.unwrap();
    let large = events.verify_access_token(&token(5_000)).await.unwrap();
    let fitting = events.verify_access_token(&token(3_000)).await.unwrap();
    assert!(events.issue_ticket(&fitting).unwrap().len() < 7_500, "it fits into a request line");
    let plain = server(&bench.issuer).build().unwrap();
    let unsealed = plain.verify_access_token(&token(1)).await.unwrap();
    let pair = bench.server("/pair");
    let id = bench.issuer.id_token("alice").mint().unwrap();
    let lone = pair.verify_id_token(&id, IdTokenExpectations::new()).await.unwrap();
    let nonces = Nonces::new().unwrap();
    let keys = KeySet::from_jwks(bench.issuer.jwks().to_string().as_bytes()).unwrap();
    let profile = TokenProfile::jwt().spends_nonce("nce");
    let spending = ResourceServer::builder(bench.issuer.audience())
        .issuer(TrustedIssuer::with_keys(bench.issuer.issuer(), keys, profile))
        .nonces(nonces.clone())
        .clock(bench.clock.clone())
        .token_location(TokenLocation::ticket("ticket"))
        .build()
        .unwrap();
    let nonce = nonces.issue(bench.issuer.now()).unwrap();
    let once = bench.issuer.access_token("alice").claim("nce", nonce).mint().unwrap();
    let once = spending.verify_access_token(&once).await.unwrap();
    for (name, server, identity, expected) in [
        ("a good one", events, &identity, None),
        ("another server", bench.server("/restarted"), &identity, Some(TicketError::ForeignIdentity)),
        ("a server without tickets", &plain, &unsealed, Some(TicketError::NotTaken)),
        ("a large token", events, &large, Some(TicketError::TooLarge)),
        ("an ID token by itself", pair, &lone, Some(TicketError::NoToken)),
        ("a token that counts once", &spending, &once, Some(TicketError::CountsOnce)),
    ] {
        assert_eq!(server.issue_ticket(identity).err(), expected, "{name}");
    }
}

#[test]
fn a_ticket_says_nothing_and_neither_does_its_maker() {
    let shown = format!("{:?}", Tickets::with_secret(&SECRET).unwrap());
    assert_eq!(shown, "Tickets { lifetime: 30s, .. }");
    let forever = Tickets::new().unwrap().lifetime(Duration::from_secs(86_400));
    assert_eq!(format!("{forever:?}"), "Tickets { lifetime: 300s, .. }", "a day is too long in an address");
    for (name, secret) in [("short", &SECRET[..31]), ("a pattern", &[7; 32][..])] {
        assert!(Tickets::with_secret(secret).is_err(), "{name}");
    }
}

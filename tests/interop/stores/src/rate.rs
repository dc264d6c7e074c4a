//! What the layer costs a service whose requests are each spent in Valkey: requests a second behind it, beside those
//! of a service that does the round trip alone. And that it is one.
//!
//! A request with a ticket costs the layer little beside the round trip. One with a DPoP proof costs the check of a
//! signature, which takes longer than the round trip on loopback does: beside a service that checks the signature, too,
//! one sees what the layer takes, and beside the round trip alone what DPoP takes.

use std::{
    convert::Infallible,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use tower::{Layer as _, ServiceExt as _, service_fn, util::BoxCloneService};
use tower_resource_server::{
    Dpop, ResourceServer, ResourceServerBuilder,
    http::TokenLocation,
    keys::{Algorithm, VerifyingKey},
    store::{
        Life, SpentStore as _, Tickets,
        redis::{DEFAULT_REDIS_IN_FLIGHT, RedisSettings, RedisStore},
    },
    test_util::{DpopKey, TestIssuer},
    time::{Clock as _, SystemClock},
};

use crate::{
    check,
    server::{Kind, Server},
};

const URL: &str = "https://api.test/orders";
/// What the layer must leave of the requests that the round trip alone makes possible.
const MUST: f64 = 0.7;
const ROUNDS: usize = 15;
/// How many requests there are at once, and how many in a round.
const LOADS: [(usize, usize); 2] = [(32, 4_000), (1, 1_000)];
/// How long an id is held: what a proof is, about.
const LIFE: Duration = Duration::from_secs(180);
/// How long a request may wait: a machine that does much else makes no figure less.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long it takes until a store looks at its server again, at the least.
const LOOK_EVERY: Duration = Duration::from_millis(150);

type Service = BoxCloneService<Request<()>, Response<()>, Infallible>;

/// The number of a request.
#[derive(Clone, Copy)]
struct Number(u64);

/// A client with a token that is bound to its key, and the store of the server that takes it.
struct Client {
    url: String,
    store: RedisStore,
    issuer: TestIssuer,
    key: DpopKey,
    token: String,
    next: AtomicU64,
}

impl Client {
    async fn of(server: &Server) -> Self {
        let url = format!("redis://127.0.0.1:{}", server.port);
        let settings = RedisSettings::from_url(&url).expect("a URL").deadline(DEADLINE);
        let store = settings.build().expect("settings");
        store.ready().await;
        let (issuer, key) = (TestIssuer::new(), DpopKey::new());
        issuer.clock().set_unix(SystemClock.unix());
        let token = issuer.access_token("alice").bound_to_key(key.thumbprint()).mint().expect("a token");
        Self { url, store, issuer, key, token, next: AtomicU64::new(0) }
    }

    /// So many requests, each with a proof that was made now.
    fn requests(&self, count: usize) -> Vec<Request<()>> {
        let now = SystemClock.unix();
        let request = |_| {
            let mut request = Request::get(URL).body(()).expect("a request");
            self.key.proof("GET", URL, &self.token, now).send(request.headers_mut());
            request.extensions_mut().insert(Number(self.next.fetch_add(1, Ordering::Relaxed)));
            request
        };
        (0..count).map(request).collect()
    }

    fn api(&self) -> ResourceServerBuilder {
        ResourceServer::builder(self.issuer.audience()).issuer(self.issuer.trusted())
    }

    /// The layer, in front of a service that does nothing.
    fn layered(&self) -> Service {
        let dpop = Dpop::required().store(self.store.clone());
        in_front_of_nothing(&self.api().dpop(dpop).build().expect("a server"))
    }

    /// A server that takes tickets.
    fn ticketed(&self) -> ResourceServer {
        let tickets = Tickets::new().expect("randomness").store(self.store.clone());
        let api = self.api().token_location(TokenLocation::ticket("ticket"));
        let api = api.token_location(TokenLocation::authorization()).tickets(tickets);
        api.build().expect("a server")
    }

    /// So many requests, each with a ticket that was made now.
    fn with_tickets(&self, api: &ResourceServer, count: usize) -> Vec<Request<()>> {
        let token = self.issuer.access_token("alice").mint().expect("a token");
        let identity = api.verify_now(&token).expect("an identity");
        let request = |_| {
            let ticket = api.issue_ticket(&identity).expect("a ticket");
            Request::get(format!("{URL}?ticket={ticket}")).body(()).expect("a request")
        };
        (0..count).map(request).collect()
    }

    /// `SET NX PX` by the client that the store is made of, with the same settings, and nothing else.
    async fn setting(&self) -> Service {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(DEFAULT_REDIS_IN_FLIGHT);
        let client = redis::Client::open(&*self.url).expect("a URL");
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        let connection: MultiplexedConnection = connection.expect("a connection");
        BoxCloneService::new(service_fn(move |request: Request<()>| {
            let mut connection = connection.clone();
            async move {
                let mut set = redis::cmd("SET");
                set.arg(format!("alone:{}", number(&request))).arg("");
                set.arg("NX").arg("PX").arg(LIFE.as_millis() as u64);
                let answer: redis::RedisResult<String> = set.query_async(&mut connection).await;
                Ok(answered(answer.is_ok()))
            }
        }))
    }

    /// The round trip of the store, and nothing else.
    fn spending(&self) -> Service {
        let (store, owner) = (self.store.clone(), self.key.thumbprint());
        BoxCloneService::new(service_fn(move |request: Request<()>| {
            let id = format!("alone:{}", number(&request));
            let issued = SystemClock.unix();
            let life = Life { issued, until: issued.saturating_add(LIFE) };
            let spending = store.spend_of(owner.as_bytes(), id.as_bytes(), life, issued);
            async move { Ok(answered(spending.wait().await.is_ok())) }
        }))
    }

    /// The check of the signature of the proof, then the round trip of the store.
    fn checking(&self) -> Service {
        let jwk = self.key.signing_key().public_jwk().expect("a public key").to_string();
        let key = VerifyingKey::from_jwk(&jwk).expect("a key");
        let spending = self.spending();
        BoxCloneService::new(service_fn(move |request: Request<()>| {
            let proof = request.headers()["dpop"].as_bytes();
            let at = proof.iter().rposition(|byte| *byte == b'.').expect("a proof");
            let signature =
                base64_simd::URL_SAFE_NO_PAD.decode_to_vec(&proof[at + 1..]).expect("a signature");
            let good = key.verify(Algorithm::ES256, &proof[..at], &signature).is_ok();
            assert!(good, "a proof does not verify");
            spending.clone().oneshot(request)
        }))
    }
}

fn in_front_of_nothing(api: &ResourceServer) -> Service {
    let nothing = service_fn(|_: Request<()>| async { Ok(Response::new(())) });
    BoxCloneService::new(api.layer().layer(nothing))
}

fn number(request: &Request<()>) -> u64 {
    request.extensions().get::<Number>().expect("a number").0
}

fn answered(good: bool) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response
}

/// Requests a second, so many at once. Every one of them passes.
async fn rate(service: &Service, requests: Vec<Request<()>>, at_once: usize) -> f64 {
    let count = requests.len();
    let mut shares: Vec<Vec<_>> = (0..at_once).map(|_| Vec::new()).collect();
    for (number, request) in requests.into_iter().enumerate() {
        shares[number % at_once].push(request);
    }
    let begin = SystemClock.monotonic();
    let tasks = shares.into_iter().map(|share| {
        let service = service.clone();
        tokio::spawn(async move {
            for request in share {
                let Ok(answer) = service.clone().oneshot(request).await;
                assert_eq!(answer.status(), StatusCode::OK, "a request is refused");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("every request passes");
    }
    count as f64 / (SystemClock.monotonic() - begin).as_secs_f64()
}

/// How often scripts were called, and how often commands were, theirs among them, by the server's own account.
async fn calls(server: &Server) -> [u64; 2] {
    let stats = server.ask(&["INFO", "commandstats"]).await.expect("an answer");
    let (mut scripts, mut commands) = (0, 0);
    for line in stats.lines() {
        let Some((name, rest)) = line.strip_prefix("cmdstat_").and_then(|line| line.split_once(":calls="))
        else {
            continue;
        };
        let calls: u64 = rest.split(',').next().and_then(|calls| calls.parse().ok()).expect("a number");
        match name {
            "info" => {}
            "evalsha" => (scripts, commands) = (scripts + calls, commands + calls),
            _ => commands += calls,
        }
    }
    [scripts, commands]
}

/// A request whose token is in the cache costs one round trip: one call of the script.
pub async fn one_round_trip(kind: &Kind) {
    const COUNT: u64 = 200;
    let server = Server::start(kind, &[]).await;
    let client = Client::of(&server).await;
    let layered = client.layered();
    rate(&layered, client.requests(1), 1).await;
    let requests = client.requests(COUNT as usize);
    let (begin, before) = (SystemClock.monotonic(), calls(&server).await);
    rate(&layered, requests, 1).await;
    let after = calls(&server).await;
    let [scripts, commands] = [after[0] - before[0], after[1] - before[1]];
    // The store looks at its server meanwhile.
    let looks = (SystemClock.monotonic() - begin).as_millis() / LOOK_EVERY.as_millis() + 2;
    let is_one = scripts >= COUNT && u128::from(scripts - COUNT) <= looks;
    // Each call reads the time and the epoch, and that of a request sets a key: nothing else is asked.
    let is_all = commands == 3 * scripts + COUNT;
    check(
        &format!("{}: a request costs one round trip", kind.name),
        is_one && is_all,
        format!("{scripts} scripts of {COUNT} requests, {commands} commands"),
    );
}

/// The figures of `--rate`.
pub async fn figures(kind: &Kind) -> ExitCode {
    let server = Server::start(kind, &[]).await;
    let client = Client::of(&server).await;
    let api = client.ticketed();
    let alone = [
        ("SET NX PX", client.setting().await),
        ("the script", client.spending()),
        ("the script, and a check of ES256", client.checking()),
    ];
    let behind = [("a ticket", in_front_of_nothing(&api)), ("DPoP", client.layered())];
    // What is behind the layer, what is alone, and whether the ratio is judged.
    let rows = [(0, 1, true), (0, 0, false), (1, 2, true), (1, 1, true), (1, 0, true)];
    let (mut asked, mut of, mut is_over) = (0, 0, false);
    println!("at once | behind the layer | req/s | alone | req/s | ratio | must");
    println!("--- | --- | --- | --- | --- | --- | ---");
    for (at_once, count) in LOADS {
        let mut rounds: Vec<([f64; 2], [f64; 3])> = Vec::new();
        // The first is not counted: it fills the caches.
        for round in 0..=ROUNDS {
            let mut rates = ([0.0; 2], [0.0; 3]);
            for (rate_of, (_, service)) in rates.1.iter_mut().zip(&alone) {
                *rate_of = rate(service, client.requests(count), at_once).await;
            }
            for (n, (_, service)) in behind.iter().enumerate() {
                let requests = if n == 0 { client.with_tickets(&api, count) } else { client.requests(count) };
                let [before, _] = calls(&server).await;
                rates.0[n] = rate(service, requests, at_once).await;
                let [after, _] = calls(&server).await;
                (asked, of) = (asked + after - before, of + count);
            }
            if round > 0 {
                rounds.push(rates);
            }
        }
        for (layer, service, is_judged) in rows {
            let ratio = median(rounds.iter().map(|(behind, alone)| behind[layer] / alone[service]));
            is_over |= is_judged && ratio < MUST;
            let verdict = match is_judged {
                false => "-".to_owned(),
                true => format!("{MUST} {}", if ratio < MUST { "over" } else { "ok" }),
            };
            let own = median(rounds.iter().map(|(behind, _)| behind[layer]));
            let other = median(rounds.iter().map(|(_, alone)| alone[service]));
            let (layer, service) = (behind[layer].0, alone[service].0);
            println!("{at_once} | {layer} | {own:.0} | {service} | {other:.0} | {ratio:.2} | {verdict}");
        }
    }
    println!("\nround trips a request behind the layer: {:.2}", asked as f64 / of as f64);
    if is_over { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = of.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

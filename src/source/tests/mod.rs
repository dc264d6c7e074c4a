//! The whole source against a scripted provider, on a clock that is moved by hand: no sockets, no
//! sleeps.

mod by_kid;
mod documents;
mod exchanged;
mod given;
mod lifetimes;
mod model;
mod model_schedule;
mod redirects;
mod requests;
mod tenants;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{AGE, CACHE_CONTROL, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER},
};
use tokio::{sync::watch, task::JoinHandle};

use super::{fetch::FetchResponse, permits::PermitPool, *};
use crate::{
    keys::KeySet,
    net::{Body, HttpClient, HttpError, HttpFuture, Limits, SourceUrl, UrlError},
    test_util::ManualClock,
    time::{Clock, Clocks, UnixTime},
    verify::Wanted,
};

const JWKS: &str = "https://login.example/jwks";

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What the provider does with a request for one URL.
#[derive(Clone)]
enum Answer {
    Document(FetchResponse),
    Responds(Response<Body>),
    Fails(HttpError),
    Hangs,
    Panics,
}

/// An issuer in memory.
struct Provider {
    answers: Mutex<HashMap<String, Answer>>,
    log: Mutex<Vec<(String, Option<HeaderValue>)>>,
    /// How large the answer to each request may be.
    bounds: Mutex<Vec<usize>>,
    /// While this is false, nothing is answered.
    open: watch::Sender<bool>,
}

impl Provider {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::default(),
            log: Mutex::default(),
            bounds: Mutex::default(),
            open: watch::Sender::new(true),
        })
    }

    fn set(&self, url: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(url.to_owned(), answer);
    }

    fn publish(&self, keys: &[(&str, u8)]) {
        self.set(JWKS, Answer::Document(FetchResponse::document(jwks(keys))));
    }

    fn fail(&self) {
        self.set(JWKS, Answer::Fails(HttpError::Connect));
    }

    fn fetches(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    fn fetches_of(&self, url: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|(asked, _)| asked == url).count()
    }

    fn last_etag(&self) -> Option<HeaderValue> {
        self.log.lock().unwrap().last().and_then(|(_, etag)| etag.clone())
    }
}

impl HttpClient for Provider {
    fn send(&self, request: Request<Body>, limits: Limits) -> HttpFuture<'_> {
        let (url, asked) = (request.uri().to_string(), request.headers().get(IF_NONE_MATCH).cloned());
        self.log.lock().unwrap().push((url.clone(), asked.clone()));
        self.bounds.lock().unwrap().push(limits.max_body());
        Box::pin(async move {
            let _ = self.open.subscribe().wait_for(|open| *open).await;
            let answer = self.answers.lock().unwrap().get(&url).cloned();
            match answer {
                Some(Answer::Document(response)) if asked.is_some() && asked == response.etag => {
                    Ok(FetchResponse { body: None, ..response }.into())
                }
                Some(Answer::Document(response)) => Ok(response.into()),
                Some(Answer::Responds(response)) => Ok(response),
                Some(Answer::Fails(error)) => Err(error),
                Some(Answer::Hangs) => std::future::pending().await,
                Some(Answer::Panics) => panic!("a client that panics"),
                None => Ok(status(404)),
            }
        })
    }
}

impl FetchResponse {
    fn document(body: impl Into<bytes::Bytes>) -> Self {
        Self { body: Some(body.into()), max_age: None, age: secs(0), etag: None }
    }

    fn not_modified() -> Self {
        Self { body: None, max_age: None, age: secs(0), etag: None }
    }
}

/// The response that is read as this one.
impl From<FetchResponse> for Response<Body> {
    fn from(read: FetchResponse) -> Self {
        let mut response = status(if read.body.is_some() { 200 } else { 304 });
        let headers = response.headers_mut();
        if let Some(max_age) = read.max_age {
            headers.insert(CACHE_CONTROL, format!("max-age={}", max_age.as_secs()).parse().unwrap());
        }
        headers.insert(AGE, read.age.as_secs().into());
        headers.extend(read.etag.map(|etag| (ETAG, etag)));
        *response.body_mut() = read.body.unwrap_or_default().into();
        response
    }
}

/// 503, and when to ask again.
fn busy(retry_after: u64) -> Response<Body> {
    let mut response = status(503);
    response.headers_mut().insert(RETRY_AFTER, retry_after.into());
    response
}

fn status(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A key set of Ed25519 keys: names, and a number each that stands for the key.
fn jwks(keys: &[(&str, u8)]) -> String {
    let keys = keys.iter().map(|(kid, n)| {
        let x = base64_simd::URL_SAFE_NO_PAD.encode_to_string([*n; 32]);
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#)
    });
    format!(r#"{{"keys":[{}]}}"#, keys.collect::<Vec<_>>().join(","))
}

/// So many permits to wait, all for one issuer.
fn pools(permits: usize) -> WaiterPools {
    let [configured, tenants, candidates] = [permits, 0, 0].map(|permits| PermitPool::new(permits, 1));
    WaiterPools { configured, tenants, candidates }
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Found,
    Lacks,
    Unavailable(u64),
}

/// A source, its provider and its clock.
#[derive(Clone)]
struct Bench {
    clock: ManualClock,
    provider: Arc<Provider>,
    keys: Arc<RemoteKeys>,
}

impl Bench {
    fn new() -> Self {
        Self::with(KeyLocation::Jwks(SourceUrl::parse(JWKS, false).unwrap()), pools(4096))
    }

    fn with(location: KeyLocation, pools: WaiterPools) -> Self {
        Self::with_settings(location, pools, RefreshSettings::default())
    }

    fn with_settings(location: KeyLocation, pools: WaiterPools, settings: RefreshSettings) -> Self {
        Self::with_given(location, pools, settings, KeySet::default())
    }

    fn with_given(
        location: KeyLocation,
        pools: WaiterPools,
        settings: RefreshSettings,
        given: KeySet,
    ) -> Self {
        let (clock, provider) = (ManualClock::default(), Provider::new());
        let keys = RemoteKeys::new(RemoteConfig {
            name: "https://login.example".into(),
            location,
            client: Arc::clone(&provider) as Arc<dyn HttpClient>,
            clock: Arc::new(clock.clone()),
            settings,
            given,
            pools,
            on_demand: None,
            jitter: || 0.5,
        });
        Self { clock, provider, keys }
    }

    /// A source that has loaded keys `a` and `b`.
    async fn loaded() -> Self {
        let bench = Self::new();
        bench.provider.publish(&[("a", 1), ("b", 2)]);
        bench.keys.ready().await.unwrap();
        bench
    }

    /// A request with a token of this key. What would wait for ever fails instead.
    async fn request(&self, kid: &str) -> Outcome {
        tokio::time::timeout(secs(60), self.look_up(kid)).await.expect("a request hangs")
    }

    /// As the modules above do it.
    async fn look_up(&self, kid: &str) -> Outcome {
        self.ask(Wanted::UnknownKey, |keys| keys.iter().any(|key| key.kid() == Some(kid))).await
    }

    /// A request with a token that names a key which is there, and that this key signed or another.
    async fn signed_by(&self, (kid, n): (&str, u8)) -> Outcome {
        let signed = KeySet::from_jwks(jwks(&[(kid, n)]).as_bytes()).unwrap();
        let look_up = self.ask(Wanted::ExchangedKey, |keys| signed.iter().all(|key| keys.holds(key)));
        tokio::time::timeout(secs(60), look_up).await.expect("a request hangs")
    }

    async fn ask(&self, wanted: Wanted, verifies: impl Fn(&KeySet) -> bool) -> Outcome {
        let arrived = self.clock.monotonic();
        loop {
            let snapshot = self.keys.snapshot(self.clocks()).map(|snapshot| Arc::clone(&snapshot.0));
            if snapshot.as_ref().is_some_and(|it| verifies(it.keys())) {
                return Outcome::Found;
            }
            let answer = match self.keys.need_key(arrived, snapshot.map(|it| it.generation()), wanted) {
                KeyAnswer::Wait(wait) => wait.await,
                answer => answer.map_wait(|_| panic!("it waited")),
            };
            match answer {
                KeyAnswer::TryAgain => {}
                KeyAnswer::Lacks => return Outcome::Lacks,
                KeyAnswer::Unavailable { retry_after } => {
                    return Outcome::Unavailable(retry_after.as_secs());
                }
            }
        }
    }

    fn spawn_requests(&self, count: usize, kid: &'static str) -> Vec<JoinHandle<Outcome>> {
        let request = |bench: Self| async move { bench.request(kid).await };
        (0..count).map(|_| tokio::spawn(request(self.clone()))).collect()
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        settle().await;
    }

    /// Lets `by` pass in steps short enough for everything due in between to happen when it is due.
    async fn pass(&self, by: Duration) {
        let end = self.clock.monotonic() + by;
        while self.clock.monotonic() < end {
            self.advance(secs(1).min(end - self.clock.monotonic())).await;
        }
    }

    fn clocks(&self) -> Clocks {
        Clocks::read(&self.clock)
    }

    fn state(&self) -> SourceState {
        self.keys.health().state
    }

    fn generation(&self) -> u64 {
        self.keys.health().generation
    }
}

/// Lets every task run until it waits.
async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

async fn outcomes(requests: Vec<JoinHandle<Outcome>>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for request in requests {
        outcomes.push(request.await.unwrap());
    }
    outcomes
}

//! The health of the keys, as a small JSON service for probes and people.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    marker::PhantomData,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Serialize;
use tower::Service;

use super::{ApiKeyStatus, ResourceServer};
use crate::{
    http::{Audience, document},
    source::IssuerHealth,
    time::UnixTime,
};

/// Answers `GET` and `HEAD`, whatever the path, with the health of each issuer's keys as JSON: 200
/// when tokens of every configured issuer can be verified, 503 when those of one cannot. A tenant
/// in trouble degrades the status and takes nothing away from the others.
///
/// Made by [`ResourceServer::health_service`]; what each state means and what to do about it is in
/// [`source::runbook`](crate::source::runbook).
///
/// | member | |
/// |---|---|
/// | `status` | `ok`; `degraded` (everything is verified, and an operator should look); `unavailable` |
/// | `issuers[]` | one for each issuer, tenants that are in use included |
/// | `.issuer`, `.state` | its name as configured, its [`SourceState`](crate::source::SourceState) |
/// | `.generation`, `.keys`, `.key_ids` | the key set in use |
/// | `.skipped`, `.skipped_because` | the entries of the issuer's document that are passed over; fixed phrases |
/// | `.age_seconds`, `.next_refresh_seconds` | absent when there is none |
/// | `.failures`, `.last_error` | in a row; a fixed phrase, never text of a response |
/// | `.fetches`, `.budget`, `.waiters` | see [`Health`](crate::source::Health) |
/// | `api_keys[]` | one for each [API key](crate::ApiKey), in the order of the configuration; absent when there is none |
/// | `.name`, `.state`, `.uses` | see [`ApiKeyStatus`](crate::ApiKeyStatus) |
/// | `.not_after` | in seconds since the epoch; absent when there is none |
/// | `unlisted_operations` | those that no requirement table lists; absent when there is none |
///
/// It shows no secret and no token, but which issuers a server trusts and how they do: serve it
/// where the probes are, not to the world. It starts nothing: a server that has seen no request is
/// `unavailable` until [`start`](ResourceServer::start) or the first one.
pub struct HealthService<B> {
    server: ResourceServer,
    body: PhantomData<fn() -> B>,
}

#[derive(Serialize)]
struct HealthDocument<'a> {
    status: &'static str,
    issuers: Vec<IssuerReport<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    api_keys: Vec<ApiKeyReport<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unlisted_operations: Vec<String>,
}

#[derive(Serialize)]
struct IssuerReport<'a> {
    issuer: &'a str,
    state: &'static str,
    generation: u64,
    keys: usize,
    key_ids: &'a [String],
    skipped: usize,
    skipped_because: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_refresh_seconds: Option<u64>,
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    fetches: u64,
    budget: u32,
    waiters: usize,
}

#[derive(Serialize)]
struct ApiKeyReport<'a> {
    name: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<u64>,
    uses: u64,
}

impl<'a> ApiKeyReport<'a> {
    fn new(ApiKeyStatus { name, state, not_after, uses }: &'a ApiKeyStatus) -> Self {
        let not_after = not_after.map(UnixTime::as_secs);
        Self { name, state: state.as_str(), not_after, uses: *uses }
    }
}

impl<'a> IssuerReport<'a> {
    fn new(IssuerHealth { issuer, keys: health, .. }: &'a IssuerHealth) -> Self {
        Self {
            issuer,
            state: health.state.as_str(),
            generation: health.generation,
            keys: health.keys,
            key_ids: &health.key_ids,
            skipped: health.skipped,
            skipped_because: health.skipped_because.iter().map(ToString::to_string).collect(),
            age_seconds: health.age.map(|age| age.as_secs()),
            next_refresh_seconds: health.next_refresh.map(|next| next.as_secs()),
            failures: health.failures,
            last_error: health.last_error.as_ref().map(ToString::to_string),
            fetches: health.fetches,
            budget: health.budget,
            waiters: health.waiters,
        }
    }
}

impl<B> HealthService<B> {
    pub(super) const fn new(server: ResourceServer) -> Self {
        Self { server, body: PhantomData }
    }

    /// The status, and the document.
    fn report(&self) -> (StatusCode, Bytes) {
        let health = self.server.health();
        // Tenants come and go, and one of them is no reason to take all the others away.
        let configured = health.iter().take(self.server.0.issuers.configured.len());
        let serves = { configured }.all(|issuer| issuer.keys.state.serves());
        let degraded = health.iter().any(|issuer| issuer.keys.is_degraded());
        let (code, status) = match (serves, degraded) {
            (true, false) => (StatusCode::OK, "ok"),
            (true, true) => (StatusCode::OK, "degraded"),
            (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let issuers = health.iter().map(IssuerReport::new).collect();
        let unlisted_operations = self.server.unlisted_operations();
        let api_keys = self.server.api_keys();
        let api_keys = api_keys.iter().map(ApiKeyReport::new).collect();
        match serde_json::to_vec(&HealthDocument { status, issuers, api_keys, unlisted_operations }) {
            Ok(json) => (code, json.into()),
            // Strings and numbers always become JSON.
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
        }
    }
}

impl<B> Clone for HealthService<B> {
    fn clone(&self) -> Self {
        Self::new(self.server.clone())
    }
}

impl<B> fmt::Debug for HealthService<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthService").field("server", &self.server).finish()
    }
}

impl<R, B: From<Bytes>> Service<Request<R>> for HealthService<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        ready(Ok(document(request.method(), request.headers(), Audience::Near, || self.report())))
    }
}

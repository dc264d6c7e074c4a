//! A configuration that is exchanged while requests come.
//!
//! A request is decided under one configuration: its layer takes the current one, once, and puts it into the
//! request's extensions, so that guards behind it take the same. Servers that are not reloaded have no part in
//! this: their layers are those of [`ResourceServer`].

use std::{
    convert::Infallible,
    fmt,
    future::Ready,
    marker::PhantomData,
    mem,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use http::{Extensions, Request, Response};
use tower::{Layer, Service};

use super::{Configured, ServerConfig, build, fetching::Clients};
use crate::{
    ResourceServer, ResourceServerBuilder,
    error::ConfigError,
    http::{AsServer, FromRefusal, Reject},
    middleware::{AuthLayer, AuthService, InnerService, ResponseFuture},
    policy::Requirement,
};

/// A server whose configuration is exchanged while requests come. A cheap handle.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, routing::get};
/// use tower_resource_server::config::{ReloadableServer, Settings};
///
/// # let text = r#"
/// #     resource = "https://api.example"
/// #     [[issuers]]
/// #     issuer = "https://login.example"
/// #     profile = "rfc9068"
/// # "#;
/// let read = |text: &str| -> Result<_, Box<dyn std::error::Error>> {
///     Ok(toml::from_str::<Settings>(text)?.resolve()?)
/// };
/// let api = ReloadableServer::new(&read(text)?)?;
/// let app: Router = Router::new()
///     .route("/orders", get(|| async { "orders" }))
///     .layer(api.layer())
///     .route_service("/.well-known/{*path}", api.metadata_service::<axum::body::Body>());
///
/// // On SIGHUP, for example. When it fails, everything stays as it is.
/// if let Err(error) = read(text).and_then(|config| Ok(api.reload(&config)?)) {
///     eprintln!("{error}");
/// }
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ReloadableServer(Arc<Shared>);

type And = dyn Fn(ResourceServerBuilder) -> ResourceServerBuilder + Send + Sync;

struct Shared {
    current: ArcSwap<Snapshot>,
    /// One reload at a time.
    reloading: Mutex<()>,
    and: Box<And>,
    places: Mutex<Vec<Weak<dyn Forget>>>,
}

/// One configuration, in force for as long as a request is decided under it.
struct Snapshot {
    configured: Configured,
    clients: Clients,
}

impl ReloadableServer {
    /// Begins with this configuration.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work.
    pub fn new(config: &ServerConfig) -> Result<Self, ConfigError> {
        Self::with(config, |server| server)
    }

    /// Begins with this configuration and what no file can say: a clock, a store. The same is added with each
    /// reload.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work.
    pub fn with(
        config: &ServerConfig,
        and: impl Fn(ResourceServerBuilder) -> ResourceServerBuilder + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        let first = Snapshot::new(config, Clients::default(), None, &and)?;
        Ok(Self(Arc::new(Shared {
            current: ArcSwap::from_pointee(first),
            reloading: Mutex::default(),
            and: Box::new(and),
            places: Mutex::default(),
        })))
    }

    /// Puts a configuration in the place of the current one, at once for every request that comes from then on.
    /// Requests that are being decided are decided under the old one.
    ///
    /// Files that the configuration names are read again. Keys stay where their issuer is fetched from the same
    /// place in the same way, or was given the same keys; keys that were
    /// [revoked](ResourceServer::revoke_key) stay revoked, and nonces and tickets that were spent stay spent. An issuer whose
    /// source is another begins to fetch now, and requests wait for it as they do when a program starts. Tokens
    /// are verified anew, each once.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that cannot work; it is logged, too. Then nothing changes.
    pub fn reload(&self, config: &ServerConfig) -> Result<(), ConfigError> {
        let shared = &self.0;
        let _one = shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = shared.current.load_full();
        let clients = old.clients.handed_on();
        let new = Snapshot::new(config, clients, Some(old.configured.server()), &*shared.and);
        let new = new.inspect_err(|error| {
            tracing::warn!(%error, "the new configuration cannot work; the old one stays in force");
        })?;
        let server = new.configured.server().clone();
        // Outside a runtime, the first request begins to fetch.
        let _ = server.start();
        shared.current.store(Arc::new(new));
        let mut places = shared.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|place| place.upgrade().is_some_and(|place| place.forget()));
        tracing::info!(resource = server.resource(), "a new configuration is in force");
        Ok(())
    }

    /// What is in force now. Ask again after a reload: only [`revoke_key`](ResourceServer::revoke_key),
    /// [`replace_keys`](ResourceServer::replace_keys), [`replace_api_keys`](ResourceServer::replace_api_keys) and
    /// [`refresh_now`](ResourceServer::refresh_now) reach what is in force then from a server of before, too.
    #[must_use]
    pub fn current(&self) -> Configured {
        self.0.current.load().configured.clone()
    }

    /// The layer that the current configuration describes, whatever that is: see [`Configured::layer`].
    pub fn layer(&self) -> ReloadableLayer {
        self.layer_by(Configured::layer)
    }

    /// The layer that `make` makes of each configuration: to say what answers look like, for example.
    ///
    /// ```
    /// # fn app(api: &tower_resource_server::config::ReloadableServer) {
    /// use tower_resource_server::http::Json;
    ///
    /// let layer = api.layer_by(|configured| configured.layer().reject_with(Json));
    /// # let _ = layer;
    /// # }
    /// ```
    pub fn layer_by<R: Reject>(
        &self,
        make: impl Fn(&Configured) -> AuthLayer<R> + Send + Sync + 'static,
    ) -> ReloadableLayer<R> {
        ReloadableLayer::new(self, false, make)
    }

    /// The layer of one route, complete by itself, as [`ResourceServer::guard`]. Behind the
    /// [layer](Self::layer), it is decided under the same configuration.
    pub fn guard(&self, requirement: Requirement) -> ReloadableLayer {
        self.guard_by(move |configured| configured.server().guard(requirement.clone()))
    }

    /// The [guard](Self::guard) that `make` makes of each configuration.
    pub fn guard_by<R: Reject>(
        &self,
        make: impl Fn(&Configured) -> AuthLayer<R> + Send + Sync + 'static,
    ) -> ReloadableLayer<R> {
        ReloadableLayer::new(self, true, make)
    }

    /// The protected resource metadata (RFC 9728) of the current configuration, at its well-known path.
    #[must_use]
    pub fn metadata_service<B: From<Bytes>>(&self) -> ReloadableDocument<B> {
        ReloadableDocument { server: self.clone(), is_health: false, body: PhantomData }
    }

    /// How the keys of the current configuration are doing, as [`ResourceServer::health_service`].
    #[must_use]
    pub fn health_service<B: From<Bytes>>(&self) -> ReloadableDocument<B> {
        ReloadableDocument { server: self.clone(), is_health: true, body: PhantomData }
    }

    /// The configuration that a request is decided under.
    fn of(&self, extensions: &Extensions) -> Option<Arc<Snapshot>> {
        let InForce { of, snapshot } = extensions.get()?;
        Arc::ptr_eq(of, &self.0).then(|| Arc::clone(snapshot))
    }
}

impl fmt::Debug for ReloadableServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReloadableServer").field(self.0.current.load().configured.server()).finish()
    }
}

impl Snapshot {
    fn new(
        config: &ServerConfig,
        mut clients: Clients,
        previous: Option<&ResourceServer>,
        and: &And,
    ) -> Result<Self, ConfigError> {
        let configured = build::build(&config.root, &config.path, &mut clients, previous, and)?;
        Ok(Self { configured, clients })
    }
}

/// In the extensions of a request: what it is decided under.
#[derive(Clone)]
struct InForce {
    of: Arc<Shared>,
    snapshot: Arc<Snapshot>,
}

/// What holds on to a configuration that may be an old one.
trait Forget: Send + Sync {
    /// Lets go; always true, since it is there.
    fn forget(&self) -> bool;
}

/// Makes what decides of a configuration.
type Make<R> = dyn Fn(&Configured) -> AuthLayer<R> + Send + Sync;

/// A place where requests are decided: the layer, or the guard of a route.
struct Place<R> {
    is_guard: bool,
    make: Box<Make<R>>,
    /// What was made of the last configuration that came by.
    made: ArcSwapOption<Made<R>>,
}

struct Made<R> {
    of: Arc<Snapshot>,
    service: AuthService<(), R>,
}

impl<R: Send + Sync> Forget for Place<R> {
    fn forget(&self) -> bool {
        self.made.store(None);
        true
    }
}

impl<R: Reject> Place<R> {
    /// What decides here under a configuration, which is kept while that is the current one.
    fn under(&self, snapshot: &Arc<Snapshot>, current: &ArcSwap<Snapshot>) -> AuthService<(), R> {
        let known = self.made.load();
        if let Some(made) = known.as_ref().filter(|made| Arc::ptr_eq(&made.of, snapshot)) {
            return made.service.clone();
        }
        let service = (self.make)(&snapshot.configured).layer(());
        if Arc::ptr_eq(snapshot, &current.load()) {
            self.made.store(Some(Arc::new(Made { of: Arc::clone(snapshot), service: service.clone() })));
        }
        service
    }
}

/// A layer or guard of a [`ReloadableServer`].
#[must_use]
pub struct ReloadableLayer<R = AsServer> {
    server: ReloadableServer,
    place: Arc<Place<R>>,
}

impl<R: Reject> ReloadableLayer<R> {
    fn new(
        server: &ReloadableServer,
        is_guard: bool,
        make: impl Fn(&Configured) -> AuthLayer<R> + Send + Sync + 'static,
    ) -> Self {
        let place = Arc::new(Place { is_guard, make: Box::new(make), made: ArcSwapOption::empty() });
        let known = Arc::downgrade(&place);
        server.0.places.lock().unwrap_or_else(PoisonError::into_inner).push(known);
        // What the current configuration requires here is in its metadata before a request comes.
        place.under(&server.0.current.load_full(), &server.0.current);
        Self { server: server.clone(), place }
    }
}

impl<R> Clone for ReloadableLayer<R> {
    fn clone(&self) -> Self {
        Self { server: self.server.clone(), place: Arc::clone(&self.place) }
    }
}

impl<R> fmt::Debug for ReloadableLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReloadableLayer").field(&self.server).finish()
    }
}

impl<S, R> Layer<S> for ReloadableLayer<R> {
    type Service = ReloadableService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        ReloadableService { inner, server: self.server.clone(), place: Arc::clone(&self.place) }
    }
}

/// Authenticates requests in front of `S` under the configuration that is in force when they come; made by
/// [`ReloadableLayer`].
pub struct ReloadableService<S, R = AsServer> {
    inner: S,
    server: ReloadableServer,
    place: Arc<Place<R>>,
}

impl<S: Clone, R> Clone for ReloadableService<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), server: self.server.clone(), place: Arc::clone(&self.place) }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for ReloadableService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadableService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, R, B, T> Service<Request<B>> for ReloadableService<S, R>
where
    S: Service<Request<B>, Response = Response<T>> + InnerService,
    R: Reject,
    T: FromRefusal<R::Body>,
{
    type Response = Response<T>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // A guard is decided as the layer before it was; a layer takes what is in force.
        let before = if self.place.is_guard { self.server.of(request.extensions()) } else { None };
        let snapshot = before.unwrap_or_else(|| {
            let snapshot = self.server.0.current.load_full();
            let of = Arc::clone(&self.server.0);
            request.extensions_mut().insert(InForce { of, snapshot: Arc::clone(&snapshot) });
            snapshot
        });
        // The very service that said it is ready.
        let fresh = self.inner.clone();
        let ready = mem::replace(&mut self.inner, fresh);
        self.place.under(&snapshot, &self.server.0.current).around(ready).call(request)
    }
}

/// A document of whatever configuration is in force; made by [`ReloadableServer::metadata_service`] and
/// [`ReloadableServer::health_service`].
pub struct ReloadableDocument<B> {
    server: ReloadableServer,
    is_health: bool,
    body: PhantomData<fn() -> B>,
}

impl<B> Clone for ReloadableDocument<B> {
    fn clone(&self) -> Self {
        Self { server: self.server.clone(), is_health: self.is_health, body: PhantomData }
    }
}

impl<B> fmt::Debug for ReloadableDocument<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReloadableDocument").field(&self.server).finish()
    }
}

impl<R, B: From<Bytes>> Service<Request<R>> for ReloadableDocument<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let current = self.server.current();
        if self.is_health {
            current.server().health_service().call(request)
        } else {
            current.server().metadata_service().call(request)
        }
    }
}

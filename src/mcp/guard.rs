//! The guard and its settings.

use std::sync::Arc;

use tower::Layer;

use super::{
    McpRequirements, McpService, SessionSecretError, origin::Origins, policy::Policy, rules::Rules,
    service::Judge, sessions::Sessions,
};
use crate::{
    http::{AsServer, BodyOf, RefusalBody, Reject, Rejection, RequestHead},
    policy::Requirement,
    server::ResourceServer,
};

/// The largest message of a client: what the SDKs take by default.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The largest answer, or event, that is filtered.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Guards an MCP server (streamable HTTP); see [`ResourceServer::mcp_guard`] and the
/// [module](crate::mcp).
#[derive(Clone, Debug)]
#[must_use]
pub struct McpGuard<R = McpRefusal> {
    rules: Rules<R>,
    origins: Origins,
}

/// Refusals with a challenge as their server makes them: what an [`McpGuard`] answers with unless it is told
/// otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct McpRefusal;

impl Reject for McpRefusal {
    type Body = RefusalBody;

    fn body(&self, why: &Rejection, request: RequestHead<'_>) -> RefusalBody {
        AsServer.body(why, request).into()
    }
}

impl ResourceServer {
    /// A layer for an MCP server, complete by itself: it authenticates, or takes the identity that this
    /// server's layer has put there, and demands of each message what its tool, prompt, resource or
    /// method requires.
    ///
    /// Its 403 names everything that the message needs, and the metadata of this server. Its 401 names what
    /// the server [requires](crate::ResourceServerBuilder::require) of every request: the message is not read
    /// before its sender is known.
    ///
    /// ```
    /// # #[cfg(feature = "axum")]
    /// # fn app<S>(api: &tower_resource_server::ResourceServer, mcp: S) -> axum::Router
    /// # where
    /// #     S: tower::Service<
    /// #             axum::extract::Request,
    /// #             Response = axum::response::Response,
    /// #             Error = std::convert::Infallible,
    /// #         > + Clone + Send + Sync + 'static,
    /// #     S::Future: Send,
    /// # {
    /// use tower_resource_server::{mcp::McpRequirements, policy::scope};
    ///
    /// let requirements = McpRequirements::new()
    ///     .tool("list_orders", scope("orders:read"))
    ///     .tool("cancel_order", scope("orders:write"));
    ///
    /// axum::Router::new()
    ///     .route_service("/mcp", mcp)
    ///     .layer(api.mcp_guard(requirements))
    ///     .merge(api.metadata_routes())
    /// # }
    /// ```
    pub fn mcp_guard(&self, requirements: McpRequirements) -> McpGuard {
        let policy = Policy { server: self.clone(), rows: requirements.compiled(|row| self.ready_for(row)) };
        let rules = Rules {
            policy: Arc::new(policy),
            sessions: Sessions::random(),
            max_message: MAX_MESSAGE,
            max_answer: MAX_ANSWER,
            reject: McpRefusal,
            exposes: false,
        };
        McpGuard { rules, origins: Origins::default() }
    }
}

impl<R> McpGuard<R> {
    /// Allows requests of pages with this origin, written as a browser sends it: `https://app.example`, with
    /// the port where it is not the scheme's own. For answers that the page can read, put a CORS layer
    /// [outside](crate::guide::browsers).
    pub fn allow_origin(mut self, origin: impl Into<Box<str>>) -> Self {
        self.origins.others.push(origin.into());
        self
    }

    /// Whether requests of pages that this machine serves are allowed: `localhost` and names below it,
    /// 127.0.0.0/8 and `[::1]`, at any port. They are, unless this says no.
    pub fn allow_loopback_origins(mut self, allow: bool) -> Self {
        self.origins.loopback = allow;
        self
    }

    /// The largest body of a request, in bytes: 4 MiB unless this says otherwise. A larger one gets 413.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.rules.max_message = bytes;
        self
    }

    /// The largest answer with a list that is filtered, and the largest event of a stream with one, in bytes:
    /// 4 MiB unless this says otherwise. A larger one is not passed on.
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.rules.max_answer = bytes;
        self
    }

    /// Binds sessions with a secret that several instances share: at least 32 random bytes. Without it, with
    /// a random one of this process.
    ///
    /// # Errors
    /// [`SessionSecretError`] when the secret could be guessed.
    pub fn session_secret(mut self, secret: &[u8]) -> Result<Self, SessionSecretError> {
        self.rules.sessions = Sessions::with_secret(secret)?;
        Ok(self)
    }

    /// As [`AuthLayer::expose_rejection`](crate::middleware::AuthLayer::expose_rejection).
    pub fn expose_rejection(mut self, expose: bool) -> Self {
        self.rules.exposes = expose;
        self
    }

    /// Gives refusals with a challenge the bodies of `reject` instead of those that the
    /// [server](crate::ResourceServerBuilder::reject_with) says.
    pub fn reject_with<T: Reject>(self, reject: T) -> McpGuard<T> {
        let Rules { policy, sessions, max_message, max_answer, reject: _, exposes } = self.rules;
        let rules = Rules { policy, sessions, max_message, max_answer, reject, exposes };
        McpGuard { rules, origins: self.origins }
    }

    /// As [`AuthLayer::refusal_body`](crate::middleware::AuthLayer::refusal_body).
    pub fn refusal_body<F, T>(self, body: F) -> McpGuard<BodyOf<F>>
    where
        F: Fn(&Rejection, RequestHead<'_>) -> T + Clone + Send + Sync + 'static,
        T: Into<RefusalBody>,
    {
        self.reject_with(BodyOf(body))
    }
}

impl<S, R: Reject> Layer<S> for McpGuard<R> {
    type Service = McpService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let authentication = self.rules.policy.server.guard(Requirement::any_token());
        let authentication =
            authentication.expose_rejection(self.rules.exposes).reject_with(self.rules.reject.clone());
        let judge = Judge::new(inner, Arc::new(self.rules.clone()));
        McpService::new(Arc::new(self.origins.clone()), authentication.layer(judge))
    }
}

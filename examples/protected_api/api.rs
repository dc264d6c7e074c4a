//! The routes, and the layer around them.

use axum::{
    Json, Router,
    body::Body,
    routing::{any, get},
};
use serde::Serialize;
use serde_json::Value;
use tower_resource_server::{Identity, ResourceServer, middleware::AuthLayer};
#[cfg(feature = "config")]
use tower_resource_server::{config::ReloadableServer, http::Json as JsonRefusals};

use crate::{
    context::{self, Context},
    issuer_flags::Profile,
};

/// Everything behind the layer but `/healthz` and `/.well-known/*`.
pub(crate) fn router(api: &ResourceServer, layer: AuthLayer, profile: Profile) -> Router {
    let context = context::of(profile);
    // The layer goes around the fallback, so that every path and method is protected. It does not go
    // around what is added after it: that is open, or has a guard of its own.
    Router::new()
        .fallback(async move |who: Option<Identity>| {
            Json(who.map(|who| WhoAmI::new(&who, context)).unwrap_or_default())
        })
        .layer(layer)
        .route("/healthz", get(async || "ok\n"))
        .route("/.well-known/", any(async || axum::http::StatusCode::NOT_FOUND))
        .route_service("/.well-known/{*path}", api.metadata_service::<Body>())
}

/// The same as a configuration says that is exchanged meanwhile.
#[cfg(feature = "config")]
pub(crate) fn reloadable(server: &ReloadableServer) -> Router {
    Router::new()
        .fallback(async |who: Option<Identity>| {
            Json(who.map(|who| WhoAmI::new(&who, None)).unwrap_or_default())
        })
        .layer(server.layer_by(|configured| configured.layer().reject_with(JsonRefusals)))
        .route("/healthz", get(async || "ok\n"))
        .route("/.well-known/", any(async || axum::http::StatusCode::NOT_FOUND))
        .route_service("/.well-known/{*path}", server.metadata_service::<Body>())
}

/// What a token says about its bearer; nothing where there is none, and none is needed.
#[derive(Default, Serialize)]
pub(crate) struct WhoAmI {
    subject: Option<String>,
    issuer: Option<String>,
    client_id: Option<String>,
    audiences: Vec<String>,
    scopes: Vec<String>,
    roles: Vec<String>,
    actor: Option<String>,
    expires_at: Option<u64>,
    claims: Option<Value>,
    /// What the token is bound to, as its `cnf` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
}

impl WhoAmI {
    fn new(who: &Identity, context: Option<Context>) -> Self {
        Self {
            subject: Some(who.subject().to_owned()),
            issuer: Some(who.issuer().to_owned()),
            client_id: who.client_id().map(str::to_owned),
            audiences: who.audiences().map(str::to_owned).collect(),
            scopes: who.scopes().map(str::to_owned).collect(),
            roles: who.roles(),
            actor: who.actor(),
            expires_at: who.expires_at().map(|at| at.as_secs()),
            claims: who.claims().ok(),
            confirmation: confirmation(who),
            context: context.and_then(|context| context(who)),
        }
    }
}

/// The key and the certificate that the token is bound to, as far as it is.
fn confirmation(who: &Identity) -> Option<Value> {
    let methods = [("jkt", who.key_thumbprint()), ("x5t#S256", who.certificate_thumbprint())];
    let bound =
        methods.into_iter().filter_map(|(name, thumbprint)| Some((name.to_owned(), thumbprint?.into())));
    let bound: serde_json::Map<String, Value> = bound.collect();
    (!bound.is_empty()).then_some(Value::Object(bound))
}

pub(crate) async fn who_am_i(who: Identity) -> Json<WhoAmI> {
    Json(WhoAmI::new(&who, None))
}

//! The protected back end: its accounts are for those who have the realm's scope.

use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tower_resource_server::{
    Identity, ResourceServer, policy::Requirement, preset::mobile_client_access::SecurityContext,
};

pub(crate) fn router(api: &ResourceServer, required: Requirement) -> Router {
    Router::new().route("/accounts", get(accounts)).layer(api.layer().requirements(required))
}

/// The vendor's SDKs call what comes out of the two tokens the security context.
async fn accounts(who: Identity) -> Result<Json<Value>, StatusCode> {
    let context: SecurityContext = who.context().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    // An access token alone says which client calls, and not for whom.
    let user = context.user().ok_or(StatusCode::FORBIDDEN)?;
    Ok(Json(json!({
        "owner": user.display_name,
        "account": user.attributes.and_then(|attributes| attributes.get("accountNumber")),
        "context": context,
    })))
}

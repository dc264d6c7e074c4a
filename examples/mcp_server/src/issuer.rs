//! The issuer of the example, and its token endpoint: the grant `client_credentials` (RFC 6749 section 4.4) for
//! one client, which gets the scopes that it asks for.

use axum::{
    Form, Json, Router,
    http::{HeaderName, StatusCode, header::CACHE_CONTROL},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_resource_server::{
    issuer::{SigningKey, TokenIssuer},
    keys::Algorithm,
};

use crate::AnyError;

/// The only client.
const CLIENT: &str = "demo";
const SCOPES: [&str; 3] = ["orders:read", "orders:write", "orders:admin"];

pub(crate) fn new(origin: &str, audience: &str) -> Result<TokenIssuer, AnyError> {
    let issuer = TokenIssuer::builder(origin)
        .signing_key(SigningKey::generate(Algorithm::ES256)?)
        .default_audience(audience)
        .metadata("token_endpoint", format!("{origin}/token"))
        // Not served: with this grant no one logs in. Clients refuse metadata without the member.
        .metadata("authorization_endpoint", format!("{origin}/authorize"))
        .metadata("grant_types_supported", json!(["client_credentials"]))
        .metadata("token_endpoint_auth_methods_supported", json!(["client_secret_post"]))
        .metadata("scopes_supported", json!(SCOPES));
    Ok(issuer.build()?)
}

/// What the client asks for. That it names the resource (RFC 8707) is not needed: there is one.
#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

type Answer = (StatusCode, [(HeaderName, &'static str); 1], Json<Value>);

/// The endpoint `/token`; without a secret there is none.
pub(crate) fn token_endpoint(issuer: TokenIssuer, client_secret: Option<String>) -> Router {
    let Some(secret) = client_secret else { return Router::new() };
    let answer = move |form: Form<TokenRequest>| {
        let answer = grant(&issuer, &secret, &form);
        std::future::ready(answer)
    };
    Router::new().route("/token", post(answer))
}

fn grant(issuer: &TokenIssuer, secret: &str, request: &TokenRequest) -> Answer {
    let is_client =
        request.client_id.as_deref() == Some(CLIENT) && request.client_secret.as_deref() == Some(secret);
    let scopes = request.scope.as_deref().unwrap_or("orders:read");
    let error = if !is_client {
        Some((StatusCode::UNAUTHORIZED, "invalid_client"))
    } else if request.grant_type != "client_credentials" {
        Some((StatusCode::BAD_REQUEST, "unsupported_grant_type"))
    } else if !scopes.split(' ').all(|scope| SCOPES.contains(&scope)) {
        Some((StatusCode::BAD_REQUEST, "invalid_scope"))
    } else {
        None
    };
    if let Some((status, error)) = error {
        return answer(status, json!({"error": error}));
    }
    match issuer.access_token(CLIENT).client_id(CLIENT).scope(scopes).unique().mint() {
        Ok(token) => answer(
            StatusCode::OK,
            json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": scopes}),
        ),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, json!({"error": "server_error"})),
    }
}

/// No cache keeps a token (RFC 6749 section 5.1).
fn answer(status: StatusCode, body: Value) -> Answer {
    (status, [(CACHE_CONTROL, "no-store")], Json(body))
}

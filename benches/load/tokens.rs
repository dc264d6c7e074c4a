//! An issuer, and many tokens of it.

use std::thread;

use serde_json::json;
use tower_resource_server::{
    issuer::{IssueError, SigningKey, TokenIssuer},
    keys::Algorithm,
};

use crate::AnyError;

pub(crate) const AUDIENCE: &str = "https://api.example";

pub(crate) fn issuer(url: impl Into<String>) -> Result<TokenIssuer, AnyError> {
    Ok(TokenIssuer::builder(url)
        .signing_key(SigningKey::generate(Algorithm::RS256)?.with_kid("production-2026-11"))
        .default_audience(AUDIENCE)
        .build()?)
}

/// So many different tokens of 18 claims, RS256. Signing takes half a millisecond each.
pub(crate) fn mint(issuer: &TokenIssuer, count: usize) -> Result<Vec<String>, AnyError> {
    let half = count / 2;
    let tokens = thread::scope(|scope| {
        let first = scope.spawn(|| mint_all(issuer, half));
        let second = mint_all(issuer, count - half)?;
        let mut tokens = first.join().map_err(|_| "a thread failed")??;
        tokens.extend(second);
        Ok::<_, AnyError>(tokens)
    })?;
    Ok(tokens)
}

fn mint_all(issuer: &TokenIssuer, count: usize) -> Result<Vec<String>, IssueError> {
    let token = issuer
        .access_token("f:5b2c:9d1f6b0e-8a54-4b1b-9d3e-0f8e2f3a7c11")
        .client_id("orders-frontend")
        .audience(AUDIENCE)
        .audience("account")
        .scope("openid profile email orders:read orders:write")
        .azp("orders-frontend")
        .acr("1")
        .claim("auth_time", 1_699_999_990)
        .claim("typ", "Bearer")
        .claim("sid", "b8c6d9c2-7a3e-4f27-8f7b-2f1f4f8d3a55")
        .claim("realm_access", json!({ "roles": ["offline_access", "uma_authorization", "customer"] }))
        .claim("email_verified", true)
        .claim("name", "Ada Example")
        .claim("preferred_username", "ada@example.com")
        .claim("email", "ada@example.com")
        .unique();
    (0..count).map(|_| token.mint()).collect()
}

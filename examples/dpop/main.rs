//! Tokens that are bound to a key of their sender (DPoP, RFC 9449): a server that wants a nonce in each proof, a
//! client that brings it, and a thief who has the token, and a proof of it.
//!
//! - `client`: the client, with its key, its proofs, and its second try with a nonce.

mod client;

use std::{error::Error, net::Ipv4Addr};

use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tower_resource_server::{
    Dpop, Identity, ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    profile::TokenProfile,
    store::DpopNonces,
};

use self::client::Client;

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let resource = format!("http://{}", listener.local_addr()?);
    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256)?)
        .build()?;
    serve(listener, &resource, &issuer)?;

    let key = SigningKey::generate(Algorithm::ES256)?;
    let thumbprint = key.thumbprint().ok_or("an ES256 key has a thumbprint")?;
    let token = issuer.access_token("alice").client_id("web").audience(&resource).bound_to_key(thumbprint);
    let token = token.mint()?;
    let orders = format!("{resource}/orders");

    let mut client = Client::new(key, token.clone());
    println!("> the client, which does not know yet that a nonce is wanted");
    show(client.get(&orders).await?).await?;
    println!("> the client again");
    show(client.get(&orders).await?).await?;
    let proof = client.proof("GET", &orders)?;
    println!("> the client, with a proof that a thief reads on the way");
    show(client.send_with(&orders, &proof).await?).await?;
    println!("> the thief, with that very proof");
    show(client.send_with(&orders, &proof).await?).await?;
    println!("> the thief, with the token and a key of their own");
    let mut thief = Client::new(SigningKey::generate(Algorithm::ES256)?, token.clone());
    show(thief.get(&orders).await?).await?;
    println!("> the thief, with the token as a bearer token");
    let request = reqwest::Client::new().get(&orders).bearer_auth(token);
    show(request.send().await?).await
}

/// Serves orders on this listener until the program ends.
fn serve(listener: TcpListener, resource: &str, issuer: &TokenIssuer) -> Result<(), AnyError> {
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
    let api = ResourceServer::builder(resource)
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))
        .dpop(Dpop::required().nonces(DpopNonces::new()?))
        .build()?;
    let app = Router::new()
        .route("/orders", get(async |who: Identity| format!("the orders of {}", who.subject())))
        .layer(api.layer());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(())
}

async fn show(response: reqwest::Response) -> Result<(), AnyError> {
    println!("  {}", response.status());
    for challenge in response.headers().get_all("www-authenticate") {
        println!("  {}", challenge.to_str()?);
    }
    let body = response.text().await?;
    if !body.is_empty() {
        println!("  {body}");
    }
    Ok(())
}

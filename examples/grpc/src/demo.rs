//! An issuer, the server and a client in one process, and what they say to each other.

use std::time::Duration;

use grpc_example::{
    client::{self, Method},
    server,
};
use tokio::{net::TcpListener, sync::oneshot};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    policy::Requirement,
    profile::TokenProfile,
};

use crate::{AnyError, say};

const AUDIENCE: &str = "https://greeter.example";

pub(crate) async fn run() -> Result<(), AnyError> {
    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256)?)
        .default_audience(AUDIENCE)
        .build()?;
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
    let api = ResourceServer::builder(AUDIENCE)
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))
        .build()?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let layer = server::protect(&api, Requirement::any_token());
    let server = tokio::spawn(server::serve(listener, layer, async move {
        // Either way the conversation is over.
        let _ = stopped.await;
    }));
    say(&format!("A greeter that trusts {} listens on {address}.", issuer.issuer()))?;

    let token = |scopes: &str| issuer.access_token("alice").client_id("demo").scope(scopes);
    let long_ago = issuer.now().saturating_sub(Duration::from_secs(24 * 3600));
    let reader = token("greeter:read").mint()?;
    let writer = token("greeter:read greeter:write").mint()?;
    let expired = token("greeter:read").issued_at(long_ago).mint()?;
    let change = Method::SetGreeting("Good day");
    for (what, token, method) in [
        ("SayHello without a token", None, Method::SayHello),
        ("SayHello with a good token", Some(&reader), Method::SayHello),
        ("SayHello with a token of yesterday", Some(&expired), Method::SayHello),
        ("SetGreeting without the scope for it", Some(&reader), change),
        ("SetGreeting with the scope for it", Some(&writer), change),
        ("SayHello again", Some(&reader), Method::SayHello),
    ] {
        let outcome = client::call(&address, token.map(String::as_str), method).await?;
        say(&format!("\n> {what}\n< {} {}", outcome.code, outcome.message))?;
        if let Some(challenge) = outcome.metadata.get("www-authenticate") {
            say(&format!("< www-authenticate: {challenge}"))?;
        }
        if let Some(reply) = outcome.reply {
            say(&format!("< {reply:?}"))?;
        }
    }

    drop(stop);
    server.await??;
    Ok(())
}

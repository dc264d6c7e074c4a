//! Without an issuer of your own: one that lives in this process, and lines to try.

use std::{
    env,
    io::{self, IsTerminal},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{Router, body::Body, routing::any};
use tokio::net::TcpListener;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    http::Json as JsonRefusals,
    issuer::{IssueError, SigningKey, TokenIssuer},
    keys::Algorithm,
    policy::scope,
    profile::TokenProfile,
};

use crate::{AnyError, api, issuer_flags::Profile};

const HOUR: Duration = Duration::from_secs(3600);
/// What every path needs that has no scope of its own.
const READ: &str = "orders:read";
/// What `/orders/new` needs.
const WRITE: &str = "orders:write";

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) async fn run(listen: Option<SocketAddr>) -> Result<(), AnyError> {
    let issuer = start_issuer().await?;

    let listener = crate::bind(listen.unwrap_or(ANY_PORT)).await?;
    let resource = format!("http://{}", listener.local_addr()?);
    let api = ResourceServer::builder(&resource)
        .issuer(TrustedIssuer::discover(issuer.issuer(), TokenProfile::rfc9068()).allow_loopback_http(true))
        .scopes_supported(scope(READ).and(scope(WRITE)))
        .reject_with(JsonRefusals)
        .build()?;
    // A guard is complete on its route, which the layer does not go around: each path has one requirement.
    let guard = api.guard(scope(WRITE));
    let router = api::router(&api, api.layer().requirements(scope(READ)), Profile::Rfc9068)
        .route("/orders/new", any(api::who_am_i).layer(guard));

    let greeting = greeting(&issuer, &resource, &Paint::for_stdout())?;
    crate::serve(listener, router, &api, &greeting).await
}

/// Serves an issuer with a key of its own on a free loopback port, until the program ends.
async fn start_issuer() -> Result<TokenIssuer, AnyError> {
    let listener = TcpListener::bind(ANY_PORT).await?;
    let issuer = TokenIssuer::builder(format!("http://{}", listener.local_addr()?))
        .signing_key(SigningKey::generate(Algorithm::ES256)?)
        .access_token_lifetime(HOUR)
        .build()?;
    let documents = Router::new().fallback_service(issuer.service::<Body>());
    tokio::spawn(async move { axum::serve(listener, documents).await });
    Ok(issuer)
}

fn greeting(issuer: &TokenIssuer, resource: &str, paint: &Paint) -> Result<String, IssueError> {
    let token = |scopes: &str| issuer.access_token("alice").client_id("web").audience(resource).scope(scopes);
    let reader = token(READ).mint()?;
    let writer = token(WRITE).mint()?;
    let expired = token(READ).issued_at(issuer.now().saturating_sub(2 * HOUR)).mint()?;

    let mut text = format!(
        "{title}\n\
         \x20 the issuer   {issuer}  (keys at {jwks})\n\
         \x20 the API      {resource}\n\n\
         {protects}\n\
         \x20 /orders/new      a token with the scope {WRITE}\n\
         \x20 /healthz         open\n\
         \x20 /.well-known/*   open\n\
         \x20 everything else  a token with the scope {READ}; whatever the method\n\n\
         {attempts}\n",
        title = paint.bold("An API behind tower-resource-server, and an issuer to go with it"),
        issuer = issuer.issuer(),
        jwks = issuer.jwks_uri(),
        protects = paint.bold("What it protects"),
        attempts = paint.bold("Try it from another terminal (the tokens are good for an hour)"),
    );
    for (what, expected, path, token) in [
        ("no token", paint.red("401, with a challenge"), "/orders", None),
        ("a token with the scope orders:read", paint.green("200"), "/orders", Some(&reader)),
        ("the same, expired", paint.red("401, invalid_token"), "/orders", Some(&expired)),
        ("a token with orders:write alone", paint.red("403, insufficient_scope"), "/orders", Some(&writer)),
        ("where orders:write is needed", paint.green("200"), "/orders/new", Some(&writer)),
    ] {
        let authorization =
            token.map(|token| format!(" -H 'Authorization: Bearer {token}'")).unwrap_or_default();
        text += &format!("\n# {what} → {expected}\ncurl -i{authorization} {resource}{path}\n");
    }
    text.push_str("\nCtrl-C stops it.\n");
    Ok(text)
}

/// Colours, on a terminal, unless the user asked for none (<https://no-color.org>).
struct Paint {
    colours: bool,
}

impl Paint {
    fn for_stdout() -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: io::stdout().is_terminal() && !unwanted }
    }

    fn bold(&self, text: &str) -> String {
        self.sgr(1, text)
    }

    fn red(&self, text: &str) -> String {
        self.sgr(31, text)
    }

    fn green(&self, text: &str) -> String {
        self.sgr(32, text)
    }

    fn sgr(&self, code: u8, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

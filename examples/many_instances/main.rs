//! Three instances of a service behind a load balancer, which share one Valkey (or Redis): a proof counts once among
//! all of them, also when the Valkey is emptied or killed meanwhile.
//!
//! ```text
//! cargo run --example many_instances --features axum,issuer,redis -- --valkey $(command -v valkey-server)
//! ```
//!
//! - `balancer`: hands each connection to the next instance.
//! - `valkey`: the process, and the switch that lets it fail.
//! - the client is that of the example `dpop`.

mod balancer;
#[path = "../dpop/client.rs"]
mod client;
mod valkey;

use std::{error::Error, net::Ipv4Addr, path::PathBuf, time::Duration};

use aws_lc_rs::rand;
use axum::{Router, routing::get};
use clap::Parser;
use tokio::{net::TcpListener, time::timeout};
use tower_resource_server::{
    Dpop, Identity, ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    profile::TokenProfile,
    store::{
        DpopNonces,
        redis::{RedisSettings, RedisStore},
    },
};

use self::{client::Client, valkey::Valkey};

type AnyError = Box<dyn Error + Send + Sync>;

const INSTANCES: u16 = 3;
/// How often one proof is used at once.
const USES: usize = 300;
/// How long a store may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Three instances, one Valkey, a load balancer, and a switch that lets the Valkey fail.
#[derive(Parser)]
struct Cli {
    /// The program of Valkey or Redis, which is started on a free port, and emptied and killed later
    #[arg(long, value_name = "PROGRAM")]
    valkey: PathBuf,
}

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let mut valkey = Valkey::start(Cli::parse().valkey).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    // Where clients reach the service: what proofs are for.
    let resource = format!("http://{}", listener.local_addr()?);
    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256)?)
        .build()?;
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_| "no randomness")?;
    let mut instances = Vec::new();
    for number in 1..=INSTANCES {
        instances.push(serve(number, &resource, &issuer, valkey.url(), &secret).await?);
    }
    balancer::start(listener, instances);

    let key = SigningKey::generate(Algorithm::ES256)?;
    let thumbprint = key.thumbprint().ok_or("an ES256 key has a thumbprint")?;
    let token = issuer.access_token("alice").client_id("web").audience(&resource).bound_to_key(thumbprint);
    let token = token.mint()?;
    let orders = format!("{resource}/orders");
    let mut client = Client::new(key, token.clone());
    println!("> a client, by the load balancer");
    println!("  {}", client.get(&orders).await?.text().await?);

    let proof = client.proof("GET", &orders)?;
    println!("> one proof, {USES} times at once");
    println!("  {} passed", use_at_once(&orders, &token, &proof).await?);
    println!("> the switch: Valkey is emptied");
    valkey.empty().await?;
    println!("  of the proof from before, {} passed", use_at_once(&orders, &token, &proof).await?);
    comes_again(&mut client, &orders).await?;
    println!("> the switch: Valkey is killed, and comes up empty");
    valkey.kill().await?;
    println!("  meanwhile: {}", client.get(&orders).await?.status());
    valkey.restart().await?;
    println!("  of the proof from before, {} passed", use_at_once(&orders, &token, &proof).await?);
    comes_again(&mut client, &orders).await
}

/// One instance, with a store of its own; the store knows when it is ready.
async fn serve(
    number: u16,
    resource: &str,
    issuer: &TokenIssuer,
    store: &str,
    secret: &[u8],
) -> Result<std::net::SocketAddr, AnyError> {
    let store: RedisStore = RedisSettings::from_url(store)?.build()?;
    timeout(READY_WITHIN, store.ready()).await.map_err(|_| format!("{:?}", store.health()))?;
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
    let api = ResourceServer::builder(resource)
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))
        .dpop(Dpop::required().store(store).nonces(DpopNonces::with_secret(secret)?))
        .build()?;
    let orders =
        async move |who: Identity| format!("the orders of {}, from instance {number}", who.subject());
    let app = Router::new().route("/orders", get(orders)).layer(api.layer());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// How often a proof passes that is used many times at once.
async fn use_at_once(url: &str, token: &str, proof: &str) -> Result<usize, AnyError> {
    // Each on a connection of its own, so that every instance gets some.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    let uses: Vec<_> = (0..USES)
        .map(|_| {
            let request =
                http.get(url).header("authorization", format!("DPoP {token}")).header("dpop", proof);
            tokio::spawn(request.send())
        })
        .collect();
    let mut passed = 0;
    for each in uses {
        passed += usize::from(each.await??.status().is_success());
    }
    Ok(passed)
}

/// A client that is told to come again does so, until it passes.
async fn comes_again(client: &mut Client, url: &str) -> Result<(), AnyError> {
    for attempt in 1..=100 {
        let answer = client.get(url).await?;
        if answer.status().is_success() {
            println!("  at attempt {attempt}: {}", answer.text().await?);
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err("the service does not recover".into())
}

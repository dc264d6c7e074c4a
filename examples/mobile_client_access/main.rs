//! A login with a custom identity provider, as IBM Mobile Client Access has it, between four parties
//! on this machine:
//!
//! - `back_end`: an API that wants a scope, protected by `preset::mobile_client_access::server`.
//! - `authorization_service`: registers clients, asks the identity provider, and mints the tokens
//!   (`tokens`). Simplified: its clients have no keys of their own.
//! - `bank`: a custom identity provider of two steps, user name and password and then a PIN with
//!   three tries. It is protected by the same preset, and open to the service only.
//! - `client`: what a mobile SDK does. It meets a 401 with a scope, authenticates, and sends the
//!   request again, with both tokens. Its user is a `person`.
//!
//! `site` starts the first three; `transcript` notes what they say to each other. It runs to its end:
//!
//! ```text
//! cargo run --example mobile_client_access --features axum,issuer,identity-provider
//! ```

mod authorization_service;
mod back_end;
mod bank;
mod client;
mod person;
mod site;
mod tokens;
mod transcript;

use std::process::ExitCode;

use http::StatusCode;

use crate::{
    bank::Bank,
    client::MobileClient,
    person::Person,
    site::{AnyError, REALM, Site},
    transcript::Transcript,
};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), AnyError> {
    let transcript = Transcript::printed();
    let site = Site::start(Bank::new(), &transcript).await?;
    println!("back end               {}", site.back_end);
    println!("authorization service  {}", site.server_url);
    println!("identity provider      {}", site.provider);

    transcript.title("Bob asks for his accounts, and mistypes his PIN once");
    let client = MobileClient::new(&site.server_url, &transcript)?;
    client.on_challenge(REALM, Person::new("bob.smith", "abcd1234", &["1243", "1234"])).await;
    let (status, accounts) = client.get(&format!("{}/accounts", site.back_end)).await?;
    expect(StatusCode::OK, status)?;
    println!("\n{accounts:#}");

    transcript.title("He asks again: the client has tokens, and no one else is asked");
    let (status, _) = client.get(&format!("{}/accounts", site.back_end)).await?;
    expect(StatusCode::OK, status)?;

    transcript.title("Somebody who found Bob's password guesses the PIN");
    let client = MobileClient::new(&site.server_url, &transcript)?;
    client.on_challenge(REALM, Person::new("bob.smith", "abcd1234", &["0000", "1111", "2222", "1234"])).await;
    let (status, _) = client.get(&format!("{}/accounts", site.back_end)).await?;
    expect(StatusCode::UNAUTHORIZED, status)?;
    println!("\nThe right one would have been the fourth; the app is left with the 401.");
    Ok(())
}

fn expect(expected: StatusCode, status: StatusCode) -> Result<(), AnyError> {
    if status == expected { Ok(()) } else { Err(format!("{status} where {expected} belongs").into()) }
}

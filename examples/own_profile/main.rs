//! Tokens that no standard describes: a profile of one's own, row by row, and a token verified
//! without any HTTP.
//!
//! The vendor here signs tokens that say `acme-access+jwt` in their header, name the user in `prn`
//! and the services they are for in `services`, and list permissions in an array.

use std::{error::Error, time::Duration};

use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenBuilder, TokenIssuer},
    keys::{Algorithm, KeySet},
    policy::claim,
    profile::TokenProfile,
};

const VENDOR: &str = "https://id.acme.example";
const SERVICE: &str = "warehouse";
const HOUR: Duration = Duration::from_secs(3600);

/// What a token of the vendor must look like. Every row must hold.
fn acme_access() -> TokenProfile {
    TokenProfile::empty()
        .require_type(["acme-access+jwt"])
        .algorithms([Algorithm::ES256])
        .leeway(Duration::from_secs(10))
        // What binds a token to its issuer and to this server; a server is not built without.
        .rule(claim("iss").is_issuer())
        .rule(claim("services").names_resource())
        // No one uses a token for longer than an hour, whatever its `exp` says.
        .rule(claim("exp").after_now())
        .rule(claim("iat").within_last(HOUR))
        .rule(claim("prn").non_empty_string())
        .rule(claim("region").one_of(["eu", "us"]))
        .rule(claim("realms").contains_any(["staff", "partners"]))
        // The vendor's refresh tokens carry this one.
        .rule(claim("refresh_id").absent())
        // Which claims an identity is read from.
        .subject_claims(["prn"])
        .client_claims(["app"])
        .scope_claims(["permissions"])
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let vendor = TokenIssuer::builder(VENDOR).signing_key(SigningKey::generate(Algorithm::ES256)?).build()?;
    let keys = KeySet::from_jwks(vendor.jwks().to_string().as_bytes())?;
    let server = ResourceServer::builder(SERVICE)
        .issuer(TrustedIssuer::with_keys(VENDOR, keys, acme_access()))
        .build()?;

    let now = vendor.now();
    for (what, token) in [
        ("as the vendor makes them", good(&vendor)),
        ("another type in the header", good(&vendor).typ("JWT")),
        ("for another service", good(&vendor).claim("services", ["billing"])),
        ("from another region", good(&vendor).claim("region", "moon")),
        ("of no known realm", good(&vendor).claim("realms", ["guests"])),
        ("a refresh token", good(&vendor).claim("refresh_id", "1")),
        ("no subject", good(&vendor).without("prn")),
        ("older than an hour", good(&vendor).issued_at(now.saturating_sub(2 * HOUR))),
    ] {
        match server.verify_access_token(&token.mint()?).await {
            Ok(who) => {
                let permissions: Vec<_> = who.scopes().collect();
                let client = who.client_id().unwrap_or("no app");
                println!("{what:28} good: {} through {client}, may {permissions:?}", who.subject());
            }
            Err(refused) => {
                let reason = refused.reason();
                println!("{what:28} refused ({}): {reason}", reason.code());
            }
        }
    }
    Ok(())
}

/// What the vendor signs.
fn good(vendor: &TokenIssuer) -> TokenBuilder {
    vendor
        .token()
        .typ("acme-access+jwt")
        .claim("iss", VENDOR)
        .claim("services", [SERVICE, "billing"])
        .claim("prn", "alice")
        .claim("app", "scanner")
        .claim("region", "eu")
        .claim("realms", ["staff"])
        .claim("permissions", ["stock:read", "stock:count"])
        .issued_at(vendor.now())
        .expires_at(vendor.now().saturating_add(24 * HOUR))
}

//! Our layer around a service that does nothing, and the check of the signature alone.
//!
//! Usage: dpop-ours ours|raw verdicts|time TABLE

mod table;

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error,
    future::{Ready, pending, ready},
    time::Duration,
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64_simd::URL_SAFE_NO_PAD;
use http::{Request, Response};
use tower::{Layer, Service, service_fn};
use tower_resource_server::{
    Dpop, ResourceServer, TrustedIssuer,
    http::PublicAddress,
    keys::KeySet,
    profile::TokenProfile,
    store::MemorySpentStore,
    time::{Clock, Sleep, UnixTime},
};

use crate::table::{Judge, Table, poll};

fn main() -> Result<(), Box<dyn Error>> {
    table::run(|candidate, table| match candidate {
        "ours" => ours(table),
        "raw" => raw(table),
        _ => Err("ours or raw".into()),
    })
}

fn ours(table: &Table) -> Result<Judge, Box<dyn Error>> {
    let keys = KeySet::from_jwks(table.jwks.to_string().as_bytes())?;
    let server = ResourceServer::builder(&*table.audience)
        .issuer(TrustedIssuer::with_keys(&*table.issuer, keys, TokenProfile::rfc9068()))
        .public_address(PublicAddress::fixed(&*table.origin))
        // All proofs are of one client.
        .dpop(Dpop::required().store(MemorySpentStore::default().share(table.good.proofs.len())))
        .clock(Fixed(table.now))
        .build()?;
    let nothing: fn(Request<()>) -> Ready<Result<Response<()>, Infallible>> =
        |_| ready(Ok(Response::new(())));
    let mut service = server.layer().layer(service_fn(nothing));
    Ok(Box::new(move |request| {
        let Ok(response) = poll(service.call(request));
        response.status() == 200
    }))
}

/// Checks the signature of each good proof with the key parsed once. It has no opinion on rows.
fn raw(table: &Table) -> Result<Judge, Box<dyn Error>> {
    let member = |name: &str| -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(URL_SAFE_NO_PAD.decode_to_vec(table.good.jwk[name].as_str().ok_or("no such member")?)?)
    };
    let point = [vec![4], member("x")?, member("y")?].concat();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)?;
    let mut signatures = HashMap::new();
    for proof in &table.good.proofs {
        let (_, signature) = proof.rsplit_once('.').ok_or("a proof has three parts")?;
        signatures.insert(proof.clone(), URL_SAFE_NO_PAD.decode_to_vec(signature)?);
    }
    Ok(Box::new(move |request| {
        let proof = request.headers().get("dpop").and_then(|proof| proof.to_str().ok());
        let signed = proof.and_then(|proof| Some((proof.rsplit_once('.')?.0, signatures.get(proof)?)));
        signed.is_some_and(|(input, signature)| key.verify_sig(input.as_bytes(), signature).is_ok())
    }))
}

/// The moment that the proofs were made at.
struct Fixed(u64);

impl Clock for Fixed {
    fn unix(&self) -> UnixTime {
        UnixTime::from_secs(self.0)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep_until(&self, _: Duration) -> Sleep {
        Box::pin(pending())
    }
}

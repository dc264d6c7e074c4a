//! huskarl-resource-server, as it comes and with a store for used proofs; it brings none, and says how one is told.
//!
//! Usage: dpop-huskarl huskarl|huskarl-store verdicts|time TABLE

mod table;

use std::{
    collections::HashSet,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Uri;
use huskarl_resource_server::{
    core::{
        self, EndpointUrl,
        crypto::verifier::{JwsVerifier, JwsVerifierFactory, JwsVerifierPlatform, MultiKeyVerifier},
        jwk::{Jwks, PublicJwks},
        jwt::JtiUniquenessChecker,
        platform::MaybeSendBoxFuture,
        time::Clock,
    },
    validator::rfc9068::Rfc9068Validator,
};
use jiff::Timestamp;

use crate::table::{Judge, Table, poll};

/// Both as with us.
const WINDOW: Duration = Duration::from_secs(60);
const LEEWAY: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    table::run(|candidate, table| match candidate {
        "huskarl" => judge(table, None),
        "huskarl-store" => judge(table, Some(Arc::new(Used::default()))),
        _ => Err("huskarl or huskarl-store".into()),
    })
}

fn judge(table: &Table, store: Option<Arc<dyn JtiUniquenessChecker>>) -> Result<Judge, Box<dyn Error>> {
    let keys: Jwks = serde_json::from_value(table.jwks.clone())?;
    let algorithms = ["ES256", "PS256", "EdDSA", "Ed25519"].map(str::to_owned).to_vec();
    let building = Rfc9068Validator::builder()
        .issuer(&*table.issuer)
        .audience(&*table.audience)
        .jws_verifier_factory(Keys(keys.into()))
        .clock(Fixed(Timestamp::from_second(table.now.try_into()?)?))
        .require_dpop(true)
        .allowed_dpop_signing_algorithms(algorithms)
        .max_dpop_proof_age(WINDOW)
        .clock_leeway(LEEWAY)
        .maybe_dpop_jti_checker(store)
        .build();
    let validator: Rfc9068Validator = poll(building)?;
    let origin = table.origin.clone();
    Ok(Box::new(move |request| {
        // It wants the whole URL, which only the resource server knows.
        let Ok(url) = format!("{origin}{}", request.uri()).parse::<Uri>() else { return false };
        let result = poll(validator.validate_request(request.headers(), request.method(), &url, None));
        matches!(result.outcome, Ok(Some(_)))
    }))
}

/// The keys of the issuer, which are there.
struct Keys(PublicJwks);

impl JwsVerifierFactory for Keys {
    fn build(
        &self,
        _: Option<&EndpointUrl>,
        platform: Arc<dyn JwsVerifierPlatform>,
    ) -> MaybeSendBoxFuture<'static, Result<Arc<dyn JwsVerifier>, core::Error>> {
        let keys = self.0.clone();
        Box::pin(async move {
            let verifier = MultiKeyVerifier::from_jwks(&keys, platform.as_ref()).await?;
            Ok(Arc::new(verifier) as Arc<dyn JwsVerifier>)
        })
    }
}

/// The ids of proofs that were used, for as long as the program runs.
#[derive(Debug, Default)]
struct Used(Mutex<HashSet<String>>);

impl JtiUniquenessChecker for Used {
    fn check_and_mark_seen(&self, jti: &str) -> MaybeSendBoxFuture<'_, Result<bool, core::Error>> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(jti.to_owned());
        Box::pin(async move { Ok(!is_new) })
    }
}

/// The moment that the proofs were made at.
#[derive(Debug)]
struct Fixed(Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}

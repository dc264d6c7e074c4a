//! aliri_tower over aliri and aliri_oauth2, with its keys given as a JWK Set. It has no EdDSA.

use aliri::{
    Jwks,
    jwt::{Audience, Audiences, CoreClaims, CoreValidator, Issuer, IssuerRef, Subject, SubjectRef},
};
use aliri_clock::UnixTime;
use aliri_oauth2::{Authority, HasScope, scope::Scope};
use aliri_tower::Oauth2Authorizer;
use bytes::Bytes;
use http_body_util::Empty;
use serde::Deserialize;
use tower::Layer;
use tower_resource_server::keys::Algorithm;

use crate::{
    service::{Sender, Trivial, sender},
    tokens::{API, ISSUER, Set},
};

pub(crate) const NAME: &str = "aliri_tower 0.6";

#[derive(Clone, Deserialize)]
#[expect(dead_code, reason = "what a handler would read")]
struct Claims {
    iss: Issuer,
    sub: Subject,
    aud: Audiences,
    exp: UnixTime,
    iat: UnixTime,
    client_id: String,
    scope: Scope,
}

impl CoreClaims for Claims {
    fn nbf(&self) -> Option<UnixTime> {
        None
    }

    fn exp(&self) -> Option<UnixTime> {
        Some(self.exp)
    }

    fn aud(&self) -> &Audiences {
        &self.aud
    }

    fn iss(&self) -> Option<&IssuerRef> {
        Some(&self.iss)
    }

    fn sub(&self) -> Option<&SubjectRef> {
        Some(&self.sub)
    }
}

impl HasScope for Claims {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

#[expect(clippy::unused_async, reason = "other peers fetch their keys")]
pub(crate) async fn layer(algorithm: Algorithm, set: &Set) -> Option<Sender> {
    if algorithm == Algorithm::EdDSA {
        return None;
    }
    let keys: Jwks = serde_json::from_str(&set.jwks()).expect("a good key set");
    let validator = CoreValidator::default()
        .check_expiration()
        .require_issuer(Issuer::from_static(ISSUER))
        .add_allowed_audience(Audience::from_static(API));
    let layer = Oauth2Authorizer::new()
        .with_claims::<Claims>()
        .with_terse_error_handler::<Empty<Bytes>>()
        .jwt_layer(Authority::new(keys, validator));
    Some(sender(layer.layer(Trivial::<Empty<Bytes>>::new())))
}

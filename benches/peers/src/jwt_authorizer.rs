//! jwt-authorizer, on axum 0.7, with its keys given as a JWK Set.

use axum07::body::Body;
use jwt_authorizer::{IntoLayer, JwtAuthorizer, Validation};
use tower::Layer;
use tower_resource_server::keys::Algorithm;

use crate::{
    claims::Claims,
    service::{Sender, Trivial, sender},
    tokens::{API, ISSUER, Set},
};

pub(crate) const NAME: &str = "jwt-authorizer 0.15";

pub(crate) async fn layer(_: Algorithm, set: &Set) -> Option<Sender> {
    let authorizer = JwtAuthorizer::<Claims>::from_jwks_text(&set.jwks())
        .validation(Validation::new().iss(&[ISSUER]).aud(&[API]))
        .build()
        .await
        .expect("a good configuration");
    Some(sender(authorizer.into_layer().layer(Trivial::<Body>::new())))
}

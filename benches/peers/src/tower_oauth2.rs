//! tower-oauth2-resource-server, with its keys given as a JWK Set, over either of its back ends.

use jsonwebtoken11::Algorithm as Allowed;
use tower::Layer;
use tower_oauth2_resource_server::{
    server::OAuth2ResourceServer, tenant::TenantConfiguration, validation::ClaimsValidationSpec,
};
use tower_resource_server::keys::Algorithm;

use crate::{
    claims::Claims,
    service::{Sender, Trivial, sender},
    tokens::{API, ISSUER, Set},
};

#[cfg(feature = "tower-oauth2-aws-lc-rs")]
pub(crate) const NAME: &str = "tower-oauth2-resource-server 0.12, aws-lc-rs";
#[cfg(not(feature = "tower-oauth2-aws-lc-rs"))]
pub(crate) const NAME: &str = "tower-oauth2-resource-server 0.12, default";

pub(crate) async fn layer(algorithm: Algorithm, set: &Set) -> Option<Sender> {
    let allowed: Allowed = algorithm.name().parse().ok()?;
    let audiences = [API.to_owned()].to_vec();
    let tenant = TenantConfiguration::static_builder(set.jwks())
        .claims_validation(ClaimsValidationSpec::new().exp(true).iss(ISSUER).aud(&audiences))
        .allowed_algorithms(&[allowed])
        .build()
        .expect("a good configuration");
    let server = OAuth2ResourceServer::<Claims>::builder()
        .add_tenant(tenant)
        .build()
        .await
        .expect("a good configuration");
    Some(sender(server.into_layer().layer(Trivial::<()>::new())))
}

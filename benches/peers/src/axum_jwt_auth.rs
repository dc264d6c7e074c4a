//! axum-jwt-auth: an extractor, here in front of the service as a handler would have it. Its decoder
//! for one key looks at no `kid`, so its keys come from a loopback server, once.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
    routing::get,
};
use axum_jwt_auth::{Decoder, RemoteJwksDecoder};
use http::Request;
use jsonwebtoken10::Validation;
use tower::Service;
use tower_resource_server::keys::Algorithm;

use crate::{
    claims::Claims,
    service::{Sender, Trivial, sender},
    tokens::{API, ISSUER, Set},
};

pub(crate) const NAME: &str = "axum-jwt-auth 0.7";

pub(crate) async fn layer(algorithm: Algorithm, set: &Set) -> Option<Sender> {
    let mut validation = Validation::new(algorithm.name().parse().ok()?);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[API]);
    let decoder = RemoteJwksDecoder::builder()
        .jwks_url(serve(set.jwks()).await)
        .validation(validation)
        .build()
        .expect("a good configuration");
    decoder.initialize().await.expect("the keys are there");
    Some(sender(Guarded { decoder: Arc::new(decoder), inner: Trivial::new() }))
}

async fn serve(jwks: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/jwks", listener.local_addr().expect("its address"));
    let app = Router::new().route("/jwks", get(async || jwks));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[derive(Clone)]
struct Guarded {
    decoder: Decoder<Claims>,
    inner: Trivial<Body>,
}

impl Service<Request<()>> for Guarded {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let Self { decoder, mut inner } = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match axum_jwt_auth::Claims::<Claims>::from_request_parts(&mut parts, &decoder).await {
                Ok(claims) => {
                    parts.extensions.insert(claims.claims);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) => Ok(refusal.into_response()),
            }
        })
    }
}

//! The key: where it is fetched, that one endpoint serves one key, rotation, and an endpoint that is down.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use tower_resource_server::{
    net::{Body, HttpClient, HttpError, HttpFuture, Limits},
    preset,
};

use super::*;

/// The service's key endpoint.
#[derive(Clone, Default)]
struct Endpoint(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// `None`: it is down.
    document: Option<String>,
    asked: Vec<String>,
}

impl Endpoint {
    fn publish(&self, document: Option<String>) {
        self.0.lock().unwrap().document = document;
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

impl HttpClient for Endpoint {
    fn send(&self, request: Request<Body>, _: Limits) -> HttpFuture<'_> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(request.uri().to_string());
        let document = state.document.clone().ok_or(HttpError::Connect);
        Box::pin(std::future::ready(document.map(|document| Response::new(document.into()))))
    }
}

#[tokio::test]
async fn one_bare_key_is_fetched_and_a_rotation_noticed() {
    let (endpoint, clock) = (Endpoint::default(), clock());
    endpoint.publish(Some(published(&KEY)));
    let settings =
        preset::mobile_client_access::server(TENANT).server_url(SERVER).http_client(endpoint.clone());
    let api = settings.into_builder().clock(clock.clone()).build().unwrap();

    assert_eq!(endpoint.asked(), Vec::<String>::new(), "nothing before the first request");
    let (old, new) = (sign(&access()), sign_with(&OTHER, &header(), &access()));
    assert_eq!(verdict(&api, &old).await, Ok(()));
    let address = format!("{SERVER}/authorization/v1/apps/{TENANT}/publickey");
    assert_eq!(endpoint.asked(), [address.as_str()]);

    // The response says nothing about its freshness: nine minutes later no one has asked again, and
    // what is remembered stays good.
    for _ in 0..7 {
        clock.advance(Duration::from_secs(60));
        assert_eq!(verdict(&api, &old).await, Ok(()));
    }
    assert_eq!(endpoint.asked().len(), 1);

    // A token of the new key asks for it at once, and is not held against later ones.
    endpoint.publish(Some(published(&OTHER)));
    assert_eq!(verdict(&api, &new).await, Ok(()));
    assert_eq!(endpoint.asked().len(), 2);
    assert_eq!(verdict(&api, &old).await, Err("unknown_key"), "the old key is gone, cached or not");
}

#[tokio::test]
async fn a_key_endpoint_that_is_down_means_503_and_recovers() {
    let (endpoint, clock) = (Endpoint::default(), clock());
    let settings =
        preset::mobile_client_access::server(TENANT).server_url(SERVER).http_client(endpoint.clone());
    let api = settings.into_builder().clock(clock.clone()).build().unwrap();
    let field = format!("Bearer {}", sign(&access()));
    assert_eq!(ask(&api, &[&field], "").await, Answer::refused(503, None));
    for document in ["<html>", "{}", r#"{"keys":[]}"#, r#"{"n":"AA","e":"AQAB","kty":"RSA"}"#] {
        endpoint.publish(Some(document.to_owned()));
        clock.advance(Duration::from_secs(120));
        assert_eq!(ask(&api, &[&field], "").await, Answer::refused(503, None), "{document}");
    }
    // A request that has nothing to verify needs no key.
    assert_eq!(ask(&api, &[], "").await.status, 401);
    assert_eq!(ask(&api, &["Basic x"], "").await.status, 400);

    endpoint.publish(Some(published(&KEY)));
    clock.advance(Duration::from_secs(120));
    tokio::task::yield_now().await;
    assert_eq!(ask(&api, &[&field], "").await.status, 200);
    // What it knows it keeps while the endpoint is down again.
    endpoint.publish(None);
    clock.advance(Duration::from_secs(1800));
    assert_eq!(ask(&api, &[&field], "").await.status, 200);
}

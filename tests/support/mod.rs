//! What the suites share: requests, answers, and an HTTP client that is told what to answer.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use axum::{Router, body::Body};
use http::{Method, Request, Response, StatusCode, header::AUTHORIZATION, header::WWW_AUTHENTICATE};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_resource_server::http::Rejection;

/// A request with a token, or without.
pub fn request(method: Method, path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    request
}

pub fn get(path: &str, token: Option<&str>) -> Request<Body> {
    request(Method::GET, path, token)
}

/// A response with its body read.
#[derive(Debug)]
pub struct Answer {
    pub response: Response<()>,
    pub body: String,
}

pub async fn ask(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { response: Response::from_parts(head, ()), body: String::from_utf8(body.into()).unwrap() }
}

impl Answer {
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.response.headers().get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} twice");
        value
    }

    pub fn challenge(&self) -> Option<&str> {
        self.header(WWW_AUTHENTICATE.as_str())
    }

    /// The refusal that rides along.
    pub fn rejection(&self) -> Option<&Rejection> {
        self.response.extensions().get()
    }
}

#[cfg(feature = "remote")]
#[allow(unused_imports, reason = "not each test fetches")]
pub use scripted::Scripted;

#[cfg(feature = "remote")]
mod scripted {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use http::Response;
    use serde_json::Value;
    use tokio::sync::{Mutex, mpsc};
    use tower_resource_server::net::{Body, HttpClient, HttpError, HttpFuture, Limits};

    type Said = Result<Response<Body>, HttpError>;

    /// Answers a request when it is told to, and with what; never of its own accord.
    #[derive(Clone)]
    pub struct Scripted {
        tell: mpsc::UnboundedSender<Said>,
        told: Arc<Mutex<mpsc::UnboundedReceiver<Said>>>,
        fetches: Arc<AtomicUsize>,
    }

    impl Scripted {
        pub fn new() -> Self {
            let (tell, told) = mpsc::unbounded_channel();
            Self { tell, told: Arc::new(Mutex::new(told)), fetches: Arc::default() }
        }

        pub fn answer(&self, jwks: &Value) {
            self.tell.send(Ok(Response::new(jwks.to_string().into()))).unwrap();
        }

        pub fn fail(&self) {
            self.tell.send(Err(HttpError::Connect)).unwrap();
        }

        /// Takes back what was said and not asked for yet.
        pub async fn take_back(&self) {
            let mut told = self.told.lock().await;
            while told.try_recv().is_ok() {}
        }

        pub fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    impl HttpClient for Scripted {
        fn send(&self, _: http::Request<Body>, _: Limits) -> HttpFuture<'_> {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { self.told.lock().await.recv().await.unwrap() })
        }
    }
}

//! Bodies of every size and kind.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::Full;
use tower::Service;
use tower_resource_server::identity_provider::{IdentityProviderService, MAX_BODY};

use super::{ANSWER, Bank, START, send, service};

#[tokio::test]
async fn hostile_bodies_reach_no_provider() {
    let bank = Bank::new();
    let service = service(&bank);
    let nested = format!(r#"{{"headers":{{}},"challengeAnswer":{{"a":{}}}}}"#, "[".repeat(30_000));
    for (name, path, body) in [
        ("IBM's sample dies of this one", ANSWER, "{}".to_owned()),
        ("nothing", ANSWER, String::new()),
        ("no JSON", START, "headers=1".to_owned()),
        ("no headers", START, "{}".to_owned()),
        ("no answer", ANSWER, r#"{"headers":{}}"#.to_owned()),
        ("an answer of null", ANSWER, r#"{"headers":{},"challengeAnswer":null}"#.to_owned()),
        ("an answer in text", ANSWER, r#"{"headers":{},"challengeAnswer":"1234"}"#.to_owned()),
        ("two answers", ANSWER, r#"{"headers":{},"challengeAnswer":{},"challengeAnswer":{}}"#.to_owned()),
        ("a list", ANSWER, r#"[{},null,{}]"#.to_owned()),
        ("nested", ANSWER, nested),
    ] {
        let (response, body) = send(&service, Method::POST, path, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(&body[..], br#"{"status":"failure"}"#, "{name}");
    }
    let question = r#"{"headers":{}}"#;
    let exact = format!("{question}{}", " ".repeat(MAX_BODY - question.len()));
    for (size, body, expected) in [
        ("as much as fits", exact.clone(), StatusCode::OK),
        ("one byte more", exact + " ", StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (response, _) = send(&service, Method::POST, START, body).await;
        assert_eq!(response.status(), expected, "{size}");
    }
    assert_eq!(bank.asked.load(Ordering::Relaxed), 1);
}

/// A body of so many chunks, after which the connection breaks; or of chunks without end, so that
/// a reader that goes on never ends.
struct Chunks {
    chunk: Bytes,
    left: Option<usize>,
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.left {
            Some(0) => return Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Some(left) => *left -= 1,
            None => {}
        }
        Poll::Ready(Some(Ok(Frame::data(self.chunk.clone()))))
    }
}

#[tokio::test]
async fn bodies_of_unknown_length_are_read_to_the_bound_and_broken_ones_are_refused() {
    let bank = Bank::new();
    let service = service(&bank);
    let endless = Chunks { chunk: Bytes::from_static(&[b' '; 1024]), left: None };
    let (response, _) = send(&service, Method::POST, START, Body::new(endless)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);

    let broken = Chunks { chunk: Bytes::from_static(b"{\"headers\""), left: Some(1) };
    let (response, body) = send(&service, Method::POST, START, Body::new(broken)).await;
    assert_eq!((response.status(), &body[..]), (StatusCode::BAD_REQUEST, &br#"{"status":"failure"}"#[..]));
    assert_eq!(bank.asked.load(Ordering::Relaxed), 0);
}

#[test]
fn it_is_a_service_of_any_body_and_can_be_shared() {
    fn shared<S: Service<Request<B>, Error = Infallible> + Clone + Send + Sync + 'static, B>(_: &S)
    where
        S::Future: Send + 'static,
    {
    }
    let full: IdentityProviderService<_, Full<Bytes>> =
        IdentityProviderService::builder(Bank::new(), "T", "bridge").build().unwrap();
    shared::<_, Full<Bytes>>(&full);
    shared::<_, Body>(&full);
    shared::<_, Chunks>(&full);
}

//! The decision on one request, and what becomes of its answer.

use std::{error::Error, future::Future, mem, pin::pin, sync::Arc};

use bytes::{Buf, Bytes};
use http::{Method, Request, Response, request::Parts};
use http_body_util::{BodyExt, LengthLimitError};
use tower::{Service, ServiceExt};

use super::{
    answer::{Expected, filtered},
    body::{AnswerBody, McpBody, MessageBody, View},
    fault::Fault,
    headers::{LAST_EVENT_ID, ask_for_plain, check_agreement, check_content},
    message::Messages,
    policy::Policy,
    sessions::Sessions,
};
use crate::{
    http::{FromRefusal, Reason, Reject, Rejection, RequestHead, reject},
    identity::Identity,
};

/// All that a guard goes by.
#[derive(Clone, Debug)]
pub(super) struct Rules<R> {
    pub(super) policy: Arc<Policy>,
    pub(super) sessions: Sessions,
    pub(super) max_message: usize,
    pub(super) max_answer: usize,
    pub(super) reject: R,
    pub(super) exposes: bool,
}

/// Why a request does not reach the server.
enum Refusal {
    Fault(Fault),
    Denied(Rejection),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<R: Reject> Rules<R> {
    /// Its future is boxed for each request, and so is kept small: it holds the parts of the request once.
    pub(super) fn serve<S, B, T>(
        self: Arc<Self>,
        inner: S,
        request: Request<B>,
    ) -> impl Future<Output = Result<Response<McpBody<T>>, S::Error>>
    where
        S: Service<Request<B>, Response = Response<T>>,
        B: MessageBody,
        T: AnswerBody,
        McpBody<T>: FromRefusal<R::Body>,
    {
        let (mut head, body) = request.into_parts();
        async move {
            match self.admit(&mut head, body).await {
                Ok((body, who, expected)) => {
                    let mut response = inner.oneshot(Request::from_parts(head, body)).await?;
                    self.sessions.bind(response.headers_mut(), &who);
                    if expected == Expected::Anything {
                        return Ok(response.map(McpBody::passed));
                    }
                    let view = View { policy: Arc::clone(&self.policy), who };
                    Ok(Box::pin(filtered(response, expected, view, self.max_answer)).await)
                }
                Err(Refusal::Fault(fault)) => Ok(fault.response().map(|message| Bytes::from(message).into())),
                Err(Refusal::Denied(why)) => {
                    let why = self.policy.server.at_address_of(&why, RequestHead::from(&head));
                    Ok(reject(&self.reject, &why, RequestHead::from(&head), self.exposes))
                }
            }
        }
    }

    /// Decides on a request; the body comes back as it was.
    async fn admit<B: MessageBody>(
        &self,
        head: &mut Parts,
        body: B,
    ) -> Result<(B, Identity, Expected), Refusal> {
        let server = &self.policy.server;
        let Some(who) = head.extensions.get::<Identity>().cloned() else {
            return Err(Refusal::Denied(
                server.refuse(Reason::NoCredentials.into(), &server.ready_once(server.requires(None))),
            ));
        };
        let in_session = self.sessions.open(&mut head.headers, &who)?;
        let (body, expected) = match head.method {
            Method::POST => {
                check_content(&head.headers)?;
                let body = self.read(body).await?;
                let expected = self.judge(&body, head, &who)?;
                (body.into(), expected)
            }
            // Something behind the guard might take it for a message.
            Method::GET | Method::DELETE if !body.is_end_stream() => {
                return Err(Fault::UnexpectedBody.into());
            }
            // What is sent again belongs to a session, and by it to a principal.
            Method::GET if !in_session && head.headers.contains_key(LAST_EVENT_ID) => {
                return Err(Fault::UnknownSession.into());
            }
            Method::GET => (body, Expected::Stream),
            Method::DELETE => (body, Expected::Anything),
            _ => return Err(Fault::MethodNotAllowed.into()),
        };
        if expected != Expected::Anything {
            ask_for_plain(&mut head.headers);
        }
        Ok((body, who, expected))
    }

    /// Decides on the messages of a body.
    fn judge(&self, body: &[u8], head: &Parts, who: &Identity) -> Result<Expected, Refusal> {
        let messages = Messages::read(body)?;
        check_agreement(&head.headers, &messages)?;
        self.policy.permit(&messages, who, RequestHead::from(head)).map_err(Refusal::Denied)?;
        Ok(if messages.ask_for_a_list() { Expected::List } else { Expected::Anything })
    }

    /// The whole body. Most come in one piece, which is taken as it is.
    async fn read(&self, body: impl MessageBody) -> Result<Bytes, Fault> {
        if body.size_hint().lower() > self.max_message as u64 {
            return Err(Fault::TooLarge);
        }
        let of_error = |error: Box<dyn Error + Send + Sync>| {
            if error.is::<LengthLimitError>() { Fault::TooLarge } else { Fault::BodyBroken }
        };
        let mut body = pin!(body);
        let (mut first, mut joined) = (Bytes::new(), Vec::new());
        while let Some(frame) = body.frame().await {
            // Trailers are no part of the message.
            let Ok(mut data) = frame.map_err(|error| of_error(error.into()))?.into_data() else { continue };
            let data = data.copy_to_bytes(data.remaining());
            if first.len() + joined.len() + data.len() > self.max_message {
                return Err(Fault::TooLarge);
            }
            if first.is_empty() && joined.is_empty() {
                first = data;
            } else {
                if joined.is_empty() {
                    joined = mem::take(&mut first).into();
                }
                joined.extend_from_slice(&data);
            }
        }
        Ok(if joined.is_empty() { first } else { joined.into() })
    }
}

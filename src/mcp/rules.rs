//! The decision on one request.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, request::Parts};

use super::{
    answer::Expected,
    body::McpBody,
    fault::Fault,
    headers::{LAST_EVENT_ID, ask_for_plain, check_agreement, check_content},
    message::Messages,
    policy::Policy,
    sessions::Sessions,
};
use crate::{
    http::{FromRefusal, Reason, Reject, Rejection, RequestHead, reject},
    identity::Identity,
    middleware::ReadableBody,
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
pub(super) enum Refusal {
    Fault(Fault),
    Denied(Rejection),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What becomes of a request whose head is in order.
pub(super) enum Next {
    /// Its body is read, and judged.
    Read,
    /// The server gets it.
    Serve(Expected),
}

impl<R: Reject> Rules<R> {
    /// Decides on the head of a request.
    pub(super) fn open(
        &self,
        head: &mut Parts,
        body: &impl ReadableBody,
    ) -> Result<(Identity, Next), Refusal> {
        let server = &self.policy.server;
        let Some(who) = head.extensions.get::<Identity>().cloned() else {
            return Err(Refusal::Denied(
                server.refuse(Reason::NoCredentials.into(), &server.ready_once(server.requires(None))),
            ));
        };
        let in_session = self.sessions.open(&mut head.headers, &who)?;
        let next = match head.method {
            Method::POST => {
                check_content(&head.headers)?;
                Next::Read
            }
            // Something behind the guard might take it for a message.
            Method::GET | Method::DELETE if !body.is_end_stream() => {
                return Err(Fault::UnexpectedBody.into());
            }
            // What is sent again belongs to a session, and by it to a principal.
            Method::GET if !in_session && head.headers.contains_key(&LAST_EVENT_ID) => {
                return Err(Fault::UnknownSession.into());
            }
            Method::GET => {
                ask_for_plain(&mut head.headers);
                Next::Serve(Expected::Stream)
            }
            Method::DELETE => Next::Serve(Expected::Anything),
            _ => return Err(Fault::MethodNotAllowed.into()),
        };
        Ok((who, next))
    }

    /// Decides on the messages of a body.
    pub(super) fn judge(&self, body: &[u8], head: &mut Parts, who: &Identity) -> Result<Expected, Refusal> {
        let messages = Messages::read(body)?;
        check_agreement(&head.headers, &messages)?;
        self.policy.permit(&messages, who, RequestHead::from(&*head)).map_err(Refusal::Denied)?;
        if !messages.ask_for_a_list() {
            return Ok(Expected::Anything);
        }
        ask_for_plain(&mut head.headers);
        Ok(Expected::List)
    }

    /// The answer to a request that does not reach the server.
    pub(super) fn refuse<T>(&self, refusal: &Refusal, head: &Parts) -> Response<McpBody<T>>
    where
        McpBody<T>: FromRefusal<R::Body>,
    {
        match refusal {
            Refusal::Fault(fault) => fault.response().map(|message| Bytes::from(message).into()),
            Refusal::Denied(why) => {
                let why = self.policy.server.at_address_of(why, RequestHead::from(head));
                reject(&self.reject, &why, RequestHead::from(head), self.exposes)
            }
        }
    }
}

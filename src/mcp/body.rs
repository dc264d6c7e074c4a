//! The body of an answer: as the server made it, filtered event by event, or the guard's own.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{
    events::{Events, change_data},
    fault::Fault,
    listing::filter,
    policy::Policy,
};
use crate::identity::Identity;

pin_project! {
    /// The body of an answer behind an [`McpGuard`](super::McpGuard).
    #[derive(Debug)]
    pub struct McpBody<T> {
        #[pin]
        kind: Kind<T>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<T> {
        Whole { bytes: Bytes },
        Passed { #[pin] body: T },
        Events { #[pin] body: T, filter: Box<EventFilter> },
    }
}

/// Bodies of answers that can be filtered.
pub trait AnswerBody: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static {}

impl<B> AnswerBody for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static
{
}

/// What a principal may see in lists.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) policy: Arc<Policy>,
    pub(super) who: Identity,
}

/// Passes on what may be seen of a stream of events.
#[derive(Debug)]
struct EventFilter {
    events: Events,
    view: View,
    /// The largest event.
    limit: usize,
    ended: bool,
}

impl<T> McpBody<T> {
    pub(super) fn passed(body: T) -> Self {
        Self { kind: Kind::Passed { body } }
    }

    pub(super) fn events(body: T, view: View, limit: usize) -> Self {
        let filter = EventFilter { events: Events::default(), view, limit, ended: false };
        Self { kind: Kind::Events { body, filter: Box::new(filter) } }
    }
}

impl<T> Default for McpBody<T> {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl<T> From<Bytes> for McpBody<T> {
    fn from(bytes: Bytes) -> Self {
        Self { kind: Kind::Whole { bytes } }
    }
}

impl View {
    /// The text without what may not be seen; `None` when it cannot be read.
    pub(super) fn of<'a>(&self, text: &'a str) -> Option<std::borrow::Cow<'a, str>> {
        filter(text, |item| self.policy.shows(item, &self.who))
    }
}

impl EventFilter {
    /// The next event to pass on, if one is there. Where one cannot be read, or is too large, an error takes its
    /// place and the stream ends.
    fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let event = self.events.next();
        if event.is_none() && self.events.waiting() > self.limit {
            return Some(self.fail());
        }
        event.map(|event| self.pass(event))
    }

    /// What is left at the end of the stream.
    fn end(&mut self) -> Option<Bytes> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        self.events.rest().map(|event| self.pass(event))
    }

    fn pass(&mut self, event: Bytes) -> Bytes {
        change_data(event, |text| self.view.of(text)).unwrap_or_else(|| self.fail())
    }

    fn fail(&mut self) -> Bytes {
        tracing::warn!("an event of the MCP server cannot be filtered; its stream ends");
        self.ended = true;
        format!("data: {}\n\n", Fault::UnreadableAnswer.message()).into()
    }
}

impl<T: Body<Data = Bytes>> Body for McpBody<T> {
    type Data = Bytes;
    type Error = T::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, T::Error>>> {
        match self.project().kind.project() {
            KindProjection::Whole { bytes } => {
                let bytes = std::mem::take(bytes);
                Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(Frame::data(bytes))) })
            }
            KindProjection::Passed { body } => body.poll_frame(cx),
            KindProjection::Events { mut body, filter } => loop {
                if let Some(event) = filter.next() {
                    return Poll::Ready(Some(Ok(Frame::data(event))));
                }
                if filter.ended {
                    return Poll::Ready(None);
                }
                match ready!(body.as_mut().poll_frame(cx)) {
                    Some(Ok(frame)) => {
                        if let Some(data) = frame.data_ref() {
                            filter.events.push(data);
                        }
                    }
                    Some(Err(error)) => {
                        filter.ended = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => return Poll::Ready(filter.end().map(|event| Ok(Frame::data(event)))),
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { bytes } => bytes.is_empty(),
            Kind::Passed { body } => body.is_end_stream(),
            Kind::Events { filter, .. } => filter.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Passed { body } => body.size_hint(),
            Kind::Events { .. } => SizeHint::default(),
        }
    }
}

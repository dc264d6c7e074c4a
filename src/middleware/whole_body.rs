//! A body that is read whole before its request goes on.

use std::{
    error::Error,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http_body::Body;
use http_body_util::LengthLimitError;

/// Bodies of requests that can be read and go on in one piece: what axum's and hyper's are made of.
pub trait ReadableBody:
    Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + From<Bytes> + Send + 'static
{
}

impl<B> ReadableBody for B where
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + From<Bytes> + Send + 'static
{
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    TooLarge,
    Broken,
}

/// What has come of a body. Most come in one piece, which is taken as it is.
#[derive(Default)]
pub(crate) struct Gathered {
    first: Bytes,
    joined: Vec<u8>,
}

impl Gathered {
    /// The whole body, once it is there.
    pub(crate) fn poll<B: ReadableBody>(
        &mut self,
        mut body: Pin<&mut B>,
        limit: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Bytes, BodyFault>> {
        if body.size_hint().lower() > limit as u64 {
            return Poll::Ready(Err(BodyFault::TooLarge));
        }
        while let Some(frame) = ready!(body.as_mut().poll_frame(cx)) {
            let frame = frame.map_err(|error| {
                let error: Box<dyn Error + Send + Sync> = error.into();
                if error.is::<LengthLimitError>() { BodyFault::TooLarge } else { BodyFault::Broken }
            })?;
            // Trailers are no part of what is read.
            if let Ok(data) = frame.into_data() {
                self.add(data, limit)?;
            }
        }
        let Self { first, joined } = mem::take(self);
        Poll::Ready(Ok(if joined.is_empty() { first } else { joined.into() }))
    }

    fn add(&mut self, mut data: impl Buf, limit: usize) -> Result<(), BodyFault> {
        if self.first.len() + self.joined.len() + data.remaining() > limit {
            return Err(BodyFault::TooLarge);
        }
        let data = data.copy_to_bytes(data.remaining());
        if self.first.is_empty() && self.joined.is_empty() {
            self.first = data;
        } else {
            if self.joined.is_empty() {
                self.joined = mem::take(&mut self.first).into();
            }
            self.joined.extend_from_slice(&data);
        }
        Ok(())
    }
}

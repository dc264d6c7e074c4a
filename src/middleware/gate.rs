//! The decision on one request.

use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Extensions, HeaderValue, Request, Response};

use super::{ForwardedIdentity, Requirements, refusals::Refusals, requirements::Ready};
#[cfg(any(feature = "axum", feature = "tonic"))]
use crate::http::{LateRefusal, Refuse};
use crate::{
    http::{FromRefusal, Reason, Reject, Rejection, RequestHead},
    identity::{Authentication, Identity},
    policy::{Compiled, Requirement},
    server::{Admission, Answered, Denial, Pending, ResourceServer, Resumed, Step, StoreWait},
};

/// A server, what it demands here, and how it refuses.
#[derive(Clone, Debug)]
pub(super) struct Gate<R> {
    server: ResourceServer,
    /// What was asked for here; nothing unless it was.
    asked: Option<Requirements>,
    /// The same with what the server always asks.
    requirements: Ready,
    /// Where every request needs the same.
    refusals: Option<Arc<Refusals>>,
    optional: bool,
    /// Whether an identity that this server put into the request counts. Only a guard may: what a
    /// layer meets in the extensions was put there by somebody else.
    reuse: bool,
    reject: R,
    /// Whether a refusal goes into the extensions of its response.
    pub(super) exposes: bool,
    /// The header fields that tell the inner service about the identity.
    forwarded: Option<ForwardedIdentity>,
    /// Whether the inner service gets another head than the one that came.
    rewrites: bool,
}

/// What becomes of a request. A refusal that was written before is not copied: one that is not shared
/// need not be counted.
pub(super) enum Decision<'g> {
    Admit,
    /// Admit, and give the client this nonce with the answer.
    Renew(HeaderValue),
    Refuse(Cow<'g, Rejection>),
    Wait(Wait),
}

/// What a request may have to wait for.
pub(super) enum Wait {
    /// The keys to decide with are being fetched, or a verifier of the application was asked.
    Keys(Box<Pending>),
    /// A store is asked whether what counts once was spent.
    Store(StoreWait),
}

/// A wait that is over.
pub(super) enum Waited {
    Keys(Resumed),
    Store(Answered),
}

impl Future for Wait {
    type Output = Waited;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Waited> {
        match self.get_mut() {
            Self::Keys(keys) => Pin::new(keys).poll(cx).map(Waited::Keys),
            Self::Store(store) => Pin::new(store).poll(cx).map(Waited::Store),
        }
    }
}

impl<R> Gate<R> {
    pub(super) fn new(server: ResourceServer, reuse: bool, reject: R) -> Self {
        let (refusals, asked, optional, exposes, forwarded) = (None, None, false, false, None);
        let rewrites = server.request_profile().removes();
        let requirements = Ready::Fixed(server.ready_for(Requirement::any_token()));
        Self { server, asked, requirements, refusals, optional, reuse, reject, exposes, forwarded, rewrites }
            .ready()
    }

    pub(super) fn rejecting<T>(self, reject: T) -> Gate<T> {
        let Self {
            server,
            asked,
            requirements,
            refusals,
            optional,
            reuse,
            reject: _,
            exposes,
            forwarded,
            rewrites,
        } = self;
        Gate { server, asked, requirements, refusals, optional, reuse, reject, exposes, forwarded, rewrites }
    }

    pub(super) fn forwarding(mut self, identity: ForwardedIdentity) -> Self {
        self.forwarded = Some(identity);
        self.rewrites = true;
        self
    }

    pub(super) fn demanding(mut self, requirements: Requirements) -> Self {
        self.asked = Some(requirements);
        self.ready()
    }

    pub(super) fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self.ready()
    }

    /// Makes what is asked ready, with what the server always asks.
    fn ready(mut self) -> Self {
        self.requirements = Requirements::ready(self.asked.as_ref(), &self.server, self.optional);
        self.refusals = self.requirements.fixed().map(|_| Arc::new(Refusals::new()));
        self
    }

    /// Hands on the identity of a request that is admitted, and takes its tokens out, where that is asked for.
    #[inline]
    pub(super) fn forward<B>(&self, request: &mut Request<B>) {
        if self.rewrites {
            self.rewrite(request);
        }
    }

    // Apart from what every request runs through: few servers change what came.
    #[inline(never)]
    fn rewrite<B>(&self, request: &mut Request<B>) {
        let profile = self.server.request_profile();
        profile.remove_from(
            request,
            self.forwarded.as_ref().is_some_and(ForwardedIdentity::removes_credentials),
        );
        if let Some(forwarded) = &self.forwarded {
            forwarded.forward(request, profile);
        }
    }

    /// What every request needs, where it is the same.
    pub(super) fn fixed(&self) -> Option<&Compiled> {
        self.requirements.fixed()
    }

    /// What the request with this head needs.
    pub(super) fn required(&self, head: RequestHead<'_>) -> Compiled {
        self.requirements.of(head)
    }
}

impl<R: Reject> Gate<R> {
    /// Judges a request that needs `required`, and puts the result into its extensions when it is
    /// admitted.
    #[inline]
    pub(super) fn judge<B>(self: &Arc<Self>, request: &mut Request<B>, required: &Compiled) -> Decision<'_> {
        if self.reuse
            && let Some(verdict) = self.judge_earlier(request, required)
        {
            self.server.request_profile().mark_sensitive(request.headers_mut());
            return verdict;
        }
        let step = self.server.begin_marking(request);
        self.conclude(step, request, required)
    }

    /// The verdict on an identity that stands in the request already.
    #[inline(never)]
    fn judge_earlier<B>(&self, request: &Request<B>, required: &Compiled) -> Option<Decision<'_>> {
        let identity = request.extensions().get::<Identity>()?;
        if identity.server() == self.server.tag() {
            return Some(match self.server.admit_further(identity, required, Some(request.into())) {
                Ok(()) => Decision::Admit,
                Err(denial) => Decision::Refuse(self.refuse(&denial, required)),
            });
        }
        Some(Decision::Refuse(Cow::Owned(self.server.refuse(self.server.foreign(identity).into(), required))))
    }

    /// Takes a step to its verdict.
    #[inline]
    fn conclude<B>(
        self: &Arc<Self>,
        step: Step,
        request: &mut Request<B>,
        required: &Compiled,
    ) -> Decision<'_> {
        match step {
            Step::Done(Ok(Some(identity))) => {
                match self.server.admit(identity, required, Some((&*request).into())) {
                    Admission::Done(admitted) => self.finish(admitted, request.extensions_mut(), required),
                    Admission::Renew(identity, nonce) => {
                        request.extensions_mut().insert(identity);
                        Decision::Renew(nonce)
                    }
                    Admission::Wait(store) => Decision::Wait(Wait::Store(store)),
                }
            }
            Step::Done(Ok(None)) => self.without_credentials(request.extensions_mut(), required),
            Step::Done(Err(denial)) => Decision::Refuse(self.refuse(&denial, required)),
            Step::Wait(keys) => Decision::Wait(Wait::Keys(keys)),
            Step::AskVerifier => self.conclude_asked(request, required),
        }
    }

    #[inline(never)]
    fn conclude_asked<B>(self: &Arc<Self>, request: &mut Request<B>, required: &Compiled) -> Decision<'_> {
        let asked = self.server.ask_verifier((&*request).into());
        self.conclude(asked, request, required)
    }

    fn without_credentials(
        self: &Arc<Self>,
        extensions: &mut Extensions,
        required: &Compiled,
    ) -> Decision<'_> {
        let write = || self.server.write_refusal(Reason::NoCredentials.into(), required);
        let rejection = match &self.refusals {
            Some(refusals) => Cow::Borrowed(refusals.uninvited(write)),
            None => Cow::Owned(write()),
        };
        // A request counts once: a guard may stand behind a layer that let it pass.
        let counted = self.reuse && extensions.get::<Authentication>().is_some();
        if !counted {
            rejection.count();
        }
        if !required.admits_anonymous() {
            return Decision::Refuse(rejection);
        }
        extensions.remove::<Identity>();
        #[cfg(any(feature = "axum", feature = "tonic"))]
        {
            let layer = Arc::clone(self) as Arc<dyn Refuse>;
            extensions.insert(LateRefusal::new(rejection.into_owned(), layer));
        }
        extensions.insert(Authentication::Anonymous);
        Decision::Admit
    }

    /// Goes on behind a wait.
    pub(super) fn resume<B>(
        self: &Arc<Self>,
        waited: Waited,
        request: &mut Request<B>,
        required: &Compiled,
    ) -> Decision<'_> {
        match waited {
            Waited::Keys(resumed) => {
                let step = self.server.resume(resumed, RequestHead::from(&*request));
                self.conclude(step, request, required)
            }
            Waited::Store(answered) => match self.server.resume_admission(answered) {
                Ok((identity, Some(nonce))) => {
                    request.extensions_mut().insert(identity);
                    Decision::Renew(nonce)
                }
                admitted => {
                    let admitted = admitted.map(|(identity, _)| identity);
                    self.finish(admitted, request.extensions_mut(), required)
                }
            },
        }
    }

    #[inline]
    fn finish(
        &self,
        admitted: Result<Identity, Denial>,
        extensions: &mut Extensions,
        required: &Compiled,
    ) -> Decision<'_> {
        match admitted {
            Ok(identity) => {
                extensions.insert(identity);
                Decision::Admit
            }
            Err(denial) => Decision::Refuse(self.refuse(&denial, required)),
        }
    }

    fn refuse(&self, denial: &Denial, required: &Compiled) -> Cow<'_, Rejection> {
        let rejection = self.written(denial, required);
        rejection.count();
        rejection
    }

    fn written(&self, denial: &Denial, required: &Compiled) -> Cow<'_, Rejection> {
        let write = || self.server.write_refusal(denial.clone(), required);
        match &self.refusals {
            Some(refusals) => match refusals.find(denial) {
                Some(known) => Cow::Borrowed(known),
                None => Cow::Owned(refusals.keep(write())),
            },
            None => Cow::Owned(write()),
        }
    }

    /// The response of a refusal.
    #[inline]
    pub(super) fn response<B: FromRefusal<R::Body>>(
        &self,
        why: &Rejection,
        request: RequestHead<'_>,
    ) -> Response<B> {
        let elsewhere;
        let why = if self.server.is_refusal_per_request() {
            elsewhere = self.server.at_address_of(why, request);
            &elsewhere
        } else {
            why
        };
        crate::http::reject(&self.reject, why, request, self.exposes)
    }
}

#[cfg(any(feature = "axum", feature = "tonic"))]
impl<R: Reject> Refuse for Gate<R> {
    #[cfg(feature = "axum")]
    fn refuse(&self, why: &Rejection, request: RequestHead<'_>) -> Response<bytes::Bytes> {
        let why = self.server.at_address_of(why, request);
        crate::http::reject_in_bytes(&self.reject, &why, request, self.exposes)
    }

    fn server(&self) -> &dyn std::any::Any {
        &self.server
    }
}

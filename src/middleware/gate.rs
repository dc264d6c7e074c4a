//! The decision on one request.

use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Extensions, Request, Response};

use super::{Requirements, refusals::Refusals};
#[cfg(any(feature = "axum", feature = "tonic"))]
use crate::http::{LateRefusal, Refuse};
use crate::{
    http::{FromRefusal, Reason, Reject, Rejection, RequestHead},
    identity::{Authentication, Identity},
    policy::Requirement,
    server::{Admission, Answered, Denial, Pending, ResourceServer, Resumed, Step, StoreWait},
};

/// A server, what it demands here, and how it refuses.
#[derive(Clone, Debug)]
pub(super) struct Gate<R> {
    server: ResourceServer,
    requirements: Requirements,
    /// Where every request needs the same.
    refusals: Option<Arc<Refusals>>,
    pub(super) optional: bool,
    /// Whether an identity that this server put into the request counts. Only a guard may: what a
    /// layer meets in the extensions was put there by somebody else.
    reuse: bool,
    reject: R,
    /// Whether a refusal goes into the extensions of its response.
    pub(super) exposes: bool,
}

/// A request without credentials where some are needed.
static UNINVITED: Denial = Denial { reason: Reason::NoCredentials, retry_after: None };

/// What becomes of a request. A refusal that was written before is not copied: one that is not shared
/// need not be counted.
pub(super) enum Decision<'g> {
    Admit,
    Refuse(Cow<'g, Rejection>),
    Wait(Wait),
}

/// What a request may have to wait for.
pub(super) enum Wait {
    /// The keys to decide with are being fetched.
    Keys(Pending),
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
        let requirements = Requirement::none().into();
        Self { server, requirements, refusals: None, optional: false, reuse, reject, exposes: false }
            .demanding(Requirement::none().into())
    }

    pub(super) fn rejecting<T>(self, reject: T) -> Gate<T> {
        let Self { server, requirements, refusals, optional, reuse, reject: _, exposes } = self;
        Gate { server, requirements, refusals, optional, reuse, reject, exposes }
    }

    pub(super) fn demanding(mut self, requirements: Requirements) -> Self {
        self.requirements = requirements.and(self.server.required());
        self.refusals = self.requirements.fixed().map(|_| Arc::new(Refusals::new()));
        self
    }

    /// What every request needs, where it is the same.
    pub(super) fn fixed(&self) -> Option<&Requirement> {
        self.requirements.fixed()
    }

    /// What the request with this head needs.
    pub(super) fn required(&self, head: RequestHead<'_>) -> Requirement {
        self.requirements.of(head)
    }
}

impl<R: Reject> Gate<R> {
    /// Judges a request that needs `required`, and puts the result into its extensions when it is
    /// admitted.
    pub(super) fn judge<B>(
        self: &Arc<Self>,
        request: &mut Request<B>,
        required: &Requirement,
    ) -> Decision<'_> {
        if self.reuse
            && let Some(verdict) = self.judge_earlier(request, required)
        {
            self.server.request_profile().mark_sensitive(request.headers_mut());
            return verdict;
        }
        let step = self.server.begin_marking(request.headers_mut());
        self.conclude(step, request, required)
    }

    /// The verdict on an identity that stands in the request already.
    fn judge_earlier<B>(&self, request: &Request<B>, required: &Requirement) -> Option<Decision<'_>> {
        let identity = request.extensions().get::<Identity>()?;
        if identity.server() == self.server.tag() {
            return Some(match self.server.admit_further(identity, required) {
                Ok(()) => Decision::Admit,
                Err(denial) => Decision::Refuse(self.refuse(&denial, required)),
            });
        }
        let reason = Reason::ForeignIdentity {
            verified_by: Arc::clone(&identity.server().0),
            guarded_by: Arc::clone(&self.server.tag().0),
        };
        Some(Decision::Refuse(Cow::Owned(self.server.refuse(reason.into(), required))))
    }

    /// Takes a step to its verdict.
    fn conclude<B>(
        self: &Arc<Self>,
        step: Step,
        request: &mut Request<B>,
        required: &Requirement,
    ) -> Decision<'_> {
        let extensions = request.extensions_mut();
        match step {
            Step::Wait(keys) => return Decision::Wait(Wait::Keys(keys)),
            Step::Done(Err(denial)) => return Decision::Refuse(self.refuse(&denial, required)),
            Step::Done(Ok(Some(identity))) => {
                return match self.server.admit(identity, required) {
                    Admission::Done(admitted) => self.finish(admitted, extensions, required),
                    Admission::Wait(store) => Decision::Wait(Wait::Store(store)),
                };
            }
            Step::Done(Ok(None)) => {
                let rejection = self.written(&UNINVITED, required);
                // A request counts once: a guard may stand behind a layer that let it pass.
                let counted = self.reuse && extensions.get::<Authentication>().is_some();
                if !counted {
                    rejection.count();
                }
                if !self.optional || !required.is_none() {
                    return Decision::Refuse(rejection);
                }
                extensions.remove::<Identity>();
                #[cfg(any(feature = "axum", feature = "tonic"))]
                {
                    let layer = Arc::clone(self) as Arc<dyn Refuse>;
                    extensions.insert(LateRefusal::new(rejection.into_owned(), layer));
                }
                extensions.insert(Authentication::Anonymous);
            }
        }
        Decision::Admit
    }

    /// Goes on behind a wait.
    pub(super) fn resume<B>(
        self: &Arc<Self>,
        waited: Waited,
        request: &mut Request<B>,
        required: &Requirement,
    ) -> Decision<'_> {
        match waited {
            Waited::Keys(resumed) => {
                let step = self.server.resume(resumed, RequestHead::from(&*request));
                self.conclude(step, request, required)
            }
            Waited::Store(answered) => {
                let admitted = self.server.resume_admission(answered);
                self.finish(admitted, request.extensions_mut(), required)
            }
        }
    }

    fn finish(
        &self,
        admitted: Result<Identity, Denial>,
        extensions: &mut Extensions,
        required: &Requirement,
    ) -> Decision<'_> {
        match admitted {
            Ok(identity) => {
                extensions.insert(identity);
                Decision::Admit
            }
            Err(denial) => Decision::Refuse(self.refuse(&denial, required)),
        }
    }

    fn refuse(&self, denial: &Denial, required: &Requirement) -> Cow<'_, Rejection> {
        let rejection = self.written(denial, required);
        rejection.count();
        rejection
    }

    fn written(&self, denial: &Denial, required: &Requirement) -> Cow<'_, Rejection> {
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
    pub(super) fn response<B: FromRefusal<R::Body>>(
        &self,
        why: &Rejection,
        request: RequestHead<'_>,
    ) -> Response<B> {
        crate::http::reject(&self.reject, why, request, self.exposes)
    }
}

#[cfg(any(feature = "axum", feature = "tonic"))]
impl<R: Reject> Refuse for Gate<R> {
    #[cfg(feature = "axum")]
    fn refuse(&self, why: &Rejection, request: RequestHead<'_>) -> Response<bytes::Bytes> {
        crate::http::reject_in_bytes(&self.reject, why, request, self.exposes)
    }
}

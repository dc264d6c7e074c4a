//! The decision on one request.

use std::sync::Arc;

use http::{Request, request::Parts};

use super::{
    Requirements,
    refusals::{Refusal, Refusals},
};
use crate::{
    http::{Reason, Rejection},
    identity::{Authentication, Identity},
    policy::Requirement,
    server::{Denial, Pending, ResourceServer, Step},
};

/// A server, and what it demands here.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    server: ResourceServer,
    requirements: Requirements,
    /// Where every request needs the same.
    refusals: Option<Arc<Refusals>>,
    pub(super) optional: bool,
    /// Whether an identity that this server put into the request counts. Only a guard may: what a
    /// layer meets in the extensions was put there by somebody else.
    reuse: bool,
}

/// A request without credentials where some are needed.
static UNINVITED: Denial = Denial { reason: Reason::NoCredentials, retry_after: None };

/// What becomes of a request.
pub(super) enum Verdict<'g> {
    Admit,
    Refuse(Refusal<'g>),
    Wait(Pending),
}

impl Gate {
    pub(super) fn new(server: ResourceServer, reuse: bool) -> Self {
        let requirements = Requirement::none().into();
        Self { server, requirements, refusals: None, optional: false, reuse }
            .demanding(Requirement::none().into())
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
    pub(super) fn required(&self, head: &Parts) -> Requirement {
        self.requirements.of(head)
    }

    /// Judges a request that needs `required`, and puts the result into its extensions when it is
    /// admitted.
    pub(super) fn judge<B>(&self, request: &mut Request<B>, required: &Requirement) -> Verdict<'_> {
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
    fn judge_earlier<B>(&self, request: &Request<B>, required: &Requirement) -> Option<Verdict<'_>> {
        let identity = request.extensions().get::<Identity>()?;
        if identity.server() == self.server.tag() {
            return Some(match self.demand(identity, required) {
                Ok(()) => Verdict::Admit,
                Err(rejection) => Verdict::Refuse(rejection),
            });
        }
        let reason = Reason::ForeignIdentity {
            verified_by: Arc::clone(&identity.server().0),
            guarded_by: Arc::clone(&self.server.tag().0),
        };
        Some(Verdict::Refuse(Refusal::Fresh(self.server.refuse(reason.into(), required))))
    }

    /// Takes a step to its verdict.
    pub(super) fn conclude<B>(
        &self,
        step: Step,
        request: &mut Request<B>,
        required: &Requirement,
    ) -> Verdict<'_> {
        let extensions = request.extensions_mut();
        match step {
            Step::Wait(pending) => return Verdict::Wait(pending),
            Step::Done(Err(denial)) => return Verdict::Refuse(self.refuse(&denial, required)),
            Step::Done(Ok(Some(identity))) => {
                if let Err(rejection) = self.demand(&identity, required) {
                    return Verdict::Refuse(rejection);
                }
                extensions.insert(identity);
            }
            Step::Done(Ok(None)) => {
                let rejection = self.written(&UNINVITED, required);
                // A request counts once: a guard may stand behind a layer that let it pass.
                let counted = self.reuse && extensions.get::<Authentication>().is_some();
                if !counted {
                    rejection.count();
                }
                if !self.optional || !required.is_none() {
                    return Verdict::Refuse(rejection);
                }
                extensions.remove::<Identity>();
                // For a handler that wants an identity after all.
                extensions.insert(Rejection::clone(&rejection));
                extensions.insert(Authentication::Anonymous);
            }
        }
        Verdict::Admit
    }

    pub(super) fn server(&self) -> &ResourceServer {
        &self.server
    }

    fn demand(&self, identity: &Identity, required: &Requirement) -> Result<(), Refusal<'_>> {
        if required.is_met_by(identity.scopes()) {
            return Ok(());
        }
        let reason = Reason::InsufficientScope { required: required.clone() };
        Err(self.refuse(&reason.into(), required))
    }

    fn refuse(&self, denial: &Denial, required: &Requirement) -> Refusal<'_> {
        let rejection = self.written(denial, required);
        rejection.count();
        rejection
    }

    fn written(&self, denial: &Denial, required: &Requirement) -> Refusal<'_> {
        let write = || self.server.write_refusal(denial.clone(), required);
        match &self.refusals {
            Some(refusals) => match refusals.find(denial) {
                Some(known) => Refusal::Known(known),
                None => Refusal::Fresh(refusals.keep(write())),
            },
            None => Refusal::Fresh(write()),
        }
    }
}

//! The decision on one request.

use std::sync::Arc;

use http::request::Parts;

use super::Requirements;
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
    /// The refusal of requests without credentials, written once where it is always the same: the
    /// most frequent one, and the cheapest to cause.
    uninvited: Option<Rejection>,
    pub(super) optional: bool,
    /// Whether an identity that this server put into the request counts. Only a guard may: what a
    /// layer meets in the extensions was put there by somebody else.
    reuse: bool,
}

/// What becomes of a request.
pub(super) enum Verdict {
    Admit,
    Refuse(Rejection),
    Wait(Pending),
}

impl Gate {
    pub(super) fn new(server: ResourceServer, reuse: bool) -> Self {
        let gate = Self {
            server,
            requirements: Requirement::none().into(),
            uninvited: None,
            optional: false,
            reuse,
        };
        gate.demanding(Requirement::none().into())
    }

    pub(super) fn demanding(mut self, requirements: Requirements) -> Self {
        let requirements = requirements.and(self.server.required());
        self.uninvited = requirements.fixed().map(|required| self.server.prepare_uninvited(required));
        self.requirements = requirements;
        self
    }

    /// Judges a request, and puts the result into its extensions when it is admitted.
    pub(super) fn judge(&self, request: &mut Parts) -> Verdict {
        self.server.request_profile().mark_sensitive(&mut request.headers);
        if self.reuse {
            match request.extensions.get::<Authentication>() {
                Some(Authentication::Verified(identity)) if identity.server() == self.server.tag() => {
                    return match self.demand(identity, request) {
                        Ok(()) => Verdict::Admit,
                        Err(rejection) => Verdict::Refuse(rejection),
                    };
                }
                Some(Authentication::Verified(foreign)) => {
                    let reason = Reason::ForeignIdentity {
                        verified_by: Arc::clone(&foreign.server().0),
                        guarded_by: Arc::clone(&self.server.tag().0),
                    };
                    return Verdict::Refuse(self.refuse(reason.into(), request));
                }
                Some(Authentication::Anonymous) | None => {}
            }
        }
        let step = self.server.begin(&request.headers);
        self.conclude(step, request)
    }

    /// Takes a step to its verdict.
    pub(super) fn conclude(&self, step: Step, request: &mut Parts) -> Verdict {
        let authentication = match step {
            Step::Wait(pending) => return Verdict::Wait(pending),
            Step::Done(Err(denial)) => return Verdict::Refuse(self.refuse(denial, request)),
            Step::Done(Ok(Some(identity))) => {
                if let Err(rejection) = self.demand(&identity, request) {
                    return Verdict::Refuse(rejection);
                }
                request.extensions.insert(identity.clone());
                Authentication::Verified(identity)
            }
            Step::Done(Ok(None)) => {
                let required = self.requirements.of(request);
                let prepared = self.uninvited.clone();
                let rejection = prepared.unwrap_or_else(|| self.server.prepare_uninvited(&required));
                if !self.optional || !required.is_none() {
                    self.server.count(&rejection);
                    return Verdict::Refuse(rejection);
                }
                request.extensions.remove::<Identity>();
                // For a handler that wants an identity after all.
                request.extensions.insert(rejection);
                Authentication::Anonymous
            }
        };
        request.extensions.insert(authentication);
        Verdict::Admit
    }

    pub(super) fn server(&self) -> &ResourceServer {
        &self.server
    }

    fn demand(&self, identity: &Identity, request: &Parts) -> Result<(), Rejection> {
        let required = self.requirements.of(request);
        if required.is_met_by(identity.scopes()) {
            return Ok(());
        }
        let reason = Reason::InsufficientScope { required: required.clone() };
        Err(self.server.refuse(reason.into(), &required))
    }

    fn refuse(&self, denial: Denial, request: &Parts) -> Rejection {
        self.server.refuse(denial, &self.requirements.of(request))
    }
}

//! A handler's requirement, as a part of its signature.

use std::{fmt, marker::PhantomData, ops::Deref};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use super::{ExtractorRejection, Refused, authentication};
use crate::{
    ResourceServer,
    http::LateRefusal,
    identity::{Authentication, Identity},
    policy::Operation,
};

/// Who makes a request, where that is allowed what the [operation](Operation) `O` requires.
///
/// The requirement holds beside what the layer and the server require, and is refused as a guard refuses it: with
/// the same status and challenge, the body that the
/// [server](crate::ResourceServerBuilder::reject_with) makes, and, behind an
/// [optional](crate::middleware::AuthLayer::optional) layer, a 401 of the layer's form that names the scopes of `O`. It is
/// judged by the server that verified the identity, once for each token, and costs no allocation. A
/// [predicate](crate::policy::Requirement::predicate) sees the request.
///
/// `Option<Allowed<O>>` is `None` for a request without credentials where `O` lets such pass
/// ([`anonymous_or`](crate::policy::anonymous_or)); otherwise it is as `Allowed<O>`.
///
/// The metadata document lists the scopes of `O` from its first request on; from the start,
/// where it is [declared](ResourceServer::declare). In a 401 of a layer that is not optional they are not: that layer
/// does not know the handler. To have both, make a [row](crate::middleware::RequirementTable) of it.
///
/// ```
/// # fn app(api: &tower_resource_server::ResourceServer) -> axum::Router {
/// use axum::{Router, routing::{get, post}};
/// use tower_resource_server::{axum::Allowed, operations, policy::{role, scope}};
///
/// operations! {
///     ReadOrders = scope("orders:read");
///     CancelOrder = scope("orders:write").or(role("clerk"));
/// }
///
/// async fn orders(who: Allowed<ReadOrders>) -> String {
///     format!("the orders of {}", who.subject())
/// }
///
/// async fn cancel(_: Allowed<CancelOrder>) -> &'static str {
///     "cancelled"
/// }
///
/// api.declare::<ReadOrders>().declare::<CancelOrder>();
/// Router::new().route("/orders", get(orders)).route("/orders/cancel", post(cancel)).layer(api.layer())
/// # }
/// ```
pub struct Allowed<O> {
    identity: Identity,
    operation: PhantomData<fn() -> O>,
}

impl<O> Allowed<O> {
    /// The identity by itself.
    #[must_use]
    pub fn into_identity(self) -> Identity {
        self.identity
    }
}

impl<O> Clone for Allowed<O> {
    fn clone(&self) -> Self {
        Self { identity: self.identity.clone(), operation: PhantomData }
    }
}

impl<O> Deref for Allowed<O> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

/// As the identity.
impl<O> fmt::Debug for Allowed<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Allowed").field(&self.identity).finish()
    }
}

impl<O: Operation> Allowed<O> {
    fn of(identity: Identity, parts: &Parts) -> Result<Self, ExtractorRejection> {
        let admitted = match identity.verifier() {
            Some(server) => server.admit_to(&identity, &server.operation::<O>(), parts.into()),
            None => Err(identity.refusal_without_server(&O::requirement())),
        };
        match admitted {
            Ok(()) => Ok(Self { identity, operation: PhantomData }),
            Err(why) => {
                Err(ExtractorRejection::NotAllowed(Refused { response: Box::new(why.answer(parts)), why }))
            }
        }
    }

    /// What a request without credentials gets.
    fn without_credentials(parts: &Parts) -> Result<Option<Self>, ExtractorRejection> {
        let late = LateRefusal::of(&parts.extensions).ok_or(ExtractorRejection::NoLayer)?;
        let server: &ResourceServer = late.server().downcast_ref().ok_or(ExtractorRejection::NoLayer)?;
        let required = server.operation::<O>();
        if required.admits_anonymous() {
            return Ok(None);
        }
        let why = server.uninvited(&required);
        let response = Box::new(late.response_to(&why, parts.into()));
        Err(ExtractorRejection::Unauthenticated(Refused { response, why }))
    }
}

impl<S: Sync, O: Operation> FromRequestParts<S> for Allowed<O> {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ExtractorRejection> {
        match <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await? {
            Some(allowed) => Ok(allowed),
            // The operation is open to all, and this handler is not.
            None => Err(super::anonymous(parts)),
        }
    }
}

impl<S: Sync, O: Operation> OptionalFromRequestParts<S> for Allowed<O> {
    type Rejection = ExtractorRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, ExtractorRejection> {
        match authentication(parts)? {
            Authentication::Verified(identity) => Self::of(identity, parts).map(Some),
            Authentication::Anonymous => Self::without_credentials(parts),
        }
    }
}

//! What is in the body of a refusal: the clients of a vendor's system read their own.

use axum::body::Body;
use http::{Response, request::Parts};
use tower_resource_server::{
    http::{Json, Reject, Rejection},
    preset::sceyt::ErrorBody,
};

use crate::issuer_flags::Profile;

#[derive(Clone, Copy)]
pub(crate) enum Refusals {
    Json,
    Sceyt,
}

impl Refusals {
    pub(crate) const fn of(profile: Profile) -> Self {
        match profile {
            Profile::Sceyt => Self::Sceyt,
            Profile::Jwt | Profile::Rfc9068 | Profile::MobileClientAccess | Profile::AppId => Self::Json,
        }
    }
}

impl Reject<Body> for Refusals {
    fn reject(&self, why: &Rejection, request: &Parts) -> Response<Body> {
        match self {
            Self::Json => Json.reject(why, request),
            Self::Sceyt => ErrorBody.reject(why, request),
        }
    }
}

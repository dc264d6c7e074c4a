//! What is in the body of a refusal: the clients of a vendor's system read their own.

use tower_resource_server::{
    http::{Json, RefusalBody, Reject, Rejection, RequestHead},
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

impl Reject for Refusals {
    type Body = RefusalBody;

    fn body(&self, why: &Rejection, request: RequestHead<'_>) -> RefusalBody {
        match self {
            Self::Json => Json.body(why, request),
            Self::Sceyt => ErrorBody.body(why, request),
        }
    }
}

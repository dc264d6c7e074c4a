//! What the vendor's own software would hand to the application, beside the identity.

use serde::Serialize;
use serde_json::Value;
use tower_resource_server::{
    FromIdentity, Identity,
    preset::{app_id::AuthorizationContext, mobile_client_access::SecurityContext, sceyt},
    time::{Clock, SystemClock},
};

use crate::issuer_flags::Profile;

/// Reads the vendor's context out of an identity.
pub(crate) type Context = fn(&Identity) -> Option<Value>;

/// The context of a system that has one.
pub(crate) const fn of(profile: Profile) -> Option<Context> {
    match profile {
        Profile::MobileClientAccess => Some(json::<SecurityContext>),
        Profile::AppId => Some(json::<AuthorizationContext>),
        Profile::Sceyt => Some(sceyt),
        Profile::Jwt | Profile::Rfc9068 => None,
    }
}

fn sceyt(who: &Identity) -> Option<Value> {
    serde_json::to_value(sceyt::Context::at(who, SystemClock.unix())?).ok()
}

fn json<C: FromIdentity + Serialize>(who: &Identity) -> Option<Value> {
    serde_json::to_value(who.context::<C>().ok()?).ok()
}

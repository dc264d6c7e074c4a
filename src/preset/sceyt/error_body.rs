//! What SCEYT's clients read in a refusal.

use serde::Serialize;

use crate::{
    error::TokenError,
    http::{Reason, RefusalBody, Reject, Rejection, RequestHead},
};

const EXPIRED_TOKEN: u32 = 1020;
const INVALID_TOKEN: u32 = 1021;
const NOT_ACTIVE: u32 = 40103;
const UNAUTHORIZED: u32 = 1302;
const BAD_USER_NAME: u32 = 40005;
const NOT_ALLOWED: u32 = 40105;
// The vendor has none for these. Like its own of five digits (42900 is "too many requests"), they
// begin with the status.
const MALFORMED: u32 = 40000;
const UNAVAILABLE: u32 = 50300;
const INTERNAL: u32 = 50000;

/// SCEYT's number for a reason; none is under 200, which its clients take for a broken connection.
///
/// | code | SCEYT's name | reason |
/// |---|---|---|
/// | 1020 | `EXPIRED_TOKEN` | `exp` has come |
/// | 40103 | `TOKEN_NOT_ACTIVE` | `nbf` or `iat` has not come |
/// | 40005 | `BAD_USERNAME_IN_TOKEN` | `sub` is absent, empty or no string |
/// | 1302 | `UNAUTHORIZED` | no token; no application or an unknown one in `app-id` |
/// | 1021 | `INVALID_TOKEN` | anything else about the token: its signature, its form, `aid`, its lifetime |
/// | 40105 | `NOT_ALLOWED` | what an operation requires is not met: a scope, a role, a login; a page of another origin sent a cookie |
/// | 40000 | – | several `Authorization` or `app-id` fields, or one that cannot be read |
/// | 50300 | – | the keys cannot be had; nothing is known about the token, which a client should keep |
/// | 50000 | – | a mistake in the wiring of the server |
#[must_use]
pub fn error_code(reason: &Reason) -> u32 {
    match reason {
        Reason::NoCredentials => UNAUTHORIZED,
        Reason::InvalidToken { error, .. } => match error {
            TokenError::Expired => EXPIRED_TOKEN,
            TokenError::NotYetValid | TokenError::IssuedInFuture => NOT_ACTIVE,
            TokenError::UntrustedIssuer => UNAUTHORIZED,
            TokenError::MissingClaim(name) | TokenError::InvalidClaim(name) if name.as_str() == "sub" => {
                BAD_USER_NAME
            }
            _ => INVALID_TOKEN,
        },
        Reason::InvalidProof(_) => INVALID_TOKEN,
        Reason::InsufficientScope { .. }
        | Reason::InsufficientUserAuthentication(_)
        | Reason::CrossOrigin => NOT_ALLOWED,
        Reason::InvalidRequest(_) => MALFORMED,
        Reason::KeysUnavailable | Reason::SpentStoreUnavailable | Reason::VerifierUnavailable => UNAVAILABLE,
        Reason::ForeignIdentity { .. } => INTERNAL,
    }
}

/// Refusals with SCEYT's body, `{"code":1020,"message":"the token has expired"}`: the
/// [code](error_code) and this crate's fixed phrase for the reason.
///
/// ```
/// # fn app(api: &tower_resource_server::ResourceServer) {
/// use tower_resource_server::preset::sceyt::ErrorBody;
///
/// let layer = api.layer().reject_with(ErrorBody);
/// # let _ = layer;
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorBody;

impl Reject for ErrorBody {
    type Body = RefusalBody;

    fn body(&self, why: &Rejection, _: RequestHead<'_>) -> RefusalBody {
        #[derive(Serialize)]
        struct Body<'a> {
            code: u32,
            message: &'a str,
        }

        let reason = why.reason();
        RefusalBody::json(&Body { code: error_code(reason), message: reason.description() })
    }
}

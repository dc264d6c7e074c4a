//! IBM Cloud App ID, the successor of Mobile Client Access: an API behind it, as the vendor's
//! `APIStrategy` has it, and stricter where that let wrong tokens in.
//!
//! A tenant of App ID signs users in and gives a client two tokens, both JWTs signed with RS256. The
//! client sends `Authorization: Bearer <access token> [<ID token>]`; the server checks them with the
//! keys at `{OAuth server URL}/publickeys`, and hands the application an [`AuthorizationContext`].
//!
//! ```
//! # #[cfg(feature = "remote")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tower_resource_server::{policy::scope, preset::app_id};
//!
//! let api = app_id::server("us-south", "39a37f57-a227-4bfe-a044-93b6e6050a61")
//!     .audience("968c2306-9aef-4109-bc06-4f5ed6a1c24a") // a client of yours, by its id
//!     .require(scope("orders.read"))
//!     .build()?;
//! # let _ = api;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "remote"))]
//! # fn main() {}
//! ```
//!
//! # What is checked
//!
//! | | access token | ID token, where one comes along |
//! |---|---|---|
//! | algorithm | RS256 | RS256 |
//! | header `kid` | there, and one of the tenant's keys | the same |
//! | header `typ` | `JWT` (version 4), `JOSE` (version 3) or none | the same |
//! | `iss` | one of the [names](#names-of-the-issuer) of the tenant's OAuth server | the same |
//! | `tenant` | the tenant | the tenant |
//! | `exp` | there, and after now | the same |
//! | `nbf` | has come, if there is one | the same |
//! | `iat` | a date, if there is one | the same |
//! | `sub` | a non-empty string | that of the access token |
//! | `aud` | an array; with [`audience`](AppId::audience), one of those in it | a string or an array, with an audience of the access token in it |
//! | `scope` | a non-empty string | absent: the mark of an access token |
//! | `identities` | absent: the mark of an ID token | – |
//! | `at_hash` | – | that of the access token, if there is one |
//!
//! Then the scopes: [`appid_default`](DEFAULT_SCOPE) and what the operation requires. An
//! [`optional`](crate::middleware::AuthLayer::optional) layer lets requests without credentials pass all the
//! same: it is around both. There is no
//! leeway unless [`leeway`](AppId::leeway) grants some.
//!
//! It does NOT look at `amr`, `email_verified` and claims that a tenant maps into its tokens, nor
//! does it ask App ID whether a token was withdrawn. Without [`audience`](AppId::audience), tokens
//! of every client of the tenant are good: `tenant` is what binds them to this server.
//!
//! Quirks:
//!
//! - An application that was assigned scopes gets a token with those and without `appid_default`:
//!   the SDK refuses it, and so does this. [`access_token`] in a server of your own takes it.
//! - A tenant may map claims of its own into its tokens. One that is called `identities` in access
//!   tokens, or `scope` in ID tokens, makes them look like the other kind, and is refused.
//! - App ID names no client in an access token; its audience is the client.
//!
//! # Names of the issuer
//!
//! Version 4 writes its `iss` as the OAuth server URL, version 3 as that URL's host and nothing
//! more, and App ID was at `bluemix.net` before it moved. So these are one issuer, byte for byte:
//!
//! | `iss` | for |
//! |---|---|
//! | the OAuth server URL as configured, `https://{region}.appid.cloud.ibm.com/oauth/v4/{tenant}` for a region | version 4, and every server at an address of its own |
//! | the host of that URL | version 3 |
//! | `https://{region}.appid.cloud.ibm.com/oauth/v4/{tenant}` | version 4, where the configuration has an old or a version 3 URL; the vendor's SDK rewrites such a URL to this one |
//! | `{region}.appid.cloud.ibm.com` | version 3, likewise |
//! | `appid-oauth.{region}.bluemix.net`, with `ng` for `us-south` | version 3, under the old name |
//!
//! The last three hold only where the host of the URL is one of IBM's, which names the region. That
//! a host alone is the same for all tenants of a region does no harm: the keys are the tenant's, and
//! the claim `tenant` must be it. The identity's issuer is always the first.
//!
//! Whatever the version, the `aud` of an *access* token must be an array. That is the vendor's
//! `APIStrategy`; the string that the first version 3 tokens had was refused there, too.
//!
//! # Answers
//!
//! | case | status | `WWW-Authenticate` |
//! |---|---|---|
//! | no credentials, malformed ones, another scheme | 401 | `Bearer realm="imfAuthentication", scope="appid_default read", error="invalid_token"` |
//! | a token that is not accepted, either one | 401 | the same |
//! | a scope is missing | 401; [403](AppId::scope_status_403) if told | the same with `error="insufficient_scope"` |
//! | two `Authorization` fields | 400 | `Bearer realm="imfAuthentication", error="invalid_request", error_description="…"` |
//! | keys that cannot be had | 503 | none; `Retry-After` |
//!
//! One header serves both families of mobile clients: those of Mobile Client Access look for
//! `"imfAuthentication"` with its quotes, those of App ID for `appid`, which `appid_default` has in it.
//!
//! The grammar is the SDK's: `Bearer` in this case, single spaces, one or two tokens.
//!
//! # Differences from the vendor's SDK
//!
//! npm `ibmcloud-appid` 7.0.0. The suite `tests/interop/app-id` sends every case to both; what differs
//! is listed there answer by answer, and in short here.
//!
//! | the SDK | here | why |
//! |---|---|---|
//! | challenge without `realm` | `realm="imfAuthentication"` | clients of Mobile Client Access look for it |
//! | never looks at `iss` and `tenant` | refuses others | the vendor's own documents say that both must be checked |
//! | takes a token without `exp`, or without `sub` | refuses it | it would be good for ever, or name no subject |
//! | takes an access token with `identities`, and as ID token whatever is signed | tells the two apart | an ID token is shown to many who may not act for its subject |
//! | never compares the two tokens | one subject, a shared audience | else my access token and your ID token, leaked or borrowed, make me you |
//! | a header `typ` of any kind, `crit` read past | refuses them | RFC 8725 section 3.11, RFC 7515 section 4.1.11 |
//! | a member twice, `aud` of numbers, `iat` that is no date, `cnf` read past | refuses them | RFC 7519 sections 4, 4.1.3 and 4.1.6, RFC 7800 |
//! | an empty `scope` lacks scopes | is not valid | RFC 6749 section 3.3: a scope has a character |
//! | claims that are no JSON: an exception, 500 | 401 | it is no token |
//! | any scheme that begins with `Bearer` | `Bearer` | another scheme is another scheme |
//! | takes the first of two `Authorization` fields | 400 | an intermediary may have read the other one |
//! | looks at scopes before it looks at the audience and at the ID token | scopes last | a token that is not good grants nothing, so there is nothing to be missing |
//! | a wrong audience is `insufficient_scope`, and the token's text is in the challenge | `invalid_token`, fixed phrases | more scopes would not help; the text of a token is no secret of ours |
//! | keys that cannot be had: seconds of waiting, then 401 | 503 within two seconds | the token may be good; a 401 sends its user to a login |
//! | an unknown `kid` fetches the keys, every time | at most 5 times, then once in 10 s | anyone can make up a `kid` |
//! | keys are kept for ever | refreshed; a key that is gone is dead | a leaked key can be withdrawn |
//! | `APPID_ALLOW_EXPIRED_TOKENS` | no such thing | an expired token is expired |
//!
//! Claims and addresses are documented at <https://cloud.ibm.com/docs/appid?topic=appid-tokens> and
//! <https://cloud.ibm.com/docs/appid?topic=appid-token-validation>.

mod context;
mod issuer_names;
mod settings;

pub use self::{
    context::AuthorizationContext,
    settings::{AppId, server},
};
use crate::{policy::claim, profile::TokenProfile};

/// The scope that every access token of a signed-in user or client has, and every operation needs.
pub const DEFAULT_SCOPE: &str = "appid_default";

/// The realm that the clients of Mobile Client Access, which App ID replaced, look for.
const REALM: &str = "imfAuthentication";

/// The access tokens of a tenant; what binds them to a server is `tenant`.
pub fn access_token(tenant: &str) -> TokenProfile {
    token(tenant)
        .rule(claim("aud").strings())
        .rule(claim("scope").non_empty_string())
        // No tenant can map a claim of its own over this one in ID tokens.
        .rule(claim("identities").absent())
        .scope_claims(["scope"])
}

/// The ID tokens of a tenant, for the company of an access token: nothing here names a client.
pub fn id_token(tenant: &str) -> TokenProfile {
    token(tenant)
        .rule(claim("aud").string_or_strings())
        .rule(claim("scope").absent())
        .rule(claim("at_hash").hashes_access_token())
}

fn token(tenant: &str) -> TokenProfile {
    super::rs256(TokenProfile::empty())
        .accept_types(["JWT", "JOSE"])
        .require_kid(true)
        .keep_header(true)
        .leeway(std::time::Duration::ZERO)
        .rule(claim("iss").is_issuer())
        .rule(claim("tenant").equals(tenant).binds_token())
        .rule(claim("exp").after_now())
        .rule(claim("nbf").not_before().if_present())
        // Not whether it has come: without leeway, a clock that is a second ahead of ours would
        // make every new token wait.
        .rule(claim("iat").numeric_date().if_present())
        .rule(claim("sub").non_empty_string())
}

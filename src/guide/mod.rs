//! The guide: how to protect a service, step by step, and why it works so.
//!
//! The pages, in the order in which most readers need them:
//!
//! | page | answers |
//! |---|---|
//! | [`request`] | what happens to a request, in which order, and which answer it gets |
//! | [`providers`] | how to trust an issuer: a provider that is known, your own keys, your own kind of token |
//! | [`identity_services`] | how to trust Auth0, Cognito, Entra ID, Keycloak, Okta and their like |
//! | [`hosted_logins`] | how to trust the sessions of Clerk, Firebase, Google, Stytch, Supabase, WorkOS |
//! | [`proxies`] | how to trust the assertions of IAP, Cloudflare Access, AWS, Pomerium, Teleport |
//! | [`workloads`] | how to trust jobs of GitHub and GitLab, pods, workloads of SPIFFE, service accounts |
//! | [`vendor_systems`] | how to be the server of App ID, Mobile Client Access, Layer, SCEYT |
//! | [`tenants`] | how to trust one issuer for each customer of a provider |
//! | [`scopes_and_roles`] | how to say what an operation requires |
//! | [`api_keys`] | how to accept API keys beside tokens and get rid of them, and how to verify other credentials |
//! | [`step_up`] | how to ask for a stronger or fresher login |
//! | [`dpop`] | how to take tokens that are bound to a key of their sender |
//! | [`mtls`] | how to take tokens that are bound to a certificate of their sender |
//! | [`fapi2`] | how to hold a server to the FAPI 2.0 Security Profile, requirement by requirement |
//! | [`many_instances`] | how several instances share what counts once |
//! | [`grpc`] | how to protect a tonic server |
//! | [`mcp`] | how to protect the tools of a server of the Model Context Protocol |
//! | [`configuration`] | how to configure a server from a file and the environment, and exchange that |
//! | [`behind_a_proxy`] | what a reverse proxy must leave alone |
//! | [`forward_auth`] | how to tell a service that is not Rust who makes a request |
//! | [`token_locations`] | where a request may have its token |
//! | [`cookies`] | how to take tokens from a cookie, and which pages may send it |
//! | [`streams`] | how to authenticate a WebSocket or an `EventSource` of a page |
//! | [`browsers`] | how to let pages of other origins call the API |
//! | [`operations`] | what to watch, and what to do about it |
//! | [`limits`] | every number, and what happens beyond it |
//! | [`testing`] | how to test handlers, and that bad tokens are refused |
//! | [`from_another_crate`] | what replaces what, coming from a similar crate |
//!
//! [`request`] and [`limits`] are reference; the others begin with what to write. What each item is,
//! and what it does not check, stands at the item itself.

pub mod request {
    #![doc = include_str!("request.md")]
}
pub mod providers {
    #![doc = include_str!("providers.md")]
}
pub mod identity_services {
    #![doc = include_str!("identity_services.md")]
}
pub mod hosted_logins {
    #![doc = include_str!("hosted_logins.md")]
}
pub mod proxies {
    #![doc = include_str!("proxies.md")]
}
pub mod workloads {
    #![doc = include_str!("workloads.md")]
}
pub mod vendor_systems {
    #![doc = include_str!("vendor_systems.md")]
}
pub mod tenants {
    #![doc = include_str!("tenants.md")]
}
pub mod scopes_and_roles {
    #![doc = include_str!("scopes_and_roles.md")]
}
pub mod api_keys {
    #![doc = include_str!("api_keys.md")]
}
pub mod step_up {
    #![doc = include_str!("step_up.md")]
}
pub mod dpop {
    #![doc = include_str!("dpop.md")]
}
pub mod mtls {
    #![doc = include_str!("mtls.md")]
}
pub mod fapi2 {
    #![doc = include_str!("fapi2.md")]
}
pub mod many_instances {
    #![doc = include_str!("many_instances.md")]
}
pub mod grpc {
    #![doc = include_str!("grpc.md")]
}
pub mod mcp {
    #![doc = include_str!("mcp.md")]
}
pub mod configuration {
    #![doc = include_str!("configuration.md")]
}
pub mod behind_a_proxy {
    #![doc = include_str!("behind_a_proxy.md")]
}
pub mod forward_auth {
    #![doc = include_str!("forward_auth.md")]
}
pub mod token_locations {
    #![doc = include_str!("token_locations.md")]
}
pub mod cookies {
    #![doc = include_str!("cookies.md")]
}
pub mod streams {
    #![doc = include_str!("streams.md")]
}
pub mod browsers {
    #![doc = include_str!("browsers.md")]
}
pub mod operations {
    #![doc = include_str!("operations.md")]
}
pub mod limits {
    #![doc = include_str!("limits.md")]
}
pub mod testing {
    #![doc = include_str!("testing.md")]
}
pub mod from_another_crate {
    #![doc = include_str!("from_another_crate.md")]
}
